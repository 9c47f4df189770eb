// One candidate, measured: warm up, sample until the median is known well enough, then run once
// more from the original operands and check the whole output.
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H
#include "disturbance.h"
#include "energy.h"
#include "operands.h"
#include "whycpu.h"
#include <stdbool.h>

// What measuring is done with: made once for a sweep, for opening NVML and finding out how fine
// the clock is take their time.
enum { INSTRUMENT_DEVICES = 32 };
struct instruments {
  struct sampler sampler; // its samples are those of the last measurement
  struct disturbance_watch watch;
  struct rapl rapl;
  struct energy_meter cpu, gpu[INSTRUMENT_DEVICES];
  struct sensors *sensors[INSTRUMENT_DEVICES]; // by the machine's device; NULL: it has none
  bool looked[INSTRUMENT_DEVICES];             // for its sensors
};
// WHY_OK or WHY_ALLOC_FAILED. Close in either case.
enum why_reason instruments_open(struct instruments *);
void instruments_close(struct instruments *);

struct measure_rules {
  double precision;                // relative half-width of the median's 95% interval to reach
  double seconds;                  // that sampling may take
  bool timed;                      // false: run once and check only
  struct instruments *instruments; // NULL: made for each candidate
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
  double joules;                            // of a request; NAN: not read
  const char *stop;                         // "precision", "time", "count", "clock"; ""
  int64_t disturbed;                        // samples that were
  bool on_all;                              // so many that the figures rest on all samples
  struct noticed noticed;                   // zeroes where it was not timed
  struct why_check check;                   // verified is NULL before it was checked
  bool interrupted;                         // Ctrl-C: nothing here is to be used
};

// WHY_OK, or why it failed: the verdict of that candidate in the decision then has the details.
enum why_reason measure_candidate(struct why_machine *, struct why_decision *, int candidate,
                                  struct measured_data *, const struct measure_rules *,
                                  struct measurement *);

#endif
