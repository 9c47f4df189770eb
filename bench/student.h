// Quantiles of Student's t, far out in its tail too, for any degrees of freedom.
#ifndef BENCH_STUDENT_H
#define BENCH_STUDENT_H

// P(T > t) for t >= 0; freedom > 0, INFINITY: the normal law.
double student_tail(double t, double freedom);
// The t for which P(T > t) is `tail`, 0 < tail <= 0.5.
double student_quantile(double tail, double freedom);

#endif
