// One part of a benchmark: a machine, suites, a sweep, and what is said about it, every line with
// the part's label.
#ifndef BENCH_PART_H
#define BENCH_PART_H
#include "blob.h"
#include "results.h"
#include "sweep.h"

struct part {
  const char *label;  // "measured", "predicted", "verified"
  const char *suites; // names or paths, separated by commas
  struct why_machine *machine;
  const struct options *options;
  struct sweep_rules rules;
  struct results_target target;
  struct sweep_samples samples; // take NULL: not wanted
  char *run; // ROW_RUN bytes, shared by the parts of a run of the program; "" until it is named
  struct blob_export *blob; // what is to become GPU-BLOB's files; NULL: nothing
  FILE *words;              // where lines go
  bool here;                // this machine: say why no GPU is used, and measure its ceilings first
  bool kernels;             // say how each kernel was verified, not where problems would run
};
// STATUS_OK, or the status to return, its line printed.
int part_run(const struct part *);
void part_say(const struct part *, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Why no GPU is used, in the system's own words.
void part_say_cause(const struct part *);
// What the lines that follow rest on, where that is no measurement here.
void part_say_basis(const struct part *);

#endif
