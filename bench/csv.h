// The CSV of results (RFC 4180, UTF-8): a row, its writer and its reader. columns.def has the
// columns.
#ifndef BENCH_CSV_H
#define BENCH_CSV_H
#include "whycpu.h"
#include <stdbool.h>

#define CSV_SCHEMA 1
#define CSV_NONE INT64_MIN

enum csv_kind { CSV_TEXT, CSV_REAL, CSV_WHOLE, CSV_BYTES };

struct csv_row { // texts are borrowed
#define CSV_MEMBER_TEXT const char *
#define CSV_MEMBER_REAL double
#define CSV_MEMBER_WHOLE int64_t
#define CSV_MEMBER_BYTES uint64_t
#define X(kind, column, member, help) CSV_MEMBER_##kind member;
#include "columns.def"
#undef X
};

enum {
#define X(kind, column, member, help) CSV_COLUMN_##member,
#include "columns.def"
#undef X
  CSV_COLUMNS
};

struct csv_column {
  const char *name, *help;
  enum csv_kind kind;
  size_t offset; // in struct csv_row
};
extern const struct csv_column csv_column[CSV_COLUMNS];

void csv_row_clear(struct csv_row *); // no value anywhere

// ---- writing ------------------------------------------------------------------------------------

// Each row is one write() to a file opened for appending, so that a kill loses no finished row. A
// row that could not be written whole is cut off again.
struct csv_writer {
  int file;
  bool owned, regular; // we opened it; it can be cut
  int64_t end, rows;   // bytes and rows written whole
  char *text;
  size_t size;
};
// Makes a new file and writes the header. 0, or the errno: EEXIST if it is there already.
int csv_create(struct csv_writer *, const char *path);
// Goes on with an open descriptor, such as standard output. 0 or the errno.
int csv_attach(struct csv_writer *, int file);
int csv_write(struct csv_writer *, const struct csv_row *); // 0 or the errno; the rows stay
int csv_close(struct csv_writer *);                         // 0 or the errno

// ---- reading ------------------------------------------------------------------------------------

// Reads any RFC 4180 file row by row; columns are found by the header's names.
struct csv_reader {
  FILE *file;
  int line, next_line; // where the row begins, and the next one
  int names, schema;   // columns; the place of `schema` where results are read, else -1
  char **name, **field;
  char *header, *text; // owned; names and fields point into them
  size_t text_size;
};
// Reads the header. WHY_OK, WHY_BAD_INPUT (what is wrong, and the line), WHY_ALLOC_FAILED.
enum why_reason csv_open(struct csv_reader *, FILE *, struct why_error *);
// The same, and that it has every column of ours, naming the first that is missing.
enum why_reason csv_open_results(struct csv_reader *, FILE *, struct why_error *);
// *more: false at the end of the file. A last line that was not finished is WHY_BAD_INPUT.
enum why_reason csv_next(struct csv_reader *, bool *more, struct why_error *);
int csv_find(const struct csv_reader *, const char *column);  // -1: none
const char *csv_field(const struct csv_reader *, int column); // valid until csv_next
void csv_reader_free(struct csv_reader *);                    // leaves the file open

#endif
