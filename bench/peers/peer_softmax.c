// Our softmax kernels against oneDNN's, f32, in one run: what a GPU is compared with must not be a
// bad baseline. The kernels are called as a job calls them, through their why_code. Also says how
// far each side is from the values in double.
#include "compare.h"
#include "ops/ops.h"
#include <dnnl.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern const struct why_code plain_softmax_loops, plain_softmax_portable, plain_softmax_avx2,
    plain_softmax_avx512;

enum { ROWS = 4096, COLS = 4096 };

struct onednn {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_memory_desc_t layout;
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t argument[2];
};

static void require(dnnl_status_t status, const char *what) {
  if (status == dnnl_success) return;
  fprintf(stderr, "peer_softmax: %s: oneDNN status %d\n", what, (int)status);
  exit(3);
}

// A primitive keeps the thread count that it was made with, whatever is set later.
static void onednn_threads(struct onednn *peer, int threads) {
  dnnl_softmax_v2_desc_t desc;
  dnnl_primitive_desc_t described;
  omp_set_num_threads(threads);
  require(dnnl_primitive_destroy(peer->primitive), "primitive");
  require(dnnl_softmax_v2_forward_desc_init(&desc, dnnl_forward_inference, dnnl_softmax_accurate,
                                            &peer->layout, &peer->layout, 1),
          "softmax");
  require(dnnl_primitive_desc_create(&described, &desc, NULL, peer->engine, NULL), "description");
  require(dnnl_primitive_create(&peer->primitive, described), "primitive");
  const char *name = "";
  (void)dnnl_primitive_desc_query(described, dnnl_query_impl_info_str, 0, (void *)&name);
  printf("oneDNN %d.%d.%d, %s, threads %d\n", dnnl_version()->major, dnnl_version()->minor,
         dnnl_version()->patch, name, threads);
  require(dnnl_primitive_desc_destroy(described), "description");
}

static void onednn_make(struct onednn *out, float *x, float *y) {
  dnnl_dims_t dims = {ROWS, COLS};
  dnnl_memory_t from, to;
  *out = (struct onednn){0};
  require(dnnl_engine_create(&out->engine, dnnl_cpu, 0), "engine");
  require(dnnl_stream_create(&out->stream, out->engine, dnnl_stream_default_flags), "stream");
  require(dnnl_memory_desc_init_by_tag(&out->layout, 2, dims, dnnl_f32, dnnl_ab), "layout");
  require(dnnl_memory_create(&from, &out->layout, out->engine, x), "memory");
  require(dnnl_memory_create(&to, &out->layout, out->engine, y), "memory");
  out->argument[0] = (dnnl_exec_arg_t){DNNL_ARG_SRC, from};
  out->argument[1] = (dnnl_exec_arg_t){DNNL_ARG_DST, to};
}

static void run_onednn(void *arg) {
  struct onednn *peer = arg;
  require(dnnl_primitive_execute(peer->primitive, peer->stream, 2, peer->argument), "execute");
  require(dnnl_stream_wait(peer->stream), "wait");
}

struct ours {
  const struct why_code *code;
  struct why_call call;
};

static void run_ours(void *arg) {
  struct ours *ours = arg;
  if (ours->code->run(&ours->call) != WHY_OK) exit(3);
}

// Largest relative error against double, over every 64th row.
static double error_of(const float *x, const float *y) {
  double worst = 0;
  for (long row = 0; row < ROWS; row += 64) {
    const float *from = x + row * COLS, *got = y + row * COLS;
    double top = -INFINITY, sum = 0;
    for (long i = 0; i < COLS; i++) top = fmax(top, from[i]);
    for (long i = 0; i < COLS; i++) sum += exp(from[i] - top);
    for (long i = 0; i < COLS; i++) {
      const double value = exp(from[i] - top) / sum;
      worst = fmax(worst, fabs(got[i] - value) / value);
    }
  }
  return worst;
}

int main(void) {
  // libgomp reads it once, when it is loaded; spinning workers would take our cores.
  if (getenv("OMP_WAIT_POLICY") == NULL) {
    char *const again[] = {"peer_softmax", NULL};
    setenv("OMP_WAIT_POLICY", "passive", 1);
    execv("/proc/self/exe", again);
  }
  const size_t bytes = sizeof(float) * ROWS * COLS;
  float *x = aligned_alloc(64, bytes), *y = aligned_alloc(64, bytes);
  if (x == NULL || y == NULL) {
    fputs("peer_softmax: out of memory\n", stderr);
    return 3;
  }
  fill_random(x, (long)ROWS * COLS, 1);
  for (long i = 0; i < (long)ROWS * COLS; i++) x[i] *= 8;
  fill_random(y, (long)ROWS * COLS, 2);

  struct why_problem problem = {.type = WHY_F32, .value = {ROWS, COLS, COLS, COLS}};
  struct why_tensor operand[2] = {{WHY_F32, 2, {ROWS, COLS}, {COLS, 1}, x},
                                  {WHY_F32, 2, {ROWS, COLS}, {COLS, 1}, y}};
  struct why_verdict verdict = {.note = "", .cause = ""};
  struct onednn peer;
  printf("softmax f32 %d x %d, times in ms, b / a above 1: ours is faster\n", ROWS, COLS);
  onednn_make(&peer, x, y);
  onednn_threads(&peer, 1);
  run_onednn(&peer);
  printf("largest relative error against double: oneDNN %.2g", error_of(x, y));

  static const struct {
    const char *name;
    const struct why_code *code;
    const char *needs;
  } kernels[] = {{"loops", &plain_softmax_loops, ""},
                 {"portable", &plain_softmax_portable, ""},
                 {"avx2", &plain_softmax_avx2, "avx2"},
                 {"avx512", &plain_softmax_avx512, "avx512f"}};
  const int count = sizeof kernels / sizeof *kernels;
  int usable[4];
  for (int i = 0; i < count; i++) {
    usable[i] = kernels[i].needs[0] == 0 ||
                (kernels[i].needs[3] == '2' ? __builtin_cpu_supports("avx2")
                                            : __builtin_cpu_supports("avx512f"));
    if (!usable[i]) continue;
    struct ours ours = {kernels[i].code,
                        {.problem = &problem, .operand = operand, .threads = 1, .why = &verdict}};
    run_ours(&ours);
    printf(", %s %.2g", kernels[i].name, error_of(x, y));
  }
  puts("");
  const int all = cpus_allowed();
  puts("threads  a         a ms   GB/s  oneDNN ms  GB/s   b/a [quartiles]       best   a/a "
       "[quartiles]");
  for (int threads = 1; threads <= all; threads = threads < all ? all : all + 1) {
    onednn_threads(&peer, threads);
    for (int i = 0; i < count; i++) {
      if (!usable[i] || (i == 0 && threads > 1)) continue;
      struct ours ours = {
          kernels[i].code,
          {.problem = &problem, .operand = operand, .threads = threads, .why = &verdict}};
      const struct side a = {kernels[i].name, run_ours, &ours}, b = {"oneDNN", run_onednn, &peer};
      const struct comparison c = compare(&a, &b, i == 0 ? 7 : 25, 1);
      const double moved = 2 * (double)bytes / 1e9;
      printf(
          "%-8d %-9s %-6.2f %-5.1f %-10.2f %-6.1f %.2f [%.2f, %.2f]     %-6.2f %.3f [%.3f, %.3f]\n",
          threads, a.name, c.a_seconds * 1e3, moved / c.a_seconds, c.b_seconds * 1e3,
          moved / c.b_seconds, c.ratio, c.ratio_low, c.ratio_high, c.best_ratio, c.control,
          c.control_low, c.control_high);
    }
  }
  free(y);
  free(x);
  return 0;
}
