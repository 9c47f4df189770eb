// gemm through whycpu's public interface against cblas_sgemm called directly, f32, the same
// operands in place: what deciding, preparing and launching through a job cost. b / a above 1: ours
// is faster.
#include "compare.h"
#include "whycpu.h"
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct direct {
  int n;
  const float *a, *b;
  float *c;
};

static void run_direct(void *arg) {
  const struct direct *d = arg;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, d->n, d->n, d->n, 1, d->a, d->n, d->b,
              d->n, 0, d->c, d->n);
}

static void run_job(void *arg) {
  if (why_launch(arg) != WHY_OK) exit(3);
}

static void require(enum why_reason reason, const char *what) {
  if (reason == WHY_OK) return;
  fprintf(stderr, "peer_gemm: %s: %s\n", what, why_sentence(reason));
  exit(3);
}

static struct comparison measure(struct why_machine *machine, int n, int threads, int rounds,
                                 int calls) {
  const size_t elements = (size_t)n * (size_t)n, bytes = (elements * sizeof(float) + 63) / 64 * 64;
  float *a = aligned_alloc(64, bytes), *b = aligned_alloc(64, bytes), *c = aligned_alloc(64, bytes);
  if (a == NULL || b == NULL || c == NULL) require(WHY_ALLOC_FAILED, "operands");
  fill_random(a, (long)elements, 1);
  fill_random(b, (long)elements, 2);
  fill_random(c, (long)elements, 3);

  char text[64];
  struct why_problem problem;
  struct why_error error;
  struct why_request request;
  struct why_decision decision = {0};
  struct why_job *job;
  struct why_tensor operand[3];
  float *const data[] = {a, b, c};
  snprintf(text, sizeof text, "gemm m=%d n=%d k=%d", n, n, n);
  require(why_problem_parse(text, &problem, &error), text);
  why_request_default(&problem, &request);
  strcpy(request.kernel, "openblas:cblas");
  request.threads = threads;
  require(why_consult(machine, &request), "why_consult");
  require(why_decide(machine, &request, &decision), "why_decide");
  if (decision.chosen < 0) require(WHY_BACKEND_ABSENT, "openblas:cblas");
  require(why_prepare(machine, &decision, decision.chosen, &job), "why_prepare");
  for (int i = 0; i < 3; i++) {
    problem.op->shape(&problem, i, &operand[i]);
    operand[i].data = data[i];
  }
  require(why_upload(job, operand), "why_upload");
  require(why_launch(job), "why_launch"); // from here on OpenBLAS has this number of threads

  struct direct direct = {n, a, b, c};
  const struct side ours = {"job", run_job, job}, theirs = {"cblas_sgemm", run_direct, &direct};
  const struct comparison result = compare(&ours, &theirs, rounds, calls);
  require(why_wait(job), "why_wait");
  require(why_download(job, operand), "why_download");
  why_release(job);
  why_decision_free(&decision);
  free(c);
  free(b);
  free(a);
  return result;
}

int main(void) {
  const struct why_options options = {.library_dir = WHY_PEER_PLUGINS};
  struct why_machine *machine;
  require(why_open(&options, &machine), "why_open");
  printf("gemm f32 n x n x n, a job of whycpu (a) against cblas_sgemm (b): %s\n",
         openblas_get_config());
  const int all = cpus_allowed();
  puts("threads  n      a GFLOP/s  b GFLOP/s  b/a [quartiles]         best   a/a [quartiles]");
  for (int threads = 1; threads <= all; threads = threads < all ? all : all + 1)
    for (int n = 64; n <= 2048; n *= 2) {
      const double flops = 2.0 * n * n * n;
      const int calls = flops < 1e8 ? (int)(1e8 / flops) : 1; // some ms a side
      const struct comparison c = measure(machine, n, threads, n > 1024 ? 9 : 31, calls);
      printf("%-8d %-6d %-10.1f %-10.1f %.3f [%.3f, %.3f]    %-6.3f %.3f [%.3f, %.3f]\n", threads,
             n, flops / c.a_seconds / 1e9, flops / c.b_seconds / 1e9, c.ratio, c.ratio_low,
             c.ratio_high, c.best_ratio, c.control, c.control_low, c.control_high);
    }
  puts("what a launch through a job adds, one thread\nn   job ns   direct ns   added ns   "
       "a/a [quartiles]");
  for (int n = 1; n <= 8; n++) {
    const struct comparison c = measure(machine, n, 1, 101, 5000);
    printf("%-3d %-8.1f %-11.1f %-10.1f %.3f [%.3f, %.3f]\n", n, c.a_seconds * 1e9,
           c.b_seconds * 1e9, (c.a_seconds - c.b_seconds) * 1e9, c.control, c.control_low,
           c.control_high);
  }
  why_close(machine);
  return 0;
}
