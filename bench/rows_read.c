// From columns by name to rows. See rows_read.h.
#include "rows_read.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Without these no row says where it ran, and why.
static const int needed[] = {
    // clang-format off
    CSV_COLUMN_schema, CSV_COLUMN_run,      CSV_COLUMN_machine,    CSV_COLUMN_op,
    CSV_COLUMN_type,   CSV_COLUMN_dims,     CSV_COLUMN_policy,     CSV_COLUMN_transfer,
    CSV_COLUMN_plan,   CSV_COLUMN_decision, CSV_COLUMN_backend,    CSV_COLUMN_kernel,
    CSV_COLUMN_status, CSV_COLUMN_reason,   CSV_COLUMN_source,     CSV_COLUMN_fallback,
    CSV_COLUMN_median_s, CSV_COLUMN_ci_low_s, CSV_COLUMN_ci_high_s, CSV_COLUMN_predicted_s,
    // clang-format on
};

static enum why_reason refuse(struct rows_reader *r, struct why_error *error, const char *missing) {
  bool blob = csv_find(&r->csv, "Device") >= 0 && csv_find(&r->csv, "Total Seconds") >= 0;
  error->line = 1;
  if (blob)
    snprintf(error->text, sizeof error->text,
             "a file of GPU-BLOB: --import gpu-blob reads it as one");
  else
    snprintf(error->text, sizeof error->text,
             "no column '%s': expected a CSV file that whycpu bench wrote", missing);
  rows_free(r);
  return WHY_BAD_INPUT;
}

enum why_reason rows_open(struct rows_reader *r, FILE *file, struct why_error *error) {
  enum why_reason reason = csv_open(&r->csv, file, error);
  if (reason) return reason;
  for (int i = 0; i < CSV_COLUMNS; i++) r->place[i] = csv_find(&r->csv, csv_column[i].name);
  for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
    if (r->place[needed[i]] < 0) return refuse(r, error, csv_column[needed[i]].name);
  r->csv.schema = r->place[CSV_COLUMN_schema];
  return WHY_OK;
}

// False: the text is no number of that kind.
static bool read_value(enum csv_kind kind, const char *text, void *to) {
  char *end = (char *)text;
  errno = 0;
  switch (kind) {
  case CSV_TEXT:
    *(const char **)to = text;
    return true;
  case CSV_REAL: // "nan" and "inf" are values of `error`
    *(double *)to = strtod(text, &end);
    break;
  case CSV_WHOLE:
    *(int64_t *)to = strtoll(text, &end, 10);
    break;
  case CSV_BYTES:
    if (*text == '-') return false;
    *(uint64_t *)to = strtoull(text, &end, 10);
    break;
  }
  return end != text && !*end && (errno != ERANGE || kind == CSV_REAL);
}

enum why_reason rows_next(struct rows_reader *r, struct csv_row *row, bool *more,
                          struct why_error *error) {
  enum why_reason reason = csv_next(&r->csv, more, error);
  if (reason || !*more) return reason;
  csv_row_clear(row);
  for (int i = 0; i < CSV_COLUMNS; i++) {
    const struct csv_column *column = &csv_column[i];
    if (r->place[i] < 0) continue;
    const char *text = csv_field(&r->csv, r->place[i]);
    if (!*text || read_value(column->kind, text, (char *)row + column->offset)) continue;
    error->line = r->csv.line;
    snprintf(error->text, sizeof error->text, "%s is '%.40s': expected a%s number, or nothing",
             column->name, text, column->kind == CSV_REAL ? "" : " whole");
    return WHY_BAD_INPUT;
  }
  return WHY_OK;
}

void rows_free(struct rows_reader *r) {
  csv_reader_free(&r->csv);
}
