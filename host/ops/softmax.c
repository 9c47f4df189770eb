// softmax: y(rows,cols) = exp(x - max of the row) / sum of the row of the same.
#include "../element.h"
#include "../whycpu.h"
#include "ops.h"
#include <float.h>
#include <math.h>

// clang-format off
static const struct why_param params[] = {
    [SOFTMAX_ROWS] = {"rows", WHY_INTEGER, 1, INT64_MAX, WHY_REQUIRED, "how many independent rows"},
    [SOFTMAX_COLS] = {"cols", WHY_INTEGER, 1, INT64_MAX, WHY_REQUIRED, "length of a row"},
    [SOFTMAX_LDX]  = {"ldx",  WHY_INTEGER, 0, INT64_MAX, 0, "elements from row to row of x; 0: packed"},
    [SOFTMAX_LDY]  = {"ldy",  WHY_INTEGER, 0, INT64_MAX, 0, "the same for y"},
};
// clang-format on

static enum why_role role(const struct why_problem *p, int operand) {
  (void)p;
  return operand == SOFTMAX_X ? WHY_IN : WHY_OUT;
}

static void shape(const struct why_problem *p, int operand, struct why_tensor *out) {
  int64_t ld = p->value[SOFTMAX_LDX + operand];
  out->type = p->type;
  out->rank = 2;
  out->dim[0] = p->value[SOFTMAX_ROWS];
  out->dim[1] = p->value[SOFTMAX_COLS];
  out->stride[0] = ld ? ld : out->dim[1];
  out->stride[1] = 1;
}

static const char *refuse(const struct why_problem *p) {
  static const char *const wrong[] = {"ldx is smaller than cols", "ldy is smaller than cols"};
  for (int i = 0; i < 2; i++) {
    int64_t ld = p->value[SOFTMAX_LDX + i];
    if (ld && ld < p->value[SOFTMAX_COLS]) return wrong[i];
  }
  return NULL;
}

static double elements(const struct why_problem *p) {
  return (double)p->value[SOFTMAX_ROWS] * (double)p->value[SOFTMAX_COLS];
}

// An element: compare, subtract, exponential, add, divide. The exponential counts as one, as the
// literature counts it, so this is nominal and not what the ALUs do.
static double flops(const struct why_problem *p) {
  return 5 * elements(p);
}

static double bytes(const struct why_problem *p) {
  return 2 * elements(p) * (double)why_type_bytes(p->type);
}

// scale = value (1 + |x - max|) and a floor for results that underflow f32: see tolerance.
static void reference(const struct why_problem *p, const struct why_tensor *operand, int output,
                      int64_t first, int64_t rows, double *value, double *scale) {
  (void)output;
  const struct why_tensor *x = &operand[SOFTMAX_X];
  int64_t cols = p->value[SOFTMAX_COLS];
  for (int64_t i = 0; i < rows; i++) {
    double *v = value + i * cols, *s = scale + i * cols, top = -INFINITY, sum = 0;
    why_elements(x, (first + i) * x->stride[0], x->stride[1], cols, v);
    for (int64_t j = 0; j < cols; j++) top = v[j] > top || isnan(v[j]) ? v[j] : top;
    for (int64_t j = 0; j < cols; j++) {
      s[j] = fabs(v[j] - top);
      v[j] = exp(v[j] - top);
      sum += v[j];
    }
    for (int64_t j = 0; j < cols; j++) {
      v[j] /= sum;
      s[j] = v[j] > 0 ? v[j] * (1 + s[j]) + FLT_MIN : FLT_MIN;
    }
  }
}

// x - max is rounded once, which the exponential turns into a relative error of u |x - max|; the
// exponential itself is taken to be good to 4 u, the sum of cols positive terms to cols u at worst,
// the division to u. The scale carries 1 + |x - max|, so what is left is (cols + 8) u; storing in
// bf16 adds half a unit in its last place.
static double tolerance(const struct why_problem *p, int output) {
  (void)output;
  return ((double)p->value[SOFTMAX_COLS] + 8) * (FLT_EPSILON / 2) + why_store_rounding(p->type);
}

// ---- parts -------------------------------------------------------------------------------------

static const struct why_cut cuts[] = {{"rows", 0}};
static const unsigned char orders[][WHY_CUTS] = {{0}};

static int64_t extent(const struct why_problem *p, int cut) {
  (void)cut;
  return p->value[SOFTMAX_ROWS];
}

static uint32_t sliced(const struct why_problem *p, int operand) {
  (void)p, (void)operand;
  return 1;
}

static void part(const struct why_problem *p, const struct why_tensor *whole, const int64_t *first,
                 const int64_t *rows, struct why_problem *out, struct why_tensor *slice) {
  *out = *p;
  out->value[SOFTMAX_ROWS] = *rows;
  out->value[SOFTMAX_LDX] = out->value[SOFTMAX_LDY] = 0;
  for (int i = 0; first && i < 2; i++) {
    slice[i] = whole[i];
    why_slice_along(&slice[i], 0, *first, *rows);
  }
}

static double loops(const struct why_problem *p, int loop) {
  (void)loop;
  return (double)p->value[SOFTMAX_ROWS];
}

// Tiny ones are not shared among threads.
static const char *form(const struct why_problem *p) {
  const double tiny = 16384; // elements
  return (double)p->value[SOFTMAX_ROWS] * (double)p->value[SOFTMAX_COLS] <= tiny ? "tiny" : "";
}

const struct why_op why_op_softmax = {
    .name = "softmax",
    .help = "y(rows,cols) = exp(x - max) / sum, each row apart",
    .param = params,
    .params = sizeof params / sizeof *params,
    .operands = 2,
    .types = 1 << WHY_F32 | 1 << WHY_BF16,
    .operand = {"x", "y"},
    .role = role,
    .shape = shape,
    .refuse = refuse,
    .flops = flops,
    .bytes = bytes,
    .reference = reference,
    .tolerance = tolerance,
    .cut = cuts,
    .cuts = sizeof cuts / sizeof *cuts,
    .order = orders,
    .orders = sizeof orders / sizeof *orders,
    .extent = extent,
    .sliced = sliced,
    .part = part,
    .loop = {"rows"},
    .loops = loops,
    .form = form,
};
