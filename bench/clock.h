// The clock that everything in bench/ is timed with.
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H
#include <time.h>

// Seconds from some fixed moment on; never goes back.
static inline double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
