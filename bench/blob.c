// The shapes of GPU-BLOB and the reader of its files. See blob.h.
#include "blob.h"
#include "values.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// M, N and K as multiples of the size, or fixed where the multiple is 0. As its doGemm.hh and
// doGemv.hh make them, and name the files.
static const struct shape {
  const char *name;
  bool gemv;
  int64_t times[3], fixed[3];
} shapes[BLOB_SHAPES] = {
    // clang-format off
    {"square_square_M=N=K",            false, {1, 1, 1},   {0, 0, 0}},
    {"tall-thin_short-wide_M=N_M=16K", false, {16, 16, 1}, {0, 0, 0}},
    {"tall-thin_short-wide_M=N_K=32",  false, {1, 1, 0},   {0, 0, 32}},
    {"short-wide_tall-thin_M=N_K=16M", false, {1, 1, 16},  {0, 0, 0}},
    {"short-wide_tall-thin_M=N=32_K",  false, {0, 0, 1},   {32, 32, 0}},
    {"tall-thin_square_K=N_M=16K",     false, {16, 1, 1},  {0, 0, 0}},
    {"tall-thin_square_K=N=32_M",      false, {1, 0, 0},   {0, 32, 32}},
    {"square_short-wide_M=K_N=16K",    false, {1, 16, 1},  {0, 0, 0}},
    {"square_short-wide_M=K=32_N",     false, {0, 1, 0},   {32, 0, 32}},
    {"square_vector_M=N",              true,  {1, 1, 0},   {0, 0, 0}},
    {"tall-thin_vector_M=16N",         true,  {16, 1, 0},  {0, 0, 0}},
    {"tall-thin_vector_M_N=32",        true,  {1, 0, 0},   {0, 32, 0}},
    {"short-wide_vector_N=16M",        true,  {1, 16, 0},  {0, 0, 0}},
    {"short-wide_vector_M=32_N",       true,  {0, 1, 0},   {32, 0, 0}},
    // clang-format on
};

const char *blob_shape_name(int shape) {
  return shapes[shape].name;
}

int64_t blob_shape_size(int shape, const struct blob_row *row) {
  const struct shape *s = &shapes[shape];
  const int64_t dim[3] = {row->m, row->n, row->k};
  int64_t size = 0;
  if (s->gemv != row->gemv) return 0;
  for (int i = 0; i < 3 && !size; i++)
    if (s->times[i] == 1) size = dim[i];
  for (int i = 0; i < 3; i++) // compared by dividing: a product could overflow
    if (s->times[i] ? dim[i] % s->times[i] || dim[i] / s->times[i] != size : dim[i] != s->fixed[i])
      return 0;
  return size;
}

double blob_flops(const struct blob_row *row) {
  double m = (double)row->m, n = (double)row->n, k = (double)row->k;
  return row->gemv ? 2 * m * n + m : 2 * m * n * k + m * n;
}

// ---- reading ------------------------------------------------------------------------------------

enum { DEVICE, KERNEL, M, N, K, ITERATIONS, SECONDS, RATE, SPARSITY };
static const char *const column_name[] = {"Device",     "Kernel",        "M",       "N",       "K",
                                          "Iterations", "Total Seconds", "GFLOP/s", "sparsity"};
static const char *const device_name[BLOB_DEVICES] = {"cpu", "gpu_offloadOnce", "gpu_offloadAlways",
                                                      "gpu_unified"};
static const char *const kernel_name[] = {"sgemm", "dgemm", "sgemv", "dgemv"};

enum why_reason blob_open(struct blob_reader *r, FILE *file, struct why_error *error) {
  enum why_reason reason = csv_open(&r->csv, file, error);
  if (reason) return reason;
  for (int i = 0; i <= SPARSITY; i++) {
    r->column[i] = csv_find(&r->csv, column_name[i]);
    if (r->column[i] >= 0 || i >= RATE) continue;
    error->line = 1;
    snprintf(error->text, sizeof error->text,
             "no column '%s': expected a file of GPU-BLOB (Device,Kernel,M,N,K,...)",
             column_name[i]);
    blob_free(r);
    return WHY_BAD_INPUT;
  }
  return WHY_OK;
}

static const char *text_of(const struct blob_reader *r, int column) {
  return csv_field(&r->csv, r->column[column]);
}

static enum why_reason wrong(const struct blob_reader *r, int column, const char *right,
                             struct why_error *error) {
  error->line = r->csv.line;
  snprintf(error->text, sizeof error->text, "%s is '%.40s': %s", column_name[column],
           text_of(r, column), right);
  return WHY_BAD_INPUT;
}

static int name_of(const struct blob_reader *r, int column, const char *const *name, int names) {
  for (int i = 0; i < names; i++)
    if (!strcmp(text_of(r, column), name[i])) return i;
  return -1;
}

static bool whole(const char *text, int64_t least, int64_t *out) {
  char *end;
  errno = 0;
  *out = strtoll(text, &end, 10);
  return *text >= '0' && *text <= '9' && !*end && !errno && *out >= least;
}

enum why_reason blob_next(struct blob_reader *r, struct blob_row *row, bool *more,
                          struct why_error *error) {
  static const char counts[] = "expected a whole number, 1 or more";
  enum why_reason reason = csv_next(&r->csv, more, error);
  if (reason || !*more) return reason;
  int device = name_of(r, DEVICE, device_name, BLOB_DEVICES);
  int kernel = name_of(r, KERNEL, kernel_name, sizeof kernel_name / sizeof kernel_name[0]);
  if (device < 0)
    return wrong(r, DEVICE, "one of cpu, gpu_offloadOnce, gpu_offloadAlways, gpu_unified", error);
  if (kernel < 0) return wrong(r, KERNEL, "one of sgemm, dgemm, sgemv, dgemv", error);
  *row =
      (struct blob_row){.device = (enum blob_device)device, .f64 = kernel % 2, .gemv = kernel > 1};
  if (!whole(text_of(r, M), 1, &row->m)) return wrong(r, M, counts, error);
  if (!whole(text_of(r, N), 1, &row->n)) return wrong(r, N, counts, error);
  if (!whole(text_of(r, K), !row->gemv, &row->k) || (row->gemv && row->k))
    return wrong(r, K, row->gemv ? "0 for a gemv" : counts, error);
  if (!whole(text_of(r, ITERATIONS), 1, &row->iterations))
    return wrong(r, ITERATIONS, counts, error);
  char *end;
  const char *seconds = text_of(r, SECONDS);
  row->seconds = strtod(seconds, &end);
  if (end == seconds || *end || !isfinite(row->seconds) || row->seconds < 0)
    return wrong(r, SECONDS, "expected seconds, 0 or more", error);
  double rate = r->column[RATE] < 0 ? 0 : 1e9 * strtod(text_of(r, RATE), NULL);
  double exact = blob_flops(row) * (double)row->iterations / rate;
  if (row->seconds > 0 && rate > 0 && fabs(exact - row->seconds) < 1e-5) row->seconds = exact;
  row->sparsity = r->column[SPARSITY] < 0 ? "" : text_of(r, SPARSITY);
  return WHY_OK;
}

void blob_free(struct blob_reader *r) {
  csv_reader_free(&r->csv);
}
