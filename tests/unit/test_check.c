// The references against sums written another way, elements exhaustively, and what a check finds.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "machine.h"
#include "ops/ops.h"
#include <cmocka.h>

static uint64_t state_of_random = 1;
static double uniform(void) { // [-1, 1)
  state_of_random = state_of_random * 6364136223846793005u + 1442695040888963407u;
  return (double)(state_of_random >> 11) * 0x1p-52 - 1;
}

struct problem {
  struct why_problem p;
  struct why_tensor before[WHY_OPERANDS], after[WHY_OPERANDS];
};

// Random operands; each output is a copy of its own, so that before stays as it was.
static void make(struct problem *out, const char *text) {
  struct why_error error;
  if (why_problem_parse(text, &out->p, &error)) fail_msg("%s: %s", text, error.text);
  for (int i = 0; i < out->p.op->operands; i++) {
    struct why_tensor *t = &out->before[i];
    out->p.op->shape(&out->p, i, t);
    size_t bytes = why_tensor_bytes(t);
    out->after[i] = *t;
    t->data = malloc(bytes);
    out->after[i].data = malloc(bytes);
    assert_non_null(t->data);
    assert_non_null(out->after[i].data);
    for (size_t e = 0; e < bytes / why_type_bytes(t->type); e++)
      why_element_set(t, (int64_t)e, uniform());
    memcpy(out->after[i].data, t->data, bytes);
  }
}

static void drop(struct problem *x) {
  for (int i = 0; i < x->p.op->operands; i++) {
    free(x->before[i].data);
    free(x->after[i].data);
  }
}

static double at(const struct why_tensor *t, int64_t i, int64_t j) {
  return why_element(t, i * t->stride[0] + j * t->stride[1]);
}
static void put(const struct why_tensor *t, int64_t i, int64_t j, double x) {
  why_element_set(t, i * t->stride[0] + j * t->stride[1], x);
}

// One element of the right answer, in long double, dot product by dot product.
static double answer(const struct problem *x, int64_t i, int64_t j) {
  const struct why_tensor *t = x->before;
  long double sum = 0;
  if (!strcmp(x->p.op->name, "gemm")) {
    for (int64_t l = 0; l < t[GEMM_A].dim[1]; l++)
      sum += (long double)at(&t[GEMM_A], i, l) * (long double)at(&t[GEMM_B], l, j);
    long double old = x->p.real[GEMM_BETA] == 0 ? 0 : (long double)at(&t[GEMM_C], i, j);
    return (double)((long double)x->p.real[GEMM_ALPHA] * sum +
                    (long double)x->p.real[GEMM_BETA] * old);
  }
  for (int64_t l = 0; l < t->dim[1]; l++) sum += expl((long double)at(t, i, l));
  return (double)(expl((long double)at(t, i, j)) / sum);
}

static int output_of(const struct problem *x) {
  return x->p.op->operands - 1;
}

static void fill(const struct problem *x) {
  const struct why_tensor *t = &x->after[output_of(x)];
  for (int64_t i = 0; i < t->dim[0]; i++)
    for (int64_t j = 0; j < t->dim[1]; j++) put(t, i, j, answer(x, i, j));
}

static const char *const problems[] = {
    "gemm m=7 n=11 k=13",
    "gemm m=7 n=11 k=13 ta=1 tb=1 alpha=-0.5 beta=2 lda=9 ldb=17 ldc=12",
    "gemm m=1 n=1 k=1 type=f64",
    "gemm m=33 n=5 k=70 type=f64 beta=1 ta=1",
    "gemm m=20 n=30 k=40 type=bf16 tb=1",
    "gemm m=20 n=30 k=40 type=f16 beta=-1",
    "gemm m=3 n=20000 k=2",
    "softmax rows=5 cols=1",
    "softmax rows=5 cols=77 ldx=80 ldy=90",
    "softmax rows=9 cols=300 type=bf16",
};

static void the_right_answer_is_right(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
    struct problem x;
    struct why_check c;
    make(&x, problems[i]);
    fill(&x);
    enum why_reason r = why_check(&x.p, x.before, x.after, &c);
    if (r) fail_msg("%s: error %g, tolerance %g", problems[i], c.error, c.tolerance);
    assert_string_equal(c.verified, "exact");
    assert_true(c.error <= c.tolerance);
    assert_true(c.tolerance < 0.01);
    drop(&x);
  }
}

// Any one element that is off by a few tolerances of its scale, or NaN, is found and named.
static void one_wrong_element_is_found(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
    struct problem x;
    make(&x, problems[i]);
    fill(&x);
    const struct why_tensor *t = &x.after[output_of(&x)];
    int64_t n = why_tensor_elements(t);
    for (int64_t e = 0; e < n; e += 1 + n / 7) {
      int64_t row = e / t->dim[1], column = e % t->dim[1];
      double good = at(t, row, column), value, scale, tolerance = x.p.op->tolerance(&x.p, 0);
      double *values = malloc((size_t)t->dim[1] * 2 * sizeof *values);
      assert_non_null(values);
      x.p.op->reference(&x.p, x.before, output_of(&x), row, 1, values, values + t->dim[1]);
      value = values[column];
      scale = values[t->dim[1] + column];
      free(values);
      const double bad[] = {value + 4 * tolerance * scale, value - 4 * tolerance * scale, NAN};
      for (int b = 0; b < 3; b++) {
        struct why_check c;
        put(t, row, column, bad[b]);
        assert_int_equal(why_check(&x.p, x.before, x.after, &c), WHY_WRONG);
        assert_int_equal(c.element, e);
        assert_int_equal(c.output, output_of(&x));
        assert_true(b < 2 ? c.error > c.tolerance : isnan(c.error));
      }
      put(t, row, column, good);
    }
    drop(&x);
  }
}

static void swapped_and_unwritten_results_are_found(void **state) {
  (void)state;
  struct problem x;
  struct why_check c;
  make(&x, "gemm m=24 n=24 k=24");
  fill(&x);
  const struct why_tensor *t = &x.after[GEMM_C];
  for (int64_t i = 0; i < 24; i++) // transposed
    for (int64_t j = 0; j < i; j++) {
      double swap = at(t, i, j);
      put(t, i, j, at(t, j, i));
      put(t, j, i, swap);
    }
  assert_int_equal(why_check(&x.p, x.before, x.after, &c), WHY_WRONG);
  memset(t->data, 0, why_tensor_bytes(t)); // zeros
  assert_int_equal(why_check(&x.p, x.before, x.after, &c), WHY_WRONG);
  drop(&x);
}

// Above 2e9 flops: a projection sees a wrong row anywhere, a missing part of k, a NaN.
static void large_results_are_projected(void **state) {
  (void)state;
  struct problem x;
  struct why_check c;
  make(&x, "gemm m=1030 n=1010 k=1000");
  const struct why_tensor *a = &x.before[GEMM_A], *b = &x.before[GEMM_B], *t = &x.after[GEMM_C];
  float *out = t->data;
  memset(out, 0, why_tensor_bytes(t));
  for (int64_t i = 0; i < 1030; i++)
    for (int64_t l = 0; l < 1000; l++) {
      float f = ((const float *)a->data)[i * 1000 + l];
      for (int64_t j = 0; j < 1010; j++)
        out[i * 1010 + j] += f * ((const float *)b->data)[l * 1010 + j];
    }
  assert_int_equal(why_check(&x.p, x.before, x.after, &c), WHY_OK);
  assert_string_equal(c.verified, "projection");
  const int64_t row = 517;
  float kept[1010];
  memcpy(kept, out + row * 1010, sizeof kept);
  for (int j = 0; j < 1010; j++) out[row * 1010 + j] += 0.01F * (j % 2 ? 1 : -1) * (float)j;
  assert_int_equal(why_check(&x.p, x.before, x.after, &c), WHY_WRONG);
  assert_int_equal(c.element / 1010, row);
  memcpy(out + row * 1010, kept, sizeof kept);
  out[row * 1010 + 3] = NAN;
  assert_int_equal(why_check(&x.p, x.before, x.after, &c), WHY_WRONG);
  assert_true(isnan(c.error));
  drop(&x);
}

// Each 16-bit pattern to double and back, and halves between neighbours to even.
static void elements_round_to_nearest_even(void **state) {
  (void)state;
  static const enum why_type types[] = {WHY_F16, WHY_BF16};
  for (int k = 0; k < 2; k++) {
    uint16_t bits[2];
    struct why_tensor t = {.type = types[k], .rank = 1, .dim = {2}, .stride = {1}, .data = bits};
    for (unsigned h = 0; h < 65536; h++) {
      bits[0] = (uint16_t)h;
      double x = why_element(&t, 0);
      why_element_set(&t, 1, x);
      if (isnan(x)) {
        assert_true(isnan(why_element(&t, 1)));
        continue;
      }
      assert_int_equal(bits[1], h);
      bits[0] = (uint16_t)(h + 1); // the next further from zero
      double next = why_element(&t, 0);
      if (!isfinite(x) || !isfinite(next)) continue;
      why_element_set(&t, 1, (x + next) / 2);
      assert_int_equal(bits[1], h % 2 ? h + 1 : h);
      why_element_set(&t, 1, x + (next - x) * 0.49);
      assert_int_equal(bits[1], h);
      why_element_set(&t, 1, x + (next - x) * 0.51);
      assert_int_equal(bits[1], h + 1);
    }
    why_element_set(&t, 0, 1e300);
    assert_true(why_element(&t, 0) == INFINITY);
    why_element_set(&t, 0, -1e-300);
    assert_int_equal(bits[0], 0x8000);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_right_answer_is_right),
      cmocka_unit_test(one_wrong_element_is_found),
      cmocka_unit_test(swapped_and_unwritten_results_are_found),
      cmocka_unit_test(large_results_are_projected),
      cmocka_unit_test(elements_round_to_nearest_even),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
