// How numbers lie: one problem on one kernel, timed honestly and in the ways that make a figure
// better (or worse) than it is, one after the other in every round, so that what drifts, drifts for
// all. A distortion is the median of the rounds' ratios.
#ifndef BENCH_LIES_H
#define BENCH_LIES_H
#include "whycpu.h"
#include <stdbool.h>

// Ways to time the subject.
enum lies_way {
  LIES_HONEST, // a whole request: random operands that no cache holds, all it needs included
  LIES_AGAIN,  // the same once more
  LIES_ZEROS,  // operands of zeros
  LIES_WARM,   // the caches hold the operands
  LIES_CALL,   // the call alone, on operands that were handed over and that no cache holds
  LIES_DEVICE, // the same call by the device's own clock
  LIES_PADDED, // a larger problem, its dims rounded up
  LIES_FIRST,  // a request that begins with preparing
  LIES_FAIR,   // the best kernel of the CPU
  LIES_NAIVE,  // plain loops on one thread
  LIES_WAYS
};

enum lie {
  LIE_AGAIN,
  LIE_ZEROS,
  LIE_HOT,
  LIE_CALL_ALONE,
  LIE_DEVICE_CLOCK,
  LIE_PADDED,
  LIE_MINIMUM,
  LIE_FIRST_CALL,
  LIE_BASELINE,
  LIES
};
const char *lie_name(enum lie);
const char *lie_help(enum lie); // what was done, in a line

struct lies_subject {
  // One run this way. WHY_OK, or why it failed, which ends it all.
  enum why_reason (*time)(void *data, enum lies_way, double *seconds);
  void *data;
  const char *cannot[LIES]; // why a lie cannot be shown here; NULL: it can
  // What a lie is held against where that is not LIES_HONEST, which is 0.
  enum lies_way honest[LIES];
  double flops, padded_flops; // of LIES_HONEST and LIES_PADDED
};

// The least have an interval, if a wide one; ENOUGH are taken where the time allows.
enum { LIES_ROUNDS_LEAST = 6, LIES_ROUNDS_ENOUGH = 11, LIES_ROUNDS_MOST = 301, LIES_MEAN_OF = 10 };
struct lies_rules {
  double precision; // relative half-width of every ratio's 95% interval to reach
  double seconds;   // after which no round begins, the least apart
  double (*now)(void);
};

// Performance claimed over performance that is so: above 1 it flatters. Of the baseline: the time
// of the CPU's side as claimed over what it is.
struct lie_result {
  bool shown;
  double honest_seconds, claimed_seconds; // medians
  double ratio, low, high;                // 95% interval by order statistics; NAN under 6 rounds
};
struct lies {
  int rounds;
  double seconds, low, high; // LIES_HONEST: median and its 95% interval
  struct lie_result lie[LIES];
};
// WHY_OK, or what a run returned.
enum why_reason lies_measure(const struct lies_subject *, const struct lies_rules *, struct lies *);
// "flatters", "belittles", "no difference"; "": not shown.
const char *lie_verdict(const struct lie_result *);

#endif
