// `whycpu bench --threshold A,B`: a search for every family of the suites under every combination
// of transfers, iterations, budgets and threads. Measured side by side on this machine, or on a
// recorded one predicted.
#ifndef BENCH_THRESHOLDS_H
#define BENCH_THRESHOLDS_H
#include "options.h"
#include "sides.h"

struct thresholds {
  struct why_machine *machine;
  const struct options *options; // format and output too
  const char *suites;            // names or paths, separated by commas
  struct sides sides;
  double seconds; // that one search may take
  uint64_t seed;
};
// STATUS_OK; STATUS_NO: a search could not be made, for one side cannot run or gave a wrong result;
// or another status to return, its line printed.
int thresholds_run(const struct thresholds *);

#endif
