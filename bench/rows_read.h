// Rows of results read back one at a time, from a file of this version or an older one: columns are
// found by name, and what is not there is empty. Numbers are read strictly.
#ifndef BENCH_ROWS_READ_H
#define BENCH_ROWS_READ_H
#include "csv.h"

struct rows_reader {
  struct csv_reader csv;
  int place[CSV_COLUMNS]; // in the file; -1: not there
};
// WHY_OK, WHY_BAD_INPUT (what is wrong, and the line), WHY_ALLOC_FAILED.
enum why_reason rows_open(struct rows_reader *, FILE *, struct why_error *);
// Texts are valid until the next one. *more: false at the end. Where csv.cut is true, all rows but
// the last, which was not finished, have been read.
enum why_reason rows_next(struct rows_reader *, struct csv_row *, bool *more, struct why_error *);
void rows_free(struct rows_reader *); // leaves the file open

#endif
