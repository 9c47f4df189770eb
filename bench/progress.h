// A line on the terminal: done, total, rate, time left. Nothing where standard error is no
// terminal.
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H
#include <stdbool.h>
#include <stdint.h>

struct progress {
  const char *label;
  int64_t first, done, total;
  bool shown, terminal;
  double start, last;
};
// first: how many were done before; they do not count for the rate.
void progress_start(struct progress *, const char *label, int64_t first, int64_t total);
void progress_step(struct progress *);  // one more is done; draws at most ten times a second
void progress_clear(struct progress *); // takes the line away, before anything else is printed

#endif
