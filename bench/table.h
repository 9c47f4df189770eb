// One writer for every table that the program prints, as text, CSV or JSON. Cells are given row by
// row, left to right; a row ends by itself after its last cell.
//
// text  aligned, units written out (4.5 GiB, 12 us), for people
// csv   RFC 4180, header first, plain numbers with all their digits, empty where there is none
// json  an array of objects; numbers are numbers, null where there is none
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum table_format { TABLE_TEXT, TABLE_CSV, TABLE_JSON };

// What a number is: decides only how the text format writes it.
enum table_unit {
  TABLE_PLAIN,
  TABLE_BYTES,            // 1.5 GiB
  TABLE_SECONDS,          // 12.3 us
  TABLE_BYTES_PER_SECOND, // 21.4 GB/s, powers of ten as data sheets have them
  TABLE_FLOPS_PER_SECOND  // 989 TFLOP/s
};

struct table_column {
  const char *name; // static; the CSV header and the JSON key
  enum table_unit unit;
};

struct table;

// `column` must outlive the table. NULL: out of memory.
struct table *table_open(FILE *, enum table_format, const struct table_column *column, int columns);
void table_string(struct table *, const char *); // NULL: no value
void table_integer(struct table *, int64_t);
void table_unsigned(struct table *, uint64_t); // UINT64_MAX too is a number here
void table_number(struct table *, double);     // NAN and infinities: no value
void table_bool(struct table *, bool);
void table_none(struct table *);
// Writes what is left and frees the table. False: out of memory or a write failed (errno says).
bool table_close(struct table *);

// The parts, for writers of their own. Each writes one value; errors stay in the stream (ferror).
void csv_string(FILE *, const char *);  // quoted only where it has to be
void json_string(FILE *, const char *); // with its quotes; bytes that are no UTF-8 become U+FFFD
int utf8_length(const char *);          // of the UTF-8 sequence that begins here; 0: it is none
// A double with the fewest digits that read back as the same number.
void number_text(double, char *out, size_t size);
// "1.5 GiB", "12.3 us": `value` as text in its unit.
void unit_text(double value, enum table_unit, char *out, size_t size);
#endif
