// Where one side begins to win: the threshold of a contest along one size.
#ifndef BENCH_CROSSOVER_H
#define BENCH_CROSSOVER_H
#include <stdint.h>

struct contest { // both sides at one size: 95% intervals of their times
  int64_t size;
  double a_low, a_high, b_low, b_high;
};
enum winner { WINNER_UNSURE, WINNER_A, WINNER_B }; // UNSURE: the intervals overlap

enum crossover_kind {
  CROSSOVER_FROM,   // A wins at `from` and at every larger size measured, not just below it
  CROSSOVER_ALWAYS, // A wins at every size measured
  CROSSOVER_NEVER,  // B wins at the largest size, and A nowhere
  CROSSOVER_UNTIL,  // B wins at the largest size; the last one where A did is `from`
  CROSSOVER_UNSURE  // the intervals overlap at the largest size, or nothing was measured
};
struct crossover {
  enum crossover_kind kind;
  int64_t from, below, above; // -1: none
  enum winner below_winner, above_winner;
};
enum winner contest_winner(const struct contest *);
// `at` in ascending order of size.
struct crossover crossover_find(const struct contest *at, int n);

#endif
