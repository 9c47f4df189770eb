// conv2d as an op: shapes, what is refused and how it is said, the reference against sums written
// another way, the projection against the reference, and a check of right and wrong results.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "element.h"
#include "ops/ops.h"
#include <cmocka.h>

static struct why_problem parse(const char *text) {
  struct why_error error;
  struct why_problem p;
  if (why_problem_parse(text, &p, &error)) fail_msg("%s: %s", text, error.text);
  return p;
}

// ---- shapes -----------------------------------------------------------------------------------

#define SIZES "n=2 c=6 h=9 w=7 k=4 r=3 s=2 stride_h=2 pad_h=1 pad_w=1 pad_w_end=0 groups=2"

static void shapes_have_the_layout_in_their_strides(void **state) {
  (void)state;
  static const struct {
    const char *problem;
    int operand;
    int64_t dim[4], stride[4];
  } wanted[] = {
      {"conv2d " SIZES, CONV2D_X, {2, 9, 7, 6}, {378, 7, 1, 63}},
      {"conv2d " SIZES, CONV2D_WEIGHT, {4, 3, 2, 3}, {18, 2, 1, 6}},
      {"conv2d " SIZES, CONV2D_Y, {2, 5, 7, 4}, {140, 7, 1, 35}},
      {"conv2d layout=nhwc " SIZES, CONV2D_X, {2, 9, 7, 6}, {378, 42, 6, 1}},
      {"conv2d layout=nhwc " SIZES, CONV2D_WEIGHT, {4, 3, 2, 3}, {18, 6, 3, 1}},
      {"conv2d layout=nhwc " SIZES, CONV2D_Y, {2, 5, 7, 4}, {140, 28, 4, 1}},
  };
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    struct why_problem p = parse(wanted[i].problem);
    struct why_tensor t;
    p.op->shape(&p, wanted[i].operand, &t);
    assert_int_equal(t.rank, 4);
    assert_int_equal(t.type, WHY_F32);
    assert_memory_equal(t.dim, wanted[i].dim, sizeof wanted[i].dim);
    assert_memory_equal(t.stride, wanted[i].stride, sizeof wanted[i].stride);
    assert_int_equal(why_tensor_bytes(&t), 4 * why_tensor_elements(&t));
  }
}

static void sizes_of_y_follow(void **state) {
  (void)state;
  static const struct {
    const char *problem;
    int64_t p, q;
    double flops;
  } wanted[] = {
      {"conv2d n=1 c=3 h=224 w=224 k=64 r=7 s=7 stride_h=2 stride_w=2 pad_h=3 pad_w=3", 112, 112,
       236027904},
      {"conv2d n=1 c=1 h=5 w=5 k=1 r=5 s=5", 1, 1, 50},
      {"conv2d n=1 c=1 h=5 w=5 k=1 r=3 s=3 dilation_h=2 dilation_w=2", 1, 1, 18},
      {"conv2d n=1 c=1 h=6 w=6 k=1 r=2 s=3 stride_h=3 stride_w=4 pad_h_end=1 pad_w=2", 2, 2, 48},
      {"conv2d n=2 c=4 h=4 w=4 k=8 r=1 s=1 groups=4", 4, 4, 512},
      {"conv2d n=1 c=1 h=1 w=1 k=1 r=1 s=1 pad_h=3 wide_pad=1", 7, 1, 14},
  };
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    struct why_problem p = parse(wanted[i].problem);
    struct conv2d_view g = conv2d_view(&p);
    assert_int_equal(g.p, wanted[i].p);
    assert_int_equal(g.q, wanted[i].q);
    assert_true(p.op->flops(&p) == wanted[i].flops);
  }
}

// ---- what is refused --------------------------------------------------------------------------

static void bad_input_is_named(void **state) {
  (void)state;
  static const struct {
    const char *problem, *said;
  } bad[] = {
      {"conv2d n=1 c=4 h=8 w=8 k=4 r=3", "s"},
      {"conv2d n=0 c=4 h=8 w=8 k=4 r=3 s=3", "n=0"},
      {"conv2d n=1 c=4 h=8 w=8 k=4 r=3 s=3 stride_h=0", "stride_h=0"},
      {"conv2d n=1 c=4 h=8 w=8 k=4 r=3 s=3 pad_h=-1", "pad_h=-1"},
      {"conv2d n=1 c=4 h=8 w=8 k=4 r=3 s=3 layout=chwn", "one of nchw nhwc would be right"},
      {"conv2d n=1 c=4 h=8 w=8 k=4 r=3 s=3 type=f64", "type=f64"},
      {"conv2d n=1 c=4 h=8 w=8 k=6 r=3 s=3 groups=3", "groups does not divide c"},
      {"conv2d n=1 c=6 h=8 w=8 k=4 r=3 s=3 groups=3", "groups does not divide k"},
      {"conv2d n=1 c=4 h=8 w=8 k=4 r=3 s=3 pad_h=3", "a padding of rows is larger"},
      {"conv2d n=1 c=4 h=8 w=8 k=4 r=3 s=3 pad_h_end=3", "a padding of rows is larger"},
      {"conv2d n=1 c=4 h=8 w=8 k=4 r=3 s=3 pad_w=3", "a padding of columns is larger"},
      {"conv2d n=1 c=4 h=8 w=8 k=4 r=3 s=3 pad_w_end=4", "a padding of columns is larger"},
      {"conv2d n=1 c=4 h=2 w=8 k=4 r=3 s=3", "y would have no rows"},
      {"conv2d n=1 c=4 h=8 w=8 k=4 r=3 s=5 dilation_w=2", "y would have no columns"},
      {"conv2d n=1073741824 c=1073741824 h=1073741824 w=3 k=1 r=1 s=1", "overflow"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct why_problem p;
    struct why_error error;
    if (why_problem_parse(bad[i].problem, &p, &error) != WHY_BAD_INPUT)
      fail_msg("%s is taken", bad[i].problem);
    if (!strstr(error.text, bad[i].said))
      fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].problem, error.text, bad[i].said);
    assert_null(strchr(error.text, '\n'));
  }
  parse("conv2d n=1 c=4 h=8 w=8 k=4 r=3 s=3 pad_h=9 pad_w_end=4 wide_pad=1");
  parse("conv2d n=1 c=4 h=8 w=8 k=4 r=3 s=3 pad_h=4 dilation_h=2");
}

// ---- the answer -------------------------------------------------------------------------------

// An element of y and the sum of the sizes of its terms: by the formula, term by term, with zeros
// where the window is outside of x.
static double answer(const struct why_problem *p, const struct why_tensor *t, const int64_t *at,
                     double *sizes) {
  struct conv2d_view g = conv2d_view(p);
  long double sum = 0, size = 0;
  for (int64_t c = 0; c < g.group_c; c++)
    for (int64_t r = 0; r < g.r; r++)
      for (int64_t s = 0; s < g.s; s++) {
        int64_t h = at[1] * g.stride_h + r * g.dilation_h - g.pad_top;
        int64_t w = at[2] * g.stride_w + s * g.dilation_w - g.pad_left;
        int64_t channel = at[3] / g.group_k * g.group_c + c;
        if (h < 0 || w < 0 || h >= g.h || w >= g.w) continue;
        int64_t of_x = g.layout == CONV2D_NHWC ? ((at[0] * g.h + h) * g.w + w) * g.c + channel
                                               : ((at[0] * g.c + channel) * g.h + h) * g.w + w;
        int64_t of_w = g.layout == CONV2D_NHWC ? ((at[3] * g.r + r) * g.s + s) * g.group_c + c
                                               : ((at[3] * g.group_c + c) * g.r + r) * g.s + s;
        long double product = (long double)why_element(&t[CONV2D_X], of_x) *
                              (long double)why_element(&t[CONV2D_WEIGHT], of_w);
        sum += product;
        size += fabsl(product);
      }
  *sizes = (double)size;
  return (double)sum;
}

static const char *const problems[] = {
    "conv2d n=2 c=3 h=9 w=8 k=5 r=3 s=3 pad_h=1 pad_w=1",
    "conv2d n=2 c=3 h=9 w=8 k=5 r=3 s=3 pad_h=1 pad_w=1 layout=nhwc type=bf16",
    "conv2d n=1 c=40 h=6 w=5 k=7 r=2 s=3 stride_h=2 dilation_w=2 pad_h_end=1 type=f16",
    "conv2d n=3 c=6 h=7 w=7 k=9 r=3 s=1 groups=3 pad_h=2 pad_h_end=0 stride_w=3 layout=nhwc",
    "conv2d n=3 c=6 h=7 w=7 k=9 r=3 s=2 groups=3 pad_w=1 pad_w_end=0 type=bf16",
    "conv2d n=2 c=8 h=5 w=6 k=8 r=3 s=3 groups=8 pad_h=1 pad_w=1 dilation_h=2",
    "conv2d n=2 c=8 h=5 w=6 k=8 r=3 s=3 groups=8 pad_h=1 pad_w=1 layout=nhwc",
    "conv2d n=1 c=2 h=1 w=1 k=3 r=3 s=3 pad_h=2 pad_w=1",
    "conv2d n=1 c=2 h=2 w=3 k=3 r=1 s=1 pad_h=4 pad_w_end=2 wide_pad=1",
    "conv2d n=17 c=5 h=1 w=1 k=33 r=1 s=1",
};
enum { PROBLEMS = sizeof problems / sizeof *problems };

static void reference_is_the_formula(void **state) {
  (void)state;
  for (int i = 0; i < PROBLEMS; i++) {
    struct answers a;
    answers_make(&a, problems[i]);
    const struct why_tensor *t = &a.before[CONV2D_Y];
    int64_t rows = answers_rows(t), columns = answers_columns(t);
    double *value = malloc((size_t)(4 * rows * columns) * sizeof *value), size;
    assert_non_null(value);
    double *scale = value + rows * columns, *one = scale + rows * columns;
    a.problem.op->reference(&a.problem, a.before, CONV2D_Y, 0, rows, value, scale);
    for (int64_t row = 0; row < rows; row++) { // a row by itself is the same
      a.problem.op->reference(&a.problem, a.before, CONV2D_Y, row, 1, one, one + columns);
      assert_memory_equal(one, value + row * columns, (size_t)columns * sizeof *one);
      assert_memory_equal(one + columns, scale + row * columns, (size_t)columns * sizeof *one);
    }
    for (int64_t e = 0; e < rows * columns; e++) {
      int64_t row = e / columns, q = row % t->dim[2], p = row / t->dim[2] % t->dim[1];
      const int64_t at[4] = {row / t->dim[2] / t->dim[1], p, q, e % columns};
      double wanted = answer(&a.problem, a.before, at, &size);
      assert_true(fabs(value[e] - wanted) <= 1e-12 * size);
      assert_true(fabs(scale[e] - size) <= 1e-12 * size + 0x1p-14);
      assert_true(scale[e] > 0);
    }
    free(value);
    answers_free(&a);
  }
}

static void projection_is_the_reference_times_x(void **state) {
  (void)state;
  for (int i = 0; i < PROBLEMS; i++) {
    struct answers a;
    answers_make(&a, problems[i]);
    const struct why_tensor *t = &a.before[CONV2D_Y];
    int64_t rows = answers_rows(t), columns = answers_columns(t);
    double *x = malloc((size_t)(2 * rows * columns + 2 * rows + columns) * sizeof *x);
    assert_non_null(x);
    double *value = x + columns, *scale = value + rows * columns;
    double *product = scale + rows * columns, *size = product + rows;
    for (int64_t j = 0; j < columns; j++) x[j] = answers_random();
    a.problem.op->reference(&a.problem, a.before, CONV2D_Y, 0, rows, value, scale);
    a.problem.op->project(&a.problem, a.before, CONV2D_Y, x, product, size);
    for (int64_t row = 0; row < rows; row++) {
      double sum = 0, sizes = 0;
      for (int64_t j = 0; j < columns; j++) {
        sum += value[row * columns + j] * x[j];
        sizes += scale[row * columns + j] * fabs(x[j]);
      }
      assert_true(fabs(product[row] - sum) <= 1e-12 * sizes);
      assert_true(fabs(size[row] - sizes) <= 1e-12 * sizes + (double)columns * 0x1p-14);
    }
    free(x);
    answers_free(&a);
  }
}

static void checks_tell_right_from_wrong(void **state) {
  (void)state;
  for (int i = 0; i < PROBLEMS; i++) {
    struct answers a;
    struct why_check c;
    answers_make(&a, problems[i]);
    answers_fill(&a);
    const struct why_tensor *t = &a.after[CONV2D_Y];
    assert_int_equal(why_check(&a.problem, a.before, a.after, &c), WHY_OK);
    assert_string_equal(c.verified, "exact");
    assert_true(c.finds == c.tolerance);
    int64_t columns = answers_columns(t), n = why_tensor_elements(t);
    for (int64_t e = 0; e < n; e += 1 + n / 5) {
      int64_t at = answers_offset(t, e / columns, e % columns);
      double old = why_element(t, at);
      why_element_set(t, at, old + 1);
      assert_int_equal(why_check(&a.problem, a.before, a.after, &c), WHY_WRONG);
      assert_int_equal(c.output, CONV2D_Y);
      assert_int_equal(c.element, e);
      why_element_set(t, at, old);
    }
    answers_free(&a);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shapes_have_the_layout_in_their_strides),
      cmocka_unit_test(sizes_of_y_follow),
      cmocka_unit_test(bad_input_is_named),
      cmocka_unit_test(reference_is_the_formula),
      cmocka_unit_test(projection_is_the_reference_times_x),
      cmocka_unit_test(checks_tell_right_from_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
