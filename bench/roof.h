// What the ceilings of a device allow: the least time that one call can take there, and which of
// them says so.
#ifndef BENCH_ROOF_H
#define BENCH_ROOF_H
#include "whycpu.h"
#include <stdbool.h>

struct roof {
  double compute, memory; // seconds of one call at each ceiling; NAN: not known
  bool cached;            // a cache of the CPU holds all operands when the call begins
  bool exact;             // the ceilings were measured, with just these threads
};

// `threads`: of the CPU; 0: all. Hot operands move at the rate of the level that holds them, what
// exceeds a level at that of the next, so that no size has a sudden edge. A ceiling of an outer
// level holds for the inner ones too, for a copy past the caches may be the faster one. With other
// thread counts than were measured the ceilings are scaled, and not exact.
struct roof roof_of(const struct why_machine *, int device, const struct why_problem *,
                    enum why_cache, int threads);
// The larger of the two; NAN: not known.
double roof_seconds(const struct roof *);
// "compute", "memory", "transfer", "launch", or "cpu": a cache of the CPU; "": not known. Seconds
// of a request's copies, its work, and the launches in it.
const char *roof_bound(const struct roof *, double copies, double work, double launches);

#endif
