// The device is lost at the n-th call of it, whatever call that is, for every n, until a run passes
// untouched: the work ends on the CPU with the right result, memory is given back, and from then on
// every candidate of that device says DEVICE_LOST. Prints how many losses were survived.
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "faults.h"
#include <cmocka.h>

static struct emulated device;
enum { GPU = 1 };

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

static long calls(const struct emulated *e) {
  long sum = 0;
  for (int kind = 0; kind < EMU_KINDS; kind++) sum += e->count((enum emu_kind)kind);
  return sum;
}

// No candidate of the device could run; those that nothing else stood in the way of say why.
static void all_lost(const struct campaign *c) {
  const struct why_decision *d = &c->decision;
  int lost = 0;
  for (int i = 0; i < d->candidates; i++) {
    if (d->candidate[i].device != GPU) continue;
    enum why_reason r = d->candidate[i].verdict.reason;
    if (r > WHY_DEVICE_LOST) fail_msg("%s: a lost device's row says %s", c->what, why_name(r));
    lost += r == WHY_DEVICE_LOST;
  }
  assert_true(lost > 0);
  assert_int_equal(d->fallback.reason, WHY_DEVICE_LOST);
}

// The device stays lost: the next decision knows it, and its work is done by the CPU.
static void next_decision(struct campaign *c) {
  struct why_times times;
  watchdog(c->what);
  assert_int_equal(why_consult(c->e->machine, &c->request), WHY_OK);
  assert_int_equal(why_decide(c->e->machine, &c->request, &c->decision), WHY_OK);
  all_lost(c);
  if (c->request.policy != WHY_GPU_FIRST) {
    assert_int_equal(c->decision.chosen, -1);
    return;
  }
  assert_int_equal(c->decision.candidate[c->decision.chosen].plan, WHY_ON_HOST);
  operands_reset(&c->operands);
  assert_int_equal(why_run(c->e->machine, &c->decision, c->operands.now, &times), WHY_OK);
  watchdog(NULL);
  operands_right(&c->operands, c->what);
}

// Returns how many calls the run makes when nothing is lost.
static long lost_at_each(const struct fault_case *of) {
  struct campaign c;
  campaign_open(&c, &device, of);
  bool *lost = &device.machine->lost[GPU];
  for (long n = 1;; n++) {
    campaign_ready(&c, "lost at call %ld", n);
    device.lose_at(n);
    campaign_run(&c);
    const bool failed = campaign_failed(&c, WHY_DEVICE_LOST);
    if (calls(&device) < n) {
      assert_true(!failed && !c.ends && !*lost);
      campaign_close(&c);
      return n - 1;
    }
    if (!failed && of->plan == WHY_STREAMED) { // in its release: the next run notices
      assert_int_equal(c.ends, WHY_OK);
      operands_reset(&c.operands);
      campaign_run(&c);
      assert_true(campaign_failed(&c, WHY_DEVICE_LOST));
    }
    if (!*lost) fail_msg("%s: and nobody knows", c.what);
    if (*of->kernel) {
      assert_int_equal(c.ends, WHY_DEVICE_LOST);
    } else {
      assert_int_equal(c.ends, WHY_OK);
      assert_int_equal(c.decision.candidate[c.decision.chosen].plan, WHY_ON_HOST);
      assert_int_equal(c.decision.fallback.reason, WHY_DEVICE_LOST);
    }
    next_decision(&c);
    *lost = false;
  }
}

static const struct fault_case cases[] = {
    {"gemm m=20 n=36 k=48 beta=-1.5", "", WHY_RESIDENT, 0, WHY_ONCE, 1, 0},
    {"gemm m=20 n=36 k=48 beta=-1.5", "cuda:naive", WHY_RESIDENT, 0, WHY_ALWAYS, 3, 0},
    {"gemm m=8 n=6 k=4 type=bf16 tb=1", "", WHY_RESIDENT, 0, WHY_UNIFIED, 3, 0},
    {"softmax rows=4 cols=100 ldx=110 type=bf16", "", WHY_RESIDENT, 0, WHY_ONCE, 1, 0},
    {"conv2d n=1 c=3 h=5 w=4 k=2 r=3 s=3 pad_h=1", "", WHY_RESIDENT, 0, WHY_ALWAYS, 1, 0},
    {"gemm m=8 n=6 k=4 beta=0.5", "cuda:naive", WHY_RESIDENT, 0, WHY_ONCE, 4, 0, WHY_GRAPH},
    {"gemm m=13 n=10 k=9 beta=0.5 ldc=14", "", WHY_STREAMED, 900, WHY_ONCE, 1, 0},
    {"gemm m=16 n=16 k=16 beta=-1.5", "cuda:naive", WHY_STREAMED, 2600, WHY_ALWAYS, 3, 0},
    {"gemm m=6 n=8 k=14 type=f16 out=f32", "", WHY_STREAMED, 500, WHY_ONCE, 1, 0},
    {"softmax rows=11 cols=37", "", WHY_STREAMED, 1200, WHY_ONCE, 3, 0},
    {"conv2d n=2 c=3 h=9 w=7 k=4 r=3 s=3 pad_h=1 pad_w=1", "", WHY_STREAMED, 2000, WHY_ONCE, 1, 0},
    {"conv2d n=2 c=4 h=6 w=6 k=4 r=1 s=1 type=f16 layout=nhwc", "cuda:direct", WHY_STREAMED, 600,
     WHY_ONCE, 1, 0},
};
static const unsigned seeds[] = {0, 3, 16};

static void at_every_call(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t s = 0; s < (SANITIZED ? 1 : sizeof seeds / sizeof *seeds); s++) {
      struct fault_case of = cases[i];
      of.seed = seeds[s];
      if (of.seed && of.plan != WHY_STREAMED) continue;
      long losses = lost_at_each(&of);
      assert_true(losses > 10);
      faults_count("device lost", of.plan, losses);
    }
}

// While its queues are made, on a machine that has just been opened.
static void at_the_first_use(void **state) {
  (void)state;
  long n = 0;
  for (bool failed = true; failed;) {
    struct emulated fresh;
    struct campaign c;
    emulated_open(&fresh, (uint64_t)16 << 20, 0);
    campaign_open(&c, &fresh, &cases[3]);
    campaign_ready(&c, "lost at call %ld", ++n);
    fresh.lose_at(n);
    campaign_run(&c);
    failed = campaign_failed(&c, WHY_DEVICE_LOST);
    assert_int_equal(failed, calls(&fresh) >= n);
    assert_int_equal(c.ends, WHY_OK);
    campaign_close(&c);
    emulated_close(&fresh);
  }
  assert_true(n - 1 > WHY_QUEUES + WHY_MARKS);
  faults_count("device lost", WHY_RESIDENT, n - 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(at_the_first_use),
      cmocka_unit_test_setup_teardown(at_every_call, open_device, close_device),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  faults_print();
  return failed;
}
