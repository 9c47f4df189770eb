// A machine whose truth is known: two sides' times along a size, noise as shared machines have it,
// and a search for the threshold driven by them.
#ifndef TESTS_SIMULATION_H
#define TESTS_SIMULATION_H
#include "threshold.h"
#include <stdio.h>

enum noise { LOG_NORMAL, BIMODAL, DRIFTING, OUTLIERS, ONE_BIMODAL, COARSE, NOISES };
enum curve { CROSSING, DOUBLE_CROSSING, SAME, NEVER, ALWAYS, CURVES };
extern const char *const noise_name[NOISES], *const curve_name[CURVES];
extern uint64_t random_state; // not 0; the same one makes the same samples

struct truth { // power laws with offsets; A is the one with the offset
  double a0, a1, a_power, b1, b_power, dip;
};
struct truth make_truth(enum curve); // at random

enum { FIRST = 16, LAST = 4096, STEP = 16, FAMILY = 9 };
extern const int64_t family[FAMILY];
// The least size of the lattice from which A is the faster for good; -1: none.
int64_t true_threshold(const struct truth *);
// trace: NULL, or where to note what was asked, "4096x12 ".
void search(struct threshold *, const struct truth *, enum noise, FILE *trace);

#endif
