// The decision: every kernel of the op on every device it could run on becomes a candidate with a
// verdict; of those that fit the policy chooses one. Pure: reads the machine, touches no device.
#include "decide.h"
#include "streamed.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void why_request_default(const struct why_problem *problem, struct why_request *out) {
  *out = (struct why_request){
      .problem = *problem,
      .iterations = 1,
      .budget = {WHY_UNLIMITED, WHY_UNLIMITED, WHY_UNLIMITED, WHY_UNLIMITED},
  };
}

bool why_excluded(const struct why_kernel *k, const struct why_request *r) {
  if (r->policy == WHY_CPU_ONLY && !why_kernel_on_host(k)) return true;
  if (!*r->kernel) return false;
  size_t backend = strlen(k->backend);
  return strncmp(r->kernel, k->backend, backend) || r->kernel[backend] != ':' ||
         strcmp(r->kernel + backend + 1, k->name);
}

// ---- what all candidates of a request share ----------------------------------------------------

void why_case_fill(const struct why_request *r, struct why_case *out) {
  const struct why_op *op = r->problem.op;
  *out = (struct why_case){.request = r};
  why_work_of(&r->problem, &out->work);
  for (int i = 0; i < op->operands; i++) {
    struct why_tensor *t = &out->operand[i];
    op->shape(&r->problem, i, t);
    uint64_t bytes = why_tensor_bytes(t);
    enum why_role role = op->role(&r->problem, i);
    out->operand_bytes += bytes;
    if (role == WHY_INOUT) out->kept_bytes += bytes;
    double moved = (double)why_tensor_elements(t) * (double)why_type_bytes(t->type);
    if (role & WHY_IN) out->in_bytes += moved;
    if (role & WHY_OUT) out->out_bytes += moved;
  }
}

// Never wraps: what does not fit 64 bits fits no memory either.
static uint64_t sum(uint64_t a, uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

uint64_t why_case_workspace(const struct why_case *c, const struct why_facts *f) {
  if (f->host) return c->request->budget.workspace_bytes; // memory of the host is judged as a whole
  uint64_t device = why_device_bytes(c, f);
  uint64_t left = device > c->operand_bytes ? device - c->operand_bytes : 0;
  uint64_t most =
      c->operand_bytes > WHY_LIBRARY_WORKSPACE ? c->operand_bytes : WHY_LIBRARY_WORKSPACE;
  return least(least(c->request->budget.workspace_bytes, left), most);
}

uint64_t why_device_bytes(const struct why_case *c, const struct why_facts *f) {
  return least(c->request->budget.device_bytes, why_free_bytes(f));
}

uint64_t why_free_bytes(const struct why_facts *f) {
  return f->free_bytes ? f->free_bytes : f->memory_bytes ? f->memory_bytes : WHY_UNLIMITED;
}

// ---- one candidate, in the order of reasons.def ------------------------------------------------

enum why_reason why_numbers(struct why_verdict *v, enum why_reason r, double need, double have) {
  v->need = need;
  v->have = have;
  return r;
}

enum why_reason why_judge_device(const struct why_kernel *k, const struct why_facts *f,
                                 struct why_verdict *v) {
  if (f->capability < k->capability)
    return why_numbers(v, WHY_CAPABILITY, k->capability, f->capability);
  if (k->capability_last && f->capability > k->capability_last)
    return why_numbers(v, WHY_ARCHITECTURE, k->capability_last, f->capability);
  if (k->cpu_features & ~f->cpu_features) return WHY_CPU_FEATURE;
  return WHY_OK;
}

// An operand's rows and its larger stride must be multiples of this, and one stride 1.
static enum why_reason judge_multiple(const struct why_case *c, int multiple,
                                      struct why_verdict *v) {
  for (int i = 0; multiple > 1 && i < c->request->problem.op->operands; i++) {
    const struct why_tensor *t = &c->operand[i];
    for (int d = 0; d < t->rank; d++) {
      int64_t x = t->stride[d] == 1 ? t->dim[d] : t->stride[d];
      if (x % multiple) return why_numbers(v, WHY_MULTIPLE, multiple, (double)x);
    }
  }
  return WHY_OK;
}

static enum why_reason judge_limit(const struct why_case *c, int64_t most, struct why_verdict *v) {
  for (int i = 0; most && i < c->request->problem.op->operands; i++) {
    const struct why_tensor *t = &c->operand[i];
    for (int d = 0; d < t->rank; d++) {
      int64_t x = t->dim[d] > t->stride[d] ? t->dim[d] : t->stride[d];
      if (x > most) return why_numbers(v, WHY_LIMIT, (double)x, (double)most);
    }
  }
  return WHY_OK;
}

enum why_reason why_judge_case(const struct why_case *c, const struct why_kernel *k,
                               const struct why_facts *f, struct why_verdict *v) {
  const struct why_problem *p = &c->request->problem;
  enum why_math exact = p->type == WHY_F64 ? WHY_MATH_F64 : WHY_MATH_F32; // what kernels compute in
  if (!(k->types >> p->type & 1) || exact > p->math) return WHY_TYPE;
  enum why_reason taken = k->takes ? k->takes(p, f, v) : WHY_OK;
  if (taken && taken <= WHY_FORM) return taken;
  struct why_verdict own = *v;
  enum why_reason r = judge_multiple(c, k->multiple, v);
  if (!r) r = judge_limit(c, k->most, v);
  if (r) {
    v->note = "";
    return r;
  }
  *v = own;
  if (taken) return taken;
  if (!f->host && k->shared_bytes > f->shared_bytes)
    return why_numbers(v, WHY_SHARED_MEMORY, k->shared_bytes, (double)f->shared_bytes);
  return WHY_OK;
}

enum why_reason why_judge_memory(enum why_reason reason, uint64_t need, uint64_t budget,
                                 uint64_t free_bytes, struct why_candidate *c) {
  uint64_t have = least(budget, free_bytes);
  if (need <= have) return WHY_OK;
  c->bound = budget <= free_bytes ? "budget" : "free";
  return why_numbers(&c->verdict, reason, (double)need, (double)have);
}

static enum why_reason judge_budget(const struct why_machine *m, const struct why_case *cs,
                                    uint64_t workspace, struct why_candidate *c) {
  const struct why_budget *b = &cs->request->budget;
  const struct why_facts *f = &m->facts[c->device];
  uint64_t host = sum(cs->operand_bytes, cs->kept_bytes);
  c->peak = (struct why_budget){0, workspace, f->host ? sum(host, workspace) : host, 0};
  if (!f->host) c->peak.device_bytes = sum(cs->operand_bytes, workspace);
  bool asked = b->device_bytes != WHY_UNLIMITED && !f->host;
  c->bound = !asked ? "" : b->device_bytes <= why_free_bytes(f) ? "budget" : "free";
  if (workspace > b->workspace_bytes) {
    c->bound = "budget";
    return why_numbers(&c->verdict, WHY_WORKSPACE, (double)workspace, (double)b->workspace_bytes);
  }
  enum why_reason r = WHY_OK;
  if (!f->host)
    r = why_judge_memory(WHY_DEVICE_MEMORY, c->peak.device_bytes, b->device_bytes,
                         why_free_bytes(f), c);
  if (r) return r;
  return why_judge_memory(WHY_HOST_MEMORY, c->peak.host_bytes, b->host_bytes,
                          why_free_bytes(&m->facts[0]), c);
}

enum why_reason why_judge_library(const struct why_machine *m, const struct why_case *cs,
                                  const struct why_candidate *c, uint64_t most_bytes,
                                  uint64_t *workspace, struct why_verdict *v) {
  const struct why_answer *a =
      why_answer_find(m, why_kernel_place(c->kernel), c->device, &cs->request->problem, most_bytes);
  if (!a) return WHY_UNASKED;
  if (a->verdict.reason) {
    *v = a->verdict;
    return a->verdict.reason;
  }
  *workspace = a->any ? least(a->workspace_bytes, most_bytes) : a->workspace_bytes;
  return WHY_OK;
}

static enum why_reason judge_slot(const struct why_slot *slot, struct why_verdict *v) {
  if (slot->verdict.reason) *v = slot->verdict;
  return slot->verdict.reason;
}

static bool plan_allowed(const struct why_request *r, enum why_plan plan) {
  return !r->plans || r->plans >> plan & 1;
}

// The first reason that applies, or WHY_OK: it could run.
static enum why_reason judge(const struct why_machine *m, const struct why_case *cs,
                             struct why_candidate *c) {
  const struct why_kernel *k = c->kernel;
  struct why_verdict *v = &c->verdict;
  int place = why_kernel_place(k);
  const struct why_place *slots = &why_places()[place];
  enum why_reason r;
  uint64_t workspace = 0;
  if (why_excluded(k, cs->request) || !plan_allowed(cs->request, c->plan)) return WHY_EXCLUDED;
  if ((r = judge_slot(&m->slot[slots->device], v))) return r;
  if (c->device < 0) return WHY_NO_DEVICE;
  if ((r = judge_slot(&m->slot[slots->code], v))) return r;
  if (m->slot[slots->code].lacks[place]) return WHY_NOT_BUILT;
  const struct why_facts *f = &m->facts[c->device];
  if (c->plan != WHY_STREAMED) why_predict(m, cs, c);
  if (m->lost[c->device]) return WHY_DEVICE_LOST;
  if ((r = why_judge_device(k, f, v))) return r;
  if (c->plan == WHY_STREAMED) return why_streamed_judge(m, cs, c);
  if ((r = why_judge_case(cs, k, f, v))) return r;
  uint64_t most = why_case_workspace(cs, f);
  if (k->ask && (r = why_judge_library(m, cs, c, most, &workspace, v))) return r;
  if (k->workspace) workspace = k->workspace(&cs->request->problem, f);
  return judge_budget(m, cs, workspace, c);
}

// ---- choosing ----------------------------------------------------------------------------------

static bool runnable(const struct why_candidate *c) {
  return why_could_run(c->verdict.reason);
}

static bool faster(const struct why_candidate *a, const struct why_candidate *b) {
  if (!isnan(a->seconds) && !isnan(b->seconds)) return a->seconds < b->seconds;
  return a->kernel->efficiency > b->kernel->efficiency;
}

// May the policy take this one?
static bool allowed(const struct why_decision *d, const struct why_candidate *c) {
  return d->request.policy != WHY_GPU_ONLY || !why_kernel_on_host(c->kernel);
}

static bool better(const struct why_candidate *a, const struct why_candidate *b, bool gpu_first) {
  bool gpu = !why_kernel_on_host(a->kernel);
  if (gpu_first && gpu == why_kernel_on_host(b->kernel)) return gpu;
  return faster(a, b);
}

// Did it come nearer to running? The last reason; a streamed plan, which needs the least memory;
// the fastest.
static bool nearer(const struct why_candidate *a, const struct why_candidate *b) {
  if (a->verdict.reason != b->verdict.reason) return a->verdict.reason > b->verdict.reason;
  if (a->plan != b->plan && a->verdict.reason == WHY_DEVICE_MEMORY) return a->plan == WHY_STREAMED;
  return faster(a, b);
}

static void blame(struct why_decision *d) {
  const struct why_candidate *nearest = NULL;
  d->blame = -1;
  d->fallback = (struct why_verdict){.note = "", .cause = ""};
  if (d->chosen >= 0 && !why_kernel_on_host(d->candidate[d->chosen].kernel)) return;
  bool named = *d->request.kernel && d->chosen < 0; // then the CPU's is blamed too
  for (int i = 0; i < d->candidates; i++) {
    const struct why_candidate *c = &d->candidate[i];
    if (why_kernel_on_host(c->kernel) && !named) continue;
    if (!nearest || nearer(c, nearest)) nearest = c;
  }
  if (!nearest) {
    if (!d->candidates) d->fallback.reason = WHY_OP_UNKNOWN;
    return;
  }
  d->blame = (int)(nearest - d->candidate);
  d->fallback = nearest->verdict;
}

// Why one that could run was not chosen.
static void passed_over(const struct why_decision *d, struct why_candidate *c, bool ranked) {
  const struct why_candidate *best = d->chosen >= 0 ? &d->candidate[d->chosen] : NULL;
  struct why_verdict v = {.reason = WHY_UNRANKED, .note = "", .cause = ""};
  bool other_side = best && why_kernel_on_host(best->kernel) != why_kernel_on_host(c->kernel);
  if (!allowed(d, c) || (other_side && d->request.policy == WHY_GPU_FIRST))
    v.reason = WHY_POLICY;
  else if (best && !isnan(c->seconds) && !isnan(best->seconds) && (ranked || !other_side))
    v = (struct why_verdict){WHY_SLOWER, c->seconds, best->seconds, "", ""};
  c->verdict = v;
}

static void choose(struct why_decision *d) {
  bool ranked = true; // every one that may be taken has a predicted time
  for (int i = 0; i < d->candidates; i++)
    if (runnable(&d->candidate[i]) && allowed(d, &d->candidate[i]) &&
        isnan(d->candidate[i].seconds))
      ranked = false;
  bool gpu_first = d->request.policy == WHY_GPU_FIRST || !ranked;
  d->chosen = -1;
  for (int i = 0; i < d->candidates; i++) {
    const struct why_candidate *c = &d->candidate[i];
    if (runnable(c) && allowed(d, c) &&
        (d->chosen < 0 || better(c, &d->candidate[d->chosen], gpu_first)))
      d->chosen = i;
  }
  for (int i = 0; i < d->candidates; i++)
    if (i != d->chosen && runnable(&d->candidate[i])) passed_over(d, &d->candidate[i], ranked);
  if (d->chosen >= 0)
    d->candidate[d->chosen].verdict = (struct why_verdict){.note = "", .cause = ""};
  blame(d);
}

// ---- the decision ------------------------------------------------------------------------------

static enum why_reason add_plan(const struct why_machine *m, const struct why_case *cs,
                                struct why_decision *d, const struct why_kernel *k, int device,
                                enum why_plan plan) {
  if (d->candidates == d->capacity) {
    int capacity = d->capacity ? 2 * d->capacity : 16;
    void *grown = realloc(d->candidate, (size_t)capacity * sizeof *d->candidate);
    if (!grown) return WHY_ALLOC_FAILED;
    d->candidate = grown;
    d->capacity = capacity;
  }
  struct why_candidate *c = &d->candidate[d->candidates++];
  *c = (struct why_candidate){.kernel = k, .device = device, .bound = ""};
  c->plan = plan;
  c->copy_in_seconds = c->work_seconds = c->copy_out_seconds = c->seconds = NAN;
  c->verdict.note = c->verdict.cause = "";
  c->verdict.reason = judge(m, cs, c);
  return WHY_OK;
}

// On a device, resident; and streamed where that is looked for and nothing of the machine, the
// build or the type stands in the way, which the first row says already.
static enum why_reason add(const struct why_machine *m, const struct why_case *cs,
                           struct why_decision *d, const struct why_kernel *k, int device) {
  if (why_kernel_on_host(k)) return add_plan(m, cs, d, k, device, WHY_ON_HOST);
  enum why_reason r = add_plan(m, cs, d, k, device, WHY_RESIDENT);
  if (r || device < 0) return r;
  enum why_reason resident = d->candidate[d->candidates - 1].verdict.reason;
  bool excluded = why_excluded(k, cs->request);
  bool barred = excluded || (resident <= WHY_TYPE && resident > WHY_EXCLUDED);
  if (barred || !(resident == WHY_DEVICE_MEMORY || why_streamed_wanted(m, cs, k, device)))
    return WHY_OK;
  return add_plan(m, cs, d, k, device, WHY_STREAMED);
}

enum why_reason why_decide(const struct why_machine *m, const struct why_request *request,
                           struct why_decision *d) {
  struct why_error error;
  d->candidates = 0;
  d->chosen = d->blame = -1;
  d->request = *request;
  if (request->iterations < 1 || request->threads < 0) return WHY_BAD_INPUT;
  enum why_reason r = why_problem_check(&request->problem, &error);
  if (r) return r;
  struct why_case cs;
  why_case_fill(&d->request, &cs);
  for (int i = 0; i < why_kernel_count(); i++) {
    const struct why_kernel *k = why_kernel_at(i);
    if (k->op != request->problem.op->name && strcmp(k->op, request->problem.op->name)) continue;
    int found = 0;
    for (int device = 0; device < m->devices; device++) {
      if (strcmp(m->facts[device].backend, k->device)) continue;
      found++;
      if ((r = add(m, &cs, d, k, device))) return r;
    }
    if (!found && (r = add(m, &cs, d, k, -1))) return r;
  }
  choose(d);
  return WHY_OK;
}

enum why_reason why_decide_again(const struct why_machine *m, struct why_decision *d,
                                 const struct why_verdict *failed) {
  struct why_verdict verdict = *failed;
  if (why_could_run(verdict.reason)) verdict.reason = WHY_CALL_FAILED; // it must not come up again
  if (d->chosen >= 0) d->candidate[d->chosen].verdict = verdict;
  for (int i = 0; i < d->candidates; i++) {
    struct why_candidate *c = &d->candidate[i];
    bool tried = c->verdict.reason >= WHY_ALLOC_FAILED, later = c->verdict.reason > WHY_DEVICE_LOST;
    if (c->device < 0 || !m->lost[c->device] || tried) continue;
    if (later || runnable(c))
      c->verdict = (struct why_verdict){.reason = WHY_DEVICE_LOST, .note = "", .cause = ""};
  }
  choose(d);
  return d->chosen >= 0 ? WHY_OK : verdict.reason;
}

void why_decision_free(struct why_decision *d) {
  free(d->candidate);
  *d = (struct why_decision){.chosen = -1, .blame = -1};
}
