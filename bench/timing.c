#include "timing.h"
#include "clock.h"
#include <math.h>
#include <string.h>
#include <time.h>

// `batch` requests. On the host the operands are in place.
static enum why_reason requests(struct timing *t) {
  const struct why_request *r = t->request;
  enum why_reason reason = WHY_OK;
  int64_t rounds = r->transfer == WHY_ALWAYS ? r->iterations : 1, calls = r->iterations / rounds;
  for (int64_t i = 0; i < t->batch * rounds && !reason; i++) {
    if (t->copies) reason = why_upload(t->job, t->operand);
    if (!reason) reason = why_launches(t->job, calls);
    if (!reason) reason = !t->copies ? why_wait(t->job) : why_download(t->job, t->operand);
  }
  return reason;
}

static double timed(struct timing *t) {
  double start = seconds_now();
  if (requests(t)) {
    timing_close(t);
    return NAN;
  }
  return seconds_now() - start;
}

int timing_open(struct why_machine *machine, struct why_decision *decision, int candidate,
                const struct why_tensor *operand, double least, int copies, struct timing *t) {
  const struct why_candidate *c = &decision->candidate[candidate];
  *t = (struct timing){.candidate = candidate,
                       .batch = 1,
                       .request = &decision->request,
                       .operand = operand,
                       .copies = copies && c->plan != WHY_ON_HOST};
  if (why_prepare(machine, decision, candidate, &t->job)) return 0;
  if (why_upload(t->job, operand)) {
    timing_close(t);
    return 0;
  }
  (void)timed(t); // the first call: pages, caches, plans, and a library's workers
  if (t->job) (void)why_pin(decision->request.threads); // the new ones too
  for (int i = 0; i < 40 && t->job; i++) {
    double took = timed(t);
    if (!(took < least)) {
      if (t->job) t->sample[t->samples++] = took / (double)t->batch;
      break;
    }
    t->batch =
        took > least / 100 ? (int64_t)ceil(1.2 * least / took * (double)t->batch) : 10 * t->batch;
  }
  return t->job != NULL;
}

// What ran before has left its own operands in the caches, and its workers awake: a sample of many
// calls is preceded by one that is not timed.
void timing_sample(struct timing *t) {
  if (!t->job || t->samples == TIMING_SAMPLES) return;
  int64_t batch = t->batch;
  t->batch = 1;
  if (batch > 1) (void)timed(t);
  t->batch = batch;
  if (!t->job) return;
  double took = timed(t);
  if (t->job) t->sample[t->samples++] = took / (double)t->batch;
}

double timing_fastest(const struct timing *t) {
  double fastest = NAN;
  for (int i = 0; i < t->samples; i++) fastest = fmin(fastest, t->sample[i]);
  return fastest;
}

void timing_rest(void) {
  const struct timespec while_workers_fall_asleep = {.tv_nsec = 1000000};
  nanosleep(&while_workers_fall_asleep, NULL);
}

void timing_close(struct timing *t) {
  why_release(t->job);
  t->job = NULL;
}
