// Products through jobs, as anybody would run them: a large one tells the rate of the tensor cores,
// or of what computes a type, a product of one element what a launch costs.
#include "figures.h"
#include "clock.h"
#include "operands.h"
#include "program.h"
#include "statistics.h"
#include <stdlib.h>
#include <string.h>

static const double batch_most_seconds = 0.1; // a type that a device hardly has may be slow
enum { BATCHES = 5, LAUNCHES = 20, SMALL_BATCHES = 21, SMALL_LAUNCHES = 200, LATENCIES = 101 };

// Seconds of one launch: the median of batches that each end with a wait, after one to warm up.
static enum why_reason batch_seconds(struct why_job *job, ceilings_clock *now, int batches,
                                     int launches, double *seconds) {
  double batch[LATENCIES];
  enum why_reason reason = WHY_OK;
  for (int i = -1; i < batches && !reason; i++) {
    double begin = now();
    for (int n = 0; n < launches && !reason; n++) reason = why_launch(job);
    if (!reason) reason = why_wait(job);
    if (i >= 0) batch[i] = (now() - begin) / launches;
  }
  if (reason) return reason;
  sort_rising(batch, batches);
  *seconds = batch[batches / 2];
  return WHY_OK;
}

struct product { // a gemm that runs on one device
  struct why_problem problem;
  struct why_decision decision;
  struct operands data;
  struct why_job *job; // NULL: no kernel there can
};

// The candidate on this device that could run and is taken to be the fastest; of the backend that
// brings the device where `own`. -1: none can.
static int best_candidate(const struct why_decision *d, const struct why_facts *device, int index,
                          bool own) {
  int best = -1;
  for (int i = 0; i < d->candidates; i++) {
    const struct why_candidate *c = &d->candidate[i];
    if (!why_could_run(c->verdict.reason) || c->device != index) continue;
    if (own && strcmp(c->kernel->backend, device->backend) != 0) continue;
    if (best < 0 || c->kernel->efficiency > d->candidate[best].kernel->efficiency) best = i;
  }
  return best;
}

static enum why_reason product_open(struct why_machine *machine, int device, int size,
                                    enum why_type type, bool own, struct product *p) {
  char text[96];
  struct why_error error;
  struct why_request request;
  *p = (struct product){.job = NULL};
  snprintf(text, sizeof text, "gemm m=%d n=%d k=%d type=%s", size, size, size, why_type_name(type));
  enum why_reason reason = why_problem_parse(text, &p->problem, &error);
  why_request_default(&p->problem, &request);
  request.policy = WHY_GPU_ONLY;
  if (!reason) reason = why_consult(machine, &request);
  if (!reason) reason = why_decide(machine, &request, &p->decision);
  if (reason) return reason;
  int candidate = best_candidate(&p->decision, why_machine_device(machine, device), device, own);
  if (candidate < 0) return WHY_OK;
  reason = operands_make(&p->problem, 1, 0, &p->data);
  if (!reason) reason = why_prepare(machine, &p->decision, candidate, &p->job);
  if (!reason) reason = why_upload(p->job, p->data.tensor);
  return reason;
}

static void product_close(struct product *p) {
  why_release(p->job);
  operands_free(&p->data);
  why_decision_free(&p->decision);
}

// Operations a second of a large square product of this type.
static enum why_reason measure_product(struct why_machine *machine, int device, enum why_type type,
                                       struct ceilings *out) {
  // Large enough that launching and the last wave of blocks do not show, small enough for the host.
  int size = type == WHY_F64 || type == WHY_F32 ? 4096 : 8192;
  struct product p;
  double seconds = 0;
  enum why_reason reason = product_open(machine, device, size, type, false, &p);
  if (!reason && p.job) {
    reason = batch_seconds(p.job, seconds_now, 1, 1, &seconds);
    int launches =
        LAUNCHES * seconds > batch_most_seconds ? (int)(batch_most_seconds / seconds) : LAUNCHES;
    if (!reason)
      reason = batch_seconds(p.job, seconds_now, BATCHES, launches > 1 ? launches : 1, &seconds);
    char name[48];
    snprintf(name, sizeof name, "product-%s", why_math_name(why_math_of(type)));
    if (!reason) ceilings_add(out, name, "flop/s", 0, p.problem.op->flops(&p.problem) / seconds);
  }
  product_close(&p);
  return reason;
}

enum why_reason figures_launches(struct why_machine *machine, int device, ceilings_clock *now,
                                 struct ceilings *out) {
  struct product p;
  double latency = 0, interval = 0;
  if (why_machine_device(machine, device)->emulated) return WHY_OK;
  enum why_reason reason = product_open(machine, device, 1, WHY_F32, true, &p);
  if (!reason && p.job) {
    reason = batch_seconds(p.job, now, LATENCIES, 1, &latency);
    if (!reason) reason = batch_seconds(p.job, now, SMALL_BATCHES, SMALL_LAUNCHES, &interval);
    if (!reason) {
      ceilings_add(out, "launch-latency", "s", 0, latency);
      ceilings_add(out, "launch-interval", "s", 0, interval);
    }
  }
  product_close(&p);
  return reason;
}

static enum why_reason measure_device(struct why_machine *machine, int index,
                                      enum ceilings_extent extent) {
  struct ceilings found = {.count = 0};
  enum why_reason reason =
      ceilings_device(why_machine_live(machine, index), extent, seconds_now, &found);
  if (!reason && extent == CEILINGS_ALL)
    reason = figures_launches(machine, index, seconds_now, &found);
  for (int i = 0; i < WHY_TYPE_COUNT && !reason && !interrupted(); i++)
    reason = measure_product(machine, index, (enum why_type)i, &found);
  return reason ? reason : ceilings_keep(machine, index, &found);
}

enum why_reason figures_measure(struct why_machine *machine, enum ceilings_extent extent) {
  struct ceilings host = {.count = 0};
  double seconds = extent == CEILINGS_ALL ? 10 : 3;
  enum why_reason reason = ceilings_host(why_machine_device(machine, 0), extent, seconds, &host);
  if (!reason) reason = ceilings_keep(machine, 0, &host);
  for (int i = 1; i < why_machine_devices(machine) && !reason && !interrupted(); i++)
    if (!why_machine_device(machine, i)->emulated) reason = measure_device(machine, i, extent);
  return reason;
}
