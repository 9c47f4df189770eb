// From decision to result on a GPU, emulated or real. See every_kernel.h.
#include "every_kernel.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *const problems[] = {
    "gemm m=1 n=1 k=1",
    "gemm m=67 n=35 k=41",
    "gemm m=67 n=35 k=41 beta=0.5 alpha=-2 ldc=40",
    "gemm m=64 n=64 k=64 beta=1",
    "gemm m=33 n=65 k=17 ta=1 tb=1 lda=40 ldb=20 ldc=70 beta=1 type=f64",
    "gemm m=20 n=36 k=48 type=bf16 tb=1 beta=1",
    "gemm m=20 n=36 k=48 type=f16 ta=1",
    "softmax rows=5 cols=77",
    "softmax rows=3 cols=1030 ldx=1040 ldy=1031 type=bf16",
    "softmax rows=40 cols=1",
    "conv2d n=2 c=3 h=9 w=7 k=5 r=3 s=3 pad_h=1 pad_w=1",
    "conv2d n=1 c=8 h=10 w=9 k=6 r=3 s=2 stride_h=2 pad_h=1 pad_h_end=0 dilation_w=2 groups=2",
    "conv2d n=1 c=16 h=8 w=8 k=24 r=3 s=3 pad_h=1 pad_w=1 type=bf16 layout=nhwc",
    "conv2d n=2 c=8 h=7 w=7 k=16 r=1 s=1 stride_h=2 stride_w=2 type=f16",
};
enum { PROBLEMS = sizeof problems / sizeof *problems };

struct why_request plans_request(const char *text) {
  struct why_problem p;
  struct why_error error;
  struct why_request r;
  if (why_problem_parse(text, &p, &error)) fail_msg("%s: %s", text, error.text);
  why_request_default(&p, &r);
  return r;
}

static void times_right(const struct why_facts *device, const struct why_times *t,
                        const char *what) {
  bool right = device->emulated ? !(t->work >= 0)
               : device->host   ? t->work >= 0 && isfinite(t->work)
                                : t->copy_in > 0 && t->work > 0 && t->copy_out > 0 &&
                                    isfinite(t->total) && t->total >= t->work;
  if (!right)
    fail_msg("%s: copy in %g s, work %g s, copy out %g s, in all %g s", what, t->copy_in, t->work,
             t->copy_out, t->total);
}

// Decides and runs; what the chosen candidate left must be right. False: none can run.
static bool computes(struct why_machine *m, const struct why_request *r, struct operands *o,
                     struct why_decision *d, const struct emulated *hands) {
  char problem[256], what[384];
  struct why_times times;
  why_problem_text(&r->problem, problem, sizeof problem);
  snprintf(what, sizeof what, "%s, %s, %s", problem, r->kernel, why_transfer_name(r->transfer));
  assert_int_equal(why_consult(m, r), WHY_OK);
  assert_int_equal(why_decide(m, r, d), WHY_OK);
  if (d->chosen < 0) return false;
  if (hands) hands->reset_peak();
  operands_reset(o);
  enum why_reason reason = why_run(m, d, o->now, &times);
  if (reason) fail_msg("%s: %s %s", what, why_name(reason), d->candidate[d->chosen].verdict.note);
  const struct why_candidate *c = &d->candidate[d->chosen];
  operands_right(o, what);
  operands_intact(o, what);
  times_right(why_machine_device(m, c->device), &times, what);
  if (hands) {
    assert_int_equal(hands->used(), 0);
    assert_int_equal(hands->peak(), c->peak.device_bytes);
  }
  return true;
}

// Is there a device here that has all that the kernel needs of one?
static bool device_for(const struct why_machine *m, const struct why_kernel *k) {
  for (int i = 0; i < why_machine_devices(m); i++) {
    const struct why_facts *f = why_machine_device(m, i);
    bool last = !k->capability_last || f->capability <= k->capability_last;
    if (strcmp(f->backend, k->device) == 0 && f->capability >= k->capability && last &&
        !(k->cpu_features & ~f->cpu_features))
      return true;
  }
  return false;
}

// Several calls are not one.
static bool adds_up(const struct why_problem *p) {
  for (int i = 0; i < p->op->operands; i++)
    if (p->op->role(p, i) == WHY_INOUT) return true;
  return false;
}

void every_kernel_computes(struct why_machine *m, const char *backend,
                           const struct emulated *hands) {
  struct why_decision d = {0};
  int ran[WHY_KERNELS] = {0}, kernels = 0;
  for (int i = 0; i < PROBLEMS; i++) {
    struct why_request r = plans_request(problems[i]);
    struct operands o;
    operands_make(&o, &r.problem, (unsigned)i + 1);
    for (int k = 0; k < why_kernel_count(); k++) {
      const struct why_kernel *kernel = why_kernel_at(k);
      if (strcmp(kernel->backend, backend) != 0 || why_op_find(kernel->op) != r.problem.op)
        continue;
      snprintf(r.kernel, sizeof r.kernel, "%s:%s", kernel->backend, kernel->name);
      for (int t = 0; t < WHY_TRANSFER_COUNT; t++) {
        r.transfer = (enum why_transfer)t;
        ran[k] += computes(m, &r, &o, &d, hands);
      }
      if (adds_up(&r.problem)) continue;
      r.transfer = WHY_ONCE;
      r.submit = WHY_GRAPH;
      r.iterations = 2;
      ran[k] += computes(m, &r, &o, &d, hands);
      r.submit = WHY_CALLS;
      r.iterations = 1;
    }
    operands_free(&o);
  }
  for (int k = 0; k < why_kernel_count(); k++) {
    const struct why_kernel *kernel = why_kernel_at(k);
    if (strcmp(kernel->backend, backend) != 0 || !device_for(m, kernel)) continue;
    kernels++;
    if (!ran[k]) fail_msg("%s:%s took none of the problems", kernel->backend, kernel->name);
  }
  if (!kernels) fail_msg("no device here meets the needs of any kernel of %s", backend);
  why_decision_free(&d);
}

void streamed_plans_compute(struct why_machine *m, const struct emulated *hands) {
  struct why_decision d = {0};
  int ran = 0;
  for (int i = 0; i < PROBLEMS; i++) {
    struct why_request r = plans_request(problems[i]);
    struct operands o;
    uint64_t bytes = 0;
    operands_make(&o, &r.problem, (unsigned)i + 1);
    for (int k = 0; k < r.problem.op->operands; k++) bytes += why_tensor_bytes(&o.now[k]);
    r.policy = WHY_GPU_ONLY;
    r.plans = 1u << WHY_STREAMED;
    for (uint64_t part = 2; part <= 4; part *= 2) {
      r.budget.device_bytes = bytes / part;
      if (!computes(m, &r, &o, &d, hands)) continue; // its smallest parts need more
      assert_int_equal(d.candidate[d.chosen].plan, WHY_STREAMED);
      assert_true(d.candidate[d.chosen].parts.count > 1);
      ran++;
    }
    operands_free(&o);
  }
  assert_true(ran > PROBLEMS / 2);
  why_decision_free(&d);
}

void iterations_accumulate(struct why_machine *m) {
  static const enum why_policy policies[] = {WHY_GPU_FIRST, WHY_CPU_ONLY};
  for (int i = 0; i < 2; i++)
    for (int t = 0; t < WHY_TRANSFER_COUNT * WHY_SUBMIT_COUNT; t++) {
      struct operands o;
      struct why_times times;
      struct why_decision d = {0};
      struct why_request r = plans_request("gemm m=8 n=8 k=8 beta=1");
      r.policy = policies[i];
      r.transfer = (enum why_transfer)(t / WHY_SUBMIT_COUNT);
      r.submit = (enum why_submit)(t % WHY_SUBMIT_COUNT);
      r.iterations = 10;
      operands_make(&o, &r.problem, 3);
      assert_int_equal(why_consult(m, &r), WHY_OK);
      assert_int_equal(why_decide(m, &r, &d), WHY_OK);
      assert_int_equal(d.candidate[d.chosen].plan, i ? WHY_ON_HOST : WHY_RESIDENT);
      assert_int_equal(why_run(m, &d, o.now, &times), WHY_OK);
      o.problem.real[5] = 10; // the same as one call with alpha 10
      operands_right(&o, "ten iterations");
      times_right(why_machine_device(m, d.candidate[d.chosen].device), &times, "ten iterations");
      operands_free(&o);
      why_decision_free(&d);
    }
}

void exact_memory_decides(struct why_machine *m, int off, bool by_budget,
                          const struct emulated *hands) {
  struct why_request r = plans_request("gemm m=31 n=17 k=23 beta=1 type=f16");
  struct operands o;
  struct why_decision d = {0};
  uint64_t limit = EXACT_BYTES + (uint64_t)(int64_t)off;
  bool fits = off >= 0;
  r.policy = WHY_GPU_FIRST;
  r.plans = 1u << WHY_RESIDENT | 1u << WHY_ON_HOST; // whole or not at all
  if (by_budget) r.budget.device_bytes = limit;
  operands_make(&o, &r.problem, 7);
  assert_true(computes(m, &r, &o, &d, hands));
  const struct why_candidate *c = &d.candidate[d.chosen];
  assert_int_equal(c->plan, fits ? WHY_RESIDENT : WHY_ON_HOST);
  assert_int_equal(c->peak.device_bytes, fits ? EXACT_BYTES : 0);
  assert_int_equal(d.fallback.reason, fits ? WHY_OK : WHY_DEVICE_MEMORY);
  if (!fits) {
    assert_true(d.fallback.need >= EXACT_BYTES); // more with a library's workspace
    assert_true(d.fallback.have == (double)limit);
  }
  operands_free(&o);
  why_decision_free(&d);
}
