// The n-th call of a library fails, for every n, through whole jobs on the emulated device with a
// fake of the library that computes: when it is asked, when a job is prepared, tried, run and given
// back, resident and streamed; and the device is lost under it. Built once a library. Prints how
// many faults were survived.
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "faults.h"
#include <cmocka.h>

// ---- the library -------------------------------------------------------------------------------

#ifdef FAKE_CUDNN
#include "fakes/cudnn.h"
#define FAKE(name) fake_cudnn_##name
#define BACKEND_NAME "cudnn"
static const struct {
  cudnnStatus_t status;
  enum why_reason reason;
} errors[] = {
    {CUDNN_STATUS_EXECUTION_FAILED, WHY_CALL_FAILED},
    {CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED, WHY_ALLOC_FAILED},
    {CUDNN_STATUS_NOT_SUPPORTED, WHY_LIBRARY},
};
static const struct fault_case cases[] = {
    {"conv2d n=1 c=2 h=4 w=4 k=2 r=3 s=3 pad_h=1", "", WHY_RESIDENT, 0, WHY_ONCE, 1, 0},
    {"softmax rows=3 cols=5", "cudnn:instance", WHY_RESIDENT, 0, WHY_ALWAYS, 3, 0},
    {"softmax rows=3 cols=5", "cudnn:instance", WHY_RESIDENT, 0, WHY_ONCE, 3, 0, WHY_GRAPH},
    {"softmax rows=9 cols=40 ldx=44", "cudnn:channel", WHY_STREAMED, 1600, WHY_ONCE, 1, 3},
    {"conv2d n=1 c=2 h=12 w=5 k=2 r=3 s=3 pad_h=1", "cudnn:graph", WHY_STREAMED, 800, WHY_ONCE, 1,
     10},
};
static int held(void) {
  return fake_cudnn_alive();
}
#else
#include "fakes/cublaslt.h"
#define FAKE(name) fake_cublaslt_##name
#define BACKEND_NAME "cublas"
static const struct {
  cublasStatus_t status;
  enum why_reason reason;
} errors[] = {
    {CUBLAS_STATUS_EXECUTION_FAILED, WHY_CALL_FAILED},
    {CUBLAS_STATUS_ALLOC_FAILED, WHY_ALLOC_FAILED},
    {CUBLAS_STATUS_NOT_SUPPORTED, WHY_LIBRARY},
};
static const struct fault_case cases[] = {
    {"gemm m=9 n=8 k=7 beta=-1.5", "", WHY_RESIDENT, 0, WHY_ONCE, 3, 0},
    {"gemm m=9 n=8 k=7 type=bf16 out=f32 ta=1", "cublas:lt", WHY_RESIDENT, 0, WHY_ALWAYS, 3, 0},
    {"gemm m=9 n=8 k=7 beta=0.5", "cublas:lt", WHY_RESIDENT, 0, WHY_ONCE, 4, 0, WHY_GRAPH},
    {"gemm m=16 n=16 k=16 beta=-1.5 ldc=20", "cublas:lt", WHY_STREAMED, 2600, WHY_ONCE, 1, 3},
    {"gemm m=12 n=16 k=20 type=f16", "cublas:lt", WHY_STREAMED, 900, WHY_ONCE, 1, 10},
};
static int held(void) {
  return fake_cublaslt_handles();
}
#endif
enum { CASES = sizeof cases / sizeof *cases, ERRORS = sizeof errors / sizeof *errors };

static int setup(void **state) {
  (void)state;
  FAKE(reset)();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  assert_int_equal(FAKE(misuses)(), 0);
  assert_int_equal(held(), 0);
  return 0;
}

static bool ours(const struct why_candidate *c) {
  return !strcmp(c->kernel->backend, BACKEND_NAME);
}

// ---- running -----------------------------------------------------------------------------------

// A row that was to run and did not has the reason, in words; LIBRARY where no way to compute it
// was left to choose from.
static void looked_over(const struct campaign *c, enum why_reason reason) {
  const struct why_verdict *v = &c->decision.candidate[c->first].verdict;
  if (v->reason && v->reason != reason && v->reason != WHY_LIBRARY)
    fail_msg("%s: %s (%s), not %s", c->what, why_name(v->reason), v->note, why_name(reason));
  if (v->reason && !*v->note) fail_msg("%s: without words", c->what);
  if (c->ends != (*c->of->kernel ? v->reason : WHY_OK))
    fail_msg("%s: it ends with %s", c->what, why_name(c->ends));
}

// Once the library has been asked and attached. Returns how many calls a run makes.
static long running_fails(struct campaign *c, int error) {
  for (long n = 1, failures = 0;; n++) {
    FAKE(reset)(); // the fault before may lie ahead still
    campaign_ready(c, "library call %ld fails, error %d", n, (int)errors[error].status);
    const struct why_candidate *first = &c->decision.candidate[c->first];
    if (!ours(first)) fail_msg("%s: %s is chosen", c->what, first->kernel->name);
    const int before = held();
    FAKE(reset)();
    FAKE(fail)(n, errors[error].status);
    campaign_run(c);
    const bool struck = FAKE(calls)() >= n;
    looked_over(c, errors[error].reason);
    assert_int_equal(FAKE(misuses)(), 0);
    if (held() > before + (n == 1)) fail_msg("%s: the library's objects stay", c->what);
    if (!struck) {
      assert_true(failures > 0 && !c->decision.candidate[c->first].verdict.reason);
      return n - 1;
    }
    failures += c->decision.candidate[c->first].verdict.reason != WHY_OK;
  }
}

static void running(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++)
    for (int error = 0; error < ERRORS; error++) {
      struct emulated e;
      struct campaign c;
      emulated_open_at(&e, PLUGINS, 1u << 30, 0);
      campaign_open(&c, &e, &cases[i]);
      faults_count("library call", cases[i].plan, running_fails(&c, error));
      campaign_close(&c);
      emulated_close(&e);
    }
}

// What fails is the device's, while the library is at work on it.
static long device_fails(struct campaign *c, enum emu_kind kind) {
  for (long n = 1;; n++) {
    campaign_ready(c, "%s %ld fails", emu_kind_name[kind], n);
    c->e->fail_nth(kind, n);
    campaign_run(c);
    looked_over(c, emu_kind_reason[kind]);
    assert_int_equal(FAKE(misuses)(), 0);
    if (c->e->count(kind) < n) {
      assert_int_equal(c->decision.candidate[c->first].verdict.reason, WHY_OK);
      return n - 1;
    }
  }
}

static void on_a_device_that_fails(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    struct emulated e;
    struct campaign c;
    emulated_open_at(&e, PLUGINS, 1u << 30, 0);
    campaign_open(&c, &e, &cases[i]);
    for (int kind = 0; kind < EMU_KINDS; kind++)
      faults_count(emu_kind_name[kind], cases[i].plan, device_fails(&c, (enum emu_kind)kind));
    campaign_close(&c);
    emulated_close(&e);
  }
}

// ---- from the first question on ----------------------------------------------------------------

// A machine that has asked nothing yet. Returns whether the n-th call was reached.
static bool from_the_start(const struct fault_case *of, long n) {
  struct emulated e;
  struct campaign c;
  FAKE(reset)();
  emulated_open_at(&e, PLUGINS, 1u << 30, 0);
  campaign_open(&c, &e, of);
  snprintf(c.what, sizeof c.what, "%s, from the start, library call %ld fails", of->problem, n);
  watchdog(c.what);
  FAKE(fail)(n, errors[0].status);
  assert_int_equal(why_consult(e.machine, &c.request), WHY_OK);
  assert_int_equal(why_decide(e.machine, &c.request, &c.decision), WHY_OK);
  bool failed = false;
  if (c.decision.chosen >= 0) {
    campaign_run(&c);
    failed = c.ends != WHY_OK;
  }
  watchdog(NULL);
  for (int i = 0; i < c.decision.candidates; i++) {
    const struct why_verdict *v = &c.decision.candidate[i].verdict;
    if (!ours(&c.decision.candidate[i]) || v->reason != WHY_CALL_FAILED) continue;
    if (!*v->note) fail_msg("%s: without words", c.what);
    failed = true;
  }
  const bool struck = FAKE(calls)() >= n;
  if (failed && !struck) fail_msg("%s: what failed?", c.what);
  if (!*of->kernel) assert_int_equal(c.ends, WHY_OK);
  campaign_close(&c);
  emulated_close(&e);
  assert_int_equal(FAKE(misuses)(), 0);
  if (held()) fail_msg("%s: the library's objects outlive it", of->problem);
  return struck;
}

static void asking(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    long n = 1;
    while (from_the_start(&cases[i], n)) n++;
    faults_count("library call, asking too", cases[i].plan, n - 1);
  }
}

// ---- the device is lost ------------------------------------------------------------------------

static void the_device_is_lost(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    struct fault_case of = cases[i];
    of.kernel = "";
    struct emulated e;
    struct campaign c;
    long n = 0;
    emulated_open_at(&e, PLUGINS, 1u << 30, 0);
    campaign_open(&c, &e, &of);
    for (bool lost = true; lost; e.machine->lost[1] = false) {
      campaign_ready(&c, "lost at call %ld", ++n);
      e.lose_at(n);
      campaign_run(&c);
      assert_int_equal(c.ends, WHY_OK);
      long calls = 0;
      for (int kind = 0; kind < EMU_KINDS; kind++) calls += e.count((enum emu_kind)kind);
      lost = calls >= n;
      const bool fell = c.decision.candidate[c.decision.chosen].plan == WHY_ON_HOST;
      if (fell && !lost) fail_msg("%s: on the CPU, and why?", c.what);
      if (e.machine->lost[1] != fell) fail_msg("%s: and nobody knows", c.what);
    }
    faults_count("device lost", of.plan, n - 1);
    campaign_close(&c);
    emulated_close(&e);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(running, setup, teardown),
      cmocka_unit_test_setup_teardown(on_a_device_that_fails, setup, teardown),
      cmocka_unit_test_setup_teardown(asking, setup, teardown),
      cmocka_unit_test_setup_teardown(the_device_is_lost, setup, teardown),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  faults_print();
  return failed;
}
