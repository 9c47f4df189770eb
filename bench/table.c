// The table writer. CSV and JSON rows go out as they are given; text is kept until the end, because
// a column is as wide as its widest cell. Leaves out wrapping: the last column is never padded.
#include "table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct cell {
  char *text; // NULL: no value
  bool number;
};

struct table {
  FILE *file;
  enum table_format format;
  const struct table_column *column;
  int columns;
  int at;        // the column that comes next
  uint64_t rows; // finished or begun
  struct cell *cell;
  size_t cells, capacity; // of text
  bool failed;            // out of memory
};

// ---- values -----------------------------------------------------------------------------------

void number_text(double value, char *out, size_t size) {
  for (int digits = 15; digits <= 17; digits++) { // %g drops trailing zeros: 0.1 is short at 15
    snprintf(out, size, "%.*g", digits, value);
    if (strtod(out, NULL) == value) return;
  }
}

void unit_text(double value, enum table_unit unit, char *out, size_t size) {
  static const struct {
    double base;
    int least, most; // exponents of `name`
    const char *name[7];
  } scale[] = {
      [TABLE_BYTES] = {1024, 0, 5, {"B", "KiB", "MiB", "GiB", "TiB", "PiB"}},
      [TABLE_SECONDS] = {1000, -3, 0, {"ns", "us", "ms", "s"}},
      [TABLE_BYTES_PER_SECOND] = {1000, 0, 4, {"B/s", "kB/s", "MB/s", "GB/s", "TB/s"}},
      [TABLE_FLOPS_PER_SECOND] =
          {1000, 0, 5, {"FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s"}},
  };
  if (unit == TABLE_PLAIN) {
    snprintf(out, size, fabs(value) < 1e15 && value == rint(value) ? "%.0f" : "%.4g", value);
    return;
  }
  double base = scale[unit].base, lowest = pow(base, scale[unit].least);
  int step = 0, steps = scale[unit].most - scale[unit].least;
  double shown = value / lowest;
  // What would be written as 1024 or 1000 belongs to the next unit.
  while (step < steps && fabs(shown) >= base * 0.9995) shown /= base, step++;
  int digits = shown == rint(shown) || fabs(shown) >= 999.5 ? 0
               : fabs(shown) >= 99.95                       ? 1
               : fabs(shown) >= 9.995                       ? 2
                                                            : 3;
  // Three digits suffice for a measured value, and four for memory, where 1.5 GiB is exact.
  if (unit != TABLE_BYTES && digits > 0) digits--;
  snprintf(out, size, "%.*f", digits, shown);
  if (strchr(out, '.')) { // 1.500 is 1.5
    char *end = out + strlen(out);
    while (end[-1] == '0') *--end = 0;
    if (end[-1] == '.') *--end = 0;
  }
  size_t used = strlen(out);
  snprintf(out + used, size - used, " %s", scale[unit].name[step]);
}

void csv_string(FILE *file, const char *text) {
  bool plain = !strpbrk(text, ",\"\r\n") && text[0] != ' ' &&
               (text[0] == 0 || text[strlen(text) - 1] != ' ');
  if (plain) {
    fputs(text, file);
    return;
  }
  putc('"', file);
  for (const char *c = text; *c; c++) {
    if (*c == '"') putc('"', file);
    putc(*c, file);
  }
  putc('"', file);
}

// RFC 3629: no overlong forms, no surrogates, at most U+10FFFF.
int utf8_length(const char *text) {
  const unsigned char *c = (const unsigned char *)text;
  if (c[0] < 0x80) return 1;
  int length = c[0] >= 0xc2 && c[0] < 0xe0   ? 2
               : c[0] >= 0xe0 && c[0] < 0xf0 ? 3
               : c[0] >= 0xf0 && c[0] < 0xf5 ? 4
                                             : 0;
  for (int i = 1; i < length; i++)
    if ((c[i] & 0xc0) != 0x80) return 0;
  if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] >= 0xa0) ||
      (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] >= 0x90))
    return 0;
  return length;
}

void json_string(FILE *file, const char *text) {
  putc('"', file);
  for (const unsigned char *c = (const unsigned char *)text; *c;) {
    int length = utf8_length((const char *)c);
    if (length == 0) {
      fputs("\\ufffd", file);
      c++;
      continue;
    }
    if (*c == '"' || *c == '\\')
      fprintf(file, "\\%c", *c);
    else if (*c == '\n')
      fputs("\\n", file);
    else if (*c == '\t')
      fputs("\\t", file);
    else if (*c < 0x20 || *c == 0x7f)
      fprintf(file, "\\u%04x", *c);
    else
      fwrite(c, 1, (size_t)length, file);
    c += length;
  }
  putc('"', file);
}

// ---- cells ------------------------------------------------------------------------------------

static void keep(struct table *t, const char *text, bool number) {
  if (t->cells == t->capacity) {
    size_t capacity = t->capacity ? 2 * t->capacity : 256;
    struct cell *grown = realloc(t->cell, capacity * sizeof *grown);
    if (!grown) {
      t->failed = true;
      return;
    }
    t->cell = grown;
    t->capacity = capacity;
  }
  char *copy = NULL;
  if (text && !(copy = strdup(text))) {
    t->failed = true;
    return;
  }
  for (char *c = copy; c && *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = ' '; // a row is a line
  t->cell[t->cells++] = (struct cell){copy, number};
}

// `text` NULL: no value. `bare`: a number or a word of JSON's own, never quoted.
static void put(struct table *t, const char *text, bool bare) {
  if (t->failed) return;
  if (t->at == 0) t->rows++;
  if (t->format == TABLE_TEXT) {
    keep(t, text, bare);
  } else if (t->format == TABLE_CSV) {
    if (t->at) putc(',', t->file);
    if (text) csv_string(t->file, text);
  } else {
    if (t->at == 0) fputs(t->rows > 1 ? ",\n {" : "\n {", t->file);
    if (t->at) fputs(", ", t->file);
    json_string(t->file, t->column[t->at].name);
    fputs(": ", t->file);
    if (!text || bare)
      fputs(text ? text : "null", t->file);
    else
      json_string(t->file, text);
  }
  if (++t->at < t->columns) return;
  t->at = 0;
  if (t->format == TABLE_CSV) fputs("\r\n", t->file);
  if (t->format == TABLE_JSON) putc('}', t->file);
}

struct table *table_open(FILE *file, enum table_format format, const struct table_column *column,
                         int columns) {
  struct table *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  *t = (struct table){.file = file, .format = format, .column = column, .columns = columns};
  if (format == TABLE_CSV) {
    for (int i = 0; i < columns; i++) {
      if (i) putc(',', file);
      csv_string(file, column[i].name);
    }
    fputs("\r\n", file);
  } else if (format == TABLE_JSON) {
    putc('[', file);
  } else {
    for (int i = 0; i < columns; i++) keep(t, column[i].name, false);
  }
  return t;
}

void table_string(struct table *t, const char *text) {
  put(t, text, false);
}
void table_none(struct table *t) {
  put(t, NULL, false);
}

void table_bool(struct table *t, bool value) {
  if (t->format == TABLE_TEXT)
    put(t, value ? "yes" : "no", false);
  else
    put(t, value ? "true" : "false", true);
}

// The text form of a number in the next column's unit; the others take `digits`.
static void put_number(struct table *t, double value, const char *digits) {
  char text[64];
  if (t->format == TABLE_TEXT && t->column[t->at].unit != TABLE_PLAIN) {
    unit_text(value, t->column[t->at].unit, text, sizeof text);
    digits = text;
  }
  put(t, digits, true);
}

void table_integer(struct table *t, int64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)value);
  put_number(t, (double)value, text);
}

void table_unsigned(struct table *t, uint64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%llu", (unsigned long long)value);
  put_number(t, (double)value, text);
}

void table_number(struct table *t, double value) {
  char text[64];
  if (!isfinite(value)) {
    table_none(t);
    return;
  }
  if (t->format == TABLE_TEXT)
    unit_text(value, TABLE_PLAIN, text, sizeof text);
  else
    number_text(value, text, sizeof text);
  put_number(t, value, text);
}

// ---- text -------------------------------------------------------------------------------------

static int shown_width(const char *text) { // in characters, one column each
  int width = 0;
  for (const char *c = text; c && *c; c++) width += ((unsigned char)*c & 0xc0) != 0x80;
  return width;
}

static void write_text(struct table *t) {
  size_t columns = (size_t)t->columns, rows = t->cells / columns;
  struct {
    int width;
    bool number; // all its values are: set to the right
  } *look = calloc(columns, sizeof *look);
  if (!look) {
    t->failed = true;
    return;
  }
  for (size_t i = 0; i < columns; i++) look[i].number = true;
  for (size_t i = 0; i < rows * columns; i++) {
    int width = shown_width(t->cell[i].text);
    if (width > look[i % columns].width) look[i % columns].width = width;
    if (i >= columns && t->cell[i].text && !t->cell[i].number) look[i % columns].number = false;
  }
  for (size_t row = 0; row < rows; row++) {
    const struct cell *cell = t->cell + row * columns;
    size_t last = columns; // nothing stands after it: no trailing spaces
    while (last > 0 && (!cell[last - 1].text || !*cell[last - 1].text)) last--;
    for (size_t i = 0; i < last; i++) {
      int pad = look[i].width - shown_width(cell[i].text);
      bool after = !look[i].number && i + 1 < last;
      fprintf(t->file, "%s%*s%s%*s", i ? "  " : "", look[i].number ? pad : 0, "",
              cell[i].text ? cell[i].text : "", after ? pad : 0, "");
    }
    putc('\n', t->file);
  }
  free(look);
}

bool table_close(struct table *t) {
  if (!t) return false;
  if (t->format == TABLE_JSON) fputs(t->rows ? "\n]\n" : "]\n", t->file);
  if (t->format == TABLE_TEXT && !t->failed) write_text(t);
  bool well = !t->failed && fflush(t->file) == 0 && !ferror(t->file);
  for (size_t i = 0; i < t->cells; i++) free(t->cell[i].text);
  free(t->cell);
  free(t);
  return well;
}
