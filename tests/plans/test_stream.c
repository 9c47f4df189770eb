// Streamed plans on the emulated device: right at every budget, peak memory and copied bytes as
// predicted, and every wait needed.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "emulated.h"
#include "fixture.h"
#include "stream.h"
#include <cmocka.h>
#include <math.h>

static const char *const problems[] = {
    "gemm m=13 n=11 k=9",
    "gemm m=13 n=10 k=9 beta=0.5 alpha=-2 ldc=14 lda=11 tb=1",
    "gemm m=8 n=12 k=16 type=bf16 ta=1 beta=1",
    "gemm m=6 n=8 k=14 type=f16 out=f32 beta=1",
    "gemm m=8 n=9 k=10 type=f64",
    "softmax rows=41 cols=37",
    "softmax rows=29 cols=70 ldx=80 ldy=71 type=bf16",
    "conv2d n=2 c=3 h=9 w=7 k=4 r=3 s=3 pad_h=1 pad_w=1",
    "conv2d n=2 c=2 h=30 w=5 k=3 r=3 s=2 pad_h=2 pad_w=0 stride_h=2 dilation_h=2 layout=nhwc",
    "conv2d n=1 c=6 h=16 w=5 k=6 r=5 s=1 pad_h=4 pad_h_end=1 groups=3 type=bf16",
    "conv2d n=3 c=4 h=9 w=9 k=4 r=1 s=1 stride_h=3 stride_w=2 type=f16 layout=nhwc",
};
enum { PROBLEMS = sizeof problems / sizeof *problems };

// Of the hand-written kernels those with the fewest threads, so that a test of thousands of parts
// takes seconds.
static void choose_kernel(struct why_request *r) {
  static const char *const kernels[][2] = {
      {"gemm", "cuda:naive"}, {"softmax", "cuda:warp"}, {"conv2d", "cuda:direct"}};
  for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
    if (!strcmp(r->problem.op->name, kernels[i][0])) strcpy(r->kernel, kernels[i][1]);
}

static uint64_t operand_bytes(const struct why_problem *p) {
  struct why_case cs;
  struct why_request r;
  why_request_default(p, &r);
  why_case_fill(&r, &cs);
  return cs.operand_bytes;
}

// What the parts copy, each slice counted when it changes: by the walk, not by the formula.
static void walk_bytes(const struct why_problem *p, const struct why_parts *parts, double *in,
                       double *out, int64_t *count) {
  struct why_walk w;
  *in = *out = 0;
  *count = 0;
  why_walk_start(&w, p, parts);
  do {
    struct why_problem part;
    struct why_tensor whole[WHY_OPERANDS], slice[WHY_OPERANDS], packed;
    for (int i = 0; i < p->op->operands; i++) p->op->shape(p, i, &whole[i]), whole[i].data = NULL;
    p->op->part(p, whole, w.first, w.extent, &part, slice);
    for (int i = 0; i < p->op->operands; i++) {
      p->op->shape(&part, i, &packed);
      double bytes = (double)why_tensor_elements(&packed) * (double)why_type_bytes(packed.type);
      assert_int_equal(why_tensor_elements(&packed), why_tensor_elements(&slice[i]));
      if (p->op->role(p, i) & WHY_IN && why_walk_changes(&w, i)) *in += bytes;
      if (p->op->role(p, i) & WHY_OUT && why_walk_leaves(&w, i)) *out += bytes;
    }
    ++*count;
  } while (why_walk_next(&w));
}

// Runs what is chosen and looks at all that it held, copied and wrote.
static void run(const struct emulated *e, struct why_decision *d, struct operands *o,
                const char *what) {
  struct why_times times;
  struct why_candidate *c = &d->candidate[d->chosen];
  double in, out;
  int64_t count;
  operands_reset(o);
  e->reset();
  e->reset_peak();
  enum why_reason r = why_run(e->machine, d, o->now, &times);
  if (r) fail_msg("%s: %s %s", what, why_name(r), c->verdict.note);
  operands_right(o, what);
  operands_intact(o, what);
  assert_int_equal(e->used(), 0);
  assert_true(isnan(times.work)); // emulation makes no times
  if (c->plan != WHY_STREAMED) return;
  if (e->peak() != c->peak.device_bytes)
    fail_msg("%s: %llu bytes at the peak, %llu predicted", what, (unsigned long long)e->peak(),
             (unsigned long long)c->peak.device_bytes);
  walk_bytes(&d->request.problem, &c->parts, &in, &out, &count);
  double moved_in = (double)e->copied(1), moved_out = (double)e->copied(0);
  if (moved_in != in || moved_out != out)
    fail_msg("%s: %g bytes in and %g out, the parts have %g and %g", what, moved_in, moved_out, in,
             out);
  assert_int_equal(count, c->parts.count);
  assert_true(fabs(in - c->parts.in_bytes) <= 1e-9 * in);
  assert_true(fabs(out - c->parts.out_bytes) <= 1e-9 * out);
}

// 200 budgets from one byte to plenty: refused, streamed or resident, what runs is right, and the
// device holds exactly what was predicted.
enum { BUDGETS = SANITIZED ? 30 : 200 };
static void every_budget(void **state) {
  (void)state;
  struct emulated e;
  emulated_open(&e, (uint64_t)64 << 20, 0);
  for (int i = 0; i < PROBLEMS; i++) {
    struct why_request r = fixture_request(problems[i]);
    struct operands o;
    struct why_decision d = {0};
    int plans[WHY_PLAN_COUNT] = {0}, refused = 0;
    uint64_t plenty = 2 * operand_bytes(&r.problem), last = 0;
    operands_make(&o, &r.problem, (unsigned)i + 1);
    choose_kernel(&r);
    for (int n = 0; n < BUDGETS; n++) {
      char what[256];
      double share = (double)n / (BUDGETS - 1);
      uint64_t budget = (uint64_t)llround(pow((double)plenty, share));
      last = budget > last ? budget : last + 1;
      r.budget.device_bytes = last;
      snprintf(what, sizeof what, "%s with %llu bytes", problems[i], (unsigned long long)last);
      assert_int_equal(why_consult(e.machine, &r), WHY_OK);
      assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
      if (d.chosen < 0) {
        refused++;
        assert_int_equal(d.fallback.reason, WHY_DEVICE_MEMORY);
        assert_true(d.fallback.need > d.fallback.have && d.fallback.have == (double)last);
        continue;
      }
      const struct why_candidate *c = &d.candidate[d.chosen];
      assert_true(c->peak.device_bytes <= last);
      plans[c->plan]++;
      run(&e, &d, &o, what);
    }
    printf("%3d refused, %3d streamed, %3d resident: %s\n", refused, plans[WHY_STREAMED],
           plans[WHY_RESIDENT], problems[i]);
    assert_true(refused > 0 && plans[WHY_STREAMED] > BUDGETS / 8 && plans[WHY_RESIDENT] > 1);
    operands_free(&o);
    why_decision_free(&d);
  }
  emulated_close(&e);
}

// Asked for by name, whatever would fit; called again and again; under several schedules.
static void by_name(void **state) {
  (void)state;
  struct emulated e;
  emulated_open(&e, (uint64_t)64 << 20, 0);
  for (int i = 0; i < PROBLEMS; i++)
    for (unsigned seed = 0; seed < 8; seed++) {
      struct why_request r = fixture_request(problems[i]);
      struct operands o;
      struct why_decision d = {0};
      operands_make(&o, &r.problem, (unsigned)i + 1);
      choose_kernel(&r);
      r.plans = 1 << WHY_STREAMED;
      r.budget.device_bytes = 4 * operand_bytes(&r.problem) / (2 + seed);
      assert_int_equal(why_consult(e.machine, &r), WHY_OK);
      assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
      assert_int_equal(d.candidate[d.chosen].plan, WHY_STREAMED);
      e.seed(seed);
      run(&e, &d, &o, problems[i]);
      operands_free(&o);
      why_decision_free(&d);
    }
  emulated_close(&e);
}

static void pinned_memory_is_a_limit(void **state) {
  (void)state;
  struct emulated e;
  emulated_open(&e, (uint64_t)64 << 20, 0);
  struct why_request r = fixture_request("gemm m=200 n=200 k=200");
  struct why_decision d = {0};
  struct operands o;
  operands_make(&o, &r.problem, 1);
  r.policy = WHY_GPU_FIRST;
  r.budget.device_bytes = 100000;
  for (uint64_t pinned = 1 << 16; pinned >= 64; pinned /= 2) {
    r.budget.pinned_bytes = pinned;
    assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
    const struct why_candidate *c = &d.candidate[d.chosen];
    assert_true(c->peak.pinned_bytes <= pinned);
    assert_int_equal(c->plan, pinned >= 20480 ? WHY_STREAMED : WHY_ON_HOST);
    if (c->plan == WHY_STREAMED) run(&e, &d, &o, "little pinned memory");
  }
  bool said = false;
  for (int i = 0; i < d.candidates; i++)
    if (d.candidate[i].verdict.reason == WHY_PINNED) {
      said = true;
      assert_true(d.candidate[i].verdict.need == 20480 && d.candidate[i].verdict.have == 64);
    }
  assert_true(said);
  operands_free(&o);
  why_decision_free(&d);
  emulated_close(&e);
}

// ---- every wait is needed ----------------------------------------------------------------------

// A wait is known by who waits for which ring of marks.
enum who { QUEUE_WORK, QUEUE_IN, QUEUE_OUT, HOST };
static const struct {
  const char *name;
  enum who who;
  int first, marks;
} waits[] = {
    {"copies in wait for work on the slice before", QUEUE_IN, WHY_MARK_WORK_END, WHY_PARTS_MARKED},
    {"work waits for its copies in", QUEUE_WORK, WHY_MARK_FILLED, 1},
    {"copies out wait for work", QUEUE_OUT, WHY_MARK_WORK_END, WHY_PARTS_MARKED},
    {"work waits for the slice before to be copied out", QUEUE_WORK, WHY_MARK_EMPTIED,
     WHY_SLICES_MARKED},
    {"copies in wait for the slice before to be copied out", QUEUE_IN, WHY_MARK_EMPTIED,
     WHY_SLICES_MARKED},
    {"packing waits for its staging buffer", HOST, WHY_MARK_STAGE_IN_END, WHY_STAGES_IN},
    {"unpacking waits for its staging buffer", HOST, WHY_MARK_STAGE_OUT_END, WHY_STAGES_OUT},
};
enum { WAITS = sizeof waits / sizeof *waits };

static struct {
  enum why_reason (*after)(struct why_device *, int, int);
  enum why_reason (*until)(struct why_device *, int, double);
  int removed; // index of waits; -1: none
  long made[WAITS], unknown;
} waiting;

static bool removed(enum who who, int mark) {
  bool known = false;
  for (int i = 0; i < WAITS; i++) {
    if (waits[i].who != who || mark < waits[i].first || mark >= waits[i].first + waits[i].marks)
      continue;
    known = true;
    waiting.made[i]++;
    if (i == waiting.removed) return true;
  }
  waiting.unknown += !known;
  return false;
}
static enum why_reason counted_after(struct why_device *d, int queue, int mark) {
  static const enum who who[] = {
      [WHY_WORK] = QUEUE_WORK, [WHY_COPY_IN] = QUEUE_IN, [WHY_COPY_OUT] = QUEUE_OUT};
  return removed(who[queue], mark) ? WHY_OK : waiting.after(d, queue, mark);
}
static enum why_reason counted_until(struct why_device *d, int mark, double seconds) {
  bool release = mark == WHY_MARK_RELEASE;
  return !release && removed(HOST, mark) ? WHY_OK : waiting.until(d, mark, seconds);
}

// False: something noticed.
static bool unnoticed(const struct emulated *e, const char *problem, uint64_t bytes, int seed) {
  struct why_request r = fixture_request(problem);
  struct operands o;
  struct why_decision d = {0};
  struct why_times times;
  struct why_check check;
  r.policy = WHY_GPU_ONLY;
  r.plans = 1 << WHY_STREAMED;
  r.budget.device_bytes = bytes;
  choose_kernel(&r);
  operands_make(&o, &r.problem, 7);
  assert_int_equal(why_decide(e->machine, &r, &d), WHY_OK);
  struct why_job *job;
  assert_true(d.chosen >= 0);
  // Small staging buffers, so that they are used again and again.
  d.candidate[d.chosen].parts.stage_bytes = 256;
  assert_int_equal(why_prepare(e->machine, &d, d.chosen, &job), WHY_OK);
  e->seed((unsigned)seed);
  enum why_reason reason = why_upload(job, o.now);
  if (!reason) reason = why_launch(job);
  if (!reason) reason = why_download(job, o.now);
  why_job_times(job, &times);
  bool right = !reason && !why_check(&r.problem, o.before, o.now, &check);
  why_release(job);
  operands_free(&o);
  why_decision_free(&d);
  return right;
}

static void every_wait_is_needed(void **state) {
  (void)state;
  static const struct {
    const char *problem;
    uint64_t bytes;
  } cases[] = {
      {"gemm m=40 n=40 k=40", 6000},
      {"gemm m=40 n=40 k=40 beta=1", 6000},
      {"gemm m=40 n=40 k=40 beta=1", 3000},
      {"softmax rows=64 cols=40", 3000},
  };
  enum { CASES = sizeof cases / sizeof *cases, SEEDS = SANITIZED ? 4 : 16 };
  struct emulated e;
  emulated_open(&e, (uint64_t)64 << 20, 0);
  struct why_device *device = why_machine_live(e.machine, 1);
  waiting.after = device->after;
  waiting.until = device->until;
  device->after = counted_after;
  device->until = counted_until;
  for (int out = -1; out < WAITS; out++) {
    int noticed = 0, runs = 0;
    waiting.removed = out;
    for (int i = 0; i < CASES; i++)
      for (int seed = 0; seed < SEEDS; seed++, runs++)
        noticed += !unnoticed(&e, cases[i].problem, cases[i].bytes, seed);
    printf("%-55s %3d of %d runs notice\n", out < 0 ? "nothing removed" : waits[out].name, noticed,
           runs);
    if (out < 0)
      assert_int_equal(noticed, 0);
    else
      assert_true(noticed > 0 && waiting.made[out] > 0);
  }
  assert_int_equal(waiting.unknown, 0); // no wait but those of the table
  device->after = waiting.after;
  device->until = waiting.until;
  emulated_close(&e);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_budget),
      cmocka_unit_test(by_name),
      cmocka_unit_test(pinned_memory_is_a_limit),
      cmocka_unit_test(every_wait_is_needed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
