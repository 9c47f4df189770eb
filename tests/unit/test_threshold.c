// The search for a threshold, step by step: a fixed simulated pair, times without noise, the grid,
// clocks that fail, a search that was ended early. Its statistics: test_threshold_truth.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "simulation.h"
#include <cmocka.h>
#include <math.h>

static void a_fixed_pair_is_searched_in_fixed_steps(void **state) {
  (void)state;
  // They cross at 600: the offset is 0.4 of the time there.
  struct truth truth = {.a1 = 6e-11, .a_power = 2.7, .b1 = 1e-10, .b_power = 2.7};
  truth.a0 = 4e-11 * pow(600, 2.7);
  struct threshold *t = malloc(sizeof *t);
  struct threshold_answer answer;
  char *trace;
  size_t length;
  FILE *file = open_memstream(&trace, &length);
  assert_non_null(t);
  assert_non_null(file);
  random_state = 42;
  search(t, &truth, OUTLIERS, file);
  fclose(file);
  threshold_answer(t, &answer);
  assert_string_equal(trace, "4096x12 2048x12 1024x12 512x12 256x12 128x12 64x12 32x12 16x12 "
                             "4096x12 2048x12 1024x12 512x12 720x12 720x12 608x12 608x12 608x24 "
                             "608x48 560x12 560x12 576x12 576x12 576x24 592x12 592x12 592x24 "
                             "592x48 592x96 ");
  const struct crossover *x = &answer.crossover;
  assert_int_equal(x->kind, CROSSOVER_FROM);
  assert_int_equal(x->low, 576);
  assert_int_equal(x->high, 608);
  assert_int_equal(x->above_winner, WINNER_A);
  free(trace);
  free(t);
}

// Of predictions one pair decides, and the search ends between two neighbours of the lattice.
static void times_without_noise_are_searched_to_the_step(void **state) {
  (void)state;
  struct threshold *t = malloc(sizeof *t);
  struct threshold_answer answer;
  int64_t at;
  int pairs;
  assert_non_null(t);
  for (int64_t threshold = 32; threshold <= 4096; threshold += 16) {
    threshold_start(t, family, FAMILY, true);
    while (threshold_next(t, &at, &pairs)) {
      double a = 1, b = at < threshold ? 0.5 : 2;
      assert_int_equal(pairs, 1);
      threshold_tell(t, at, &a, &b, 1);
    }
    threshold_answer(t, &answer);
    assert_int_equal(answer.crossover.kind, CROSSOVER_FROM);
    assert_int_equal(answer.crossover.from, threshold);
    assert_int_equal(answer.crossover.below, threshold - 16);
    assert_int_equal(answer.crossover.low, threshold - 16);
  }
  free(t);
}

static void the_grid_is_of_the_family(void **state) {
  (void)state;
  struct threshold *t = malloc(sizeof *t);
  int64_t steps[64], one = 7;
  assert_non_null(t);
  threshold_start(t, family, FAMILY, false);
  assert_int_equal(t->step, 16);
  assert_int_equal(t->grids, FAMILY);
  for (int i = 0; i < FAMILY; i++) assert_int_equal(t->grid[i], family[FAMILY - 1 - i]);
  for (int i = 0; i < 64; i++) steps[i] = 100 * (int64_t)(i + 1);
  threshold_start(t, steps, 64, false);
  assert_int_equal(t->step, 100);
  assert_int_equal(t->grids, THRESHOLD_GRID);
  assert_int_equal(t->grid[0], 6400);
  assert_int_equal(t->grid[t->grids - 1], 100);
  for (int i = 1; i < t->grids; i++) assert_true(t->grid[i] < t->grid[i - 1]);
  threshold_start(t, &one, 1, false);
  assert_int_equal(t->grids, 1);
  assert_int_equal(t->grid[0], 7);
  free(t);
}

// A clock that went backward, or that did not move, makes no pair; nothing is concluded from none.
static void impossible_times_are_left_out(void **state) {
  (void)state;
  static const double bad[] = {0, -1e-6, NAN, INFINITY};
  struct threshold *t = malloc(sizeof *t);
  struct threshold_answer answer;
  assert_non_null(t);
  for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
    double a[THRESHOLD_PAIRS], b[THRESHOLD_PAIRS];
    int64_t at;
    int pairs, asked = 0;
    for (int i = 0; i < THRESHOLD_PAIRS; i++) a[i] = i % 2 ? bad[k] : 1, b[i] = i % 2 ? 1 : bad[k];
    threshold_start(t, family, FAMILY, false);
    while (threshold_next(t, &at, &pairs)) {
      threshold_tell(t, at, a, b, pairs);
      assert_in_range(++asked, 1, FAMILY * THRESHOLD_LOOKS);
    }
    threshold_answer(t, &answer);
    assert_int_equal(answer.crossover.kind, CROSSOVER_UNSURE);
  }
  free(t);
}

// Ended before its grid was looked at, it says nothing of what it did not see.
static void what_was_not_looked_at_is_not_said(void **state) {
  (void)state;
  double one[THRESHOLD_PAIRS], two[THRESHOLD_PAIRS];
  struct threshold *t = malloc(sizeof *t);
  struct threshold_answer answer;
  int64_t at;
  int pairs;
  assert_non_null(t);
  for (int i = 0; i < THRESHOLD_PAIRS; i++) one[i] = 1, two[i] = 2;
  threshold_start(t, family, FAMILY, false);
  threshold_answer(t, &answer);
  assert_int_equal(answer.crossover.kind, CROSSOVER_UNSURE);
  assert_true(threshold_next(t, &at, &pairs));
  threshold_tell(t, at, one, two, pairs);
  threshold_answer(t, &answer);
  assert_int_equal(answer.crossover.kind, CROSSOVER_FROM);
  assert_int_equal(answer.crossover.high, 4096);
  assert_int_equal(answer.crossover.low, -1);
  assert_false(answer.whole);
  free(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_fixed_pair_is_searched_in_fixed_steps),
      cmocka_unit_test(times_without_noise_are_searched_to_the_step),
      cmocka_unit_test(the_grid_is_of_the_family),
      cmocka_unit_test(impossible_times_are_left_out),
      cmocka_unit_test(what_was_not_looked_at_is_not_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
