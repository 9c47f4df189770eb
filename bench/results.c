// Results on their way out, and the one line that says why they could not be written.
#include "results.h"
#include "program.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static int already_there(const char *path) {
  return request_wrong("%s is there already; name another file, or add --overwrite", path);
}

static int open_json(const struct results_target *to, struct results *r) {
  static struct table_column column[CSV_COLUMNS];
  for (int i = 0; i < CSV_COLUMNS; i++) column[i].name = csv_column[i].name;
  if (to->path && !to->overwrite && !access(to->path, F_OK)) return already_there(to->path);
  int status = output_open(to->path, &r->json);
  if (status) return status;
  r->table = table_open(r->json.file, TABLE_JSON, column, CSV_COLUMNS);
  if (r->table) return STATUS_OK;
  output_abandon(&r->json);
  return machine_failed("out of memory");
}

static int open_csv(const struct results_target *to, struct results *r) {
  const char *path = to->path;
  if (path && to->overwrite && unlink(path) && errno != ENOENT)
    return machine_failed("%s: %s", path, strerror(errno));
  int error = path ? csv_create(&r->csv, path) : csv_attach(&r->csv, STDOUT_FILENO);
  r->to_csv = !error;
  if (!error) return STATUS_OK;
  if (error == EEXIST) return already_there(path);
  bool request = error == ENOENT || error == EACCES || error == ENOTDIR || error == EISDIR;
  const char *name = path ? path : "standard output";
  return request ? request_wrong("%s: %s", name, strerror(error))
                 : machine_failed("%s: %s", name, strerror(error));
}

int results_open(const struct results_target *to, struct results *r) {
  memset(r, 0, sizeof *r);
  r->path = to->path;
  if (!to->path && !to->printed) return STATUS_OK;
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

int results_close(struct results *r, int error) {
  int status = STATUS_OK;
  const char *name = r->path ? r->path : "standard output";
  if (r->to_csv) {
    int closed = csv_close(&r->csv);
    if (!error) error = closed;
  }
  if (r->table && !table_close(r->table) && !error) error = errno ? errno : EIO;
  if (r->table && error)
    output_abandon(&r->json);
  else if (r->table)
    status = output_close(&r->json);
  summary_free(&r->summary);
  if (error == EPIPE && !r->path) return STATUS_OK; // the reader has seen enough
  if (error)
    return machine_failed("%s: %s; %lld rows before it are kept", name, strerror(error),
                          r->to_csv ? (long long)r->rows : 0);
  return status;
}
