// The clock that samples are timed with, as a value, so that a test can put another in its place;
// and what a clock is good for.
#ifndef BENCH_TIMER_H
#define BENCH_TIMER_H
#include <stdbool.h>

struct timer {
  double (*now)(void *state);    // seconds from some fixed moment on
  double (*second)(void *state); // another clock that must agree with it; NULL: there is none
  void *state;
};
extern const struct timer timer_system;

// The smallest time that it can tell: the median of 15 steps, each from one value to the next. A
// coarse clock takes 15 of its steps to show it, a fine one as long as reading it. NAN: it goes
// backward or stands still.
double timer_resolution(const struct timer *);
// Waits for the next value. False: it goes backward or stands still.
bool timer_moves(const struct timer *);
#endif
