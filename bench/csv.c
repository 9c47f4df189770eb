// The CSV's columns and its writer. A row is formatted in memory and handed to the system in one
// piece.
#include "csv.h"
#include "table.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

const struct csv_column csv_column[CSV_COLUMNS] = {
#define X(kind, column, member, help) {#column, help, CSV_##kind, offsetof(struct csv_row, member)},
#include "columns.def"
#undef X
};

void csv_row_clear(struct csv_row *row) {
#define CSV_EMPTY_TEXT ""
#define CSV_EMPTY_REAL NAN
#define CSV_EMPTY_WHOLE CSV_NONE
#define CSV_EMPTY_BYTES WHY_UNLIMITED
#define X(kind, column, member, help) row->member = CSV_EMPTY_##kind;
#include "columns.def"
#undef X
}

// ---- text ---------------------------------------------------------------------------------------

struct text {
  struct csv_writer *writer;
  size_t length;
  int error;
};

static char *room(struct text *t, size_t more) {
  struct csv_writer *w = t->writer;
  if (t->length + more > w->size) {
    size_t size = 2 * (t->length + more);
    char *grown = realloc(w->text, size);
    if (!grown) {
      t->error = ENOMEM;
      return NULL;
    }
    w->text = grown;
    w->size = size;
  }
  return w->text + t->length;
}

static void put(struct text *t, const char *text, size_t length) {
  char *to = room(t, length);
  if (!to) return;
  memcpy(to, text, length);
  t->length += length;
}

static void put_text(struct text *t, const char *text) {
  if (!text[strcspn(text, ",\"\r\n")]) {
    put(t, text, strlen(text));
    return;
  }
  put(t, "\"", 1);
  for (const char *quote; (quote = strchr(text, '"')); text = quote + 1) {
    put(t, text, (size_t)(quote - text));
    put(t, "\"\"", 2);
  }
  put(t, text, strlen(text));
  put(t, "\"", 1);
}

// NAN is no value. But the error of a result that was checked is evidence, whatever it is: nan and
// inf, as strtod and Python's float read them.
static void real_text(const struct csv_column *column, const struct csv_row *row, double value,
                      char *out, size_t size) {
  bool checked = column == &csv_column[CSV_COLUMN_error] && row->verified && *row->verified;
  if (isfinite(value))
    number_text(value, out, size);
  else if (checked)
    snprintf(out, size, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

const char *csv_cell(const struct csv_row *row, int i, char number[CSV_NUMBER]) {
  const struct csv_column *column = &csv_column[i];
  const void *at = (const char *)row + column->offset;
  const char *text;
  number[0] = 0;
  switch (column->kind) {
  case CSV_TEXT:
    text = *(const char *const *)at;
    return text ? text : "";
  case CSV_REAL:
    real_text(column, row, *(const double *)at, number, CSV_NUMBER);
    break;
  case CSV_WHOLE:
    if (*(const int64_t *)at != CSV_NONE)
      snprintf(number, CSV_NUMBER, "%lld", (long long)*(const int64_t *)at);
    break;
  case CSV_BYTES:
    if (*(const uint64_t *)at != WHY_UNLIMITED)
      snprintf(number, CSV_NUMBER, "%llu", (unsigned long long)*(const uint64_t *)at);
    break;
  }
  return number;
}

// ---- file ---------------------------------------------------------------------------------------

static int write_all(struct csv_writer *w, size_t length) {
  size_t done = 0;
  int error = 0;
  while (done < length && !error) {
    ssize_t wrote = write(w->file, w->text + done, length - done);
    if (wrote >= 0)
      done += (size_t)wrote;
    else if (errno != EINTR)
      error = errno;
  }
  if (!error)
    w->end += (int64_t)length;
  else if (done && w->regular && ftruncate(w->file, w->end))
    return error; // what could not be cut off is a half-written line, which readers report
  return error;
}

static int write_header(struct csv_writer *w) {
  struct text t = {w};
  for (int i = 0; i < CSV_COLUMNS; i++) {
    if (i) put(&t, ",", 1);
    put_text(&t, csv_column[i].name);
  }
  put(&t, "\n", 1);
  return t.error ? t.error : write_all(w, t.length);
}

int csv_create(struct csv_writer *w, const char *path) {
  memset(w, 0, sizeof *w);
  w->file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  // A device such as /dev/stdout is always there; only a regular file could be somebody's results.
  struct stat status;
  int error = w->file < 0 ? errno : 0;
  bool made = !error;
  // Where the file system has no locks, nothing is kept out, and the sweep goes on.
  if (made && flock(w->file, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
    close(w->file);
    return EBUSY;
  }
  if (error == EEXIST && !stat(path, &status) && !S_ISREG(status.st_mode)) {
    w->file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    error = w->file < 0 ? errno : 0;
  }
  if (error) return error;
  w->owned = true;
  w->regular = !fstat(w->file, &status) && S_ISREG(status.st_mode);
  error = write_header(w);
  if (error && made) unlink(path); // without a header it would only be in the way
  if (error) csv_close(w);
  return error;
}

int csv_attach(struct csv_writer *w, int file) {
  memset(w, 0, sizeof *w);
  w->file = file;
  int error = write_header(w);
  if (error) csv_close(w); // which leaves the file open: it is not ours
  return error;
}

int csv_continue(struct csv_writer *w, int file, int64_t end) {
  memset(w, 0, sizeof *w);
  w->file = file;
  w->owned = w->regular = true;
  w->end = end;
  int error = ftruncate(file, end) ? errno : 0;
  if (!error && !end) error = write_header(w);
  if (error) csv_close(w);
  return error;
}

int csv_write(struct csv_writer *w, const struct csv_row *row) {
  struct text t = {w};
  char number[CSV_NUMBER];
  for (int i = 0; i < CSV_COLUMNS; i++) {
    if (i) put(&t, ",", 1);
    put_text(&t, csv_cell(row, i, number));
  }
  put(&t, "\n", 1);
  int error = t.error ? t.error : write_all(w, t.length);
  if (!error) w->rows++;
  return error;
}

int csv_close(struct csv_writer *w) {
  int error = w->owned && close(w->file) ? errno : 0;
  free(w->text);
  memset(w, 0, sizeof *w);
  w->file = -1;
  return error;
}
