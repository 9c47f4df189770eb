// See on_fake.h. PLUGINS is the folder of the plug-in under test.
#include "on_fake.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include <cmocka.h>

struct why_machine *on_fake_machine(void) {
  const struct why_options options = {.library_dir = PLUGINS, .emulate_bytes = 1u << 30};
  struct why_machine *machine;
  assert_int_equal(why_open(&options, &machine), WHY_OK);
  return machine;
}

struct why_request on_fake_request(const char *text, const char *kernel) {
  struct why_problem problem;
  struct why_request request;
  struct why_error error;
  if (why_problem_parse(text, &problem, &error)) fail_msg("%s: %s", text, error.text);
  why_request_default(&problem, &request);
  request.policy = WHY_GPU_FIRST;
  snprintf(request.kernel, sizeof request.kernel, "%s", kernel);
  return request;
}

enum why_reason on_fake_run(struct why_machine *machine, const struct why_request *request,
                            struct why_decision *decision) {
  const struct why_problem *p = &request->problem;
  struct why_tensor before[3], after[3];
  for (int i = 0; i < 3; i++) {
    p->op->shape(p, i, &before[i]);
    after[i] = before[i];
    const size_t bytes = why_tensor_bytes(&before[i]), element = why_type_bytes(before[i].type);
    before[i].data = malloc(bytes);
    after[i].data = malloc(bytes);
    assert_true(before[i].data && after[i].data);
    for (size_t at = 0; at < bytes / element; at++)
      why_element_set(&before[i], (int64_t)at, (double)((at * 37 + (size_t)i * 53) % 61) / 32 - 1);
    memcpy(after[i].data, before[i].data, bytes);
  }
  why_consult(machine, request);
  assert_int_equal(why_decide(machine, request, decision), WHY_OK);
  enum why_reason reason = WHY_LIBRARY;
  if (decision->chosen >= 0) {
    struct why_times times;
    struct why_check check;
    reason = why_run(machine, decision, after, &times);
    if (!reason) assert_int_equal(why_check(p, before, after, &check), WHY_OK);
  }
  for (int i = 0; i < 3; i++) {
    free(before[i].data);
    free(after[i].data);
  }
  return reason;
}
