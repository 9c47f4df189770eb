// What has to be looked at before a decision can be pure: open the backends that the request could
// use, and ask the libraries what only they know.
#include "decide.h"
#include <string.h>

static bool asked(const struct why_machine *m, int kernel, int device, const struct why_problem *p,
                  uint64_t most) {
  return why_answer_find(m, kernel, device, p, most) != NULL;
}

static enum why_reason ask(struct why_machine *m, const struct why_case *cs, int kernel,
                           int device) {
  const struct why_kernel *k = why_kernel_at(kernel);
  struct why_slot *slot = &m->slot[why_places()[kernel].code];
  const struct why_problem *p = &cs->request->problem;
  uint64_t most = why_case_workspace(cs, &m->facts[device]);
  if (!(k->types >> p->type & 1) || slot->lacks[kernel] || !slot->backend->ask) return WHY_OK;
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

enum why_reason why_consult(struct why_machine *m, const struct why_request *request) {
  if (m->replayed) return WHY_OK;
  struct why_case cs;
  why_case_fill(request, &cs);
  enum why_reason first = WHY_OK; // that asking failed is a row's reason, not the request's
  for (int i = 0; i < why_kernel_count(); i++) {
    const struct why_kernel *k = why_kernel_at(i);
    const struct why_place *place = &why_places()[i];
    if (why_op_find(k->op) != request->problem.op || why_excluded(k, request)) continue;
    if (why_load(m, place->device) || why_load(m, place->code) || !k->ask) continue;
    for (int device = 0; device < m->devices; device++) {
      if (strcmp(m->facts[device].backend, k->device)) continue;
      enum why_reason r = ask(m, &cs, i, device);
      if (r == WHY_ALLOC_FAILED && !first) first = r;
    }
  }
  return first;
}
