// Each reason of the table is really produced: by loading, by deciding, by running or by checking.
// The last test fails for every reason that no test before it has brought about, so a new reason
// needs a scenario here.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulated.h"
#include "fixture.h"
#include <cmocka.h>

static bool seen[WHY_REASON_COUNT];

static void see(const struct why_decision *d) {
  for (int i = 0; i < d->candidates; i++) seen[d->candidate[i].verdict.reason] = true;
  if (d->chosen < 0) seen[d->fallback.reason] = true;
}

// ---- loading -----------------------------------------------------------------------------------

static char no_gpu[64], gpu[64]; // roots of two machines

static void put(const char *root, const char *path, const char *content) {
  char full[512];
  snprintf(full, sizeof full, "%s/%s", root, path);
  for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
    *slash = 0;
    mkdir(full, 0700);
  }
  FILE *file = fopen(full, "w");
  assert_non_null(file);
  fputs(content, file);
  assert_int_equal(fclose(file), 0);
}

static void pci(char *root, size_t size, const char *vendor) {
  snprintf(root, size, "/tmp/whycpu-test-reasons-XXXXXX");
  assert_non_null(mkdtemp(root));
  put(root, "sys/bus/pci/devices/0000:3b:00.0/vendor", vendor);
  put(root, "sys/bus/pci/devices/0000:3b:00.0/class", "0x030200\n");
}

static int roots(void **state) {
  (void)state;
  pci(no_gpu, sizeof no_gpu, "0x8086\n");
  pci(gpu, sizeof gpu, "0x10de\n");
  return 0;
}

static int remove_roots(void **state) {
  (void)state;
  char command[256];
  snprintf(command, sizeof command, "rm -r '%s' '%s'", no_gpu, gpu);
  return system(command);
}

// The decision for a product on a machine with this file system and these plug-ins.
static void loading(void **state) {
  (void)state;
  static const struct {
    const char *root, *plugins, *variable, *value, *kernel;
    enum why_reason reason;
  } rows[] = {
      // clang-format off
      {no_gpu, "good",  "", "", "cuda:tiled", WHY_NO_HARDWARE},
      {gpu, "good",  "FAKE_CU_INIT", "999", "cuda:tiled", WHY_NO_DRIVER},
      {gpu, "good",  "FAKE_CU_INIT", "100", "cuda:tiled", WHY_NO_DEVICE},
      {gpu, "good",  "FAKE_OPEN", "DRIVER_OLD", "cuda:tiled", WHY_DRIVER_OLD},
      {gpu, "good",  "", "", "cuda:mma", WHY_NOT_BUILT},
      {gpu, "none",  "", "", "openblas:cblas", WHY_BACKEND_ABSENT},
      {gpu, "needs", "", "", "openblas:cblas", WHY_BACKEND_ABSENT},
      {gpu, "symbol", "", "", "openblas:cblas", WHY_BACKEND_ABSENT},
      {gpu, "abi",   "", "", "openblas:cblas", WHY_BACKEND_ABI},
      // clang-format on
  };
  struct why_decision d = {0};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char plugins[512];
    struct why_machine *m;
    snprintf(plugins, sizeof plugins, "%s/%s", FAKE_FOLDER, rows[i].plugins);
    struct why_options options = {.root = rows[i].root, .library_dir = plugins};
    struct why_request r = fixture_request("gemm m=8 n=8 k=8 type=f16");
    if (*rows[i].variable) setenv(rows[i].variable, rows[i].value, 1);
    assert_int_equal(why_open(&options, &m), WHY_OK);
    assert_int_equal(why_consult(m, &r), WHY_OK);
    assert_int_equal(why_decide(m, &r, &d), WHY_OK);
    const struct why_verdict *v = &fixture_find(&d, rows[i].kernel)->verdict;
    if (v->reason != rows[i].reason)
      fail_msg("row %zu: %s is %s, %s expected (%s)", i, rows[i].kernel, why_name(v->reason),
               why_name(rows[i].reason), v->note);
    if (*rows[i].variable) unsetenv(rows[i].variable);
    see(&d);
    why_close(m);
  }
  why_decision_free(&d);
}

// ---- deciding ----------------------------------------------------------------------------------

static void deciding(void **state) {
  (void)state;
  const uint64_t all = WHY_UNLIMITED;
  const struct {
    const char *problem, *kernel; // the kernel that has the reason
    enum why_policy policy;
    struct why_budget budget;
    enum why_reason reason;
  } rows[] = {
      // clang-format off
      {"gemm m=999 n=999 k=999", "cublas:lt", WHY_AUTO, {all, all, all, all}, WHY_OK},
      {"gemm m=999 n=999 k=999", "cuda:naive", WHY_AUTO, {all, all, all, all}, WHY_SLOWER},
      {"gemm m=9 n=9 k=9", "plain:loops", WHY_GPU_FIRST, {all, all, all, all}, WHY_POLICY},
      {"gemm m=9 n=9 k=9", "cuda:naive", WHY_CPU_ONLY, {all, all, all, all}, WHY_EXCLUDED},
      {"gemm m=9 n=9 k=9", "cuda:mma", WHY_AUTO, {all, all, all, all}, WHY_TYPE},
      {"gemm m=9 n=9 k=9", "cuda:vector", WHY_AUTO, {all, all, all, all}, WHY_MULTIPLE},
      {"gemm m=8 n=8 k=8 ta=1", "cuda:vector", WHY_AUTO, {all, all, all, all}, WHY_FORM},
      {"gemm m=1 n=2 k=3 ldc=4000000000", "cuda:tiled", WHY_AUTO, {all, all, all, all}, WHY_LIMIT},
      {"softmax rows=1 cols=60000", "cuda:block", WHY_AUTO, {all, all, all, all}, WHY_SHARED_MEMORY},
      {"gemm m=8 n=8 k=8 type=f16", "openblas:cblas", WHY_AUTO, {all, 767, all, all}, WHY_WORKSPACE},
      {"gemm m=8 n=8 k=8", "cuda:tiled", WHY_AUTO, {767, all, all, all}, WHY_DEVICE_MEMORY},
      {"gemm m=8 n=8 k=8", "plain:loops", WHY_AUTO, {all, all, 767, all}, WHY_HOST_MEMORY},
      // clang-format on
  };
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct why_request r = fixture_request(rows[i].problem);
    r.policy = rows[i].policy;
    r.budget = rows[i].budget;
    assert_int_equal(why_decide(m, &r, &d), WHY_OK);
    enum why_reason got = fixture_find(&d, rows[i].kernel)->verdict.reason;
    if (got != rows[i].reason)
      fail_msg("%s, %s: %s, %s expected", rows[i].problem, rows[i].kernel, why_name(got),
               why_name(rows[i].reason));
    see(&d);
  }
  why_decision_free(&d);
  fixture_close(m);
}

// Too large for the device, and not to be streamed either.
static void streaming(void **state) {
  (void)state;
  const uint64_t all = WHY_UNLIMITED;
  const struct {
    const char *problem;
    struct why_budget budget;
    enum why_reason reason; // of every streamed row
  } rows[] = {
      {"softmax rows=1 cols=1000", {4000, all, all, all}, WHY_UNCUTTABLE},
      {"softmax rows=9 cols=1000", {40000, all, all, 999}, WHY_PINNED},
      {"softmax rows=9 cols=1000", {999, all, all, all}, WHY_DEVICE_MEMORY},
  };
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct why_request r = fixture_request(rows[i].problem);
    int streamed = 0;
    r.budget = rows[i].budget;
    strcpy(r.kernel, "cuda:online");
    assert_int_equal(why_decide(m, &r, &d), WHY_OK);
    for (int c = 0; c < d.candidates; c++) {
      if (d.candidate[c].plan != WHY_STREAMED) continue;
      enum why_reason got = d.candidate[c].verdict.reason;
      if (got != rows[i].reason)
        fail_msg("row %zu: %s, %s expected", i, why_name(got), why_name(rows[i].reason));
      streamed++;
    }
    assert_int_equal(streamed, 1);
    see(&d);
  }
  why_decision_free(&d);
  fixture_close(m);
}

// Reasons of the machine and the library: the same product, one fact changed.
static void capability(struct why_machine *m) {
  m->facts[FIXTURE_GPU].capability = 75;
}
static void features(struct why_machine *m) {
  m->facts[FIXTURE_HOST].cpu_features = 0;
}
static void figures(struct why_machine *m) {
  m->facts[FIXTURE_GPU].memory_bps = 0;
}
static void answers(struct why_machine *m) {
  m->answers = 0;
}
static void refusal(struct why_machine *m) {
  m->answer[0].verdict.reason = WHY_LIBRARY;
}
static void loss(struct why_machine *m) {
  m->lost[FIXTURE_GPU] = true;
}

static void facts(void **state) {
  (void)state;
  static const struct {
    void (*change)(struct why_machine *);
    const char *problem, *kernel;
    enum why_reason reason;
  } rows[] = {
      {capability, "gemm m=8 n=8 k=8 type=f16", "cuda:mma", WHY_CAPABILITY},
      {features, "softmax rows=8 cols=8", "plain:avx2", WHY_CPU_FEATURE},
      {figures, "gemm m=8 n=8 k=8", "cuda:naive", WHY_UNRANKED},
      {answers, "gemm m=8 n=8 k=8", "cublas:lt", WHY_UNASKED},
      {refusal, "gemm m=8 n=8 k=8", "cublas:lt", WHY_LIBRARY},
      {loss, "gemm m=8 n=8 k=8", "cuda:naive", WHY_DEVICE_LOST},
  };
  struct why_decision d = {0};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct why_machine *m = fixture_open();
    struct why_request r = fixture_request(rows[i].problem);
    rows[i].change(m);
    assert_int_equal(why_decide(m, &r, &d), WHY_OK);
    assert_int_equal(fixture_find(&d, rows[i].kernel)->verdict.reason, rows[i].reason);
    see(&d);
    fixture_close(m);
  }
  why_decision_free(&d);
}

static void unknown_ops_and_malformed_requests(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_decision d = {0};
  struct why_request r = fixture_request("gemm m=8 n=8 k=8");
  r.threads = -1;
  seen[why_decide(m, &r, &d)] = true;
  r.threads = 0;
  struct why_op nobody = *r.problem.op;
  nobody.name = "nobody computes this";
  r.problem.op = &nobody;
  assert_int_equal(why_decide(m, &r, &d), WHY_OK);
  see(&d);
  why_decision_free(&d);
  fixture_close(m);
}

// ---- running -----------------------------------------------------------------------------------

static void running(void **state) {
  (void)state;
  struct emulated e;
  struct operands o;
  struct why_decision d = {0};
  struct why_times times;
  struct why_request r = fixture_request("gemm m=8 n=8 k=8");
  r.policy = WHY_GPU_FIRST;
  emulated_open(&e, 1 << 20, 0);
  operands_make(&o, &r.problem, 1);
  assert_int_equal(why_consult(e.machine, &r), WHY_OK);
  for (int kind = 0; kind < EMU_KINDS; kind++) {
    assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
    e.fail_nth((enum emu_kind)kind, 1);
    assert_int_equal(why_run(e.machine, &d, o.now, &times), WHY_OK);
    see(&d);
  }
  strcpy(r.kernel, "plain:loops"); // a nanosecond is never enough
  r.timeout_seconds = 1e-9;
  assert_int_equal(why_decide(e.machine, &r, &d), WHY_OK);
  assert_int_equal(why_run(e.machine, &d, o.now, &times), WHY_TIMEOUT);
  see(&d);
  operands_free(&o);
  emulated_close(&e);
  why_decision_free(&d);
}

static void checking(void **state) {
  (void)state;
  struct operands o;
  struct why_check check;
  struct why_request r = fixture_request("softmax rows=2 cols=2");
  operands_make(&o, &r.problem, 1);
  seen[why_check(&r.problem, o.before, o.now, &check)] = true; // the output is NaN still
  operands_free(&o);
}

// A kernel of one architecture needs a row of its own: no kernel of the catalog is one yet.
static void one_architecture(void **state) {
  (void)state;
  struct why_kernel hopper = *why_kernel_at(why_kernel_find("gemm", "cuda", "mma"));
  struct why_facts blackwell = {.capability = 100};
  struct why_verdict v = {.note = "", .cause = ""};
  hopper.capability = hopper.capability_last = 90;
  enum why_reason r = why_judge_device(&hopper, &blackwell, &v);
  assert_int_equal(r, WHY_ARCHITECTURE);
  assert_true(v.need == 90 && v.have == 100);
  seen[r] = true;
}

static void every_reason_was_produced(void **state) {
  (void)state;
  int missing = 0;
  for (int i = 0; i < WHY_REASON_COUNT; i++) {
    if (seen[i]) continue;
    printf("no test produces %s\n", why_name((enum why_reason)i));
    missing++;
  }
  assert_int_equal(missing, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(loading),
      cmocka_unit_test(deciding),
      cmocka_unit_test(streaming),
      cmocka_unit_test(facts),
      cmocka_unit_test(unknown_ops_and_malformed_requests),
      cmocka_unit_test(running),
      cmocka_unit_test(checking),
      cmocka_unit_test(one_architecture),
      cmocka_unit_test(every_reason_was_produced),
  };
  return cmocka_run_group_tests(tests, roots, remove_roots);
}
