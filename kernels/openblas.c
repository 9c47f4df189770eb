// The openblas backend: gemm through OpenBLAS's cblas_sgemm and cblas_dgemm. Strides become
// transpose flags and leading dimensions, nothing is copied. f16 and bf16, for which Debian's
// library has no product, are converted to f32 in the workspace, and the row says so. Brings no
// device: it runs on the host. conv2d is in openblas_conv2d.c. Leaves out every other routine.
#include "openblas.h"
#include "convert_rows.h"
#include "gemm_view.h"
#include <cblas.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// openblas_set_num_threads() locks and wakes threads, so it is called only for a new number. The
// number is the library's, one for the process: jobs that run at once should agree on it.
void openblas_use_threads(int threads) {
  static atomic_int used;
  if (atomic_load_explicit(&used, memory_order_relaxed) == threads) return;
  openblas_set_num_threads(threads);
  atomic_store_explicit(&used, threads, memory_order_relaxed);
}

struct blas_operand {
  CBLAS_TRANSPOSE turned;
  blasint leading;
};

// How an operand reads when lines of `order` are contiguous. False: neither stride is 1.
static int as_blas(const struct gemm_view *view, CBLAS_ORDER order, struct blas_operand *out) {
  const int by_row = order == CblasRowMajor;
  const int64_t lines = by_row ? view->rows : view->cols, length = by_row ? view->cols : view->rows;
  const int64_t line_stride = by_row ? view->row_stride : view->col_stride;
  const int64_t unit_stride = by_row ? view->col_stride : view->row_stride;
  int64_t leading;
  if ((unit_stride == 1 || length == 1) && (line_stride >= length || lines == 1)) {
    out->turned = CblasNoTrans;
    leading = lines == 1 ? length : line_stride; // of a lone line the stride is never used
  } else if ((line_stride == 1 || lines == 1) && (unit_stride >= lines || length == 1)) {
    out->turned = CblasTrans;
    leading = length == 1 ? lines : unit_stride;
  } else {
    return 0;
  }
  out->leading = (blasint)leading;
  return leading <= INT_MAX;
}

enum why_reason openblas_refuse(struct why_call *call, enum why_reason reason, const char *note) {
  call->why->reason = reason;
  call->why->note = note;
  return reason;
}

static enum why_reason multiply(struct why_call *call, enum why_type type,
                                const struct gemm_view *a, const struct gemm_view *b,
                                const struct gemm_view *c) {
  const CBLAS_ORDER order = c->col_stride == 1 || c->cols == 1 ? CblasRowMajor : CblasColMajor;
  struct blas_operand ao, bo, co;
  if (!as_blas(a, order, &ao) || !as_blas(b, order, &bo) || !as_blas(c, order, &co) ||
      co.turned != CblasNoTrans)
    return openblas_refuse(call, WHY_FORM, "cblas wants a unit stride in every operand");
  const blasint m = (blasint)c->rows, n = (blasint)c->cols, k = (blasint)a->cols;
  const double alpha = call->problem->real[GEMM_ALPHA], beta = call->problem->real[GEMM_BETA];
  openblas_use_threads(call->threads);
  if (type == WHY_F64)
    cblas_dgemm(order, ao.turned, bo.turned, m, n, k, alpha, a->data, ao.leading, b->data,
                bo.leading, beta, c->data, co.leading);
  else
    cblas_sgemm(order, ao.turned, bo.turned, m, n, k, (float)alpha, a->data, ao.leading, b->data,
                bo.leading, (float)beta, c->data, co.leading);
  return WHY_OK;
}

static bool by_columns(const struct gemm_view *view) {
  return view->col_stride != 1 && view->row_stride == 1;
}

// Without gaps, its lines running as those of `like` do: a transposed operand stays transposed, and
// cblas is told so.
static struct gemm_view packed(const struct gemm_view *like, float *data) {
  const struct gemm_view rows = {like->rows, like->cols, like->cols, 1, data};
  const struct gemm_view columns = {like->rows, like->cols, 1, like->rows, data};
  return by_columns(like) ? columns : rows;
}

// Along the operand's contiguous dim, so that it is read once, in order.
static void widen(enum why_type type, const struct gemm_view *from, const struct gemm_view *to) {
  const bool columns = by_columns(from);
  const int64_t lines = columns ? from->cols : from->rows,
                length = columns ? from->rows : from->cols;
  const int64_t from_line = columns ? from->col_stride : from->row_stride;
  const int64_t to_line = columns ? to->col_stride : to->row_stride;
  const int64_t unit = columns ? from->row_stride : from->col_stride;
  for (int64_t i = 0; i < lines; i++)
    widen_row(type, (const uint16_t *)from->data + i * from_line, unit, length,
              (float *)to->data + i * to_line);
}

static void narrow(enum why_type type, const struct gemm_view *from, const struct gemm_view *to) {
  const bool columns = by_columns(to);
  const int64_t lines = columns ? to->cols : to->rows, length = columns ? to->rows : to->cols;
  const int64_t from_line = columns ? from->col_stride : from->row_stride;
  const int64_t to_line = columns ? to->col_stride : to->row_stride;
  const int64_t unit = columns ? to->row_stride : to->col_stride;
  for (int64_t i = 0; i < lines; i++)
    narrow_row(type, (const float *)from->data + i * from_line, length,
               (uint16_t *)to->data + i * to_line, unit);
}

static enum why_reason multiply_converted(struct why_call *call, enum why_type type,
                                          const struct gemm_view *a, const struct gemm_view *b,
                                          const struct gemm_view *c) {
  // As host/catalog.c's gemm_converted has it: a, b and a 16-bit c packed one after the other.
  const bool narrow_c = call->operand[GEMM_C].type != WHY_F32;
  const uint64_t elements = (uint64_t)a->rows * (uint64_t)a->cols +
                            (uint64_t)b->rows * (uint64_t)b->cols +
                            (narrow_c ? (uint64_t)c->rows * (uint64_t)c->cols : 0);
  if (call->workspace == NULL || call->workspace_bytes < 4 * elements) {
    call->why->need = 4 * (double)elements;
    call->why->have = (double)call->workspace_bytes;
    return openblas_refuse(call, WHY_WORKSPACE, "for 16-bit operands in f32");
  }
  const struct gemm_view wide_a = packed(a, call->workspace);
  const struct gemm_view wide_b = packed(b, (float *)wide_a.data + a->rows * a->cols);
  const struct gemm_view wide_c =
      narrow_c ? packed(c, (float *)wide_b.data + b->rows * b->cols) : *c;
  widen(type, a, &wide_a);
  widen(type, b, &wide_b);
  if (narrow_c && call->problem->real[GEMM_BETA] != 0) widen(type, c, &wide_c);
  const enum why_reason reason = multiply(call, WHY_F32, &wide_a, &wide_b, &wide_c);
  if (reason != WHY_OK) return reason;
  if (narrow_c) narrow(type, &wide_c, c);
  call->why->note = type == WHY_F16 ? "f16 converted to f32" : "bf16 converted to f32";
  return WHY_OK;
}

static enum why_reason run(struct why_call *call) {
  const struct gemm_view a = gemm_view(&call->operand[GEMM_A]),
                         b = gemm_view(&call->operand[GEMM_B]),
                         c = gemm_view(&call->operand[GEMM_C]);
  if (c.rows > INT_MAX || c.cols > INT_MAX || a.cols > INT_MAX)
    return openblas_refuse(call, WHY_LIMIT, "cblas counts in 32 bits");
  const enum why_type type = call->problem->type;
  if (type == WHY_F64 || type == WHY_F32) return multiply(call, type, &a, &b, &c);
  if (type == WHY_F16 || type == WHY_BF16) return multiply_converted(call, type, &a, &b, &c);
  return openblas_refuse(call, WHY_TYPE, "cblas knows f32 and f64");
}

#define CATALOG_openblas ,
#define CODE(op, name) openblas_##op##_##name
#include "catalog_rows.h"

const struct why_code openblas_gemm_cblas = {.run = run};

// "OpenBLAS 0.3.21 SkylakeX, pthreads": which kernels it chose for this CPU, and how it threads.
static enum why_reason open_backend(struct why_backend *backend, struct why_verdict *why) {
  static const char *const threading[] = {"one thread", "pthreads", "OpenMP"};
  static char version[96];
  char name[32] = "OpenBLAS", number[32] = "";
  (void)why;
  (void)sscanf(openblas_get_config(), "%31s %31s", name, number);
  const int parallel = openblas_get_parallel();
  snprintf(version, sizeof version, "%s %s %s, %s", name, number, openblas_get_corename(),
           parallel >= 0 && parallel <= 2 ? threading[parallel] : "threads of its own");
  backend->version = version;
  return WHY_OK;
}

static void close_backend(struct why_backend *backend) {
  (void)backend;
}

WHY_API struct why_backend whycpu_backend = {.abi = WHY_ABI,
                                             .name = "openblas",
                                             .build = "cblas.h and openblas_*",
                                             .version = "",
                                             .open = open_backend,
                                             .close = close_backend,
                                             .find = catalog_find};
