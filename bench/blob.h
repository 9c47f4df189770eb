// GPU-BLOB's CSV files (UoB-HPC/GPU-BLAS-Offload-Benchmark 9e12fa5): its 14 shapes, reading and
// writing. Its calls are column-major: our row-major gemm m, n, k is its M = n, N = m, K = k, and
// with one row of c its gemv of M = n, N = k, K = 0. Leaves out thresholds (families.h).
#ifndef BENCH_BLOB_H
#define BENCH_BLOB_H
#include "csv.h"
#include "suite.h"

enum blob_device { BLOB_CPU, BLOB_ONCE, BLOB_ALWAYS, BLOB_UNIFIED, BLOB_DEVICES };

struct blob_row {
  enum blob_device device;
  bool f64, gemv;
  int64_t m, n, k, iterations; // k is 0 for gemv
  // Of all iterations; 0: too short for the five decimals of Total Seconds. By GFLOP/s where that
  // agrees, for it kept more digits.
  double seconds;
  const char *sparsity; // of one branch; "" without; valid until the next row
};
// 2MNK + MN, for gemv 2MN + M: as GPU-BLOB counts, its beta being 0.
double blob_flops(const struct blob_row *);

// ---- shapes -------------------------------------------------------------------------------------

enum { BLOB_SHAPES = 14 };
const char *blob_shape_name(int shape);                      // "square_square_M=N=K"
int64_t blob_shape_size(int shape, const struct blob_row *); // 0: it is not of this shape

// ---- reading ------------------------------------------------------------------------------------

struct blob_reader {
  struct csv_reader csv;
  int column[9];
};
// Columns are found by name. WHY_OK, WHY_BAD_INPUT (what is wrong, and the line),
// WHY_ALLOC_FAILED.
enum why_reason blob_open(struct blob_reader *, FILE *, struct why_error *);
enum why_reason blob_next(struct blob_reader *, struct blob_row *, bool *more, struct why_error *);
void blob_free(struct blob_reader *);

// ---- writing ------------------------------------------------------------------------------------

struct blob_export { // zeroed at first; measured rows of a sweep: the fastest for each device
  struct blob_row *row;
  int64_t rows, capacity;
  int64_t left_out; // measured rows of an op, type or form that GPU-BLOB has not
};
int blob_export_add(struct blob_export *, const struct suite_case *, const struct csv_row *,
                    bool gpu); // 0 or ENOMEM
// A file for each shape with two sizes or more. Those that are there are refused unless
// `overwrite`. STATUS_OK or the status to return, its line printed; what was written, and what not,
// goes to `words`, each line with the label.
int blob_export_check(const char *folder, bool overwrite);
int blob_export_write(struct blob_export *, const char *folder, FILE *words, const char *label);
void blob_export_free(struct blob_export *);

#endif
