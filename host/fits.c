// Fitted costs: kept by the machine, found within the time of a decision. Leaves out fitting, which
// takes a library and is the program's (bench/calibrate.c).
#include "cost.h"
#include <stdlib.h>
#include <string.h>

static bool same_case(const struct why_fit *a, const struct why_fit *b) {
  return a->kernel == b->kernel && a->device == b->device && a->type == b->type &&
         a->threads == b->threads && !strcmp(a->form, b->form);
}

enum why_reason why_fit_add(struct why_machine *m, const struct why_fit *fit) {
  for (int i = 0; i < m->fits; i++)
    if (same_case(&m->fit[i], fit)) {
      m->fit[i] = *fit;
      return WHY_OK;
    }
  if (m->fits == m->fit_capacity) {
    int capacity = m->fit_capacity ? 2 * m->fit_capacity : 64;
    struct why_fit *grown = realloc(m->fit, (size_t)capacity * sizeof *grown);
    int *next = grown ? realloc(m->fit_next, (size_t)capacity * sizeof *next) : NULL;
    if (grown) m->fit = grown;
    if (next) m->fit_next = next;
    if (!next) return WHY_ALLOC_FAILED;
    m->fit_capacity = capacity;
  }
  int *first = &m->fit_first[why_kernel_place(fit->kernel)];
  m->fit[m->fits] = *fit;
  m->fit_next[m->fits] = *first; // places from 1; 0: the end
  *first = ++m->fits;
  return WHY_OK;
}

int why_machine_fits(const struct why_machine *m) {
  return m->fits;
}

const struct why_fit *why_machine_fit(const struct why_machine *m, int index) {
  return &m->fit[index];
}

const struct why_facts *why_model_facts(const struct why_machine *m, int device) {
  return m->modelled[device] ? &m->model[device] : &m->facts[device];
}

// Costs are taken to change in proportion to 1 / threads between two counts that were measured.
static void between(const struct why_fit *few, const struct why_fit *many, double threads,
                    struct why_cost *out) {
  double at = (1.0 / few->threads - 1 / threads) / (1.0 / few->threads - 1.0 / many->threads);
  const struct why_cost *a = &few->cost, *b = &many->cost;
  out->launch_seconds = (1 - at) * a->launch_seconds + at * b->launch_seconds;
  out->rate = 1 / ((1 - at) / a->rate + at / b->rate);
  out->distance = (1 - at) * a->distance + at * b->distance;
  out->hidden = (1 - at) * a->hidden + at * b->hidden;
  for (int i = 0; i < WHY_OPERANDS; i++)
    out->passes[i] = (1 - at) * a->passes[i] + at * b->passes[i];
  for (int i = 0; i < WHY_LOOPS; i++)
    out->loop_seconds[i] = (1 - at) * a->loop_seconds[i] + at * b->loop_seconds[i];
  out->edge_seconds = (1 - at) * a->edge_seconds + at * b->edge_seconds;
  out->aliased_passes = (1 - at) * a->aliased_passes + at * b->aliased_passes;
  out->far_passes = (1 - at) * a->far_passes + at * b->far_passes;
}

struct found { // the nearest fits of at most and at least so many threads
  const struct why_fit *few, *many;
};

// form NULL: any.
static struct found find(const struct why_machine *m, int device, const struct why_kernel *k,
                         enum why_type type, const char *form, int threads) {
  struct found found = {NULL, NULL};
  for (int at = m->fit_first[why_kernel_place(k)]; at; at = m->fit_next[at - 1]) {
    const struct why_fit *fit = &m->fit[at - 1];
    if (fit->device != device || fit->type != type) continue;
    if (form && fit->form != form && strcmp(fit->form, form) != 0) continue;
    if (fit->threads <= threads && (!found.few || fit->threads > found.few->threads))
      found.few = fit;
    if (fit->threads >= threads && (!found.many || fit->threads < found.many->threads))
      found.many = fit;
  }
  return found;
}

const char *why_form_of(const struct why_problem *p) {
  return p->op->form ? p->op->form(p) : "";
}

void why_cost_of(const struct why_machine *m, int device, const struct why_kernel *k,
                 const struct why_problem *p, int threads, struct why_cost *out,
                 const struct why_fit **used) {
  const struct why_facts *f = why_model_facts(m, device);
  int all = f->host ? f->multiprocessors : 0, wanted = f->host && threads ? threads : all;
  if (k->threads && wanted > k->threads) wanted = k->threads;
  struct found found = {NULL, NULL};
  if (m->fit_first[why_kernel_place(k)]) {
    found = find(m, device, k, p->type, why_form_of(p), wanted);
    if (!found.few && !found.many) found = find(m, device, k, p->type, NULL, wanted);
  }
  *used = found.few ? found.few : found.many;
  if (!*used)
    why_cost_prior(f, k, p, threads, out);
  else if (found.few && found.many && found.few != found.many)
    between(found.few, found.many, wanted, out);
  else
    *out = (*used)->cost;
}
