// Deciding: policies, budgets at their thresholds, blame, prediction, purity.
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cost.h"
#include "fixture.h"
#include <cmocka.h>

static const char *chosen(const struct why_decision *d) {
  static char name[64];
  if (d->chosen < 0) return "nothing";
  const struct why_kernel *k = d->candidate[d->chosen].kernel;
  snprintf(name, sizeof name, "%s:%s", k->backend, k->name);
  return name;
}

static enum why_reason reason(const struct why_decision *d, const char *kernel) {
  return fixture_find(d, kernel)->verdict.reason;
}

// ---- policies ----------------------------------------------------------------------------------

static void auto_takes_the_predicted_fastest(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  struct why_request r = fixture_request("gemm m=4096 n=4096 k=4096");
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  assert_string_equal(chosen(&d), "cublas:lt");
  assert_int_equal(d.blame, -1);
  assert_int_equal(d.fallback.reason, WHY_OK);
  assert_int_equal(reason(&d, "openblas:cblas"), WHY_SLOWER);
  const struct why_candidate *slow = fixture_find(&d, "openblas:cblas");
  assert_true(slow->verdict.need == slow->seconds);
  assert_true(slow->verdict.have == d.candidate[d.chosen].seconds);
  for (int i = 0; i < d.candidates; i++) // nothing that could run is predicted faster
    if (d.candidate[i].verdict.reason == WHY_SLOWER)
      assert_true(d.candidate[i].seconds >= d.candidate[d.chosen].seconds);

  r = fixture_request("gemm m=16 n=16 k=16"); // not worth the trip
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  assert_string_equal(chosen(&d), "openblas:cblas");
  assert_int_equal(d.fallback.reason, WHY_SLOWER);
  assert_string_equal(d.candidate[d.blame].kernel->device, "cuda");
  assert_true(d.fallback.need > d.fallback.have);
  why_decision_free(&d);
  fixture_close(m);
}

static void policies_choose_the_side(void **state) {
  (void)state;
  static const struct {
    enum why_policy policy;
    const char *kernel, *problem, *chosen;
    enum why_reason cblas, mma, fallback;
  } rows[] = {
      // clang-format off
      {WHY_GPU_FIRST, "", "gemm m=16 n=16 k=16 type=bf16", "cublas:lt", WHY_POLICY, WHY_SLOWER, WHY_OK},
      {WHY_GPU_ONLY, "", "gemm m=16 n=16 k=16 type=bf16", "cublas:lt", WHY_POLICY, WHY_SLOWER, WHY_OK},
      {WHY_CPU_ONLY, "", "gemm m=4096 n=4096 k=4096 type=bf16", "openblas:cblas", WHY_OK, WHY_EXCLUDED, WHY_EXCLUDED},
      {WHY_AUTO, "cuda:mma", "gemm m=64 n=64 k=64 type=bf16", "cuda:mma", WHY_EXCLUDED, WHY_OK, WHY_OK},
      {WHY_AUTO, "openblas:cblas", "gemm m=64 n=64 k=64 type=bf16", "openblas:cblas", WHY_OK, WHY_EXCLUDED, WHY_EXCLUDED},
      {WHY_AUTO, "cuda:mma", "gemm m=64 n=64 k=64", "nothing", WHY_EXCLUDED, WHY_TYPE, WHY_TYPE},
      {WHY_AUTO, "cuda:m", "gemm m=64 n=64 k=64", "nothing", WHY_EXCLUDED, WHY_EXCLUDED, WHY_EXCLUDED},
      // clang-format on
  };
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct why_request r = fixture_request(rows[i].problem);
    r.policy = rows[i].policy;
    strcpy(r.kernel, rows[i].kernel);
    assert_int_equal(why_decide(m, &r, &d), WHY_OK);
    assert_string_equal(chosen(&d), rows[i].chosen);
    assert_int_equal(reason(&d, "openblas:cblas"), rows[i].cblas);
    assert_int_equal(reason(&d, "cuda:mma"), rows[i].mma);
    assert_int_equal(d.fallback.reason, rows[i].fallback);
  }
  why_decision_free(&d);
  fixture_close(m);
}

static void without_figures_the_gpu_goes_first(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  struct why_request r = fixture_request("gemm m=16 n=16 k=16");
  m->facts[FIXTURE_HOST].memory_bps = 0;
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  assert_string_equal(chosen(&d), "cublas:lt");
  assert_int_equal(reason(&d, "openblas:cblas"), WHY_UNRANKED);
  assert_int_equal(reason(&d, "cuda:naive"), WHY_SLOWER); // both have figures
  assert_true(isnan(fixture_find(&d, "openblas:cblas")->seconds));
  r.policy = WHY_CPU_ONLY; // the better library by what is known of kernels
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  assert_string_equal(chosen(&d), "openblas:cblas");
  assert_int_equal(reason(&d, "plain:loops"), WHY_UNRANKED);
  why_decision_free(&d);
  fixture_close(m);
}

// ---- budgets -----------------------------------------------------------------------------------

// Each threshold at -1, 0 and +1 byte: at 0 it fits, below it the reason has the two numbers.
static void budgets_bind_at_the_byte(void **state) {
  (void)state;
  const uint64_t a = 64 * 48 * 2, b = 48 * 32 * 2, c = 64 * 32 * 2, converted = 2 * (a + b + c);
  static const char problem[] = "gemm m=64 n=32 k=48 type=f16 beta=1";
  const struct {
    const char *kernel;
    enum why_reason reason;
    uint64_t need;
    size_t budget; // offset in why_budget
  } rows[] = {
      {"cuda:mma", WHY_DEVICE_MEMORY, a + b + c, offsetof(struct why_budget, device_bytes)},
      {"cuda:mma", WHY_HOST_MEMORY, a + b + c + c, offsetof(struct why_budget, host_bytes)},
      {"openblas:cblas", WHY_WORKSPACE, converted, offsetof(struct why_budget, workspace_bytes)},
      {"openblas:cblas", WHY_HOST_MEMORY, a + b + c + c + converted,
       offsetof(struct why_budget, host_bytes)},
      {"plain:loops", WHY_HOST_MEMORY, a + b + c + c, offsetof(struct why_budget, host_bytes)},
  };
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (int off = -1; off <= 1; off++) {
      struct why_request r = fixture_request(problem);
      strcpy(r.kernel, rows[i].kernel);
      r.plans = 1u << WHY_RESIDENT | 1u << WHY_ON_HOST;
      uint64_t budget = rows[i].need + (uint64_t)(int64_t)off;
      memcpy((char *)&r.budget + rows[i].budget, &budget, sizeof budget);
      assert_int_equal(why_decide(m, &r, &d), WHY_OK);
      const struct why_candidate *k = fixture_find(&d, rows[i].kernel);
      assert_int_equal(k->verdict.reason, off < 0 ? rows[i].reason : WHY_OK);
      if (off >= 0) continue;
      assert_true(k->verdict.need == (double)rows[i].need);
      assert_true(k->verdict.have == (double)budget);
      assert_string_equal(k->bound, "budget");
      assert_int_equal(d.chosen, -1);
    }
  why_decision_free(&d);
  fixture_close(m);
}

static void free_memory_binds_without_a_budget(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  struct why_request r = fixture_request("softmax rows=1024 cols=1024");
  uint64_t need = 2 * 1024 * 1024 * 4;
  for (int off = -1; off <= 1; off++) {
    m->facts[FIXTURE_GPU].free_bytes = need + (uint64_t)(int64_t)off;
    assert_int_equal(why_decide(m, &r, &d), WHY_OK);
    const struct why_candidate *k = fixture_find(&d, "cuda:online");
    assert_int_equal(k->verdict.reason == WHY_DEVICE_MEMORY, off < 0);
    assert_string_equal(k->bound, off < 0 ? "free" : "");
  }
  r.budget.device_bytes = need - 2; // the lower of the two is the one that bound
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  assert_string_equal(fixture_find(&d, "cuda:online")->bound, "budget");
  r.budget.device_bytes = (uint64_t)1 << 40; // a budget larger than the device binds nothing
  m->facts[FIXTURE_GPU].free_bytes = need;
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  assert_string_equal(fixture_find(&d, "cuda:online")->bound, "free");
  why_decision_free(&d);
  fixture_close(m);
}

// A library takes what workspace the budget leaves, down to none.
static void library_workspace_shrinks_to_what_is_left(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  struct why_request r = fixture_request("gemm m=1024 n=1024 k=1024");
  uint64_t operands = 3 * 1024 * 1024 * 4;
  strcpy(r.kernel, "cublas:lt");
  r.budget.device_bytes = operands + 1000;
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  assert_string_equal(chosen(&d), "cublas:lt");
  assert_int_equal(d.candidate[d.chosen].peak.workspace_bytes, 1000);
  assert_int_equal(d.candidate[d.chosen].peak.device_bytes, operands + 1000);
  r.budget.device_bytes = operands - 1;
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  assert_int_equal(reason(&d, "cublas:lt"), WHY_DEVICE_MEMORY);
  why_decision_free(&d);
  fixture_close(m);
}

// ---- blame, trying again -----------------------------------------------------------------------

static void blame_is_the_gpu_candidate_that_came_nearest(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  struct why_request r = fixture_request("gemm m=1024 n=1024 k=1024 type=f32");
  r.plans = 1u << WHY_RESIDENT | 1u << WHY_ON_HOST;
  r.budget.device_bytes = 1 << 20;
  m->slot[WHY_SLOT_cublas].verdict.reason = WHY_BACKEND_ABSENT;
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  assert_int_equal(reason(&d, "cublas:lt"), WHY_BACKEND_ABSENT);
  assert_int_equal(reason(&d, "cuda:mma"), WHY_TYPE);
  assert_int_equal(d.fallback.reason, WHY_DEVICE_MEMORY);           // further down than both
  assert_string_equal(d.candidate[d.blame].kernel->name, "vector"); // the fastest of those
  assert_true(d.fallback.have == 1 << 20);
  why_decision_free(&d);
  fixture_close(m);
}

static void the_next_best_runs_when_one_fails(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  struct why_request r = fixture_request("gemm m=4096 n=4096 k=4096");
  r.plans = 1u << WHY_RESIDENT | 1u << WHY_ON_HOST;
  struct why_verdict failed = {WHY_ALLOC_FAILED, 123, 0, "out of memory", ""};
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  int tries = 0;
  double last = 0;
  do {
    assert_true(d.candidate[d.chosen].seconds >= last);
    last = d.candidate[d.chosen].seconds;
    tries++;
  } while (why_decide_again(m, &d, &failed) == WHY_OK);
  assert_int_equal(d.chosen, -1);
  assert_int_equal(tries, 7); // all gemm kernels but mma, which does not take f32
  assert_int_equal(d.fallback.reason, WHY_ALLOC_FAILED);
  assert_string_equal(d.fallback.note, "out of memory");

  assert_int_equal(why_decide(m, &r, &d), WHY_OK); // a lost device takes its other kernels along
  m->lost[FIXTURE_GPU] = true;
  failed.reason = WHY_DEVICE_LOST;
  assert_int_equal(why_decide_again(m, &d, &failed), WHY_OK);
  assert_string_equal(chosen(&d), "openblas:cblas");
  assert_int_equal(reason(&d, "cuda:naive"), WHY_DEVICE_LOST);
  why_decision_free(&d);
  fixture_close(m);
}

// ---- prediction --------------------------------------------------------------------------------

static void predictions_follow_the_formula(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  struct why_request r = fixture_request("gemm m=4096 n=4096 k=4096 type=bf16");
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  const struct why_facts *g = &m->facts[FIXTURE_GPU];
  double n3 = 2.0 * 4096 * 4096 * 4096, n2 = 2.0 * 4096 * 4096;
  double in = g->latency_seconds + 2 * n2 / g->in_bps, out = g->latency_seconds + n2 / g->out_bps;
  const struct why_candidate *mma = fixture_find(&d, "cuda:mma");
  const struct why_candidate *tiled = fixture_find(&d, "cuda:tiled");
  // 32 x 32 tiles of 128 x 128 are 10.24 waves of 100 multiprocessors, 128 x 128 of 32 x 32 163.84.
  double units =
      g->launch_seconds + n3 * 11 / 10.24 / g->flops[WHY_MATH_BF16] / mma->kernel->efficiency;
  double lanes =
      g->launch_seconds + n3 * 164 / 163.84 / g->flops[WHY_MATH_F32] / tiled->kernel->efficiency;
  assert_true(fabs(mma->work_seconds / units - 1) < 1e-12);
  assert_true(fabs(tiled->work_seconds / lanes - 1) < 1e-12); // no tensor cores: the f32 rate
  assert_true(fabs(mma->seconds / (in + units + out) - 1) < 1e-12);

  r.iterations = 10; // once: operands travel once; always: with every call
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  assert_true(fabs(fixture_find(&d, "cuda:mma")->seconds / (in + 10 * units + out) - 1) < 1e-12);
  r.transfer = WHY_ALWAYS;
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  assert_true(fabs(fixture_find(&d, "cuda:mma")->seconds / (10 * (in + units + out)) - 1) < 1e-12);
  why_decision_free(&d);
  fixture_close(m);
}

static void fewer_threads_are_predicted_slower(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  struct why_request r = fixture_request("gemm m=2048 n=2048 k=2048");
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  const struct why_terms all = fixture_find(&d, "openblas:cblas")->terms;
  r.threads = 2;
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  const struct why_candidate *two = fixture_find(&d, "openblas:cblas");
  assert_true(fabs(two->terms.arithmetic / all.arithmetic - 4) < 1e-9);
  assert_true(two->seconds == why_terms_seconds(&two->terms)); // it is all the call's
  double one = fixture_find(&d, "plain:loops")->seconds;
  r.threads = 0; // it has one thread, however many it is given
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  assert_true(fixture_find(&d, "plain:loops")->seconds == one);
  why_decision_free(&d);
  fixture_close(m);
}

// ---- purity ------------------------------------------------------------------------------------

static void *decide_often(void *machine) {
  struct why_decision d = {0};
  struct why_request r = fixture_request("gemm m=512 n=512 k=512");
  intptr_t same = 1;
  for (int i = 0; i < 2000; i++) {
    if (why_decide(machine, &r, &d) || d.chosen < 0) same = 0;
    if (strcmp(d.candidate[d.chosen].kernel->name, "lt")) same = 0;
  }
  why_decision_free(&d);
  return (void *)same;
}

static void many_threads_decide_alike_and_nothing_changes(void **state) {
  (void)state;
  struct why_machine *m = fixture_open(), *copy = malloc(sizeof *copy);
  assert_non_null(copy);
  memcpy(copy, m, sizeof *m);
  pthread_t thread[4];
  void *same;
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&thread[i], NULL, decide_often, m), 0);
  for (int i = 0; i < 4; i++) {
    pthread_join(thread[i], &same);
    assert_non_null(same);
  }
  assert_memory_equal(copy, m, sizeof *m);
  free(copy);
  fixture_close(m);
}

static void a_malformed_request_is_told(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  struct why_request r = fixture_request("gemm m=4 n=4 k=4");
  r.iterations = 0;
  assert_int_equal(why_decide(m, &r, &d), WHY_BAD_INPUT);
  r = fixture_request("gemm m=4 n=4 k=4");
  r.problem.value[0] = 0;
  assert_int_equal(why_decide(m, &r, &d), WHY_BAD_INPUT);
  r = fixture_request("gemm m=4 n=4 k=4");
  struct why_op unknown = *r.problem.op;
  unknown.name = "nobody computes this";
  r.problem.op = &unknown;
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  assert_int_equal(d.chosen, -1);
  assert_int_equal(d.fallback.reason, WHY_OP_UNKNOWN);
  why_decision_free(&d);
  fixture_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(auto_takes_the_predicted_fastest),
      cmocka_unit_test(policies_choose_the_side),
      cmocka_unit_test(without_figures_the_gpu_goes_first),
      cmocka_unit_test(budgets_bind_at_the_byte),
      cmocka_unit_test(free_memory_binds_without_a_budget),
      cmocka_unit_test(library_workspace_shrinks_to_what_is_left),
      cmocka_unit_test(blame_is_the_gpu_candidate_that_came_nearest),
      cmocka_unit_test(the_next_best_runs_when_one_fails),
      cmocka_unit_test(predictions_follow_the_formula),
      cmocka_unit_test(fewer_threads_are_predicted_slower),
      cmocka_unit_test(many_threads_decide_alike_and_nothing_changes),
      cmocka_unit_test(a_malformed_request_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
