// One candidate on the measuring loop: its requests as the sampler's subject, what watches them,
// and the check of the result. What is timed is a whole request by the host's monotonic clock, as
// its user would see it; the parts come from the job's own marks. Leaves out when sampling ends
// (sampler.c) and what is noticed meanwhile (disturbance.c).
#include "measure.h"
#include "program.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Cold requests that follow one another in a batch each have a job and operands of their own, all
// of them flushed before the batch. Requests under 20 us are small: 512 times their operands is
// little memory.
enum { MOST_JOBS = 512 };
// Marks around fewer launches than take so long would time the marks: CUDA events resolve 0.5 us.
static const double least_work_seconds = 20e-6;

struct own { // a job and what it works on
  struct why_job *job;
  struct operands *operands;
  bool uploaded;
  struct operands copy; // that operands point to, but for the first
};

struct session {
  struct why_machine *machine;
  struct why_decision *decision;
  int candidate;
  const struct why_request *request;
  struct measured_data *data;
  bool host, cold;
  struct own *own;
  int owns;
};

enum why_reason measured_data_make(const struct why_problem *p, uint64_t seed,
                                   struct measured_data *data) {
  *data = (struct measured_data){0};
  enum why_reason reason = operands_make(p, seed, 0, &data->before);
  return reason ? reason : operands_copy(&data->before, &data->after);
}

void measured_data_free(struct measured_data *data) {
  operands_free(&data->before);
  operands_free(&data->after);
}

// The originals again, of every operand whose role has these bits: INOUT ones only, or all that
// are written, outputs being NaN at first.
static void reset(const struct session *s, const struct own *own, enum why_role role) {
  const struct why_problem *p = &s->request->problem;
  const struct operands *before = &s->data->before, *after = own->operands;
  for (int i = 0; i < after->count; i++)
    if ((p->op->role(p, i) & role) == role)
      memcpy(after->block[i], before->block[i], before->block_bytes[i]);
}

// On the host operands are used where they lie, and handed over once: what a library makes of its
// weights then is no part of a request, as its plans are not on a GPU.
static enum why_reason upload(const struct session *s, struct own *own) {
  if (s->host && own->uploaded) return WHY_OK;
  own->uploaded = true;
  return why_upload(own->job, own->operands->tensor);
}

static enum why_reason calls(const struct session *s, struct own *own, int64_t launches) {
  enum why_reason reason = upload(s, own);
  if (!reason) reason = why_launches(own->job, launches);
  if (!reason) reason = why_wait(own->job);
  if (!reason) reason = why_download(own->job, own->operands->tensor);
  return reason;
}

// One request. Adds its parts to sum; NAN stays NAN.
static enum why_reason request_once(const struct session *s, struct own *own, double sum[PARTS]) {
  bool always = s->request->transfer == WHY_ALWAYS;
  int64_t rounds = always ? s->request->iterations : 1;
  int64_t launches = always ? 1 : s->request->iterations;
  for (int64_t i = 0; i < rounds; i++) {
    enum why_reason reason = calls(s, own, launches);
    if (reason) return reason;
    if (s->host) continue;
    struct why_times times;
    why_job_times(own->job, &times);
    sum[PART_COPY_IN] += times.copy_in;
    sum[PART_WORK] += times.work;
    sum[PART_COPY_OUT] += times.copy_out;
    sum[PART_IDLE] += times.idle;
  }
  return WHY_OK;
}

// Whatever a request submits as a graph is captured before it is timed: not at the first request,
// whose first launch is a call.
static enum why_reason make_graphs(const struct session *s, struct own *own) {
  double ignored[PARTS] = {0};
  enum why_reason reason = request_once(s, own, ignored);
  return reason ? reason : request_once(s, own, ignored);
}

// ---- the sampler's subject ----------------------------------------------------------------------

static enum why_reason more_jobs(struct session *s, int64_t wanted) {
  struct why_verdict *verdict = &s->decision->candidate[s->candidate].verdict;
  while (s->owns < wanted) {
    struct own *own = &s->own[s->owns];
    own->operands = &own->copy;
    s->owns++;
    enum why_reason reason = operands_copy(&s->data->before, &own->copy);
    if (reason)
      *verdict = (struct why_verdict){reason, 0, 0, "operands for a batch of cold requests", ""};
    else
      reason = why_prepare(s->machine, s->decision, s->candidate, &own->job);
    if (!reason && s->request->submit == WHY_GRAPH) reason = make_graphs(s, own);
    if (reason) return reason;
  }
  return WHY_OK;
}

// INOUT operands as they came, so that sums over many calls stay in range; cold ones out of the
// caches, on the host after they were handed over.
static enum why_reason ready(void *to, int64_t batch) {
  struct session *s = to;
  enum why_reason reason = s->cold ? more_jobs(s, batch) : WHY_OK;
  for (int i = 0; i < s->owns && !reason; i++) {
    struct own *own = &s->own[i];
    reset(s, own, WHY_INOUT);
    if (s->cold && s->host) reason = upload(s, own);
  }
  for (int i = 0; i < s->owns && s->cold && !reason; i++)
    reason = why_evict(s->own[i].job, s->own[i].operands->tensor);
  return reason;
}

static enum why_reason run_batch(void *to, int64_t batch, double sum[PARTS]) {
  struct session *s = to;
  enum why_reason reason = WHY_OK;
  for (int64_t i = 0; i < batch && !reason; i++)
    reason = request_once(s, &s->own[s->cold ? i : 0], sum);
  if (!s->host) return reason;
  sum[PART_WORK] = sum[PART_COPY_IN] = sum[PART_COPY_OUT] = sum[PART_IDLE] = NAN;
  return reason;
}

// Operands in place: it is all work. Launches that a GPU ends within microseconds are timed by as
// many as take long enough, one after the other; cold ones cannot be, for the first warms the rest.
static enum why_reason refine(void *to, double seconds[PARTS]) {
  struct session *s = to;
  struct own *own = &s->own[0];
  if (s->host) seconds[PART_WORK] = seconds[PART_TOTAL];
  double launch = seconds[PART_WORK] / (double)s->request->iterations;
  bool resident = s->decision->candidate[s->candidate].plan == WHY_RESIDENT;
  if (!resident || s->cold || !(launch > 0 && launch < least_work_seconds)) return WHY_OK;
  int64_t launches = (int64_t)ceil(least_work_seconds / launch);
  struct why_times times;
  enum why_reason reason = calls(s, own, launches);
  if (reason) return reason;
  why_job_times(own->job, &times);
  seconds[PART_WORK] = times.work / (double)launches * (double)s->request->iterations;
  return WHY_OK;
}

// A device is there once its backend was opened, which may be after the instruments were.
static void look_for_sensors(struct instruments *use, const struct why_facts *f, int device) {
  if (f->host || use->looked[device]) return;
  use->looked[device] = true;
  use->gpu[device].step_seconds = NAN;
  use->sensors[device] = sensors_open(f->pci);
  if (use->sensors[device]) use->gpu[device] = energy_of_gpu(use->sensors[device], &timer_system);
}

static enum why_reason take_samples(struct session *s, const struct measure_rules *rules,
                                    struct instruments *use, struct measurement *m) {
  struct sampler *sampler = &use->sampler;
  int device = s->decision->candidate[s->candidate].device;
  struct sampled sampled;
  enum why_reason first = s->host ? calls(s, &s->own[0], 1) : WHY_OK;
  if (!s->host && s->request->submit == WHY_GRAPH) first = make_graphs(s, &s->own[0]);
  if (first) return first;
  if (s->host) (void)why_pin(s->request->threads); // the library's workers, if it has made them now
  look_for_sensors(use, why_machine_device(s->machine, device), device);
  sampler->rules = (struct sampler_rules){rules->precision, rules->seconds};
  sampler->subject = (struct subject){s, s->cold ? MOST_JOBS : 0, ready, run_batch, refine};
  sampler->watcher = disturbance_watcher(&use->watch, use->sensors[device]);
  sampler->stopped = interrupted;
  enum why_reason reason = sampler_run(sampler);
  m->interrupted = sampler->given_up;
  if (reason || m->interrupted) return reason;
  sampler_result(sampler, &sampled);
  m->stop = sampler->stop;
  m->samples = sampled.samples;
  m->median = sampled.median;
  m->min = sampled.min;
  m->p95 = sampled.p95;
  m->ci_low = sampled.ci_low;
  m->ci_high = sampled.ci_high;
  m->copy_in = sampled.part[PART_COPY_IN];
  m->work = sampled.part[PART_WORK];
  m->copy_out = sampled.part[PART_COPY_OUT];
  m->idle = sampled.part[PART_IDLE];
  m->disturbed = sampled.disturbed;
  m->on_all = sampled.on_all;
  disturbance_noticed(&use->watch, &m->noticed);
  if (!m->samples) return WHY_OK;
  const struct energy_meter *meter = s->host ? &use->cpu : &use->gpu[device];
  return energy_measure(meter, &sampler->subject, sampler->batch, &sampler->timer, rules->seconds,
                        &m->joules);
}

// ---- checking -----------------------------------------------------------------------------------

static enum why_reason check(struct session *s, struct why_verdict *verdict,
                             struct measurement *m) {
  reset(s, &s->own[0], WHY_OUT);
  enum why_reason reason = calls(s, &s->own[0], 1);
  if (reason) return reason;
  reason =
      why_check(&s->request->problem, s->data->before.tensor, s->data->after.tensor, &m->check);
  const char *note = "";
  int operand;
  if (!reason &&
      !operands_intact(&s->request->problem, &s->data->before, &s->data->after, &operand)) {
    reason = WHY_WRONG;
    note = "it wrote where no output element is";
  }
  if (reason) *verdict = (struct why_verdict){.reason = reason, .note = note, .cause = ""};
  return reason;
}

// ---- all of it ----------------------------------------------------------------------------------

enum why_reason instruments_open(struct instruments *use) {
  *use = (struct instruments){0};
  enum why_reason reason = sampler_open(&use->sampler);
  use->sampler.timer = timer_system;
  disturbance_open(&use->watch, "", &timer_system);
  rapl_open(&use->rapl, "");
  use->cpu = energy_of_cpu(&use->rapl, &timer_system);
  return reason;
}

void instruments_close(struct instruments *use) {
  for (int i = 0; i < INSTRUMENT_DEVICES; i++) sensors_close(use->sensors[i]);
  sampler_close(&use->sampler);
}

static enum why_reason measure(struct session *s, const struct measure_rules *rules,
                               struct instruments *use, struct measurement *m) {
  struct why_candidate *c = &s->decision->candidate[s->candidate];
  struct own *first = &s->own[0];
  s->owns = 1;
  first->operands = &s->data->after;
  reset(s, first, WHY_OUT);
  enum why_reason reason = why_prepare(s->machine, s->decision, s->candidate, &first->job);
  if (!reason && rules->timed) reason = take_samples(s, rules, use, m);
  if (!reason && !m->interrupted) reason = check(s, &c->verdict, m);
  for (int i = 0; i < s->owns; i++) {
    why_release(s->own[i].job);
    operands_free(&s->own[i].copy);
  }
  return reason;
}

enum why_reason measure_candidate(struct why_machine *machine, struct why_decision *decision,
                                  int candidate, struct measured_data *data,
                                  const struct measure_rules *rules, struct measurement *m) {
  struct why_candidate *c = &decision->candidate[candidate];
  struct session s = {.machine = machine,
                      .decision = decision,
                      .candidate = candidate,
                      .request = &decision->request,
                      .data = data,
                      .host = c->plan == WHY_ON_HOST,
                      .cold = decision->request.cache == WHY_COLD};
  struct instruments own = {0}, *use = rules->instruments;
  enum why_reason reason = WHY_OK;
  *m = (struct measurement){.median = NAN,
                            .min = NAN,
                            .p95 = NAN,
                            .ci_low = NAN,
                            .ci_high = NAN,
                            .copy_in = NAN,
                            .work = NAN,
                            .copy_out = NAN,
                            .idle = NAN,
                            .joules = NAN,
                            .stop = ""};
  if (rules->timed && !use) {
    use = &own;
    reason = instruments_open(use);
  }
  s.own = calloc(s.cold ? MOST_JOBS : 1, sizeof *s.own);
  if (!s.own) reason = WHY_ALLOC_FAILED;
  if (reason)
    c->verdict = (struct why_verdict){.reason = reason, .note = "on the host", .cause = ""};
  else
    reason = measure(&s, rules, use, m);
  free(s.own);
  if (use == &own) instruments_close(use);
  return reason;
}
