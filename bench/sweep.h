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

// Takes the samples of a candidate that was timed, before its row. NULL: nobody wants them.
struct sweep_samples {
  void (*take)(void *to, const char *run, int64_t decision, const struct why_candidate *,
               const struct sampler *);
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
  const char *run;   // the name that its rows share; NULL: a new one
  int64_t first;     // decisions that were made before: it begins with the next
  struct sweep_samples samples;
};

// Where a decision, counted from 0, stands in the sweep.
struct sweep_place {
  const struct suite *suite;
  const struct suite_case *item;
  int request; // of item: options_request
};
int64_t sweep_decisions(const struct sweep *); // all of them
struct sweep_place sweep_place(const struct sweep *, int64_t decision);

struct sweep_result {
  int64_t decisions;       // up to the last one made, those before `first` too
  int64_t nowhere, failed; // of this run: nothing could run; rows
  bool interrupted;
  int error; // errno of the sink, ENOMEM; 0
};
void sweep_run(const struct sweep *, struct sweep_result *);

#endif
