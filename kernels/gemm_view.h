// A gemm operand as the product sees it: element (row, col) of a(m,k), b(k,n) or c(m,n) is at
// data[row * row_stride + col * col_stride], in elements. A transposed operand is only another pair
// of strides (host/ops/gemm.c).
#ifndef WHY_GEMM_VIEW_H
#define WHY_GEMM_VIEW_H
#include "ops/ops.h"

struct gemm_view {
  int64_t rows, cols, row_stride, col_stride;
  void *data;
};

static inline struct gemm_view gemm_view(const struct why_tensor *t) {
  const struct gemm_view view = {t->dim[0], t->dim[1], t->stride[0], t->stride[1], t->data};
  return view;
}

#endif
