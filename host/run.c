// From decision to result: when a candidate fails, its verdict says why and the next best runs.
#include "machine.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// INOUT operands as they came, so that a retry never starts from a half-written one.
struct kept {
  void *bytes[WHY_OPERANDS];
};

static void forget(struct kept *k) {
  for (int i = 0; i < WHY_OPERANDS; i++) free(k->bytes[i]);
}

static enum why_reason keep(const struct why_problem *p, const struct why_tensor *operand,
                            struct kept *out, struct why_verdict *why) {
  *out = (struct kept){{0}};
  *why = (struct why_verdict){.note = "", .cause = ""};
  for (int i = 0; i < p->op->operands; i++) {
    if (p->op->role(p, i) != WHY_INOUT) continue;
    size_t bytes = why_tensor_bytes(&operand[i]);
    out->bytes[i] = malloc(bytes);
    if (!out->bytes[i]) {
      *why = (struct why_verdict){WHY_ALLOC_FAILED, (double)bytes, 0,
                                  "host memory for a copy of what is read and written", ""};
      return WHY_ALLOC_FAILED;
    }
    memcpy(out->bytes[i], operand[i].data, bytes);
  }
  return WHY_OK;
}

static void restore(const struct kept *k, const struct why_tensor *operand) {
  for (int i = 0; i < WHY_OPERANDS; i++)
    if (k->bytes[i]) memcpy(operand[i].data, k->bytes[i], why_tensor_bytes(&operand[i]));
}

// transfer once: copy in, all launches, copy out; always: all three for each. Cold is what the
// caches hold before the first.
static enum why_reason rounds(struct why_job *job, const struct why_request *r, bool host,
                              const struct why_tensor *operand, struct why_times *times) {
  int64_t launches = r->transfer == WHY_ALWAYS ? 1 : r->iterations;
  bool cold = r->cache == WHY_COLD;
  *times = (struct why_times){0};
  for (int64_t left = r->iterations; left > 0; left -= launches, cold = false) {
    struct why_times t;
    enum why_reason reason = cold && !host ? why_evict(job, operand) : WHY_OK;
    if (!reason) reason = why_upload(job, operand);
    if (!reason && cold && host) reason = why_evict(job, operand);
    if (!reason) reason = why_launches(job, launches);
    if (!reason) reason = why_download(job, operand);
    if (reason) return reason;
    why_job_times(job, &t);
    why_times_add(times, &t);
  }
  return WHY_OK;
}

static enum why_reason attempt(struct why_machine *m, struct why_decision *d,
                               const struct why_tensor *operand, struct why_times *times) {
  struct why_job *job;
  enum why_reason r = why_prepare(m, d, d->chosen, &job);
  bool host = d->candidate[d->chosen].plan == WHY_ON_HOST;
  if (!r) r = rounds(job, &d->request, host, operand, times);
  why_release(job);
  return r;
}

// Why nothing could run: the reason of the GPU candidate that came nearest; of any without one.
static enum why_reason refused(const struct why_decision *d) {
  if (d->fallback.reason) return d->fallback.reason;
  enum why_reason last = WHY_OP_UNKNOWN;
  for (int i = 0; i < d->candidates; i++)
    if (d->candidate[i].verdict.reason > last) last = d->candidate[i].verdict.reason;
  return last;
}

enum why_reason why_run(struct why_machine *m, struct why_decision *d,
                        const struct why_tensor *operand, struct why_times *times) {
  struct kept kept;
  struct why_verdict unkept;
  *times = (struct why_times){NAN, NAN, NAN, NAN, NAN};
  if (d->chosen < 0) return refused(d);
  enum why_reason r = keep(&d->request.problem, operand, &kept, &unkept);
  while (r && !why_decide_again(m, d, &unkept)) continue; // no candidate can run without it
  while (!r) {
    r = attempt(m, d, operand, times);
    if (!r || r == WHY_BAD_INPUT) break;
    restore(&kept, operand);
    struct why_verdict failed = d->candidate[d->chosen].verdict;
    r = why_decide_again(m, d, &failed);
  }
  forget(&kept);
  return r;
}
