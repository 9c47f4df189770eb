// The CSV's reader: RFC 4180, one row at a time, with the line of whatever is wrong.
#include "csv.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static enum why_reason wrong(struct why_error *error, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum why_reason wrong(struct why_error *error, int line, const char *format, ...) {
  error->line = line;
  error->column = 0;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  return WHY_BAD_INPUT;
}

// Reads one record into text as strings one after another, and counts them.
struct record {
  char *text;
  size_t size, length;
  int fields;
  bool memory; // ran out of it
};

static void put(struct record *r, char c) {
  if (r->length == r->size) {
    size_t size = r->size ? 2 * r->size : 4096;
    char *grown = realloc(r->text, size);
    if (!grown) {
      r->memory = true;
      return;
    }
    r->text = grown;
    r->size = size;
  }
  r->text[r->length++] = c;
}

static void end_field(struct record *r) {
  put(r, 0);
  r->fields++;
}

static enum why_reason read_record(struct csv_reader *reader, struct record *r, bool *more,
                                   struct why_error *error) {
  FILE *file = reader->file;
  enum { START, PLAIN, QUOTED, CLOSED } state = START;
  int c;
  reader->line = reader->next_line;
  *more = false;
  while ((c = getc_unlocked(file)) != EOF && !r->memory) {
    *more = true;
    reader->end++;
    if (c == '\n') reader->next_line++;
    if (c == 0) return wrong(error, reader->next_line, "a zero byte: this is no text file");
    if (state == QUOTED) {
      if (c == '"')
        state = CLOSED;
      else
        put(r, (char)c);
    } else if (c == '"' && state == CLOSED) { // two quotes stand for one
      put(r, '"');
      state = QUOTED;
    } else if (c == '"' && state == START) {
      state = QUOTED;
    } else if (c == '"') {
      return wrong(error, reader->next_line, "a quote inside a field that does not begin with one");
    } else if (c == ',') {
      end_field(r);
      state = START;
    } else if (c == '\n') {
      end_field(r);
      return r->memory ? WHY_ALLOC_FAILED : WHY_OK;
    } else if (c == '\r') { // of a line's end
      int next = getc_unlocked(file);
      ungetc(next, file);
      if (next != '\n') put(r, (char)c);
    } else if (state == CLOSED) {
      return wrong(error, reader->next_line, "text after a closing quote: expected ',' or the end");
    } else {
      put(r, (char)c);
      state = PLAIN;
    }
  }
  if (r->memory) return WHY_ALLOC_FAILED;
  if (ferror(file)) return wrong(error, reader->line, "cannot be read: %s", strerror(errno));
  if (!*more) return WHY_OK;
  reader->cut = true;
  return wrong(error, reader->line,
               "half written: the file ends within this line, after %d fields; without the line "
               "the rest can be read",
               r->fields);
}

static void point(const char *text, int fields, char **to) {
  for (int i = 0; i < fields; i++) {
    to[i] = (char *)text;
    text += strlen(text) + 1;
  }
}

enum why_reason csv_open(struct csv_reader *reader, FILE *file, struct why_error *error) {
  *reader = (struct csv_reader){.file = file, .next_line = 1, .schema = -1};
  memset(error, 0, sizeof *error);
  struct record record = {0};
  bool more;
  enum why_reason reason = read_record(reader, &record, &more, error);
  reader->header = record.text;
  if (!reason && !more) reason = wrong(error, 1, "empty: expected a header with column names");
  if (reason) goto failed;
  reader->names = record.fields;
  reader->name = calloc((size_t)record.fields, sizeof *reader->name);
  reader->field = calloc((size_t)record.fields, sizeof *reader->field);
  if (!reader->name || !reader->field) {
    reason = WHY_ALLOC_FAILED;
    goto failed;
  }
  point(reader->header, reader->names, reader->name);
  return WHY_OK;
failed:
  csv_reader_free(reader);
  return reason;
}

enum why_reason csv_open_results(struct csv_reader *reader, FILE *file, struct why_error *error) {
  enum why_reason reason = csv_open(reader, file, error);
  if (reason) return reason;
  reader->schema = csv_find(reader, "schema");
  for (int i = 0; i < CSV_COLUMNS && !reason; i++)
    if (csv_find(reader, csv_column[i].name) < 0)
      reason = wrong(error, 1, "no column '%s': expected a CSV file that whycpu bench wrote",
                     csv_column[i].name);
  if (reason) csv_reader_free(reader);
  return reason;
}

enum why_reason csv_next(struct csv_reader *reader, bool *more, struct why_error *error) {
  struct record record = {.text = reader->text, .size = reader->text_size};
  memset(error, 0, sizeof *error);
  enum why_reason reason = read_record(reader, &record, more, error);
  reader->text = record.text;
  reader->text_size = record.size;
  if (reason || !*more) return reason;
  if (record.fields != reader->names)
    return wrong(error, reader->line, "%d fields; the header has %d", record.fields, reader->names);
  point(reader->text, reader->names, reader->field);
  if (reader->schema >= 0 && strtol(reader->field[reader->schema], NULL, 10) != CSV_SCHEMA)
    return wrong(error, reader->line, "schema '%s'; this whycpu reads schema %d",
                 reader->field[reader->schema], CSV_SCHEMA);
  return WHY_OK;
}

int csv_find(const struct csv_reader *reader, const char *column) {
  for (int i = 0; i < reader->names; i++)
    if (!strcmp(reader->name[i], column)) return i;
  return -1;
}

const char *csv_field(const struct csv_reader *reader, int column) {
  return reader->field[column];
}

bool csv_ours(const struct csv_reader *reader) {
  if (reader->names != CSV_COLUMNS) return false;
  for (int i = 0; i < CSV_COLUMNS; i++)
    if (strcmp(reader->name[i], csv_column[i].name) != 0) return false;
  return true;
}

void csv_row_read(const struct csv_reader *reader, struct csv_row *row) {
  csv_row_clear(row);
  for (int i = 0; i < CSV_COLUMNS; i++) {
    void *to = (char *)row + csv_column[i].offset;
    const char *text = reader->field[i];
    if (!*text) continue;
    switch (csv_column[i].kind) {
    case CSV_TEXT:
      *(const char **)to = text;
      break;
    case CSV_REAL:
      *(double *)to = strtod(text, NULL);
      break;
    case CSV_WHOLE:
      *(int64_t *)to = strtoll(text, NULL, 10);
      break;
    case CSV_BYTES:
      *(uint64_t *)to = strtoull(text, NULL, 10);
      break;
    }
  }
}

int csv_seek(struct csv_reader *reader, int64_t end, int next_line) {
  if (fseeko(reader->file, (off_t)end, SEEK_SET)) return errno;
  reader->end = end;
  reader->next_line = next_line;
  reader->cut = false;
  return 0;
}

void csv_reader_free(struct csv_reader *reader) {
  free(reader->name);
  free(reader->field);
  free(reader->header);
  free(reader->text);
  memset(reader, 0, sizeof *reader);
}
