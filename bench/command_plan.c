// `whycpu plan`: which machine, with how much memory, serves this work, and which is the cheapest.
// Runs nothing.
#include "machines.h"
#include "plan_write.h"
#include "suite_list.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { PLAN_MACHINES = 512 };

// ---- what is planned for ------------------------------------------------------------------------

// A line of a suite on the command line: "gemm m=n=k=64..8192*2".
static int read_problems(const struct options *o, struct suite suite[SUITES], int *count) {
  struct why_error error;
  char *text = NULL;
  size_t size = 0;
  FILE *line = open_memstream(&text, &size);
  for (int i = 0; line && i < o->arguments; i++)
    fprintf(line, "%s%s", i ? " " : "", o->argument[i]);
  if (line) fclose(line);
  FILE *file = text && size ? fmemopen(text, size, "r") : NULL;
  if (!file) {
    free(text);
    return machine_failed("out of memory");
  }
  enum why_reason reason = suite_read(file, "command line", &suite[0], &error);
  fclose(file);
  int status = !reason                      ? STATUS_OK
               : reason == WHY_ALLOC_FAILED ? machine_failed("out of memory")
                                            : request_wrong("%.200s: %s", text, error.text);
  *count = !reason;
  free(text);
  return status;
}

static int read_suites(const struct options *o, struct suite suite[SUITES], int *count) {
  char op[64];
  *count = 0;
  if (!o->arguments)
    return request_wrong("a suite or a problem is wanted, such as: plan quick --goal "
                         "'median_s<10ms' (whycpu list suites)");
  snprintf(op, sizeof op, "%.*s", (int)strcspn(o->argument[0], " "), o->argument[0]);
  if (why_op_find(op)) return read_problems(o, suite, count);
  for (int i = 0; i < o->arguments; i++) {
    struct suite more[SUITES];
    int opened = 0, status = suites_open("suite", o->argument[i], more, &opened);
    for (int j = 0; j < opened; j++) {
      if (*count == SUITES) {
        suite_free(&more[j]);
        if (!status) status = request_wrong("suite: at most %d suites", SUITES);
      } else {
        suite[(*count)++] = more[j];
      }
    }
    if (status) return status;
  }
  return STATUS_OK;
}

// ---- machines -----------------------------------------------------------------------------------

static const struct plan_machine *find(const struct plan *plan, const char *name) {
  for (int i = 0; i < plan->machines; i++)
    if (plan_named(&plan->machine[i], name)) return &plan->machine[i];
  return NULL;
}

// A machine file by its path is shown by the name in it, unless another has that name.
static void name_machine(const struct plan *plan, struct plan_machine *m) {
  const char *own = why_machine_name(m->machine);
  size_t length = strlen(m->asked);
  bool file = length > 5 && !strcmp(m->asked + length - 5, ".json") && !strchr(m->asked, '@');
  snprintf(m->name, sizeof m->name, "%s", file && !find(plan, own) ? own : m->asked);
}

static int add_machine(struct plan *plan, const char *said, const char *name) {
  if (find(plan, name)) return STATUS_OK;
  struct plan_machine *m = &plan->machine[plan->machines];
  if (plan->machines == PLAN_MACHINES)
    return request_wrong("%s: at most %d machines", said, PLAN_MACHINES);
  if (strlen(name) >= sizeof m->asked) return request_wrong("%s: the path is too long", said);
  int status = machine_open(said, name, &m->machine);
  if (status) return status;
  strcpy(m->asked, name);
  name_machine(plan, m);
  plan->machines++;
  return STATUS_OK;
}

// All that are known; of a GPU that was recorded and published, the recorded one.
static int add_known(struct plan *plan) {
  char *name[MACHINE_NAMES];
  int names = machine_names(name), status = STATUS_OK;
  for (int i = 0; i < names && !status; i++)
    if (strncmp(name[i], "published/", 10) != 0) status = add_machine(plan, name[i], name[i]);
  data_free(name, names);
  return status;
}

static int add_machines(struct plan *plan, const char *list) {
  char name[PATH_MAX], said[PATH_MAX + 16];
  if (!list) return add_known(plan);
  for (const char *at = list;; at++) {
    int length = (int)strcspn(at, ","), status;
    snprintf(name, sizeof name, "%.*s", length, at);
    snprintf(said, sizeof said, "--machine %s", name);
    if (!length) return request_wrong("--machine %s: an item of the list is empty", list);
    status = !strcmp(name, "all") ? add_known(plan) : add_machine(plan, said, name);
    at += length;
    if (status || !*at) return status;
  }
}

// A price may be of a machine that is not in the list, and of less memory than all.
static int add_prices(struct plan *plan, const struct prices *prices, bool listed) {
  for (int i = 0; i < prices->count; i++) {
    const struct price *price = &prices->row[i];
    char said[PATH_MAX + 160];
    int status;
    snprintf(said, sizeof said, "%s:%d: %s", prices->path, price->line, price->machine);
    if (!listed && (status = add_machine(plan, said, price->machine))) return status;
    const struct plan_machine *m = find(plan, price->machine);
    if (!m) { // not asked for; but is it a machine?
      struct why_machine *known;
      status = machine_open(said, price->machine, &known);
      why_close(known);
      if (status) return status;
      continue;
    }
    if (price->memory_bytes != WHY_UNLIMITED && machine_gpu(m->machine) < 0)
      return request_wrong("%s has no GPU whose memory has a price", said);
  }
  return STATUS_OK;
}

static int make_ladders(struct plan *plan, const struct prices *prices) {
  const struct options *o = plan->options;
  bool listed = o->given & OPTION_MEMORY;
  for (int i = 0; i < plan->machines; i++) {
    struct plan_machine *m = &plan->machine[i];
    plan_ladder(m, o->memory, listed ? o->memories : 0);
    for (int p = 0; p < prices->count; p++)
      if (plan_named(m, prices->row[p].machine) && machine_gpu(m->machine) >= 0 &&
          !plan_rung(m, prices->row[p].memory_bytes))
        return request_wrong("%s: more than %d sizes of memory for %s", prices->path, PLAN_RUNGS,
                             m->name);
  }
  return STATUS_OK;
}

// ---- the command --------------------------------------------------------------------------------

static int one_each(const struct options *o) {
  const struct {
    const char *name;
    int count;
  } list[] = {{"policy", o->policies},
              {"transfer", o->transfers},
              {"threads", o->thread_counts},
              {"iterations", o->iteration_counts}};
  for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
    if (list[i].count > 1)
      return request_wrong("--%s: a plan is for one; make a plan for each", list[i].name);
  return STATUS_OK;
}

static int show(const struct plan *plan, const struct prices *prices, struct output *out) {
  enum table_format format = plan->options->format;
  bool any = false;
  for (int i = 0; i < plan->machines; i++) any |= plan_least(&plan->machine[i]) != NULL;
  int status = STATUS_OK;
  if (format != TABLE_TEXT) {
    status = output_table(out, plan_table(out->file, format, plan, prices));
  } else if (plan_text(out->file, plan, prices)) {
    status = output_close(out);
  } else {
    output_abandon(out);
    status = machine_failed("out of memory");
  }
  return status ? status : any ? STATUS_OK : STATUS_NO;
}

int plan_command(int argc, char **argv) {
  const char *list = NULL, *price = NULL, *goal = NULL;
  struct options o;
  struct suite suite[SUITES];
  struct prices prices = {0};
  struct output out = {0};
  struct plan plan = {.options = &o, .suite = suite, .share = 1};
  const struct option_row rows[] = {
      // clang-format off
      {"goal",    "GOALS",   "median_s<10ms, gflops>500, gbps>100 of each problem; total_s<2",     read_text,    &goal},
      {"share",   "PERCENT", "of the problems that must meet it, 100",                             read_percent, &plan.share},
      {"machine", "LIST",    "names or files, all unless told: l4,l4@pcie3 (whycpu list machines)", read_text,    &list},
      {"price",   "FILE",    "CSV: machine,price_per_hour and if wanted memory,currency,note",     read_text,    &price},
      {NULL},
      // clang-format on
  };
  static const char text[] =
      "Which of the known machines, with how much device memory, serve this work; what more\n"
      "memory buys; which does not serve, and why; which is the cheapest by prices that you give.\n"
      "Every problem is decided on every machine under every budget, by predicted times: nothing\n"
      "is run, and no time is measured. Budgets are powers of two up to the GPU's memory, or "
      "those\n"
      "of --device-memory. With --format csv: one row a machine and budget.\n"
      "Each problem counts once. Status 1: no machine serves.\n\n"
      "  whycpu plan quick --goal 'median_s<10ms'\n"
      "  whycpu plan resnet50 --goal 'total_s<20ms' --machine l4,l4@pcie3,t4 --transfer always\n"
      "  whycpu plan quick,memory --goal 'median_s<0.1' --share 95 --price prices.csv\n"
      "  whycpu plan gemm m=n=k=1024..16384*2 type=bf16 --goal 'gflops>50000' --format csv";
  const struct command_help help = {"plan SUITE...|PROBLEM --goal GOALS [options]", text,
                                    OPTION_DECIDE, rows};
  int status = options_read(argc, argv, &help, &o), suites = 0;
  if (status != STATUS_GO_ON) return status;
  struct why_error error = {0};
  if (!goal)
    return request_wrong("a goal is wanted, such as --goal 'median_s<10ms' or --goal 'total_s<2'");
  if (!read_goals(goal, &plan.goals, &error)) return request_wrong("--goal %s", error.text);
  plan.machine = calloc(PLAN_MACHINES, sizeof *plan.machine);
  if (!plan.machine) return machine_failed("out of memory");
  status = one_each(&o);
  if (!status) status = read_suites(&o, suite, &suites);
  if (!status && price) status = prices_read(price, &prices);
  if (!status) status = add_machines(&plan, list);
  if (!status) status = add_prices(&plan, &prices, list);
  if (!status) status = make_ladders(&plan, &prices);
  if (!status) status = output_open(o.output, &out);
  plan.suites = suites;
  if (!status && (errno = plan_run(&plan))) status = machine_failed("%s", strerror(errno));
  if (!status) status = show(&plan, &prices, &out);
  output_abandon(&out);
  prices_free(&prices);
  for (int i = 0; i < plan.machines; i++) why_close(plan.machine[i].machine);
  for (int i = 0; i < suites; i++) suite_free(&suite[i]);
  free(plan.machine);
  return status;
}
