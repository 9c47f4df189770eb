// A decision in words: where it runs and why, then every candidate with its verdict.
#include "human.h"
#include "machine.h"
#include <math.h>
#include <string.h>

static const char *device_name(const struct why_machine *m, const struct why_candidate *c) {
  return c->device < 0 ? "-" : m->facts[c->device].name;
}

static void limits(FILE *f, const struct why_request *r) {
  fprintf(f, "  policy %s", *r->kernel ? r->kernel : why_policy_name(r->policy));
  fprintf(f, ", transfer %s", why_transfer_name(r->transfer));
  if (r->iterations > 1) fprintf(f, ", %lld iterations", (long long)r->iterations);
  if (r->threads) fprintf(f, ", %d threads", r->threads);
  if (r->budget.device_bytes != WHY_UNLIMITED)
    fprintf(f, ", device memory %s", why_human_bytes((double)r->budget.device_bytes).text);
  if (r->budget.workspace_bytes != WHY_UNLIMITED)
    fprintf(f, ", workspace %s", why_human_bytes((double)r->budget.workspace_bytes).text);
  if (r->budget.pinned_bytes != WHY_UNLIMITED)
    fprintf(f, ", pinned memory %s", why_human_bytes((double)r->budget.pinned_bytes).text);
  if (r->budget.host_bytes != WHY_UNLIMITED)
    fprintf(f, ", host memory %s", why_human_bytes((double)r->budget.host_bytes).text);
  fputc('\n', f);
}

static void verdict(FILE *f, const struct why_verdict *v, const char *indent) {
  fprintf(f, "%s: %s", why_name(v->reason), why_sentence(v->reason));
  struct why_human_pair numbers = why_human_numbers(v->reason, v->need, v->have);
  bool times = !strcmp(why_unit(v->reason), "s");
  if (*why_unit(v->reason))
    fprintf(f, times ? " (%s against %s)" : " (needs %s, has %s)", numbers.need.text,
            numbers.have.text);
  if (*v->cause) fprintf(f, " [%s]", v->cause);
  if (*v->note) fprintf(f, "\n%s%s", indent, v->note);
  fputc('\n', f);
}

static void term(FILE *f, const char *name, double seconds, const char **sign) {
  if (!(seconds > 0)) return;
  fprintf(f, "%s%s %s", *sign, name, why_human_seconds(seconds).text);
  *sign = " + ";
}

// What a call takes, or a part of a streamed plan.
static void call_terms(FILE *f, const struct why_op *op, const struct why_terms *t,
                       const char **sign) {
  term(f, "launch", t->launch, sign);
  term(f, "arithmetic", t->arithmetic, sign);
  for (int i = 0; i < op->operands; i++) term(f, op->operand[i], t->traffic[i], sign);
  for (int i = 0; i < WHY_LOOPS && op->loop[i]; i++) term(f, op->loop[i], t->loop[i], sign);
  term(f, "ragged rows", t->edges, sign);
  term(f, "rows in the same cache sets", t->aliased, sign);
  term(f, "rows far apart", t->far, sign);
  if (t->hidden > 0) fprintf(f, " - hidden %s", why_human_seconds(t->hidden).text);
}

static void whole_terms(FILE *f, const struct why_request *r, const struct why_candidate *c) {
  const char *sign = "", *inner = "";
  bool calls = r->iterations > 1;
  term(f, "copy in", c->copy_in_seconds, &sign);
  if (calls) fprintf(f, "%s%lld x (", sign, (long long)r->iterations);
  call_terms(f, r->problem.op, &c->terms, calls ? &inner : &sign);
  if (calls) fputc(')', f);
  sign = " + ";
  term(f, "copy out", c->copy_out_seconds, &sign);
}

static void part_terms(FILE *f, const struct why_request *r, const struct why_candidate *c) {
  const char *sign = "";
  fprintf(f, "copy in %s, work %s and copy out %s, overlapped; the work of a part = ",
          why_human_seconds(c->copy_in_seconds).text, why_human_seconds(c->work_seconds).text,
          why_human_seconds(c->copy_out_seconds).text);
  call_terms(f, r->problem.op, &c->terms, &sign);
}

// What a prediction is made of, and what its costs rest on.
static void terms(FILE *f, const struct why_request *r, const struct why_candidate *c,
                  const char *indent) {
  if (isnan(c->seconds)) return;
  fprintf(f, "%s= ", indent);
  if (c->plan == WHY_STREAMED)
    part_terms(f, r, c);
  else
    whole_terms(f, r, c);
  if (c->fit)
    fprintf(f, "\n%sby costs fitted to %d measurements, median error %.0f%%\n", indent,
            c->fit->points, 100 * c->fit->error);
  else
    fprintf(f, "\n%sby the kernel's prior, %.0f%% of what the figures allow\n", indent,
            100 * c->kernel->efficiency);
}

static void chosen(FILE *f, const struct why_machine *m, const struct why_decision *d) {
  if (d->chosen < 0) {
    fprintf(f, "-> nothing can run it\n");
    return;
  }
  const struct why_candidate *c = &d->candidate[d->chosen];
  fprintf(f, "-> %s: %s:%s on %s, %s", why_kernel_on_host(c->kernel) ? "CPU" : "GPU",
          c->kernel->backend, c->kernel->name, device_name(m, c), why_plan_name(c->plan));
  if (!isnan(c->seconds))
    fprintf(f, ", predicted %s from %s figures", why_human_seconds(c->seconds).text,
            m->facts[c->device].provenance);
  fputc('\n', f);
  terms(f, &d->request, c, "   ");
  if (c->plan != WHY_STREAMED) return;
  char cut[128];
  why_parts_text(&d->request.problem, &c->parts, cut, sizeof cut);
  fprintf(f, "   in %lld part%s of %s, %s copied in and %s out\n", (long long)c->parts.count,
          c->parts.count == 1 ? "" : "s", cut, why_human_bytes(c->parts.in_bytes).text,
          why_human_bytes(c->parts.out_bytes).text);
}

static void table(FILE *f, const struct why_machine *m, const struct why_decision *d) {
  int kernels = 6, devices = 6;
  for (int i = 0; i < d->candidates; i++) {
    const struct why_candidate *c = &d->candidate[i];
    int kernel = (int)(strlen(c->kernel->backend) + strlen(c->kernel->name)) + 1;
    int device = (int)strlen(device_name(m, c));
    if (kernel > kernels) kernels = kernel;
    if (device > devices) devices = device;
  }
  fprintf(f, "\n  %-*s  %-*s  %-8s  %-14s  %10s  %10s  %10s\n", kernels, "kernel", devices,
          "device", "plan", "reason", "need", "have", "predicted");
  for (int i = 0; i < d->candidates; i++) {
    const struct why_candidate *c = &d->candidate[i];
    const struct why_verdict *v = &c->verdict;
    char kernel[64];
    struct why_human_pair numbers = why_human_numbers(v->reason, v->need, v->have);
    if (!*why_unit(v->reason)) numbers = (struct why_human_pair){{""}, {""}};
    snprintf(kernel, sizeof kernel, "%s:%s", c->kernel->backend, c->kernel->name);
    fprintf(f, "%c %-*s  %-*s  %-8s  %-14s  %10s  %10s  %10s\n", i == d->chosen ? '*' : ' ',
            kernels, kernel, devices, device_name(m, c), why_plan_name(c->plan),
            why_name(v->reason), numbers.need.text, numbers.have.text,
            why_human_seconds(c->seconds).text);
  }
}

void why_explain(FILE *f, const struct why_machine *m, const struct why_decision *d) {
  char text[1024];
  why_problem_text(&d->request.problem, text, sizeof text);
  fprintf(f, "%s\n", text);
  fprintf(f, "  on %s%s\n", m->name, m->replayed ? " (a recorded machine: nothing runs)" : "");
  limits(f, &d->request);
  chosen(f, m, d);
  if (*m->stale) fprintf(f, "   the calibration of this machine is stale: %s\n", m->stale);
  if (d->blame >= 0) {
    const struct why_candidate *b = &d->candidate[d->blame];
    fprintf(f, "   %s, because of %s:%s, the one that came nearest:\n     ",
            why_kernel_on_host(b->kernel) ? "nowhere" : "not on a GPU", b->kernel->backend,
            b->kernel->name);
    verdict(f, &d->fallback, "     ");
    if (d->fallback.reason == WHY_SLOWER) terms(f, &d->request, b, "     ");
  }
  table(f, m, d);
}
