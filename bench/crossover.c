// The rule: the smallest size from which one side wins at all larger sizes measured. A win is an
// interval that lies wholly below the other's; sizes between two measured ones are not guessed at.
#include "crossover.h"

enum winner contest_winner(const struct contest *c) {
  if (c->a_high < c->b_low) return WINNER_A;
  if (c->b_high < c->a_low) return WINNER_B;
  return WINNER_UNSURE;
}

static void neighbours(struct crossover *x, const struct contest *at, int n, int place) {
  x->from = at[place].size;
  if (place > 0) x->below = at[place - 1].size, x->below_winner = contest_winner(&at[place - 1]);
  if (place + 1 < n)
    x->above = at[place + 1].size, x->above_winner = contest_winner(&at[place + 1]);
}

struct crossover crossover_find(const struct contest *at, int n) {
  struct crossover x = {CROSSOVER_UNSURE, -1, -1, -1, WINNER_UNSURE, WINNER_UNSURE};
  if (!n) return x;
  enum winner last = contest_winner(&at[n - 1]);
  if (last == WINNER_UNSURE) return x;
  int place = n - 1;
  if (last == WINNER_A) {
    while (place > 0 && contest_winner(&at[place - 1]) == WINNER_A) place--;
    x.kind = place ? CROSSOVER_FROM : CROSSOVER_ALWAYS;
  } else {
    while (place >= 0 && contest_winner(&at[place]) != WINNER_A) place--;
    x.kind = place < 0 ? CROSSOVER_NEVER : CROSSOVER_UNTIL;
  }
  if (place >= 0) neighbours(&x, at, n, place);
  return x;
}
