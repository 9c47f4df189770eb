// Order statistics of a sample: median, its confidence interval, percentiles. Nothing is assumed
// about the distribution, for times of programs are not normal.
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H
#include <stdint.h>

void sort_rising(double *sample, int64_t n);
// `sorted` ascending, n at least 1.
double median_of(const double *sorted, int n);
// The smallest value that at least `share` of the sample does not exceed (nearest rank).
double percentile_of(const double *sorted, int n, double share);
// Ranks (from 1) whose values enclose the median of the population with at least 95% confidence:
// of n samples, the number below the median is binomial(n, 1/2), so [x_l, x_(n+1-l)] with the
// largest l for which P(number < l) <= 0.025 (David and Nagaraja, Order Statistics, 7.1). Returns
// l; 0: n is under 6, too few for any such interval. Exact up to 1000, then by the normal law.
int median_rank(int n);
// The same for any one-sided error `tail` instead of 0.025: P(number < l) <= tail. Exact; n up to
// 1000.
int median_rank_at(int n, double tail);

#endif
