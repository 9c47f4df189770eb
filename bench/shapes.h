// Problems that find mistakes in kernels, made for any op from its table of params: dims of 1,
// primes, one below, at and above the sizes of tiles, long and thin, large; every flag and layout;
// leading dimensions with gaps; scales of 0, 1 and others; for convolutions filters, strides,
// padding, dilation and groups that go together.
#ifndef BENCH_SHAPES_H
#define BENCH_SHAPES_H
#include "whycpu.h"
#include <stdbool.h>

struct shapes {
  struct why_problem *item; // owned: shapes_free
  int count, capacity;
};
// Problems of at most `most_flops`, without repetition; `quick`: about a fifth of them. The same
// seed gives the same list. WHY_OK or WHY_ALLOC_FAILED; free in either case.
enum why_reason shapes_make(const struct why_op *, enum why_type, bool quick, double most_flops,
                            uint64_t seed, struct shapes *);
void shapes_free(struct shapes *);
#endif
