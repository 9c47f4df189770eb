// The measuring loop, for CPU and GPU alike: warm up until steady, then sample until the median is
// known well enough or the time is over. Knows neither jobs nor devices: what is sampled, the clock
// and who looks for disturbance are given to it. Samples are taken one by one, so that two samplers
// can take turns.
//
// The interval of the median is that of order statistics (statistics.h), over samples, or over the
// medians of 32 stretches of consecutive ones where these say less, and no narrower than the
// clock's step. It is looked at when there are an eighth more samples, not after each: a loop that
// stops at the first lucky interval is wrong more often than the interval says. In simulations it
// holds the true median in 92 to 99% of cases (tests/unit/test_sampler.c).
//
// Disturbed samples are kept and marked, and as many are taken again, once. The figures rest on the
// others where these are enough, else on all.
#ifndef BENCH_SAMPLER_H
#define BENCH_SAMPLER_H
#include "timer.h"
#include "whycpu.h"
#include <stdint.h>

enum sample_part { PART_COPY_IN, PART_WORK, PART_COPY_OUT, PART_IDLE, PART_TOTAL, PARTS };

struct sample {
  double seconds[PARTS]; // of one request: the mean of a batch. NAN: not known
  uint32_t marks;        // what disturbed it: bits of whoever watched; 0: nothing
};

struct subject { // callbacks answer WHY_OK, or why it failed, which ends the sampling
  void *to;
  int64_t most; // requests that one batch may have; 0: any number
  // Before a batch, outside the time: operands as they came, caches as they are to be.
  enum why_reason (*ready)(void *to, int64_t batch);
  // The batch, timed. Adds its parts but PART_TOTAL to sum.
  enum why_reason (*run)(void *to, int64_t batch, double sum[PARTS]);
  // After it, outside the time: parts that a single request is too short for. NULL: none.
  enum why_reason (*refine)(void *to, double seconds[PARTS]);
};

// Who looks for disturbance beside the samples. NULL functions: nobody.
struct watcher {
  void *to;
  void (*begin)(void *to); // it is warm: what was noticed so far does not count
  void (*before)(void *to);
  uint32_t (*after)(void *to, double seconds); // marks of the sample that took so long
  // What only shows over a while. True: *marks are those of all samples since it last did. `last`:
  // it must, for nothing follows.
  bool (*look)(void *to, bool last, uint32_t *marks);
};

struct sampler_rules {
  double precision; // relative half-width of the median's 95% interval to reach
  double seconds;   // that sampling may take; as much again for samples that were disturbed
};

struct sampler {
  struct sampler_rules rules;
  struct subject subject;
  struct timer timer;
  struct watcher watcher;
  double resolution;      // of the timer; 0: to be found out; NAN: it is of no use
  bool (*stopped)(void);  // asks whether to give up at once; NULL: never
  const char *stop;       // why it ended: precision, time, count, clock; "" while it goes on
  struct sample *sample;  // owned, those taken so far
  int64_t batch;          // requests in each
  int samples, next_look; // next_look: how many there are when the interval is looked at
  int window;             // the first sample that look() has not judged
  int owed;               // samples still to be taken in place of disturbed ones
  bool replaced, given_up;
  int least;             // samples, before anything else can end it
  double spent;          // seconds since sampling began
  int suspect;           // samples over which the clocks did not agree
  double last, *scratch; // the clock's last reading; room for sorting
};

struct sampled {
  int samples, disturbed;                   // taken; of these marked
  bool on_all;                              // too few were undisturbed: figures rest on all
  double median, min, p95, ci_low, ci_high; // seconds of a request; NAN: not known
  double part[PARTS];                       // medians
  double half_width;                        // of the interval, relative; NAN
};

// WHY_OK or WHY_ALLOC_FAILED. Then fill in rules, subject, timer, watcher; it can be begun again.
enum why_reason sampler_open(struct sampler *);
void sampler_close(struct sampler *);
// Finds the batch and warms up. A clock that is too coarse or broken ends it before it began.
enum why_reason sampler_begin(struct sampler *);
// One more sample, while `stop` is "".
enum why_reason sampler_step(struct sampler *);
// Begins, and steps until it stops or is given up.
enum why_reason sampler_run(struct sampler *);
// Of no use (0 samples) where it was given up or the clock was at fault.
void sampler_result(const struct sampler *, struct sampled *);
#endif
