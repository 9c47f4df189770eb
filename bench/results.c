// Results on their way out, and the one line that says why they could not be written.
#include "results.h"
#include "program.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int wrong_path(const char *path, int error) {
  bool ours = error == ENOSPC || error == EIO || error == ENOMEM || error == EROFS ||
              error == EDQUOT || error == EFBIG;
  return ours || !path ? machine_failed("%s: %s", path ? path : "standard output", strerror(error))
                       : request_wrong("%s: %s", path, strerror(error));
}

static int busy(const char *path) {
  char holder[FILE_HOLDER];
  file_holder(path, holder);
  return request_wrong("%s is being written by another sweep%s", path, holder);
}

// Nobody else may write to it, nor to what is to take its place.
static int look_for_writers(const struct results_target *to) {
  struct beside beside;
  int status = STATUS_OK, error = beside_make(to->path, &beside);
  if (error) return wrong_path(to->path, error);
  if (file_busy(to->path))
    status = busy(to->path);
  else if (file_busy(beside.part))
    status = busy(beside.part);
  else if (to->resume && !access(beside.part, F_OK))
    status = request_wrong("%s is there: rows that were to replace %s; --resume %s goes on with "
                           "them, or remove it",
                           beside.part, to->path, beside.part);
  beside_free(&beside);
  return status;
}

// *there: a regular file, to be replaced or to go on with.
static int look(const struct results_target *to, bool *there) {
  struct stat is;
  *there = false;
  if (!to->path) return STATUS_OK;
  if (stat(to->path, &is)) {
    bool link = errno == ENOENT && !lstat(to->path, &is);
    if (link) return request_wrong("%s: a link to nothing; name another file", to->path);
    if (errno == ENOENT && to->resume)
      return request_wrong("--resume %s: there is no such file; -o %s begins a sweep", to->path,
                           to->path);
    return look_for_writers(to);
  }
  if (S_ISDIR(is.st_mode)) return wrong_path(to->path, EISDIR);
  if (!S_ISREG(is.st_mode) && to->resume)
    return request_wrong("--resume %s: expected a file with the rows of a sweep", to->path);
  if (!S_ISREG(is.st_mode)) return STATUS_OK;
  int status = look_for_writers(to);
  if (status) return status;
  if (!to->overwrite && !to->resume)
    return request_wrong("%s is there already; name another file, or add --overwrite", to->path);
  // Renaming over it would get round its protection.
  if (access(to->path, W_OK)) return wrong_path(to->path, errno);
  *there = true;
  return STATUS_OK;
}

int results_check(const struct results_target *to) {
  bool there;
  return look(to, &there);
}

static void let_go(int *file) {
  if (*file >= 0) close(*file);
  *file = -1;
}

// Opens a file that is there, and keeps others from it.
static int hold(const char *path, int *file) {
  *file = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
  if (*file < 0) return wrong_path(path, errno);
  if (!file_lock(*file, path)) return STATUS_OK;
  let_go(file);
  return busy(path);
}

static int open_json(const struct results_target *to, struct results *r) {
  static struct table_column column[CSV_COLUMNS];
  for (int i = 0; i < CSV_COLUMNS; i++) column[i].name = csv_column[i].name;
  int status = output_open_said(to->path, to->path, &r->json);
  if (status) return status;
  r->table = table_open(r->json.file, TABLE_JSON, column, CSV_COLUMNS);
  if (r->table) return STATUS_OK;
  output_abandon(&r->json);
  return machine_failed("out of memory");
}

static int cannot_make(const char *path, const struct results *r, int error) {
  const char *part = r->replaces ? r->beside.part : path;
  if (error == EBUSY || (error == EEXIST && file_busy(part))) return busy(part);
  if (error == EEXIST && r->replaces)
    return request_wrong("%s is there: rows of a sweep that was cut off; --resume %s goes on with "
                         "it, or remove it",
                         part, part);
  return wrong_path(path, error);
}

static int open_csv(const struct results_target *to, struct results *r) {
  const char *path = to->path;
  int error = r->replaces ? beside_make(path, &r->beside) : 0;
  if (!error && !path)
    error = csv_attach(&r->csv, STDOUT_FILENO);
  else if (!error)
    error = csv_create(&r->csv, r->replaces ? r->beside.part : path);
  r->to_csv = !error;
  if (!error) return STATUS_OK;
  int status = cannot_make(path, r, error);
  beside_free(&r->beside);
  return status;
}

int results_open(const struct results_target *to, struct results *r) {
  memset(r, 0, sizeof *r);
  r->path = to->path;
  r->held = r->resumed = -1;
  if (!to->path && !to->printed) return STATUS_OK;
  signal(SIGXFSZ, SIG_IGN); // a file grown to its limit is an error of write(), as a full disk is
  bool there;
  int status = look(to, &there);
  if (status) return status;
  if (to->path && to->resume) return hold(to->path, &r->resumed);
  r->replaces = there;
  if (there && (status = hold(to->path, &r->held))) return status;
  status = to->format == TABLE_JSON ? open_json(to, r) : open_csv(to, r);
  if (status) let_go(&r->held);
  return status;
}

int results_continue(struct results *r, int64_t end, int64_t rows) {
  int error = csv_continue(&r->csv, r->resumed, end);
  r->resumed = -1;
  if (error) return wrong_path(r->path, error);
  r->to_csv = true;
  r->rows = rows;
  return STATUS_OK;
}

static void put_value(struct table *table, const struct csv_column *column,
                      const struct csv_row *row) {
  const void *at = (const char *)row + column->offset;
  const char *text;
  switch (column->kind) {
  case CSV_TEXT:
    text = *(const char *const *)at;
    table_string(table, text && *text ? text : NULL);
    return;
  case CSV_REAL:
    table_number(table, *(const double *)at);
    return;
  case CSV_WHOLE:
    if (*(const int64_t *)at == CSV_NONE)
      table_none(table);
    else
      table_integer(table, *(const int64_t *)at);
    return;
  case CSV_BYTES:
    if (*(const uint64_t *)at == WHY_UNLIMITED)
      table_none(table);
    else
      table_unsigned(table, *(const uint64_t *)at);
    return;
  }
}

int results_row(void *to, const struct suite_case *item, const struct csv_row *row, bool gpu) {
  struct results *r = to;
  int error = r->to_csv ? csv_write(&r->csv, row) : 0;
  for (int i = 0; r->table && i < CSV_COLUMNS; i++) put_value(r->table, &csv_column[i], row);
  if (!error) r->rows++;
  return error ? error : summary_add(&r->summary, item, row, gpu);
}

// Closes the CSV and lets it take its place. `error` as it came, or what went wrong now.
static int close_csv(struct results *r, int error) {
  int kept_from_others = r->replaces ? dup(r->csv.file) : -1; // until it is in its place
  int closed = csv_close(&r->csv);
  if (!error) error = closed;
  if (r->replaces && !r->rows)
    unlink(r->beside.part);
  else if (r->replaces && !error)
    error = beside_move(&r->beside);
  let_go(&kept_from_others);
  return error;
}

static int close_json(struct results *r, int *error) {
  if (!table_close(r->table) && !*error) *error = errno ? errno : EIO;
  r->table = NULL;
  if (!*error && (r->rows || !r->replaces)) return output_close(&r->json);
  output_abandon(&r->json);
  return STATUS_OK;
}

// What could not be written, and how to go on.
static int say_lost(const struct results *r, bool regular, int error) {
  const char *name = r->path ? r->path : "standard output", *file = regular ? r->path : NULL;
  bool beside = file && r->replaces && r->rows;
  if (beside) file = r->beside.part;
  return machine_failed("%s: %s; %lld rows before it are kept%s%s%s%s%s", name, strerror(error),
                        r->to_csv ? (long long)r->rows : 0, beside ? " in " : "",
                        beside ? file : "", file ? "; --resume " : "", file ? file : "",
                        file ? " with the same options goes on after them" : "");
}

int results_close(struct results *r, int error) {
  int status = STATUS_OK;
  bool regular = r->to_csv && r->csv.regular;
  if (r->table) status = close_json(r, &error);
  if (r->to_csv) error = close_csv(r, error);
  if (error && !(error == EPIPE && !r->path)) // a reader of standard output has seen enough
    status = say_lost(r, regular, error);
  beside_free(&r->beside);
  let_go(&r->held);
  let_go(&r->resumed);
  return status;
}

void results_free(struct results *r) {
  summary_free(&r->summary);
}
