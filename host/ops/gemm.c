// gemm: c(m,n) = alpha a(m,k) b(k,n) + beta c(m,n), with transposes and leading dimensions.
//
// Operands are seen as a(m,k), b(k,n), c(m,n); how they are stored is in the strides. Stored
// row-major, a is (m,k) with rows lda apart, or (k,m) if ta. A column-major BLAS call is the same
// problem with m and n swapped, and a and b with them.
#include "../element.h"
#include "../whycpu.h"
#include "ops.h"
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

// clang-format off
static const struct why_param params[] = {
    [GEMM_M]     = {"m",     WHY_INTEGER, 1, INT64_MAX, WHY_REQUIRED, "rows of c"},
    [GEMM_N]     = {"n",     WHY_INTEGER, 1, INT64_MAX, WHY_REQUIRED, "columns of c"},
    [GEMM_K]     = {"k",     WHY_INTEGER, 1, INT64_MAX, WHY_REQUIRED, "columns of a, rows of b"},
    [GEMM_TA]    = {"ta",    WHY_INTEGER, 0, 1,         0, "1: a is stored transposed, (k,m)"},
    [GEMM_TB]    = {"tb",    WHY_INTEGER, 0, 1,         0, "1: b is stored transposed, (n,k)"},
    [GEMM_ALPHA] = {"alpha", WHY_REAL,    0, 0,         1, "scale of the product"},
    [GEMM_BETA]  = {"beta",  WHY_REAL,    0, 0,         0, "scale of c as it comes; 0: c is not read"},
    [GEMM_LDA]   = {"lda",   WHY_INTEGER, 0, INT64_MAX, 0, "elements from row to row of stored a; 0: packed"},
    [GEMM_LDB]   = {"ldb",   WHY_INTEGER, 0, INT64_MAX, 0, "the same for b"},
    [GEMM_LDC]   = {"ldc",   WHY_INTEGER, 0, INT64_MAX, 0, "the same for c"},
    [GEMM_OUT]   = {"out",   WHY_CHOICE,  0, 1,         GEMM_OUT_SAME, "type of c: that of a and b, or f32", "same f32"},
};
// clang-format on

static enum why_role role(const struct why_problem *p, int operand) {
  if (operand != GEMM_C) return WHY_IN;
  return p->real[GEMM_BETA] == 0 ? WHY_OUT : WHY_INOUT;
}

// Row length of each operand as it is stored: the least leading dimension.
static int64_t row_length(const struct why_problem *p, int operand) {
  const int64_t *v = p->value;
  switch (operand) {
  case GEMM_A:
    return v[GEMM_TA] ? v[GEMM_M] : v[GEMM_K];
  case GEMM_B:
    return v[GEMM_TB] ? v[GEMM_K] : v[GEMM_N];
  default:
    return v[GEMM_N];
  }
}

static enum why_type type_of_c(const struct why_problem *p) {
  return p->value[GEMM_OUT] == GEMM_OUT_F32 ? WHY_F32 : p->type;
}

static void shape(const struct why_problem *p, int operand, struct why_tensor *out) {
  static const int rows[] = {GEMM_M, GEMM_K, GEMM_M}, cols[] = {GEMM_K, GEMM_N, GEMM_N};
  const int64_t *v = p->value;
  int transposed = operand == GEMM_A ? v[GEMM_TA] != 0 : operand == GEMM_B && v[GEMM_TB];
  int64_t ld = v[GEMM_LDA + operand] ? v[GEMM_LDA + operand] : row_length(p, operand);
  out->type = operand == GEMM_C ? type_of_c(p) : p->type;
  out->rank = 2;
  out->dim[0] = v[rows[operand]];
  out->dim[1] = v[cols[operand]];
  out->stride[0] = transposed ? 1 : ld;
  out->stride[1] = transposed ? ld : 1;
}

static const char *refuse(const struct why_problem *p) {
  static const char *const wrong[] = {
      "lda is smaller than a row of stored a (k, or m if ta=1)",
      "ldb is smaller than a row of stored b (n, or k if tb=1)",
      "ldc is smaller than a row of c (n)",
  };
  for (int i = 0; i < 3; i++) {
    int64_t ld = p->value[GEMM_LDA + i];
    if (ld && ld < row_length(p, i)) return wrong[i];
  }
  if (p->type == WHY_F64 && p->value[GEMM_OUT] == GEMM_OUT_F32)
    return "out=f32 is for 16-bit types: out=same would be right for f64";
  return NULL;
}

static double mnk(const struct why_problem *p) {
  return (double)p->value[GEMM_M] * (double)p->value[GEMM_N] * (double)p->value[GEMM_K];
}

// 2 m n k, and for beta a multiplication and an addition an element of c.
static double flops(const struct why_problem *p) {
  double c = (double)p->value[GEMM_M] * (double)p->value[GEMM_N];
  return 2 * mnk(p) + (p->real[GEMM_BETA] == 0 ? 0 : 2 * c);
}

static double bytes(const struct why_problem *p) {
  double m = (double)p->value[GEMM_M], n = (double)p->value[GEMM_N], k = (double)p->value[GEMM_K];
  double moves_c = p->real[GEMM_BETA] == 0 ? 1 : 2;
  return (double)why_type_bytes(p->type) * (m * k + k * n) +
         (double)why_type_bytes(type_of_c(p)) * moves_c * m * n;
}

// Row by row of b, each added to all rows of c: for a b with contiguous rows.
static void add_rows(const struct why_problem *p, const struct why_tensor *a,
                     const struct why_tensor *b, int64_t first, int64_t rows, double *buffer,
                     double *value, double *scale) {
  int64_t n = p->value[GEMM_N], k = p->value[GEMM_K];
  for (int64_t l = 0; l < k; l++) {
    why_elements(b, l * b->stride[0], b->stride[1], n, buffer);
    for (int64_t i = 0; i < rows; i++) {
      double x = why_element(a, (first + i) * a->stride[0] + l * a->stride[1]);
      why_accumulate(n, p->real[GEMM_ALPHA] * x, buffer, value + i * n, scale + i * n);
    }
  }
}

// Column by column of b, against a few rows of a: for a b with contiguous columns. The buffer holds
// a column and TOGETHER rows.
enum { TOGETHER = 8 };
static void add_columns(const struct why_problem *p, const struct why_tensor *a,
                        const struct why_tensor *b, int64_t first, int64_t rows, double *buffer,
                        double *value, double *scale) {
  int64_t n = p->value[GEMM_N], k = p->value[GEMM_K];
  double alpha = p->real[GEMM_ALPHA], *column = buffer + TOGETHER * k, sum, size;
  for (int64_t at = 0; at < rows; at += TOGETHER) {
    int64_t count = rows - at < TOGETHER ? rows - at : TOGETHER;
    for (int64_t i = 0; i < count; i++)
      why_elements(a, (first + at + i) * a->stride[0], a->stride[1], k, buffer + i * k);
    for (int64_t j = 0; j < n; j++) {
      why_elements(b, j * b->stride[1], b->stride[0], k, column);
      for (int64_t i = 0; i < count; i++) {
        why_dot(k, buffer + i * k, column, &sum, &size);
        value[(at + i) * n + j] += alpha * sum;
        scale[(at + i) * n + j] += fabs(alpha) * size;
      }
    }
  }
}

// value = alpha sum a b + beta c, scale = |alpha| sum |a||b| + |beta c|. Reads b along whichever
// dim is contiguous.
static void reference(const struct why_problem *p, const struct why_tensor *operand, int output,
                      int64_t first, int64_t rows, double *value, double *scale) {
  (void)output;
  const struct why_tensor *a = &operand[GEMM_A], *b = &operand[GEMM_B], *c = &operand[GEMM_C];
  int64_t n = p->value[GEMM_N], k = p->value[GEMM_K];
  double beta = p->real[GEMM_BETA];
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < n; j++) {
      int64_t at = (first + i) * c->stride[0] + j * c->stride[1];
      double old = beta == 0 ? 0 : beta * why_element(c, at);
      value[i * n + j] = old;
      scale[i * n + j] = fabs(old) + why_smallest_normal(type_of_c(p));
    }
  bool by_rows = b->stride[1] == 1;
  double *buffer = malloc((size_t)(by_rows ? n : (TOGETHER + 1) * k) * sizeof *buffer);
  if (!buffer) { // a NaN is never within the tolerance
    for (int64_t i = 0; i < rows * n; i++) value[i] = NAN;
    return;
  }
  (by_rows ? add_rows : add_columns)(p, a, b, first, rows, buffer, value, scale);
  free(buffer);
}

// c x = alpha a (b x) + beta c x, and the same of the absolute values: two matrix-vector products.
static void project(const struct why_problem *p, const struct why_tensor *operand, int output,
                    const double *x, double *value, double *scale) {
  (void)output;
  const struct why_tensor *a = &operand[GEMM_A], *b = &operand[GEMM_B], *c = &operand[GEMM_C];
  int64_t m = p->value[GEMM_M], n = p->value[GEMM_N], k = p->value[GEMM_K];
  double alpha = p->real[GEMM_ALPHA], beta = p->real[GEMM_BETA];
  int64_t longest = n > k ? n : k;
  double *row = malloc((size_t)longest * sizeof *row), *bx = calloc((size_t)k, 2 * sizeof *bx);
  for (int64_t i = 0; i < m; i++) value[i] = scale[i] = NAN;
  if (!row || !bx) goto out;
  double *size = bx + k;
  for (int64_t l = 0; l < k && b->stride[1] == 1; l++) {
    why_elements(b, l * b->stride[0], 1, n, row);
    why_dot(n, row, x, &bx[l], &size[l]);
  }
  for (int64_t j = 0; j < n && b->stride[1] != 1; j++) {
    why_elements(b, j * b->stride[1], b->stride[0], k, row);
    why_accumulate(k, x[j], row, bx, size);
  }
  for (int64_t i = 0; i < m; i++) {
    double sum, sizes, ignored;
    why_elements(a, i * a->stride[0], a->stride[1], k, row);
    why_dot(k, row, bx, &sum, &ignored);
    why_dot(k, row, size, &ignored, &sizes);
    value[i] = alpha * sum;
    scale[i] = fabs(alpha) * sizes + (double)n * why_smallest_normal(type_of_c(p));
    if (beta == 0) continue;
    why_elements(c, i * c->stride[0], c->stride[1], n, row);
    for (int64_t j = 0; j < n; j++) {
      value[i] += beta * row[j] * x[j];
      scale[i] += fabs(beta * row[j] * x[j]);
    }
  }
out:
  free(bx);
  free(row);
}

// A sum of k products, in any order, is off by at most k u sum |a||b| to first order (Higham,
// Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1), plus the few roundings of
// alpha and beta; u is the accumulator's unit roundoff, f32 for 16-bit types. Rounding the result
// to its own type adds half a unit in the last place.
static double tolerance(const struct why_problem *p, int output) {
  (void)output;
  double accumulate = p->type == WHY_F64 ? DBL_EPSILON / 2 : FLT_EPSILON / 2;
  return ((double)p->value[GEMM_K] + 8) * accumulate + why_store_rounding(type_of_c(p));
}

// ---- parts -------------------------------------------------------------------------------------

enum { CUT_M, CUT_N, CUT_K };
static const struct why_cut cuts[] = {{"m", 0}, {"n", 0}, {"k", 1}};
// A tile of c stays while k passes; then the rows of a stay while n passes, or b's columns while m
// does.
static const unsigned char orders[][WHY_CUTS] = {{CUT_M, CUT_N, CUT_K}, {CUT_N, CUT_M, CUT_K}};

static int64_t extent(const struct why_problem *p, int cut) {
  static const int param[] = {GEMM_M, GEMM_N, GEMM_K};
  return p->value[param[cut]];
}

static uint32_t sliced(const struct why_problem *p, int operand) {
  static const uint32_t by[] = {1 << CUT_M | 1 << CUT_K, 1 << CUT_K | 1 << CUT_N,
                                1 << CUT_M | 1 << CUT_N};
  (void)p;
  return by[operand];
}

// While k is cut c is kept in f32, however narrow its type, so that it is rounded once; and every
// part but the first of a tile adds to it.
static void part(const struct why_problem *p, const struct why_tensor *whole, const int64_t *first,
                 const int64_t *length, struct why_problem *out, struct why_tensor *slice) {
  bool sums = length[CUT_K] < p->value[GEMM_K];
  *out = *p;
  out->value[GEMM_M] = length[CUT_M];
  out->value[GEMM_N] = length[CUT_N];
  out->value[GEMM_K] = length[CUT_K];
  out->value[GEMM_LDA] = out->value[GEMM_LDB] = out->value[GEMM_LDC] = 0;
  if (sums && why_type_bytes(p->type) == 2) out->value[GEMM_OUT] = GEMM_OUT_F32;
  if (!first) return;
  if (first[CUT_K] > 0) out->real[GEMM_BETA] = 1;
  for (int i = 0; i < 3; i++) slice[i] = whole[i];
  why_slice_along(&slice[GEMM_A], 0, first[CUT_M], length[CUT_M]);
  why_slice_along(&slice[GEMM_A], 1, first[CUT_K], length[CUT_K]);
  why_slice_along(&slice[GEMM_B], 0, first[CUT_K], length[CUT_K]);
  why_slice_along(&slice[GEMM_B], 1, first[CUT_N], length[CUT_N]);
  why_slice_along(&slice[GEMM_C], 0, first[CUT_M], length[CUT_M]);
  why_slice_along(&slice[GEMM_C], 1, first[CUT_N], length[CUT_N]);
}

// The least of three schedules. A tile of c of side t, as it is accumulated, takes four fifths of
// the device while a and b stream past it: each is copied once for each tile along the other's
// side. Or whole columns of b stay while a streams past, once for each time that b fills the
// device; or whole rows of a while b does. Each is copied once at least.
static double least_copied(const struct why_problem *p, double device_bytes) {
  double m = (double)p->value[GEMM_M], n = (double)p->value[GEMM_N], k = (double)p->value[GEMM_K];
  double element = (double)why_type_bytes(p->type), a = element * m * k, b = element * k * n;
  double side = sqrt(0.8 * device_bytes / (p->type == WHY_F64 ? sizeof(double) : sizeof(float)));
  double c_stays = a * fmax(1, n / side) + b * fmax(1, m / side);
  double b_stays = b + a * fmax(1, b / device_bytes), a_stays = a + b * fmax(1, a / device_bytes);
  double c = p->real[GEMM_BETA] == 0 ? 0 : (double)why_type_bytes(type_of_c(p)) * m * n;
  return fmin(c_stays, fmin(a_stays, b_stays)) + c;
}

static double loops(const struct why_problem *p, int loop) {
  (void)loop;
  return (double)p->value[GEMM_M];
}

// Products with a vector have kernels of their own in libraries, which add up rows of b or sum each
// of its columns, and for few rows of c their like; of others b is packed, from its rows or its
// columns. Small ones are not packed (by OpenBLAS up to 100 x 100 x 100), and tiny ones not shared
// among threads.
static const char *form(const struct why_problem *p) {
  const double tiny = 20000, small = 1e6; // products
  bool vector = p->value[GEMM_M] == 1 || p->value[GEMM_N] == 1, columns = p->value[GEMM_TB] != 0;
  if (mnk(p) <= tiny) return vector ? "tiny vector" : "tiny";
  if (p->value[GEMM_N] == 1) return "column";
  if (vector) return columns ? "row, b transposed" : "row";
  if (mnk(p) <= small) return columns ? "small, b transposed" : "small";
  if (p->value[GEMM_M] <= 8) return columns ? "few rows, b transposed" : "few rows";
  return columns ? "b transposed" : "";
}

const struct why_op why_op_gemm = {
    .name = "gemm",
    .help = "c(m,n) = alpha a(m,k) b(k,n) + beta c(m,n)",
    .param = params,
    .params = sizeof params / sizeof *params,
    .operands = 3,
    .types = 1 << WHY_F64 | 1 << WHY_F32 | 1 << WHY_F16 | 1 << WHY_BF16,
    .operand = {"a", "b", "c"},
    .role = role,
    .shape = shape,
    .refuse = refuse,
    .flops = flops,
    .bytes = bytes,
    .reference = reference,
    .tolerance = tolerance,
    .project = project,
    .cut = cuts,
    .cuts = sizeof cuts / sizeof *cuts,
    .order = orders,
    .orders = sizeof orders / sizeof *orders,
    .extent = extent,
    .sliced = sliced,
    .part = part,
    .least_copied = least_copied,
    .loop = {"rows"},
    .loops = loops,
    .form = form,
};
