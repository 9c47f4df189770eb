// The law of a streamed plan: worked out by hand, and what must hold of it whatever the problem.
#include "law.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct why_facts device = {
    .memory_bytes = 1 << 30,
    .in_bps = 1e9,
    .out_bps = 2e9,
    .flops = {[WHY_MATH_F32] = 1e12, [WHY_MATH_BF16] = 8e12},
};

static struct why_problem problem_of(const char *text) {
  struct why_problem p;
  struct why_error error;
  if (why_problem_parse(text, &p, &error) != WHY_OK) fail_msg("%s: %s", text, error.text);
  return p;
}

static void near(double found, double expected, const char *what) {
  if (!(fabs(found - expected) <= 1e-9 * expected))
    fail_msg("%s: %g, not %g", what, found, expected);
}

static void worked_out(void **state) {
  (void)state;
  static const struct {
    const char *problem;
    uint64_t bytes;
    double in, work, out;
    const char *bound;
  } row[] = {
      // All of it fits: each input once.
      {"gemm m=1000 n=1000 k=1000", WHY_UNLIMITED, 8e-3, 2e-3, 2e-3, "transfer"},
      {"gemm m=1000 n=1000 k=8 beta=1", WHY_UNLIMITED, 4.064e-3, 18e-6, 2e-3, "transfer"},
      // A tile of c of 500 x 500 stays: a and b are copied twice.
      {"gemm m=1000 n=1000 k=4000", 1250000, 64e-3, 8e-3, 2e-3, "transfer"},
      // Half of b stays at a time: a is copied twice, b once.
      {"gemm m=8000 n=100 k=100", 20000, 6.44e-3, 160e-6, 1.6e-3, "transfer"},
      {"gemm m=4096 n=4096 k=4096 type=bf16", 64 << 20, 0.067108864, 0.0171798691840, 0.016777216,
       "transfer"},
      {"softmax rows=1000 cols=500", 1 << 10, 2e-3, 2.5e-6, 1e-3, "transfer"},
      // The device's own 1 GiB is the limit: it holds 1/1.49 of a at a time.
      {"gemm m=20000 n=20000 k=20000", WHY_UNLIMITED, 3.98418579101563, 16, 0.8, "compute"},
  };
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    struct why_problem p = problem_of(row[i].problem);
    struct law law = law_of(&p, &device, row[i].bytes);
    near(law.in, row[i].in, row[i].problem);
    if (!strstr(row[i].problem, "softmax")) near(law.work, row[i].work, row[i].problem);
    near(law.out, row[i].out, row[i].problem);
    near(law.all, fmax(law.in, fmax(law.work, law.out)), row[i].problem);
    assert_string_equal(law_bound_by(&law), row[i].bound);
  }
}

static void unknown_figures_make_no_law(void **state) {
  (void)state;
  struct why_problem p = problem_of("gemm m=10 n=10 k=10 type=f64");
  struct law law = law_of(&p, &device, WHY_UNLIMITED); // no rate for f64
  assert_true(isnan(law.all) && isnan(law.work) && law.in > 0);
  assert_string_equal(law_bound_by(&law), "");
}

// Less memory never means less to copy, and each input is copied once at least.
static void memory_only_helps(void **state) {
  (void)state;
  static const char *const text[] = {
      "gemm m=700 n=3000 k=50",
      "gemm m=5 n=5 k=900000 type=bf16",
      "gemm m=4096 n=4096 k=4096 beta=1",
      "softmax rows=300 cols=7",
      "conv2d n=64 c=64 h=56 w=56 k=64 r=3 s=3 pad_h=1 pad_w=1",
      "conv2d n=8 c=512 h=7 w=7 k=2048 r=1 s=1 type=bf16 layout=nhwc"};
  for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
    struct why_problem p = problem_of(text[i]);
    double inputs = 0, before = INFINITY;
    for (int o = 0; o < p.op->operands; o++) {
      struct why_tensor t;
      p.op->shape(&p, o, &t);
      if (p.op->role(&p, o) & WHY_IN) inputs += (double)why_tensor_bytes(&t);
    }
    for (uint64_t bytes = 1 << 10; bytes <= 1 << 30; bytes *= 2) {
      struct law law = law_of(&p, &device, bytes);
      assert_true(law.in <= before);
      assert_true(law.in * device.in_bps >= inputs * 0.999999);
      before = law.in;
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(worked_out),
      cmocka_unit_test(unknown_figures_make_no_law),
      cmocka_unit_test(memory_only_helps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
