// conv2d through a job of whycpu (onednn:direct, onednn:winograd) against oneDNN called directly,
// f32, operands in the same places and layouts. Direct calls are made both ways: with x and y as
// they are stored, and in the layouts that oneDNN likes best, reordered in each call; the faster
// one is what the job is compared with. The last column is what oneDNN does where x and y already
// lie as it likes: what the reorders cost. Weights are reordered before in all. b / a above 1: ours
// is faster.
#include "compare.h"
#include "ops/ops.h"
#include "whycpu.h"
#include <dnnl.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPERANDS = 3, MOST_STEPS = 3 };

static void require(enum why_reason reason, const char *what) {
  if (reason == WHY_OK) return;
  fprintf(stderr, "peer_conv2d: %s: %s\n", what, why_sentence(reason));
  exit(3);
}

static void check(dnnl_status_t status, const char *what) {
  if (status == dnnl_success) return;
  fprintf(stderr, "peer_conv2d: %s: oneDNN status %d\n", what, (int)status);
  exit(3);
}

// ---- oneDNN called directly --------------------------------------------------------------------

struct step {
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t argument[OPERANDS];
  int arguments;
};

struct direct {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  struct step step[MOST_STEPS];
  int steps, main; // main: which of them is the convolution
  const char *name;
};

static dnnl_memory_t memory_of(const struct direct *d, const dnnl_memory_desc_t *layout,
                               void *data) {
  dnnl_memory_t memory;
  check(dnnl_memory_create(&memory, layout, d->engine, data), "memory");
  return memory;
}

static struct step reorder(const struct direct *d, dnnl_memory_t from, dnnl_memory_t to) {
  const dnnl_memory_desc_t *have, *want;
  dnnl_primitive_desc_t described;
  struct step step = {.argument = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}, .arguments = 2};
  check(dnnl_memory_get_memory_desc(from, &have), "layout");
  check(dnnl_memory_get_memory_desc(to, &want), "layout");
  check(dnnl_reorder_primitive_desc_create(&described, have, d->engine, want, d->engine, NULL),
        "reorder");
  check(dnnl_primitive_create(&step.primitive, described), "reorder");
  check(dnnl_primitive_desc_destroy(described), "description");
  return step;
}

static void run_step(const struct direct *d, const struct step *step) {
  check(dnnl_primitive_execute(step->primitive, d->stream, step->arguments, step->argument),
        "execute");
}

static void run_direct(void *arg) {
  const struct direct *d = arg;
  for (int i = 0; i < d->steps; i++) run_step(d, &d->step[i]);
  check(dnnl_stream_wait(d->stream), "wait");
}

static void run_main(void *arg) {
  const struct direct *d = arg;
  run_step(d, &d->step[d->main]);
  check(dnnl_stream_wait(d->stream), "wait");
}

// False: oneDNN has not this one.
static int make_direct(const struct why_problem *problem, float *const *data, int winograd, int any,
                       struct direct *out) {
  const struct conv2d_view g = conv2d_view(problem);
  const dnnl_dims_t dims[OPERANDS] = {
      {g.n, g.c, g.h, g.w}, {g.k, g.c, g.r, g.s}, {g.n, g.k, g.p, g.q}};
  const dnnl_dims_t strides = {g.stride_h, g.stride_w}, first = {g.pad_top, g.pad_left},
                    last = {g.pad_bottom, g.pad_right};
  static const int argument[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
  static const dnnl_query_t query[] = {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md};
  dnnl_memory_desc_t stored[OPERANDS], asked[OPERANDS];
  dnnl_memory_t user[OPERANDS], own[OPERANDS];
  dnnl_convolution_desc_t described;
  dnnl_primitive_desc_t primitive;
  *out = (struct direct){0};
  check(dnnl_engine_create(&out->engine, dnnl_cpu, 0), "engine");
  check(dnnl_stream_create(&out->stream, out->engine, dnnl_stream_default_flags), "stream");
  for (int i = 0; i < OPERANDS; i++) {
    const dnnl_format_tag_t tag = g.layout == CONV2D_NHWC ? dnnl_acdb : dnnl_abcd;
    check(dnnl_memory_desc_init_by_tag(&stored[i], 4, dims[i], dnnl_f32, tag), "layout");
    check(dnnl_memory_desc_init_by_tag(&asked[i], 4, dims[i], dnnl_f32,
                                       any || i == 1 ? dnnl_format_tag_any : tag),
          "layout");
  }
  check(dnnl_convolution_forward_desc_init(
            &described, dnnl_forward_inference,
            winograd ? dnnl_convolution_winograd : dnnl_convolution_direct, &asked[0], &asked[1],
            NULL, &asked[2], strides, first, last),
        "convolution");
  if (dnnl_primitive_desc_create(&primitive, &described, NULL, out->engine, NULL)) return 0;
  (void)dnnl_primitive_desc_query(primitive, dnnl_query_impl_info_str, 0, (void *)&out->name);
  struct step main = {.arguments = OPERANDS};
  check(dnnl_primitive_create(&main.primitive, primitive), "convolution");
  for (int i = 0; i < OPERANDS; i++) {
    const dnnl_memory_desc_t *wanted = dnnl_primitive_desc_query_md(primitive, query[i], 0);
    const int moved = !dnnl_memory_desc_equal(wanted, &stored[i]);
    user[i] = memory_of(out, &stored[i], data[i]);
    own[i] = moved ? memory_of(out, wanted, DNNL_MEMORY_ALLOCATE) : user[i];
    main.argument[i] = (dnnl_exec_arg_t){argument[i], own[i]};
    if (i == 0 && moved) out->step[out->steps++] = reorder(out, user[i], own[i]);
    if (i != 1 || !moved) continue;
    const dnnl_dims_t plain_dims = {g.k, g.c, g.r, g.s};
    dnnl_memory_desc_t plain; // the only layout from which weights get to Winograd's
    check(dnnl_memory_desc_init_by_tag(&plain, 4, plain_dims, dnnl_f32, dnnl_abcd), "layout");
    dnnl_memory_t between = memory_of(out, &plain, DNNL_MEMORY_ALLOCATE);
    const struct step there = reorder(out, user[i], between), then = reorder(out, between, own[i]);
    run_step(out, &there);
    run_step(out, &then);
  }
  out->main = out->steps;
  out->step[out->steps++] = main;
  if (own[2] != user[2]) out->step[out->steps++] = reorder(out, own[2], user[2]);
  check(dnnl_primitive_desc_destroy(primitive), "description");
  return 1;
}

// ---- one comparison ----------------------------------------------------------------------------

static void run_job(void *arg) {
  if (why_launch(arg) != WHY_OK) exit(3);
}

static double seconds_of(struct direct *d, void (*run)(void *)) {
  double best = INFINITY;
  for (int i = 0; i < 9; i++) {
    const double start = seconds_now();
    run(d);
    best = fmin(best, seconds_now() - start);
  }
  return best;
}

static void compare_one(struct why_machine *machine, const char *text, int winograd, int threads) {
  struct why_problem problem;
  struct why_error error;
  struct why_request request;
  struct why_decision decision = {0};
  struct why_job *job;
  struct why_tensor operand[OPERANDS];
  float *data[OPERANDS];
  require(why_problem_parse(text, &problem, &error), text);
  for (int i = 0; i < OPERANDS; i++) {
    problem.op->shape(&problem, i, &operand[i]);
    const size_t bytes = (why_tensor_bytes(&operand[i]) + 63) / 64 * 64;
    operand[i].data = data[i] = aligned_alloc(64, bytes);
    if (!data[i]) require(WHY_ALLOC_FAILED, "operands");
    fill_random(data[i], (long)(bytes / sizeof(float)), (unsigned)i + 1);
  }
  why_request_default(&problem, &request);
  strcpy(request.kernel, winograd ? "onednn:winograd" : "onednn:direct");
  request.threads = threads;
  require(why_consult(machine, &request), "why_consult");
  require(why_decide(machine, &request, &decision), "why_decide");
  if (decision.chosen < 0) {
    printf("%-52s %-9s not here\n", text, winograd ? "winograd" : "direct");
    goto out;
  }
  require(why_prepare(machine, &decision, decision.chosen, &job), "why_prepare");
  require(why_upload(job, operand), "why_upload");

  struct direct peer[2], *best = NULL;
  omp_set_num_threads(threads);
  for (int any = 0; any < 2; any++)
    if (make_direct(&problem, data, winograd, any, &peer[any]) &&
        (!best || seconds_of(&peer[any], run_direct) < seconds_of(best, run_direct)))
      best = &peer[any];
  if (!best) require(WHY_LIBRARY, "oneDNN");
  const double flops = problem.op->flops(&problem);
  const struct side ours = {"job", run_job, job}, theirs = {"oneDNN", run_direct, best};
  const struct comparison c = compare(&ours, &theirs, 31, 1);
  printf("%-52s %-9s %-3d %-8.1f %-8.1f %.3f [%.3f, %.3f]  %-6.3f %.3f [%.3f, %.3f]  %-7.1f %s\n",
         text, winograd ? "winograd" : "direct", threads, flops / c.a_seconds / 1e9,
         flops / c.b_seconds / 1e9, c.ratio, c.ratio_low, c.ratio_high, c.best_ratio, c.control,
         c.control_low, c.control_high, flops / seconds_of(&peer[1], run_main) / 1e9, best->name);
  require(why_wait(job), "why_wait");
  require(why_download(job, operand), "why_download");
  why_release(job);
out:
  why_decision_free(&decision);
  for (int i = 0; i < OPERANDS; i++) free(data[i]);
}

int main(void) {
  // libgomp reads it once, when it is loaded; a job's has it from the host library.
  if (getenv("OMP_WAIT_POLICY") == NULL) {
    char *const again[] = {"peer_conv2d", NULL};
    setenv("OMP_WAIT_POLICY", "passive", 1);
    execv("/proc/self/exe", again);
  }
  static const char *const shapes[] = {
      "conv2d n=8 c=64 h=56 w=56 k=64 r=3 s=3 pad_h=1 pad_w=1",
      "conv2d n=8 c=128 h=28 w=28 k=128 r=3 s=3 pad_h=1 pad_w=1",
      "conv2d n=8 c=256 h=14 w=14 k=256 r=3 s=3 pad_h=1 pad_w=1",
      "conv2d n=8 c=512 h=7 w=7 k=512 r=3 s=3 pad_h=1 pad_w=1",
      "conv2d n=8 c=256 h=56 w=56 k=64 r=1 s=1",
  };
  const struct why_options options = {.library_dir = WHY_PEER_PLUGINS};
  struct why_machine *machine;
  require(why_open(&options, &machine), "why_open");
  puts(
      "a: a job of whycpu, b: oneDNN directly, GFLOP/s; own: oneDNN where x and y lie as it likes");
  printf("%-52s %-9s %-3s %-8s %-8s %-24s %-6s %-24s %-7s %s\n", "problem", "kernel", "thr", "a",
         "b", "b/a [quartiles]", "best", "a/a [quartiles]", "own", "b is");
  const int all = cpus_allowed();
  for (int threads = 1; threads <= all; threads = threads < all ? all : all + 1)
    for (int layout = 0; layout < 2; layout++)
      for (int i = 0; i < (int)(sizeof shapes / sizeof *shapes); i++)
        for (int winograd = 0; winograd < (strstr(shapes[i], "r=3") ? 2 : 1); winograd++) {
          char text[96];
          snprintf(text, sizeof text, "%s%s", shapes[i], layout ? " layout=nhwc" : "");
          compare_one(machine, text, winograd, threads);
        }
  why_close(machine);
  return 0;
}
