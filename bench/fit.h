// The cost model's parameters fitted to measured times, by least squares of log(predicted /
// measured), so that a small problem weighs as much as a large one.
#ifndef BENCH_FIT_H
#define BENCH_FIT_H
#include "whycpu.h"
#include <stdbool.h>

struct fit_point {
  struct why_terms unit; // of the problem under costs of 1: see fit_unit
  double seconds;        // measured
};
// Costs under which terms are what the parameters are to be multiplied or divided with.
extern const struct why_cost fit_unit;
// Whether this build has the library that fits (MINPACK); without it fit_costs is false.
extern const bool fit_possible;
// Starts from the prior and stays near it where the points say nothing: a cost that is off by a
// factor of e^1.5 weighs as much as one point that is off by a tenth. Points that are further off
// pull no harder than those that are a tenth off. *error: the median of |predicted / measured - 1|;
// *missed: what was minimised, to tell which of several fits to the same times is best. `distance`
// is not fitted: the units of the points were made with it. False: there are no points, or the
// prior knows no figures.
bool fit_costs(const struct fit_point *, int points, const struct why_cost *prior,
               struct why_cost *out, double *error, double *missed);
double fit_seconds(const struct fit_point *, const struct why_cost *); // predicted
#endif
