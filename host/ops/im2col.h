// How the openblas backend cuts a convolution into products: windows of x are gathered, a tile of
// them at a time, into a matrix `col` that the filters are multiplied with. A pure function of the
// problem, so that the catalog states the workspace that the kernel then uses. Leaves out threads:
// each has a slice of the workspace for its own tile.
#ifndef WHY_IM2COL_H
#define WHY_IM2COL_H
#include "ops.h"
#include <stdbool.h>

// A thread's, for it to stay in the second-level cache of a core; of 0.5, 1 and 2 MiB the best by a
// few percent over ResNet's filters of 3 x 3 on a Xeon with 2 MiB a core.
enum { IM2COL_SLICE_BYTES = 1 << 20 };
enum { IM2COL_DEPTH = 512, IM2COL_FILTERS = 512, IM2COL_IN_PLACE_WINDOWS = 1024 };
// An image of at least as many windows is a matrix large enough by itself.
enum { IM2COL_IMAGE = 256 };
// Tiles begin at a multiple of so many windows: a cache line's, a vector's.
enum { IM2COL_LINE = 16 };

struct im2col {
  bool wide;             // 16-bit operands, converted to f32; the filters all at once
  bool in_place;         // x is `col` as it lies: filters of one element
  bool scratch;          // the product of a tile is not a matrix in y: it is copied there after
  int64_t images, span;  // tiles stay inside one of so many ranges of windows, this long each
  int64_t sum;           // elements of a filter: how many products an element of y adds
  int64_t windows;       // most of a tile,
  int64_t depth;         // of the sum that is gathered at once,
  int64_t filters;       // and of the filters it is multiplied with at once
  uint64_t filter_bytes; // of the filters in f32, 0 if not wide
  uint64_t slice_bytes;  // col, then the product if it is scratch; 0 if neither
};

static inline int64_t im2col_least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

// Bytes of so many floats, to the end of their last cache line.
static inline uint64_t im2col_lines(int64_t floats) {
  return ((uint64_t)floats + 15) / 16 * 16 * sizeof(float);
}

static inline struct im2col im2col(const struct conv2d_view *g, enum why_type type) {
  struct im2col t = {.wide = type != WHY_F32};
  const int64_t image = g->p * g->q;
  const bool nhwc = g->layout == CONV2D_NHWC;
  const bool apart = !nhwc && (g->n == 1 || image >= IM2COL_IMAGE) && image <= INT32_MAX;
  const bool one_by_one = g->r == 1 && g->s == 1 && g->stride_h == 1 && g->stride_w == 1 &&
                          g->p == g->h && g->q == g->w;
  t.images = apart ? g->n : 1;
  t.span = apart ? image : g->n * image;
  t.sum = g->group_c * g->r * g->s;
  t.in_place = !t.wide && one_by_one && (nhwc || apart);
  t.scratch = t.wide || !(nhwc || apart);
  const int64_t parts = (t.sum + IM2COL_DEPTH - 1) / IM2COL_DEPTH; // of equal length
  t.depth = t.in_place ? t.sum : (t.sum + parts - 1) / parts;
  t.filters = t.scratch ? im2col_least(g->group_k, IM2COL_FILTERS) : g->group_k;
  const int64_t floats = (t.in_place ? 0 : t.depth) + (t.scratch ? t.filters : 0); // a window
  const int64_t most = IM2COL_SLICE_BYTES / (int64_t)sizeof(float);
  t.windows = floats > 0 ? most / floats / IM2COL_LINE * IM2COL_LINE : IM2COL_IN_PLACE_WINDOWS;
  t.windows = im2col_least(t.span, t.windows);
  t.slice_bytes = im2col_lines(floats * t.windows);
  t.filter_bytes = t.wide ? im2col_lines(g->k * t.sum) : 0;
  return t;
}

#endif
