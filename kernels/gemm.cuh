// What the variants of gemm share: the problem as a kernel sees it, which tile a block takes, and
// how an element of c is written.
//
//   c(m,n) = alpha a(m,k) b(k,n) + beta c(m,n)
//
// a and b have two strides each, so that a transposed operand is only another pair of strides. The
// columns of c are neighbours. With beta = 0, c is not read. T is the type of a and b, C that of c:
// T, or float for 16-bit T (out=f32).
#pragma once
#include "launch.cuh"
#include "number.cuh"
#include "ops/ops.h"

// Dims are below 2^31, so that an unsigned index may run past an edge by a tile. Offsets are
// 64-bit.
template <class T, class C = T> struct gemm {
  const T *a, *b;
  C *c;
  unsigned m, n, k;
  int64_t a_row, a_col, b_row, b_col, c_row; // strides in elements
  sum_of<T> alpha, beta;
};

template <class T, class C = T> gemm<T, C> gemm_of(const struct why_call *call) {
  const struct why_problem *p = call->problem;
  const struct why_tensor *a = &call->operand[GEMM_A], *b = &call->operand[GEMM_B],
                          *c = &call->operand[GEMM_C];
  gemm<T, C> g = {};
  g.a = (const T *)a->data;
  g.b = (const T *)b->data;
  g.c = (C *)c->data;
  g.m = (unsigned)c->dim[0];
  g.n = (unsigned)c->dim[1];
  g.k = (unsigned)a->dim[1];
  g.a_row = a->stride[0];
  g.a_col = a->stride[1];
  g.b_row = b->stride[0];
  g.b_col = b->stride[1];
  g.c_row = c->stride[0];
  g.alpha = (sum_of<T>)p->real[GEMM_ALPHA];
  g.beta = (sum_of<T>)p->real[GEMM_BETA];
  return g;
}

// Whether c is f32 though a and b are not.
static inline bool gemm_wide_c(const struct why_call *call) {
  return call->operand[GEMM_C].type == WHY_F32;
}

__host__ __device__ static inline unsigned tiles(unsigned length, unsigned tile) {
  return (length + tile - 1) / tile;
}

// Blocks needed for tiles of c of `rows` x `cols` elements.
template <class T, class C> int64_t gemm_blocks(const gemm<T, C> &g, unsigned rows, unsigned cols) {
  return (int64_t)tiles(g.m, rows) * tiles(g.n, cols);
}

struct corner { // the first row and column of a block's tile
  unsigned row, col;
};

// Blocks go down bands of eight tiles, then right: those that run at the same time share rows of a
// and columns of b, which the cache then reads from memory once.
template <class T, class C>
__device__ inline corner gemm_corner(const gemm<T, C> &g, unsigned rows, unsigned cols) {
  unsigned down = tiles(g.m, rows), across = tiles(g.n, cols);
  unsigned band = blockIdx.x / (8 * across), rest = blockIdx.x % (8 * across);
  unsigned height = min(8u, down - 8 * band);
  return {(8 * band + rest % height) * rows, rest / height * cols};
}

template <class T, class C>
__device__ inline void gemm_write(const gemm<T, C> &g, unsigned row, unsigned col, sum_of<T> sum) {
  C *c = g.c + row * g.c_row + col;
  sum *= g.alpha;
  if (g.beta != 0) sum += g.beta * widen(*c);
  *c = narrow<C>(sum);
}
