// Where each op keeps its params in why_problem.value and .real, and what the ops share.
#ifndef WHY_OPS_H
#define WHY_OPS_H
#include "../whycpu.h"

// c(m,n) = alpha a(m,k) b(k,n) + beta c(m,n). Kernels see a(m,k), b(k,n);
// ta says that a is stored (k,m), which shows in its strides only; b likewise.
enum {
  GEMM_M,
  GEMM_N,
  GEMM_K,
  GEMM_TA,
  GEMM_TB,
  GEMM_ALPHA,
  GEMM_BETA,
  GEMM_LDA,
  GEMM_LDB,
  GEMM_LDC
};
enum { GEMM_A, GEMM_B, GEMM_C }; // operands

// y(rows,cols) = exp(x - max of the row) / sum of the row
enum { SOFTMAX_ROWS, SOFTMAX_COLS, SOFTMAX_LDX, SOFTMAX_LDY };
enum { SOFTMAX_X, SOFTMAX_Y };

#endif
