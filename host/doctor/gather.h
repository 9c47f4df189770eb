// What is asked of a machine, and all probes, in their order.
#ifndef WHY_GATHER_H
#define WHY_GATHER_H
#include "doctor.h"
#include "facts.h"

// A request about an open root, checked: what it names has to be there. WHY_OK, or WHY_BAD_INPUT
// with one line.
enum why_reason ask_take(const struct why_doctor *, struct root *, struct arena *, struct ask *,
                         struct why_error *);

// Fills facts->... from facts->root, which is open; facts->arena and facts->root are set.
void gather(struct facts *, const struct ask *);
#endif
