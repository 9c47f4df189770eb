// Several candidates of one decision, timed side by side and in turns, without checking their
// results: for calibrating and for regret, where what counts is how they compare. Leaves out
// precision, disturbance and cold caches (measure.c).
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H
#include "whycpu.h"

enum { TIMING_SAMPLES = 64 };
struct timing {
  int candidate;
  struct why_job *job; // NULL: it could not be prepared, or failed
  const struct why_request *request;
  const struct why_tensor *operand;
  int copies;
  int64_t batch; // requests a sample
  int samples;
  double sample[TIMING_SAMPLES]; // seconds of a request
};
// Prepares the candidate on these host operands, warms it up and sizes its batch, so that a sample
// takes `least` seconds or one request, and takes the first. `copies`: requests copy operands to a
// device and back, as the decision predicts it; else they are its calls alone. False: the candidate
// cannot run; timing is closed then.
int timing_open(struct why_machine *, struct why_decision *, int candidate,
                const struct why_tensor *operand, double least, int copies, struct timing *);
// One more sample; past TIMING_SAMPLES, or after a failure, none.
void timing_sample(struct timing *);
// The fastest of the samples; NAN without any.
double timing_fastest(const struct timing *);
// Between samples of different candidates: a library's workers wait awake for half a millisecond.
void timing_rest(void);
void timing_close(struct timing *);
#endif
