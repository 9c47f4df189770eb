// The ceilings of a device as a table for people.
#ifndef BENCH_CEILINGS_TEXT_H
#define BENCH_CEILINGS_TEXT_H
#include "whycpu.h"

// A row for each name (and size, where one name has several), a column for each thread count; the
// sizes of a link's copies are a table of their own. Nothing where none were measured.
void ceilings_text(FILE *, const struct why_machine *, int device);
#endif
