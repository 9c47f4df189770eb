// Two faults in one run, every pair of them for small problems: of one kind, and of two. The second
// strikes what the first left behind, such as the retry by the next best candidate. Prints how many
// pairs were survived.
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "faults.h"
#include <cmocka.h>

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

// The faults are the n-th of kind a, and the m-th of kind b: counted from the start, or from the
// first fault where the kinds are one. Returns how many of them struck.
static int strike(struct campaign *c, enum emu_kind a, long n, enum emu_kind b, long m) {
  campaign_ready(c, "%s %ld and %s %ld fail", emu_kind_name[a], n, emu_kind_name[b], m);
  c->e->fail_nth(a, n);
  if (a == b)
    c->e->fail_again(a, m);
  else
    c->e->fail_nth(b, m);
  campaign_run(c);
  if (c->ends != WHY_OK && !*c->of->kernel)
    fail_msg("%s: it ends with %s", c->what, why_name(c->ends));
  const struct why_verdict *v = &c->decision.candidate[c->first].verdict;
  if (v->reason && (v->reason != emu_kind_reason[a] && v->reason != emu_kind_reason[b]))
    fail_msg("%s: %s (%s)", c->what, why_name(v->reason), v->note);
  if (v->reason && !*v->note) fail_msg("%s: %s without words", c->what, why_name(v->reason));
  if (a == b) return (c->e->count(a) >= n) + (c->e->count(a) >= n + m);
  return (c->e->count(a) >= n) + (c->e->count(b) >= m);
}

// Pairs of which both struck.
static long every_pair(struct campaign *c, enum emu_kind a, enum emu_kind b) {
  long pairs = 0;
  for (long n = 1;; n++) {
    bool first = false; // the n-th of a was reached in some run
    for (long m = 1;; m++) {
      const int struck = strike(c, a, n, b, m);
      first |= c->e->count(a) >= n;
      pairs += struck == 2;
      if (c->e->count(b) < (a == b ? n + m : m)) break;
    }
    if (!first) return pairs;
  }
}

static const struct fault_case cases[] = {
    {"gemm m=3 n=4 k=5 beta=1", "", WHY_RESIDENT, 0, WHY_ONCE, 1, 0},
    {"gemm m=3 n=4 k=5 type=f16", "", WHY_RESIDENT, 0, WHY_UNIFIED, 3, 0},
    {"softmax rows=2 cols=9", "", WHY_RESIDENT, 0, WHY_ALWAYS, 2, 0},
    {"conv2d n=1 c=2 h=3 w=3 k=2 r=2 s=2", "", WHY_RESIDENT, 0, WHY_ONCE, 1, 0},
    {"gemm m=2 n=2 k=3 beta=1", "cuda:naive", WHY_STREAMED, 60, WHY_ONCE, 1, 0},
    {"gemm m=2 n=1 k=2 beta=1", "", WHY_STREAMED, 28, WHY_ONCE, 1, 0},
    {"softmax rows=2 cols=9", "", WHY_STREAMED, 140, WHY_ONCE, 1, 0},
    {"softmax rows=2 cols=9", "cuda:warp", WHY_STREAMED, 140, WHY_ONCE, 1, 3},
    {"conv2d n=2 c=1 h=3 w=3 k=1 r=2 s=2 pad_h=1", "cuda:direct", WHY_STREAMED, 130, WHY_ONCE, 1,
     0},
};

static void pairs(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct campaign c;
    long all = 0;
    campaign_open(&c, &device, &cases[i]);
    for (int a = 0; a < EMU_KINDS; a++)
      for (int b = a; b < EMU_KINDS; b++) {
        long struck = every_pair(&c, (enum emu_kind)a, (enum emu_kind)b);
        all += struck;
        if (!*cases[i].kernel) assert_true(struck > 0); // one by itself ends with the first
        faults_count(a == b ? "pairs of one kind" : "pairs of two kinds", cases[i].plan, struck);
      }
    printf("%5ld %s\n", all, cases[i].problem);
    assert_true(all > 0);
    campaign_close(&c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(pairs, open_device, close_device),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  faults_print();
  return failed;
}
