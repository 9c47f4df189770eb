#include "check.h"
#include "clock.h"
#include "operands.h"
#include "program.h"
#include "shapes.h"
#include <math.h>
#include <string.h>

const struct table_column check_column[CHECK_COLUMNS] = {
    {"op"},      {"kernel"}, {"type"},     {"device"}, {"status"}, {"passed"}, {"failed"},
    {"refused"}, {"worst"},  {"emulated"}, {"reason"}, {"unit"},   {"cause"},  {"note"}};

enum { FAILURES_SHOWN = 3 }; // of one row; the rest is counted

struct checker {
  struct why_machine *machine;
  const struct check_options *options;
  struct why_decision decision; // its array is kept from case to case
  struct operands before, now;
  char kernel[48];
};

// As a command that repeats the case.
static void tell_failure(const struct checker *c, const struct check_row *row,
                         const struct why_problem *p, const char *what) {
  char text[1024];
  why_problem_text(p, text, sizeof text);
  fprintf(stderr, "failed: %s\n  whycpu check %s --kernel %s --seed %llu%s\n", what, text,
          c->kernel, (unsigned long long)c->options->seed, row->emulated ? " --emulate" : "");
}

static void fail(const struct checker *c, struct check_row *row, const struct why_problem *p,
                 const struct why_verdict *verdict, const char *what) {
  row->verdict = *verdict;
  if (row->failed++ < FAILURES_SHOWN) tell_failure(c, row, p, what);
}

// Runs the decided candidate on guarded operands and looks at all that it wrote.
static enum why_reason run_case(struct checker *c, struct check_row *row,
                                const struct why_problem *p) {
  struct why_times times;
  struct why_check check;
  struct why_verdict wrong = {.reason = WHY_WRONG, .note = "", .cause = ""};
  char what[256];
  int operand, shift = 0; // on the host every other case is off its boundary by an element
  for (int i = 0; i < p->op->params && why_kernel_on_host(row->kernel); i++)
    shift = (int)((shift + p->value[i]) % 2);
  enum why_reason reason = operands_make(p, c->options->seed, shift, &c->before);
  if (!reason) reason = operands_copy(&c->before, &c->now);
  if (reason) return reason;
  int candidate = c->decision.chosen;
  reason = why_run(c->machine, &c->decision, c->now.tensor, &times);
  if (reason) {
    const struct why_verdict *v = &c->decision.candidate[candidate].verdict;
    snprintf(what, sizeof what, "%s, %s%s%.120s", why_name(v->reason), why_sentence(v->reason),
             *v->note ? ": " : "", v->note);
    fail(c, row, p, v, what);
    return WHY_OK;
  }
  if (!operands_intact(p, &c->before, &c->now, &operand)) {
    snprintf(what, sizeof what, "memory around operand %s was written", p->op->operand[operand]);
    fail(c, row, p, &wrong, what);
    return WHY_OK;
  }
  reason = why_check(p, c->before.tensor, c->now.tensor, &check);
  if (reason && reason != WHY_WRONG) return reason;
  double ratio = check.error / check.tolerance;
  if (!(ratio <= row->worst)) row->worst = isnan(ratio) ? INFINITY : ratio;
  if (reason) {
    snprintf(what, sizeof what, "element %lld of operand %s: error %.3g of its scale, %.3g allowed",
             (long long)check.element, p->op->operand[check.output], check.error, check.tolerance);
    fail(c, row, p, &wrong, what);
    return WHY_OK;
  }
  row->passed++;
  return WHY_OK;
}

static enum why_reason one_case(struct checker *c, struct check_row *row,
                                const struct why_problem *p) {
  struct why_request request;
  why_request_default(p, &request);
  snprintf(request.kernel, sizeof request.kernel, "%s", c->kernel);
  enum why_reason reason = why_consult(c->machine, &request);
  if (!reason) reason = why_decide(c->machine, &request, &c->decision);
  if (reason) return reason;
  if (c->decision.chosen < 0) { // the others are EXCLUDED, this one has its reason
    row->refused++;
    for (int i = 0; i < c->decision.candidates; i++)
      if (c->decision.candidate[i].kernel == row->kernel && !row->failed)
        row->verdict = c->decision.candidate[i].verdict;
    return WHY_OK;
  }
  const struct why_candidate *chosen = &c->decision.candidate[c->decision.chosen];
  const struct why_facts *facts = why_machine_device(c->machine, chosen->device);
  row->device = facts->name;
  row->emulated = facts->emulated;
  reason = run_case(c, row, p);
  operands_free(&c->before);
  operands_free(&c->now);
  return reason;
}

// ---- rows -------------------------------------------------------------------------------------

static void table_row(struct table *t, const struct check_row *row) {
  bool ran = row->passed + row->failed > 0;
  const struct why_verdict *v = &row->verdict;
  bool say = !ran || row->failed;
  char kernel[64];
  snprintf(kernel, sizeof kernel, "%s:%s", row->kernel->backend, row->kernel->name);
  table_string(t, row->kernel->op);
  table_string(t, kernel);
  table_string(t, why_type_name(row->type));
  table_string(t, row->device);
  table_string(t, row->failed ? "failed" : ran ? "passed" : "absent");
  table_integer(t, row->passed);
  table_integer(t, row->failed);
  table_integer(t, row->refused);
  table_number(t, ran ? row->worst : NAN);
  if (ran)
    table_bool(t, row->emulated);
  else
    table_none(t);
  table_string(t, say ? why_name(v->reason) : NULL);
  table_string(t, say && *why_unit(v->reason) ? why_unit(v->reason) : NULL);
  table_string(t, say && *v->cause ? v->cause : NULL);
  table_string(t, say && *v->note ? v->note : NULL);
}

static bool wanted(const struct check_options *o, const struct why_kernel *kernel, const char *name,
                   enum why_type type) {
  bool op = !o->ops;
  for (int i = 0; i < o->ops; i++) op = op || !strcmp(o->op[i], kernel->op);
  if (o->problem) op = !strcmp(o->problem->op->name, kernel->op) && type == o->problem->type;
  if (o->gpu_only && why_kernel_on_host(kernel)) return false;
  return op && (kernel->types & 1u << type) && (!*o->kernel || !strcmp(o->kernel, name));
}

// A machine without the backend or device refuses all cases alike: one is enough to say so.
static bool hopeless(const struct check_row *row) {
  return row->verdict.reason != WHY_OK && !row->passed && !row->failed &&
         row->verdict.reason < WHY_TYPE;
}

static enum why_reason check_row(struct checker *c, struct check_row *row) {
  // An emulated thread takes some 10 ns a step, so shapes stay small there; elsewhere the reference
  // in double is what takes the time.
  bool emulated = false;
  for (int i = 0; i < why_machine_devices(c->machine); i++)
    emulated = emulated || why_machine_device(c->machine, i)->emulated;
  bool small = emulated && !why_kernel_on_host(row->kernel), quick = c->options->quick;
  double most_flops = small ? (quick ? 1.2e6 : 1e7) : (quick ? 1e7 : 5e7);
  const struct why_op *op = why_op_find(row->kernel->op);
  struct shapes shapes = {0};
  double begin = seconds_now();
  enum why_reason reason = WHY_OK;
  if (c->options->problem)
    reason = one_case(c, row, c->options->problem);
  else
    reason = shapes_make(op, row->type, quick, most_flops, c->options->seed, &shapes);
  for (int i = 0; i < shapes.count && !reason && !interrupted() && !hopeless(row); i++)
    reason = one_case(c, row, &shapes.item[i]);
  shapes_free(&shapes);
  if (hopeless(row)) row->refused = 0; // nothing was wrong with the case
  row->seconds = seconds_now() - begin;
  return reason;
}

static void add_row(struct check_summary *s, const struct check_row *row) {
  bool ran = row->passed + row->failed > 0;
  s->kernels += ran;
  s->absent += !ran;
  s->passed += row->passed;
  s->failed += row->failed;
  s->refused += row->refused;
  s->emulated = s->emulated || (ran && row->emulated);
  if (ran && !(row->worst <= s->worst)) s->worst = row->worst;
}

int check_all(struct why_machine *machine, const struct check_options *o,
              struct check_summary *sum) {
  struct checker c = {.machine = machine, .options = o};
  enum why_reason reason = WHY_OK;
  *sum = (struct check_summary){.worst = NAN};
  why_open_all(machine);
  for (int i = 0; i < why_kernel_count() && !reason; i++)
    for (int type = 0; type < WHY_TYPE_COUNT && !reason && !interrupted(); type++) {
      struct check_row row = {.kernel = why_kernel_at(i),
                              .type = (enum why_type)type,
                              .worst = NAN,
                              .verdict = {.note = "", .cause = ""}};
      snprintf(c.kernel, sizeof c.kernel, "%s:%s", row.kernel->backend, row.kernel->name);
      if (!wanted(o, row.kernel, c.kernel, row.type)) continue;
      reason = check_row(&c, &row);
      add_row(sum, &row);
      if (o->table) table_row(o->table, &row);
    }
  sum->interrupted = interrupted();
  why_decision_free(&c.decision);
  if (reason) return machine_failed("the check stopped: %s", why_sentence(reason));
  if (sum->interrupted) return STATUS_INTERRUPTED;
  return sum->failed ? STATUS_NO : STATUS_OK;
}
