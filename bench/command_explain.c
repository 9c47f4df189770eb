// `whycpu explain`: the decision for one problem, once for each combination of policy, budget,
// threads and transfer. Runs nothing.
#include "options.h"
#include "terms.h"
#include <math.h>
#include <string.h>

static const struct table_column column[] = {{"decision"},
                                             {"op"},
                                             {"type"},
                                             {"dims"},
                                             {"policy"},
                                             {"transfer"},
                                             {"device_memory_bytes", TABLE_BYTES},
                                             {"threads"},
                                             {"backend"},
                                             {"kernel"},
                                             {"device"},
                                             {"plan"},
                                             {"status"},
                                             {"reason"},
                                             {"need"},
                                             {"have"},
                                             {"unit"},
                                             {"cause"},
                                             {"note"},
                                             {"predicted_s", TABLE_SECONDS},
                                             {"part"},
                                             {"pinned_bytes", TABLE_BYTES},
                                             {"peak_bytes", TABLE_BYTES},
                                             {"copy_in_s", TABLE_SECONDS},
                                             {"launch_s", TABLE_SECONDS},
                                             {"arithmetic_s", TABLE_SECONDS},
                                             {"traffic_s", TABLE_SECONDS},
                                             {"loops_s", TABLE_SECONDS},
                                             {"hidden_s", TABLE_SECONDS},
                                             {"copy_out_s", TABLE_SECONDS},
                                             {"costs"}};
enum { COLUMNS = sizeof column / sizeof column[0] };

// Launch, arithmetic, traffic and hidden are of one call, or of one part of a streamed plan.
static void terms_cells(struct table *t, const struct why_candidate *c) {
  bool known = !isnan(c->seconds);
  const double cell[] = {c->copy_in_seconds,       c->terms.launch,        c->terms.arithmetic,
                         terms_traffic(&c->terms), terms_loops(&c->terms), c->terms.hidden,
                         c->copy_out_seconds};
  for (size_t i = 0; i < sizeof cell / sizeof *cell; i++) table_number(t, known ? cell[i] : NAN);
  table_string(t, !known ? NULL : c->fit ? "fitted" : "prior");
}

static void candidate_row(struct table *t, const struct why_machine *machine, int decision,
                          const struct why_decision *d, int i) {
  const struct why_candidate *c = &d->candidate[i];
  const struct why_request *r = &d->request;
  const struct why_verdict *v = &c->verdict;
  char dims[512];
  bool numbers = *why_unit(v->reason) != 0;
  why_problem_dims(&r->problem, dims, sizeof dims);
  table_integer(t, decision);
  table_string(t, r->problem.op->name);
  table_string(t, why_type_name(r->problem.type));
  table_string(t, dims);
  table_string(t, *r->kernel ? r->kernel : why_policy_name(r->policy));
  table_string(t, why_transfer_name(r->transfer));
  if (r->budget.device_bytes == WHY_UNLIMITED)
    table_none(t);
  else
    table_unsigned(t, r->budget.device_bytes);
  if (r->threads)
    table_integer(t, r->threads);
  else
    table_none(t);
  table_string(t, c->kernel->backend);
  table_string(t, c->kernel->name);
  table_string(t, c->device < 0 ? NULL : why_machine_device(machine, c->device)->name);
  table_string(t, why_plan_name(c->plan));
  table_string(t, i == d->chosen ? "chosen" : "refused");
  table_string(t, why_name(v->reason));
  table_number(t, numbers ? v->need : NAN);
  table_number(t, numbers ? v->have : NAN);
  table_string(t, numbers ? why_unit(v->reason) : NULL);
  table_string(t, *v->cause ? v->cause : NULL);
  table_string(t, *v->note ? v->note : NULL);
  table_number(t, c->seconds);
  if (c->plan == WHY_STREAMED && c->parts.count) {
    char part[128];
    why_parts_text(&r->problem, &c->parts, part, sizeof part);
    table_string(t, part);
    table_unsigned(t, c->peak.pinned_bytes);
  } else {
    table_none(t);
    table_none(t);
  }
  uint64_t peak = c->plan == WHY_ON_HOST ? c->peak.host_bytes : c->peak.device_bytes;
  if (peak)
    table_unsigned(t, peak);
  else
    table_none(t); // not looked at
  terms_cells(t, c);
}

// Decides for every combination and shows each. *none: at least one could run nowhere.
static int explain(struct why_machine *machine, const struct options *o,
                   const struct why_problem *problem, FILE *file, struct table *t, bool *none) {
  struct why_decision decision = {0};
  enum why_reason reason = WHY_OK;
  for (int i = 0; i < options_requests(o) && reason == WHY_OK; i++) {
    struct why_request request;
    options_request(o, machine, problem, i, &request);
    reason = why_consult(machine, &request);
    if (reason == WHY_OK) reason = why_decide(machine, &request, &decision);
    if (reason != WHY_OK) break;
    if (decision.chosen < 0) *none = true;
    if (!t) {
      if (i) putc('\n', file);
      why_explain(file, machine, &decision);
    }
    for (int c = 0; t && c < decision.candidates; c++)
      candidate_row(t, machine, i + 1, &decision, c);
  }
  why_decision_free(&decision);
  if (reason == WHY_OK) return STATUS_OK;
  return reason == WHY_BAD_INPUT
             ? request_wrong("%s", why_sentence(reason))
             : machine_failed("it could not be decided: %s", why_sentence(reason));
}

int explain_command(int argc, char **argv) {
  static const struct command_help help = {
      .usage = "explain PROBLEM... [options]",
      .text = "Where a problem would run, and for every other kernel why it would not. Runs "
              "nothing.\nLists make one decision each. Status 1: nothing can run it as asked.\n\n"
              "  whycpu explain gemm m=4096 n=4096 k=4096 type=bf16\n"
              "  whycpu explain softmax rows=65536 cols=8192 --policy gpu-only\n"
              "  whycpu explain gemm m=32768 n=32768 k=32768 --machine h200 --device-memory "
              "8GiB,none\n"
              "  whycpu explain gemm m=8192 n=8192 k=8192 --machine h200 --plan streamed",
      .common = OPTION_MACHINE | OPTION_EMULATE | OPTION_DECIDE};
  struct options o;
  struct why_problem problem;
  struct why_machine *machine = NULL;
  struct output out = {0};
  bool none = false;
  int status = options_read(argc, argv, &help, &o);
  if (status != STATUS_GO_ON) return status;
  if ((status = options_problem(&o, &problem)) != STATUS_OK) return status;
  if ((status = options_kernel(&o, problem.op)) != STATUS_OK) return status;
  if ((status = output_open(o.output, &out)) != STATUS_OK) return status;
  status = options_machine(&o, &machine);
  if (status == STATUS_OK) {
    struct table *t =
        o.format == TABLE_TEXT ? NULL : table_open(out.file, o.format, column, COLUMNS);
    if (!t && o.format != TABLE_TEXT)
      status = machine_failed("out of memory");
    else
      status = explain(machine, &o, &problem, out.file, t, &none);
    if (t && !table_close(t) && status == STATUS_OK) status = machine_failed("out of memory");
  }
  if (machine) why_close(machine);
  if (status != STATUS_OK) {
    output_abandon(&out);
    return status;
  }
  status = output_close(&out);
  return status == STATUS_OK && none ? STATUS_NO : status;
}
