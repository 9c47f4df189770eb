// The sizes of a streamed plan's parts: near the law at every budget, and quickly found.
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include "fixture.h"
#include "parts.h"
#include <cmocka.h>
#include <math.h>

// Of an H200 on PCIe 5 (bench/machines/h200.json).
static const struct why_facts device = {
    .backend = "cuda",
    .capability = 90,
    .memory_bytes = (uint64_t)140 << 30,
    .in_bps = 55e9,
    .out_bps = 55e9,
    .memory_bps = 4.8e12,
    .latency_seconds = 6e-6,
    .launch_seconds = 5e-6,
    .flops = {34e12, 67e12, 989e12, 989e12},
};
static const struct why_facts host = {.host = 1, .memory_bps = 614e9};
static const struct why_kernel kernel = {
    .backend = "cuda", .device = "cuda", .efficiency = 1, .matrix_units = 1, .tile = {128, 128}};

static struct why_parts_basis basis(const struct why_problem *p) {
  struct why_parts_basis on = {.kernel = &kernel, .host = &host, .device = &device};
  why_cost_prior(&device, &kernel, p, 0, &on.cost);
  return on;
}

static double most(double a, double b, double c) {
  return fmax(a, fmax(b, c));
}

// No schedule is faster than this: each queue alone.
static double law(const struct why_problem *p, double bytes) {
  struct why_case cs;
  struct why_request r;
  why_request_default(p, &r);
  why_case_fill(&r, &cs);
  double in = p->op->least_copied ? p->op->least_copied(p, bytes) : cs.in_bytes;
  return most(in / device.in_bps, p->op->flops(p) / why_rate(&device, &kernel, p),
              cs.out_bytes / device.out_bps);
}

static void close_to_the_law(void **state) {
  (void)state;
  static const struct {
    const char *problem;
    double least; // share of the law that the prediction reaches at any of the budgets
  } cases[] = {
      {"gemm m=65536 n=65536 k=65536 type=bf16", 0.75},
      {"gemm m=65536 n=65536 k=65536", 0.9},
      {"gemm m=200000 n=20000 k=50000 type=bf16 beta=1", 0.9},
      {"gemm m=400000 n=2048 k=2048 type=bf16", 0.95},
      {"softmax rows=4000000 cols=4096", 0.95},
      {"conv2d n=4096 c=256 h=56 w=56 k=256 r=3 s=3 pad_h=1 pad_w=1 type=bf16 layout=nhwc", 0.9},
      {"conv2d n=512 c=64 h=512 w=512 k=64 r=3 s=3 pad_h=1 pad_w=1", 0.9},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (uint64_t bytes = (uint64_t)64 << 20; bytes <= (uint64_t)16 << 30; bytes *= 4) {
      struct why_request r = fixture_request(cases[i].problem);
      struct why_case cs;
      struct why_parts parts;
      struct why_verdict v = {0};
      char text[128];
      why_case_fill(&r, &cs);
      struct why_parts_basis on = basis(&r.problem);
      assert_int_equal(why_parts_choose(&cs, &on, bytes, UINT64_MAX, &parts, &v), WHY_OK);
      double bound = law(&r.problem, (double)bytes);
      double seconds = why_parts_predict(&r.problem, &parts, &on).seconds;
      why_parts_text(&r.problem, &parts, text, sizeof text);
      printf("%6llu MiB %4.0f%% of the law, %s, %lld parts of %s, %d + %d + %d buffers\n",
             (unsigned long long)(bytes >> 20), 100 * bound / seconds, cases[i].problem,
             (long long)parts.count, text, parts.in_buffers, parts.outer_buffers,
             parts.out_buffers);
      assert_true(why_parts_device_bytes(&r.problem, &parts) <= bytes);
      // The law gives c four fifths of the memory; slabs of a and b can be thinner than the rest.
      assert_true(bound / seconds >= cases[i].least && bound / seconds <= 1.1);
    }
}

// A decision whose operands do not fit sizes the parts of several kernels.
static void quickly(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_request r = fixture_request("gemm m=65536 n=65536 k=65536 type=bf16");
  struct why_decision d = {0};
  struct timespec start, end;
  enum { TIMES = 20 };
  r.policy = WHY_GPU_FIRST;
  r.budget.device_bytes = (uint64_t)256 << 20;
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  int streamed = 0;
  for (int i = 0; i < d.candidates; i++) streamed += d.candidate[i].plan == WHY_STREAMED;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (int i = 0; i < TIMES; i++) assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  clock_gettime(CLOCK_MONOTONIC, &end);
  double seconds =
      (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
  printf("a decision with %d streamed candidates takes %.0f us\n", streamed, 1e6 * seconds / TIMES);
  assert_true(streamed > 2);
  assert_true(seconds / TIMES < 0.1); // a guard against a search that never ends, not a target
  why_decision_free(&d);
  fixture_close(m);
}

// More parts than anybody would wait for are refused, with the memory that would make fewer of
// them.
static void parts_have_a_limit(void **state) {
  (void)state;
  struct why_request r = fixture_request("gemm m=4096 n=4096 k=4096");
  struct why_case cs;
  struct why_parts parts;
  struct why_verdict v = {0};
  why_case_fill(&r, &cs);
  struct why_parts_basis on = basis(&r.problem);
  assert_int_equal(why_parts_choose(&cs, &on, 64, UINT64_MAX, &parts, &v), WHY_DEVICE_MEMORY);
  assert_true(v.need > 64 && v.have == 64);
  assert_int_equal(why_parts_choose(&cs, &on, (uint64_t)v.need, UINT64_MAX, &parts, &v), WHY_OK);
  assert_true(parts.count <= 1 << 20);
}

static void a_single_row_cannot_be_cut(void **state) {
  (void)state;
  struct why_request r = fixture_request("softmax rows=1 cols=100000");
  struct why_case cs;
  struct why_parts parts;
  struct why_verdict v = {0};
  why_case_fill(&r, &cs);
  struct why_parts_basis on = basis(&r.problem);
  assert_int_equal(why_parts_choose(&cs, &on, 1000, UINT64_MAX, &parts, &v), WHY_UNCUTTABLE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(close_to_the_law),
      cmocka_unit_test(quickly),
      cmocka_unit_test(parts_have_a_limit),
      cmocka_unit_test(a_single_row_cannot_be_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
