// From decision to result on the emulated device: every hand-written kernel, every transfer mode,
// exact budgets, peak memory as predicted, retries that keep INOUT operands.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "decide.h"
#include "emulated.h"
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
};
enum { PROBLEMS = sizeof problems / sizeof *problems };

static struct why_request request(const char *text) {
  struct why_problem p;
  struct why_error error;
  struct why_request r;
  if (why_problem_parse(text, &p, &error)) fail_msg("%s: %s", text, error.text);
  why_request_default(&p, &r);
  return r;
}

static void name_kernel(struct why_request *r, const struct why_kernel *k) {
  snprintf(r->kernel, sizeof r->kernel, "%s:%s", k->backend, k->name);
}

// Every kernel in the catalog with code here runs every problem that it takes.
static void every_kernel_in_every_transfer_mode(void **state) {
  (void)state;
  struct emulated e;
  struct why_decision d = {0};
  int ran[WHY_KERNELS] = {0};
  emulated_open(&e, (uint64_t)64 << 20, 0);
  for (int i = 0; i < PROBLEMS; i++) {
    struct why_request r = request(problems[i]);
    struct operands o;
    operands_make(&o, &r.problem, (unsigned)i + 1);
    for (int k = 0; k < why_kernel_count(); k++) {
      const struct why_kernel *kernel = why_kernel_at(k);
      if (why_op_find(kernel->op) != r.problem.op) continue;
      name_kernel(&r, kernel);
      for (int t = 0; t < WHY_TRANSFER_COUNT; t++) {
        char what[256];
        struct why_times times;
        snprintf(what, sizeof what, "%s, %s, %s", problems[i], r.kernel, why_transfer_name(t));
        r.transfer = (enum why_transfer)t;
        assert_int_equal(why_consult(e.machine, &r), WHY_OK);
        assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
        if (d.chosen < 0) continue;
        ran[k]++;
        e.reset_peak();
        operands_reset(&o);
        enum why_reason reason = why_run(e.machine, &d, o.now, &times);
        if (reason) fail_msg("%s: %s", what, why_name(reason));
        operands_right(&o, what);
        operands_intact(&o, what);
        assert_int_equal(e.used(), 0);
        assert_int_equal(e.peak(), d.candidate[d.chosen].peak.device_bytes);
        bool emulated = e.machine->facts[d.candidate[d.chosen].device].emulated;
        assert_true(!emulated || !(times.work >= 0)); // emulation never makes a time
      }
    }
    operands_free(&o);
  }
  for (int k = 0; k < why_kernel_count(); k++) {
    const struct why_kernel *kernel = why_kernel_at(k);
    if (strcmp(kernel->backend, "cuda") != 0 && strcmp(kernel->backend, "plain") != 0) continue;
    if (kernel->cpu_features & ~e.machine->facts[0].cpu_features) continue;
    if (!ran[k]) fail_msg("%s:%s took none of the problems", kernel->backend, kernel->name);
  }
  why_decision_free(&d);
  emulated_close(&e);
}

// A device of exactly the memory that is needed is enough, with one byte less the CPU does it.
static void a_device_of_exactly_the_memory(void **state) {
  (void)state;
  struct why_request r = request("gemm m=31 n=17 k=23 beta=1 type=f16");
  uint64_t need = 2 * (31 * 23 + 23 * 17 + 31 * 17);
  for (int off = -1; off <= 1; off++)
    for (int budget = 0; budget < 2; budget++) { // by the device's size, or by the budget asked for
      struct emulated e;
      struct operands o;
      struct why_times times;
      struct why_decision d = {0};
      uint64_t limit = need + (uint64_t)(int64_t)off;
      emulated_open(&e, budget ? (uint64_t)1 << 20 : limit, 0);
      r.policy = WHY_GPU_FIRST;
      r.budget.device_bytes = budget ? limit : WHY_UNLIMITED;
      operands_make(&o, &r.problem, 7);
      assert_int_equal(why_consult(e.machine, &r), WHY_OK);
      assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
      const struct why_candidate *c = &d.candidate[d.chosen];
      assert_int_equal(c->plan, off < 0 ? WHY_ON_HOST : WHY_RESIDENT);
      assert_int_equal(d.fallback.reason, off < 0 ? WHY_DEVICE_MEMORY : WHY_OK);
      assert_int_equal(why_run(e.machine, &d, o.now, &times), WHY_OK);
      assert_int_equal(e.peak(), off < 0 ? 0 : need);
      operands_right(&o, "exact memory");
      operands_free(&o);
      why_decision_free(&d);
      emulated_close(&e);
    }
}

// Ten calls on the same operands: with beta = 1, c takes ten products.
static void iterations_accumulate(void **state) {
  (void)state;
  static const enum why_policy policies[] = {WHY_GPU_FIRST, WHY_CPU_ONLY};
  for (int i = 0; i < 2; i++)
    for (int t = 0; t < WHY_TRANSFER_COUNT; t++) {
      struct emulated e;
      struct operands o;
      struct why_times times;
      struct why_decision d = {0};
      emulated_open(&e, (uint64_t)1 << 20, 0);
      struct why_request r = request("gemm m=8 n=8 k=8 beta=1");
      r.policy = policies[i];
      r.transfer = (enum why_transfer)t;
      r.iterations = 10;
      operands_make(&o, &r.problem, 3);
      why_consult(e.machine, &r);
      assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
      assert_int_equal(why_run(e.machine, &d, o.now, &times), WHY_OK);
      o.problem.real[5] = 10; // the same as one call with alpha 10
      operands_right(&o, "ten iterations");
      operands_free(&o);
      why_decision_free(&d);
      emulated_close(&e);
    }
}

static void wrong_operands_are_refused(void **state) {
  (void)state;
  struct emulated e;
  struct operands o;
  struct why_decision d = {0};
  struct why_times times;
  emulated_open(&e, (uint64_t)1 << 20, 0);
  struct why_request r = request("gemm m=8 n=9 k=10");
  operands_make(&o, &r.problem, 3);
  why_consult(e.machine, &r);
  assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
  struct why_tensor good = o.now[0];
  o.now[0].dim[0]++;
  assert_int_equal(why_run(e.machine, &d, o.now, &times), WHY_BAD_INPUT);
  o.now[0] = good;
  o.now[0].stride[0]++;
  assert_int_equal(why_run(e.machine, &d, o.now, &times), WHY_BAD_INPUT);
  o.now[0] = good;
  o.now[0].type = WHY_F64;
  assert_int_equal(why_run(e.machine, &d, o.now, &times), WHY_BAD_INPUT);
  o.now[0] = good;
  o.now[0].data = NULL;
  assert_int_equal(why_run(e.machine, &d, o.now, &times), WHY_BAD_INPUT);
  o.now[0] = good;
  assert_int_equal(why_run(e.machine, &d, o.now, &times), WHY_OK);
  operands_right(&o, "after refusals");
  operands_free(&o);
  why_decision_free(&d);
  emulated_close(&e);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kernel_in_every_transfer_mode),
      cmocka_unit_test(a_device_of_exactly_the_memory),
      cmocka_unit_test(iterations_accumulate),
      cmocka_unit_test(wrong_operands_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
