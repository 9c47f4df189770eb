// What a sweep found, in words and one small table: where problems ran, why they fell back, where
// one side begins to win, what the memory budget changed, what to do.
#ifndef BENCH_SUMMARY_H
#define BENCH_SUMMARY_H
#include "families.h"

enum {
  SUMMARY_GROUPS = 64,
  SUMMARY_BESTS = 32,
  SUMMARY_KERNELS = 64,
  SUMMARY_LARGEST = 16,
  SUMMARY_BUDGETS = 16
};

struct summary_group { // decisions under one policy and one budget of device memory
  char policy[48];
  uint64_t bytes; // WHY_UNLIMITED: none
  int64_t decisions, gpu, cpu;
  int64_t parts; // of those on a GPU, streamed
  int64_t fallback[WHY_REASON_COUNT];
};
struct summary_best { // the fastest of an op and type, against the ceiling of its device
  char op[16], type[8], kernel[64], dims[192];
  double gflops, gbps, roof_percent;
};
struct summary_checks { // a kernel's results, compared with the reference
  char op[16], kernel[64];
  int64_t results, wrong;
  double worst; // error / tolerance; NAN if an element was
};
struct summary_plans { // under one budget, the fastest of each plan; NAN: none could run
  uint64_t bytes;      // WHY_UNLIMITED: none
  double second[WHY_PLAN_COUNT];
  double law; // with the least copies, nothing waiting; NAN without streaming
};
struct summary_largest { // the problem of an op that moves most, under each budget
  char op[16], type[8], dims[192], transfer[16];
  int64_t iterations;
  double bytes;
  struct summary_plans plans[SUMMARY_BUDGETS];
  int budgets;
};
struct summary {
  bool predicts;    // the machine is not here: crossovers are those of predicted times
  int64_t decision; // the last row's
  struct summary_group group[SUMMARY_GROUPS];
  int groups;
  struct summary_best best[SUMMARY_BESTS];
  int bests;
  int64_t measured, wide; // rows; of these, ended before the interval was narrow enough
  struct families families;
  struct summary_largest largest[SUMMARY_LARGEST];
  int largests;
  struct summary_checks check[SUMMARY_KERNELS];
  int checks;
};
// Zeroed at first, but for `predicts`. 0 or ENOMEM.
int summary_add(struct summary *, const struct suite_case *, const struct csv_row *, bool gpu);
// Every line begins with the label: "measured | ".
void summary_print(FILE *, const char *label, struct summary *);
// Its parts besides thresholds (rivals.h): where problems ran and why; checks, and measurements
// that ended too early.
void summary_print_places(FILE *, const char *label, const struct summary *);
void summary_print_quality(FILE *, const char *label, const struct summary *);
// How each kernel's results compare with the reference, a line a kernel.
void summary_print_kernels(FILE *, const char *label, struct summary *);
enum evidence summary_evidence(const struct summary *); // what its families rest on
void summary_free(struct summary *);

// What to do about a reason, in a sentence.
const char *summary_advice(enum why_reason);

#endif
