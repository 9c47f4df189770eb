// Where the rows of a sweep go: a CSV file that loses nothing, standard output, or JSON; and what
// is counted of them for the summary.
//
// A new CSV file gets each row at once, so that they outlast a kill. An older file that is to be
// replaced (--overwrite) stays until the sweep has ended and left rows, which are written beside
// it: only then do they take its place. A pipe or a device is written where it is. Another process
// that writes to the same file is refused, from opening to closing.
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
  bool resume; // CSV: goes on with a file that is there; results_continue
};
struct results {
  const char *path;
  int64_t rows; // finished, those that were there before too
  bool to_csv, replaces;
  int held;    // the older file that is to be replaced, kept from other writers; -1: none
  int resumed; // the file to go on with, from results_open to results_continue; -1: none
  struct csv_writer csv;
  struct beside beside; // CSV that replaces a file
  struct table *table;  // JSON
  struct output json;
  struct summary summary;
};
// What can be said before anything runs: a folder is refused, and an existing file without
// `overwrite`. STATUS_OK, or the status to return, its line printed. Makes no file.
int results_check(const struct results_target *);
// Checks too. STATUS_OK, or the status to return, its line printed.
int results_open(const struct results_target *, struct results *);
// With `resume`: cuts the file off after `end` bytes, which hold `rows` rows, and goes on with it.
// STATUS_OK, or the status to return, its line printed.
int results_continue(struct results *, int64_t end, int64_t rows);
// A sweep's sink: `to` is the results. 0 or an errno.
int results_row(void *to, const struct suite_case *, const struct csv_row *, bool gpu);
// error: what ended the sweep, or 0. STATUS_OK, or the status to return, its line printed.
// Rows that were written beside an older file and could not take its place are left there.
int results_close(struct results *, int error);
void results_free(struct results *); // the summary; after results_close

#endif
