// Rows of comma separated values (RFC 4180), split where they lie in memory: what ended a cell
// becomes a NUL, so nothing is allocated and a cell lives as long as the bytes.
#ifndef WHY_CSV_ROWS_H
#define WHY_CSV_ROWS_H
#include <stddef.h>

struct csv_rows {
  char *at, *end;
  int row;           // the last one given, from 1
  const char *fault; // why the rows ended before the bytes; NULL
};
// One byte more than `length` is written to.
struct csv_rows csv_rows_of(char *bytes, size_t length);
// How many cells the next row has; 0 at the end, and where a row is malformed or has more than
// `most`.
int csv_rows_next(struct csv_rows *, char **cell, int most);
#endif
