// All probes, in their order.
#ifndef WHY_GATHER_H
#define WHY_GATHER_H
#include "facts.h"

// Fills facts->... from facts->root, which is open; facts->arena and facts->root are set.
void gather(struct facts *, const struct ask *);
#endif
