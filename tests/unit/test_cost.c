// The cost model: what its terms are, that it is monotone, and where fitted costs are used.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cost.h"
#include "decide.h"
#include "fixture.h"
#include <cmocka.h>
#include <math.h>

static const struct why_kernel *kernel(const char *op, const char *backend, const char *name) {
  int place = why_kernel_find(op, backend, name);
  assert_true(place >= 0);
  return why_kernel_at(place);
}

static double seconds_of(const struct why_machine *m, const char *problem, const char *candidate,
                         int threads, enum why_cache cache) {
  struct why_request r = fixture_request(problem);
  struct why_decision d = {0};
  r.threads = threads;
  r.cache = cache;
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  double seconds = fixture_find(&d, candidate)->seconds;
  why_decision_free(&d);
  return seconds;
}

// ---- terms -------------------------------------------------------------------------------------

static void terms_add_up(void **state) {
  (void)state;
  struct why_terms t = {1, 4, {0.5, 1.5}, 2};
  assert_true(why_terms_seconds(&t) == 5);
  struct why_machine *m = fixture_open();
  struct why_request r = fixture_request("gemm m=100 n=200 k=300 beta=1");
  struct why_cost cost = {
      .launch_seconds = 1e-6, .rate = 1e12, .passes = {2, 1, 3}, .hidden = 0.25};
  const struct why_kernel *k = kernel("gemm", "openblas", "cblas");
  why_predict_terms(m, FIXTURE_HOST, k, &r.problem, 0, WHY_HOT, &cost, &t);
  double byte = 1 / m->facts[FIXTURE_HOST].memory_bps; // nothing is known of its caches
  double a = 4.0 * 100 * 300 * 2 * byte, b = 4.0 * 300 * 200 * byte;
  double c = 2 * 4.0 * 100 * 200 * 3 * byte; // read and written
  double arithmetic = r.problem.op->flops(&r.problem) / 1e12;
  assert_true(fabs(t.launch - 1e-6) < 1e-18);
  assert_true(fabs(t.arithmetic / arithmetic - 1) < 1e-12);
  assert_true(fabs(t.traffic[0] / a - 1) < 1e-12);
  assert_true(fabs(t.traffic[1] / b - 1) < 1e-12);
  assert_true(fabs(t.traffic[2] / c - 1) < 1e-12);
  assert_true(fabs(t.hidden / (0.25 * fmin(arithmetic, a + b + c)) - 1) < 1e-12);
  fixture_close(m);
}

// A tile more than fills a wave costs a whole wave; within one it costs nothing.
static void waves_are_whole(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  const struct why_kernel *k = kernel("gemm", "cuda", "mma");
  struct why_cost cost = {.rate = 1e12};
  static const struct {
    int m, n;
    double waves;
  } table[] = {{128, 128, 1},   {1, 1, 1},       {1280, 1280, 1},
               {1281, 1280, 2}, {1280, 2560, 2}, {2561, 1280, 3}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    char text[96];
    struct why_terms t;
    snprintf(text, sizeof text, "gemm m=%d n=%d k=64 type=bf16", table[i].m, table[i].n);
    struct why_request r = fixture_request(text);
    why_predict_terms(m, FIXTURE_GPU, k, &r.problem, 0, WHY_HOT, &cost, &t);
    double wave = 2.0 * 100 * 128 * 128 * 64 / 1e12; // of 100 multiprocessors
    assert_true(fabs(t.arithmetic / wave / table[i].waves - 1) < 1e-12);
  }
  fixture_close(m);
}

// Operands that a cache holds are passed over at its rate, at no size faster than a smaller one.
static void caches_have_rates(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_facts *f = &m->facts[FIXTURE_HOST];
  f->core_cache_bytes = 8 << 20;
  f->core_cache_bps = 800e9;
  f->cache_bytes = 64 << 20;
  f->cache_bps = 200e9;
  const struct why_kernel *k = kernel("softmax", "plain", "avx512");
  struct why_cost cost = {.rate = 1e30, .passes = {1, 1}, .distance = 1};
  double before = 0;
  for (int64_t rows = 1; rows <= 1 << 18; rows *= 2) {
    char text[64];
    struct why_terms hot, cold;
    snprintf(text, sizeof text, "softmax rows=%lld cols=1024", (long long)rows);
    struct why_request r = fixture_request(text);
    why_predict_terms(m, FIXTURE_HOST, k, &r.problem, 0, WHY_HOT, &cost, &hot);
    why_predict_terms(m, FIXTURE_HOST, k, &r.problem, 0, WHY_COLD, &cost, &cold);
    double bytes = 2 * 4.0 * 1024 * (double)rows, rate = bytes / why_terms_seconds(&hot);
    assert_true(rate >= 50e9 * (1 - 1e-9) && rate <= 800e9 * (1 + 1e-9));
    if (bytes <= 4 << 20) assert_true(fabs(rate / 800e9 - 1) < 1e-9);
    if (bytes == 32 << 20) assert_true(fabs(rate / 200e9 - 1) < 1e-9);
    if (bytes >= 128 << 20) assert_true(fabs(rate / 50e9 - 1) < 1e-9);
    assert_true(fabs(bytes / why_terms_seconds(&cold) / 50e9 - 1) < 1e-9);
    assert_true(why_terms_seconds(&hot) > before);
    before = why_terms_seconds(&hot);
    // Twice the distance: the nearest level's rate stays, ratios to it are squared.
    struct why_cost far = cost;
    struct why_terms t;
    far.distance = 2;
    why_predict_terms(m, FIXTURE_HOST, k, &r.problem, 0, WHY_HOT, &far, &t);
    if (bytes <= 4 << 20) assert_true(fabs(bytes / why_terms_seconds(&t) / 800e9 - 1) < 1e-9);
    if (bytes == 32 << 20) assert_true(fabs(bytes / why_terms_seconds(&t) / 50e9 - 1) < 1e-9);
  }
  fixture_close(m);
}

// ---- monotone ----------------------------------------------------------------------------------

// More work never takes less time; nor does a slower link, memory or unit.
static void monotone(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  static const char *const candidates[] = {"plain:loops", "openblas:cblas", "cuda:tiled",
                                           "cuda:mma", "cublas:lt"};
  for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
    for (int axis = 0; axis < 3; axis++) {
      double before = 0;
      for (int size = 1; size < 3000; size = size * 5 / 4 + 1) {
        char text[96];
        snprintf(text, sizeof text, "gemm m=%d n=%d k=%d type=bf16", axis == 0 ? size : 100,
                 axis == 1 ? size : 100, axis == 2 ? size : 100);
        double now = seconds_of(m, text, candidates[i], 0, WHY_HOT);
        assert_true(now >= before);
        before = now;
      }
    }
  struct why_facts *g = &m->facts[FIXTURE_GPU];
  double *const figure[] = {&g->in_bps, &g->out_bps, &g->memory_bps, &g->flops[WHY_MATH_BF16]};
  double before = seconds_of(m, "gemm m=900 n=900 k=900 type=bf16", "cuda:mma", 0, WHY_HOT);
  for (size_t i = 0; i < sizeof figure / sizeof *figure; i++) {
    *figure[i] /= 2;
    double now = seconds_of(m, "gemm m=900 n=900 k=900 type=bf16", "cuda:mma", 0, WHY_HOT);
    assert_true(now >= before);
    before = now;
  }
  fixture_close(m);
}

// A larger budget never makes the chosen candidate slower.
static void more_memory_is_never_slower(void **state) {
  (void)state;
  static const char *const problems[] = {
      "gemm m=4096 n=4096 k=4096", "gemm m=3000 n=5000 k=2000 type=bf16",
      "softmax rows=40000 cols=2000", "conv2d n=64 c=64 h=56 w=56 k=64 r=3 s=3 pad_h=1 pad_w=1"};
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
    struct why_request r = fixture_request(problems[i]);
    double before = INFINITY;
    for (uint64_t bytes = 1 << 20; bytes <= 1 << 30; bytes += bytes / 4) {
      r.budget.device_bytes = bytes;
      r.policy = WHY_AUTO;
      assert_int_equal(why_decide(m, &r, &d), WHY_OK);
      assert_true(d.chosen >= 0);
      double now = d.candidate[d.chosen].seconds;
      // Sizes of parts are whole blocks: a search that finds them need not find the very best.
      if (now > before * 1.02)
        fail_msg("%s: %g s at %llu bytes, %g s with less", problems[i], now,
                 (unsigned long long)bytes, before);
      if (now < before) before = now;
    }
  }
  why_decision_free(&d);
  fixture_close(m);
}

// ---- fitted costs ------------------------------------------------------------------------------

static struct why_fit fit_of(int threads, double rate, double launch) {
  return (struct why_fit){.kernel = kernel("gemm", "openblas", "cblas"),
                          .device = FIXTURE_HOST,
                          .type = WHY_F32,
                          .form = "",
                          .threads = threads,
                          .cost = {.launch_seconds = launch, .rate = rate, .distance = 1},
                          .points = 10,
                          .error = 0.05};
}

static void fits_are_used(void **state) {
  (void)state;
  static const char problem[] = "gemm m=100 n=100 k=100";
  struct why_machine *m = fixture_open();
  double prior = seconds_of(m, problem, "openblas:cblas", 0, WHY_HOT);
  double other = seconds_of(m, "gemm m=100 n=100 k=100 type=f64", "openblas:cblas", 0, WHY_HOT);
  struct why_fit one = fit_of(1, 1e9, 1e-3), eight = fit_of(8, 8e9, 2e-3);
  assert_int_equal(why_fit_add(m, &one), WHY_OK);
  assert_int_equal(why_fit_add(m, &eight), WHY_OK);
  assert_true(fabs(seconds_of(m, problem, "openblas:cblas", 1, WHY_HOT) - 3e-3) < 1e-9);
  assert_true(fabs(seconds_of(m, problem, "openblas:cblas", 8, WHY_HOT) - 2.25e-3) < 1e-9);
  assert_true(fabs(seconds_of(m, problem, "openblas:cblas", 0, WHY_HOT) - 2.25e-3) < 1e-9); // all
  // Between: in proportion to 1 / threads. 1/2 is 4/7 of the way from 1 to 1/8.
  double at = 4.0 / 7, launch = (1 - at) * 1e-3 + at * 2e-3;
  double work = 2e6 * ((1 - at) / 1e9 + at / 8e9);
  assert_true(fabs(seconds_of(m, problem, "openblas:cblas", 2, WHY_HOT) - launch - work) < 1e-9);
  // Other types keep their prior.
  assert_true(seconds_of(m, "gemm m=100 n=100 k=100 type=f64", "openblas:cblas", 0, WHY_HOT) ==
              other);
  // Of the same case the last one counts.
  eight.cost.launch_seconds = 5e-3;
  assert_int_equal(why_fit_add(m, &eight), WHY_OK);
  assert_int_equal(why_machine_fits(m), 2);
  assert_true(fabs(seconds_of(m, problem, "openblas:cblas", 8, WHY_HOT) - 5.25e-3) < 1e-9);
  assert_true(prior < 1e-3);
  fixture_close(m);
}

static void many_fits(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  for (int threads = 1; threads <= 500; threads++) {
    struct why_fit fit = fit_of(threads, 1e9 * threads, 1e-6);
    assert_int_equal(why_fit_add(m, &fit), WHY_OK);
  }
  struct why_cost cost;
  const struct why_fit *used;
  struct why_request r = fixture_request("gemm m=10 n=10 k=10");
  for (int threads = 1; threads <= 8; threads++) {
    why_cost_of(m, FIXTURE_HOST, kernel("gemm", "openblas", "cblas"), &r.problem, threads, &cost,
                &used);
    assert_int_equal(used->threads, threads);
    assert_true(cost.rate == 1e9 * threads);
  }
  fixture_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(terms_add_up),
      cmocka_unit_test(waves_are_whole),
      cmocka_unit_test(caches_have_rates),
      cmocka_unit_test(monotone),
      cmocka_unit_test(more_memory_is_never_slower),
      cmocka_unit_test(fits_are_used),
      cmocka_unit_test(many_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
