// What the softmax kernels share: the case as they see it, and how the vectorised ones are driven.
#ifndef WHY_PLAIN_SOFTMAX_H
#define WHY_PLAIN_SOFTMAX_H
#include "ops/ops.h"
#include <stdbool.h>

struct softmax_rows { // x and y are float or bf16 bits; ld in elements
  const void *x;
  void *y;
  int64_t ldx, ldy, cols;
  bool bypass; // write past the caches
};

// Computes rows [first, last).
typedef void softmax_range(void *rows, int64_t first, int64_t last);

// Checks the operands, chooses whether to bypass the caches and spreads rows over call->threads.
enum why_reason softmax_run(struct why_call *, softmax_range *f32, softmax_range *bf16);

#endif
