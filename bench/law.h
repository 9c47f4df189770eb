// The law that a streamed plan is held against: the time of one call when the device holds only so
// much, by the schedule of copies that is the op's best (why_op.least_copied), nothing waiting.
#ifndef BENCH_LAW_H
#define BENCH_LAW_H
#include "whycpu.h"

// Seconds of one call: copying in the least that a schedule must, the
// arithmetic, copying the outputs back. All three overlap, so the largest is the law. NAN where
// the device's figures are not known.
struct law {
  double in, work, out, all;
};
// Of a device with these figures, which may hold `device_bytes`.
struct law law_of(const struct why_problem *, const struct why_facts *, uint64_t device_bytes);
const char *law_bound_by(const struct law *); // "compute" or "transfer"; "" where it is not known
#endif
