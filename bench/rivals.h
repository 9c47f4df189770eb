// The contests that are looked for wherever there are rows: a GPU against the CPU, all threads
// against one, the CPU's libraries; or two sides that were asked for.
#ifndef BENCH_RIVALS_H
#define BENCH_RIVALS_H
#include "crossover_text.h"
#include "families.h"

struct rivals_threshold {
  const char *family;
  struct crossover_words words;
  struct family_threshold found;
};
typedef void rivals_each(void *to, const struct rivals_threshold *);
// Every threshold, contest by contest; sides: those asked for, or NULL. 0 or ENOMEM.
int rivals_thresholds(struct families *, enum evidence, const struct sides *, rivals_each *,
                      void *to);
// A line for each, beginning with the label; `blob`: GPU-BLOB's rule too. 0 or ENOMEM.
int rivals_print(FILE *, const char *label, struct families *, enum evidence, const struct sides *,
                 bool blob);

#endif
