// What `whycpu bench` was asked for, and the ways in which it goes about it.
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H
#include "part.h"
#include "samples.h"
#include "thresholds.h"

enum { BENCH_PATH = 4096 };
struct bench {
  struct options options;
  const char *suites, *output_dir;
  struct sweep_rules rules;
  const char *compare;    // NULL: not given
  double compare_seconds; // 0: not given
  double time_budget;     // 0: not given
  struct sides threshold; // --threshold
  double threshold_seconds;
  bool to_blob; // --export gpu-blob
  struct blob_export blob;
  const char *resume;  // the file to go on with; NULL: a new sweep
  const char *samples; // the file of single samples; NULL: none
  struct samples_file samples_file;
  bool regret;             // measure how good the predictions are, instead of a sweep
  bool lies;               // show how numbers lie
  bool overwrite, printed; // printed: rows go to standard output
  char path[BENCH_PATH];   // of the rows; "" without a file
  char part_path[BENCH_PATH];
  char run[ROW_RUN]; // of all parts
};

// Each returns the status to end with, its line printed where something is wrong.

// bench.c: rows. On this machine; without its own suites the default sweep, whose later parts are
// predicted and verified where there is no GPU; on a machine file or an emulated device.
int bench_here(struct bench *, const char *suites);
int bench_default(struct bench *);
int bench_elsewhere(struct bench *);

// bench_modes.c: what else is measured, without rows or beside them.
int bench_export_check(const struct bench *); // before the path is chosen
int bench_export(struct bench *);
int bench_threshold(struct bench *);
int bench_lies(const struct bench *, const struct measure_rules *untold);
int bench_regret(struct bench *);
#endif
