// Windows of x as a matrix in f32, and a product of it back to y. Both layouts, 16-bit types
// converted on the way. Leaves out the product itself.
#ifndef WHY_IM2COL_GATHER_H
#define WHY_IM2COL_GATHER_H
#include "ops/ops.h"

// Windows (n,p,q) numbered in this order, and a part of the elements of the filters of a group,
// numbered in the order that the filters are stored in: (c,r,s) in nchw, (r,s,c) in nhwc.
struct im2col_part {
  int64_t group;
  int64_t window, windows; // the first, and how many
  int64_t first, depth;    // of the elements, likewise
};

// nchw: col(depth, windows); nhwc: col(windows, depth); packed row-major. 0 in the padding.
void im2col_gather(const struct conv2d_view *, const struct why_tensor *x,
                   const struct im2col_part *, float *col);

// Filters [filter, filter + filters) of all: nchw: product(filters, windows); nhwc:
// product(windows, filters), packed row-major, to their places in y.
void im2col_scatter(const struct conv2d_view *, const struct why_tensor *y, int64_t window,
                    int64_t windows, int64_t filter, int64_t filters, const float *product);

#endif
