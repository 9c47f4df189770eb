// The measuring loop. What is timed is a whole request by the host's monotonic clock, as its user
// would see it; the parts come from the job's own marks. Leaves out clocks, power and cold caches.
#include "measure.h"
#include "clock.h"
#include "program.h"
#include "statistics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
  MOST_SAMPLES = 1000,
  LEAST_SAMPLES = 10,
  FEW_SAMPLES = 3, // where one takes more than a quarter of the time there is
  MOST_WARM = 20
};
// A shorter sample would measure the clock: 20 us is 500 times what reading it costs.
static const double least_sample_seconds = 20e-6;

enum part { COPY_IN, WORK, COPY_OUT, IDLE, TOTAL, PARTS };

struct session {
  struct why_job *job;
  const struct why_request *request;
  struct measured_data *data;
  bool host, uploaded;
  double *sorted[PARTS]; // samples in ascending order
  int samples;
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
static void reset(struct session *s, enum why_role role) {
  const struct why_problem *p = &s->request->problem;
  struct measured_data *d = s->data;
  for (int i = 0; i < d->after.count; i++)
    if ((p->op->role(p, i) & role) == role)
      memcpy(d->after.block[i], d->before.block[i], d->before.block_bytes[i]);
}

// On the host operands are used where they lie, and handed over once: what a library makes of its
// weights then is no part of a request, as its plans are not on a GPU.
static enum why_reason calls(struct session *s, int64_t launches) {
  enum why_reason reason = WHY_OK;
  if (!s->host || !s->uploaded) reason = why_upload(s->job, s->data->after.tensor);
  s->uploaded = true;
  for (int64_t i = 0; i < launches && !reason; i++) reason = why_launch(s->job);
  if (!reason) reason = why_wait(s->job);
  if (!reason) reason = why_download(s->job, s->data->after.tensor);
  return reason;
}

// One request. Adds its parts to sum; NAN stays NAN.
static enum why_reason request_once(struct session *s, double *sum) {
  bool always = s->request->transfer == WHY_ALWAYS;
  int64_t rounds = always ? s->request->iterations : 1;
  int64_t launches = always ? 1 : s->request->iterations;
  for (int64_t i = 0; i < rounds; i++) {
    enum why_reason reason = calls(s, launches);
    if (reason) return reason;
    if (s->host) continue;
    struct why_times times;
    why_job_times(s->job, &times);
    sum[COPY_IN] += times.copy_in;
    sum[WORK] += times.work;
    sum[COPY_OUT] += times.copy_out;
    sum[IDLE] += times.idle;
  }
  return WHY_OK;
}

static void insert(double *sorted, int n, double x) {
  int at = n;
  while (at && sorted[at - 1] > x) at--;
  memmove(sorted + at + 1, sorted + at, (size_t)(n - at) * sizeof *sorted);
  sorted[at] = x;
}

// One sample: `batch` requests, and their mean.
static enum why_reason sample(struct session *s, int64_t batch, double *seconds) {
  double sum[PARTS] = {0};
  enum why_reason reason = WHY_OK;
  reset(s, WHY_INOUT); // so that sums over many calls stay in range
  double start = seconds_now();
  for (int64_t i = 0; i < batch && !reason; i++) reason = request_once(s, sum);
  sum[TOTAL] = seconds_now() - start;
  *seconds = sum[TOTAL];
  if (reason) return reason;
  if (s->host) { // operands are used in place: it is all work
    sum[WORK] = sum[TOTAL];
    sum[COPY_IN] = sum[COPY_OUT] = sum[IDLE] = NAN;
  }
  for (int part = 0; part < PARTS; part++)
    insert(s->sorted[part], s->samples, sum[part] / (double)batch);
  s->samples++;
  return WHY_OK;
}

// Until a request is no longer faster than those before it by more than a tenth. *seconds: the
// fastest one.
static enum why_reason warm_up(struct session *s, double most_seconds, double *seconds) {
  double ignored[PARTS] = {0}, spent = 0;
  *seconds = INFINITY;
  for (int i = 0; i < MOST_WARM && !interrupted(); i++) {
    double start = seconds_now();
    enum why_reason reason = request_once(s, ignored);
    double took = seconds_now() - start;
    if (reason) return reason;
    bool steady = i && took > 0.9 * *seconds;
    if (took < *seconds) *seconds = took;
    spent += took;
    if (steady || spent > most_seconds) break;
  }
  return WHY_OK;
}

static void interval(const struct session *s, struct measurement *m) {
  const double *total = s->sorted[TOTAL];
  int rank = median_rank(s->samples);
  m->median = median_of(total, s->samples);
  m->ci_low = rank ? total[rank - 1] : NAN;
  m->ci_high = rank ? total[s->samples - rank] : NAN;
}

static enum why_reason take_samples(struct session *s, const struct measure_rules *rules,
                                    struct measurement *m) {
  double once, spent = 0, took;
  enum why_reason reason = warm_up(s, rules->seconds / 4, &once);
  if (reason) return reason;
  int64_t batch = once < least_sample_seconds ? (int64_t)ceil(least_sample_seconds / once) : 1;
  int least = once > rules->seconds / 4 ? FEW_SAMPLES : LEAST_SAMPLES;
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  while (!*m->stop) {
    if ((m->interrupted = interrupted())) return WHY_OK;
    if ((reason = sample(s, batch, &took))) return reason;
    spent += took;
    interval(s, m);
    bool close = (m->ci_high - m->ci_low) / 2 <= rules->precision * m->median; // false if NAN
    if (s->samples < least) continue;
    if (close)
      m->stop = "precision";
    else if (spent >= rules->seconds)
      m->stop = "time";
    else if (s->samples == MOST_SAMPLES)
      m->stop = "count";
  }
  getrusage(RUSAGE_SELF, &after);
  m->disturbed = after.ru_nivcsw - before.ru_nivcsw;
  m->samples = s->samples;
  m->min = s->sorted[TOTAL][0];
  m->p95 = percentile_of(s->sorted[TOTAL], s->samples, 0.95);
  double *to[] = {&m->copy_in, &m->work, &m->copy_out, &m->idle};
  for (int part = 0; part < TOTAL; part++) *to[part] = median_of(s->sorted[part], s->samples);
  return WHY_OK;
}

static enum why_reason check(struct session *s, struct why_verdict *verdict,
                             struct measurement *m) {
  reset(s, WHY_OUT);
  enum why_reason reason = calls(s, 1);
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

enum why_reason measure_candidate(struct why_machine *machine, struct why_decision *decision,
                                  int candidate, struct measured_data *data,
                                  const struct measure_rules *rules, struct measurement *m) {
  struct why_candidate *c = &decision->candidate[candidate];
  struct session s = {.request = &decision->request, .data = data};
  *m = (struct measurement){.median = NAN,
                            .min = NAN,
                            .p95 = NAN,
                            .ci_low = NAN,
                            .ci_high = NAN,
                            .copy_in = NAN,
                            .work = NAN,
                            .copy_out = NAN,
                            .idle = NAN,
                            .stop = ""};
  s.host = c->plan == WHY_ON_HOST;
  double *memory = malloc(sizeof(double) * PARTS * MOST_SAMPLES);
  enum why_reason reason = WHY_ALLOC_FAILED;
  if (!memory) {
    c->verdict = (struct why_verdict){.reason = reason, .note = "on the host", .cause = ""};
    goto done;
  }
  for (int part = 0; part < PARTS; part++) s.sorted[part] = memory + (size_t)part * MOST_SAMPLES;
  reset(&s, WHY_OUT);
  reason = why_prepare(machine, decision, candidate, &s.job);
  if (!reason && rules->timed) reason = take_samples(&s, rules, m);
  if (!reason && !m->interrupted) reason = check(&s, &c->verdict, m);
  why_release(s.job);
done:
  free(memory);
  return reason;
}
