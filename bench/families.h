// Rows gathered by family (problems that differ in one size only), and the thresholds in them. A
// row at a time; kept is the fastest of each candidate at each size. Leaves out the words.
//
// Rows of two sides were not measured side by side, so that what drifted between them counts as a
// difference: a search (bench --threshold) sees more with fewer samples.
#ifndef BENCH_FAMILIES_H
#define BENCH_FAMILIES_H
#include "crossover.h"
#include "csv.h"
#include "sides.h"
#include "suite.h"

enum evidence {
  EVIDENCE_INTERVALS, // measured: medians with their 95% intervals
  EVIDENCE_EXACT,     // predicted: no noise, no interval
  EVIDENCE_TOTALS     // one total a size: 24 neighbouring sizes stand for repeated samples of one
};

struct family_point {
  char backend[16], kernel[32];
  int64_t size, threads;
  bool gpu;
  double median, low, high, flops; // seconds of the request, and its operations
};
struct family {
  char *key; // family, iterations and transfer; owned
  struct family_point *point;
  int64_t points, capacity;
};
struct families { // zeroed at first
  struct family *item;
  int64_t count, capacity, last;
  int64_t threads; // the most that any row has
};
// A row that was measured (or predicted) and belongs to a family. 0 or ENOMEM.
int families_add(struct families *, const struct suite_case *, const struct csv_row *, bool gpu,
                 enum evidence);
void families_free(struct families *);

struct family_threshold {
  struct crossover crossover;
  int64_t blob;            // by GPU-BLOB's rule, on medians or totals; -1: none
  struct contest *contest; // owned; `count` sizes at which both sides are known
  int count;
};
// Threads that a side leaves open are the most there are. 0 or ENOMEM; free in either case.
int families_find(struct families *, int64_t family, const struct side *a, const struct side *b,
                  enum evidence, struct family_threshold *);
void family_threshold_free(struct family_threshold *);

#endif
