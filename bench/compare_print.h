// A comparison as text for people, as a table (CSV, JSON), and as JUnit XML.
#ifndef BENCH_COMPARE_PRINT_H
#define BENCH_COMPARE_PRINT_H
#include "comparison.h"
#include "table.h"

// Each: STATUS_OK, or the status of rows that could not be read again, its line printed.
int compare_text(FILE *, struct comparison *);
int compare_junit(FILE *, struct comparison *);
// One row a cell, then one a request that moved, then one for all cells together.
enum { COMPARE_COLUMNS = 29 };
extern const struct table_column compare_column[COMPARE_COLUMNS];
int compare_table(struct table *, struct comparison *);

// ---- parts --------------------------------------------------------------------------------------

double percent_of(double log_ratio); // 100 * (B / A - 1)
// The row just read of `side` as "gemm m=8 n=8 k=8 type=f32 ..., plain:loops, on-host".
void compare_cell_name(const struct comparison *, int side, bool kernel, char *out, size_t size);
// Why the row did not run, or, chosen, why it runs on no GPU: "REASON: its sentence (need, have)".
void compare_why(const struct comparison *, int side, char *out, size_t size);

#endif
