// Fitting the cost model: times made from known costs, with noise, give costs that predict times
// that were not fitted to; what points cannot tell stays at the prior.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fit.h"
#include "fixture.h"
#include <cmocka.h>
#include <math.h>

static uint64_t state_of_chance;
static double chance(void) { // uniform in (0, 1)
  state_of_chance = state_of_chance * 6364136223846793005u + 1442695040888963407u;
  return ((double)(state_of_chance >> 11) + 0.5) * 0x1p-53;
}
static double normal(void) {
  return sqrt(-2 * log(chance())) * cos(6.283185307179586 * chance());
}
static double spread(double low, double high) { // uniform in log
  return low * exp(chance() * log(high / low));
}

static const struct why_cost truth = {.launch_seconds = 2e-6,
                                      .rate = 8e10,
                                      .passes = {1.4, 2.5, 0.8},
                                      .hidden = 0.3,
                                      .loop_seconds = {2e-8},
                                      .edge_seconds = 0};
static const struct why_cost prior = {
    .launch_seconds = 5e-7, .rate = 1.2e11, .passes = {1, 1, 1}, .hidden = 1};

// A product of random shape on a memory of 20 GB/s, `noise` in log; one in twenty takes 5 times as
// long where there are outliers.
static struct fit_point point(double noise, bool outliers) {
  double m = floor(spread(1, 2000)), n = floor(spread(1, 2000)), k = floor(spread(4, 2000));
  struct fit_point p = {.unit = {.launch = 1,
                                 .arithmetic = 2 * m * n * k,
                                 .traffic = {4 * m * k / 2e10, 4 * n * k / 2e10, 4 * m * n / 2e10},
                                 .loop = {m}}};
  p.seconds = fit_seconds(&p, &truth) * exp(noise * normal());
  if (outliers && chance() < 0.05) p.seconds *= 5;
  return p;
}

static double error_on_others(const struct why_cost *fitted) {
  enum { OTHERS = 400 };
  double sum = 0;
  for (int i = 0; i < OTHERS; i++) {
    struct fit_point p = point(0, false);
    sum += fabs(log(fit_seconds(&p, fitted) / p.seconds));
  }
  return sum / OTHERS;
}

static void finds_what_was_there(void **state) {
  (void)state;
  static const struct {
    const char *name;
    double noise;
    bool outliers;
    double most; // mean of |log(predicted / true)| on other shapes, over all trials
  } cases[] = {{"exact", 0, false, 0.02},
               {"5% noise", 0.05, false, 0.06},
               {"10% noise and outliers of 5x", 0.1, true, 0.12}};
  enum { POINTS = 24, TRIALS = 40 };
  if (!fit_possible) {
    printf("SKIP: this build has no MINPACK\n");
    exit(77);
  }
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    double sum = 0, said = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
      struct fit_point data[POINTS];
      struct why_cost fitted;
      double error, missed;
      for (int i = 0; i < POINTS; i++) data[i] = point(cases[c].noise, cases[c].outliers);
      assert_true(fit_costs(data, POINTS, &prior, &fitted, &error, &missed));
      sum += error_on_others(&fitted) / TRIALS;
      said += error / TRIALS;
    }
    printf("%s: off by %.1f%% on other shapes, says %.1f%%\n", cases[c].name, 100 * sum,
           100 * said);
    assert_true(sum < cases[c].most);
    assert_true(said < cases[c].most + cases[c].noise);
  }
}

static void stays_where_points_say_nothing(void **state) {
  (void)state;
  struct fit_point one = {.unit = {.launch = 1}, .seconds = 3e-6};
  struct why_cost fitted;
  double error, missed;
  if (!fit_possible) return;
  assert_true(fit_costs(&one, 1, &prior, &fitted, &error, &missed)); // only its launch was seen
  assert_true(fabs(fitted.launch_seconds / 3e-6 - 1) < 0.05);
  assert_true(fabs(fitted.rate / prior.rate - 1) < 1e-3);
  for (int i = 0; i < 3; i++) assert_true(fitted.passes[i] == 0); // no operand was
  assert_true(fitted.loop_seconds[0] == 0 && fitted.edge_seconds == 0);
  assert_false(fit_costs(&one, 0, &prior, &fitted, &error, &missed));
  struct why_cost nothing = {0};
  assert_false(fit_costs(&one, 1, &nothing, &fitted, &error, &missed));
}

// Costs are never negative, whatever times are measured.
static void costs_are_never_negative(void **state) {
  (void)state;
  if (!fit_possible) return;
  for (int trial = 0; trial < 100; trial++) {
    struct fit_point data[10];
    struct why_cost c;
    double error, missed;
    for (int i = 0; i < 10; i++) {
      data[i] = point(0, false);
      data[i].seconds = spread(1e-9, 10);
    }
    assert_true(fit_costs(data, 10, &prior, &c, &error, &missed));
    assert_true(c.launch_seconds >= 0 && c.rate > 0 && c.hidden >= 0 && c.hidden <= 1);
    for (int i = 0; i < WHY_OPERANDS; i++) assert_true(c.passes[i] >= 0 && isfinite(c.passes[i]));
    for (int i = 0; i < WHY_LOOPS; i++) assert_true(c.loop_seconds[i] >= 0);
    assert_true(isfinite(error) && error >= 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_what_was_there),
      cmocka_unit_test(stays_where_points_say_nothing),
      cmocka_unit_test(costs_are_never_negative),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
