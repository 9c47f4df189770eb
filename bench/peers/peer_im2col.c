// conv2d through whycpu's public interface (openblas:im2col) against the same written out by hand
// around cblas_sgemm: windows gathered a tile at a time over the whole sum, on one thread, and
// multiplied by OpenBLAS on all of them. f32, the same operands in place, filters of 3 x 3 as
// ResNet has them. b / a above 1: ours is faster.
#include "compare.h"
#include "ops/im2col.h"
#include "whycpu.h"
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct direct {
  struct conv2d_view g;
  int64_t windows; // of a tile: as many as ours takes
  int threads;
  const float *x, *w;
  float *y, *col;
};

// col(c r s, windows) of one image; the borders apart, so that the rest is a copy.
static void gather_nchw(const struct direct *d, int64_t n, int64_t first, int64_t count) {
  const struct conv2d_view *g = &d->g;
  float *to = d->col;
  for (int64_t c = 0; c < g->c; c++)
    for (int64_t r = 0; r < g->r; r++)
      for (int64_t s = 0; s < g->s; s++)
        for (int64_t i = first; i < first + count;) {
          const int64_t p = i / g->q, h = p + r - g->pad_top;
          int64_t q = i % g->q;
          const int64_t end = q + first + count - i < g->q ? q + first + count - i : g->q;
          i += end - q;
          const int64_t from = q + s < g->pad_left ? g->pad_left - s : q;
          const int64_t until = end + s - g->pad_left > g->w ? g->w + g->pad_left - s : end;
          if (h < 0 || h >= g->h) {
            for (; q < end; q++) *to++ = 0;
            continue;
          }
          for (; q < from; q++) *to++ = 0;
          const float *x = d->x + ((n * g->c + c) * g->h + h) * g->w + s - g->pad_left;
          for (; q < until; q++) *to++ = x[q];
          for (; q < end; q++) *to++ = 0;
        }
}

// col(windows, r s c)
static void gather_nhwc(const struct direct *d, int64_t first, int64_t count) {
  const struct conv2d_view *g = &d->g;
  float *to = d->col;
  for (int64_t i = first; i < first + count; i++)
    for (int64_t r = 0; r < g->r; r++)
      for (int64_t s = 0; s < g->s; s++) {
        const int64_t h = i / g->q % g->p + r - g->pad_top, w = i % g->q + s - g->pad_left;
        if (h < 0 || h >= g->h || w < 0 || w >= g->w)
          memset(to, 0, (size_t)g->c * sizeof *to);
        else
          memcpy(to, d->x + (((i / g->q / g->p) * g->h + h) * g->w + w) * g->c,
                 (size_t)g->c * sizeof *to);
        to += g->c;
      }
}

static void run_direct(void *arg) {
  const struct direct *d = arg;
  const struct conv2d_view *g = &d->g;
  const int64_t image = g->p * g->q, sum = g->c * g->r * g->s;
  openblas_set_num_threads(d->threads);
  if (g->layout == CONV2D_NHWC) {
    for (int64_t at = 0; at < g->n * image; at += d->windows) {
      const int64_t count = im2col_least(d->windows, g->n * image - at);
      gather_nhwc(d, at, count);
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)count, (blasint)g->k,
                  (blasint)sum, 1, d->col, (blasint)sum, d->w, (blasint)sum, 0, d->y + at * g->k,
                  (blasint)g->k);
    }
    return;
  }
  for (int64_t n = 0; n < g->n; n++)
    for (int64_t at = 0; at < image; at += d->windows) {
      const int64_t count = im2col_least(d->windows, image - at);
      gather_nchw(d, n, at, count);
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)g->k, (blasint)count,
                  (blasint)sum, 1, d->w, (blasint)sum, d->col, (blasint)count, 0,
                  d->y + n * g->k * image + at, (blasint)image);
    }
}

static void run_job(void *arg) {
  if (why_launch(arg) != WHY_OK) exit(3);
}

static void require(int right, const char *what) {
  if (right) return;
  fprintf(stderr, "peer_im2col: %s\n", what);
  exit(3);
}

static float *random_floats(int64_t count, unsigned seed) {
  float *out = aligned_alloc(64, ((size_t)count * sizeof *out + 63) / 64 * 64);
  require(out != NULL, "out of memory");
  fill_random(out, (long)count, seed);
  return out;
}

// Ours and theirs of the same operands, so that neither is timed on a wrong result: each adds
// `sum` products of numbers below 1.
static void require_same(const float *a, const float *b, int64_t count, int64_t sum) {
  for (int64_t i = 0; i < count; i++) {
    const float difference = a[i] - b[i], most = (float)sum * 1e-6f;
    require(difference <= most && difference >= -most, "the two results differ");
  }
}

static struct comparison measure(struct why_machine *machine, const char *text, int threads,
                                 int rounds, double *flops) {
  struct why_problem problem;
  struct why_error error;
  struct why_request request;
  struct why_decision decision = {0};
  struct why_job *job;
  struct why_tensor operand[3];
  float *data[3];
  require(why_problem_parse(text, &problem, &error) == WHY_OK, error.text);
  *flops = problem.op->flops(&problem);
  for (int i = 0; i < 3; i++) {
    problem.op->shape(&problem, i, &operand[i]);
    operand[i].data = data[i] = random_floats(why_tensor_elements(&operand[i]), (unsigned)i);
  }
  why_request_default(&problem, &request);
  strcpy(request.kernel, "openblas:im2col");
  request.threads = threads;
  require(why_consult(machine, &request) == WHY_OK, "why_consult");
  require(why_decide(machine, &request, &decision) == WHY_OK && decision.chosen >= 0,
          "openblas:im2col cannot run");
  require(why_prepare(machine, &decision, decision.chosen, &job) == WHY_OK, "why_prepare");
  require(why_upload(job, operand) == WHY_OK, "why_upload");

  struct direct direct = {.g = conv2d_view(&problem), .threads = threads};
  const struct im2col tile = im2col(&direct.g, problem.type);
  direct.windows = tile.windows;
  direct.x = data[0], direct.w = data[1];
  direct.y = random_floats(why_tensor_elements(&operand[2]), 3);
  direct.col = random_floats(tile.windows * tile.sum, 4);
  run_job(job);
  run_direct(&direct);
  require_same(data[2], direct.y, why_tensor_elements(&operand[2]), tile.sum);

  const struct side ours = {"job", run_job, job}, theirs = {"by hand", run_direct, &direct};
  const struct comparison result = compare(&ours, &theirs, rounds, 1);
  require(why_wait(job) == WHY_OK && why_download(job, operand) == WHY_OK, "why_download");
  why_release(job);
  why_decision_free(&decision);
  free(direct.col);
  free(direct.y);
  for (int i = 0; i < 3; i++) free(data[i]);
  return result;
}

int main(void) {
  static const struct {
    const char *name;
    int channels, side;
  } shapes[] = {{"res2", 64, 56}, {"res3", 128, 28}, {"res4", 256, 14}, {"res5", 512, 7}};
  const struct why_options options = {.library_dir = WHY_PEER_PLUGINS};
  struct why_machine *machine;
  require(why_open(&options, &machine) == WHY_OK, "why_open");
  printf("conv2d f32 n=8 3x3, a job of whycpu (a) against im2col by hand (b): %s\n",
         openblas_get_config());
  puts("threads  layout  shape  a GFLOP/s  b GFLOP/s  b/a [quartiles]         best   a/a "
       "[quartiles]");
  const int all = cpus_allowed();
  for (int threads = 1; threads <= all; threads = threads < all ? all : all + 1)
    for (int nhwc = 0; nhwc < 2; nhwc++)
      for (int i = 0; i < 4; i++) {
        char text[160];
        double flops;
        const char *layout = nhwc ? "nhwc" : "nchw";
        snprintf(text, sizeof text,
                 "conv2d n=8 c=%d h=%d w=%d k=%d r=3 s=3 pad_h=1 pad_w=1 "
                 "layout=%s",
                 shapes[i].channels, shapes[i].side, shapes[i].side, shapes[i].channels, layout);
        const struct comparison c = measure(machine, text, threads, 21, &flops);
        printf("%-8d %-7s %-6s %-10.1f %-10.1f %.3f [%.3f, %.3f]    %-6.3f %.3f [%.3f, %.3f]\n",
               threads, layout, shapes[i].name, flops / c.a_seconds / 1e9,
               flops / c.b_seconds / 1e9, c.ratio, c.ratio_low, c.ratio_high, c.best_ratio,
               c.control, c.control_low, c.control_high);
      }
  why_close(machine);
  return 0;
}
