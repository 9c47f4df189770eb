// The GPUs of one machine in the host of another: whose figures, verdicts and answers it has, which
// rate a copy takes, that it is written and read back the same, and what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "allocations.h"
#include "machine.h"
#include <cmocka.h>

#define HEAD(name, facts)                                                                          \
  "{\"schema\": 1, \"kind\": \"machine\", \"name\": \"" name "\", "                                \
  "\"provenance\": {\"facts\": \"" facts "\", \"source\": \"" name " from nowhere.\"}, "

#define HOST(name, facts, in)                                                                      \
  HEAD(name, facts)                                                                                \
  "\"devices\": [{\"name\": \"cores of " name "\", \"backend\": \"host\", \"host\": true, "        \
  "\"multiprocessors\": 8, \"memory_bytes\": 8589934592, \"figures\": {" in                        \
  "\"memory_bps\": 5e10, \"f32_flops\": 1e12}}], "                                                 \
  "\"backends\": [{\"name\": \"plain\", \"verdict\": {\"reason\": \"OK\"}}, "                      \
  "{\"name\": \"openblas\", \"verdict\": {\"reason\": \"BACKEND_ABSENT\", \"note\": \"" name       \
  " has none\"}}, {\"name\": \"cublas\", \"verdict\": {\"reason\": \"OK\"}}], "                    \
  "\"answers\": [{\"kernel\": \"onednn:matmul\", \"op\": \"gemm\", \"device\": 0, "                \
  "\"problem\": \"*\", \"workspace_bytes\": 7, \"verdict\": {\"reason\": \"OK\"}}]}"

#define GPU(name, host)                                                                            \
  HEAD(name, "published")                                                                          \
  host "\"devices\": [{\"name\": \"" name "\", \"backend\": \"cuda\", \"capability\": 80, "        \
       "\"memory_bytes\": 1073741824, \"figures\": {\"in_bps\": 25e9, \"out_bps\": 24e9, "         \
       "\"memory_bps\": 1e12, \"f32_flops\": 2e13}}], "                                            \
       "\"backends\": [{\"name\": \"cuda\", \"verdict\": {\"reason\": \"OK\"}}, "                  \
       "{\"name\": \"cublas\", \"verdict\": {\"reason\": \"DRIVER_OLD\", \"need\": 13000, "        \
       "\"have\": 12080, \"note\": \"too old\"}}], "                                               \
       "\"answers\": [{\"kernel\": \"cublas:lt\", \"op\": \"gemm\", \"device\": 1, "               \
       "\"problem\": \"*\", \"workspace_bytes\": 9, \"verdict\": {\"reason\": \"OK\"}}]}"

static enum why_reason try_text(const char *text, struct why_machine **machine,
                                struct why_error *error) {
  FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
  assert_non_null(file);
  enum why_reason reason = why_read(file, machine, error);
  fclose(file);
  return reason;
}

static struct why_machine *read_text(const char *text) {
  struct why_machine *machine = NULL;
  struct why_error error;
  if (try_text(text, &machine, &error)) fail_msg("%d:%d: %s", error.line, error.column, error.text);
  return machine;
}

static struct why_machine *composed(const char *gpus, const char *host) {
  struct why_machine *a = read_text(gpus), *b = read_text(host), *machine = NULL;
  struct why_error error;
  enum why_reason reason = why_compose(a, b, "a@b", &machine, &error);
  if (reason) fail_msg("%s", error.text);
  why_close(a); // it owns all that it points to
  why_close(b);
  return machine;
}

static char *written(const struct why_machine *machine) {
  char *text = NULL;
  size_t length = 0;
  FILE *file = open_memstream(&text, &length);
  assert_non_null(file);
  assert_int_equal(why_write(file, machine), WHY_OK);
  fclose(file);
  return text;
}

static void each_side_brings_its_own(void **state) {
  (void)state;
  struct why_machine *machine = composed(GPU("a GPU", "\"host\": \"there\", "),
                                         HOST("here", "published", "\"in_bps\": 12e9, "));
  const struct why_facts *cpu = why_machine_device(machine, 0);
  const struct why_facts *gpu = why_machine_device(machine, 1);
  assert_string_equal(why_machine_name(machine), "a@b");
  assert_string_equal(why_machine_host(machine), "");
  assert_non_null(strstr(why_machine_source(machine), "a GPU from nowhere."));
  assert_non_null(strstr(why_machine_source(machine), "here from nowhere."));
  assert_int_equal(why_machine_devices(machine), 2);
  assert_int_equal(why_machine_replayed(machine), 1);
  assert_string_equal(cpu->name, "cores of here");
  assert_string_equal(gpu->name, "a GPU");
  assert_true(gpu->in_bps == 12e9);  // the slot's, which is slower
  assert_true(gpu->out_bps == 24e9); // the host does not say: the GPU's
  assert_string_equal(gpu->provenance, "published");
  const struct why_slot *slot = machine->slot;
  assert_int_equal(slot[WHY_SLOT_plain].verdict.reason, WHY_OK);
  assert_string_equal(slot[WHY_SLOT_openblas].verdict.note, "here has none");
  assert_int_equal(slot[WHY_SLOT_onednn].verdict.reason, WHY_BACKEND_ABSENT);
  assert_int_equal(slot[WHY_SLOT_cuda].verdict.reason, WHY_OK);
  assert_int_equal(slot[WHY_SLOT_cublas].verdict.reason, WHY_DRIVER_OLD); // not the host's OK
  assert_string_equal(slot[WHY_SLOT_cublas].verdict.note, "too old");
  assert_int_equal(machine->answers, 2);
  why_close(machine);
}

static void a_faster_slot_changes_nothing(void **state) {
  (void)state;
  struct why_machine *machine =
      composed(GPU("a GPU", "\"host\": \"x\", "),
               HOST("fast", "published", "\"in_bps\": 55e9, \"out_bps\": 55e9, "));
  assert_true(why_machine_device(machine, 1)->in_bps == 25e9);
  assert_true(why_machine_device(machine, 1)->out_bps == 24e9);
  why_close(machine);
}

static void it_is_a_file_like_any_other(void **state) {
  (void)state;
  struct why_machine *machine =
      composed(GPU("a GPU", "\"host\": \"there\", "), HOST("here", "published", ""));
  char *text = written(machine);
  struct why_machine *back = read_text(text);
  char *again = written(back);
  assert_string_equal(text, again);
  why_close(back);
  why_close(machine);
  free(again);
  free(text);
}

// Before it has a host it is written as it was read, and decides: nothing runs on its CPU.
static void without_a_host(void **state) {
  (void)state;
  struct why_machine *machine = read_text(GPU("a GPU", "\"host\": \"there\", "));
  assert_string_equal(why_machine_host(machine), "there");
  assert_int_equal(why_machine_devices(machine), 2);
  char *text = written(machine);
  struct why_machine *back = read_text(text);
  char *again = written(back);
  assert_string_equal(text, again);
  struct why_problem problem;
  struct why_error error;
  struct why_request request;
  struct why_decision decision = {0};
  assert_int_equal(why_problem_parse("gemm m=64 n=64 k=64", &problem, &error), WHY_OK);
  why_request_default(&problem, &request);
  assert_int_equal(why_decide(back, &request, &decision), WHY_OK);
  assert_true(decision.chosen >= 0 && decision.candidate[decision.chosen].device == 1);
  for (int i = 0; i < decision.candidates; i++)
    if (why_kernel_on_host(decision.candidate[i].kernel))
      assert_int_equal(decision.candidate[i].verdict.reason, WHY_BACKEND_ABSENT);
  why_decision_free(&decision);
  why_close(back);
  why_close(machine);
  free(again);
  free(text);
}

static void what_cannot_be_put_together(void **state) {
  (void)state;
  static const struct {
    const char *gpus, *host, *words;
  } row[] = {
      {HOST("a", "published", ""), HOST("b", "published", ""), "no GPU"},
      {GPU("a", "\"host\": \"x\", "), GPU("b", "\"host\": \"x\", "), "none of its own"},
      {GPU("a", "\"host\": \"x\", "), HOST("b", "measured", ""), "only published"},
  };
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    struct why_machine *a = read_text(row[i].gpus), *b = read_text(row[i].host), *out;
    struct why_error error;
    assert_int_equal(why_compose(a, b, "a@b", &out, &error), WHY_BAD_INPUT);
    assert_null(out);
    assert_non_null(strstr(error.text, row[i].words));
    why_close(a);
    why_close(b);
  }
}

static void a_named_host_excludes_its_own(void **state) {
  (void)state;
  static const char *const text[] = {
      "{\"schema\": 1, \"kind\": \"machine\", \"name\": \"a\", \"host\": \"b\", "
      "\"provenance\": {\"facts\": \"published\"}, \"devices\": [{\"name\": \"c\", \"backend\": "
      "\"host\", \"host\": true, \"memory_bytes\": 1}]}",
      "{\"schema\": 1, \"kind\": \"machine\", \"name\": \"a\", \"host\": 7, "
      "\"provenance\": {\"facts\": \"published\"}, \"devices\": []}"};
  static const char *const words[] = {"only the first device", "must be a string"};
  for (int i = 0; i < 2; i++) {
    struct why_machine *machine;
    struct why_error error;
    assert_int_equal(try_text(text[i], &machine, &error), WHY_BAD_INPUT);
    if (!strstr(error.text, words[i])) fail_msg("%s", error.text);
  }
}

// ---- out of memory ------------------------------------------------------------------------------

static int allocations_left = -1; // -1: none fails
static bool allocation_fails(void) {
  return allocations_left >= 0 && allocations_left-- == 0;
}

static void each_allocation_may_fail(void **state) {
  (void)state;
  struct why_machine *a = read_text(GPU("a GPU", "\"host\": \"x\", ")), *out = NULL;
  struct why_machine *b = read_text(HOST("here", "published", ""));
  struct why_error error;
  int failed = 0;
  while (!out) {
    allocations_left = failed;
    enum why_reason reason = why_compose(a, b, "a@b", &out, &error);
    allocations_left = -1;
    if (!out) assert_int_equal(reason, WHY_ALLOC_FAILED);
    failed += !out;
  }
  assert_true(failed >= 4); // the machine, a note, the answers and their index
  why_close(out);
  why_close(b);
  why_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_side_brings_its_own),
      cmocka_unit_test(a_faster_slot_changes_nothing),
      cmocka_unit_test(it_is_a_file_like_any_other),
      cmocka_unit_test(without_a_host),
      cmocka_unit_test(what_cannot_be_put_together),
      cmocka_unit_test(a_named_host_excludes_its_own),
      cmocka_unit_test(each_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
