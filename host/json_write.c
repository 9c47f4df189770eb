// The JSON writer: straight to a FILE, nothing kept.
#include "json.h"
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void put_string(FILE *file, const char *text) {
  size_t left = strlen(text);
  fputc('"', file);
  while (left) {
    int length = why_utf8_length(text, left);
    unsigned char c = (unsigned char)*text;
    if (!length) {
      fputs("\xef\xbf\xbd", file); // U+FFFD, for a byte that is not UTF-8
      length = 1;
    } else if (c == '"' || c == '\\') {
      fprintf(file, "\\%c", c);
    } else if (c == '\n') {
      fputs("\\n", file);
    } else if (c == '\t') {
      fputs("\\t", file);
    } else if (c < 0x20 || c == 0x7f) {
      fprintf(file, "\\u%04x", c);
    } else {
      fwrite(text, 1, (size_t)length, file);
    }
    text += length;
    left -= (size_t)length;
  }
  fputc('"', file);
}

static void indent(const struct why_json_writer *writer) {
  fputc('\n', writer->file);
  for (int i = 0; i < writer->depth; i++) fputs("  ", writer->file);
}

static void before_value(struct why_json_writer *writer, const char *key) {
  bool one_line = writer->line_depth && writer->depth >= writer->line_depth;
  if (writer->filled) fputs(one_line ? ", " : ",", writer->file);
  if (!one_line && writer->depth > 0) indent(writer);
  if (key) {
    put_string(writer->file, key);
    fputs(": ", writer->file);
  }
  writer->filled = true;
}

void why_json_begin(struct why_json_writer *writer, const char *key, char bracket) {
  before_value(writer, key);
  fputc(bracket, writer->file);
  writer->depth++;
  writer->filled = false;
}

void why_json_begin_line(struct why_json_writer *writer, const char *key, char bracket) {
  why_json_begin(writer, key, bracket);
  if (!writer->line_depth) writer->line_depth = writer->depth;
}

void why_json_end(struct why_json_writer *writer, char bracket) {
  bool one_line = writer->line_depth && writer->depth >= writer->line_depth;
  if (writer->depth == writer->line_depth) writer->line_depth = 0;
  writer->depth--;
  if (writer->filled && !one_line) indent(writer);
  fputc(bracket, writer->file);
  writer->filled = true;
  if (writer->depth == 0) fputc('\n', writer->file);
}

void why_json_text(struct why_json_writer *writer, const char *key, const char *text) {
  before_value(writer, key);
  put_string(writer->file, text);
}

void why_json_number(struct why_json_writer *writer, const char *key, double value) {
  before_value(writer, key);
  if (!isfinite(value)) {
    fputs("null", writer->file);
    return;
  }
  char text[40];
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  // The locale's decimal point may be anything; JSON's is a point.
  const char *point = localeconv()->decimal_point, *found = strstr(text, point);
  if (found && *found)
    fprintf(writer->file, "%.*s.%s", (int)(found - text), text, found + strlen(point));
  else
    fputs(text, writer->file);
}

void why_json_whole(struct why_json_writer *writer, const char *key, int64_t value) {
  before_value(writer, key);
  fprintf(writer->file, "%" PRId64, value);
}

void why_json_bytes(struct why_json_writer *writer, const char *key, uint64_t value) {
  before_value(writer, key);
  fprintf(writer->file, "%" PRIu64, value);
}

void why_json_bool(struct why_json_writer *writer, const char *key, bool value) {
  before_value(writer, key);
  fputs(value ? "true" : "false", writer->file);
}
