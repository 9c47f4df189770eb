// Cold: every line of the operands is evicted from the CPU's caches before a run, and on a GPU its
// last cache is run through before a call. What a library keeps of its own (packed weights, code)
// stays where it is.
#include "lies_job.h"
#include <emmintrin.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 64, FLUSHED = WHY_MARKS - 1, WARP = 32 };

// ---- what is padded -----------------------------------------------------------------------------

int64_t lies_multiple(const struct why_kernel *k, const struct why_facts *f, enum why_type type) {
  if (k->multiple > 1) return k->multiple;
  if (!f->host) return WARP;
  size_t bytes = f->cpu_features & WHY_CPU_AVX512 ? 64 : f->cpu_features & WHY_CPU_AVX2 ? 32 : 16;
  return (int64_t)(bytes / why_type_bytes(type));
}

bool lies_pad(const struct why_problem *p, int64_t multiple, struct why_problem *out) {
  struct why_error error;
  bool changed = false;
  *out = *p;
  for (int i = 0; i < p->op->params; i++) {
    const struct why_param *param = &p->op->param[i];
    int64_t *value = &out->value[i];
    if (param->kind != WHY_INTEGER || param->otherwise != WHY_REQUIRED) continue;
    int64_t over = *value % multiple;
    if (*value < multiple || !over || *value > param->most - multiple) continue;
    *value += multiple - over;
    changed = true;
  }
  return changed && why_problem_check(out, &error) == WHY_OK;
}

// ---- a side -------------------------------------------------------------------------------------

static enum why_reason side_open(struct why_machine *m, const struct why_request *request,
                                 uint64_t seed, struct lies_side *s) {
  s->request = *request;
  s->candidate = -1;
  enum why_reason reason = why_consult(m, request);
  if (!reason) reason = why_decide(m, request, &s->decision);
  if (!reason) reason = operands_make(&request->problem, seed, 0, &s->original);
  if (!reason) reason = operands_copy(&s->original, &s->data);
  return reason;
}

static enum why_reason side_prepare(struct why_machine *m, struct lies_side *s, int candidate) {
  s->candidate = candidate;
  return why_prepare(m, &s->decision, candidate, &s->job);
}

static void side_close(struct lies_side *s) {
  why_release(s->job);
  operands_free(&s->data);
  operands_free(&s->original);
  why_decision_free(&s->decision);
  s->job = NULL;
}

// The candidate that could run of this kernel and plan on this device; -1: none.
static int find_candidate(const struct lies_side *s, const struct why_candidate *like) {
  for (int i = 0; i < s->decision.candidates; i++) {
    const struct why_candidate *c = &s->decision.candidate[i];
    if (c->kernel == like->kernel && c->device == like->device && c->plan == like->plan &&
        why_could_run(c->verdict.reason))
      return i;
  }
  return -1;
}

// Of the CPU's candidates that could run the one that is taken to be the fastest, or the slowest.
static int cpu_candidate(const struct why_decision *d, bool slowest) {
  int best = -1;
  for (int i = 0; i < d->candidates; i++) {
    const struct why_candidate *c = &d->candidate[i];
    if (c->plan != WHY_ON_HOST || !why_could_run(c->verdict.reason)) continue;
    const struct why_candidate *b = best < 0 ? NULL : &d->candidate[best];
    double mine = c->kernel->efficiency, other = b ? b->kernel->efficiency : 0;
    bool known = b && !isnan(c->seconds) && !isnan(b->seconds);
    bool faster = known ? c->seconds < b->seconds : mine > other;
    if (!b || faster != slowest) best = i;
  }
  return best;
}

// Operands that calls have written begin again as they came.
static void reset(struct lies_side *s) {
  const struct why_problem *p = &s->request.problem;
  for (int i = 0; i < s->data.count; i++)
    if (p->op->role(p, i) == WHY_INOUT)
      memcpy(s->data.block[i], s->original.block[i], s->data.block_bytes[i]);
}

static void evict(const struct operands *data) {
  for (int i = 0; i < data->count; i++)
    for (uint64_t at = 0; at < data->block_bytes[i]; at += LINE_BYTES)
      _mm_clflush(data->block[i] + at);
  _mm_mfence();
}

static enum why_reason call(struct why_job *job, int64_t launches) {
  enum why_reason reason = WHY_OK;
  for (int64_t i = 0; i < launches && !reason; i++) reason = why_launch(job);
  return reason ? reason : why_wait(job);
}

static enum why_reason whole(struct lies_side *s, struct why_job *job) {
  bool always = s->request.transfer == WHY_ALWAYS;
  int64_t rounds = always ? s->request.iterations : 1;
  enum why_reason reason = WHY_OK;
  for (int64_t i = 0; i < rounds && !reason; i++) {
    reason = why_upload(job, s->data.tensor);
    if (!reason) reason = call(job, always ? 1 : s->request.iterations);
    if (!reason) reason = why_download(job, s->data.tensor);
  }
  return reason;
}

// ---- the ways -----------------------------------------------------------------------------------

static enum why_reason flush_device(struct lies_job *j) {
  struct why_device *d = why_machine_live(j->machine, j->device);
  size_t bytes = (size_t)j->flush_bytes;
  if (!bytes) return WHY_OK;
  enum why_reason reason = d->copy(d, WHY_WORK, j->flush[1], bytes, j->flush[0], bytes, bytes, 1);
  if (!reason) reason = d->mark(d, WHY_WORK, FLUSHED);
  return reason ? reason : d->until(d, FLUSHED, INFINITY);
}

// A run that does not count comes before, so that what the library and the system keep is as it
// was left by the same work; then only the operands are cold.
static enum why_reason time_whole(struct lies_job *j, struct lies_side *s, bool cold,
                                  double *seconds) {
  struct why_job *job = s == &j->zeros ? j->honest.job : s->job;
  reset(s);
  enum why_reason reason = whole(s, job);
  reset(s);
  if (cold) evict(&s->data);
  double start = j->now();
  if (!reason) reason = whole(s, job);
  *seconds = j->now() - start;
  return reason;
}

// Handed over before; cold for the CPU or the GPU that computes it.
static enum why_reason time_call(struct lies_job *j, bool device_clock, double *seconds) {
  struct lies_side *s = &j->honest;
  struct why_times times;
  reset(s);
  enum why_reason reason = whole(s, s->job);
  reset(s);
  if (!reason) reason = why_upload(s->job, s->data.tensor);
  evict(&s->data);
  if (!reason) reason = flush_device(j);
  double start = j->now();
  if (!reason) reason = call(s->job, s->request.iterations);
  *seconds = j->now() - start;
  if (!reason && device_clock) {
    why_job_times(s->job, &times);
    *seconds = times.work;
  }
  return reason;
}

// On a GPU the operands stay there, and what they left in its cache.
static enum why_reason time_warm(struct lies_job *j, double *seconds) {
  struct lies_side *s = &j->honest;
  if (s->decision.candidate[s->candidate].plan == WHY_ON_HOST)
    return time_whole(j, s, false, seconds);
  enum why_reason reason = why_upload(s->job, s->data.tensor);
  if (!reason) reason = call(s->job, s->request.iterations);
  double start = j->now();
  if (!reason) reason = call(s->job, s->request.iterations);
  *seconds = j->now() - start;
  return reason;
}

// Of a job made anew, which takes the place of the one before; the library and its threads are
// there.
static enum why_reason time_first(struct lies_job *j, double *seconds) {
  struct lies_side *s = &j->honest;
  reset(s);
  evict(&s->data);
  why_release(s->job);
  double start = j->now();
  enum why_reason reason = side_prepare(j->machine, s, s->candidate);
  if (!reason) reason = whole(s, s->job);
  *seconds = j->now() - start;
  return reason;
}

static enum why_reason time_way(void *data, enum lies_way way, double *seconds) {
  struct lies_job *j = data;
  switch (way) {
  case LIES_ZEROS:
    return time_whole(j, &j->zeros, true, seconds);
  case LIES_WARM:
    return time_warm(j, seconds);
  case LIES_CALL:
    return time_call(j, false, seconds);
  case LIES_DEVICE:
    return time_call(j, true, seconds);
  case LIES_PADDED:
    return time_whole(j, &j->padded, true, seconds);
  case LIES_FIRST:
    return time_first(j, seconds);
  case LIES_FAIR:
    return time_whole(j, &j->fair, true, seconds);
  case LIES_NAIVE:
    return time_whole(j, &j->naive, true, seconds);
  default:
    return time_whole(j, &j->honest, true, seconds);
  }
}

// ---- opening ------------------------------------------------------------------------------------

static void __attribute__((format(printf, 3, 4)))
cannot(struct lies_job *j, enum lie lie, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(j->because[lie], sizeof j->because[lie], format, arguments);
  va_end(arguments);
  j->subject.cannot[lie] = j->because[lie];
}

static enum why_reason open_zeros(struct lies_job *j, uint64_t seed) {
  struct lies_side *s = &j->zeros;
  const struct why_problem *p = &j->honest.request.problem;
  enum why_reason reason = side_open(j->machine, &j->honest.request, seed, s);
  for (int i = 0; i < p->op->operands && !reason; i++)
    if (p->op->role(p, i) & WHY_IN) {
      memset(s->original.block[i], 0, s->original.block_bytes[i]);
      memset(s->data.block[i], 0, s->data.block_bytes[i]);
    }
  return reason;
}

static enum why_reason open_padded(struct lies_job *j, uint64_t seed) {
  const struct why_candidate *c = &j->honest.decision.candidate[j->honest.candidate];
  struct why_request request = j->honest.request;
  const struct why_problem *p = &j->honest.request.problem;
  int64_t multiple = lies_multiple(c->kernel, why_machine_device(j->machine, c->device), p->type);
  if (!lies_pad(p, multiple, &request.problem)) {
    cannot(j, LIE_PADDED, "its dims are multiples of %lld, or below it", (long long)multiple);
    return WHY_OK;
  }
  enum why_reason reason = side_open(j->machine, &request, seed, &j->padded);
  int candidate = reason ? -1 : find_candidate(&j->padded, c);
  if (!reason && candidate < 0) {
    cannot(j, LIE_PADDED, "the kernel does not take the larger problem");
    return WHY_OK;
  }
  j->subject.padded_flops = p->op->flops(&request.problem);
  if (!reason) reason = side_prepare(j->machine, &j->padded, candidate);
  if (reason != WHY_ALLOC_FAILED) return reason;
  cannot(j, LIE_PADDED, "no memory for the larger problem beside it");
  return WHY_OK;
}

static enum why_reason open_baseline(struct lies_job *j, uint64_t seed, double most_seconds) {
  const struct why_decision *d = &j->honest.decision;
  const struct why_candidate *c = &d->candidate[j->honest.candidate];
  struct why_request request = j->honest.request;
  // Under a policy that rules the CPU out, or names one kernel, the others are decided for apart.
  request.policy = WHY_CPU_ONLY;
  request.kernel[0] = 0;
  request.plans = 0;
  enum why_reason reason = side_open(j->machine, &request, seed, &j->naive);
  int naive = reason ? -1 : cpu_candidate(&j->naive.decision, true);
  int fair = reason ? -1 : cpu_candidate(&j->naive.decision, false);
  if (reason) return reason;
  const struct why_candidate *slow = naive < 0 ? NULL : &j->naive.decision.candidate[naive];
  if (!slow || naive == fair || slow->kernel == c->kernel) {
    cannot(j, LIE_BASELINE, "there is no second kernel of the CPU for it here");
    return WHY_OK;
  }
  if (slow->seconds > most_seconds) {
    cannot(j, LIE_BASELINE, "%s:%s would take %.0f s a run", slow->kernel->backend,
           slow->kernel->name, slow->seconds);
    return WHY_OK;
  }
  j->naive.request.threads = j->naive.decision.request.threads = 1;
  reason = side_prepare(j->machine, &j->naive, naive);
  if (reason || c->plan == WHY_ON_HOST) return reason;
  j->subject.honest[LIE_BASELINE] = LIES_FAIR;
  reason = side_open(j->machine, &request, seed, &j->fair);
  fair = reason ? -1 : cpu_candidate(&j->fair.decision, false);
  return reason ? reason : side_prepare(j->machine, &j->fair, fair);
}

// Buffers to run through a GPU's last cache with.
static enum why_reason open_flush(struct lies_job *j) {
  struct why_device *d = why_machine_live(j->machine, j->device);
  uint64_t bytes = why_machine_device(j->machine, j->device)->cache_bytes;
  enum why_reason reason = bytes ? d->alloc(d, bytes, WHY_DEVICE, &j->flush[0]) : WHY_OK;
  if (!reason && bytes) reason = d->alloc(d, bytes, WHY_DEVICE, &j->flush[1]);
  if (!reason) j->flush_bytes = bytes;
  return reason == WHY_ALLOC_FAILED ? WHY_OK : reason;
}

static enum why_reason open_device(struct lies_job *j, const struct why_candidate *c) {
  static const char needs[] = "needs a GPU: on the CPU a launch is a call";
  static const char streamed[] = "a plan in parts copies while it computes";
  if (c->plan == WHY_ON_HOST) {
    cannot(j, LIE_DEVICE_CLOCK, "%s", needs);
    return WHY_OK;
  }
  if (c->plan == WHY_STREAMED) {
    cannot(j, LIE_DEVICE_CLOCK, "%s", streamed);
    cannot(j, LIE_CALL_ALONE, "%s", streamed);
    cannot(j, LIE_HOT, "%s", streamed);
    return WHY_OK;
  }
  enum why_reason reason = open_flush(j);
  j->subject.honest[LIE_HOT] = j->subject.honest[LIE_DEVICE_CLOCK] = LIES_CALL;
  if (!reason && !j->flush_bytes)
    cannot(j, LIE_HOT, "no memory on the device to run through its last cache");
  return reason;
}

enum why_reason lies_job_open(struct why_machine *machine, const struct why_request *request,
                              uint64_t seed, double naive_seconds, double (*now)(void),
                              struct lies_job *j) {
  *j = (struct lies_job){.machine = machine, .now = now};
  j->subject.time = time_way;
  j->subject.data = j;
  enum why_reason reason = side_open(machine, request, seed, &j->honest);
  if (reason) return reason;
  const struct why_decision *d = &j->honest.decision;
  if (d->chosen < 0) return d->fallback.reason ? d->fallback.reason : WHY_BAD_INPUT;
  const struct why_candidate *c = &d->candidate[d->chosen];
  j->device = c->device;
  j->subject.flops = j->subject.padded_flops = request->problem.op->flops(&request->problem);
  reason = side_prepare(machine, &j->honest, d->chosen);
  if (!reason) reason = open_zeros(j, seed);
  if (!reason) reason = open_padded(j, seed);
  if (!reason) reason = open_device(j, c);
  return reason ? reason : open_baseline(j, seed, naive_seconds);
}

void lies_job_close(struct lies_job *j) {
  for (int i = 0; i < 2; i++)
    if (j->flush[i]) {
      struct why_device *d = why_machine_live(j->machine, j->device);
      d->free(d, WHY_DEVICE, j->flush[i]);
    }
  side_close(&j->naive);
  side_close(&j->fair);
  side_close(&j->padded);
  side_close(&j->zeros);
  side_close(&j->honest);
}
