// The host's memory gives out: the n-th allocation of the library fails, or that and all after it,
// for every n, in deciding and in running, over every plan. Prints how many faults were survived.
// Leaves out allocations of plug-ins and of the loader.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "allocations.h"
#include "faults.h"
#include <cmocka.h>

// ---- failing allocations -----------------------------------------------------------------------

static struct {
  bool counts;    // the library is at work, not the test
  long made, nth; // the one that fails; 0: none
  bool stays;     // so do all after it
} memory;

static bool allocation_fails(void) {
  if (!memory.counts) return false;
  memory.made++;
  return memory.nth && (memory.stays ? memory.made >= memory.nth : memory.made == memory.nth);
}

static void memory_fails(long nth, bool stays) {
  memory.made = 0;
  memory.nth = nth;
  memory.stays = stays;
  memory.counts = true;
}
static bool memory_failed(void) { // and is there again
  memory.counts = false;
  return memory.made >= memory.nth;
}

// ---- running -----------------------------------------------------------------------------------

static struct emulated device;

static int open_device(void **state) {
  (void)state;
  emulated_open(&device, (uint64_t)16 << 20, 0);
  return 0;
}

static int close_device(void **state) {
  (void)state;
  emulated_close(&device);
  return 0;
}

static const struct fault_case cases[] = {
    {"gemm m=13 n=10 k=9 beta=0.5 ldc=14", "", WHY_STREAMED, 900, WHY_ONCE, 1, 0},
    {"gemm m=13 n=10 k=9 beta=0.5 ldc=14", "cuda:naive", WHY_STREAMED, 900, WHY_ONCE, 1, 3},
    {"softmax rows=11 cols=37", "", WHY_STREAMED, 1200, WHY_ALWAYS, 3, 0},
    {"conv2d n=2 c=3 h=9 w=7 k=4 r=3 s=3 pad_h=1 pad_w=1", "", WHY_STREAMED, 2000, WHY_ONCE, 1, 0},
    {"gemm m=20 n=36 k=48 beta=-1.5", "", WHY_RESIDENT, 0, WHY_ONCE, 1, 0},
    {"softmax rows=4 cols=100", "cuda:block", WHY_RESIDENT, 0, WHY_UNIFIED, 1, 0},
    {"gemm m=20 n=36 k=48 beta=-1.5", "plain:loops", WHY_ON_HOST, 0, WHY_ONCE, 1, 0},
};

// Nothing is lost silently: a row that was to run and did not says that memory was short.
static void looked_over(const struct campaign *c, bool struck, bool stays) {
  const struct why_decision *d = &c->decision;
  const enum why_reason first = d->candidate[c->first].verdict.reason;
  if (c->ends && c->ends != WHY_ALLOC_FAILED)
    fail_msg("%s: it ends with %s", c->what, why_name(c->ends));
  if (first && first != WHY_ALLOC_FAILED) fail_msg("%s: %s", c->what, why_name(first));
  if (!struck) assert_true(!c->ends && !first);
  if (stays && first && !c->ends) fail_msg("%s: what could run without memory?", c->what);
}

// Returns how many allocations a run makes.
static long each_fails(struct campaign *c, bool stays) {
  for (long n = 1;; n++) {
    campaign_ready(c, "allocation %ld of the host%s", n, stays ? " and all after it" : "");
    memory_fails(n, stays);
    campaign_call(c);
    const bool struck = memory_failed();
    campaign_look(c);
    looked_over(c, struck, stays);
    if (!struck) return n - 1;
  }
}

static void running(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int stays = 0; stays < 2; stays++) {
      struct campaign c;
      campaign_open(&c, &device, &cases[i]);
      long faults = each_fails(&c, stays);
      assert_true(faults > 0);
      faults_count(stays ? "no memory any more" : "allocation of the host", cases[i].plan, faults);
      campaign_close(&c);
    }
}

// ---- deciding ----------------------------------------------------------------------------------

// On a machine that has decided nothing yet, into a decision that is empty.
static long deciding_fails(const struct fault_case *of, bool stays) {
  for (long n = 1;; n++) {
    struct emulated fresh;
    struct campaign c;
    struct why_decision d = {0};
    emulated_open(&fresh, (uint64_t)16 << 20, 0);
    campaign_open(&c, &fresh, of);
    memory_fails(n, stays);
    watchdog(of->problem);
    enum why_reason r = why_consult(fresh.machine, &c.request);
    if (!r) r = why_decide(fresh.machine, &c.request, &d);
    watchdog(NULL);
    const bool struck = memory_failed();
    if (r && r != WHY_ALLOC_FAILED) fail_msg("%s: %s", of->problem, why_name(r));
    if (!struck) assert_int_equal(r, WHY_OK);
    if (!r) assert_true(d.chosen >= 0);
    why_decision_free(&d);
    campaign_close(&c);
    emulated_close(&fresh);
    if (!struck) return n - 1;
  }
}

static void deciding(void **state) {
  (void)state;
  for (int stays = 0; stays < 2; stays++)
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
      long faults = deciding_fails(&cases[i], stays);
      assert_true(faults > 0);
      faults_count("allocation in deciding", cases[i].plan, faults);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(running, open_device, close_device),
      cmocka_unit_test(deciding),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  faults_print();
  return failed;
}
