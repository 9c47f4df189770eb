// What was found of a threshold, in words.
#ifndef BENCH_CROSSOVER_TEXT_H
#define BENCH_CROSSOVER_TEXT_H
#include "crossover.h"
#include <stdbool.h>
#include <stdio.h>

struct crossover_words {
  const char *a, *beats, *b; // "all threads", "beat", "one thread"
  bool interval;             // the judgements have errors: say the interval
};
// "a GPU beats the CPU from 4096 on (2048: the CPU, 8192: a GPU)", without the line's end. n at
// least 1.
void crossover_write(FILE *, const struct crossover_words *, const struct crossover *,
                     const struct contest *at, int n);
const char *crossover_name(enum crossover_kind); // "from", "always", "never", "until", "unsure"

#endif
