// conv2d im2col: y = filters x windows, each tile of windows gathered into a small matrix that
// cblas_sgemm multiplies; host/ops/im2col.h says how it is cut. Tiles are independent: each thread
// takes one after the other and does both gathering and product, OpenBLAS being told to use one
// thread, so that only one pool of threads ever works; or, with large filters, one thread gathers
// and OpenBLAS's multiply. 16-bit operands are converted to f32 on the way. Leaves out Winograd and
// FFT.
#include "convert_rows.h"
#include "im2col_gather.h"
#include "openblas.h"
#include "ops/im2col.h"
#include "plain_threads.h"
#include <cblas.h>
#include <stdatomic.h>

enum { LEAST = 64 }; // windows, or filters, that still make a product worth a call

struct work {
  struct conv2d_view g;
  struct im2col tile;
  enum why_type type;
  const struct why_tensor *x, *filters, *y;
  float *w; // the filters in f32, packed as they are stored
  char *slices;
  int64_t pieces, blocks; // of the windows of a range, and of the filters of a group
  int64_t units;
  int product_threads;
  _Atomic int64_t next; // first unit that no thread has taken
};

static int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// Cuts finer, along whichever is longer, where the tiles would not keep all threads busy to the
// end.
static void share_out(struct work *w, int threads) {
  const struct im2col *t = &w->tile;
  w->pieces = divide_up(t->span, t->windows);
  w->blocks = divide_up(w->g.group_k, t->filters);
  for (;;) {
    w->units = w->g.groups * t->images * w->pieces * w->blocks;
    if (w->units % threads == 0 || w->units >= 8 * (int64_t)threads) return;
    const int64_t windows = t->span / (w->pieces + 1), filters = w->g.group_k / (w->blocks + 1);
    if (windows < LEAST && filters < LEAST) return;
    if (windows >= filters)
      w->pieces++;
    else
      w->blocks++;
  }
}

// Part `index` of [0, all) cut into `count`, each longer by one at most than another.
static int64_t cut(int64_t all, int64_t count, int64_t index) {
  return all / count * index + im2col_least(all % count, index);
}

// Of a piece of a range of windows.
static int64_t first_window(const struct work *w, int64_t piece) {
  const int64_t lines = divide_up(w->tile.span, IM2COL_LINE);
  return im2col_least(w->tile.span, IM2COL_LINE * cut(lines, w->pieces, piece));
}

// c(m,n) = a(m,k) b(k,n), or b(n,k) transposed, or added to c.
static void multiply(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                     CBLAS_TRANSPOSE turned, const float *b, int64_t ldb, bool add, float *c,
                     int64_t ldc) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, turned, (blasint)m, (blasint)n, (blasint)k, 1, a,
              (blasint)lda, b, (blasint)ldb, add ? 1 : 0, c, (blasint)ldc);
}

static void run_unit(const struct work *work, int64_t unit, float *slice) {
  const struct conv2d_view *g = &work->g;
  const struct im2col *t = &work->tile;
  const bool nchw = g->layout == CONV2D_NCHW;
  const int64_t piece = unit % work->pieces, block = unit / work->pieces % work->blocks;
  const int64_t image = unit / work->pieces / work->blocks % t->images;
  const int64_t group = unit / work->pieces / work->blocks / t->images;
  const int64_t at = first_window(work, piece), windows = first_window(work, piece + 1) - at;
  const int64_t in_group = cut(g->group_k, work->blocks, block);
  const int64_t filters = cut(g->group_k, work->blocks, block + 1) - in_group;
  const int64_t filter = group * g->group_k + in_group;
  struct im2col_part part = {group, image * t->span + at, windows};

  float *product;
  int64_t ldc = nchw ? windows : filters;
  if (t->scratch) {
    product = slice + windows * t->depth;
  } else {
    product = (float *)work->y->data +
              (nchw ? (image * g->k + filter) * t->span + at : part.window * g->k + filter);
    ldc = nchw ? t->span : g->k;
  }
  for (part.first = 0; part.first < t->sum; part.first += t->depth) {
    part.depth = im2col_least(t->depth, t->sum - part.first);
    const float *w = work->w + filter * t->sum + part.first;
    const float *col = slice;
    int64_t ldb = nchw ? windows : part.depth;
    if (t->in_place) {
      const int64_t channel = group * g->group_c;
      col = (const float *)work->x->data +
            (nchw ? (image * g->c + channel) * t->span + at : part.window * g->c + channel);
      ldb = nchw ? t->span : g->c;
    } else {
      im2col_gather(g, work->x, &part, slice);
    }
    if (nchw)
      multiply(filters, windows, part.depth, w, t->sum, CblasNoTrans, col, ldb, part.first > 0,
               product, ldc);
    else
      multiply(windows, filters, part.depth, col, ldb, CblasTrans, w, t->sum, part.first > 0,
               product, ldc);
  }
  if (t->scratch) im2col_scatter(g, work->y, part.window, windows, filter, filters, product);
}

// A thread's share: units until none is left, in slice `first`. `last` is first + 1.
static void run_units(void *arg, int64_t first, int64_t last) {
  struct work *work = arg;
  (void)last;
  // With OpenMP OpenBLAS asks each thread for itself.
  if (openblas_get_parallel() == OPENBLAS_OPENMP) openblas_set_num_threads(work->product_threads);
  float *slice = NULL;
  if (work->tile.slice_bytes > 0)
    slice = (float *)(work->slices + (uint64_t)first * work->tile.slice_bytes);
  for (int64_t unit; (unit = atomic_fetch_add(&work->next, 1)) < work->units;)
    run_unit(work, unit, slice);
}

static void widen_filters(void *arg, int64_t first, int64_t last) {
  struct work *work = arg;
  const int64_t sum = work->tile.sum;
  widen_row(work->type, (const uint16_t *)work->filters->data + first * sum, 1,
            (last - first) * sum, work->w + first * sum);
}

// Filters that no core's cache holds are better read by one product of all threads than by each
// thread's own; the windows are then gathered by one of them.
static bool share_products(const struct work *w) {
  enum { CACHE_BYTES = 2 << 20 };
  const int64_t bytes = w->g.k * w->tile.sum * (int64_t)sizeof(float);
  return w->g.layout == CONV2D_NHWC && w->g.groups == 1 && bytes > CACHE_BYTES;
}

static enum why_reason run(struct why_call *call) {
  struct work work = {.g = conv2d_view(call->problem),
                      .type = call->problem->type,
                      .x = &call->operand[CONV2D_X],
                      .filters = &call->operand[CONV2D_WEIGHT],
                      .y = &call->operand[CONV2D_Y]};
  work.tile = im2col(&work.g, work.type);
  const struct im2col *t = &work.tile;
  if (t->sum > INT32_MAX) return openblas_refuse(call, WHY_LIMIT, "cblas counts in 32 bits");
  const uint64_t need = t->filter_bytes + t->slice_bytes;
  if (need > 0 && (call->workspace == NULL || call->workspace_bytes < need)) {
    call->why->need = (double)need;
    call->why->have = (double)call->workspace_bytes;
    return openblas_refuse(call, WHY_WORKSPACE, "for windows, and 16-bit filters, in f32");
  }
  int threads = call->threads; // as many as there are slices
  if (t->slice_bytes > 0 &&
      (call->workspace_bytes - t->filter_bytes) / t->slice_bytes < (uint64_t)threads)
    threads = (int)((call->workspace_bytes - t->filter_bytes) / t->slice_bytes);
  work.w = t->wide ? call->workspace : work.filters->data;
  if (t->slice_bytes > 0) work.slices = (char *)call->workspace + t->filter_bytes;
  openblas_use_threads(1);
  if (t->wide) why_parallel(threads, work.g.k, widen_filters, &work);
  const int at_once = share_products(&work) ? 1 : threads; // tiles
  work.product_threads = at_once < threads ? threads : 1;
  openblas_use_threads(work.product_threads);
  share_out(&work, at_once);
  why_parallel(at_once, at_once, run_units, &work);
  if (t->wide)
    call->why->note = work.type == WHY_F16 ? "f16 converted to f32" : "bf16 converted to f32";
  return WHY_OK;
}

const struct why_code openblas_conv2d_im2col = {.run = run};
