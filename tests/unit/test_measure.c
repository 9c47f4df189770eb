// Order statistics against published tables, and the measuring loop on this CPU: right
// results, wrong ones, and the next candidate after a failure.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "ops/ops.h"
#include "statistics.h"
#include "sweep.h"
#include <cmocka.h>
#include <math.h>

// Ranks of the 95% interval of a median, as tables of the sign test have them.
static void ranks_are_those_of_the_tables(void **state) {
  (void)state;
  static const int table[][2] = {
      {1, 0},  {5, 0},  {6, 1},  {8, 1},   {9, 2},   {11, 2},  {12, 3},
      {14, 3}, {15, 4}, {16, 4}, {17, 5},  {19, 5},  {20, 6},  {22, 6},
      {23, 7}, {24, 7}, {25, 8}, {30, 10}, {40, 14}, {50, 18}, {100, 40},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    assert_int_equal(median_rank(table[i][0]), table[i][1]);
  // The normal law takes over where the exact sum ends, without a step.
  assert_in_range(median_rank(1001) - median_rank(1000), 0, 1);
  assert_int_equal(median_rank(1000), 469);
}

static void percentiles(void **state) {
  (void)state;
  static const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  assert_true(median_of(x, 10) == 5.5);
  assert_true(median_of(x, 9) == 5);
  assert_true(median_of(x, 1) == 1);
  assert_true(percentile_of(x, 10, 0.95) == 10);
  assert_true(percentile_of(x, 10, 0.9) == 9);
  assert_true(percentile_of(x, 10, 0.05) == 1);
}

// ---- the loop -----------------------------------------------------------------------------------

struct seen { // what the sweep handed over
  int rows, chosen, failed, compared, refused;
  struct csv_row row[64];
  char note[64][128];
};

static int see(void *to, const struct suite_case *item, const struct csv_row *row, bool gpu) {
  struct seen *s = to;
  (void)item;
  (void)gpu;
  assert_in_range(s->rows, 0, 63);
  s->chosen += !strcmp(row->status, "chosen");
  s->failed += !strcmp(row->status, "failed");
  s->compared += !strcmp(row->status, "compared");
  s->refused += !strcmp(row->status, "refused");
  snprintf(s->note[s->rows], sizeof s->note[0], "%s", row->note ? row->note : "");
  s->row[s->rows++] = *row;
  return 0;
}

static enum why_cache cache; // of the next sweep
static double budget = 0.05;

static void sweep_one(struct why_machine *machine, const char *problem, struct seen *seen,
                      struct sweep_result *result) {
  struct suite suite;
  struct why_error error;
  struct options options = {.policies = 1,
                            .transfers = 1,
                            .caches = 1,
                            .submits = 1,
                            .memories = 1,
                            .thread_counts = 1,
                            .iteration_counts = 1,
                            .iterations = {1},
                            .kernel = ""};
  options.memory[0].bytes = WHY_UNLIMITED;
  options.cache[0] = cache;
  options.policy[0].policy = WHY_CPU_ONLY;
  FILE *file = fmemopen((void *)problem, strlen(problem), "r");
  assert_int_equal(suite_read(file, "test", &suite, &error), WHY_OK);
  fclose(file);
  struct sweep sweep = {machine,     &options, &suite, 1, {{0.05, budget, true}, "all", 10, 1},
                        {see, seen}, "test"};
  memset(seen, 0, sizeof *seen);
  sweep_run(&sweep, result);
  suite_free(&suite);
}

static void measures_what_can_run(void **state) {
  struct seen seen;
  struct sweep_result result;
  sweep_one(*state, "gemm m=32 n=32 k=32 beta=1\n", &seen, &result);
  assert_int_equal(result.error, 0);
  assert_int_equal(result.decisions, 1);
  assert_int_equal(result.failed, 0);
  assert_int_equal(seen.chosen, 1);
  assert_true(seen.refused > 0); // the GPU's kernels: left out by the policy
  for (int i = 0; i < seen.rows; i++) {
    const struct csv_row *row = &seen.row[i];
    assert_int_equal(row->decision, 1);
    if (!strcmp(row->status, "refused")) {
      assert_true(isnan(row->median_s));
      assert_string_equal(row->source, isnan(row->predicted_s) ? "" : "predicted");
      continue;
    }
    assert_string_equal(row->source, "measured");
    assert_true(row->samples >= 10);
    assert_true(row->min_s > 0 && row->min_s <= row->ci_low_s);
    assert_true(row->ci_low_s <= row->median_s && row->median_s <= row->ci_high_s);
    assert_true(row->median_s <= row->p95_s);
    assert_true(row->error >= 0 && row->error <= row->tolerance);
    assert_string_equal(row->verified, "exact");
    assert_true(!strcmp(row->stop_reason, "precision") || !strcmp(row->stop_reason, "time") ||
                !strcmp(row->stop_reason, "count"));
    assert_true(fabs(row->gflops * row->median_s * 1e9 / row->flops - 1) < 1e-9);
  }
}

// Under a sanitizer a kernel is so slow that memory hardly matters.
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(memory_sanitizer))
#else
#define SANITIZED false
#endif

// The fastest request of any kernel, with the caches so.
static double fastest(struct why_machine *machine, const char *problem, enum why_cache so) {
  struct seen seen;
  struct sweep_result result;
  double out = INFINITY;
  cache = so;
  sweep_one(machine, problem, &seen, &result);
  cache = WHY_HOT;
  assert_int_equal(result.failed, 0);
  for (int i = 0; i < seen.rows; i++) {
    const struct csv_row *row = &seen.row[i];
    assert_string_equal(row->cache, why_cache_name(so));
    if (!strcmp(row->status, "refused")) continue;
    assert_true(row->samples >= 10 && row->median_s > 0);
    assert_true(row->disturbed >= 0 && row->disturbed <= row->samples);
    out = fmin(out, row->min_s);
  }
  return out;
}

// Operands in the caches, and flushed from them: a quarter to a half slower here. Other work on the
// machine slows either down, so that each is tried again.
static void cold_and_hot_are_apart(void **state) {
  static const char *const problem[] = {"softmax rows=8 cols=100\n", "softmax rows=64 cols=250\n",
                                        "gemm m=40 n=40 k=40 beta=1\n"};
  for (size_t i = 0; i < sizeof problem / sizeof problem[0]; i++) {
    double hot = INFINITY, cold = INFINITY;
    for (int tries = 0; tries < (SANITIZED ? 1 : 8) && (tries < 2 || cold <= 1.1 * hot); tries++) {
      hot = fmin(hot, fastest(*state, problem[i], WHY_HOT));
      cold = fmin(cold, fastest(*state, problem[i], WHY_COLD));
    }
    print_message("%.*s: hot %.3g s, cold %.3g s\n", (int)strcspn(problem[i], "\n"), problem[i],
                  hot, cold);
    assert_true(cold > 1.1 * hot || SANITIZED);
  }
}

// As with a clock too coarse for the time there is: the row says so, and has no times.
static void without_a_clock_there_are_no_times(void **state) {
  struct seen seen;
  struct sweep_result result;
  budget = 1e-9;
  sweep_one(*state, "softmax rows=8 cols=100\n", &seen, &result);
  budget = 0.05;
  assert_int_equal(seen.chosen, 1);
  for (int i = 0; i < seen.rows; i++) {
    const struct csv_row *row = &seen.row[i];
    if (!strcmp(row->status, "refused")) continue;
    assert_string_equal(row->stop_reason, "clock");
    assert_string_equal(row->verified, "exact");
    assert_true(isnan(row->median_s) && isnan(row->work_s) && isnan(row->gflops));
    assert_true(row->samples == CSV_NONE && row->disturbed == CSV_NONE);
  }
}

static enum why_reason leaves_nan(struct why_call *call) {
  (void)call;
  return WHY_OK;
}
static enum why_reason writes_past_the_end(struct why_call *call) { // of rows of one: all 1
  const struct why_tensor *y = &call->operand[SOFTMAX_Y];
  for (int64_t i = 0; i <= y->dim[0] * y->dim[1]; i++) ((float *)y->data)[i] = 1;
  return WHY_OK;
}
static enum why_reason fails(struct why_call *call) {
  call->why->note = "out of luck";
  return WHY_CALL_FAILED;
}

// Each kernel that can run is replaced in turn; the row says what was wrong and the next one runs.
static void a_failure_is_a_row(void **state) {
  static const struct {
    struct why_code code;
    const char *reason, *note;
  } table[] = {
      {{.run = leaves_nan}, "WRONG", ""},
      {{.run = writes_past_the_end}, "WRONG", "it wrote where no output element is"},
      {{.run = fails}, "CALL_FAILED", "out of luck"},
  };
  struct why_machine *machine = *state;
  struct seen seen;
  struct sweep_result result;
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    sweep_one(machine, "softmax rows=9 cols=1\n", &seen, &result);
    int first = why_kernel_find("softmax", seen.row[0].backend, seen.row[0].kernel);
    assert_string_equal(seen.row[0].status, "chosen");
    const struct why_code **code = &machine->slot[why_places()[first].code].code[first];
    const struct why_code *own = *code;
    *code = &table[i].code;
    sweep_one(machine, "softmax rows=9 cols=1\n", &seen, &result);
    *code = own;
    assert_int_equal(result.failed, 1);
    assert_int_equal(seen.chosen, 1);
    assert_string_equal(seen.row[0].status, "failed");
    assert_string_equal(seen.row[0].reason, table[i].reason);
    assert_int_equal(seen.row[0].attempt, 1);
    assert_string_equal(seen.note[0], table[i].note);
    assert_string_equal(seen.row[1].status, "chosen");
    assert_int_equal(seen.row[1].attempt, 2);
    assert_int_equal(seen.row[0].decision, seen.row[1].decision);
  }
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
      cmocka_unit_test(ranks_are_those_of_the_tables),
      cmocka_unit_test(percentiles),
      cmocka_unit_test(measures_what_can_run),
      cmocka_unit_test(cold_and_hot_are_apart),
      cmocka_unit_test(without_a_clock_there_are_no_times),
      cmocka_unit_test(a_failure_is_a_row),
  };
  return cmocka_run_group_tests(tests, open_machine, close_machine);
}
