// Student's t through the incomplete beta function: P(T > t) = I_x(freedom / 2, 1 / 2) / 2 with
// x = freedom / (freedom + t^2) (Abramowitz and Stegun 26.7.1, 26.5.8). Leaves out densities.
#include "student.h"
#include <float.h>
#include <math.h>

// The continued fraction of I_x(a, b), from its front by Lentz's method; x below its mean.
static double fraction(double a, double b, double x) {
  enum { MOST = 1000 };
  const double tiny = DBL_MIN / DBL_EPSILON;
  double c = 1, d = 1 - (a + b) / (a + 1) * x, value;
  d = 1 / (fabs(d) < tiny ? tiny : d);
  value = d;
  for (int i = 1; i < MOST; i++) {
    const double term[] = {
        i * (b - i) * x / ((a + 2 * i - 1) * (a + 2 * i)),
        -(a + i) * (a + b + i) * x / ((a + 2 * i) * (a + 2 * i + 1)),
    };
    double change = 1;
    for (int half = 0; half < 2; half++) {
      d = 1 + term[half] * d;
      c = 1 + term[half] / c;
      d = 1 / (fabs(d) < tiny ? tiny : d);
      c = fabs(c) < tiny ? tiny : c;
      change = c * d;
      value *= change;
    }
    if (fabs(change - 1) < 4 * DBL_EPSILON) break;
  }
  return value;
}

static double incomplete_beta(double a, double b, double x, double rest) { // rest: 1 - x
  if (x <= 0 || rest <= 0) return x <= 0 ? 0 : 1;
  double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(rest));
  if (x < (a + 1) / (a + b + 2)) return front * fraction(a, b, x) / a;
  return 1 - front * fraction(b, a, rest) / b;
}

double student_tail(double t, double freedom) {
  if (isinf(freedom)) return erfc(t / sqrt(2)) / 2;
  double whole = freedom + t * t;
  return incomplete_beta(freedom / 2, 0.5, freedom / whole, t * t / whole) / 2;
}

double student_quantile(double tail, double freedom) {
  double low = 0, high = 1;
  while (student_tail(high, freedom) > tail && high < DBL_MAX / 4) low = high, high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-10 * high; i++) {
    double middle = (low + high) / 2;
    if (student_tail(middle, freedom) > tail)
      low = middle;
    else
      high = middle;
  }
  return (low + high) / 2;
}
