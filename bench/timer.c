// Which clock, and how fine it is. See timer.h.
#include "timer.h"
#include "clock.h"
#include <math.h>
#include <stddef.h>

enum {
  STEPS = 15,
  MOST_READS = 20000000 // half a second of them: no clock in use stands still for so long
};

static double monotonic(void *state) {
  (void)state;
  return seconds_now();
}

// Not slewed: where an adjustment bends or breaks the other clock, they part.
static double raw(void *state) {
  struct timespec now;
  (void)state;
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const struct timer timer_system = {monotonic, raw, NULL};

// From one value to the next. NAN: see timer_moves.
static double step(const struct timer *timer) {
  double first = timer->now(timer->state), next = first;
  for (long reads = 0; next == first && reads < MOST_READS; reads++)
    next = timer->now(timer->state);
  return next > first ? next - first : NAN;
}

bool timer_moves(const struct timer *timer) {
  return !isnan(step(timer));
}

double timer_resolution(const struct timer *timer) {
  double sorted[STEPS];
  if (isnan(step(timer))) return NAN; // the rest of a step that had begun
  for (int n = 0; n < STEPS; n++) {
    double seconds = step(timer);
    int at = n;
    if (isnan(seconds)) return NAN;
    for (; at && sorted[at - 1] > seconds; at--) sorted[at] = sorted[at - 1];
    sorted[at] = seconds;
  }
  return sorted[STEPS / 2];
}
