// `whycpu check`: every kernel that is present against the reference in double.
#include "check.h"
#include "options.h"
#include <math.h>
#include <string.h>

static int unknown_op(const char *name) {
  const char *choice[32];
  int choices = 0;
  char near[256];
  for (; choices < why_op_count() && choices < 32; choices++)
    choice[choices] = why_op_at(choices)->name;
  nearest(name, choice, choices, near, sizeof near);
  return request_wrong("%s: no such op; %s", name, near);
}

// Names of ops, or one problem: it has keys.
static int read_arguments(const struct options *o, struct check_options *check,
                          struct why_problem *problem) {
  bool keys = false;
  for (int i = 0; i < o->arguments; i++) keys = keys || strpbrk(o->argument[i], "= ");
  if (keys) {
    int status = options_problem(o, problem);
    check->problem = problem;
    return status == STATUS_OK ? options_kernel(o, problem->op) : status;
  }
  for (int i = 0; i < o->arguments; i++)
    if (!why_op_find(o->argument[i])) return unknown_op(o->argument[i]);
  check->op = (const char *const *)o->argument;
  check->ops = o->arguments;
  int status = STATUS_OK;
  for (int i = 0; i < o->arguments && (i == 0 || status != STATUS_OK); i++)
    status = *o->kernel && o->arguments > 1
                 ? request_wrong("--kernel %s: name one op with it", o->kernel)
                 : options_kernel(o, why_op_find(o->argument[i]));
  return status;
}

static void tell_summary(const struct check_summary *s) {
  fprintf(stderr, "%lld rows checked%s: %lld cases passed, %lld failed, %lld not taken; ",
          (long long)s->kernels, s->emulated ? " (CUDA emulated)" : "", (long long)s->passed,
          (long long)s->failed, (long long)s->refused);
  if (!isnan(s->worst)) fprintf(stderr, "largest error %.3g of what is allowed; ", s->worst);
  fprintf(stderr, "%lld rows absent\n", (long long)s->absent);
}

int check_command(int argc, char **argv) {
  struct check_options check = {.seed = 1};
  const struct option_row rows[] = {
      {"quick", NULL, "a fifth of the shapes, and smaller ones", read_flag, &check.quick},
      {"seed", "N", "of the data and the shapes, 1 unless told", read_natural, &check.seed},
      {0}};
  const struct command_help help = {
      .usage = "check [OP...|PROBLEM] [options]",
      .text =
          "Runs every kernel that is present over generated shapes: the whole output against a\n"
          "reference in double, and the memory around it untouched. Kernels that are absent "
          "are\nrows with their reason. Status 1: one failed; it is printed as a command that "
          "repeats it.\n`worst` is the largest error as a share of what the op allows.\n\n"
          "  whycpu check\n"
          "  whycpu check gemm --emulate --quick\n"
          "  whycpu check gemm m=33 n=65 k=17 type=bf16 --emulate --kernel cuda:mma",
      .common = OPTION_EMULATE | OPTION_KERNEL,
      .row = rows};
  struct options o;
  struct why_problem problem;
  struct why_machine *machine = NULL;
  struct check_summary summary;
  struct output out = {0};
  int status = options_read(argc, argv, &help, &o);
  if (status != STATUS_GO_ON) return status;
  check.kernel = o.kernel;
  if ((status = read_arguments(&o, &check, &problem)) != STATUS_OK) return status;
  if ((status = output_open(o.output, &out)) != STATUS_OK) return status;
  if ((status = options_machine(&o, &machine)) != STATUS_OK) {
    output_abandon(&out);
    return status;
  }
  interrupt_defer(true);
  check.table = table_open(out.file, o.format, check_column, CHECK_COLUMNS);
  status = check.table ? check_all(machine, &check, &summary) : machine_failed("out of memory");
  if (check.table) {
    int written = output_table(&out, check.table);
    if (status == STATUS_OK || status == STATUS_NO) tell_summary(&summary);
    if (written != STATUS_OK) status = written;
  }
  output_abandon(&out);
  why_close(machine);
  return status;
}
