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
  GEMM_LDC,
  GEMM_OUT
};
enum { GEMM_A, GEMM_B, GEMM_C };      // operands
enum { GEMM_OUT_SAME, GEMM_OUT_F32 }; // the type of c: that of a and b, or f32 for 16-bit ones

// y(rows,cols) = exp(x - max of the row) / sum of the row
enum { SOFTMAX_ROWS, SOFTMAX_COLS, SOFTMAX_LDX, SOFTMAX_LDY };
enum { SOFTMAX_X, SOFTMAX_Y };

// y(n,p,q,k) = sum over c of the group, r and s of x(n, p stride_h - pad_h + r dilation_h,
// q stride_w - pad_w + s dilation_w, c) w(k,r,s,c), x being 0 outside. Kernels see x(n,h,w,c),
// w(k,r,s,c/groups) and y(n,p,q,k) whatever the layout, which shows in the strides only: stored as
// n,c,h,w; k,c,r,s; n,k,p,q, or in the order of these dims (nhwc). conv2d_view() gives what follows
// from the params.
enum {
  CONV2D_N,
  CONV2D_C,
  CONV2D_H,
  CONV2D_W,
  CONV2D_K,
  CONV2D_R,
  CONV2D_S,
  CONV2D_STRIDE_H,
  CONV2D_STRIDE_W,
  CONV2D_PAD_H,
  CONV2D_PAD_W,
  CONV2D_PAD_H_END,
  CONV2D_PAD_W_END,
  CONV2D_DILATION_H,
  CONV2D_DILATION_W,
  CONV2D_GROUPS,
  CONV2D_LAYOUT,
  CONV2D_WIDE_PAD
};
enum { CONV2D_X, CONV2D_WEIGHT, CONV2D_Y };
enum { CONV2D_NCHW, CONV2D_NHWC };

struct conv2d_view {
  int64_t n, c, h, w, k, r, s, p, q; // p, q: rows and columns of y
  int64_t stride_h, stride_w, dilation_h, dilation_w;
  int64_t pad_top, pad_left, pad_bottom, pad_right;
  int64_t groups, group_c, group_k; // channels in and out of a group
  int layout;
};

// Never negative: 0 where the filter does not fit.
static inline int64_t conv2d_out(int64_t in, int64_t filter, int64_t stride) {
  return in < filter ? 0 : (in - filter) / stride + 1;
}

static inline struct conv2d_view conv2d_view(const struct why_problem *problem) {
  const int64_t *v = problem->value;
  struct conv2d_view g;
  g.n = v[CONV2D_N], g.c = v[CONV2D_C], g.h = v[CONV2D_H], g.w = v[CONV2D_W];
  g.k = v[CONV2D_K], g.r = v[CONV2D_R], g.s = v[CONV2D_S];
  g.stride_h = v[CONV2D_STRIDE_H], g.stride_w = v[CONV2D_STRIDE_W];
  g.dilation_h = v[CONV2D_DILATION_H], g.dilation_w = v[CONV2D_DILATION_W];
  g.pad_top = v[CONV2D_PAD_H], g.pad_left = v[CONV2D_PAD_W];
  g.pad_bottom = v[CONV2D_PAD_H_END] < 0 ? g.pad_top : v[CONV2D_PAD_H_END];
  g.pad_right = v[CONV2D_PAD_W_END] < 0 ? g.pad_left : v[CONV2D_PAD_W_END];
  g.p = conv2d_out(g.pad_top + g.h + g.pad_bottom, (g.r - 1) * g.dilation_h + 1, g.stride_h);
  g.q = conv2d_out(g.pad_left + g.w + g.pad_right, (g.s - 1) * g.dilation_w + 1, g.stride_w);
  g.groups = v[CONV2D_GROUPS], g.group_c = g.c / g.groups, g.group_k = g.k / g.groups;
  g.layout = (int)v[CONV2D_LAYOUT];
  return g;
}

#endif
