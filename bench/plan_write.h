// A plan shown: in words, and as a table of one row a machine and budget.
#ifndef BENCH_PLAN_WRITE_H
#define BENCH_PLAN_WRITE_H
#include "plan.h"
#include "prices.h"

// Every line begins with "predicted | ". False: out of memory.
bool plan_text(FILE *, const struct plan *, const struct prices *);
// NULL: out of memory.
struct table *plan_table(FILE *, enum table_format, const struct plan *, const struct prices *);

// What a thousand times all problems cost at a price an hour; NAN where the time is not known.
double plan_cost(const struct price *, const struct plan_cell *);
// The price of a machine with this much memory; NULL: there is none.
const struct price *plan_price(const struct prices *, const struct plan_machine *,
                               const struct plan_cell *);
// "quick,memory": the suites' names.
void plan_suites(const struct plan *, char *out, size_t size);
#endif
