// `whycpu bench --how-numbers-lie`: measures lies.h on this machine and prints them.
#ifndef BENCH_HOW_NUMBERS_LIE_H
#define BENCH_HOW_NUMBERS_LIE_H
#include "options.h"

struct lying {
  const struct options *options; // one policy, budget, thread count, transfer, iteration count;
                                 // its arguments are a problem, if there are any
  const char *suites;            // NULL: of the problems in the suite "lies"
  double precision, seconds;     // seconds: for one way of timing
  uint64_t seed;
};
// The exit status, its line printed.
int how_numbers_lie(const struct lying *);
#endif
