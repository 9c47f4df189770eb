// Results on their way out, and the one line that says why they could not be written.
#include "results.h"
#include "program.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int wrong_path(const char *path, int error) {
  bool ours = error == ENOSPC || error == EIO || error == ENOMEM || error == EROFS;
  return ours || !path ? machine_failed("%s: %s", path ? path : "standard output", strerror(error))
                       : request_wrong("%s: %s", path, strerror(error));
}

// *replaces: a regular file is there, and is to be replaced.
static int look(const struct results_target *to, bool *replaces) {
  struct stat is;
  *replaces = false;
  if (!to->path) return STATUS_OK;
  if (stat(to->path, &is)) {
    bool link = errno == ENOENT && !lstat(to->path, &is);
    return link ? request_wrong("%s: a link to nothing; name another file", to->path) : STATUS_OK;
  }
  if (S_ISDIR(is.st_mode)) return wrong_path(to->path, EISDIR);
  if (!S_ISREG(is.st_mode)) return STATUS_OK;
  if (!to->overwrite)
    return request_wrong("%s is there already; name another file, or add --overwrite", to->path);
  // Renaming over it would get round its protection.
  if (access(to->path, W_OK)) return wrong_path(to->path, errno);
  *replaces = true;
  return STATUS_OK;
}

int results_check(const struct results_target *to) {
  bool replaces;
  return look(to, &replaces);
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

static int open_csv(const struct results_target *to, struct results *r) {
  const char *path = to->path;
  int error = r->replaces ? beside_make(path, &r->beside) : 0;
  if (!error && !path)
    error = csv_attach(&r->csv, STDOUT_FILENO);
  else if (!error)
    error = csv_create(&r->csv, r->replaces ? r->beside.part : path);
  r->to_csv = !error;
  if (!error) return STATUS_OK;
  int status = error == EEXIST && r->replaces
                   ? request_wrong("%s is there: rows of a sweep that was cut off, or that still "
                                   "runs; move it or remove it",
                                   r->beside.part)
                   : wrong_path(path, error);
  beside_free(&r->beside);
  return status;
}

int results_open(const struct results_target *to, struct results *r) {
  memset(r, 0, sizeof *r);
  r->path = to->path;
  if (!to->path && !to->printed) return STATUS_OK;
  int status = look(to, &r->replaces);
  if (status) return status;
  return to->format == TABLE_JSON ? open_json(to, r) : open_csv(to, r);
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
  int closed = csv_close(&r->csv);
  if (!error) error = closed;
  if (r->replaces && !r->rows)
    unlink(r->beside.part);
  else if (r->replaces && !error)
    error = beside_move(&r->beside);
  return error;
}

static int close_json(struct results *r, int *error) {
  if (!table_close(r->table) && !*error) *error = errno ? errno : EIO;
  r->table = NULL;
  if (!*error && (r->rows || !r->replaces)) return output_close(&r->json);
  output_abandon(&r->json);
  return STATUS_OK;
}

int results_close(struct results *r, int error) {
  int status = STATUS_OK;
  const char *name = r->path ? r->path : "standard output", *part = "";
  if (r->table) status = close_json(r, &error);
  if (r->to_csv) {
    error = close_csv(r, error);
    if (r->replaces && r->rows) part = r->beside.part;
  }
  if (error && !(error == EPIPE && !r->path)) // a reader of standard output has seen enough
    status = machine_failed("%s: %s; %lld rows before it are kept%s%s", name, strerror(error),
                            r->to_csv ? (long long)r->rows : 0, *part ? " in " : "", part);
  beside_free(&r->beside);
  return status;
}

void results_free(struct results *r) {
  summary_free(&r->summary);
}
