// How tables are read: a heading that must be the expected one, then rows. The bytes that are built
// in are split where they lie, once, by each file that has a table.
#ifndef WHY_TABLE_ROWS_H
#define WHY_TABLE_ROWS_H
#include "csv_rows.h"
#include <stdbool.h>

// A table below its heading; without rows where the heading is another.
struct csv_rows table_rows_open(unsigned char *bytes, size_t length, const char *heading);

// Rows are kept in arrays of fixed size.
#define ROOM(rows, count) ((count) < (int)(sizeof(rows) / sizeof *(rows)))

int capability_number(const char *); // 120 of "12.0", 10 of "1.x"; 0
int cudnn_number(const char *);      // 80902 of "8.9.2.26", 70600 of "7.6"; 0
// Architectures as in facts.h, sorted, each once: of "sm_80 compute_90" 80 and 1090, of
// "8.0 12.0+PTX" 80, 120 and 1120. Returns how many; 0 where a word is not one.
int architectures_of(const char *words, int *out, int most);
int minor_number(const char *); // 2160 of 2.16.1, to compare releases by; 0
// Digits and dots, with PyTorch's "+cu124" or without: what else there may be ("rc1", "a0+git12ab")
// is another's build, of which the tables say nothing.
bool is_release(const char *version);
#endif
