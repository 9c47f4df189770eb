// What the variants of conv2d share: the problem as a kernel sees it, and where its elements are.
//
//   y(n,p,q,k) = sum over c of the group, r and s of
//                x(n, p stride_h - pad_top + r dilation_h, q stride_w - pad_left + s dilation_w, c)
//                w(k,r,s,c)
//
// x is 0 outside. As a product it has a row for each window of x, that is for each pixel (n,p,q) of
// y, a column for each filter of the group, and adds up over the taps (r,s,c) of a filter.
#pragma once
#include "launch.cuh"
#include "number.cuh"
#include "ops/ops.h"

struct tap { // a place in a filter
  unsigned c, r, s;
};

// Dims are at most 2^30, so that 32 bits hold any row or column of a padded image, modulo 2^32.
// Offsets are 64-bit; those of a window's corner, which may lie in the padding, modulo 2^64.
template <class T> struct conv2d {
  const T *x, *w;
  T *y;
  int64_t pixels, depth;         // n p q; group_c r s
  unsigned h, width, p, q;       // of x and of y
  unsigned groups, group_k, all; // k = groups group_k = all
  tap size;                      // group_c, r, s
  unsigned stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  uint64_t x_image, x_row, x_col, x_channel, x_r, x_s; // x_r: dilation_h rows; x_s likewise
  int64_t w_filter, w_r, w_s, w_channel, y_image, y_row, y_col, y_filter;
  bool channels_last; // nhwc
};

template <class T> conv2d<T> conv2d_of(const struct why_call *call) {
  const struct why_tensor *x = &call->operand[CONV2D_X], *w = &call->operand[CONV2D_WEIGHT],
                          *y = &call->operand[CONV2D_Y];
  struct conv2d_view v = conv2d_view(call->problem);
  conv2d<T> g = {};
  g.x = (const T *)x->data;
  g.w = (const T *)w->data;
  g.y = (T *)y->data;
  g.pixels = v.n * v.p * v.q;
  g.depth = v.group_c * v.r * v.s;
  g.h = (unsigned)v.h;
  g.width = (unsigned)v.w;
  g.p = (unsigned)v.p;
  g.q = (unsigned)v.q;
  g.groups = (unsigned)v.groups;
  g.group_k = (unsigned)v.group_k;
  g.all = (unsigned)v.k;
  g.size = {(unsigned)v.group_c, (unsigned)v.r, (unsigned)v.s};
  g.stride_h = (unsigned)v.stride_h;
  g.stride_w = (unsigned)v.stride_w;
  g.dilation_h = (unsigned)v.dilation_h;
  g.dilation_w = (unsigned)v.dilation_w;
  g.pad_top = (unsigned)v.pad_top;
  g.pad_left = (unsigned)v.pad_left;
  g.x_image = (uint64_t)x->stride[0];
  g.x_row = (uint64_t)x->stride[1];
  g.x_col = (uint64_t)x->stride[2];
  g.x_channel = (uint64_t)x->stride[3];
  g.x_r = g.x_row * g.dilation_h;
  g.x_s = g.x_col * g.dilation_w;
  g.w_filter = w->stride[0];
  g.w_r = w->stride[1];
  g.w_s = w->stride[2];
  g.w_channel = w->stride[3];
  g.y_image = y->stride[0];
  g.y_row = y->stride[1];
  g.y_col = y->stride[2];
  g.y_filter = y->stride[3];
  g.channels_last = v.layout == CONV2D_NHWC;
  return g;
}

// ---- as a product ------------------------------------------------------------------------------
// Taps are counted in the order in which a filter lies in memory, r,s,c for nhwc and c,r,s for
// nchw: then filters are a matrix of `depth` contiguous columns.

// Tap number `index`; beyond the last, the outermost of its numbers has gone past its size.
template <bool NHWC> __host__ __device__ inline tap tap_at(int64_t index, const tap &size) {
  unsigned inner = NHWC ? size.c : size.s, middle = NHWC ? size.s : size.r;
  unsigned in = (unsigned)(index % inner), mid = (unsigned)(index / inner % middle);
  unsigned out = (unsigned)(index / inner / middle);
  return NHWC ? tap{in, out, mid} : tap{out, mid, in};
}

// at += by, both in the numbers of tap_at(), so that walking along a filter needs no division.
template <bool NHWC> __device__ inline void advance(tap &at, const tap &by, const tap &size) {
  unsigned &inner = NHWC ? at.c : at.s, &middle = NHWC ? at.s : at.r, &outer = NHWC ? at.r : at.c;
  unsigned inner_size = NHWC ? size.c : size.s, middle_size = NHWC ? size.s : size.r;
  inner += NHWC ? by.c : by.s;
  middle += NHWC ? by.s : by.r;
  outer += NHWC ? by.r : by.c;
  if (inner >= inner_size) {
    inner -= inner_size;
    middle++;
  }
  if (middle >= middle_size) {
    middle -= middle_size;
    outer++;
  }
}

// One window: the offset of its first element in x, were there no padding's bounds, from the first
// image; and its corner in the image, modulo 2^32.
struct alignas(16) window {
  uint64_t x;
  unsigned h, w;
};

struct pixel { // (n, p, q) of y
  int64_t n, p, q;
};

// Beyond the last pixel the last once more: what comes of it is not written.
template <class T> __device__ inline pixel pixel_at(const conv2d<T> &g, int64_t index) {
  index = min(index, g.pixels - 1);
  int64_t line = index / g.q;
  return {line / g.p, line % g.p, index % g.q};
}

template <class T>
__device__ inline window window_at(const conv2d<T> &g, unsigned group, const pixel &at) {
  uint64_t h = (uint64_t)at.p * g.stride_h - g.pad_top,
           w = (uint64_t)at.q * g.stride_w - g.pad_left;
  uint64_t channel = (uint64_t)group * g.size.c;
  return {(uint64_t)at.n * g.x_image + h * g.x_row + w * g.x_col + channel * g.x_channel,
          (unsigned)h, (unsigned)w};
}

// Where y(pixel, 0) is, as an offset.
template <class T> __device__ inline int64_t output_at(const conv2d<T> &g, const pixel &at) {
  return at.n * g.y_image + at.p * g.y_row + at.q * g.y_col;
}

// Where x(window, tap) is; null in the padding, and beyond the last tap.
template <bool NHWC, class T>
__device__ inline const T *element_at(const conv2d<T> &g, const window &v, const tap &at) {
  unsigned h = v.h + at.r * g.dilation_h, w = v.w + at.s * g.dilation_w;
  bool inside = h < g.h && w < g.width && (NHWC ? at.r < g.size.r : at.c < g.size.c);
  if (!inside) return nullptr;
  return g.x + (v.x + at.r * g.x_r + at.s * g.x_s + at.c * g.x_channel);
}

// A block's tile: WINDOWS windows, and filters of one group. Blocks go along the filters first, so
// that those that run at the same time read the same windows.
constexpr unsigned WINDOWS = 128;

struct conv2d_tile {
  int64_t pixel;          // the first
  unsigned filter, group; // the first, of the group's; which group
};

template <class T>
__device__ inline conv2d_tile conv2d_tile_of(const conv2d<T> &g, unsigned filters) {
  unsigned across = (g.group_k + filters - 1) / filters;
  unsigned down = (unsigned)((g.pixels + WINDOWS - 1) / WINDOWS); // below 2^31, as blocks are
  unsigned line = blockIdx.x / across;
  return {(int64_t)(line % down) * WINDOWS, blockIdx.x % across * filters, line / down};
}

template <class T> int64_t conv2d_blocks(const conv2d<T> &g, unsigned filters) {
  return (g.pixels + WINDOWS - 1) / WINDOWS * ((g.group_k + filters - 1) / filters) * g.groups;
}

// Whether tiles of 64 filters serve better than those of 128: where the second half would be empty,
// or where there would not be two blocks for each multiprocessor.
template <class T> bool conv2d_narrow(const struct why_call *call, const conv2d<T> &g) {
  return g.group_k <= 64 ||
         conv2d_blocks(g, 128) < 2 * (int64_t)call->device->facts.multiprocessors;
}

// Whether `many` neighbours of y in memory are one store: filters of a pixel or pixels of a filter.
template <class T> bool conv2d_stores(const conv2d<T> &g, unsigned many) {
  int64_t line = g.channels_last ? (int64_t)g.group_k : (int64_t)g.p * g.q;
  return line % many == 0 && (uintptr_t)g.y % (many * sizeof(T)) == 0;
}
