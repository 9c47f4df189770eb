// Walks down from the largest size: "for good" is decided there. Leaves out how a size is judged.
#include "crossover.h"
#include <stdbool.h>

enum winner winner_of_intervals(double a_low, double a_high, double b_low, double b_high) {
  if (a_high < b_low) return WINNER_A;
  if (b_high < a_low) return WINNER_B;
  return WINNER_UNSURE;
}

static bool seems_ahead(const struct contest *c, enum winner w) {
  return w == WINNER_A ? c->a < c->b : c->b < c->a;
}

static void neighbours(struct crossover *x, const struct contest *at, int n, int place) {
  x->from = at[place].size;
  x->from_winner = at[place].winner;
  if (place > 0) x->below = at[place - 1].size, x->below_winner = at[place - 1].winner;
  if (place + 1 < n) x->above = at[place + 1].size, x->above_winner = at[place + 1].winner;
}

struct crossover crossover_find(const struct contest *at, int n) {
  struct crossover x = {.low = -1, .high = -1, .from = -1, .below = -1, .above = -1};
  x.kind = CROSSOVER_UNSURE;
  x.winner = n ? at[n - 1].winner : WINNER_UNSURE;
  if (x.winner == WINNER_UNSURE) return x;
  enum winner other = x.winner == WINNER_A ? WINNER_B : WINNER_A;
  int high = n - 1, low, from;
  while (high > 0 && at[high - 1].winner == x.winner) high--;
  for (low = high - 1; low >= 0 && at[low].winner != other;) low--;
  for (from = high; from > low + 1 && seems_ahead(&at[from - 1], x.winner);) from--;
  x.high = at[high].size;
  if (low >= 0) x.low = at[low].size;
  if (x.winner == WINNER_A)
    x.kind = high ? CROSSOVER_FROM : CROSSOVER_ALWAYS;
  else
    x.kind = low >= 0 ? CROSSOVER_UNTIL : CROSSOVER_NEVER;
  neighbours(&x, at, n, from);
  return x;
}

int64_t crossover_blob(const struct rates *at, int n) {
  int64_t found = -1;
  for (int i = 0; i < n; i++) {
    double before = i ? at[i - 1].a : 0;
    if (found >= 0 && at[i].b >= at[i].a && at[i].b >= before) found = -1;
    if (found < 0 && at[i].b < at[i].a) found = at[i].size;
  }
  return found;
}
