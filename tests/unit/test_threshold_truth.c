// The search for a threshold against simulated truth: coverage and width of the 95% interval under
// noise of shared machines, what it finds where there is nothing to find, and GPU-BLOB's rule on
// the same samples. WHYCPU_SWEEPS: how many a cell, else 2,000.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "simulation.h"
#include <cmocka.h>
#include <math.h>

static int sweeps = 2000;

struct tally {
  int sweeps, covered, found, answered[CROSSOVER_UNSURE + 1], blob_found, blob_right;
  double *width; // of the interval, as a share of its upper end
  double samples;
};

static int rising(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void count(struct tally *tally, const struct threshold *t, const struct truth *truth) {
  struct threshold_answer answer;
  threshold_answer(t, &answer);
  const struct crossover *x = &answer.crossover;
  int64_t is = true_threshold(truth);
  for (int i = 0; i < answer.sizes; i++) { // totals of the same work
    answer.first[i].a *= pow((double)answer.first[i].size, 3);
    answer.first[i].b *= pow((double)answer.first[i].size, 3);
  }
  int64_t blob = crossover_blob(answer.first, answer.sizes);
  tally->answered[x->kind]++;
  tally->samples += (double)t->samples;
  tally->blob_found += blob > FIRST;
  tally->blob_right += llabs(blob - is) * 50 <= is || llabs(blob - is) <= STEP;
  // Without a size where the other side wins, it is only the latest that the threshold can be.
  if (x->low < 0 || (x->kind != CROSSOVER_FROM && x->kind != CROSSOVER_UNTIL)) return;
  tally->width[tally->found++] = (double)(x->high - x->low) / (double)x->high;
  tally->covered += x->kind == CROSSOVER_FROM && x->low < is && is <= x->high;
}

static struct tally simulate(enum curve curve, enum noise noise) {
  struct threshold *t = malloc(sizeof *t);
  struct tally tally = {.sweeps = curve == CROSSING || curve == SAME ? sweeps : sweeps / 8};
  tally.width = malloc((size_t)tally.sweeps * sizeof(double));
  assert_non_null(t);
  assert_non_null(tally.width);
  random_state = 88172645463325252ull + 1000 * (uint64_t)curve + (uint64_t)noise;
  for (int i = 0; i < tally.sweeps; i++) {
    struct truth truth = make_truth(curve);
    search(t, &truth, noise, NULL);
    count(&tally, t, &truth);
  }
  qsort(tally.width, (size_t)tally.found, sizeof(double), rising);
  free(t);
  return tally;
}

static void print(enum curve curve, enum noise noise, const struct tally *tally) {
  const int *n = tally->answered;
  double all = tally->sweeps;
  printf("%-13s | %-18s | %6d |", curve_name[curve], noise_name[noise], tally->sweeps);
  if (curve <= DOUBLE_CROSSING)
    printf(" found %5.1f%%, its interval holds it in %5.1f%%, %4.1f%% wide (median) |",
           100 * tally->found / all, 100.0 * tally->covered / tally->found,
           100 * tally->width[tally->found / 2]);
  else
    printf(" found %4.1f%%, always %5.1f%%, never %5.1f%%, cannot tell %5.1f%% |",
           100 * tally->found / all, 100 * n[CROSSOVER_ALWAYS] / all,
           100 * n[CROSSOVER_NEVER] / all, 100 * n[CROSSOVER_UNSURE] / all);
  printf(" %4.0f samples | GPU-BLOB's rule: ", tally->samples / all);
  if (curve <= DOUBLE_CROSSING)
    printf("right in %.1f%%\n", 100 * tally->blob_right / all);
  else
    printf("finds one in %.1f%%\n", 100 * tally->blob_found / all);
}

// The coverage that the interval promises is 95%; what was simulated may fall short by chance.
static void intervals_hold_the_threshold(void **state) {
  (void)state;
  for (enum curve curve = CROSSING; curve <= DOUBLE_CROSSING; curve++)
    for (enum noise noise = 0; noise < NOISES; noise++) {
      struct tally tally = simulate(curve, noise);
      print(curve, noise, &tally);
      assert_true(tally.found > 0.9 * tally.sweeps);
      assert_true(tally.covered >= 0.93 * tally.found);
      assert_true(tally.width[tally.found / 2] < 0.15);
      free(tally.width);
    }
}

static void nothing_is_found_where_there_is_nothing(void **state) {
  (void)state;
  for (enum curve curve = SAME; curve < CURVES; curve++)
    for (enum noise noise = 0; noise < NOISES; noise++) {
      struct tally tally = simulate(curve, noise);
      print(curve, noise, &tally);
      assert_true(tally.found < 0.05 * tally.sweeps);
      free(tally.width);
    }
}

int main(void) {
  const char *told = getenv("WHYCPU_SWEEPS");
  if (told) sweeps = atoi(told);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(intervals_hold_the_threshold),
      cmocka_unit_test(nothing_is_found_where_there_is_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
