// Where the rows of a sweep go: a CSV file that loses nothing, standard output, or JSON; and what
// is counted of them for the summary.
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H
#include "csv.h"
#include "files.h"
#include "summary.h"
#include "table.h"

struct results_target {
  const char *path;         // NULL: none
  enum table_format format; // TABLE_TEXT with a path: CSV
  bool printed;             // without a path: to standard output
  bool overwrite;
};
struct results {
  const char *path;
  int64_t rows; // finished
  bool to_csv;
  struct csv_writer csv;
  struct table *table; // JSON
  struct output json;
  struct summary summary;
};
// STATUS_OK, or the status to return, its line printed. An existing file is refused.
int results_open(const struct results_target *, struct results *);
// A sweep's sink: `to` is the results. 0 or an errno.
int results_row(void *to, const struct suite_case *, const struct csv_row *, bool gpu);
// error: what ended the sweep, or 0. STATUS_OK, or the status to return, its line printed.
int results_close(struct results *, int error);

#endif
