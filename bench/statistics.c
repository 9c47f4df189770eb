// Order statistics of samples in ascending order.
#include "statistics.h"
#include <math.h>
#include <stdlib.h>

static int rising(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void sort_rising(double *sample, int64_t n) {
  qsort(sample, (size_t)n, sizeof *sample, rising);
}

double median_of(const double *sorted, int n) {
  return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double percentile_of(const double *sorted, int n, double share) {
  int rank = (int)ceil(share * n);
  return sorted[rank < 1 ? 0 : rank - 1];
}

int median_rank_at(int n, double tail) {
  double term = ldexp(1, -n), below = 0; // term: P(number == l)
  int l = 0;
  while (below + term <= tail) {
    below += term;
    term *= (double)(n - l) / (l + 1);
    l++;
  }
  return l;
}

int median_rank(int n) {
  return n > 1000 ? (int)floor((n + 1 - 1.959964 * sqrt(n)) / 2) : median_rank_at(n, 0.025);
}
