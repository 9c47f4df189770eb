// The n-th allocation, copy and launch fails, for every n, until a run passes untouched; and the
// device is lost at each of them. The work is done all the same, by the next best candidate; memory
// is given back; the verdict says what happened. Prints how many faults were survived.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "decide.h"
#include "emulated.h"
#include <cmocka.h>

static const char *const problems[] = {
    "gemm m=20 n=36 k=48 beta=1",
    "gemm m=20 n=36 k=48 type=bf16 tb=1 beta=0.5 ldc=40",
    "gemm m=9 n=7 k=5 type=f64",
    "softmax rows=4 cols=100",
    "softmax rows=4 cols=100 ldx=110 type=bf16",
};
static const enum why_reason reasons[EMU_KINDS] = {WHY_ALLOC_FAILED, WHY_CALL_FAILED,
                                                   WHY_CALL_FAILED};
static int survived;

// One run with the n-th call of this kind failing; false when no call was left to fail.
static bool run_once(struct emulated *e, const struct why_request *r, enum emu_kind kind, long n,
                     struct operands *o) {
  struct why_decision d = {0};
  struct why_times times;
  char what[128];
  snprintf(what, sizeof what, "%s of kind %d, call %ld", r->problem.op->name, (int)kind, n);
  assert_int_equal(why_consult(e->machine, r), WHY_OK);
  assert_int_equal(why_decide(e->machine, r, &d), WHY_OK);
  int first = d.chosen;
  assert_true(first >= 0);
  uint64_t used = e->used();
  e->reset();
  e->fail_nth(kind, n);
  operands_reset(o);
  assert_int_equal(why_run(e->machine, &d, o->now, &times), WHY_OK);
  bool failed = d.chosen != first;
  if (failed) {
    assert_int_equal(d.candidate[first].verdict.reason, reasons[kind]);
    assert_true(*d.candidate[first].verdict.note != 0);
    if (kind == EMU_ALLOC) assert_true(d.candidate[first].verdict.need > 0);
    survived++;
  } else {
    assert_true(e->count(kind) < n);
  }
  e->reset();
  assert_int_equal(e->used(), used);
  operands_right(o, what);
  operands_intact(o, what);
  why_decision_free(&d);
  return failed;
}

static void the_nth_call_fails(void **state) {
  (void)state;
  struct emulated e;
  emulated_open(&e, (uint64_t)16 << 20, 0);
  for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
    for (int transfer = 0; transfer < WHY_TRANSFER_COUNT; transfer++)
      for (int kind = 0; kind < EMU_KINDS; kind++) {
        struct why_problem p;
        struct why_error error;
        struct why_request r;
        struct operands o;
        assert_int_equal(why_problem_parse(problems[i], &p, &error), WHY_OK);
        why_request_default(&p, &r);
        r.policy = WHY_GPU_FIRST;
        r.transfer = (enum why_transfer)transfer;
        r.iterations = 3;
        if (p.op->operands == 3 && p.real[6] != 0) r.iterations = 1; // c is read: checked after one
        operands_make(&o, &p, 11);
        long n = 1;
        while (run_once(&e, &r, (enum emu_kind)kind, n, &o)) n++;
        if (kind != EMU_COPY || transfer != WHY_UNIFIED) assert_true(n > 1);
        operands_free(&o);
      }
  emulated_close(&e);
}

// The device goes away for good: nothing on it runs again, and the rest goes on.
static void a_lost_device_stays_lost(void **state) {
  (void)state;
  struct emulated e;
  emulated_open(&e, (uint64_t)16 << 20, 0);
  struct why_problem p;
  struct why_error error;
  struct why_request r;
  struct operands o;
  assert_int_equal(why_problem_parse(problems[0], &p, &error), WHY_OK);
  why_request_default(&p, &r);
  r.policy = WHY_GPU_ONLY; // no CPU to save it: kernel after kernel fails
  operands_make(&o, &p, 5);
  struct why_decision d = {0};
  struct why_times times;
  assert_int_equal(why_consult(e.machine, &r), WHY_OK);
  assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
  e.lose();
  enum why_reason reason = why_run(e.machine, &d, o.now, &times);
  assert_int_equal(reason, WHY_DEVICE_LOST);
  assert_int_equal(d.chosen, -1);
  assert_int_equal(d.fallback.reason, WHY_DEVICE_LOST);
  operands_intact(&o, "all lost");
  assert_memory_equal(o.now[2].data, o.before[2].data, why_tensor_bytes(&o.now[2]));
  e.reset();
  assert_int_equal(e.used(), 0);

  r.policy = WHY_GPU_FIRST; // what is lost stays lost, and the CPU does the work
  assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
  assert_int_equal(d.candidate[d.chosen].plan, WHY_ON_HOST);
  assert_int_equal(d.fallback.reason, WHY_DEVICE_LOST);
  assert_int_equal(why_run(e.machine, &d, o.now, &times), WHY_OK);
  operands_right(&o, "after the loss");
  why_decision_free(&d);
  operands_free(&o);
  emulated_close(&e);
}

// The host has no memory left for a job: each candidate is tried once, and it ends.
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
static bool no_memory;

void *__wrap_calloc(size_t count, size_t size) {
  return no_memory ? NULL : __real_calloc(count, size);
}

static void no_job_can_be_made(void **state) {
  (void)state;
  struct emulated e;
  struct why_problem p;
  struct why_error error;
  struct why_request r;
  struct operands o;
  struct why_decision d = {0};
  struct why_times times;
  emulated_open(&e, (uint64_t)16 << 20, 0);
  assert_int_equal(why_problem_parse(problems[0], &p, &error), WHY_OK);
  why_request_default(&p, &r);
  operands_make(&o, &p, 5);
  assert_int_equal(why_consult(e.machine, &r), WHY_OK);
  assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
  no_memory = true;
  enum why_reason reason = why_run(e.machine, &d, o.now, &times);
  no_memory = false;
  assert_int_equal(reason, WHY_ALLOC_FAILED);
  assert_int_equal(d.chosen, -1);
  for (int i = 0; i < d.candidates; i++) assert_false(why_could_run(d.candidate[i].verdict.reason));
  operands_intact(&o, "no memory");
  why_decision_free(&d);
  operands_free(&o);
  emulated_close(&e);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_job_can_be_made),
      cmocka_unit_test(the_nth_call_fails),
      cmocka_unit_test(a_lost_device_stays_lost),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  printf("%d faults survived\n", survived);
  return failed;
}
