// Gathering windows of x into a matrix, and putting a product into y: im2col_gather.h.
#include "im2col_gather.h"
#include "conv2d_inside.h"
#include "convert_rows.h"
#include <stdbool.h>
#include <string.h>

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}

static void zero(float *to, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = 0;
}

// `count` elements of x from number `at` on, `stride` apart.
static void take(const struct why_tensor *x, int64_t at, int64_t stride, int64_t count, float *to) {
  if (x->type != WHY_F32) {
    widen_row(x->type, (const uint16_t *)x->data + at, stride, count, to);
    return;
  }
  const float *from = (const float *)x->data + at;
  if (stride == 1)
    memcpy(to, from, (size_t)count * sizeof *to);
  else
    for (int64_t i = 0; i < count; i++) to[i] = from[i * stride];
}

static void put(const struct why_tensor *y, int64_t at, int64_t count, const float *from) {
  if (y->type != WHY_F32)
    narrow_row(y->type, from, count, (uint16_t *)y->data + at, 1);
  else
    memcpy((float *)y->data + at, from, (size_t)count * sizeof *from);
}

// One element of the filters, for every window: a row of col. `channel` and how far x lies below
// and to the right of y: where the element is in x.
struct element {
  int64_t channel, down, right;
  struct conv2d_inside inside; // of a row of y
};

// Run by run along the rows of x.
static void gather_row(const struct conv2d_view *g, const struct why_tensor *x,
                       const struct element *e, const struct im2col_part *part, float *to) {
  int64_t n = part->window / (g->p * g->q), p = part->window / g->q % g->p;
  int64_t q = part->window % g->q, count;
  for (int64_t left = part->windows; left > 0; left -= count, to += count, q = 0) {
    count = least(g->q - q, left);
    const int64_t h = p * g->stride_h + e->down;
    const bool outside = h < 0 || h >= g->h;
    const int64_t first = outside ? q + count : clamp(e->inside.first, q, q + count);
    const int64_t last = outside ? q + count : clamp(e->inside.last, q, q + count);
    zero(to, first - q);
    if (first < last)
      take(x,
           n * x->stride[0] + h * x->stride[1] + (first * g->stride_w + e->right) * x->stride[2] +
               e->channel * x->stride[3],
           g->stride_w * x->stride[2], last - first, to + (first - q));
    zero(to + (last - q), q + count - last);
    if (++p == g->p) p = 0, n++;
  }
}

// The same where y is as large as x and the stride is 1: an image moved by so many elements, then
// zeros for what came round from the rows above and below.
static void gather_moved(const struct conv2d_view *g, const struct why_tensor *x,
                         const struct element *e, const struct im2col_part *part, float *to) {
  const int64_t image = g->h * g->w, move = e->down * g->w + e->right;
  int64_t n = part->window / image, at = part->window % image, count;
  for (int64_t left = part->windows; left > 0; left -= count, to += count, at = 0, n++) {
    count = least(image - at, left);
    const int64_t end = at + count;
    const int64_t first = clamp(-move, at, end), last = clamp(image - move, first, end);
    zero(to, first - at);
    if (first < last)
      take(x, n * x->stride[0] + e->channel * x->stride[3] + first + move, 1, last - first,
           to + (first - at));
    zero(to + (last - at), end - last);
    for (int64_t q = 0; q < g->w; q++) {
      if (q >= e->inside.first && q < e->inside.last) continue;
      const int64_t row = at / g->w * g->w + q;
      for (int64_t i = row < at ? row + g->w : row; i < end; i += g->w) to[i - at] = 0;
    }
  }
}

static void gather_nchw(const struct conv2d_view *g, const struct why_tensor *x,
                        const struct im2col_part *part, float *col) {
  const bool moved = g->stride_h == 1 && g->stride_w == 1 && g->p == g->h && g->q == g->w;
  for (int64_t i = 0; i < part->depth; i++) {
    const int64_t at = part->first + i, r = at / g->s % g->r, s = at % g->s;
    struct element e = {part->group * g->group_c + at / (g->r * g->s),
                        r * g->dilation_h - g->pad_top, s * g->dilation_w - g->pad_left};
    e.inside = conv2d_inside(e.right, g->stride_w, g->w, 0, g->q);
    (moved ? gather_moved : gather_row)(g, x, &e, part, col + i * part->windows);
  }
}

// The elements of one window: runs of channels, of a whole row of the filter where its columns are
// neighbours in x too.
static void gather_window(const struct conv2d_view *g, const struct why_tensor *x, int64_t window,
                          const struct im2col_part *part, float *to) {
  const int64_t taps = g->groups == 1 && g->dilation_w == 1 ? g->s : 1; // of a run
  const int64_t run = taps * g->group_c, runs = g->s / taps;            // in a row of the filter
  const int64_t end = part->first + part->depth;
  const int64_t n = window / (g->p * g->q), p = window / g->q % g->p, q = window % g->q;
  const int64_t top = p * g->stride_h - g->pad_top, left = q * g->stride_w - g->pad_left;
  for (int64_t at = part->first; at < end;) {
    const int64_t number = at / run, skip = at % run, count = least(run - skip, end - at);
    const int64_t h = top + number / runs * g->dilation_h;
    const int64_t w = left + number % runs * taps * g->dilation_w;
    const bool outside = h < 0 || h >= g->h;
    const int64_t from = outside ? run : clamp(-w, 0, taps) * g->group_c;
    const int64_t until = outside ? run : clamp(g->w - w, 0, taps) * g->group_c;
    const int64_t first = clamp(from, skip, skip + count), last = clamp(until, first, skip + count);
    zero(to, first - skip);
    if (first < last)
      take(x,
           n * x->stride[0] + h * x->stride[1] + w * x->stride[2] + part->group * g->group_c +
               first,
           1, last - first, to + (first - skip));
    zero(to + (last - skip), skip + count - last);
    at += count;
    to += count;
  }
}

void im2col_gather(const struct conv2d_view *g, const struct why_tensor *x,
                   const struct im2col_part *part, float *col) {
  if (g->layout == CONV2D_NCHW)
    gather_nchw(g, x, part, col);
  else
    for (int64_t i = 0; i < part->windows; i++)
      gather_window(g, x, part->window + i, part, col + i * part->depth);
}

void im2col_scatter(const struct conv2d_view *g, const struct why_tensor *y, int64_t window,
                    int64_t windows, int64_t filter, int64_t filters, const float *product) {
  if (g->layout == CONV2D_NHWC) {
    for (int64_t i = 0; i < windows; i++)
      put(y, (window + i) * g->k + filter, filters, product + i * filters);
    return;
  }
  const int64_t image = g->p * g->q;
  for (int64_t i = 0; i < filters; i++) {
    int64_t n = window / image, at = window % image, count;
    for (int64_t left = windows; left > 0; left -= count, product += count, at = 0, n++) {
      count = least(image - at, left);
      put(y, (n * g->k + filter + i) * image + at, count, product);
    }
  }
}
