// How good the predictions are, where they count: over problems that nothing was fitted to, the
// time of the candidate that the policy chose over that of the best one, both measured side by
// side.
#ifndef BENCH_REGRET_H
#define BENCH_REGRET_H
#include "options.h"
#include "suite.h"

struct regret_rules {
  double limit;   // seconds: candidates predicted to take longer are not measured
  double seconds; // of sampling a problem, for each of its candidates
  uint64_t seed;  // of the operands
};
// Every problem of the suites under every thread count of the options, but those of the calibration
// suite, once each. Rows go to the table where there is one, words to `out`. STATUS_OK, or the
// status to return, its line printed.
int regret_run(struct why_machine *, const struct options *, const struct suite *, int suites,
               const struct regret_rules *, struct table *, FILE *out);
// `whycpu bench --regret`. suites: names, NULL for all that are shipped; rules: 0 where not given.
int regret_command(struct options *, const char *suites, struct regret_rules);
extern const struct table_column regret_column[];
extern const int regret_columns;
#endif
