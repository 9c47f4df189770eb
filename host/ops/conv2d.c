// conv2d: the forward convolution of images with filters, in groups; strictly the
// cross-correlation that deep learning calls so. host/ops/ops.h has the formula.
//
// Operands are seen as x(n,h,w,c), w(k,r,s,c/groups), y(n,p,q,k); the layout is in the strides.
// Padding at the bottom and right may differ from that at the top and left, as "same" padding with
// a stride has it, and as the parts of a streamed plan do.
#include "../element.h"
#include "../whycpu.h"
#include "ops.h"
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// Dims stay below this, so that no sum or product of two of them overflows.
#define MOST (int64_t)1 << 30

// clang-format off
static const struct why_param params[] = {
    [CONV2D_N]          = {"n",          WHY_INTEGER, 1, MOST, WHY_REQUIRED, "images"},
    [CONV2D_C]          = {"c",          WHY_INTEGER, 1, MOST, WHY_REQUIRED, "channels of x"},
    [CONV2D_H]          = {"h",          WHY_INTEGER, 1, MOST, WHY_REQUIRED, "rows of an image"},
    [CONV2D_W]          = {"w",          WHY_INTEGER, 1, MOST, WHY_REQUIRED, "columns of an image"},
    [CONV2D_K]          = {"k",          WHY_INTEGER, 1, MOST, WHY_REQUIRED, "filters: channels of y"},
    [CONV2D_R]          = {"r",          WHY_INTEGER, 1, MOST, WHY_REQUIRED, "rows of a filter"},
    [CONV2D_S]          = {"s",          WHY_INTEGER, 1, MOST, WHY_REQUIRED, "columns of a filter"},
    [CONV2D_STRIDE_H]   = {"stride_h",   WHY_INTEGER, 1, MOST, 1,  "rows of x from one row of y to the next"},
    [CONV2D_STRIDE_W]   = {"stride_w",   WHY_INTEGER, 1, MOST, 1,  "the same for columns"},
    [CONV2D_PAD_H]      = {"pad_h",      WHY_INTEGER, 0, MOST, 0,  "rows of zeros above an image, and below"},
    [CONV2D_PAD_W]      = {"pad_w",      WHY_INTEGER, 0, MOST, 0,  "columns of zeros left of it, and right"},
    [CONV2D_PAD_H_END]  = {"pad_h_end",  WHY_INTEGER, -1, MOST, -1, "rows below where they differ; -1: as pad_h"},
    [CONV2D_PAD_W_END]  = {"pad_w_end",  WHY_INTEGER, -1, MOST, -1, "columns right where they differ; -1: as pad_w"},
    [CONV2D_DILATION_H] = {"dilation_h", WHY_INTEGER, 1, MOST, 1,  "rows of x from one row of a filter to the next"},
    [CONV2D_DILATION_W] = {"dilation_w", WHY_INTEGER, 1, MOST, 1,  "the same for columns"},
    [CONV2D_GROUPS]     = {"groups",     WHY_INTEGER, 1, MOST, 1,  "c and k fall into so many groups of their own"},
    [CONV2D_LAYOUT]     = {"layout",     WHY_CHOICE,  0, 1,    CONV2D_NCHW, "order of storage", "nchw nhwc"},
    [CONV2D_WIDE_PAD]   = {"wide_pad",   WHY_INTEGER, 0, 1,    0,  "1: a padding may be larger than the filter"},
};
// clang-format on

static enum why_role role(const struct why_problem *p, int operand) {
  (void)p;
  return operand == CONV2D_Y ? WHY_OUT : WHY_IN;
}

static void shape(const struct why_problem *problem, int operand, struct why_tensor *out) {
  struct conv2d_view g = conv2d_view(problem);
  const int64_t dims[3][4] = {
      {g.n, g.h, g.w, g.c}, {g.k, g.r, g.s, g.group_c}, {g.n, g.p, g.q, g.k}};
  const int64_t *d = dims[operand];
  out->type = problem->type;
  out->rank = 4;
  for (int i = 0; i < 4; i++) out->dim[i] = d[i];
  bool channels_last = g.layout == CONV2D_NHWC;
  out->stride[3] = channels_last ? 1 : d[1] * d[2];
  out->stride[2] = channels_last ? d[3] : 1;
  out->stride[1] = d[2] * out->stride[2];
  out->stride[0] = d[1] * d[2] * d[3];
}

static const char *refuse(const struct why_problem *problem) {
  const int64_t *v = problem->value;
  int64_t c = v[CONV2D_C], k = v[CONV2D_K], groups = v[CONV2D_GROUPS];
  if (c % groups) return "groups does not divide c: a divisor of both c and k would be right";
  if (k % groups) return "groups does not divide k: a divisor of both c and k would be right";
  struct conv2d_view g = conv2d_view(problem);
  int64_t tall = (g.r - 1) * g.dilation_h + 1, wide = (g.s - 1) * g.dilation_w + 1;
  if (!v[CONV2D_WIDE_PAD] && (g.pad_top >= tall || g.pad_bottom >= tall))
    return "a padding of rows is larger than the filter leaves: less than dilation_h (r - 1) + 1 "
           "would be right, or wide_pad=1 if it is meant";
  if (!v[CONV2D_WIDE_PAD] && (g.pad_left >= wide || g.pad_right >= wide))
    return "a padding of columns is larger than the filter leaves: less than dilation_w (s - 1) + "
           "1 would be right, or wide_pad=1 if it is meant";
  if (g.p < 1)
    return "y would have no rows: h and its padding of at least dilation_h (r - 1) + 1 "
           "would be right";
  if (g.q < 1)
    return "y would have no columns: w and its padding of at least dilation_w (s - 1) + 1 "
           "would be right";
  return NULL;
}

static double outputs(const struct conv2d_view *g) {
  return (double)g->n * (double)g->p * (double)g->q * (double)g->k;
}

// Multiplications and additions of the formula, those with the zeros of the padding too: what the
// literature counts, and Winograd's fewer ones do not change.
static double flops(const struct why_problem *problem) {
  struct conv2d_view g = conv2d_view(problem);
  return 2 * outputs(&g) * (double)g.group_c * (double)g.r * (double)g.s;
}

static double bytes(const struct why_problem *problem) {
  struct conv2d_view g = conv2d_view(problem);
  double x = (double)g.n * (double)g.h * (double)g.w * (double)g.c;
  double w = (double)g.k * (double)g.r * (double)g.s * (double)g.group_c;
  return (double)why_type_bytes(problem->type) * (x + w + outputs(&g));
}

// ---- the right answer --------------------------------------------------------------------------

// As a matrix, y has a row (n,p,q) for each window of x and a column for each filter. A window is
// read group by group, in a group as a filter is: by r, s and channel; so a filter and its group's
// part of the window are two vectors of this length.
static int64_t filter_length(const struct conv2d_view *g) {
  return g->group_c * g->r * g->s;
}

static void read_filter(const struct conv2d_view *g, const struct why_tensor *w, int64_t k,
                        double *out) {
  for (int64_t r = 0; r < g->r; r++)
    for (int64_t s = 0; s < g->s; s++, out += g->group_c)
      why_elements(w, k * w->stride[0] + r * w->stride[1] + s * w->stride[2], w->stride[3],
                   g->group_c, out);
}

// `channels` is room for all channels of one element of the window. What lies outside of x is 0.
static void read_window(const struct conv2d_view *g, const struct why_tensor *x, int64_t row,
                        double *channels, double *out) {
  int64_t n = row / (g->p * g->q), p = row / g->q % g->p, q = row % g->q;
  int64_t top = p * g->stride_h - g->pad_top, left = q * g->stride_w - g->pad_left;
  for (int64_t r = 0; r < g->r; r++)
    for (int64_t s = 0; s < g->s; s++) {
      int64_t h = top + r * g->dilation_h, w = left + s * g->dilation_w;
      if (h >= 0 && h < g->h && w >= 0 && w < g->w)
        why_elements(x, n * x->stride[0] + h * x->stride[1] + w * x->stride[2], x->stride[3], g->c,
                     channels);
      else
        memset(channels, 0, (size_t)g->c * sizeof *channels);
      double *to = out + (r * g->s + s) * g->group_c;
      for (int64_t c = 0; c < g->group_c; c++)
        for (int64_t i = 0; i < g->groups; i++)
          to[i * filter_length(g) + c] = channels[i * g->group_c + c];
    }
}

// Some windows at a time, so that a filter is read once for all of them.
static void reference(const struct why_problem *problem, const struct why_tensor *operand,
                      int output, int64_t first, int64_t rows, double *value, double *scale) {
  enum { TOGETHER = 8 };
  (void)output;
  const struct why_tensor *x = &operand[CONV2D_X], *w = &operand[CONV2D_WEIGHT];
  struct conv2d_view g = conv2d_view(problem);
  int64_t length = filter_length(&g), window_length = length * g.groups;
  double floor = why_smallest_normal(problem->type);
  double *filter = malloc((size_t)(length + g.c + TOGETHER * window_length) * sizeof *filter);
  if (!filter) { // a NaN is never within the tolerance
    for (int64_t i = 0; i < rows * g.k; i++) value[i] = NAN;
    return;
  }
  double *channels = filter + length, *window = channels + g.c, size;
  for (int64_t at = 0; at < rows; at += TOGETHER) {
    int64_t count = rows - at < TOGETHER ? rows - at : TOGETHER;
    for (int64_t i = 0; i < count; i++)
      read_window(&g, x, first + at + i, channels, window + i * window_length);
    for (int64_t k = 0; k < g.k; k++) {
      const double *group = window + k / g.group_k * length;
      read_filter(&g, w, k, filter);
      for (int64_t i = 0; i < count; i++) {
        why_dot(length, group + i * window_length, filter, &value[(at + i) * g.k + k], &size);
        scale[(at + i) * g.k + k] = size + floor;
      }
    }
  }
  free(filter);
}

// The filters of each group, times their elements of `by`, added up: one filter a group. A row of y
// times `by` is then one vector product; and the same of the absolute values.
static void project(const struct why_problem *problem, const struct why_tensor *operand, int output,
                    const double *by, double *value, double *scale) {
  (void)output;
  const struct why_tensor *x = &operand[CONV2D_X], *w = &operand[CONV2D_WEIGHT];
  struct conv2d_view g = conv2d_view(problem);
  int64_t length = filter_length(&g), window_length = length * g.groups;
  double floor = (double)g.k * why_smallest_normal(problem->type), ignored;
  double *sum = calloc((size_t)(3 * window_length + length + g.c), sizeof *sum);
  for (int64_t i = 0; i < g.n * g.p * g.q; i++) value[i] = scale[i] = NAN;
  if (!sum) return;
  double *size = sum + window_length, *window = size + window_length;
  double *filter = window + window_length, *channels = filter + length;
  for (int64_t k = 0; k < g.k; k++) {
    int64_t at = k / g.group_k * length;
    read_filter(&g, w, k, filter);
    why_accumulate(length, by[k], filter, sum + at, size + at);
  }
  for (int64_t i = 0; i < g.n * g.p * g.q; i++) {
    read_window(&g, x, i, channels, window);
    why_dot(window_length, window, sum, &value[i], &ignored);
    why_dot(window_length, window, size, &ignored, &scale[i]);
    scale[i] += floor;
  }
  free(sum);
}

// As gemm's: a sum of c/groups r s products, and the rounding to the type of y.
static double tolerance(const struct why_problem *problem, int output) {
  (void)output;
  struct conv2d_view g = conv2d_view(problem);
  return ((double)(g.group_c * g.r * g.s) + 8) * (FLT_EPSILON / 2) +
         why_store_rounding(problem->type);
}

// ---- parts -------------------------------------------------------------------------------------

enum { CUT_N, CUT_K, CUT_ROWS };
static const struct why_cut cuts[] = {{"n", 0}, {"k", 0}, {"rows", 0}};
// The weights stay while x passes, or x stays while the weights pass.
static const unsigned char orders[][WHY_CUTS] = {{CUT_K, CUT_N, CUT_ROWS},
                                                 {CUT_N, CUT_ROWS, CUT_K}};

// Rows cannot be cut where a part could lie in the padding alone.
static int64_t extent(const struct why_problem *problem, int cut) {
  struct conv2d_view g = conv2d_view(problem);
  if (cut == CUT_ROWS) return problem->value[CONV2D_WIDE_PAD] ? 1 : g.p;
  return cut == CUT_N ? g.n : g.k;
}

// Filters of one group need the same channels: groups stay whole.
static int64_t step(const struct why_problem *problem, int cut) {
  int64_t groups = problem->value[CONV2D_GROUPS];
  return cut == CUT_K && groups > 1 ? problem->value[CONV2D_K] / groups : 1;
}

static uint32_t sliced(const struct why_problem *problem, int operand) {
  uint32_t x = 1 << CUT_N | 1 << CUT_ROWS, k = 1 << CUT_K;
  if (operand == CONV2D_Y) return x | k;
  if (operand == CONV2D_WEIGHT) return k;
  return problem->value[CONV2D_GROUPS] > 1 ? x | k : x;
}

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static void part(const struct why_problem *problem, const struct why_tensor *whole,
                 const int64_t *first, const int64_t *extent, struct why_problem *out,
                 struct why_tensor *slice) {
  struct conv2d_view g = conv2d_view(problem);
  int64_t filter = (g.r - 1) * g.dilation_h + 1;
  bool all_rows = problem->value[CONV2D_WIDE_PAD] || extent[CUT_ROWS] == g.p;
  int64_t groups = g.groups > 1 ? extent[CUT_K] / g.group_k : 1;
  int64_t channels = g.groups > 1 ? groups * g.group_c : g.c;
  int64_t top = 0, rows = least(g.h, (extent[CUT_ROWS] - 1) * g.stride_h + filter);
  *out = *problem;
  out->value[CONV2D_N] = extent[CUT_N];
  out->value[CONV2D_K] = extent[CUT_K];
  out->value[CONV2D_C] = channels;
  out->value[CONV2D_GROUPS] = groups;
  if (all_rows) {
    rows = g.h;
  } else if (first) { // the rows of x that it reads, and how much of the padding
    int64_t begin = first[CUT_ROWS] * g.stride_h - g.pad_top;
    int64_t end = begin + (extent[CUT_ROWS] - 1) * g.stride_h + filter;
    top = begin > 0 ? begin : 0;
    rows = least(end, g.h) - top;
    out->value[CONV2D_PAD_H] = top - begin;
    out->value[CONV2D_PAD_H_END] = end > g.h ? end - g.h : 0;
  } else { // enough padding for as many rows of y, and no more on either side than the whole has
    int64_t padding = (extent[CUT_ROWS] - 1) * g.stride_h + filter - rows;
    out->value[CONV2D_PAD_H] = least(padding, g.pad_top);
    out->value[CONV2D_PAD_H_END] = padding - out->value[CONV2D_PAD_H];
  }
  out->value[CONV2D_H] = rows;
  if (!first) return;
  for (int i = 0; i < 3; i++) slice[i] = whole[i];
  why_slice_along(&slice[CONV2D_X], 0, first[CUT_N], extent[CUT_N]);
  why_slice_along(&slice[CONV2D_X], 1, top, rows);
  if (g.groups > 1)
    why_slice_along(&slice[CONV2D_X], 3, first[CUT_K] / g.group_k * g.group_c, channels);
  why_slice_along(&slice[CONV2D_WEIGHT], 0, first[CUT_K], extent[CUT_K]);
  why_slice_along(&slice[CONV2D_Y], 0, first[CUT_N], extent[CUT_N]);
  if (!all_rows) why_slice_along(&slice[CONV2D_Y], 1, first[CUT_ROWS], extent[CUT_ROWS]);
  why_slice_along(&slice[CONV2D_Y], 3, first[CUT_K], extent[CUT_K]);
}

// The rows of x that the parts read: those between two parts more than once, or not at all. Only
// the first and the last parts read less than the others: they reach into the padding.
static double slice_bytes(const struct why_problem *problem, const int64_t *extent, int operand) {
  struct conv2d_view g = conv2d_view(problem);
  int64_t part = extent[CUT_ROWS], filter = (g.r - 1) * g.dilation_h + 1;
  if (operand != CONV2D_X || problem->value[CONV2D_WIDE_PAD] || part >= g.p) return 0;
  int64_t count = (g.p - 1) / part + 1, step = part * g.stride_h;
  int64_t reads = (part - 1) * g.stride_h + filter; // of a part that lies inside
  int64_t first = least(count - 1, (g.pad_top + step - 1) / step);
  int64_t inside = g.h + g.pad_top < reads ? 0 : (g.h + g.pad_top - reads) / step + 1;
  int64_t last = least(count - 1, inside > first ? inside : first); // [first, last) lie inside
  double rows = (double)(last - first) * (double)reads;
  for (int64_t i = first > 0 ? 0 : last; i < count; i = i + 1 == first ? last : i + 1) {
    int64_t begin = i * step - g.pad_top;
    int64_t end = begin + (least(part, g.p - i * part) - 1) * g.stride_h + filter;
    rows += (double)(least(end, g.h) - (begin > 0 ? begin : 0));
  }
  return rows * (double)g.n * (double)g.w * (double)g.c * (double)why_type_bytes(problem->type);
}

// Every input once; and as for a product with m = n p q, n = k and the sum over c r s, where one
// element of x serves up to r s / (stride_h stride_w) windows (Demmel and Dinh 2018,
// "Communication-Optimal Convolutional Neural Nets").
static double least_copied(const struct why_problem *problem, double device_bytes) {
  struct conv2d_view g = conv2d_view(problem);
  double element = (double)why_type_bytes(problem->type);
  // Of x, the rows that a filter touches: fewer where the stride passes over some.
  double rows = fmin((double)g.h, (double)g.p * (double)g.r) / (double)g.h;
  double x = (double)g.n * (double)g.h * (double)g.w * (double)g.c * rows;
  double once = element * (x + (double)g.k * (double)g.r * (double)g.s * (double)g.group_c);
  double reuse = fmax(1, (double)(g.r * g.s) / (double)(g.stride_h * g.stride_w));
  double side = sqrt(0.8 * device_bytes / sizeof(float));
  return fmax(once, flops(problem) * element / (side * sqrt(reuse)));
}

// ---- for predictions ---------------------------------------------------------------------------

static bool gathers(const struct conv2d_view *g) {
  return g->r > 1 || g->s > 1 || g->stride_h > 1 || g->stride_w > 1;
}

enum { LOOP_GROUPS, LOOP_GATHERED, LOOP_RUNS };

// Groups of each image; elements of x that are put together as windows; and the runs that lie side
// by side in x: along a row of windows, or over the channels, a filter's row of them where its
// columns are neighbours.
static double loops(const struct why_problem *p, int loop) {
  struct conv2d_view g = conv2d_view(p);
  double windows = (double)g.n * (double)g.p * (double)g.q, taps = (double)g.r * (double)g.s;
  if (loop == LOOP_GROUPS) return (double)g.n * (double)g.groups;
  if (!gathers(&g)) return 0;
  if (loop == LOOP_GATHERED) return windows * taps * (double)g.c;
  if (g.layout == CONV2D_NCHW) return (double)g.n * (double)g.p * (double)g.c * taps;
  return windows * (g.groups == 1 && g.dilation_w == 1 ? (double)g.r : taps * (double)g.groups);
}

// Filters of one element leave nothing to gather, but where they step over x; layouts are read, and
// tiny ones run, by code of their own.
static const char *form(const struct why_problem *p) {
  static const char *const windows[2][2] = {{"windows", "windows, nhwc"},
                                            {"tiny windows", "tiny windows, nhwc"}};
  static const char *const points[2][2] = {{"1x1", "1x1, nhwc"}, {"tiny 1x1", "tiny 1x1"}};
  static const char *const steps[2] = {"1x1 strided", "tiny 1x1 strided"};
  struct conv2d_view g = conv2d_view(p);
  bool tiny = flops(p) <= 1e6, nhwc = g.layout == CONV2D_NHWC;
  if (p->value[CONV2D_WIDE_PAD]) return "wide pad"; // many windows hold nothing
  if (!gathers(&g)) return points[tiny][nhwc];
  return g.r > 1 || g.s > 1 ? windows[tiny][nhwc] : steps[tiny];
}

const struct why_op why_op_conv2d = {
    .name = "conv2d",
    .help = "y(n,p,q,k) = sum over r, s, c of x(n,p+r,q+s,c) w(k,r,s,c): forward convolution",
    .param = params,
    .params = sizeof params / sizeof *params,
    .operands = 3,
    .types = 1 << WHY_F32 | 1 << WHY_F16 | 1 << WHY_BF16,
    .operand = {"x", "w", "y"},
    .role = role,
    .shape = shape,
    .refuse = refuse,
    .flops = flops,
    .bytes = bytes,
    .reference = reference,
    .tolerance = tolerance,
    .project = project,
    .cut = cuts,
    .cuts = sizeof cuts / sizeof *cuts,
    .order = orders,
    .orders = sizeof orders / sizeof *orders,
    .extent = extent,
    .step = step,
    .sliced = sliced,
    .part = part,
    .slice_bytes = slice_bytes,
    .least_copied = least_copied,
    .loop = {"groups", "elements gathered", "runs gathered"},
    .loops = loops,
    .form = form,
};
