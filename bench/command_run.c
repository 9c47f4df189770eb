// `whycpu run`: one problem, decided, run, checked and timed once, on random data or on .npy files.
// Leaves out statistics: whycpu bench has them.
#include "npy.h"
#include "operands.h"
#include "options.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct file_list { // --in and --out: NAME=FILE
  int count;
  const char *text[WHY_OPERANDS];
};

static bool read_file_option(const char *text, void *to, struct why_error *wrong) {
  struct file_list *list = to;
  const char *equal = strchr(text, '=');
  if (!equal || equal == text || !equal[1] || list->count == WHY_OPERANDS) {
    snprintf(wrong->text, sizeof wrong->text, "%s",
             list->count == WHY_OPERANDS ? "too many of them" : "NAME=FILE.npy is wanted");
    return false;
  }
  size_t length = (size_t)(equal - text) + 1;
  for (int i = 0; i < list->count; i++)
    if (!strncmp(list->text[i], text, length)) {
      snprintf(wrong->text, sizeof wrong->text, "operand %.*s was named before: once is wanted",
               length > 40 ? 40 : (int)length - 1, text);
      return false;
    }
  list->text[list->count++] = text;
  return true;
}

// Which operand an item of a list names, with role `role`; -1 with its line printed.
static int named_operand(const struct why_problem *p, const char *option, const char *text,
                         enum why_role role, const char **path) {
  const char *choice[WHY_OPERANDS];
  char name[48], near[128];
  int choices = 0;
  snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
  *path = strchr(text, '=') + 1;
  for (int i = 0; i < p->op->operands; i++) {
    if (!(p->op->role(p, i) & role)) continue;
    if (!strcmp(name, p->op->operand[i])) return i;
    choice[choices++] = p->op->operand[i];
  }
  nearest(name, choice, choices, near, sizeof near);
  request_wrong("--%s %s: no operand of this problem that is %s has this name; %s", option, text,
                role == WHY_IN ? "read" : "written", near);
  return -1;
}

static int read_inputs(const struct why_problem *p, const struct file_list *in,
                       struct operands *data) {
  for (int i = 0; i < in->count; i++) {
    struct why_error error;
    const char *path;
    int operand = named_operand(p, "in", in->text[i], WHY_IN, &path);
    if (operand < 0) return STATUS_REQUEST;
    FILE *file = fopen(path, "rb");
    if (!file) return request_wrong("--in %s: %s", in->text[i], strerror(errno));
    struct why_tensor stored = operand_as_stored(p, &data->tensor[operand]);
    enum why_reason reason = npy_read(file, &stored, &error);
    fclose(file);
    if (reason == WHY_ALLOC_FAILED) return machine_failed("out of memory");
    if (reason != WHY_OK) return request_wrong("--in %s: %s", in->text[i], error.text);
  }
  return STATUS_OK;
}

// Opened before anything runs, so that a wrong path costs nothing.
static int open_outputs(const struct why_problem *p, const struct file_list *list, int *operand,
                        struct output *out) {
  for (int i = 0; i < list->count; i++) {
    const char *path;
    operand[i] = named_operand(p, "out", list->text[i], WHY_OUT, &path);
    if (operand[i] < 0) return STATUS_REQUEST;
    char said[1024];
    snprintf(said, sizeof said, "--out %s", list->text[i]);
    int status = output_open_said(said, path, &out[i]);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

static int write_outputs(const struct why_problem *p, const struct operands *data,
                         const struct file_list *list, const int *operand, struct output *out) {
  int status = STATUS_OK;
  for (int i = 0; i < list->count && status == STATUS_OK; i++) {
    struct why_tensor stored = operand_as_stored(p, &data->tensor[operand[i]]);
    if (npy_write(out[i].file, &stored) != WHY_OK) return machine_failed("out of memory");
    status = output_close(&out[i]);
  }
  return status;
}

// ---- the run ----------------------------------------------------------------------------------

struct result {
  struct why_decision decision;
  struct why_times times; // of one request; not set under emulation
  struct why_check check;
  enum why_reason ran, right; // of why_run and of the check
  uint64_t seed;
  bool random;
  bool separate; // checked on one call of its own
};

// An operand that every call updates has no single reference after several calls: then one call of
// its own is checked first, and the timed ones start again from the same data.
static int run_once(struct why_machine *machine, struct result *r, const struct operands *before,
                    struct operands *now) {
  struct why_request *request = &r->decision.request;
  const struct why_problem *p = &request->problem;
  int64_t iterations = request->iterations;
  int operand;
  for (int i = 0; i < before->count; i++)
    if (p->op->role(p, i) == WHY_INOUT && iterations > 1) r->separate = true;
  if (r->separate) request->iterations = 1;
  r->ran = why_run(machine, &r->decision, now->tensor, &r->times);
  if (r->ran != WHY_OK) return STATUS_OK;
  r->right = why_check(p, before->tensor, now->tensor, &r->check);
  if (r->right == WHY_ALLOC_FAILED) return machine_failed("out of memory for the check");
  if (!operands_intact(p, before, now, &operand)) {
    r->right = WHY_WRONG;
    request_wrong("memory around operand %s was written", p->op->operand[operand]);
  }
  if (!r->separate) return STATUS_OK;
  operands_free(now);
  if (operands_copy(before, now) != WHY_OK) return machine_failed("out of memory");
  request->iterations = iterations;
  r->ran = why_run(machine, &r->decision, now->tensor, &r->times);
  return STATUS_OK;
}

static int status_of(const struct result *r) {
  return r->ran == WHY_OK && r->right == WHY_OK ? STATUS_OK : STATUS_NO;
}

// ---- what is shown ------------------------------------------------------------------------------

static void verdict_line(FILE *f, const char *label, const struct why_verdict *v) {
  char need[48], have[48];
  const char *unit = why_unit(v->reason);
  enum table_unit as = !strcmp(unit, "bytes") ? TABLE_BYTES : TABLE_PLAIN;
  fprintf(f, "%s%s: %s", label, why_name(v->reason), why_sentence(v->reason));
  if (*unit) {
    unit_text(v->need, as, need, sizeof need);
    unit_text(v->have, as, have, sizeof have);
    fprintf(f, "; needs %s, has %s%s%s", need, have, as == TABLE_BYTES ? "" : " ",
            as == TABLE_BYTES ? "" : unit);
  }
  if (*v->cause) fprintf(f, " [%s]", v->cause);
  fputc('\n', f);
  if (*v->note) fprintf(f, "           %s\n", v->note);
}

static void seconds_part(FILE *f, const char *name, double seconds) {
  char text[48];
  if (isnan(seconds) || seconds <= 0) return; // on the host nothing is copied
  unit_text(seconds, TABLE_SECONDS, text, sizeof text);
  fprintf(f, "%s %s", name, text);
}

static void show_text(FILE *f, const struct why_machine *machine, const struct result *r) {
  const struct why_decision *d = &r->decision;
  char text[1024];
  why_problem_text(&d->request.problem, text, sizeof text);
  fprintf(f, "%s\n", text);
  if (d->chosen < 0) {
    fprintf(f, "ran        nowhere: %s, %s\n", why_name(r->ran), why_sentence(r->ran));
  } else {
    const struct why_candidate *c = &d->candidate[d->chosen];
    const struct why_facts *facts = why_machine_device(machine, c->device);
    char cut[160] = "", part[128];
    why_parts_text(&d->request.problem, &c->parts, part, sizeof part);
    if (c->plan == WHY_STREAMED)
      snprintf(cut, sizeof cut, " in %lld parts of %s", (long long)c->parts.count, part);
    fprintf(f, "ran        on the %s: %s:%s, %s, %s%s%s\n", facts->host ? "CPU" : "GPU",
            c->kernel->backend, c->kernel->name, facts->name, why_plan_name(c->plan), cut,
            facts->emulated ? " (emulated: no time)" : "");
    if (*c->verdict.note) fprintf(f, "           %s\n", c->verdict.note);
  }
  if (d->blame >= 0) {
    const struct why_candidate *c = &d->candidate[d->blame];
    snprintf(text, sizeof text, "no GPU     %s:%s, ", c->kernel->backend, c->kernel->name);
    verdict_line(f, text, &d->fallback);
  }
  for (int i = 0; i < d->candidates; i++) // tried and failed on the way
    if (d->candidate[i].verdict.reason >= WHY_ALLOC_FAILED && i != d->blame) {
      const struct why_kernel *kernel = d->candidate[i].kernel;
      snprintf(text, sizeof text, "failed     %s:%s, ", kernel->backend, kernel->name);
      verdict_line(f, text, &d->candidate[i].verdict);
    }
  if (r->ran != WHY_OK) return;
  if (!isnan(r->times.total)) {
    seconds_part(f, "time      ", r->times.total);
    seconds_part(f, ": copies in", r->times.copy_in);
    seconds_part(f, ", work", r->times.work);
    seconds_part(f, ", copies out", r->times.copy_out);
    fprintf(f, " (%lld call%s, once; whycpu bench repeats)\n", (long long)d->request.iterations,
            d->request.iterations == 1 ? "" : "s");
  }
  fprintf(f, "check      %s: error %.3g of its scale, %.3g allowed (%s%s)\n",
          r->right == WHY_OK ? "right" : "WRONG", r->check.error, r->check.tolerance,
          r->check.verified, r->separate ? ", on one call of its own" : "");
  if (r->right == WHY_OK && r->check.finds > r->check.tolerance)
    fprintf(f, "           one element off by more than %.3g of its scale would have been found\n",
            r->check.finds);
  if (r->random)
    fprintf(f, "data       random in [-1, 1], --seed %llu\n", (unsigned long long)r->seed);
}

static const struct table_column column[] = {
    {"op"},         {"type"},    {"dims"},     {"policy"},        {"iterations"},
    {"seed"},       {"backend"}, {"kernel"},   {"device"},        {"plan"},
    {"status"},     {"reason"},  {"fallback"}, {"fallback_need"}, {"fallback_have"},
    {"cause"},      {"note"},    {"source"},   {"copy_in_s"},     {"work_s"},
    {"copy_out_s"}, {"total_s"}, {"error"},    {"tolerance"},     {"verified"}};
enum { COLUMNS = sizeof column / sizeof column[0] };

static struct table *show_row(FILE *f, enum table_format format, const struct why_machine *machine,
                              const struct result *r) {
  const struct why_decision *d = &r->decision;
  const struct why_candidate *c = d->chosen < 0 ? NULL : &d->candidate[d->chosen];
  const struct why_facts *facts = c ? why_machine_device(machine, c->device) : NULL;
  const struct why_verdict *v = &d->fallback;
  bool ran = r->ran == WHY_OK, fell = d->blame >= 0;
  bool numbers = fell && *why_unit(v->reason);
  char dims[512];
  struct table *t = table_open(f, format, column, COLUMNS);
  if (!t) return NULL;
  why_problem_dims(&d->request.problem, dims, sizeof dims);
  table_string(t, d->request.problem.op->name);
  table_string(t, why_type_name(d->request.problem.type));
  table_string(t, dims);
  table_string(t, *d->request.kernel ? d->request.kernel : why_policy_name(d->request.policy));
  table_integer(t, d->request.iterations);
  if (r->random)
    table_unsigned(t, r->seed);
  else
    table_none(t);
  table_string(t, c ? c->kernel->backend : NULL);
  table_string(t, c ? c->kernel->name : NULL);
  table_string(t, facts ? facts->name : NULL);
  table_string(t, c ? why_plan_name(c->plan) : NULL);
  table_string(t, !ran ? "refused" : r->right == WHY_OK ? "chosen" : "failed");
  table_string(t, why_name(ran ? r->right : r->ran));
  table_string(t, fell ? why_name(v->reason) : NULL);
  table_number(t, numbers ? v->need : NAN);
  table_number(t, numbers ? v->have : NAN);
  table_string(t, fell && *v->cause ? v->cause : NULL);
  table_string(t, fell && *v->note ? v->note : NULL);
  table_string(t, !ran ? NULL : facts && facts->emulated ? "emulated" : "measured");
  table_number(t, r->times.copy_in);
  table_number(t, r->times.work);
  table_number(t, r->times.copy_out);
  table_number(t, r->times.total);
  table_number(t, ran ? r->check.error : NAN);
  table_number(t, ran ? r->check.tolerance : NAN);
  table_string(t, ran ? r->check.verified : NULL);
  return t;
}

// ---- the command ------------------------------------------------------------------------------

static int one_request(const struct options *o) {
  return options_requests(o) == 1
             ? STATUS_OK
             : request_wrong("one policy, budget, thread count, transfer, cache, way to submit "
                             "and iteration count at a time (whycpu bench "
                             "takes lists)");
}

// Decides, runs and checks. STATUS_OK: the result is there, right or not.
static int decide_and_run(struct why_machine *machine, const struct why_request *request,
                          struct result *r, const struct operands *before, struct operands *now) {
  enum why_reason reason = why_consult(machine, request);
  if (reason == WHY_OK) reason = why_decide(machine, request, &r->decision);
  if (reason != WHY_OK) return machine_failed("it could not be decided: %s", why_sentence(reason));
  int status = run_once(machine, r, before, now);
  const struct why_decision *d = &r->decision;
  if (r->ran != WHY_OK || why_machine_device(machine, d->candidate[d->chosen].device)->emulated)
    r->times = (struct why_times){NAN, NAN, NAN, NAN, NAN}; // never a time of the emulation
  return status;
}

// The operands as they come and as they are now are both kept, for the check.
static int make_operands(const struct why_machine *machine, const struct why_problem *p,
                         uint64_t seed, struct operands *out) {
  double need = 2 * operands_bytes(p), have = (double)why_machine_device(machine, 0)->free_bytes;
  char needs[48], has[48];
  if ((have == 0 || need <= have) && operands_make(p, seed, 0, out) == WHY_OK) return STATUS_OK;
  unit_text(need, TABLE_BYTES, needs, sizeof needs);
  unit_text(have, TABLE_BYTES, has, sizeof has);
  return machine_failed("running and checking it takes %s of host memory, and %s is free", needs,
                        has);
}

int run_command(int argc, char **argv) {
  struct file_list in = {0}, out_files = {0};
  struct result r = {.seed = 1, .times = {NAN, NAN, NAN, NAN, NAN}};
  const struct option_row rows[] = {
      {"in", "NAME=FILE", "an operand from a .npy file; random where none is given",
       read_file_option, &in},
      {"out", "NAME=FILE", "writes an operand to a .npy file", read_file_option, &out_files},
      {"seed", "N", "of the random data, 1 unless told", read_natural, &r.seed},
      {0}};
  const struct command_help help = {
      .usage = "run PROBLEM... [options]",
      .text = "Decides, runs, checks the whole result against a reference in double, and times it "
              "once.\nFiles have an operand's dims as the problem names them; those of conv2d in "
              "the order of\nits layout: n,c,h,w and k,c,r,s, or n,h,w,c and k,r,s,c.\n"
              "Status 1: wrong, or it cannot run as asked.\n\n"
              "  whycpu run gemm m=1024 n=1024 k=1024\n"
              "  whycpu run gemm m=64 n=32 k=16 --in a=a.npy --in b=b.npy --out c=c.npy\n"
              "  whycpu run conv2d n=1 c=8 h=14 w=14 k=8 r=3 s=3 --in x=x.npy --out y=y.npy\n"
              "  whycpu run softmax rows=256 cols=1000 --emulate --policy cuda:warp",
      .common = OPTION_EMULATE | OPTION_DECIDE | OPTION_SUBMIT,
      .row = rows};
  struct options o;
  struct why_request request;
  struct why_machine *machine = NULL;
  struct operands before = {0}, now = {0};
  struct output out = {0}, npy[WHY_OPERANDS] = {0};
  int operand[WHY_OPERANDS], inputs = 0;
  int status = options_read(argc, argv, &help, &o);
  if (status != STATUS_GO_ON) return status;
  if ((status = options_problem(&o, &request.problem)) != STATUS_OK) return status;
  const struct why_problem problem = request.problem;
  if ((status = options_kernel(&o, problem.op)) != STATUS_OK) return status;
  if ((status = one_request(&o)) != STATUS_OK) return status;
  for (int i = 0; i < problem.op->operands; i++)
    if (problem.op->role(&problem, i) & WHY_IN) inputs++;
  r.random = in.count < inputs;
  status = options_machine(&o, &machine);
  if (status == STATUS_OK) status = make_operands(machine, &problem, r.seed, &before);
  if (status == STATUS_OK) status = read_inputs(&problem, &in, &before);
  if (status == STATUS_OK && operands_copy(&before, &now) != WHY_OK)
    status = machine_failed("the operands do not fit in host memory twice");
  if (status == STATUS_OK) status = open_outputs(&problem, &out_files, operand, npy);
  if (status == STATUS_OK) status = output_open(o.output, &out);
  if (status == STATUS_OK) {
    options_request(&o, machine, &problem, 0, &request);
    status = decide_and_run(machine, &request, &r, &before, &now);
  }
  if (status == STATUS_OK && r.ran == WHY_OK)
    status = write_outputs(&problem, &now, &out_files, operand, npy);
  if (status == STATUS_OK) {
    if (o.format == TABLE_TEXT) {
      show_text(out.file, machine, &r);
      status = output_close(&out);
    } else {
      status = output_table(&out, show_row(out.file, o.format, machine, &r));
    }
  }
  if (status == STATUS_OK) status = status_of(&r);
  output_abandon(&out);
  for (int i = 0; i < WHY_OPERANDS; i++) output_abandon(&npy[i]);
  why_decision_free(&r.decision);
  if (machine) why_close(machine);
  operands_free(&now);
  operands_free(&before);
  return status;
}
