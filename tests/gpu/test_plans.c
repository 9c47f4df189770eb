// From decision to result on the GPU of this machine, with the backends that were built for it: the
// loops that tests/plans/ runs under emulation. Leaves out faults: a device cannot be made to fail
// on demand, and one that did would spoil what comes after it.
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "plans/every_kernel.h"
#include <cmocka.h>

static struct why_machine *machine;

static struct why_verdict verdict_of(const char *backend) {
  struct why_backend_info info = {0};
  for (int i = 0; i < why_machine_backends(machine); i++) {
    why_machine_backend(machine, i, &info);
    if (strcmp(info.name, backend) == 0) break;
  }
  return info.verdict;
}

static void every_kernel_of_cuda(void **state) {
  (void)state;
  every_kernel_computes(machine, "cuda", NULL);
}

// A library may be absent, which skips its test.
static void every_kernel_of_library(const char *backend) {
  struct why_verdict v = verdict_of(backend);
  if (v.reason) {
    print_message("%s: %s: %s\n", backend, why_name(v.reason), v.note);
    skip();
  }
  every_kernel_computes(machine, backend, NULL);
}

static void every_kernel_of_cublas(void **state) {
  (void)state;
  every_kernel_of_library("cublas");
}

static void every_kernel_of_cudnn(void **state) {
  (void)state;
  every_kernel_of_library("cudnn");
}

static void streamed_plans(void **state) {
  (void)state;
  streamed_plans_compute(machine, NULL);
}

static void ten_iterations(void **state) {
  (void)state;
  iterations_accumulate(machine);
}

static void a_budget_of_exactly_the_memory(void **state) {
  (void)state;
  for (int off = -1; off <= 1; off++) exact_memory_decides(machine, off, true, NULL);
}

int main(int argc, char **argv) { // the name of one test: it alone
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kernel_of_cuda),  cmocka_unit_test(every_kernel_of_cublas),
      cmocka_unit_test(every_kernel_of_cudnn), cmocka_unit_test(streamed_plans),
      cmocka_unit_test(ten_iterations),        cmocka_unit_test(a_budget_of_exactly_the_memory),
  };
  struct why_options options = {.library_dir = WHY_TEST_PLUGINS};
  enum why_reason reason = why_open(&options, &machine);
  if (reason) {
    fprintf(stderr, "the machine cannot be opened: %s\n", why_name(reason));
    return 1;
  }
  why_open_all(machine);
  if (argc > 1) cmocka_set_test_filter(argv[1]);
  int status = 77;
  struct why_verdict v = verdict_of("cuda");
  if (v.reason)
    printf("SKIP: %s: %s\n", why_name(v.reason), v.note);
  else
    status = cmocka_run_group_tests(tests, NULL, NULL);
  why_close(machine);
  return status;
}
