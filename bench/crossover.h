// Where one side begins to win for good, from what is known of a contest at each size: the one
// notion of a threshold, whoever judged the sizes (samples in pairs: threshold.h; intervals of rows
// read back: families.h; predictions). And GPU-BLOB's rule, to hold against it.
#ifndef BENCH_CROSSOVER_H
#define BENCH_CROSSOVER_H
#include <stdint.h>

enum winner { WINNER_UNSURE, WINNER_A, WINNER_B }; // UNSURE: the evidence is not enough

struct contest { // both sides at one size
  int64_t size;
  double a, b; // seconds: medians, or predictions
  enum winner winner;
};
// The winner where all that is known is each side's interval: one lies wholly below the other. Of
// two 95% intervals that are independent that errs, where the medians are equal, in under 0.3% of
// cases for either side, so that 16 sizes together stay under 5%.
enum winner winner_of_intervals(double a_low, double a_high, double b_low, double b_high);

enum crossover_kind {
  CROSSOVER_FROM,   // A wins for good from some size on, and it is not known to win everywhere
  CROSSOVER_ALWAYS, // A wins at every size
  CROSSOVER_NEVER,  // B wins at the largest size, and A nowhere
  CROSSOVER_UNTIL,  // B wins for good from some size on; A wins somewhere below
  CROSSOVER_UNSURE  // nobody is known to win at the largest size, or nothing is known
};
struct crossover {
  enum crossover_kind kind;
  enum winner winner; // for good
  // The threshold is the least size from which the winner wins at all larger ones. It lies above
  // `low`, the last size where the other side wins (-1: there is none), and is at most `high`, from
  // where on the winner wins at every size looked at. Where every judgement is right, so is this.
  int64_t low, high;
  // The best guess: the least size looked at in this range from which the winner's times are the
  // smaller ones; and the sizes looked at on either side of it. -1: none.
  int64_t from, below, above;
  enum winner from_winner, below_winner, above_winner;
};
// `at` in ascending order of size.
struct crossover crossover_find(const struct contest *at, int n);

// GPU-BLOB's offload threshold (UoB-HPC/GPU-BLAS-Offload-Benchmark 9e12fa5, checkOffloadStructReset
// and updateOffloadStructs): the first size at which A's rate is the higher, forgotten again where
// B's is at least A's here and A's one size before. One dip is thus forgiven. Rates are from one
// total a size. -1: none.
struct rates {
  int64_t size;
  double a, b;
};
int64_t crossover_blob(const struct rates *at, int n);

#endif
