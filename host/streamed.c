// Whether and how a kernel can run in parts. See streamed.h. Leaves out how parts are sized
// (parts.c) and run (stream.c).
#include "streamed.h"
#include <math.h>
#include <string.h>

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

// Would copies and work at the same time save more than some parts cost?
static bool overlap_pays(const struct why_machine *m, const struct why_case *cs,
                         const struct why_kernel *k, int device) {
  enum { PARTS = 4 };
  const struct why_facts *f = why_model_facts(m, device);
  struct why_candidate resident = {.kernel = k, .device = device};
  double n = (double)cs->request->iterations;
  why_predict(m, cs, &resident);
  double copies = cs->request->transfer == WHY_ALWAYS ? n : 1; // of each operand
  double in = resident.copy_in_seconds / copies, out = resident.copy_out_seconds / copies;
  double longest = fmax(resident.work_seconds / n, fmax(in, out));
  return resident.seconds - n * longest > PARTS * (f->latency_seconds + f->launch_seconds);
}

bool why_streamed_wanted(const struct why_machine *m, const struct why_case *cs,
                         const struct why_kernel *k, int device) {
  const struct why_request *r = cs->request;
  const struct why_facts *f = &m->facts[device];
  if (f->host) return false;
  if (r->plans >> WHY_STREAMED & 1 || cs->operand_bytes > why_device_bytes(cs, f)) return true;
  return !r->plans && r->transfer != WHY_UNIFIED && overlap_pays(m, cs, k, device);
}

// A quarter of the device at most, so that the parts have the rest.
uint64_t why_streamed_workspace(const struct why_case *cs, const struct why_facts *f) {
  return least(least(cs->request->budget.workspace_bytes, WHY_LIBRARY_WORKSPACE),
               why_device_bytes(cs, f) / 4);
}

// *host: as the threads that pack and unpack have it. *fit: see why_cost_of.
static struct why_parts_basis basis_of(const struct why_machine *m, const struct why_request *r,
                                       const struct why_kernel *k, int device,
                                       struct why_facts *host, const struct why_fit **fit) {
  struct why_parts_basis on = {.kernel = k, .host = host, .device = why_model_facts(m, device)};
  *host = *why_model_facts(m, 0);
  host->memory_bps *= why_share_of_cores(host->multiprocessors, 0, r->threads);
  why_cost_of(m, device, k, &r->problem, r->threads, &on.cost, fit);
  return on;
}

enum why_reason why_streamed_parts(const struct why_machine *m, const struct why_case *cs,
                                   const struct why_kernel *k, int device, struct why_parts *parts,
                                   struct why_verdict *v) {
  const struct why_facts *f = &m->facts[device];
  const struct why_budget *b = &cs->request->budget;
  uint64_t have = why_device_bytes(cs, f), workspace = k->ask ? why_streamed_workspace(cs, f) : 0;
  struct why_facts host;
  const struct why_fit *fit;
  struct why_parts_basis on = basis_of(m, cs->request, k, device, &host, &fit);
  enum why_reason r =
      why_parts_choose(cs, &on, have - workspace, least(b->pinned_bytes, b->host_bytes), parts, v);
  if (r == WHY_DEVICE_MEMORY) {
    v->need += (double)workspace; // of the least parts, and beside them
    v->have = (double)have;
  }
  return r;
}

// Every different part must be a case that the kernel takes.
static enum why_reason judge_problems(const struct why_machine *m, const struct why_case *cs,
                                      const struct why_candidate *c, uint64_t *workspace,
                                      struct why_verdict *v) {
  struct why_problem problem[WHY_PART_PROBLEMS];
  const struct why_facts *f = &m->facts[c->device];
  int problems = why_parts_problems(&cs->request->problem, &c->parts, problem, WHY_PART_PROBLEMS);
  *workspace = 0;
  if (c->kernel->ask && problems == WHY_PART_PROBLEMS) {
    v->note = "the parts have too many different shapes to ask the library about";
    return WHY_FORM;
  }
  for (int i = 0; i < problems; i++) {
    struct why_request request = *cs->request;
    struct why_case part;
    request.problem = problem[i];
    why_case_fill(&request, &part);
    enum why_reason r = why_judge_case(&part, c->kernel, f, v);
    uint64_t bytes = c->kernel->workspace ? c->kernel->workspace(&problem[i], f) : 0;
    if (!r && c->kernel->ask)
      r = why_judge_library(m, &part, c, why_streamed_workspace(cs, f), &bytes, v);
    if (r) return r;
    if (bytes > *workspace) *workspace = bytes;
  }
  return WHY_OK;
}

static void predict(const struct why_machine *m, const struct why_request *r,
                    struct why_candidate *c) {
  struct why_facts host;
  struct why_parts_basis on = basis_of(m, r, c->kernel, c->device, &host, &c->fit);
  struct why_parts_times t = why_parts_predict(&r->problem, &c->parts, &on);
  double n = (double)r->iterations; // every call streams all of it
  c->copy_in_seconds = n * t.in;
  c->work_seconds = n * t.work;
  c->copy_out_seconds = n * t.out;
  c->seconds = n * t.seconds;
  c->terms = t.terms;
}

enum why_reason why_streamed_judge(const struct why_machine *m, const struct why_case *cs,
                                   struct why_candidate *c) {
  const struct why_request *request = cs->request;
  const struct why_budget *b = &request->budget;
  const struct why_facts *f = &m->facts[c->device];
  struct why_verdict *v = &c->verdict;
  uint64_t workspace;
  c->copy_in_seconds = c->work_seconds = c->copy_out_seconds = c->seconds = NAN;
  if (request->transfer == WHY_UNIFIED) {
    v->note = "managed memory is asked for, and streaming copies";
    return WHY_EXCLUDED;
  }
  // What no size of the parts would change comes first.
  enum why_reason r = why_judge_case(cs, c->kernel, f, v);
  if (r == WHY_TYPE || r == WHY_FORM || r == WHY_SHARED_MEMORY) return r;
  *v = (struct why_verdict){.note = "", .cause = ""};
  r = why_streamed_parts(m, cs, c->kernel, c->device, &c->parts, v);
  c->bound = b->device_bytes <= why_free_bytes(f) ? "budget" : "free";
  if (r) return r;
  r = judge_problems(m, cs, c, &workspace, v);
  if (r) return r;
  uint64_t pinned = why_parts_pinned_bytes(&c->parts);
  uint64_t operands = why_parts_device_bytes(&request->problem, &c->parts);
  uint64_t host = cs->operand_bytes + cs->kept_bytes + pinned; // each is well below 2^63
  c->peak = (struct why_budget){operands + workspace, workspace, host, pinned};
  if (workspace > b->workspace_bytes)
    return why_numbers(v, WHY_WORKSPACE, (double)workspace, (double)b->workspace_bytes);
  // A kernel's own workspace was not known when the parts were sized.
  r = why_judge_memory(WHY_DEVICE_MEMORY, c->peak.device_bytes, b->device_bytes, why_free_bytes(f),
                       c);
  if (r) return r;
  predict(m, request, c);
  return why_judge_memory(WHY_HOST_MEMORY, host, b->host_bytes, why_free_bytes(&m->facts[0]), c);
}
