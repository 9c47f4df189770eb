// What a run leaves in the decision: the note of a success, the reason when nothing could run.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "emulated.h"
#include "fixture.h"
#include <cmocka.h>

static void a_conversion_is_said(void **state) {
  (void)state;
  struct emulated e;
  struct operands o;
  struct why_decision d = {0};
  struct why_times times;
  emulated_open(&e, 1 << 20, 0);
  if (why_load(e.machine, WHY_SLOT_openblas) != WHY_OK) {
    emulated_close(&e);
    skip(); // this build has no OpenBLAS
  }
  struct why_request r = fixture_request("gemm m=8 n=8 k=8 type=f16");
  strcpy(r.kernel, "openblas:cblas");
  operands_make(&o, &r.problem, 1);
  assert_int_equal(why_consult(e.machine, &r), WHY_OK);
  assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
  assert_int_equal(why_run(e.machine, &d, o.now, &times), WHY_OK);
  assert_string_equal(d.candidate[d.chosen].verdict.note, "f16 converted to f32");
  assert_int_equal(d.candidate[d.chosen].verdict.reason, WHY_OK);
  operands_free(&o);
  why_decision_free(&d);
  emulated_close(&e);
}

// Under gpu-only the reason is the GPU's, not that the CPU was passed over.
static void nothing_runs_for_the_gpus_reason(void **state) {
  (void)state;
  struct emulated e;
  struct operands o;
  struct why_decision d = {0};
  struct why_times times;
  emulated_open(&e, 10, 0); // less than parts of one element need
  struct why_request r = fixture_request("gemm m=8 n=8 k=8");
  r.policy = WHY_GPU_ONLY;
  operands_make(&o, &r.problem, 1);
  assert_int_equal(why_consult(e.machine, &r), WHY_OK);
  assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
  assert_int_equal(why_run(e.machine, &d, o.now, &times), WHY_DEVICE_MEMORY);
  operands_intact(&o, "nothing ran");
  operands_free(&o);
  why_decision_free(&d);
  emulated_close(&e);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_conversion_is_said),
      cmocka_unit_test(nothing_runs_for_the_gpus_reason),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
