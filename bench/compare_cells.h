// Two CSV files of results, matched: cells, what was measured of one kernel for one request, and
// requests, what was decided for one. Leaves out verdicts and printing.
//
// A cell is op, type, math, dims, transfer, iterations, device_memory_bytes, pinned_memory_bytes,
// threads, cache, submit, backend, kernel, plan and device. A device counts by its name, but where
// each file knows one GPU, or one CPU, these are the same one: machines can be compared. What is
// not in it says who measured, when, in which suite, and why (run, node, machine, commit, suite,
// case, policy, plans): the same cell in several suites or decisions is one, its medians'
// logarithms averaged. Nor is `part`, for how a problem is cut is the program's to choose. A
// request is the same without kernel, plan and device, and with policy and plans.
//
// Cells are known by 128 bits of a hash and places in the files, no text: of 10^6 cells two share
// them with a chance of 10^-27, and would be averaged.
#ifndef BENCH_COMPARE_CELLS_H
#define BENCH_COMPARE_CELLS_H
#include "csv.h"
#include "keys.h"
#include "program.h"
#include <stdbool.h>
#include <stdint.h>

enum { SIDE_A, SIDE_B, SIDES };

// The columns of a row that are read.
enum cells_column {
// clang-format off
#define CELLS_COLUMNS(X)                                                                           \
  X(op) X(type) X(math) X(dims) X(transfer) X(iterations) X(device_memory_bytes)                   \
  X(pinned_memory_bytes) X(threads) X(cache) X(submit) X(backend) X(kernel) X(plan) X(policy) X(plans)       \
  X(device) X(status) X(source) X(reason) X(need) X(have) X(unit) X(note) X(fallback)              \
  X(fallback_need) X(fallback_have) X(samples) X(median_s) X(ci_low_s) X(ci_high_s) X(min_s)       \
  X(p95_s) X(predicted_s)
// clang-format on
#define X(name) CELL_##name,
  CELLS_COLUMNS(X)
#undef X
      CELL_COLUMNS
};

struct cell_side {
  double log_seconds;      // sum over its rows
  float variance, freedom; // sums too; INFINITY: a row had too few samples
  int64_t place;           // where its first row begins; of side B without rows, a row that says
                           // why it was not measured; -1: none
  uint32_t rows;           // 0: not measured
};
struct cell {
  uint64_t key[2];
  uint16_t device; // an index of names
  struct cell_side side[SIDES];
};

// Where a request ran: an index of names, of "GPU backend:kernel, plan".
enum { RAN_UNSEEN, RAN_NOWHERE, RAN_FIRST };
struct request_cell {
  uint64_t key[2];
  int64_t place[SIDES]; // of the chosen row; or of the first
  uint32_t cell[SIDES]; // of the chosen row; UINT32_MAX: it was not measured
  uint16_t ran[SIDES];
};

struct cells_file {
  const char *path;
  FILE *file;
  struct csv_reader csv;
  int column[CELL_COLUMNS];   // of this file; -1: it has none
  bool cut;                   // its last row is half written, and was left out
  int64_t rows, used, pooled; // used: rows of cells; pooled: of these, beyond a cell's first
  int64_t predicted, emulated, measured, failed, idle; // left out, by why: idle were not run
};

struct cells {
  bool predictions; // predicted times are compared, not measured ones
  struct cells_file file[SIDES];
  struct cell *cell; // in the order of A, then of what only B has
  struct request_cell *request;
  struct keys by_cell, by_request;
  struct names device, ran;
};

// Opens and reads both files. STATUS_OK, or the status with its line printed. Free in either case.
int cells_read(struct cells *, const char *path_a, const char *path_b, bool predictions);
void cells_free(struct cells *);

static inline bool cell_matched(const struct cell *c) {
  return c->side[SIDE_A].rows && c->side[SIDE_B].rows;
}
bool cells_on_gpu(const struct cells *, uint16_t ran);
const char *cells_ran(const struct cells *, uint16_t ran); // "GPU cublas:lt, resident", "nowhere"

// Row at `place`: cells_text gives its columns until the next call for this side. STATUS_OK, or
// the status with its line printed.
int cells_row(struct cells *, int side, int64_t place);
const char *cells_column_name(enum cells_column);
const char *cells_text(const struct cells *, int side, enum cells_column);

#endif
