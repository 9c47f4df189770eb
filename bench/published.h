// The published figures of a GPU beside those that were measured on it. They stay in machines of
// their own: nothing here mixes them.
#ifndef BENCH_PUBLISHED_H
#define BENCH_PUBLISHED_H
#include "whycpu.h"

// A table: measured, published, and the first as a share of the second. Nothing where there is
// nothing to compare.
void published_text(FILE *, const struct why_machine *measured);
#endif
