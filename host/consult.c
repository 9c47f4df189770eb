// What has to be looked at before a decision can be pure: open the backends that the request could
// use, and ask the libraries what only they know.
#include "streamed.h"
#include <string.h>

static bool asked(const struct why_machine *m, int kernel, int device, const struct why_problem *p,
                  uint64_t most) {
  return why_answer_find(m, kernel, device, p, most) != NULL;
}

static enum why_reason ask_one(struct why_machine *m, const struct why_problem *p, int kernel,
                               int device, uint64_t most) {
  const struct why_kernel *k = why_kernel_at(kernel);
  struct why_slot *slot = &m->slot[why_places()[kernel].code];
  if (m->lost[device] || asked(m, kernel, device, p, most)) return WHY_OK;
  struct why_answer answer = {
      .kernel = kernel,
      .device = device,
      .problem = *p,
      .most_bytes = most,
      .verdict = {.note = "", .cause = ""},
  };
  enum why_reason r = why_attach(m, why_places()[kernel].code, device, &answer.verdict);
  if (!r)
    r = slot->backend->ask(slot->state[device], m->device[device], k->name, p, most,
                           &answer.workspace_bytes, &answer.verdict);
  answer.verdict.reason = r;
  return why_answer_add(m, &answer);
}

// About the whole, and about each different part where a streamed plan will be looked for.
static enum why_reason ask(struct why_machine *m, const struct why_case *cs, int kernel,
                           int device) {
  const struct why_kernel *k = why_kernel_at(kernel);
  const struct why_slot *slot = &m->slot[why_places()[kernel].code];
  const struct why_facts *f = &m->facts[device];
  const struct why_problem *p = &cs->request->problem;
  uint64_t most = why_case_workspace(cs, f);
  if (!(k->types >> p->type & 1) || slot->lacks[kernel] || !slot->backend->ask) return WHY_OK;
  enum why_reason r = ask_one(m, p, kernel, device, most);
  if (r || f->host) return r;
  const struct why_answer *whole = why_answer_find(m, kernel, device, p, most);
  bool fits = whole && cs->operand_bytes + whole->workspace_bytes <= why_device_bytes(cs, f);
  if (fits && !why_streamed_wanted(m, cs, k, device)) return WHY_OK;
  struct why_parts parts;
  struct why_verdict verdict = {.note = "", .cause = ""};
  struct why_problem problem[WHY_PART_PROBLEMS];
  if (why_streamed_parts(m, cs, k, device, &parts, &verdict)) return WHY_OK; // decide says why
  int problems = why_parts_problems(p, &parts, problem, WHY_PART_PROBLEMS);
  for (int i = 0; i < problems && !r; i++)
    r = ask_one(m, &problem[i], kernel, device, why_streamed_workspace(cs, f));
  return r;
}

// A context takes memory: what is free is known once there is one. A device that cannot be bound
// says so to the candidate that tries it.
static void see_memory(struct why_machine *m, int device) {
  struct why_device *d = m->device[device];
  const struct why_facts *f = &m->facts[device];
  if (!d || m->seen[device] || f->host || f->emulated) return; // an emulated context takes nothing
  m->seen[device] = true;
  if (d->bind(d) || d->refresh(d)) return;
  m->facts[device].free_bytes = d->facts.free_bytes;
  m->facts[device].context_bytes = d->facts.context_bytes;
}

enum why_reason why_consult(struct why_machine *m, const struct why_request *request) {
  if (m->replayed) return WHY_OK;
  struct why_case cs;
  why_case_fill(request, &cs);
  enum why_reason first = WHY_OK; // that asking failed is a row's reason, not the request's
  for (int i = 0; i < why_kernel_count(); i++) {
    const struct why_kernel *k = why_kernel_at(i);
    const struct why_place *place = &why_places()[i];
    if (why_op_find(k->op) != request->problem.op || why_excluded(k, request)) continue;
    if (why_load(m, place->device) || why_load(m, place->code)) continue;
    for (int device = 0; device < m->devices; device++) {
      if (strcmp(m->facts[device].backend, k->device)) continue;
      see_memory(m, device);
      if (!k->ask) continue;
      enum why_reason r = ask(m, &cs, i, device);
      if (r == WHY_ALLOC_FAILED && !first) first = r;
    }
  }
  return first;
}
