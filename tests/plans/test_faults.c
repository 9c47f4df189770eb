// The n-th allocation, copy, launch, mark or wait fails, for every n, until a run passes untouched:
// over every op, plan and transfer. Where another kernel or the CPU can do the work, it is done;
// where none can, the failure is the answer. Prints how many faults were survived.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

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

// A release waits for what is still queued: that a mark or a wait fails there hurts nothing.
enum { MARKS_OF_RELEASE = 2 * WHY_QUEUES };

// Each call of one kind fails in turn. Returns how many there were.
static long each_fails(struct campaign *c, enum emu_kind kind) {
  const enum why_reason reason = emu_kind_reason[kind];
  const bool alone = *c->of->kernel;
  int absorbed = 0;
  for (long n = 1;; n++) {
    campaign_ready(c, "%s %ld fails", emu_kind_name[kind], n);
    c->e->fail_nth(kind, n);
    campaign_run(c);
    const bool struck = c->e->count(kind) >= n, failed = campaign_failed(c, reason);
    if (!struck) {
      assert_false(failed);
      return n - 1;
    }
    if (!failed && (kind != EMU_QUEUE || c->of->plan != WHY_STREAMED))
      fail_msg("%s: and it does not matter", c->what);
    absorbed += !failed;
    if (c->ends != (alone && failed ? reason : WHY_OK))
      fail_msg("%s: it ends with %s", c->what, why_name(c->ends));
    assert_true(absorbed <= MARKS_OF_RELEASE);
  }
}

static void every_kind(const struct fault_case *of) {
  struct campaign c;
  campaign_open(&c, &device, of);
  for (int kind = 0; kind < EMU_KINDS; kind++) {
    long faults = each_fails(&c, (enum emu_kind)kind);
    if (of->plan == WHY_ON_HOST)
      assert_int_equal(faults, 0);
    else
      assert_true(faults > 0);
    faults_count(emu_kind_name[kind], of->plan, faults);
  }
  campaign_close(&c);
}

// ---- resident ----------------------------------------------------------------------------------

static const struct {
  const char *problem, *kernel;
} problems[] = {
    {"gemm m=20 n=36 k=48 beta=-1.5", "cuda:tiled"},
    {"gemm m=20 n=36 k=48 type=bf16 tb=1 ldc=40", "cuda:mma"},
    {"gemm m=9 n=7 k=5 type=f64", "cuda:register"},
    {"gemm m=4 n=8 k=16 type=f16 out=f32", "cuda:naive"},
    {"gemm m=8 n=8 k=8", "cuda:vector"},
    {"softmax rows=4 cols=100", "cuda:block"},
    {"softmax rows=4 cols=100 ldx=110 ldy=101 type=bf16", "cuda:online"},
    {"softmax rows=3 cols=33", "cuda:warp"},
    {"conv2d n=1 c=3 h=5 w=4 k=2 r=3 s=3 pad_h=1 pad_w=1", "cuda:direct"},
    {"conv2d n=1 c=4 h=5 w=5 k=4 r=3 s=2 groups=2 type=bf16 layout=nhwc", "cuda:direct"},
    {"conv2d n=1 c=4 h=5 w=5 k=4 r=3 s=2 pad_h=1", "cuda:implicit"},
    {"conv2d n=1 c=4 h=5 w=5 k=4 r=3 s=2 type=f16", "cuda:mma"},
};
enum { PROBLEMS = sizeof problems / sizeof *problems };

static void resident(void **state) {
  (void)state;
  for (int i = 0; i < PROBLEMS; i++)
    for (int transfer = 0; transfer < WHY_TRANSFER_COUNT; transfer++)
      for (int alone = 0; alone < 2; alone++) {
        const struct fault_case of = {
            .problem = problems[i].problem,
            .kernel = alone ? problems[i].kernel : "",
            .plan = WHY_RESIDENT,
            .transfer = (enum why_transfer)transfer,
            .iterations = (i + transfer + alone) % 2 ? 1 : 3, // half of them each
            .submit = i % 4 < 2 ? WHY_CALLS : WHY_GRAPH,
        };
        every_kind(&of);
      }
}

// ---- streamed ----------------------------------------------------------------------------------

static const struct fault_case streamed_cases[] = {
    {"gemm m=13 n=10 k=9 beta=0.5 tb=1 ldc=14", "cuda:naive", WHY_STREAMED, 900, WHY_ONCE, 1, 0},
    {"gemm m=16 n=16 k=16 beta=-1.5", "", WHY_STREAMED, 2600, WHY_ONCE, 3, 0},
    {"gemm m=8 n=12 k=16 type=bf16 ta=1 beta=1", "cuda:naive", WHY_STREAMED, 500, WHY_ONCE, 1, 0},
    {"gemm m=6 n=8 k=14 type=f16 out=f32", "", WHY_STREAMED, 500, WHY_ALWAYS, 1, 0},
    {"gemm m=8 n=9 k=10 type=f64", "cuda:naive", WHY_STREAMED, 1300, WHY_ALWAYS, 3, 0},
    {"softmax rows=11 cols=37", "cuda:warp", WHY_STREAMED, 1200, WHY_ONCE, 3, 0},
    {"softmax rows=9 cols=70 ldx=80 ldy=71 type=bf16", "", WHY_STREAMED, 1200, WHY_ALWAYS, 1, 0},
    {"conv2d n=2 c=3 h=9 w=7 k=4 r=3 s=3 pad_h=1 pad_w=1", "", WHY_STREAMED, 2000, WHY_ONCE, 1, 0},
    {"conv2d n=1 c=6 h=16 w=5 k=6 r=5 s=1 pad_h=4 groups=3 type=bf16", "cuda:direct", WHY_STREAMED,
     1000, WHY_ONCE, 1, 0},
    {"conv2d n=3 c=4 h=6 w=6 k=4 r=1 s=1 stride_h=3 type=f16 layout=nhwc", "cuda:direct",
     WHY_STREAMED, 700, WHY_ALWAYS, 1, 0},
};
// In order; one queue for long; ahead of time.
static const unsigned seeds[] = {0, 3, 16};

static void streamed(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof streamed_cases / sizeof *streamed_cases; i++)
    for (size_t s = 0; s < (SANITIZED ? 1 : sizeof seeds / sizeof *seeds); s++) {
      struct fault_case of = streamed_cases[i];
      of.seed = seeds[s];
      every_kind(&of);
    }
}

// ---- on the host -------------------------------------------------------------------------------

// Whatever would fail on the device, nothing of it is called.
static void on_the_host(void **state) {
  (void)state;
  static const struct fault_case cases[] = {
      {"gemm m=20 n=36 k=48 beta=-1.5", "plain:loops", WHY_ON_HOST, 0, WHY_ONCE, 3, 0},
      {"softmax rows=4 cols=100 type=bf16", "plain:portable", WHY_ON_HOST, 0, WHY_ALWAYS, 1, 0},
      {"conv2d n=1 c=3 h=5 w=4 k=2 r=3 s=3", "plain:loops", WHY_ON_HOST, 0, WHY_UNIFIED, 1, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) every_kind(&cases[i]);
}

// ---- the first call of all ---------------------------------------------------------------------

// Making the device's queues fails, on a machine that has just been opened.
static void the_first_use(void **state) {
  (void)state;
  static const struct fault_case of = {
      "softmax rows=3 cols=33", "", WHY_RESIDENT, 0, WHY_ONCE, 1, 0};
  long n = 0;
  for (bool failed = true; failed;) {
    struct emulated fresh;
    struct campaign c;
    emulated_open(&fresh, (uint64_t)16 << 20, 0);
    campaign_open(&c, &fresh, &of);
    campaign_ready(&c, "queue call %ld fails", ++n);
    fresh.fail_nth(EMU_QUEUE, n);
    campaign_run(&c);
    failed = campaign_failed(&c, WHY_CALL_FAILED);
    assert_int_equal(failed, fresh.count(EMU_QUEUE) >= n);
    assert_int_equal(c.ends, WHY_OK);
    campaign_close(&c);
    emulated_close(&fresh);
  }
  assert_true(n - 1 > WHY_QUEUES + WHY_MARKS);
  faults_count(emu_kind_name[EMU_QUEUE], WHY_RESIDENT, n - 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_use), // before the device is used
      cmocka_unit_test_setup_teardown(resident, open_device, close_device),
      cmocka_unit_test_setup_teardown(streamed, open_device, close_device),
      cmocka_unit_test_setup_teardown(on_the_host, open_device, close_device),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  faults_print();
  return failed;
}
