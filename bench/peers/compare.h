// Times two ways of doing the same, interleaved in one run, and prints how they compare. Each round
// runs A, B and A again, in an order that rotates; the second A against the first is the control:
// how far two runs of the same differ. For the programs of this folder only.
#ifndef WHY_PEERS_COMPARE_H
#define WHY_PEERS_COMPARE_H
#include "../clock.h"

struct side {
  const char *name;
  void (*run)(void *arg);
  void *arg;
};

struct comparison {
  double a_seconds, b_seconds;               // medians of a call
  double ratio, ratio_low, ratio_high;       // b / a by rounds: median and quartiles
  double control, control_low, control_high; // a again / a, the same way
  double best_ratio; // least b / least a: what is left when other work disturbs most rounds
};

// Rounds of `calls` calls a side, after one round that does not count. NULL-free and allocates
// nothing beyond its own arrays; aborts when out of memory.
struct comparison compare(const struct side *a, const struct side *b, int rounds, int calls);

int compare_doubles(const void *, const void *);
int cpus_allowed(void); // those that this process may run on

// Uniform in [-1, 1), the same for a seed everywhere.
void fill_random(float *out, long count, unsigned seed);

#endif
