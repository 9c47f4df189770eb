// The cublas plug-in through the whole library: asked, decided, prepared, run and checked on the
// emulated device, with a fake libcublasLt that computes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "element.h"
#include "fakes/cublaslt.h"
#include "fakes/on_fake.h"
#include "whycpu.h"
#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct why_candidate *lt_of(const struct why_decision *decision) {
  for (int i = 0; i < decision->candidates; i++)
    if (!strcmp(decision->candidate[i].kernel->backend, "cublas")) return &decision->candidate[i];
  fail_msg("no row for cublas");
  return NULL;
}

static int setup(void **unused) {
  (void)unused;
  fake_cublaslt_reset();
  return 0;
}

static int teardown(void **unused) {
  (void)unused;
  assert_int_equal(fake_cublaslt_misuses(), 0);
  assert_int_equal(fake_cublaslt_handles(), 0);
  return 0;
}

static void test_runs(void **unused) {
  (void)unused;
  static const char *const problems[] = {
      "gemm m=65 n=33 k=40",
      "gemm m=65 n=33 k=40 type=bf16 ta=1 beta=0.5",
      "gemm m=7 n=1 k=9 type=f16 tb=1 lda=12 ldb=30 ldc=5 alpha=-2",
      "gemm m=7 n=4 k=9 type=f64 ta=1 tb=1 beta=1",
      "gemm m=33 n=20 k=9 type=bf16 out=f32 ta=1 beta=0.5",
      "gemm m=5 n=4 k=64 type=f16 out=f32 ldc=7",
  };
  struct why_machine *machine = on_fake_machine();
  struct why_decision decision = {0};
  for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
    const struct why_request request = on_fake_request(problems[i], "cublas:lt");
    const long before = fake_cublaslt_calls();
    assert_int_equal(on_fake_run(machine, &request, &decision), WHY_OK);
    assert_ptr_equal(&decision.candidate[decision.chosen], lt_of(&decision));
    assert_int_equal(lt_of(&decision)->peak.workspace_bytes, 65536);
    assert_true(fake_cublaslt_calls() > before);
  }
  why_decision_free(&decision);
  why_close(machine);
}

static void test_refused_type(void **unused) {
  (void)unused;
  struct why_machine *machine = on_fake_machine();
  struct why_decision decision = {0};
  const struct why_request request = on_fake_request("gemm m=8 n=8 k=8 type=f16", "cublas:lt");
  fake_cublaslt_refuse(CUDA_R_16F);
  assert_int_equal(on_fake_run(machine, &request, &decision), WHY_LIBRARY);
  assert_int_equal(decision.chosen, -1);
  assert_int_equal(lt_of(&decision)->verdict.reason, WHY_LIBRARY);
  assert_string_equal(lt_of(&decision)->verdict.note, "CUBLAS_STATUS_NOT_SUPPORTED");
  why_decision_free(&decision);
  why_close(machine);
}

// Whichever call of the library fails: the result is right, by this kernel or by the next best,
// and where it is not by this one its row says why.
static void test_every_call_fails(void **unused) {
  (void)unused;
  const struct why_request any = on_fake_request("gemm m=9 n=8 k=7 beta=1", "");
  long n = 1, others = 0;
  for (bool failed = true; failed; n++) {
    fake_cublaslt_reset();
    fake_cublaslt_fail(n, CUBLAS_STATUS_EXECUTION_FAILED);
    struct why_machine *machine = on_fake_machine();
    struct why_decision decision = {0};
    assert_int_equal(on_fake_run(machine, &any, &decision), WHY_OK);
    const struct why_candidate *lt = lt_of(&decision);
    if (lt != &decision.candidate[decision.chosen]) {
      assert_int_not_equal(lt->verdict.reason, WHY_OK);
      others++;
    }
    failed = fake_cublaslt_calls() >= n;
    why_decision_free(&decision);
    why_close(machine);
    assert_int_equal(fake_cublaslt_handles(), 0);
  }
  assert_true(n > 28 && others > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_runs, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refused_type, setup, teardown),
      cmocka_unit_test_setup_teardown(test_every_call_fails, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
