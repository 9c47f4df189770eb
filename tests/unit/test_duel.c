// Two sides sampled in turn: in which order, the best of each, wrong results, and a device beside
// the CPU (an emulated one: its times mean nothing, its results do).
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "duel.h"
#include "machine.h"
#include "ops/ops.h"
#include <cmocka.h>
#include <math.h>
#include <time.h>

static struct side side_of(const char *text) {
  struct sides sides;
  struct why_error wrong;
  char both[96];
  snprintf(both, sizeof both, "%s,%s", text, strcmp(text, "gpu") ? "gpu" : "cpu");
  if (!read_sides(both, &sides, &wrong)) fail_msg("%s: %s", text, wrong.text);
  return sides.a;
}

struct pair {
  struct duel duel;
  struct side a, b;
  int chosen[2];
};

static enum why_reason open_pair(struct pair *p, struct why_machine *machine, const char *problem,
                                 const char *a, const char *b) {
  struct why_problem parsed;
  struct why_request request;
  struct why_error error;
  *p = (struct pair){.duel.machine = machine, .a = side_of(a), .b = side_of(b), .chosen = {-1, -1}};
  const struct side *side[2] = {&p->a, &p->b};
  assert_int_equal(why_problem_parse(problem, &parsed, &error), WHY_OK);
  why_request_default(&parsed, &request);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(duel_decide(machine, &request, side[i], &p->duel.side[i]), WHY_OK);
    if (p->duel.side[i].candidate < 0) return p->duel.side[i].verdict.reason;
  }
  return duel_open(&p->duel, side, 1, p->chosen);
}

// ---- kernels in place of the real ones
// -------------------------------------------------------------

static char calls[64]; // who ran, in order
static void note(char who) {
  size_t used = strlen(calls);
  if (used + 1 < sizeof calls) calls[used] = who;
}
static void ones(struct why_call *call) { // softmax of rows of one
  const struct why_tensor *y = &call->operand[SOFTMAX_Y];
  for (int64_t i = 0; i < y->dim[0]; i++) ((float *)y->data)[i] = 1;
}
static void rest(long nanoseconds) {
  struct timespec t = {0, nanoseconds};
  nanosleep(&t, NULL);
}
static enum why_reason run_a(struct why_call *call) {
  note('A');
  rest(1000000);
  ones(call);
  return WHY_OK;
}
static enum why_reason run_b(struct why_call *call) {
  note('B');
  rest(3000000);
  ones(call);
  return WHY_OK;
}
static enum why_reason leaves_nan(struct why_call *call) {
  (void)call;
  return WHY_OK;
}
static enum why_reason fails(struct why_call *call) {
  call->why->note = "out of luck";
  return WHY_CALL_FAILED;
}

static const struct why_code **place_of(struct why_machine *machine, const char *name) {
  int kernel = why_kernel_find("softmax", "plain", name);
  return &machine->slot[why_places()[kernel].code].code[kernel];
}

static void sides_are_sampled_in_turn(void **state) {
  static const struct why_code a_code = {.run = run_a}, b_code = {.run = run_b};
  const struct why_code **a = place_of(*state, "loops"), **b = place_of(*state, "portable");
  const struct why_code *own_a = *a, *own_b = *b;
  double seconds_a[4], seconds_b[4];
  struct pair p;
  int pairs = 4;
  *a = &a_code;
  *b = &b_code;
  assert_int_equal(open_pair(&p, *state, "softmax rows=9 cols=1", "plain:loops", "plain:portable"),
                   WHY_OK);
  memset(calls, 0, sizeof calls);
  assert_int_equal(duel_sample(&p.duel, INFINITY, &pairs, seconds_a, seconds_b), WHY_OK);
  *a = own_a;
  *b = own_b;
  assert_int_equal(pairs, 4);
  assert_string_equal(calls, "ABBAABBA");
  for (int i = 0; i < 4; i++) assert_true(seconds_a[i] >= 1e-3 && seconds_b[i] >= 3e-3);
  pairs = 4;
  assert_int_equal(duel_sample(&p.duel, 0, &pairs, seconds_a, seconds_b), WHY_OK);
  assert_int_equal(pairs, 0); // the deadline is over
  duel_free(&p.duel);
}

static void the_best_of_a_side_is_found_by_trial(void **state) {
  static const struct why_code a_code = {.run = run_a}, b_code = {.run = run_b},
                               wrong = {.run = fails};
  static const char *const name[] = {"loops", "portable", "avx2", "avx512"};
  const struct why_code *own[4];
  struct pair p;
  for (int i = 0; i < 4; i++) { // all slow but one, and one that fails
    const struct why_code **code = place_of(*state, name[i]);
    own[i] = *code;
    *code = i == 1 ? &a_code : i == 0 ? &wrong : &b_code;
  }
  enum why_reason reason =
      open_pair(&p, *state, "softmax rows=9 cols=1", "plain", "plain:portable");
  for (int i = 0; i < 4; i++) *place_of(*state, name[i]) = own[i];
  assert_int_equal(reason, WHY_OK);
  assert_string_equal(p.duel.side[0].decision.candidate[p.chosen[0]].kernel->name, "portable");
  duel_free(&p.duel);
}

static void a_wrong_result_is_no_winner(void **state) {
  static const struct {
    struct why_code code;
    enum why_reason reason;
  } table[] = {{{.run = leaves_nan}, WHY_WRONG}, {{.run = fails}, WHY_CALL_FAILED}};
  const struct why_code **code = place_of(*state, "portable"), *own = *code;
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct pair p;
    *code = &table[i].code;
    enum why_reason reason =
        open_pair(&p, *state, "softmax rows=9 cols=1", "plain:loops", "plain:portable");
    *code = own;
    assert_int_equal(reason, table[i].reason);
    assert_int_equal(p.duel.side[1].verdict.reason, table[i].reason);
    duel_free(&p.duel);
  }
}

static void a_side_that_cannot_run_says_why(void **state) {
  struct pair p;
  assert_int_equal(open_pair(&p, *state, "softmax rows=9 cols=1", "openblas", "plain"),
                   WHY_OP_UNKNOWN);
  duel_free(&p.duel);
}

static void a_device_and_the_cpu_meet(void **state) {
  (void)state;
  struct why_options options = {.library_dir = WHY_TEST_PLUGINS, .emulate_bytes = 1 << 28};
  struct why_machine *machine;
  double a[2], b[2];
  struct pair p;
  int pairs = 2;
  assert_int_equal(why_open(&options, &machine), WHY_OK);
  why_open_all(machine);
  enum why_reason reason =
      open_pair(&p, machine, "gemm m=9 n=8 k=7 beta=1", "cuda:tiled", "plain:loops");
  if (reason == WHY_NOT_BUILT || reason == WHY_BACKEND_ABSENT) {
    duel_free(&p.duel);
    why_close(machine);
    skip();
  }
  assert_int_equal(reason, WHY_OK); // both results were checked
  assert_int_equal(duel_sample(&p.duel, INFINITY, &pairs, a, b), WHY_OK);
  assert_int_equal(pairs, 2);
  duel_free(&p.duel);
  why_close(machine);
}

static int open_machine(void **state) {
  struct why_options options = {.library_dir = WHY_TEST_PLUGINS};
  struct why_machine *machine;
  if (why_open(&options, &machine)) return -1;
  why_open_all(machine);
  *state = machine;
  return 0;
}

static int close_machine(void **state) {
  why_close(*state);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sides_are_sampled_in_turn),
      cmocka_unit_test(the_best_of_a_side_is_found_by_trial),
      cmocka_unit_test(a_wrong_result_is_no_winner),
      cmocka_unit_test(a_side_that_cannot_run_says_why),
      cmocka_unit_test(a_device_and_the_cpu_meet),
  };
  return cmocka_run_group_tests(tests, open_machine, close_machine);
}
