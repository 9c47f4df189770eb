// The verdicts of `whycpu compare` against simulated truth: how often two runs of one program
// alarm, and whether what was planted is found. Rows are simulated sample by sample, with the
// stopping rule of the measuring loop, which makes intervals too narrow, as it does there.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "compare_verdict.h"
#include "statistics.h"
#include "student.h"
#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

// ---- random numbers -----------------------------------------------------------------------------

static uint64_t random_state;

static double uniform(void) { // in (0, 1): splitmix64
  uint64_t z = random_state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

static double normal(void) {
  return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static double student(int freedom) {
  double squares = 0;
  for (int i = 0; i < freedom; i++) {
    double x = normal();
    squares += x * x;
  }
  return normal() / sqrt(squares / freedom);
}

// ---- simulated runs -----------------------------------------------------------------------------

struct model {
  const char *name;
  int cells;
  double within;          // of a sample's ln, from sample to sample
  double outliers;        // share of samples that take 5 times as long
  double between, common; // of ln, from run to run: of each cell, of all
  int tail;               // between is Student's t with so many degrees of freedom; 0: normal
  double busy, slowed;    // share of cells with a busy neighbour, which costs up to this factor
  double uneven;          // of ln: how much `within` differs from cell to cell
};

enum { LEAST = 10, MOST = 60, CELLS = 400 };

static struct spread row(const struct model *m, double level, double within, double *log_median) {
  double sorted[MOST];
  int n = 0, rank = 0;
  for (bool close = false; n < MOST && !close;) {
    double x = level + within * normal() + (uniform() < m->outliers ? log(5) : 0);
    int at = n++;
    for (; at && sorted[at - 1] > x; at--) sorted[at] = sorted[at - 1];
    sorted[at] = x;
    rank = median_rank(n);
    close = n >= LEAST && exp(sorted[n - rank] - sorted[rank - 1]) - 1 < 0.02;
  }
  *log_median = median_of(sorted, n);
  return spread_of(n, exp(sorted[rank - 1]), exp(sorted[n - rank]), exp(sorted[0]),
                   exp(sorted[n - 1]));
}

static double run_level(const struct model *m) {
  double level = m->between * (m->tail ? student(m->tail) : normal());
  if (uniform() < m->busy) level += log(1 + uniform() * (m->slowed - 1));
  return level;
}

// Two runs; `slower` is added to the second one's first `changed` cells.
static void simulate(const struct model *m, int changed, double slower, struct difference *d) {
  double all = m->common * normal() - m->common * normal();
  for (int i = 0; i < m->cells; i++) {
    double within = m->within * exp(m->uneven * normal()), log_a, log_b;
    struct spread a = row(m, run_level(m), within, &log_a);
    struct spread b = row(m, run_level(m) + all + (i < changed ? slower : 0), within, &log_b);
    d[i] = difference_of(log_a, a, log_b, b);
  }
}

struct tally {
  int slower, faster, same, unsure; // cells
  int planted;                      // of those that were made slower, found
  bool all_slower, all_faster;
};

static struct tally compare(const struct model *m, int changed, double slower, double threshold) {
  static struct difference d[CELLS], copy[CELLS];
  struct noise noise;
  struct judge judge;
  struct tally t = {0};
  simulate(m, changed, slower, d);
  memcpy(copy, d, sizeof copy);
  assert_int_equal(noise_fit(copy, m->cells, 0.01, &noise), 0);
  judge_make(&noise, m->cells, threshold, &judge);
  for (int i = 0; i < m->cells; i++) {
    struct judged is = judge_cell(&judge, &d[i]);
    int *count[VERDICTS] = {&t.slower, &t.faster, &t.same, &t.unsure};
    ++*count[is.verdict];
    t.planted += i < changed && is.verdict == VERDICT_SLOWER;
  }
  enum verdict all = judge_all(&judge).verdict;
  t.all_slower = all == VERDICT_SLOWER;
  t.all_faster = all == VERDICT_FASTER;
  return t;
}

// ---- identical runs -----------------------------------------------------------------------------

static const struct model identical[] = {
    // clang-format off
    //                                   cells within outliers between common tail busy slowed uneven
    {"noise within runs alone",            200, 0.010, 0,       0,      0,     0,   0,    1,     0.5},
    {"cells and runs shift",               200, 0.010, 0,       0.010,  0.005, 0,   0,    1,     0.5},
    {"cells and runs shift by more",       200, 0.010, 0,       0.030,  0.010, 0,   0,    1,     0.5},
    {"samples of 5 times the time",        200, 0.010, 0.10,    0.010,  0.005, 0,   0,    1,     0.5},
    {"noisy rows that end by their time",  100, 0.100, 0.05,    0.010,  0.005, 0,   0,    1,     1.0},
    {"shifts with a heavy tail",           200, 0.010, 0.05,    0.010,  0.005, 4,   0,    1,     0.5},
    {"small shifts, a heavy tail",      200, 0.010, 0.05,    0.005,  0.005, 4,   0,    1,     0.5},
    {"a tenth beside a busy neighbour",    200, 0.010, 0.05,    0.010,  0.005, 0,   0.10, 1.6,   0.5},
    {"half beside a busy neighbour",       200, 0.010, 0.05,    0.010,  0.005, 0,   0.50, 2.0,   0.5},
    {"60 cells, a heavy tail",              60, 0.010, 0.05,    0.010,  0.005, 4,   0,    1,     0.5},
    {"60 cells",                            60, 0.004, 0.05,    0.003,  0.000, 0,   0,    1,     0},
    {"30 cells, a heavy tail",              30, 0.010, 0.05,    0.010,  0.005, 4,   0,    1,     0.5},
    {"8 cells",                              8, 0.010, 0.05,    0.015,  0.005, 0,   0,    1,     0.5},
    {"2 cells",                              2, 0.010, 0.05,    0.015,  0.005, 0,   0,    1,     0.5},
    {"1 cell",                               1, 0.010, 0.05,    0.015,  0.005, 0,   0,    1,     0.5},
    // clang-format on
};
enum { IDENTICAL = sizeof identical / sizeof identical[0] };

// Comparisons of each model: 250, of which at most 5% may alarm; or WHY_TEST_COMPARISONS, where a
// rate of 5% has to be ruled out.
static int comparisons(void) {
  const char *asked = getenv("WHY_TEST_COMPARISONS");
  return asked ? atoi(asked) : 250;
}

// The most alarms of n with which a rate of 5% is ruled out at 95%.
static int most_alarms(int n) {
  double term = pow(0.95, n), sum = term;
  int k = 0;
  while (sum <= 0.05) {
    term *= (double)(n - k) / (k + 1) * 0.05 / 0.95;
    sum += term;
    k++;
  }
  return k - 1;
}

static void identical_runs_do_not_alarm(void **state) {
  (void)state;
  int n = comparisons();
  assert_int_equal(most_alarms(1000), 38);
  for (int i = 0; i < IDENTICAL; i++) {
    int alarms = 0;
    double same = 0;
    random_state = 1000 + (uint64_t)i;
    for (int k = 0; k < n; k++) {
      struct tally t = compare(&identical[i], 0, 0, NAN);
      alarms += t.slower || t.faster || t.all_slower || t.all_faster;
      same += (double)t.same / identical[i].cells;
    }
    print_message("%-34s %3d of %d alarm, %3.0f%% of the cells are the same\n", identical[i].name,
                  alarms, n, 100 * same / n);
    if (alarms > (getenv("WHY_TEST_COMPARISONS") ? most_alarms(n) : n / 20))
      fail_msg("%s: %d alarms of %d", identical[i].name, alarms, n);
  }
}

// ---- what was planted ---------------------------------------------------------------------------

static const struct model quiet = {"quiet", 200, 0.010, 0.05, 0.003, 0.003, 0, 0, 1, 0.3};

static void one_slower_cell_is_found(void **state) {
  (void)state;
  enum { TIMES = 100 };
  int found = 0, others = 0;
  random_state = 1;
  for (int k = 0; k < TIMES; k++) {
    struct tally t = compare(&quiet, 1, log(1.10), NAN);
    found += t.planted;
    others += t.slower - t.planted + t.faster;
  }
  print_message("10%% in one cell of 200: found in %d of %d, %d others\n", found, TIMES, others);
  assert_true(found >= 95);
  assert_true(others <= 2);
}

static void a_slowdown_of_all_is_found(void **state) {
  (void)state;
  enum { TIMES = 100 };
  int found = 0;
  random_state = 2;
  for (int k = 0; k < TIMES; k++) found += compare(&quiet, quiet.cells, log(1.05), NAN).all_slower;
  print_message("5%% in all cells: found in %d of %d\n", found, TIMES);
  assert_true(found >= 95);
}

// Many changed cells neither hide each other nor make the others look faster.
static void many_slower_cells_are_found(void **state) {
  (void)state;
  enum { TIMES = 50, CHANGED = 60 };
  int found = 0, faster = 0;
  random_state = 3;
  for (int k = 0; k < TIMES; k++) {
    struct tally t = compare(&quiet, CHANGED, log(1.2), NAN);
    found += t.planted;
    faster += t.faster;
  }
  print_message("20%% in 60 cells: found %.1f, and %d faster\n", (double)found / TIMES, faster);
  assert_true(found >= 0.95 * TIMES * CHANGED);
  assert_int_equal(faster, 0);
}

static void no_less_than_the_threshold(void **state) {
  (void)state;
  enum { TIMES = 50 };
  random_state = 4;
  int under = 0, over = 0, same = 0;
  for (int k = 0; k < TIMES; k++) {
    struct tally t = compare(&quiet, 1, log(1.10), log(1.25));
    under += t.slower;
    same += t.same;
    over += compare(&quiet, 1, log(1.5), log(1.25)).planted;
  }
  assert_int_equal(under, 0);
  assert_true(same > 0.95 * quiet.cells * TIMES); // 10% and less, +-6%, lies within 25%
  assert_int_equal(over, TIMES);
}

// ---- parts --------------------------------------------------------------------------------------

static void quantiles_are_those_of_the_tables(void **state) {
  (void)state;
  static const struct {
    double tail, freedom, t;
  } table[] = {{0.025, 1, 12.7062}, {0.025, 5, 2.57058},       {0.0005, 10, 4.58689},
               {0.1, 2, 1.88562},   {0.025, 30, 2.04227},      {0.005, 120, 2.61742},
               {0.25, 4, 0.740697}, {0.025, INFINITY, 1.95996}};
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    assert_true(fabs(student_quantile(table[i].tail, table[i].freedom) / table[i].t - 1) < 1e-5);
  // With 1 and 2 degrees of freedom there are formulas, far out too.
  for (int digits = 3; digits < 12; digits++) {
    double tail = pow(10, -digits);
    double cauchy = 1 / tan(M_PI * tail), a = 4 * tail * (1 - tail);
    assert_true(fabs(student_quantile(tail, 1) / cauchy - 1) < 1e-8);
    assert_true(fabs(student_quantile(tail, 2) / ((1 - 2 * tail) * sqrt(2 / a)) - 1) < 1e-8);
  }
}

static void rows_say_how_well_they_know(void **state) {
  (void)state;
  struct spread ten = spread_of(10, 0.99, 1.01, 0.98, 1.05), two = spread_of(2, NAN, NAN, 1, 1.02);
  assert_true(fabs(sqrt(ten.variance) - log(1.01 / 0.99) / 3.92) < 1e-6);
  assert_true(ten.freedom == 3.5); // the 2nd to the 9th of 10: 7 gaps
  assert_true(fabs(sqrt(two.variance) - log(1.02) / (2 * 0.67449)) < 1e-6); // half the time inside
  assert_true(isinf(spread_of(1, NAN, NAN, 1, 1).variance));
  assert_true(spread_of(1000, 1, 1, 1, 1).variance == 0);
  // A row without an interval is never the reason for a verdict, and spoils no other.
  struct difference d[3] = {difference_of(0, ten, 5, spread_of(1, NAN, NAN, 1, 1)),
                            difference_of(0, ten, 0, ten), difference_of(1, ten, 1, ten)};
  struct difference alone = d[0];
  struct noise noise;
  struct judge judge;
  assert_int_equal(noise_fit(d, 3, 0.01, &noise), 0);
  judge_make(&noise, 2, NAN, &judge);
  assert_int_equal(judge_cell(&judge, &alone).verdict, VERDICT_UNSURE);
  assert_true(noise.shift == 0);
  assert_int_equal(noise_fit(d, 0, 0.01, &noise), 0);
}

// A and B exchanged: the same with the other sign.
static void is_symmetric(void **state) {
  (void)state;
  struct difference d[CELLS] = {0}, back[200];
  struct noise noise, other;
  struct judge judge, mirror;
  random_state = 5;
  simulate(&identical[5], 20, 0.3, d);
  for (int i = 0; i < 200; i++) back[i] = d[i], back[i].log_ratio = -d[i].log_ratio;
  struct difference given[200];
  memcpy(given, d, sizeof given);
  assert_int_equal(noise_fit(d, 200, 0.01, &noise), 0);
  assert_int_equal(noise_fit(back, 200, 0.01, &other), 0);
  judge_make(&noise, 200, NAN, &judge);
  judge_make(&other, 200, NAN, &mirror);
  for (int i = 0; i < 200; i++) {
    struct difference turned = {-given[i].log_ratio, given[i].variance, given[i].freedom};
    struct judged is = judge_cell(&judge, &given[i]), was = judge_cell(&mirror, &turned);
    assert_true(fabs(is.low + was.high) < 1e-9);
    assert_int_equal(is.verdict == VERDICT_SLOWER, was.verdict == VERDICT_FASTER);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(identical_runs_do_not_alarm),
      cmocka_unit_test(one_slower_cell_is_found),
      cmocka_unit_test(a_slowdown_of_all_is_found),
      cmocka_unit_test(many_slower_cells_are_found),
      cmocka_unit_test(no_less_than_the_threshold),
      cmocka_unit_test(quantiles_are_those_of_the_tables),
      cmocka_unit_test(rows_say_how_well_they_know),
      cmocka_unit_test(is_symmetric),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
