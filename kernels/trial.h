// How the plug-ins of libraries that offer several ways to compute the same choose one: each is run
// on random data and timed on the device's clock. Leaves out what a way is: the plug-in's own.
#ifndef WHY_TRIAL_H
#define WHY_TRIAL_H
#include "whycpu.h"

struct trial_rows { // an input as rows of `bytes` bytes, `pitch` bytes apart
  void *data;
  size_t bytes, pitch, rows;
};
// Uniform random data in [-1, 1) into n inputs of the problem's type, the gaps between their rows
// left alone: zeros and leftovers lie, since power, and with it the clock, depends on how many bits
// toggle. WHY_OK, or the reason, which is in call->why too.
enum why_reason trial_fill(const struct why_call *, const struct trial_rows *, int n);

// Launches one way once; 0, or the library's status.
typedef int trial_launch(const struct why_call *, const void *way);

// *seconds: the median of a few launches, taken less closely where it is more than twice `best`,
// the shortest so far; NAN on a device without a clock, or where call->untimed asks for no more
// than one that runs. *status: of the launch that the library refused, else 0. WHY_OK, or the
// device's reason, which is in call->why too.
enum why_reason trial_time(const struct why_call *, trial_launch *, const void *way, double best,
                           double *seconds, int *status);
#endif
