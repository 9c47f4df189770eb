// `whycpu bench`: what is swept, where the rows go, and what is said about them. Without a suite or
// a machine it is the default sweep: what this machine does (measured), what a GPU would do
// (predicted, if there is none here), and whether the kernels are right (verified under emulation).
#include "ceilings.h"
#include "options.h"
#include "summary.h"
#include "sweep.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SUITES = 16, ITERATIONS = 16, PATH = 4096 };

struct bench {
  struct options options;
  const char *suites, *iterations, *output_dir;
  struct sweep_rules rules;
  int64_t iteration[ITERATIONS];
  int iteration_counts;
  bool overwrite, rows_on_stdout;
  char path[PATH]; // of the rows; "" without a file
  FILE *words;     // where the summary goes
};

// ---- lines --------------------------------------------------------------------------------------

static void say(const struct bench *b, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const struct bench *b, const char *label, const char *format, ...) {
  va_list arguments;
  fprintf(b->words, "%s | ", label);
  va_start(arguments, format);
  vfprintf(b->words, format, arguments);
  va_end(arguments);
  fputc('\n', b->words);
  fflush(b->words);
}

// ---- rows ---------------------------------------------------------------------------------------

struct rows { // where they go, and what is counted of them
  struct csv_writer csv;
  struct table *table;
  struct output json;
  struct summary summary;
  bool to_csv;
};

static int take_row(void *to, const struct suite_case *item, const struct csv_row *row, bool gpu) {
  struct rows *r = to;
  int error = r->to_csv ? csv_write(&r->csv, row) : 0;
  if (r->table)
    for (int i = 0; i < CSV_COLUMNS; i++) {
      const void *at = (const char *)row + csv_column[i].offset;
      switch (csv_column[i].kind) {
      case CSV_TEXT:
        table_string(r->table, **(const char *const *)at ? *(const char *const *)at : NULL);
        break;
      case CSV_REAL:
        table_number(r->table, *(const double *)at);
        break;
      case CSV_WHOLE:
        *(const int64_t *)at == CSV_NONE ? table_none(r->table)
                                         : table_integer(r->table, *(const int64_t *)at);
        break;
      case CSV_BYTES:
        *(const uint64_t *)at == WHY_UNLIMITED ? table_none(r->table)
                                               : table_unsigned(r->table, *(const uint64_t *)at);
        break;
      }
    }
  return error ? error : summary_add(&r->summary, item, row, gpu);
}

// "x.csv" and "predicted-h200" make "x-predicted-h200.csv".
static void path_of_part(const struct bench *b, const char *part, char *out) {
  const char *dot = strrchr(b->path, '.'), *slash = strrchr(b->path, '/');
  int stem = dot && (!slash || dot > slash + 1) ? (int)(dot - b->path) : (int)strlen(b->path);
  snprintf(out, PATH, "%.*s%s%s%s", stem, b->path, *part ? "-" : "", part, b->path + stem);
}

static int rows_open(const struct bench *b, const char *path, struct rows *r) {
  static struct table_column column[CSV_COLUMNS];
  for (int i = 0; i < CSV_COLUMNS; i++) column[i].name = csv_column[i].name;
  memset(r, 0, sizeof *r);
  if (b->options.format == TABLE_JSON) {
    int status = output_open(*path ? path : NULL, &r->json);
    if (status) return status;
    r->table = table_open(r->json.file, TABLE_JSON, column, CSV_COLUMNS);
    return r->table ? STATUS_OK : machine_failed("out of memory");
  }
  if (!*path && !b->rows_on_stdout) return STATUS_OK;
  if (*path && b->overwrite && unlink(path) && errno != ENOENT)
    return machine_failed("%s: %s", path, strerror(errno));
  int error = *path ? csv_create(&r->csv, path) : csv_attach(&r->csv, STDOUT_FILENO);
  r->to_csv = !error;
  if (!error) return STATUS_OK;
  if (error == EEXIST)
    return request_wrong("%s is there already; name another file, or add --overwrite", path);
  bool place = error == ENOENT || error == EACCES || error == ENOTDIR || error == EISDIR;
  return (place ? request_wrong : machine_failed)("%s: %s", *path ? path : "standard output",
                                                  strerror(error));
}

static int rows_close(const char *path, struct rows *r, const struct sweep_result *result) {
  int status = STATUS_OK, error = result->error;
  long long rows = r->csv.rows;
  if (r->to_csv) {
    int closed = csv_close(&r->csv);
    if (!error) error = closed;
  }
  if (r->table) {
    if (!table_close(r->table) && !error) error = errno ? errno : EIO;
    if (error)
      output_abandon(&r->json);
    else
      status = output_close(&r->json);
  }
  summary_free(&r->summary);
  if (error == EPIPE && !*path) return STATUS_OK; // the reader has seen enough
  if (error == ENOMEM) return machine_failed("out of memory after %lld rows, which are kept", rows);
  if (error)
    return machine_failed("%s: %s; %lld rows before it are kept", *path ? path : "standard output",
                          strerror(error), rows);
  return status;
}

// ---- this machine -------------------------------------------------------------------------------

static int gpu_of(const struct why_machine *machine) { // -1: none
  for (int i = 0; i < why_machine_devices(machine); i++)
    if (!why_machine_device(machine, i)->host) return i;
  return -1;
}

// Why no GPU is used, as the first decision has it: in the system's own words.
static void say_cause(const struct bench *b, const char *label, struct why_machine *machine) {
  struct why_problem problem;
  struct why_request request;
  struct why_decision decision = {0};
  why_problem_default(why_op_at(0), &problem);
  why_request_default(&problem, &request);
  if (!why_consult(machine, &request) && !why_decide(machine, &request, &decision)) {
    const struct why_verdict *v = &decision.fallback;
    say(b, label, "no GPU is used: %s: %s%s%s%s", why_name(v->reason), why_sentence(v->reason),
        *v->note ? " (" : "", v->note, *v->note ? ")" : "");
  }
  why_decision_free(&decision);
}

static void say_ceilings(const struct bench *b, const char *label, const struct why_facts *f) {
  char text[512] = "", number[48];
  size_t used = 0;
  for (int i = 0; i < WHY_MATH_COUNT; i++) {
    if (!(f->flops[i] > 0)) continue;
    unit_text(f->flops[i], TABLE_FLOPS_PER_SECOND, number, sizeof number);
    used += (size_t)snprintf(text + used, sizeof text - used, "%s %s, ",
                             why_math_name((enum why_math)i), number);
  }
  unit_text(f->memory_bps, TABLE_BYTES_PER_SECOND, number, sizeof number);
  say(b, label, "ceilings of %s, measured now with %d %s: %smemory %s", f->name, f->multiprocessors,
      f->host ? "threads" : "multiprocessors", text, number);
}

// A ceiling is what was reached at best: measured until two agree within a tenth, for other work
// on the machine only lowers it.
static enum why_reason host_ceilings(struct why_facts *facts) {
  enum { MOST = 6 };
  static const double seconds = 0.7;
  double before = 0;
  for (int i = 0; i < MOST; i++) {
    struct ceilings now;
    enum why_reason reason = ceilings_measure(facts->multiprocessors, seconds, &now);
    if (reason) return reason;
    for (int k = 0; k < WHY_MATH_COUNT; k++)
      facts->flops[k] = i ? fmax(facts->flops[k], now.flops[k]) : now.flops[k];
    double copy = fmax(now.memory_bps, now.nontemporal_bps), f32 = now.flops[WHY_MATH_F32];
    facts->memory_bps = i ? fmax(facts->memory_bps, copy) : copy;
    if (i && fabs(f32 - before) <= 0.1 * facts->flops[WHY_MATH_F32]) break;
    before = f32;
  }
  snprintf(facts->provenance, sizeof facts->provenance, "measured");
  return WHY_OK;
}

static void measure_ceilings(const struct bench *b, const char *label,
                             struct why_machine *machine) {
  for (int i = 0; i < why_machine_devices(machine); i++) {
    struct why_device *device = why_machine_live(machine, i);
    struct why_facts facts = *why_machine_device(machine, i);
    enum why_reason reason = facts.host ? host_ceilings(&facts) : ceilings_device(device, &facts);
    if (reason) {
      say(b, label, "no ceilings of %s: %s", facts.name, why_sentence(reason));
      continue;
    }
    why_machine_figures(machine, i, &facts);
    say_ceilings(b, label, why_machine_device(machine, i));
  }
}

// ---- one part -----------------------------------------------------------------------------------

struct part {
  const char *label, *file; // "predicted", "predicted-h200"
  const char *suites;       // names, separated by commas
  struct why_machine *machine;
  const struct options *options;
  bool checks_only; // say what was verified, not where it would run
  bool here;        // this machine: say why no GPU is used, and measure its ceilings
};

static int open_suites(const char *names, struct suite *suite, int *count) {
  char name[PATH];
  *count = 0;
  for (const char *at = names;; at++) {
    size_t length = strcspn(at, ",");
    if (*count == SUITES || length >= sizeof name)
      return request_wrong("--suite: at most %d suites", SUITES);
    snprintf(name, sizeof name, "%.*s", (int)length, at);
    struct why_error error;
    enum why_reason reason = suite_open(name, &suite[*count], &error);
    if (reason == WHY_ALLOC_FAILED) return machine_failed("out of memory");
    if (reason && error.line)
      return request_wrong("suite %s:%d:%d: %s", name, error.line, error.column, error.text);
    if (reason) return request_wrong("--suite %s: %s", name, error.text);
    (*count)++;
    at += length;
    if (!*at) return STATUS_OK;
  }
}

static int run_part(const struct bench *b, const struct part *part) {
  struct suite suite[SUITES];
  struct sweep_result result = {0};
  struct rows rows;
  char path[PATH] = "";
  int suites = 0, status = open_suites(part->suites, suite, &suites);
  if (status) goto done;
  if (*b->path) path_of_part(b, part->file, path);
  status = rows_open(b, path, &rows);
  if (status) goto done;
  if (part->here && gpu_of(part->machine) < 0) say_cause(b, part->label, part->machine);
  if (part->here) measure_ceilings(b, part->label, part->machine);
  rows.summary.predicts = why_machine_replayed(part->machine);
  struct sweep sweep = {
      .machine = part->machine,
      .options = part->options,
      .iterations = b->iteration,
      .iteration_counts = b->iteration_counts,
      .suite = suite,
      .suites = suites,
      .rules = b->rules,
      .sink = {take_row, &rows},
      .label = part->label,
  };
  interrupt_defer(true);
  sweep_run(&sweep, &result);
  interrupt_defer(false);
  bool ended = !result.error && !result.interrupted;
  if (ended && part->checks_only) summary_print_checks(b->words, part->label, &rows.summary);
  if (!part->checks_only && !result.error) summary_print(b->words, part->label, &rows.summary);
  if (*path && !result.error)
    say(b, part->label, "%lld rows in %s", (long long)rows.csv.rows, path);
  long long kept = rows.csv.rows;
  status = rows_close(path, &rows, &result);
  if (!status && result.interrupted) {
    fprintf(stderr, "whycpu bench: interrupted; %lld rows are kept%s%s\n", kept,
            *path ? " in " : "", path);
    status = STATUS_INTERRUPTED;
  }
  if (!status && result.nowhere) {
    fprintf(stderr, "whycpu bench: %lld of %lld decisions found no place under the policy\n",
            (long long)result.nowhere, (long long)result.decisions);
    status = STATUS_NO;
  }
  if (!status && result.failed) {
    fprintf(stderr, "whycpu bench: %lld candidates failed; their rows say why\n",
            (long long)result.failed);
    status = STATUS_NO;
  }
done:
  for (int i = 0; i < suites; i++) suite_free(&suite[i]);
  return status;
}

// ---- the default sweep --------------------------------------------------------------------------

static int measured_part(struct bench *b, const char *suites, bool both_threads, bool *gpu) {
  struct why_machine *machine;
  int status = options_machine(&b->options, &machine);
  if (status) return status;
  why_open_all(machine);
  *gpu = gpu_of(machine) >= 0;
  struct options options = b->options;
  if (both_threads && why_machine_device(machine, 0)->multiprocessors > 1) {
    options.threads[0] = 1;
    options.threads[1] = 0;
    options.thread_counts = 2;
  }
  struct part part = {"measured", "", suites, machine, &options, false, true};
  status = run_part(b, &part);
  why_close(machine);
  return status;
}

// What the same problems, and larger ones, would do on a machine with a GPU.
static int predicted_part(struct bench *b) {
  static const char name[] = "h200";
  struct options options = b->options;
  struct why_machine *machine;
  options.machine = name;
  options.memories = 0;
  for (uint64_t mib = 64; mib <= 1024; mib *= 4) // 64 MiB, 256 MiB, 1 GiB
    options.memory[options.memories++] = (struct amount){mib << 20, 0};
  options.memory[options.memories++] = (struct amount){WHY_UNLIMITED, 0};
  options.threads[0] = 0;
  options.thread_counts = 1;
  options.policy[0] = WHY_AUTO;
  options.policy[1] = WHY_GPU_FIRST; // what frameworks do
  options.policies = 2;
  int status = options_machine(&options, &machine);
  if (status) return status;
  int gpu = gpu_of(machine);
  say(b, "predicted", "on %s (%s), from published figures; nothing here was measured",
      why_machine_name(machine), gpu >= 0 ? why_machine_device(machine, gpu)->name : "no GPU");
  struct part part = {"predicted", "predicted-h200", "quick,square,transformer",
                      machine,     &options,         false};
  status = run_part(b, &part);
  why_close(machine);
  return status;
}

// The hand-written kernels, on small shapes, under emulation.
static int verified_part(struct bench *b) {
  struct bench own = *b;
  struct why_machine *machine;
  own.options.open.emulate_bytes = 1ull << 30;
  own.options.policy[0] = WHY_GPU_FIRST;
  own.options.policies = own.options.thread_counts = own.options.memories = 1;
  own.options.threads[0] = 0;
  own.options.memory[0] = (struct amount){WHY_UNLIMITED, 0};
  char kernels[2048] = "";
  for (int i = 0; i < why_kernel_count(); i++) {
    const struct why_kernel *k = why_kernel_at(i);
    size_t used = strlen(kernels);
    if (!strcmp(k->backend, "cuda"))
      snprintf(kernels + used, sizeof kernels - used, "%s%s:%s", used ? "," : "", k->backend,
               k->name);
  }
  own.rules.compare = kernels;
  own.rules.compare_seconds = 10; // the suite is small enough for all of them
  int status = options_machine(&own.options, &machine);
  if (status) return status;
  why_open_all(machine);
  if (gpu_of(machine) < 0) {
    say(b, "verified", "nothing: there is no emulated device in this build");
    say_cause(b, "verified", machine);
  } else {
    say(b, "verified", "the GPU kernels, run on the CPU under emulation; no times");
    struct part part = {"verified", "verified", "small", machine, &own.options, true};
    status = run_part(&own, &part);
  }
  why_close(machine);
  return status;
}

static int default_sweep(struct bench *b, bool both_threads) {
  bool gpu = false;
  int worst = measured_part(b, "quick", both_threads, &gpu);
  if (worst > STATUS_NO || gpu) return worst;
  int status = predicted_part(b);
  if (status > worst) worst = status;
  if (status > STATUS_NO) return worst;
  status = verified_part(b);
  return status > worst ? status : worst;
}

// ---- the command --------------------------------------------------------------------------------

static bool read_percent(const char *text, void *to, struct why_error *wrong) {
  char *end;
  double value = strtod(text, &end);
  bool well = end != text && value > 0 && value <= 100 && (!*end || !strcmp(end, "%"));
  if (well)
    *(double *)to = value / 100;
  else
    snprintf(wrong->text, sizeof wrong->text, "expected a percentage above 0, such as 5");
  return well;
}

static bool read_iterations(const char *text, void *to, struct why_error *wrong) {
  struct bench *b = to;
  char item[32];
  for (b->iteration_counts = 0; b->iteration_counts < ITERATIONS; text++) {
    size_t length = strcspn(text, ",");
    snprintf(item, sizeof item, "%.*s", (int)length, text);
    if (!read_count(item, &b->iteration[b->iteration_counts++], wrong)) return false;
    text += length;
    if (!*text) return true;
  }
  snprintf(wrong->text, sizeof wrong->text, "at most %d numbers", ITERATIONS);
  return false;
}

// all, none, or kernels of the catalog.
static bool read_compare(const char *text, void *to, struct why_error *wrong) {
  *(const char **)to = text;
  if (!strcmp(text, "all") || !strcmp(text, "none")) return true;
  for (const char *at = text;; at++) {
    size_t length = strcspn(at, ",");
    bool known = false;
    for (int i = 0; i < why_kernel_count() && !known; i++) {
      char name[96];
      const struct why_kernel *k = why_kernel_at(i);
      snprintf(name, sizeof name, "%s:%s", k->backend, k->name);
      known = strlen(name) == length && !strncmp(name, at, length);
    }
    if (!known) {
      snprintf(wrong->text, sizeof wrong->text,
               "'%.*s' is no kernel; expected all, none, or backend:kernel (whycpu list kernels)",
               length > 40 ? 40 : (int)length, at);
      return false;
    }
    at += length;
    if (!*at) return true;
  }
}

// NODE-TIME.csv in the folder of --output-dir, or the file of -o.
static int choose_path(struct bench *b) {
  const char *ending = b->options.format == TABLE_JSON ? "json" : "csv";
  if (b->options.output && b->output_dir)
    return request_wrong("-o and --output-dir both say where rows go: give one of them");
  if (b->options.output) {
    snprintf(b->path, sizeof b->path, "%s", b->options.output);
  } else if (b->output_dir) {
    char node[72] = "", at[32];
    struct stat status;
    if (stat(b->output_dir, &status))
      return request_wrong("--output-dir %s: %s", b->output_dir, strerror(errno));
    if (!S_ISDIR(status.st_mode))
      return request_wrong("--output-dir %s: expected a folder", b->output_dir);
    gethostname(node, sizeof node - 1);
    time_compact(at, sizeof at);
    snprintf(b->path, sizeof b->path, "%s/%s-%s.%s", b->output_dir, *node ? node : "node", at,
             ending);
  }
  b->rows_on_stdout = !*b->path && b->options.format != TABLE_TEXT;
  b->words = b->rows_on_stdout ? stderr : stdout;
  return STATUS_OK;
}

static int one_part(struct bench *b, const char *label) {
  struct why_machine *machine;
  int status = options_machine(&b->options, &machine);
  if (status) return status;
  if (!why_machine_replayed(machine)) why_open_all(machine);
  struct part part = {label, "", b->suites, machine, &b->options, false};
  status = run_part(b, &part);
  why_close(machine);
  return status;
}

static bool given(int argc, char **argv, const char *option) {
  for (int i = 1; i < argc; i++)
    if (!strncmp(argv[i], option, strlen(option))) return true;
  return false;
}

int bench_command(int argc, char **argv) {
  static struct bench b;
  b.rules = (struct sweep_rules){{0.05, 0.5, true}, "all", 0.3, 1};
  b.iteration[0] = b.iteration_counts = 1;
  const struct option_row rows[] = {
      // clang-format off
      {"suite",         "LIST",    "suites by name, or files (whycpu list suites)",                read_text,       &b.suites},
      {"iterations",    "LIST",    "calls on the same operands in a request, 1 unless told",       read_iterations, &b},
      {"precision",     "PERCENT", "half-width of the median's 95% interval to reach, 5",          read_percent,    &b.rules.measure.precision},
      {"time-budget",   "SECONDS", "that sampling one candidate may take, 0.5",                    read_seconds,    &b.rules.measure.seconds},
      {"compare",       "LIST",    "what to measure beside the chosen: all, none, backend:kernel", read_compare,    &b.rules.compare},
      {"compare-limit", "SECONDS", "candidates predicted to take longer are not compared, 0.3",    read_seconds,    &b.rules.compare_seconds},
      {"seed",          "N",       "of the random operands, 1",                                    read_natural,    &b.rules.seed},
      {"output-dir",    "FOLDER",  "write the rows to FOLDER/NODE-TIME.csv",                       read_text,       &b.output_dir},
      {"overwrite",     NULL,      "replace the file of -o if it is there",                        read_flag,       &b.overwrite},
      {NULL},
      // clang-format on
  };
  static const char text[] =
      "Decides every problem of the suites under every combination of budgets, policies,\n"
      "transfers, threads and iterations, measures what can run here, and writes a row for each\n"
      "candidate as soon as it is known: chosen, compared, refused or failed, and why.\n"
      "A summary goes to standard output. Rows go to the file of -o or --output-dir (CSV, or JSON\n"
      "with --format json); without one, --format csv or json prints them instead.\n\n"
      "Without --suite, --machine and --emulate it is the default sweep: measured on this machine\n"
      "with one thread and with all; and where there is no GPU, predicted for an H200 and "
      "verified\n"
      "under emulation, in files of their own beside the first.\n\n"
      "  whycpu bench -o results.csv\n"
      "  whycpu bench --suite square --device-memory 64MiB,256MiB,1GiB,none --machine h200\n"
      "  whycpu bench --suite my.suite --threads 1,all --precision 1 --time-budget 5 -o my.csv";
  const struct command_help help = {"bench [options]", text,
                                    OPTION_MACHINE | OPTION_EMULATE | OPTION_DECIDE, rows};
  int status = options_read(argc, argv, &help, &b.options);
  if (status != STATUS_GO_ON) return status;
  if (b.options.arguments)
    return request_wrong("'%s': expected options only; problems are named by --suite",
                         b.options.argument[0]);
  if ((status = choose_path(&b))) return status;
  bool elsewhere = b.options.machine || b.options.open.emulate_bytes, gpu;
  bool default_threads = !given(argc, argv, "--thr");
  if (!elsewhere && !b.suites) return default_sweep(&b, default_threads);
  if (!b.suites) b.suites = b.options.machine ? "quick,square,transformer" : "small";
  if (elsewhere) return one_part(&b, b.options.machine ? "predicted" : "verified");
  return measured_part(&b, b.suites, false, &gpu);
}
