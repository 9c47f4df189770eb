// What the difference of two measured medians says: a model of the noise between two runs, and the
// verdict that it allows. Pure; leaves out where the medians come from.
//
// A row's own interval says what would come out if the same process went on measuring. Another run
// of the same program differs by more: other pages, other neighbours, another clock. So a cell's
// difference d = ln(B / A) is taken as
//     what changed + common + between + within
// within: of the two rows' intervals; between: how far cells move from run to run, one by one;
// common: how far all move together. `between` and the weight of its tail are read off the cells
// themselves, as the spread of d about its median, for in most comparisons most cells have not
// changed (an empirical null: Efron, Large-Scale Inference, chapter 6), or off two runs of the same
// program. What all cells do together cannot be told from a change by two runs, so for that there
// is a figure (run_to_run): as much of the median of d as it explains may be noise, in each cell.
//
// The verdict on a cell is about what changed, not about the others' median: a change of all is
// found too. Intervals hold together: with 95% confidence none misses its cell (1% for all cells
// together; 4% by Bonferroni over the cells, a Student's t for each).
//
// What this cannot do: a disturbance of fewer than one cell in fifty that shows in no row's
// interval looks like a change; noise with a tail as heavy as Student's t with 3 degrees of freedom
// alarms in 7% of comparisons of 200 cells, with 2 in 15%; and where a fiftieth of the cells
// changed each way, that looks like noise and less is found, until two runs of the same program
// tell the noise.
#ifndef BENCH_COMPARE_VERDICT_H
#define BENCH_COMPARE_VERDICT_H
#include <stdint.h>

struct difference {
  double log_ratio;         // ln(B / A)
  double variance, freedom; // within; INFINITY, 0 where the rows give none
};
// Of a row's median: ln of it has this variance, known as well as from so many degrees of freedom.
// Low and high: the 95% interval; NAN where there are too few samples for one: then the fastest and
// the slowest sample are taken, which enclose the median with a lower, known probability.
struct spread {
  double variance, freedom;
};
struct spread spread_of(int64_t samples, double low, double high, double fastest, double slowest);
struct difference difference_of(double log_a, struct spread a, double log_b, struct spread b);

struct noise {
  double between, freedom; // its degrees of freedom: few, where cells are few
  double found, tail; // `between` by these cells alone; how far their tail stands, in deviations
  double common;
  double shift, shift_variance; // the cells' median of d, and that median's own variance
  double typical;               // the median variance within
};
// Of n cells, a sample of them where there are many; reorders them, and drops those that have no
// variance. run_to_run: ln, what runs of one program differ by as a whole. 0 or ENOMEM.
int noise_fit(struct difference *, int n, double run_to_run, struct noise *);

enum verdict { VERDICT_SLOWER, VERDICT_FASTER, VERDICT_SAME, VERDICT_UNSURE, VERDICTS };
const char *verdict_name(enum verdict);

enum { JUDGE_STEPS = 4, JUDGE_MOST = 12 }; // steps of a degree of freedom, up to so many
struct judge {
  struct noise noise;
  double threshold;                              // ln: no smaller difference is slower or faster
  double same;                                   // ln: an interval within -same..same is the same
  double tail;                                   // the chance on each side of a cell's interval
  double critical[JUDGE_STEPS * JUDGE_MOST + 1]; // its t, by its freedom; 0: not yet needed
  double reach;                                  // deviations that the tail may reach
  double overall;                                // that of all cells together
  double shared; // of d: what all cells have in common and may be noise
};
// tests: cells that get a verdict; threshold: ln, NAN: none was asked for, and the same is what
// lies within what these runs can resolve.
void judge_make(const struct noise *, int64_t tests, double threshold, struct judge *);

struct judged {
  enum verdict verdict;
  double low, high; // of d
};
struct judged judge_cell(struct judge *, const struct difference *);
// All cells together: their median.
struct judged judge_all(const struct judge *);

#endif
