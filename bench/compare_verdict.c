// Noise between runs, and verdicts. See compare_verdict.h.
#include "compare_verdict.h"
#include "statistics.h"
#include "student.h"
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

// The chance of any false alarm, 5% in all, is shared out.
static const double error_cells = 0.04, error_all = 0.01;

// Cells of quiet runs of one program differ by this much from run to run (results/xeon-2-cores/
// compare.txt), and this is as good as so many degrees of freedom. With few cells it decides.
static const double usual_between = 0.02, usual_freedom = 4;
// No noise is trusted to have a lighter tail than Student's t with so many. Cells may be as few as
// one, and their rows' samples as few as two.
static const double most_freedom = JUDGE_MOST, least_freedom = 0.5;
// How far noise reaches on one side, whose tail on the other side is known: where that stands far
// out the tail is heavy, and the farthest may stand farther yet. This holds the false alarms from
// the normal law to Student's t with 4 degrees of freedom (test_compare_verdict.c).
static const double reach_factor = 0.7, reach_power = 3;
// The median of |d| is as good as 0.37 of as many degrees of freedom: its variance is 1.36 of the
// scale's over n (Huber and Ronchetti, Robust Statistics, 5.1), that of a variance's root 1 / 2n.
static const double median_freedom = 0.37;
// What moves cells one by one, a neighbour or the clock, moves runs of them too: one of those 18
// sweeps took 1.5 times as long as the others, whose cells moved by a fifth.
static const double common_share = 0.75;
// Runs that resolve no better than to a quarter do not show that anything is the same.
static const double most_same = 0.2231436; // ln 1.25
enum { LEAST_FOR_TAIL = 20 };

// ---- rows ---------------------------------------------------------------------------------------

struct spread spread_of(int64_t samples, double low, double high, double fastest, double slowest) {
  int n = (int)(samples < 1000000 ? samples : 1000000), rank = median_rank(n);
  // Few samples have an interval of up to 98%, and one that ended the sampling is a narrow one: the
  // two work against each other.
  double width = 2 * 1.959964;
  if (!rank || isnan(low) || isnan(high)) {
    if (n < 2 || isnan(fastest) || isnan(slowest)) return (struct spread){INFINITY, 0};
    low = fastest;
    high = slowest;
    rank = 1;
    width = 2 * student_quantile(ldexp(1, n < 30 ? -n : -30), INFINITY); // both ends of n samples
  }
  double deviation = log(high / low) / width;
  // The width is a sum of so many gaps between samples, each nearly exponential: its relative
  // variance is one over their number, that of a deviation one over twice its degrees of freedom.
  return (struct spread){deviation * deviation, (n + 1 - 2 * rank) / 2.0};
}

// Of a sum of variances (Satterthwaite 1946).
static double freedom_of(double a, double a_freedom, double b, double b_freedom) {
  double down = (a > 0 ? a * a / a_freedom : 0) + (b > 0 ? b * b / b_freedom : 0);
  return down > 0 ? (a + b) * (a + b) / down : INFINITY;
}

struct difference difference_of(double log_a, struct spread a, double log_b, struct spread b) {
  struct difference d = {log_b - log_a, a.variance + b.variance, 0};
  if (isfinite(d.variance)) d.freedom = freedom_of(a.variance, a.freedom, b.variance, b.freedom);
  return d;
}

// ---- noise --------------------------------------------------------------------------------------

// What stands as far out in the normal law as this t does in its own (Wallace 1959).
static double normal_of(double t, double freedom) {
  if (isinf(freedom) || isinf(t)) return t;
  return (8 * freedom + 1) / (8 * freedom + 3) * sqrt(freedom * log1p(t * t / freedom));
}

// |d - shift| in units of its deviation, ascending, less for what that is not well known. side: -1
// and 1 for one side of the shift alone.
static int standardised(const struct difference *d, int n, double shift, double between, int side,
                        double *out) {
  int count = 0;
  for (int i = 0; i < n; i++) {
    double off = d[i].log_ratio - shift, variance = d[i].variance + between * between;
    if (off * side < 0) continue;
    double freedom = freedom_of(d[i].variance, d[i].freedom, between * between, INFINITY);
    double t = off == 0 ? 0 : variance > 0 ? fabs(off) / sqrt(variance) : INFINITY;
    out[count++] = normal_of(t, freedom);
  }
  sort_rising(out, count);
  return count;
}

// The `between` with which half of the cells lie within half of the normal law.
static double median_between(const struct difference *d, int n, double shift, double *room) {
  const double half = 0.6744898;
  double low = 0, high = 0;
  standardised(d, n, shift, 0, 0, room);
  if (median_of(room, n) <= half) return 0;
  for (int i = 0; i < n; i++) high = fmax(high, fabs(d[i].log_ratio - shift));
  high = fmax(high / half, 1e-12);
  for (int i = 0; i < 30; i++) {
    double middle = (low + high) / 2;
    standardised(d, n, shift, middle, 0, room);
    if (median_of(room, n) > half)
      low = middle;
    else
      high = middle;
  }
  return high;
}

// The 98th percentile of the distances on one side of the shift; with few cells the farthest. Of
// the two sides the nearer one: noise has the same tail on both, for A and B could be exchanged,
// while cells that really changed mostly stand on one.
static double tail_of(const struct difference *d, int n, double shift, double between,
                      double *room) {
  double far[2];
  for (int side = 0; side < 2; side++) {
    int count = standardised(d, n, shift, between, side ? 1 : -1, room);
    far[side] = count ? percentile_of(room, count, 0.98) : 0;
  }
  return fmin(far[0], far[1]);
}

int noise_fit(struct difference *d, int n, double run_to_run, struct noise *noise) {
  int kept = 0;
  for (int i = 0; i < n; i++)
    if (isfinite(d[i].variance)) d[kept++] = d[i];
  *noise = (struct noise){.between = usual_between,
                          .freedom = usual_freedom,
                          .common = run_to_run,
                          .shift_variance = INFINITY};
  if (!kept) return 0;
  double *room = malloc((size_t)kept * sizeof *room);
  if (!room) return ENOMEM;
  for (int i = 0; i < kept; i++) room[i] = d[i].log_ratio;
  sort_rising(room, kept);
  noise->shift = median_of(room, kept);

  double found = median_between(d, kept, noise->shift, room);
  double freedom = median_freedom * (kept - 1);
  noise->found = found;
  if (kept >= LEAST_FOR_TAIL) noise->tail = tail_of(d, kept, noise->shift, found, room);
  noise->between = sqrt((usual_freedom * usual_between * usual_between + freedom * found * found) /
                        (usual_freedom + freedom));
  noise->freedom = usual_freedom + freedom;
  noise->common = hypot(run_to_run, common_share * noise->between);
  for (int i = 0; i < kept; i++) room[i] = d[i].variance;
  sort_rising(room, kept);
  noise->typical = median_of(room, kept);
  noise->shift_variance = // of a median: pi / 2 of a mean's
      1.5708 * (noise->typical + noise->between * noise->between) / kept;
  free(room);
  return 0;
}

// ---- verdicts -----------------------------------------------------------------------------------

const char *verdict_name(enum verdict v) {
  static const char *const name[VERDICTS] = {
      [VERDICT_SLOWER] = "slower",
      [VERDICT_FASTER] = "faster",
      [VERDICT_SAME] = "same within the precision",
      [VERDICT_UNSURE] = "cannot tell",
  };
  return name[v];
}

// The degrees of freedom are rounded down, which makes it wider.
static double critical_of(struct judge *j, double freedom) {
  int place = (int)(fmin(fmax(freedom, least_freedom), most_freedom) * JUDGE_STEPS);
  double *critical = &j->critical[place];
  if (!(*critical > 0)) *critical = student_quantile(j->tail, (double)place / JUDGE_STEPS);
  return *critical;
}

// Half of a cell's interval: by the noise of most cells, or by the tail of the others'.
static double half_of(struct judge *j, const struct difference *d) {
  const struct noise *n = &j->noise;
  double between = n->between * n->between;
  double freedom = freedom_of(d->variance, d->freedom, between, n->freedom);
  double critical = critical_of(j, fmin(freedom, n->freedom));
  return fmax(critical * sqrt(d->variance + between),
              j->reach * sqrt(d->variance + n->found * n->found));
}

void judge_make(const struct noise *noise, int64_t tests, double threshold, struct judge *j) {
  *j = (struct judge){.noise = *noise};
  j->reach = reach_factor * pow(noise->tail, reach_power);
  j->tail = error_cells / 2 / (double)(tests > 0 ? tests : 1);
  j->overall = student_quantile(error_all / 2, most_freedom);
  double most = j->overall * sqrt(noise->shift_variance + noise->common * noise->common);
  j->shared = fmin(fmax(noise->shift, -most), most);
  j->threshold = isnan(threshold) ? 0 : threshold;
  j->same = threshold;
  if (!isnan(threshold)) return;
  // Of cells that did not change, and are as noisy as most, 95% lie within this.
  struct difference usual = {0, noise->typical, most_freedom};
  double off = 2 * sqrt(noise->typical + noise->between * noise->between);
  j->same = fmin(half_of(j, &usual) + off + fabs(j->shared), most_same);
}

static struct judged judged_of(const struct judge *j, double d, double low, double high) {
  struct judged is = {VERDICT_UNSURE, low, high};
  if (is.low > 0 && d > j->threshold)
    is.verdict = VERDICT_SLOWER;
  else if (is.high < 0 && -d > j->threshold)
    is.verdict = VERDICT_FASTER;
  else if (is.low >= -j->same && is.high <= j->same)
    is.verdict = VERDICT_SAME;
  return is;
}

struct judged judge_cell(struct judge *j, const struct difference *d) {
  if (isinf(d->variance)) return (struct judged){VERDICT_UNSURE, -INFINITY, INFINITY};
  double half = half_of(j, d);
  return judged_of(j, d->log_ratio, d->log_ratio - half - fmax(j->shared, 0),
                   d->log_ratio + half - fmin(j->shared, 0));
}

struct judged judge_all(const struct judge *j) {
  const struct noise *n = &j->noise;
  double half = j->overall * sqrt(n->shift_variance + n->common * n->common);
  return judged_of(j, n->shift, n->shift - half, n->shift + half);
}
