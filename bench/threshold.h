// The search for a threshold: which size to look at next and with how many samples, and what they
// say. Pure: it measures nothing, so simulations, measurements and predictions drive it alike. Ask
// threshold_next(), sample both sides at that size, threshold_tell(); threshold_answer() at any
// time.
//
// What is asked: the size from which one side's median time is the lower one at all larger sizes of
// the lattice (multiples of the family's step) up to the largest. First a log grid of the family's
// own sizes, from the largest down; then bisection at both ends of what is not decided; and more
// samples, up to 192 pairs, at the sizes where the intervals overlap.
//
// How a size is judged. Samples come in pairs, A B B A A B B A, so that what drifts meets both
// sides alike. Logarithms of times; from each twelve pairs in a row their common level is taken,
// the median of all 24 seen from their side's own median, which cancels drift from batch to batch
// and changes no difference between the sides. Each side's median has its interval by order
// statistics, which assumes nothing about the distribution; from the two intervals that of the
// difference by squares (MOVER: Zou and Donner, Statistics in Medicine 27, 2008), an approximation.
// A size is decided where that excludes 0.
//
// Why not a regression of log(tA/tB) on log size: libraries are ragged (255, 256 and 257 are three
// kernels), and a curve through them would promise a precision that no size has. Why not the sign
// test on pairs: it asks who is faster more often, which is another size than where the medians
// cross when the sides' noise has two shapes.
//
// The error of one judgement is the 5% of the answer by the number of judgements that there may be
// at most (24 sizes, 5 times each, a size's true winner being one: one-sided), so that with 95%
// confidence all are right together, and the interval of the answer holds the threshold. It does
// where the winner changes between two neighbours of the grid at most once: what changes back in
// between is not seen. In simulations it holds it in over 99% (test_threshold_truth prints coverage
// and width): the bound is a sum over judgements most of which are easy. What is near enough to be
// wrong is not known beforehand, and a share spent on guessing it would be one more assumption.
#ifndef BENCH_THRESHOLD_H
#define BENCH_THRESHOLD_H
#include "crossover.h"
#include <stdbool.h>

enum {
  THRESHOLD_SIZES = 24, // that are looked at, at most
  THRESHOLD_GRID = 10,  // of them first
  THRESHOLD_LOOKS = 5,  // at one size: 12 pairs, then twice as many as before
  THRESHOLD_CHUNK = 12, // pairs that share a level: the fewest that can decide
  THRESHOLD_PAIRS = THRESHOLD_CHUNK << (THRESHOLD_LOOKS - 1)
};
#define THRESHOLD_ERROR 0.05      // of the whole answer
#define THRESHOLD_RESOLUTION 0.02 // sizes nearer to each other than this are not told apart

struct threshold_size {
  int64_t size;
  int looks, pairs;
  enum winner winner;
  double first_a, first_b;                         // seconds of the first pair; NAN: none
  double a[THRESHOLD_PAIRS], b[THRESHOLD_PAIRS];   // logarithms of seconds
  double level[THRESHOLD_PAIRS / THRESHOLD_CHUNK]; // of each chunk
};
struct threshold { // about 80 KiB
  int64_t step;    // of the lattice
  bool exact; // times without noise, such as predictions: one pair decides, to the lattice's step
  int64_t grid[THRESHOLD_GRID]; // in the order of looking at them
  int grids, sizes;
  struct threshold_size at[THRESHOLD_SIZES]; // ascending
  int64_t samples;                           // of both sides together
};
// size: those of the family, ascending, at least one, above 0.
void threshold_start(struct threshold *, const int64_t *size, int sizes, bool exact);
// The next size and the number of pairs; false: nothing more to ask.
bool threshold_next(const struct threshold *, int64_t *size, int *pairs);
// Seconds, in the order of the pairs. Pairs with a time that is no positive number are left out.
void threshold_tell(struct threshold *, int64_t size, const double *a, const double *b, int pairs);

// The judgement alone, of pairs in their order (at most 192), with this error to either side.
enum winner threshold_judge(const double *a, const double *b, int pairs, double error);

struct threshold_answer {
  struct crossover crossover;
  struct contest contest[THRESHOLD_SIZES]; // the sizes looked at, ascending
  struct rates first[THRESHOLD_SIZES];     // of the first pair alone, by flops = 1: 1 / seconds
  int sizes;
  bool whole; // the grid was looked at to its end; else there is no "always"
};
void threshold_answer(const struct threshold *, struct threshold_answer *);

#endif
