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
// row that could not be written whole is cut off again. A kill needs no fsync(): what write() took
// is the system's. Only when the system itself goes down can the last seconds of rows go with it.
struct csv_writer {
  int file;
  bool owned, regular; // we opened it; it can be cut
  int64_t end, rows;   // bytes and rows written whole
  char *text;
  size_t size;
};
// Makes a new file, takes its lock and writes the header. 0, or the errno: EEXIST if it is there
// already, EBUSY if another process took the lock first.
int csv_create(struct csv_writer *, const char *path);
// Writes to an open descriptor, such as standard output, and leaves it open. 0 or the errno.
int csv_attach(struct csv_writer *, int file);
// Goes on after byte `end` of a file opened for appending, and owns it, also where it fails: what
// follows is cut off; at 0 the header is written. 0 or the errno.
int csv_continue(struct csv_writer *, int file, int64_t end);
int csv_write(struct csv_writer *, const struct csv_row *); // 0 or the errno; the rows stay
int csv_close(struct csv_writer *);                         // 0 or the errno
// A value as text, without quotes; "": none. Texts are the row's, numbers are written to `number`.
enum { CSV_NUMBER = 64 };
const char *csv_cell(const struct csv_row *, int column, char number[CSV_NUMBER]);

// ---- reading ------------------------------------------------------------------------------------

// Reads any RFC 4180 file row by row; columns are found by the header's names. It holds one row,
// and a block of what comes after it.
struct csv_reader {
  FILE *file;
  int line, next_line; // where the row begins, and the next one
  int64_t end;         // bytes of the rows read: where the next one begins
  bool cut;            // the file ended within a line
  int names, schema;   // columns; the place of `schema` where results are read, else -1
  char **name, **field;
  char *header, *record; // names and fields point into them; record: in the block
  // Its own: the file's bytes, of which those from begin to filled are not yet read as rows.
  char *block;
  size_t begin, filled, size;
  size_t *place; // of each field, from the record's beginning
  int places;
};
// Reads the header. WHY_OK, WHY_BAD_INPUT (what is wrong, and the line), WHY_ALLOC_FAILED.
enum why_reason csv_open(struct csv_reader *, FILE *, struct why_error *);
// The same, and that it has every column of ours, naming the first that is missing.
enum why_reason csv_open_results(struct csv_reader *, FILE *, struct why_error *);
// The same for some columns, members of CSV_COLUMN_.
enum why_reason csv_open_some(struct csv_reader *, FILE *, const int *column, int columns,
                              struct why_error *);
// *more: false at the end of the file. A last line that was not finished is WHY_BAD_INPUT.
enum why_reason csv_next(struct csv_reader *, bool *more, struct why_error *);
int csv_find(const struct csv_reader *, const char *column);  // -1: none
const char *csv_field(const struct csv_reader *, int column); // valid until csv_next
// Are its columns ours, all of them and in our order?
bool csv_ours(const struct csv_reader *);
// The row as a struct, of a reader that is csv_ours; its texts are valid until csv_next.
void csv_row_read(const struct csv_reader *, struct csv_row *);
// Back to where `end` and `next_line` were before. 0 or the errno.
int csv_seek(struct csv_reader *, int64_t end, int next_line);
void csv_reader_free(struct csv_reader *); // leaves the file open

#endif
