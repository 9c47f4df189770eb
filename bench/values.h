// The values that options take, read strictly: sizes, times, counts, names. Leaves out lists, which
// options.c splits at their commas.
#ifndef BENCH_VALUES_H
#define BENCH_VALUES_H
#include "whycpu.h"
#include <stdbool.h>

struct amount {   // of memory
  uint64_t bytes; // WHY_UNLIMITED: none
  double share;   // of the device's memory where > 0; then bytes is 0
};
uint64_t amount_bytes(const struct amount *, uint64_t whole_bytes);

// Each reads all of `text` into `to`; false: *wrong says what would be right.
typedef bool option_reader(const char *text, void *to, struct why_error *wrong);
option_reader read_flag;    // bool *; text is NULL
option_reader read_text;    // const char **
option_reader read_count;   // int64_t *, 1 and up
option_reader read_natural; // uint64_t *, 0 and up
option_reader read_seconds; // double *, above 0: 10, 0.5, 250ms, 3min
option_reader read_percent; // double *, a share of 1: 5, 99.5%
option_reader read_bytes;   // uint64_t *: 4096, 64MiB, 1.5GiB
option_reader read_amount;  // struct amount *: the same, 50%, none

// "did you mean softmax?" or "one of gemm, softmax": the nearest of `choice` to `word`.
void nearest(const char *word, const char *const *choice, int choices, char *out, size_t size);
#endif
