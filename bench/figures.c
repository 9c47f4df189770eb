#include "figures.h"
#include "ceilings.h"
#include "clock.h"
#include "operands.h"
#include "program.h"
#include <stdlib.h>
#include <string.h>

enum { BATCHES = 5, LAUNCHES = 20 };

static int rising(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Seconds of one launch: the median of batches, after one to warm up.
static enum why_reason launch_seconds(struct why_job *job, double *seconds) {
  double batch[BATCHES];
  enum why_reason reason = WHY_OK;
  for (int i = -1; i < BATCHES && !reason; i++) {
    double begin = seconds_now();
    for (int n = 0; n < LAUNCHES && !reason; n++) reason = why_launch(job);
    if (!reason) reason = why_wait(job);
    if (i >= 0) batch[i] = (seconds_now() - begin) / LAUNCHES;
  }
  if (reason) return reason;
  qsort(batch, BATCHES, sizeof *batch, rising);
  *seconds = batch[BATCHES / 2];
  return WHY_OK;
}

// The candidate on this device that could run and is taken to be the fastest; -1: none can.
static int best_candidate(const struct why_decision *d, int device) {
  int best = -1;
  for (int i = 0; i < d->candidates; i++) {
    const struct why_candidate *c = &d->candidate[i];
    if (!why_could_run(c->verdict.reason) || c->device != device) continue;
    if (best < 0 || c->kernel->efficiency > d->candidate[best].kernel->efficiency) best = i;
  }
  return best;
}

// Operations a second of a large square product of this type; left alone where no kernel can.
static enum why_reason measure_product(struct why_machine *machine, int device, enum why_type type,
                                       double *flops) {
  char text[96];
  struct why_error error;
  struct why_request request;
  struct why_decision decision = {0};
  struct why_job *job = NULL;
  struct operands data = {0};
  // Large enough that launching and the last wave of blocks do not show, small enough for the host.
  int size = type == WHY_F64 || type == WHY_F32 ? 4096 : 8192;
  snprintf(text, sizeof text, "gemm m=%d n=%d k=%d type=%s", size, size, size, why_type_name(type));
  struct why_problem problem;
  enum why_reason reason = why_problem_parse(text, &problem, &error);
  why_request_default(&problem, &request);
  request.policy = WHY_GPU_ONLY;
  if (!reason) reason = why_consult(machine, &request);
  if (!reason) reason = why_decide(machine, &request, &decision);
  int candidate = reason ? -1 : best_candidate(&decision, device);
  double seconds = 0;
  if (candidate >= 0) {
    reason = operands_make(&problem, 1, 0, &data);
    if (!reason) reason = why_prepare(machine, &decision, candidate, &job);
    if (!reason) reason = why_upload(job, data.tensor);
    if (!reason) reason = launch_seconds(job, &seconds);
    if (!reason) *flops = problem.op->flops(&problem) / seconds;
    why_release(job);
    operands_free(&data);
  }
  why_decision_free(&decision);
  return reason;
}

static enum why_reason measure_device(struct why_machine *machine, int index) {
  struct why_facts figures = *why_machine_device(machine, index);
  enum why_reason reason = ceilings_device(why_machine_live(machine, index), &figures);
  for (int i = 0; i < WHY_TYPE_COUNT && !reason && !interrupted(); i++) {
    enum why_type type = (enum why_type)i;
    reason = measure_product(machine, index, type, &figures.flops[why_math_of(type)]);
  }
  if (!reason) why_machine_figures(machine, index, &figures);
  return reason;
}

enum why_reason figures_measure(struct why_machine *machine) {
  struct why_facts host = *why_machine_device(machine, 0);
  enum why_reason reason = ceilings_host(host.multiprocessors, &host);
  if (!reason) why_machine_figures(machine, 0, &host);
  for (int i = 1; i < why_machine_devices(machine) && !reason && !interrupted(); i++)
    if (!why_machine_device(machine, i)->emulated) reason = measure_device(machine, i);
  return reason;
}
