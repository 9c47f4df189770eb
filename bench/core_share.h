// How much of its core a thread gets. What else runs on the core, on its other hardware thread,
// takes part of each cycle; where that is another virtual machine's, no counter of this one shows
// it. A burst of additions that nothing holds up but the core itself does.
#ifndef BENCH_CORE_SHARE_H
#define BENCH_CORE_SHARE_H
#include "timer.h"

struct core_share { // zeroed: nothing is known
  double best;      // seconds of the fastest burst so far; 0: none
  double sum;       // of shares since the last reset
  int bursts;
};
// Forgets the shares, not the fastest burst.
void core_share_reset(struct core_share *);
// One more burst, some microseconds.
void core_share_look(struct core_share *, const struct timer *);
// Mean share since the reset, of the fastest burst ever; also clocks that fall make it less. NAN:
// there was none.
double core_share_percent(const struct core_share *);
#endif
