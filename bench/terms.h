// The terms of a predicted call, summed as tables show them.
#ifndef BENCH_TERMS_H
#define BENCH_TERMS_H
#include "whycpu.h"

static inline double terms_traffic(const struct why_terms *t) { // of all operands
  double sum = t->aliased + t->far;
  for (int i = 0; i < WHY_OPERANDS; i++) sum += t->traffic[i];
  return sum;
}

static inline double terms_loops(const struct why_terms *t) { // ragged rows too
  double sum = t->edges;
  for (int i = 0; i < WHY_LOOPS; i++) sum += t->loop[i];
  return sum;
}
#endif
