// The search for a threshold. See threshold.h for what is asked and how it is judged.
#include "threshold.h"
#include "statistics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- where to look ------------------------------------------------------------------------------

static int64_t common_divisor(int64_t a, int64_t b) {
  while (b) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

void threshold_start(struct threshold *t, const int64_t *size, int sizes, bool exact) {
  memset(t, 0, sizeof *t);
  t->exact = exact;
  for (int i = 0; i < sizes; i++) t->step = common_divisor(size[i], t->step);
  double first = (double)size[0], span = (double)size[sizes - 1] / first;
  int points = sizes < THRESHOLD_GRID ? sizes : THRESHOLD_GRID;
  for (int i = points - 1, from = sizes - 1; i >= 0 && from >= 0; i--) {
    double wanted = points > 1 ? first * pow(span, (double)i / (points - 1)) : first;
    while (sizes > points && from > 0 && (double)size[from - 1] >= wanted) from--;
    t->grid[t->grids++] = size[from--];
  }
  t->grid[t->grids - 1] = size[0];
}

static int place_of(const struct threshold *t, int64_t size) { // the first that is no smaller
  int place = 0;
  while (place < t->sizes && t->at[place].size < size) place++;
  return place;
}

static bool looked_at(const struct threshold *t, int64_t size) {
  int place = place_of(t, size);
  return place < t->sizes && t->at[place].size == size;
}

static bool can_learn(const struct threshold *t, int place) {
  return !t->exact && t->at[place].winner == WINNER_UNSURE && t->at[place].looks < THRESHOLD_LOOKS;
}

// A size of the lattice between two, near their geometric mean; 0: they are near enough.
static int64_t between(const struct threshold *t, int64_t low, int64_t high) {
  double resolution = t->exact ? 0 : THRESHOLD_RESOLUTION;
  if (high - low <= t->step || (double)(high - low) <= resolution * (double)high) return 0;
  if (t->sizes == THRESHOLD_SIZES) return 0;
  int64_t middle = t->step * llround(sqrt((double)low * (double)high) / (double)t->step);
  if (middle <= low) middle = low + t->step;
  if (middle >= high) middle = high - t->step;
  return middle;
}

// One end of what is not decided: `in` is its last size there, `out` the decided one beside it.
// The size to look at; 0: nothing can be learnt there.
static int64_t probe(const struct threshold *t, int in, int out) {
  int64_t a = t->at[in].size, b = t->at[out].size;
  if (can_learn(t, in)) return a;
  return a < b ? between(t, a, b) : between(t, b, a);
}

static double gap(const struct threshold *t, int low, int high) {
  return (double)t->at[high].size / (double)t->at[low].size;
}

static int64_t next_size(const struct threshold *t) {
  for (int i = 0; i < t->grids; i++)
    if (!looked_at(t, t->grid[i])) return t->grid[i];
  int high = t->sizes - 1, low;
  enum winner winner = t->at[high].winner;
  if (winner == WINNER_UNSURE) return can_learn(t, high) ? t->at[high].size : 0;
  while (high > 0 && t->at[high - 1].winner == winner) high--;
  if (!high) return 0;
  for (low = high - 1; low >= 0 && t->at[low].winner == WINNER_UNSURE;) low--;
  int64_t above = probe(t, high - 1, high);
  if (low < 0 || low == high - 1) return above;
  int64_t below = probe(t, low + 1, low);
  bool wider_below = gap(t, low, low + 1) > gap(t, high - 1, high);
  return !above || (below && wider_below) ? below : above;
}

bool threshold_next(const struct threshold *t, int64_t *size, int *pairs) {
  *size = next_size(t);
  if (!*size) return false;
  int looks = looked_at(t, *size) ? t->at[place_of(t, *size)].looks : 0;
  *pairs = t->exact ? 1 : looks ? THRESHOLD_CHUNK << (looks - 1) : THRESHOLD_CHUNK;
  return true;
}

// ---- what a size says ---------------------------------------------------------------------------

// Shell's sort: n is at most 192, and qsort() takes several times as long in the simulations.
static void sort(double *x, int n) {
  static const int gaps[] = {57, 23, 10, 4, 1};
  for (size_t g = 0; g < sizeof gaps / sizeof gaps[0]; g++)
    for (int gap = gaps[g], i = gap; i < n; i++) {
      double moved = x[i];
      int at = i;
      for (; at >= gap && x[at - gap] > moved; at -= gap) x[at] = x[at - gap];
      x[at] = moved;
    }
}

static double median_log(const double *log_seconds, int n) {
  double sorted[THRESHOLD_PAIRS];
  memcpy(sorted, log_seconds, (size_t)n * sizeof *sorted);
  sort(sorted, n);
  return median_of(sorted, n);
}

struct spread {
  double median, below, above; // the interval's ends as distances from the median
};
static struct spread spread_of(const struct threshold_size *s, const double *log_seconds,
                               int rank) {
  double sorted[THRESHOLD_PAIRS];
  for (int i = 0; i < s->pairs; i++) sorted[i] = log_seconds[i] - s->level[i / THRESHOLD_CHUNK];
  sort(sorted, s->pairs);
  double median = median_of(sorted, s->pairs);
  return (struct spread){median, median - sorted[rank - 1], sorted[s->pairs - rank] - median};
}

static enum winner judge(const struct threshold_size *s, double error) {
  int rank = median_rank_at(s->pairs, error);
  if (!rank) return WINNER_UNSURE;
  struct spread a = spread_of(s, s->a, rank), b = spread_of(s, s->b, rank);
  double difference = a.median - b.median;
  if (difference + hypot(a.above, b.below) < 0) return WINNER_A;
  if (difference - hypot(a.below, b.above) > 0) return WINNER_B;
  return WINNER_UNSURE;
}

static struct threshold_size *size_at(struct threshold *t, int64_t size) {
  int place = place_of(t, size);
  struct threshold_size *s = &t->at[place];
  if (place < t->sizes && s->size == size) return s;
  memmove(s + 1, s, (size_t)(t->sizes - place) * sizeof *s);
  t->sizes++;
  memset(s, 0, sizeof *s);
  s->size = size;
  s->first_a = s->first_b = NAN;
  return s;
}

// The level of a chunk: the median of both sides' samples together, each seen from its side's own
// median, so that a side with two modes moves it little.
static void set_levels(struct threshold_size *s) {
  double a = median_log(s->a, s->pairs), b = median_log(s->b, s->pairs);
  for (int from = 0; from < s->pairs; from += THRESHOLD_CHUNK) {
    double both[2 * THRESHOLD_CHUNK];
    int n = 0;
    for (int i = from; i < s->pairs && i < from + THRESHOLD_CHUNK; i++) {
      both[n++] = s->a[i] - a;
      both[n++] = s->b[i] - b;
    }
    s->level[from / THRESHOLD_CHUNK] = median_log(both, n);
  }
}

static void add_pairs(struct threshold_size *s, const double *a, const double *b, int pairs) {
  for (int i = 0; i < pairs && s->pairs < THRESHOLD_PAIRS; i++) {
    if (!(a[i] > 0 && b[i] > 0 && isfinite(a[i]) && isfinite(b[i]))) continue;
    if (!s->pairs) s->first_a = a[i], s->first_b = b[i];
    s->a[s->pairs] = log(a[i]);
    s->b[s->pairs++] = log(b[i]);
  }
  if (s->pairs) set_levels(s);
}

enum winner threshold_judge(const double *a, const double *b, int pairs, double error) {
  struct threshold_size s = {0};
  add_pairs(&s, a, b, pairs);
  return judge(&s, error);
}

void threshold_tell(struct threshold *t, int64_t size, const double *a, const double *b,
                    int pairs) {
  struct threshold_size *s = size_at(t, size);
  add_pairs(s, a, b, pairs);
  s->looks++;
  t->samples += 2 * (int64_t)pairs;
  if (!t->exact)
    s->winner = judge(s, THRESHOLD_ERROR / (THRESHOLD_SIZES * THRESHOLD_LOOKS));
  else if (s->first_a != s->first_b)
    s->winner = s->first_a < s->first_b ? WINNER_A : WINNER_B;
}

void threshold_answer(const struct threshold *t, struct threshold_answer *answer) {
  *answer = (struct threshold_answer){.sizes = t->sizes, .whole = true};
  for (int i = 0; i < t->grids; i++) answer->whole &= looked_at(t, t->grid[i]);
  for (int i = 0; i < t->sizes; i++) {
    const struct threshold_size *s = &t->at[i];
    bool any = s->pairs > 0;
    answer->contest[i] = (struct contest){s->size, any ? exp(median_log(s->a, s->pairs)) : NAN,
                                          any ? exp(median_log(s->b, s->pairs)) : NAN, s->winner};
    answer->first[i] = (struct rates){s->size, 1 / s->first_a, 1 / s->first_b};
  }
  answer->crossover = crossover_find(answer->contest, answer->sizes);
  if (!answer->whole && answer->crossover.kind == CROSSOVER_ALWAYS)
    answer->crossover.kind = CROSSOVER_FROM;
}
