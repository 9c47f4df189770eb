// The CSV's reader: RFC 4180, one row at a time, with the line of whatever is wrong. A file is read
// in blocks, and rows are split in them without a copy. Leaves out what fields mean.
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

// ---- records ------------------------------------------------------------------------------------

enum { BLOCK = 1 << 16, PLACES = 128 };

// Bytes that are looked at; all others are walked over. After the last one read stands a 0.
static const bool special[256] = {
    [0] = true, ['\n'] = true, ['\r'] = true, [','] = true, ['"'] = true};

// A record is split where it lies in the block: a field becomes a string, whose text is moved down
// only after a doubled quote.
struct record {
  struct csv_reader *reader;
  size_t from, to; // read up to here, written up to here; both from the record's beginning
  size_t start;    // of the field
  int fields;
  bool whole;
  enum why_reason failed; // WHY_ALLOC_FAILED: no memory for so long a record
};

// Reads on, and moves what there is of the record to the block's beginning. False: the file has
// ended, or it failed.
static bool refill(struct record *r) {
  struct csv_reader *reader = r->reader;
  size_t kept = reader->filled - reader->begin;
  if (reader->begin) memmove(reader->block, reader->block + reader->begin, kept);
  reader->begin = 0;
  reader->filled = kept;
  if (kept == reader->size) {
    size_t size = kept ? 2 * kept : BLOCK;
    char *grown = realloc(reader->block, size + 1);
    if (!grown) {
      r->failed = WHY_ALLOC_FAILED;
      return false;
    }
    reader->block = grown;
    reader->size = size;
  }
  size_t got = fread(reader->block + kept, 1, reader->size - kept, reader->file);
  reader->filled += got;
  reader->block[reader->filled] = 0;
  return got > 0;
}

// Of a row only as many fields as there are columns; of the header all.
static void place_field(struct record *r) {
  struct csv_reader *reader = r->reader;
  if (r->fields == reader->places && !reader->names) {
    int places = reader->places ? 2 * reader->places : PLACES;
    size_t *grown = realloc(reader->place, (size_t)places * sizeof *grown);
    if (!grown) {
      r->failed = WHY_ALLOC_FAILED;
      return;
    }
    reader->place = grown;
    reader->places = places;
  }
  if (r->fields < reader->places) reader->place[r->fields] = r->start;
}

static void put(struct record *r, char c) {
  r->reader->block[r->reader->begin + r->to++] = c;
}

static void begin_field(struct record *r) {
  r->start = r->to = r->from;
}

static void end_field(struct record *r) {
  place_field(r);
  put(r, 0);
  r->fields++;
  begin_field(r);
}

// Most of a file: fields without quotes that end with a ','. Where one is to begin, up to the first
// that is not such a field.
static void plain_fields(struct record *r) {
  struct csv_reader *reader = r->reader;
  char *text = reader->block + reader->begin, *at = text + r->from;
  int fields = r->fields, places = reader->places;
  for (char *start = at; fields < places; start = at, fields++) {
    while (!special[(unsigned char)*at]) at++;
    if (*at != ',') {
      at = start;
      break;
    }
    *at++ = 0;
    reader->place[fields] = (size_t)(start - text);
  }
  r->fields = fields;
  r->from = (size_t)(at - text);
  begin_field(r);
}

// True: there was some text before the special byte.
static bool walk(struct record *r) {
  char *text = r->reader->block + r->reader->begin;
  size_t from = r->from;
  while (!special[(unsigned char)text[from]]) from++;
  size_t length = from - r->from;
  if (r->to != r->from) memmove(text + r->to, text + r->from, length);
  r->to += length;
  r->from = from;
  return length > 0;
}

// The special byte; 0: the file has ended, or it failed. A '\r' is known by what follows it.
static char next_byte(struct record *r, bool *zero) {
  struct csv_reader *reader = r->reader;
  size_t at = reader->begin + r->from;
  char c = reader->block[at];
  *zero = !c && at < reader->filled;
  if (*zero) return 0;
  if (c == '\r' && at + 1 == reader->filled) (void)refill(r);
  return c;
}

static enum why_reason split(struct record *r, struct why_error *error) {
  enum { START, PLAIN, QUOTED, CLOSED } state = START;
  struct csv_reader *reader = r->reader;
  bool zero, after = false; // after: text after a closing quote
  while (!r->whole && !r->failed && !after) {
    if (state == START) plain_fields(r);
    if (walk(r)) {
      after = state == CLOSED;
      if (state == START) state = PLAIN;
    }
    char c = next_byte(r, &zero);
    if (zero) return wrong(error, reader->next_line, "a zero byte: this is no text file");
    if (!c && refill(r)) continue;
    if (!c || after) break;
    r->from++;
    if (c == '\n') reader->next_line++;
    if (state == QUOTED) {
      if (c == '"')
        state = CLOSED;
      else
        put(r, c);
    } else if (c == '"' && state == CLOSED) { // two quotes stand for one
      put(r, c);
      state = QUOTED;
    } else if (c == '"' && state == START) {
      state = QUOTED;
      begin_field(r);
    } else if (c == '"') {
      return wrong(error, reader->next_line, "a quote inside a field that does not begin with one");
    } else if (c == ',' || c == '\n') {
      end_field(r);
      state = START;
      r->whole = c == '\n';
    } else if (reader->block[reader->begin + r->from] != '\n') { // a '\r' that ends no line
      after = state == CLOSED;
      put(r, c);
      state = PLAIN;
    }
  }
  if (r->failed || !after) return r->failed;
  return wrong(error, reader->next_line, "text after a closing quote: expected ',' or the end");
}

static enum why_reason read_record(struct record *r, bool *more, struct why_error *error) {
  struct csv_reader *reader = r->reader;
  reader->line = reader->next_line;
  *more = false;
  enum why_reason reason = split(r, error);
  if (reason) return reason;
  if (r->whole) {
    *more = true;
    reader->record = reader->block + reader->begin;
    reader->begin += r->from;
    reader->end += (int64_t)r->from;
    return WHY_OK;
  }
  if (ferror(reader->file))
    return wrong(error, reader->line, "cannot be read: %s", strerror(errno));
  if (!r->from) return WHY_OK;
  reader->cut = true;
  return wrong(error, reader->line,
               "half written: the file ends within this line, after %d fields; without the line "
               "the rest can be read",
               r->fields);
}

// ---- the header and the rows --------------------------------------------------------------------

// The block's first bytes, without the mark that some programs begin UTF-8 with.
static enum why_reason begin(struct record *r) {
  struct csv_reader *reader = r->reader;
  static const char mark[] = {'\xef', '\xbb', '\xbf'};
  (void)refill(r);
  if (reader->filled < sizeof mark || memcmp(reader->block, mark, sizeof mark) != 0)
    return r->failed;
  reader->begin = sizeof mark;
  reader->end = sizeof mark;
  return WHY_OK;
}

static void point(const struct csv_reader *reader, char *text, char **to) {
  for (int i = 0; i < reader->names; i++) to[i] = text + reader->place[i];
}

enum why_reason csv_open(struct csv_reader *reader, FILE *file, struct why_error *error) {
  *reader = (struct csv_reader){.file = file, .next_line = 1, .schema = -1};
  memset(error, 0, sizeof *error);
  struct record record = {.reader = reader};
  bool more;
  enum why_reason reason = begin(&record);
  if (!reason) reason = read_record(&record, &more, error);
  if (!reason && !more) reason = wrong(error, 1, "empty: expected a header with column names");
  if (reason) goto failed;
  reader->names = record.fields;
  reader->name = calloc((size_t)record.fields, sizeof *reader->name);
  reader->field = calloc((size_t)record.fields, sizeof *reader->field);
  reader->header = malloc(record.from + 1);
  if (!reader->name || !reader->field || !reader->header) {
    reason = WHY_ALLOC_FAILED;
    goto failed;
  }
  memcpy(reader->header, reader->record, record.from);
  point(reader, reader->header, reader->name);
  return WHY_OK;
failed:
  csv_reader_free(reader);
  return reason;
}

// That it has these columns; and from now on each row's schema is looked at.
static enum why_reason need(struct csv_reader *reader, const int *column, int columns,
                            struct why_error *error) {
  reader->schema = csv_find(reader, csv_column[CSV_COLUMN_schema].name);
  for (int i = -1; i < columns; i++) { // the schema first
    const char *name = csv_column[i < 0 ? CSV_COLUMN_schema : column ? column[i] : i].name;
    if (csv_find(reader, name) >= 0) continue;
    enum why_reason reason =
        wrong(error, 1, "no column '%s': expected a CSV file that whycpu bench wrote", name);
    csv_reader_free(reader);
    return reason;
  }
  return WHY_OK;
}

enum why_reason csv_open_results(struct csv_reader *reader, FILE *file, struct why_error *error) {
  enum why_reason reason = csv_open(reader, file, error);
  return reason ? reason : need(reader, NULL, CSV_COLUMNS, error);
}

enum why_reason csv_open_some(struct csv_reader *reader, FILE *file, const int *column, int columns,
                              struct why_error *error) {
  enum why_reason reason = csv_open(reader, file, error);
  return reason ? reason : need(reader, column, columns, error);
}

enum why_reason csv_next(struct csv_reader *reader, bool *more, struct why_error *error) {
  struct record record = {.reader = reader};
  *error = (struct why_error){.line = 0};
  enum why_reason reason = read_record(&record, more, error);
  if (reason || !*more) return reason;
  if (record.fields != reader->names)
    return wrong(error, reader->line, "%d fields; the header has %d", record.fields, reader->names);
  point(reader, reader->record, reader->field);
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
  int64_t ahead = end - reader->end;
  bool there = ahead >= 0 && ahead <= (int64_t)(reader->filled - reader->begin); // in the block
  if (!there && fseeko(reader->file, (off_t)end, SEEK_SET)) return errno;
  reader->begin = there ? reader->begin + (size_t)ahead : 0;
  if (!there) reader->block[reader->filled = 0] = 0;
  reader->end = end;
  reader->next_line = next_line;
  reader->cut = false;
  return 0;
}

void csv_reader_free(struct csv_reader *reader) {
  free(reader->name);
  free(reader->field);
  free(reader->place);
  free(reader->header);
  free(reader->block);
  memset(reader, 0, sizeof *reader);
}
