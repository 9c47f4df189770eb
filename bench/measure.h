// One candidate, measured: warm up, sample until the median is known well enough, then run once
// more from the original operands and check the whole output.
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H
#include "operands.h"
#include "whycpu.h"
#include <stdbool.h>

struct measure_rules {
  double precision; // relative half-width of the median's 95% interval to reach
  double seconds;   // that sampling may take
  bool timed;       // false: run once and check only
};

struct measured_data { // the operands, and their originals for the check
  struct operands before, after;
};
// Random inputs in [-1, 1], never all zeros: the same seed makes the same data. WHY_OK or
// WHY_ALLOC_FAILED. Free in either case.
enum why_reason measured_data_make(const struct why_problem *, uint64_t seed,
                                   struct measured_data *);
void measured_data_free(struct measured_data *);

struct measurement {
  int64_t samples;                          // 0: not timed
  double median, min, p95, ci_low, ci_high; // seconds of a request; NAN: not known
  double copy_in, work, copy_out, idle;     // medians of its parts
  const char *stop;                         // "precision", "time", "count"; ""
  int64_t disturbed;                        // involuntary context switches meanwhile
  struct why_check check;                   // verified is NULL before it was checked
  bool interrupted;                         // Ctrl-C: nothing here is to be used
};

// WHY_OK, or why it failed: the verdict of that candidate in the decision then has the details.
enum why_reason measure_candidate(struct why_machine *, struct why_decision *, int candidate,
                                  struct measured_data *, const struct measure_rules *,
                                  struct measurement *);

#endif
