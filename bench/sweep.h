// Suites x budgets x policies x transfers x threads x iterations: each combination is decided, what
// can run is measured or checked, and every candidate becomes a row as soon as it is known.
#ifndef BENCH_SWEEP_H
#define BENCH_SWEEP_H
#include "measure.h"
#include "options.h"
#include "rows.h"

struct sweep_rules {
  struct measure_rules measure;
  // Candidates that could run and were not chosen: "all", "none", or "backend:name,...".
  const char *compare;
  double compare_seconds; // those predicted to take longer stay refused
  uint64_t seed;
};

// Takes a row as it is finished. 0, or an errno that ends the sweep.
struct sweep_sink {
  int (*row)(void *to, const struct suite_case *, const struct csv_row *, bool gpu);
  void *to;
};

struct sweep {
  struct why_machine *machine;
  const struct options *options; // policies, iterations, budgets, transfers, threads, kernel
  const struct suite *suite;
  int suites;
  struct sweep_rules rules;
  struct sweep_sink sink;
  const char *label; // of the progress line
};

struct sweep_result {
  int64_t decisions, nowhere, failed; // nowhere: nothing could run; failed: rows
  bool interrupted;
  int error; // errno of the sink, ENOMEM; 0
};
void sweep_run(const struct sweep *, struct sweep_result *);

#endif
