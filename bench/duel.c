// Two jobs side by side. See duel.h.
#include "duel.h"
#include "clock.h"
#include "program.h"
#include <math.h>
#include <string.h>

static const double least_sample_seconds = 20e-6; // as in measure.c
enum { TRIALS = 3, WARM_UP = 5 };
static const double trial_seconds = 0.1;
// A candidate predicted to take so many times as long as the fastest is not tried.
static const double hopeless = 4;

// ---- who may run --------------------------------------------------------------------------------

static bool takes(const struct side *side, const struct why_candidate *c) {
  return side_takes(side, c->kernel->backend, c->kernel->name, !why_kernel_on_host(c->kernel));
}

static bool could_run(const struct side *side, const struct why_candidate *c) {
  return takes(side, c) && why_could_run(c->verdict.reason);
}

enum why_reason duel_decide(struct why_machine *machine, const struct why_request *request,
                            const struct side *side, struct duelist *d) {
  enum why_reason reason = why_consult(machine, request);
  if (!reason) reason = why_decide(machine, request, &d->decision);
  if (reason) return reason;
  d->candidate = duel_predicted(d, side);
  d->verdict = (struct why_verdict){.reason = WHY_OP_UNKNOWN, .note = "", .cause = ""};
  for (int i = 0; i < d->decision.candidates; i++) {
    const struct why_candidate *c = &d->decision.candidate[i];
    if (takes(side, c) && c->verdict.reason > d->verdict.reason) d->verdict = c->verdict;
  }
  return WHY_OK;
}

int duel_predicted(const struct duelist *d, const struct side *side) {
  int best = -1;
  for (int i = 0; i < d->decision.candidates; i++) {
    const struct why_candidate *c = &d->decision.candidate[i];
    if (!could_run(side, c)) continue;
    if (best < 0 || isnan(d->decision.candidate[best].seconds) ||
        c->seconds < d->decision.candidate[best].seconds)
      best = i;
  }
  return best;
}

// ---- running ------------------------------------------------------------------------------------

static void reset(struct duel *duel, enum why_role role) {
  const struct why_problem *p = duel->problem;
  struct measured_data *data = &duel->data;
  for (int i = 0; i < data->after.count; i++)
    if ((p->op->role(p, i) & role) == role)
      memcpy(data->after.block[i], data->before.block[i], data->before.block_bytes[i]);
}

// On the host operands are used in place and handed over once, as in measure.c.
static enum why_reason round_trip(struct duel *duel, struct duelist *d, int64_t launches) {
  enum why_reason reason = WHY_OK;
  if (!d->host || !d->uploaded) reason = why_upload(d->job, duel->data.after.tensor);
  d->uploaded = true;
  if (!reason) reason = why_launches(d->job, launches);
  if (!reason) reason = why_wait(d->job);
  return reason ? reason : why_download(d->job, duel->data.after.tensor);
}

static enum why_reason request_once(struct duel *duel, struct duelist *d) {
  const struct why_request *request = &d->decision.request;
  bool always = request->transfer == WHY_ALWAYS;
  enum why_reason reason = WHY_OK;
  for (int64_t i = 0; i < (always ? request->iterations : 1) && !reason; i++)
    reason = round_trip(duel, d, always ? 1 : request->iterations);
  return reason;
}

static enum why_reason sample(struct duel *duel, struct duelist *d, double *seconds) {
  enum why_reason reason = WHY_OK;
  reset(duel, WHY_INOUT); // so that sums over many calls stay in range
  double start = seconds_now();
  for (int64_t i = 0; i < d->batch && !reason; i++) reason = request_once(duel, d);
  *seconds = (seconds_now() - start) / (double)d->batch;
  return reason;
}

static enum why_reason prepare(struct duel *duel, struct duelist *d, int candidate) {
  const struct why_candidate *c = &d->decision.candidate[candidate];
  d->host = c->plan == WHY_ON_HOST;
  d->uploaded = false;
  d->candidate = candidate;
  d->batch = 1;
  return why_prepare(duel->machine, &d->decision, candidate, &d->job);
}

static void release(struct duelist *d) {
  why_release(d->job);
  d->job = NULL;
}

// The fastest of some requests after a first one, which warms up.
static enum why_reason fastest_of(struct duel *duel, struct duelist *d, int most, double *seconds) {
  double took, spent = 0;
  *seconds = INFINITY;
  for (int i = 0; i <= most && (i < 2 || spent < trial_seconds); i++) {
    enum why_reason reason = sample(duel, d, &took);
    if (reason) return reason;
    spent += took;
    if (i) *seconds = fmin(*seconds, took);
  }
  return WHY_OK;
}

// ---- the best of a side -------------------------------------------------------------------------

static bool is_worth_a_trial(const struct duelist *d, const struct side *side, int i,
                             int predicted) {
  const struct why_candidate *c = &d->decision.candidate[i];
  return could_run(side, c) && !(c->seconds > hopeless * d->decision.candidate[predicted].seconds);
}

static enum why_reason choose(struct duel *duel, struct duelist *d, const struct side *side,
                              int *chosen) {
  int predicted = duel_predicted(d, side), worth = 0;
  double best = INFINITY, seconds;
  if (predicted < 0) return d->verdict.reason;
  for (int i = 0; i < d->decision.candidates; i++) worth += is_worth_a_trial(d, side, i, predicted);
  *chosen = worth == 1 ? predicted : -1;
  for (int i = 0; i < d->decision.candidates && worth > 1 && !interrupted(); i++) {
    const struct why_candidate *c = &d->decision.candidate[i];
    if (!is_worth_a_trial(d, side, i, predicted)) continue;
    enum why_reason reason = prepare(duel, d, i);
    if (!reason) reason = fastest_of(duel, d, TRIALS, &seconds);
    release(d);
    if (reason) {
      d->verdict = c->verdict;
      continue;
    }
    if (seconds < best) best = seconds, *chosen = i;
  }
  return *chosen < 0 ? d->verdict.reason : WHY_OK;
}

static enum why_reason check(struct duel *duel, struct duelist *d) {
  struct why_check found;
  reset(duel, WHY_OUT);
  enum why_reason reason = round_trip(duel, d, 1);
  if (!reason)
    reason = why_check(duel->problem, duel->data.before.tensor, duel->data.after.tensor, &found);
  if (reason == WHY_WRONG) d->decision.candidate[d->candidate].verdict.reason = reason;
  return reason;
}

static enum why_reason make_ready(struct duel *duel, struct duelist *d, int chosen) {
  double once;
  enum why_reason reason = prepare(duel, d, chosen);
  if (!reason) reason = check(duel, d);
  if (!reason) reason = fastest_of(duel, d, WARM_UP, &once);
  if (!reason && once < least_sample_seconds)
    d->batch = (int64_t)ceil(least_sample_seconds / fmax(once, 1e-9));
  if (reason) d->verdict = d->decision.candidate[chosen].verdict;
  return reason;
}

enum why_reason duel_open(struct duel *duel, const struct side *side[2], uint64_t seed,
                          int chosen[2]) {
  duel->problem = &duel->side[0].decision.request.problem;
  duel->open = true;
  enum why_reason reason = measured_data_make(duel->problem, seed, &duel->data);
  if (reason)
    duel->side[0].verdict = (struct why_verdict){reason, 0, 0, "operands in host memory", ""};
  else
    reset(duel, WHY_OUT);
  for (int i = 0; i < 2 && !reason; i++)
    if (chosen[i] < 0) reason = choose(duel, &duel->side[i], side[i], &chosen[i]);
  for (int i = 0; i < 2 && !reason; i++) reason = make_ready(duel, &duel->side[i], chosen[i]);
  return reason;
}

enum why_reason duel_sample(struct duel *duel, double deadline, int *pairs, double *a, double *b) {
  enum why_reason reason = WHY_OK;
  int wanted = *pairs;
  *pairs = 0;
  for (int i = 0; i < wanted && !reason && !interrupted() && seconds_now() < deadline; i++) {
    for (int k = 0; k < 2 && !reason; k++) {
      int which = (i + k) % 2;
      reason = sample(duel, &duel->side[which], which ? &b[i] : &a[i]);
      if (reason) {
        struct duelist *d = &duel->side[which];
        d->verdict = d->decision.candidate[d->candidate].verdict;
      }
    }
    if (!reason) (*pairs)++;
  }
  return reason;
}

void duel_close(struct duel *duel) {
  if (!duel->open) return;
  for (int i = 0; i < 2; i++) release(&duel->side[i]);
  measured_data_free(&duel->data);
  duel->open = false;
}

void duel_free(struct duel *duel) {
  duel_close(duel);
  for (int i = 0; i < 2; i++) why_decision_free(&duel->side[i].decision);
}
