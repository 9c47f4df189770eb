// The same kernel twice on this machine, as it is: two samplers over jobs of their own take turns,
// and their intervals meet in at least 95% of cells, or the program would find differences where
// there are none. Minutes, and only as calm as the machine: among the full tests.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "disturbance.h"
#include "operands.h"
#include <cmocka.h>
#include <math.h>

struct side {          // one of the two
  struct why_job *job; // shared: where operands lie makes a difference of its own
  struct sampler sampler;
  struct disturbance_watch watch;
};

static enum why_reason run(void *to, int64_t batch, double sum[PARTS]) {
  struct side *side = to;
  enum why_reason reason = WHY_OK;
  (void)sum;
  for (int64_t i = 0; i < batch && !reason; i++) {
    reason = why_launch(side->job);
    if (!reason) reason = why_wait(side->job);
  }
  return reason;
}

// Both end when the time is over, so that they take turns to the end.
static void open_side(struct side *side, struct why_job *job) {
  side->job = job;
  assert_int_equal(sampler_open(&side->sampler), WHY_OK);
  side->sampler.rules = (struct sampler_rules){1e-9, 0.1};
  side->sampler.subject = (struct subject){.to = side, .run = run};
  side->sampler.timer = timer_system;
  disturbance_open(&side->watch, "", &timer_system);
  side->sampler.watcher = disturbance_watcher(&side->watch, NULL);
  assert_int_equal(sampler_begin(&side->sampler), WHY_OK);
}

static int64_t samples, disturbed; // of all

// Do they meet?
static bool same(struct why_machine *machine, struct why_decision *d, int candidate) {
  static struct side side[2];
  struct sampled is[2];
  struct operands operands;
  struct why_job *job;
  assert_int_equal(operands_make(&d->request.problem, 1, 0, &operands), WHY_OK);
  assert_int_equal(why_prepare(machine, d, candidate, &job), WHY_OK);
  assert_int_equal(why_upload(job, operands.tensor), WHY_OK);
  for (int i = 0; i < 2; i++) open_side(&side[i], job);
  for (bool on = true; on;) {
    on = false;
    for (int i = 0; i < 2; i++) {
      if (*side[i].sampler.stop) continue;
      assert_int_equal(sampler_step(&side[i].sampler), WHY_OK);
      on = true;
    }
  }
  for (int i = 0; i < 2; i++) sampler_result(&side[i].sampler, &is[i]);
  for (int i = 0; i < 2; i++) sampler_close(&side[i].sampler);
  why_release(job);
  operands_free(&operands);
  samples += is[0].samples + is[1].samples;
  disturbed += is[0].disturbed + is[1].disturbed;
  bool meet = is[0].ci_low <= is[1].ci_high && is[1].ci_low <= is[0].ci_high;
  if (!meet)
    print_message("  %s: [%.4g, %.4g] and [%.4g, %.4g], %d and %d of %d and %d disturbed\n",
                  d->candidate[candidate].kernel->name, is[0].ci_low, is[0].ci_high, is[1].ci_low,
                  is[1].ci_high, is[0].disturbed, is[1].disturbed, is[0].samples, is[1].samples);
  return meet;
}

static void twice_the_same_kernel_is_the_same(void **state) {
  static const char *const problem[] = {
      "gemm m=16 n=16 k=16",        "gemm m=100 n=100 k=100",
      "gemm m=256 n=256 k=256",     "softmax rows=16 cols=100",
      "softmax rows=200 cols=1000", "softmax rows=1000 cols=2000",
      "gemm m=1 n=512 k=512",       "conv2d n=1 c=16 h=14 w=14 k=16 r=3 s=3",
      "softmax rows=1 cols=10000",  "conv2d n=2 c=32 h=28 w=28 k=32 r=1 s=1"};
  struct why_options options = {.library_dir = WHY_TEST_PLUGINS};
  struct why_machine *machine;
  int cells = 0, meet = 0;
  (void)state;
  assert_int_equal(why_open(&options, &machine), WHY_OK);
  for (int round = 0; round < 2; round++)
    for (size_t i = 0; i < sizeof problem / sizeof problem[0]; i++) {
      struct why_request request;
      struct why_decision decision = {0};
      struct why_problem p;
      struct why_error error;
      assert_int_equal(why_problem_parse(problem[i], &p, &error), WHY_OK);
      why_request_default(&p, &request);
      request.policy = WHY_CPU_ONLY;
      request.threads = 1;
      assert_int_equal(why_consult(machine, &request), WHY_OK);
      assert_int_equal(why_decide(machine, &request, &decision), WHY_OK);
      for (int c = 0; c < decision.candidates; c++) {
        const struct why_candidate *candidate = &decision.candidate[c];
        if (!why_could_run(candidate->verdict.reason) || candidate->plan != WHY_ON_HOST) continue;
        cells++;
        meet += same(machine, &decision, c);
      }
      why_decision_free(&decision);
    }
  why_close(machine);
  double share = (double)disturbed / (double)samples;
  print_message("%d of %d pairs meet; %.1f%% of samples were disturbed\n", meet, cells,
                100 * share);
  assert_true(cells >= 50);
  if (meet < 0.95 * cells && share > 0.2) {
    print_message("SKIP: other work runs on this machine\n");
    exit(77);
  }
  assert_true(meet >= 0.95 * cells);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(twice_the_same_kernel_is_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
