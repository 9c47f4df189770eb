// Interleaved timing for the programs of this folder.
#define _GNU_SOURCE
#include "compare.h"
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int cpus_allowed(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

void fill_random(float *out, long count, unsigned seed) {
  uint64_t state = 0x9e3779b97f4a7c15u ^ seed;
  for (long i = 0; i < count; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    out[i] = (float)(int32_t)(state >> 32) * 0x1p-31f;
  }
}

int compare_doubles(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double time_calls(const struct side *side, int calls) {
  const double start = seconds_now();
  for (int i = 0; i < calls; i++) side->run(side->arg);
  return (seconds_now() - start) / calls;
}

static void quartiles(double *sample, int count, double *low, double *middle, double *high) {
  qsort(sample, (size_t)count, sizeof *sample, compare_doubles);
  *low = sample[count / 4];
  *middle = count % 2 ? sample[count / 2] : (sample[count / 2 - 1] + sample[count / 2]) / 2;
  *high = sample[count - 1 - count / 4];
}

struct comparison compare(const struct side *a, const struct side *b, int rounds, int calls) {
  struct comparison out;
  double *taken = malloc(5 * (size_t)rounds * sizeof *taken);
  if (taken == NULL) {
    fputs("out of memory\n", stderr);
    abort();
  }
  double *first = taken, *other = first + rounds, *again = other + rounds;
  double *ratio = again + rounds, *control = ratio + rounds;
  double *const to[] = {first, other, again};
  const struct side *const side[] = {a, b, a};
  for (int i = 0; i < 3; i++) time_calls(side[i], calls);
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < 3; i++) {
      const int which = (round + i) % 3;
      to[which][round] = time_calls(side[which], calls);
    }
    ratio[round] = other[round] / first[round];
    control[round] = again[round] / first[round];
  }
  double low, high;
  quartiles(ratio, rounds, &out.ratio_low, &out.ratio, &out.ratio_high);
  quartiles(control, rounds, &out.control_low, &out.control, &out.control_high);
  quartiles(first, rounds, &low, &out.a_seconds, &high);
  quartiles(other, rounds, &low, &out.b_seconds, &high);
  out.best_ratio = other[0] / first[0]; // both are sorted now
  free(taken);
  return out;
}
