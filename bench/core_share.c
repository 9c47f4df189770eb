#include "core_share.h"
#include <math.h>
#include <stdint.h>

enum { ROUNDS = 4000 };

// Five independent additions a round: as many as recent cores do in a cycle. The empty statement
// keeps the compiler from adding them all up at once.
static double burst(const struct timer *t) {
  uint64_t a = 0, b = 0, c = 0, d = 0, e = 0;
  double start = t->now(t->state);
  for (int i = 0; i < ROUNDS; i++) {
    a++, b++, c++, d++, e++;
    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e));
  }
  return t->now(t->state) - start;
}

void core_share_reset(struct core_share *s) {
  s->sum = 0;
  s->bursts = 0;
}

// The faster of two: an interrupt is no neighbour.
void core_share_look(struct core_share *s, const struct timer *t) {
  double seconds = burst(t);
  seconds = fmin(seconds, burst(t));
  if (!(seconds > 0)) return; // the clock is too coarse
  if (s->best == 0 || seconds < s->best) s->best = seconds;
  s->sum += s->best / seconds;
  s->bursts++;
}

double core_share_percent(const struct core_share *s) {
  return s->bursts ? 100 * s->sum / s->bursts : NAN;
}
