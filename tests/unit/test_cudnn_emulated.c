// The cudnn plug-in through the whole library: asked, decided, prepared, run and checked on the
// emulated device, with a fake libcudnn that computes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "element.h"
#include "fakes/cudnn.h"
#include "fakes/on_fake.h"
#include "whycpu.h"
#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct why_candidate *row_of(const struct why_decision *decision, const char *name) {
  for (int i = 0; i < decision->candidates; i++) {
    const struct why_candidate *c = &decision->candidate[i];
    if (!strcmp(c->kernel->backend, "cudnn") && !strcmp(c->kernel->name, name) &&
        c->plan == WHY_RESIDENT)
      return c;
  }
  fail_msg("no row for cudnn:%s", name);
  return NULL;
}

static int setup(void **unused) {
  (void)unused;
  fake_cudnn_reset();
  return 0;
}

static int teardown(void **unused) {
  (void)unused;
  assert_int_equal(fake_cudnn_misuses(), 0);
  assert_int_equal(fake_cudnn_alive(), 0);
  return 0;
}

static void test_runs(void **unused) {
  (void)unused;
  static const struct {
    const char *problem, *kernel;
    uint64_t workspace_bytes;
  } cases[] = {
      {"conv2d n=2 c=3 h=9 w=8 k=4 r=3 s=3 pad_h=1 pad_w=1", "graph", 65536},
      {"conv2d n=1 c=4 h=9 w=9 k=6 r=3 s=2 stride_h=2 pad_w=1 groups=2 type=bf16 layout=nhwc",
       "graph", 65536},
      {"conv2d n=1 c=4 h=9 w=9 k=6 r=2 s=2 dilation_w=2 pad_h=1 pad_h_end=0 type=f16", "graph",
       65536},
      {"softmax rows=9 cols=70 ldx=80 ldy=71", "instance", 0},
      {"softmax rows=4 cols=300 type=bf16", "channel", 0},
  };
  struct why_machine *machine = on_fake_machine();
  struct why_decision decision = {0};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char kernel[32];
    snprintf(kernel, sizeof kernel, "cudnn:%s", cases[i].kernel);
    const struct why_request request = on_fake_request(cases[i].problem, kernel);
    const long before = fake_cudnn_calls();
    assert_int_equal(on_fake_run(machine, &request, &decision), WHY_OK);
    const struct why_candidate *row = row_of(&decision, cases[i].kernel);
    assert_ptr_equal(&decision.candidate[decision.chosen], row);
    assert_int_equal(row->peak.workspace_bytes, cases[i].workspace_bytes);
    assert_string_equal(row->verdict.note, i == 0  ? "engine 45, the first of 2 plans"
                                           : i < 3 ? "engine 42, the first of 3 plans"
                                                   : "");
    assert_true(fake_cudnn_calls() > before);
  }
  why_decision_free(&decision);
  why_close(machine);
}

// Rows of a widely dilated filter make more different parts than are asked about and prepared: the
// plan is refused, and never prepared over what other parts have left on the device.
static void test_many_different_parts(void **unused) {
  (void)unused;
  struct why_machine *machine = on_fake_machine();
  struct why_decision decision = {0};
  int streamed = 0;
  for (uint64_t bytes = 5000; bytes <= 60000; bytes += bytes / 8) {
    struct why_request request = on_fake_request(
        "conv2d n=1 c=2 h=100 w=4 k=128 groups=2 r=3 s=1 dilation_h=40 pad_h=80", "cudnn:graph");
    request.plans = 1u << WHY_STREAMED;
    request.budget.device_bytes = bytes;
    bool ran =
        on_fake_run(machine, &request, &decision) == WHY_OK; // fails the test on a wrong result
    enum why_reason blamed = decision.fallback.reason;
    streamed += ran;
    if (!ran) assert_true(blamed == WHY_FORM || blamed == WHY_DEVICE_MEMORY);
  }
  assert_true(streamed > 0);
  why_decision_free(&decision);
  why_close(machine);
}

static void test_refused_type(void **unused) {
  (void)unused;
  struct why_machine *machine = on_fake_machine();
  struct why_decision decision = {0};
  const struct why_request request =
      on_fake_request("conv2d n=1 c=2 h=4 w=4 k=2 r=3 s=3 type=f16", "cudnn:graph");
  fake_cudnn_refuse(CUDNN_DATA_HALF);
  assert_int_equal(on_fake_run(machine, &request, &decision), WHY_LIBRARY);
  assert_int_equal(decision.chosen, -1);
  const struct why_verdict *verdict = &row_of(&decision, "graph")->verdict;
  assert_int_equal(verdict->reason, WHY_LIBRARY);
  assert_string_equal(verdict->note,
                      "CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE: no engine for this type");
  why_decision_free(&decision);
  why_close(machine);
}

// Whichever call of the library fails: the result is right, by this kernel or by the next best,
// and where it is not by this one its row says why.
static void every_call_fails(const char *problem, const char *kernel, long least) {
  const struct why_request any = on_fake_request(problem, "");
  long n = 1, others = 0;
  for (bool failed = true; failed; n++) {
    fake_cudnn_reset();
    fake_cudnn_fail(n, CUDNN_STATUS_EXECUTION_FAILED);
    struct why_machine *machine = on_fake_machine();
    struct why_decision decision = {0};
    assert_int_equal(on_fake_run(machine, &any, &decision), WHY_OK);
    const struct why_candidate *own = row_of(&decision, kernel);
    if (own != &decision.candidate[decision.chosen]) {
      assert_int_not_equal(own->verdict.reason, WHY_OK);
      others++;
    }
    failed = fake_cudnn_calls() >= n;
    why_decision_free(&decision);
    why_close(machine);
    assert_int_equal(fake_cudnn_alive(), 0);
  }
  assert_true(n > least && others > 0);
}

static void test_every_call_fails(void **unused) {
  (void)unused;
  every_call_fails("conv2d n=1 c=2 h=4 w=4 k=2 r=3 s=3", "graph", 100);
  every_call_fails("softmax rows=3 cols=5", "instance", 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_runs, setup, teardown),
      cmocka_unit_test_setup_teardown(test_many_different_parts, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refused_type, setup, teardown),
      cmocka_unit_test_setup_teardown(test_every_call_fails, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
