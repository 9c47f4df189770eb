// From decision to result on the emulated device: every hand-written kernel, every transfer mode,
// exact budgets, peak memory as predicted, retries that keep INOUT operands.
#include <setjmp.h>
#include <stdarg.h>

#include "every_kernel.h"
#include <cmocka.h>

static void every_kernel_in_every_transfer_mode(void **state) {
  (void)state;
  static const int slots[] = {WHY_SLOT_plain, WHY_SLOT_openblas, WHY_SLOT_cuda};
  struct emulated e;
  emulated_open(&e, (uint64_t)64 << 20, 0);
  for (int i = 0; i < 3; i++)
    if (slots[i] != WHY_SLOT_openblas || why_load(e.machine, slots[i]) == WHY_OK)
      every_kernel_computes(e.machine, e.machine->slot[slots[i]].name, &e);
  emulated_close(&e);
}

static void a_device_of_exactly_the_memory(void **state) {
  (void)state;
  for (int off = -1; off <= 1; off++)
    for (int budget = 0; budget < 2; budget++) {
      struct emulated e;
      emulated_open(&e, budget ? (uint64_t)1 << 20 : (uint64_t)(EXACT_BYTES + off), 0);
      exact_memory_decides(e.machine, off, budget, &e);
      emulated_close(&e);
    }
}

static void streamed_plans(void **state) {
  (void)state;
  struct emulated e;
  emulated_open(&e, (uint64_t)64 << 20, 0);
  streamed_plans_compute(e.machine, &e);
  emulated_close(&e);
}

static void ten_iterations(void **state) {
  (void)state;
  struct emulated e;
  emulated_open(&e, (uint64_t)1 << 20, 0);
  iterations_accumulate(e.machine);
  emulated_close(&e);
}

static void wrong_operands_are_refused(void **state) {
  (void)state;
  struct emulated e;
  struct operands o;
  struct why_decision d = {0};
  struct why_times times;
  emulated_open(&e, (uint64_t)1 << 20, 0);
  struct why_request r = plans_request("gemm m=8 n=9 k=10");
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
      cmocka_unit_test(streamed_plans),
      cmocka_unit_test(ten_iterations),
      cmocka_unit_test(wrong_operands_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
