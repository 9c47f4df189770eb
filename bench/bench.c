// `whycpu bench`: what is swept, and where the rows go. Without a suite or a machine it is the
// default sweep: what this machine does (measured), what a GPU would do (predicted, if there is
// none here), and whether the kernels are right (verified under emulation).
#include "figures.h"
#include "how_numbers_lie.h"
#include "machines.h"
#include "part.h"
#include "regret.h"
#include "samples.h"
#include "thresholds.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 4096 };
#define PART_ENDING ".part" // of a file that was to replace another: see results.h
// What the files of the default sweep's later parts are called besides.
#define PREDICTED_FILE "predicted-h200"
#define VERIFIED_FILE "verified"
#define PREDICTED_SUITES "quick,square,transformer,resnet50,memory"

struct bench {
  struct options options;
  const char *suites, *output_dir;
  struct sweep_rules rules;
  const char *compare;    // NULL: not given
  double compare_seconds; // 0: not given
  double time_budget;     // 0: not given
  struct sides threshold; // --threshold
  double threshold_seconds;
  bool to_blob; // --export gpu-blob
  struct blob_export blob;
  const char *resume;  // the file to go on with; NULL: a new sweep
  const char *samples; // the file of single samples; NULL: none
  struct samples_file samples_file;
  bool regret;             // measure how good the predictions are, instead of a sweep
  bool lies;               // show how numbers lie
  bool overwrite, printed; // printed: rows go to standard output
  char path[PATH];         // of the rows; "" without a file
  char part_path[PATH];
  char run[ROW_RUN]; // of all parts
};

// ---- the parts ----------------------------------------------------------------------------------

// How much of a path comes before its ending: of "x.csv" and of "x.csv.part" the x.
static int stem_of(const char *path) {
  size_t length = strlen(path), ending = strlen(PART_ENDING);
  if (length > ending && !strcmp(path + length - ending, PART_ENDING)) length -= ending;
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  for (size_t i = length; i-- > 0 && path + i > name;)
    if (path[i] == '.') return (int)i;
  return (int)length;
}

// `file` is what a part's own file is called besides: "x.csv" and "predicted" make
// "x-predicted.csv". Where a sweep goes on with its first part, later ones may be there or not.
static struct part make_part(struct bench *b, const char *label, const char *file,
                             const char *suites, const struct options *options) {
  struct part part = {.label = label, .suites = suites, .options = options, .rules = b->rules};
  int stem = stem_of(b->path);
  snprintf(b->part_path, sizeof b->part_path, "%.*s%s%s%s", stem, b->path, *file ? "-" : "", file,
           b->path + stem);
  part.target = (struct results_target){
      .path = *b->path ? b->part_path : NULL,
      .format = b->options.format,
      .printed = b->printed,
      .overwrite = b->overwrite,
      .resume = b->resume && (!*file || !access(b->part_path, F_OK)),
  };
  part.run = b->run;
  part.words = b->printed ? stderr : stdout;
  return part;
}

static int run_and_close(struct part *part) {
  int status = part_run(part);
  why_close(part->machine);
  return status;
}

// The files of the parts that are to follow, so that one that is in the way is known at once.
static int check_paths(struct bench *b) {
  static const char *const file[] = {PREDICTED_FILE, VERIFIED_FILE};
  int status = STATUS_OK;
  for (int i = 0; i < 2 && !status; i++) {
    struct part part = make_part(b, "", file[i], "", &b->options);
    status = results_check(&part.target);
  }
  return status;
}

// first: of the default sweep, which goes on where there is no GPU.
static void all_transfers(struct options *o) {
  for (o->transfers = 0; o->transfers < WHY_TRANSFER_COUNT; o->transfers++)
    o->transfer[o->transfers] = (enum why_transfer)o->transfers;
}

static int measured_part(struct bench *b, const char *suites, bool first, bool *gpu) {
  struct options options = b->options;
  struct why_machine *machine;
  int status = options_machine(&options, &machine);
  if (status) return status;
  why_open_all(machine);
  *gpu = machine_gpu(machine) >= 0;
  if (first && !*gpu && (status = check_paths(b))) {
    why_close(machine);
    return status;
  }
  if (b->to_blob && *gpu && !(options.given & OPTION_TRANSFER)) all_transfers(&options);
  struct part part = make_part(b, "measured", "", suites, &options);
  part.blob = b->to_blob ? &b->blob : NULL;
  part.machine = machine;
  bool both_threads = first && !(options.given & OPTION_THREADS);
  if (both_threads && why_machine_device(part.machine, 0)->multiprocessors > 1) {
    options.threads[0] = 1;
    options.threads[1] = 0;
    options.thread_counts = 2;
  }
  part.here = true;
  if (b->samples && (status = samples_open(&b->samples_file, b->samples, b->overwrite))) {
    why_close(machine);
    return status;
  }
  if (b->samples) part.samples = (struct sweep_samples){samples_write, &b->samples_file};
  status = run_and_close(&part);
  int closed = samples_close(&b->samples_file);
  return closed ? closed : status;
}

// What the same problems, and larger ones, would do on a machine with a GPU. Lists that the user
// gave stay as they are.
static int predicted_part(struct bench *b) {
  struct options options = b->options;
  options.machine = "h200";
  if (!(options.given & OPTION_MEMORY)) {
    options.memories = 0;
    for (uint64_t mib = 64; mib <= 1024; mib *= 4) // 64 MiB, 256 MiB, 1 GiB
      options.memory[options.memories++] = (struct amount){mib << 20, 0};
    options.memory[options.memories++] = (struct amount){WHY_UNLIMITED, 0};
  }
  if (!(options.given & OPTION_POLICY)) {
    options.policy[0].policy = WHY_AUTO;
    options.policy[1].policy = WHY_GPU_FIRST; // what frameworks do
    options.policies = 2;
  }
  struct part part = make_part(b, "predicted", PREDICTED_FILE, PREDICTED_SUITES, &options);
  int status = options_machine(&options, &part.machine);
  return status ? status : run_and_close(&part);
}

// The hand-written kernels, on small shapes, under emulation. What the user gave stays.
static int verified_part(struct bench *b) {
  struct options options = b->options;
  options.open.emulate_bytes = 1ull << 30;
  if (!(options.given & OPTION_POLICY)) options.policy[0].policy = WHY_GPU_FIRST;
  char kernels[2048] = "";
  for (int i = 0; i < why_kernel_count(); i++) {
    const struct why_kernel *k = why_kernel_at(i);
    size_t used = strlen(kernels);
    if (!strcmp(k->backend, "cuda"))
      snprintf(kernels + used, sizeof kernels - used, "%s%s:%s", used ? "," : "", k->backend,
               k->name);
  }
  struct part part = make_part(b, "verified", VERIFIED_FILE, "small", &options);
  part.kernels = true;
  if (!b->compare) part.rules.compare = kernels;
  if (!b->compare_seconds) part.rules.compare_seconds = 10; // the suite is small: all of them
  int status = options_machine(&options, &part.machine);
  if (status) return status;
  why_open_all(part.machine);
  if (machine_gpu(part.machine) >= 0) return run_and_close(&part);
  part_say(&part, "nothing: this build has no emulated device");
  part_say_cause(&part);
  why_close(part.machine);
  return STATUS_OK;
}

static int default_sweep(struct bench *b) {
  bool gpu = false;
  int worst = measured_part(b, "quick", true, &gpu);
  if (worst > STATUS_NO || gpu) return worst;
  int status = predicted_part(b);
  if (status > worst) worst = status;
  if (status > STATUS_NO) return worst;
  status = verified_part(b);
  return status > worst ? status : worst;
}

// A machine file, or an emulated device.
static int elsewhere_part(struct bench *b) {
  bool replayed = b->options.machine;
  const char *suites = b->suites ? b->suites : replayed ? PREDICTED_SUITES : "small";
  struct part part = make_part(b, replayed ? "predicted" : "verified", "", suites, &b->options);
  int status = options_machine(&b->options, &part.machine);
  if (status) return status;
  if (!replayed) why_open_all(part.machine);
  return run_and_close(&part);
}

static bool read_export(const char *text, void *to, struct why_error *wrong) {
  if (!strcmp(text, "gpu-blob")) return *(bool *)to = true;
  snprintf(wrong->text, sizeof wrong->text, "gpu-blob is the one format there is");
  return false;
}

// GPU-BLOB's files have no place to say that a time was predicted, nor for two counts of calls.
static int check_export(const struct bench *b) {
  if (!b->output_dir)
    return request_wrong("--export gpu-blob: --output-dir FOLDER says where its files go");
  if (b->options.machine || b->options.open.emulate_bytes)
    return request_wrong("--export gpu-blob: its files are of measured times; leave out --%s",
                         b->options.machine ? "machine" : "emulate");
  if (b->resume)
    return request_wrong("--export gpu-blob: it wants all rows of a sweep; leave out --resume");
  if (b->options.iteration_counts > 1)
    return request_wrong("--export gpu-blob: one number of --iterations is wanted");
  return STATUS_OK;
}

static int export_part(struct bench *b) {
  bool gpu;
  int status = blob_export_check(b->output_dir, b->overwrite);
  if (!status) status = measured_part(b, b->suites ? b->suites : "quick", false, &gpu);
  if (status <= STATUS_NO) {
    FILE *words = b->printed ? stderr : stdout;
    int wrote = blob_export_write(&b->blob, b->output_dir, words, "measured");
    if (wrote) status = wrote;
  }
  blob_export_free(&b->blob);
  return status;
}

// Rows are none of it: what only they need is refused.
static int check_threshold(const struct bench *b) {
  const char *also = b->resume                          ? "--resume"
                     : b->overwrite                     ? "--overwrite"
                     : b->to_blob                       ? "--export"
                     : b->output_dir                    ? "--output-dir"
                     : b->compare                       ? "--compare"
                     : b->compare_seconds > 0           ? "--compare-limit"
                     : b->options.given & OPTION_POLICY ? "--policy"
                     : b->options.open.emulate_bytes    ? "--emulate"
                                                        : NULL;
  if (!also) return STATUS_OK;
  if (!strcmp(also, "--emulate"))
    return request_wrong("--threshold with --emulate: an emulated device has no times");
  return request_wrong("--threshold with %s: a search names both its sides and writes no rows; "
                       "leave out %s",
                       also, also);
}

static int threshold_part(struct bench *b) {
  struct thresholds t = {.options = &b->options, .sides = b->threshold, .seed = b->rules.seed};
  t.suites = b->suites ? b->suites : b->options.machine ? "square" : "quick";
  t.seconds = b->threshold_seconds;
  int status = check_threshold(b);
  if (!status) status = options_machine(&b->options, &t.machine);
  if (status) return status;
  if (!b->options.machine) {
    why_open_all(t.machine);
    bool choice = !*t.sides.a.kernel || !*t.sides.b.kernel;
    if (choice) (void)figures_measure(t.machine, CEILINGS_FEW); // which kernels are worth a trial
  }
  status = thresholds_run(&t);
  why_close(t.machine);
  return status;
}

// ---- the command --------------------------------------------------------------------------------

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

// What goes with --resume: -o of the same file, and --output-dir, which named it once.
static int check_resume(const struct bench *b) {
  if (!b->resume) return STATUS_OK;
  if (b->options.format == TABLE_JSON)
    return request_wrong("--resume %s: only CSV can go on: JSON is written when all rows are "
                         "there; leave out --format json",
                         b->resume);
  if (b->overwrite)
    return request_wrong("--resume %s: it goes on with the file and replaces nothing; leave out "
                         "--overwrite",
                         b->resume);
  if (b->options.output && strcmp(b->options.output, b->resume) != 0)
    return request_wrong("--resume %s: it writes to that file; leave out -o %s", b->resume,
                         b->options.output);
  return STATUS_OK;
}

// NODE-TIME.csv in the folder of --output-dir, or the file of -o.
static int choose_path(struct bench *b) {
  const char *ending = b->options.format == TABLE_JSON ? "json" : "csv";
  if (b->options.output && b->output_dir)
    return request_wrong("-o and --output-dir both say where rows go: give one of them");
  if (b->resume) {
    snprintf(b->path, sizeof b->path, "%s", b->resume);
  } else if (b->options.output) {
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
  b->printed = !*b->path && b->options.format != TABLE_TEXT;
  return STATUS_OK;
}

// Unless told, half a second and 1% for each way of timing, whatever a sweep takes.
static int lie(const struct bench *b, const struct measure_rules *untold) {
  const struct {
    const char *option;
    bool given;
  } row[] = {{"--resume", b->resume},
             {"--output-dir", b->output_dir},
             {"--compare", b->compare},
             {"--compare-limit", b->compare_seconds > 0}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    if (row[i].given)
      return request_wrong("--how-numbers-lie makes no sweep: leave out %s", row[i].option);
  const struct measure_rules *m = &b->rules.measure;
  const struct lying lying = {.options = &b->options,
                              .suites = b->suites,
                              .precision = m->precision == untold->precision ? 0.01 : m->precision,
                              .seconds = m->seconds == untold->seconds ? 0.5 : m->seconds,
                              .seed = b->rules.seed};
  return how_numbers_lie(&lying);
}

int bench_command(int argc, char **argv) {
  static struct bench b;
  b.threshold_seconds = 10;
  b.rules = (struct sweep_rules){{0.01, 0.2, true}, "all", 0.3, 1};
  const struct measure_rules untold = b.rules.measure;
  const struct option_row rows[] = {
      // clang-format off
      {"suite",         "LIST",    "suites by name, or files (whycpu list suites)",                read_text,       &b.suites},
      {"precision",     "PERCENT", "half-width of the median's 95% interval to reach, 1",          read_percent,    &b.rules.measure.precision},
      {"time-budget",   "SECONDS", "that sampling one candidate may take, 0.2",                    read_seconds,    &b.time_budget},
      {"compare",       "LIST",    "what to measure beside the chosen: all, none, backend:kernel", read_compare,    &b.compare},
      {"compare-limit", "SECONDS", "candidates predicted to take longer are not compared, 0.3",    read_seconds,    &b.compare_seconds},
      {"seed",          "N",       "of the random operands, 1",                                    read_natural,    &b.rules.seed},
      {"threshold",     "A,B",     "search where A begins to beat B: gpu, cpu, backend, kernel, @threads", read_sides, &b.threshold},
      {"threshold-budget", "SECONDS", "that one search may take, 10",                              read_seconds,    &b.threshold_seconds},
      {"output-dir",    "FOLDER",  "write the rows to FOLDER/NODE-TIME.csv",                       read_text,       &b.output_dir},
      {"regret",        NULL,      "measure how good predictions are: the chosen against the best", read_flag,      &b.regret},
      {"export",        "gpu-blob", "write GPU-BLOB's files too, to the folder of --output-dir",    read_export,     &b.to_blob},
      {"samples",       "FILE",    "write every single sample to FILE (CSV), disturbed ones marked", read_text,      &b.samples},
      {"resume",        "FILE",    "go on with FILE (CSV) where its sweep was cut off",            read_text,       &b.resume},
      {"overwrite",     NULL,      "replace the files of -o and --samples if they are there",                        read_flag,       &b.overwrite},
      {"how-numbers-lie", NULL,    "show what makes figures better than they are, on a problem",   read_flag,       &b.lies},
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
      "--resume FILE, with the options that the sweep had, goes on after a kill, Ctrl-C or a full\n"
      "disk: what is finished stays as it is, a decision that is not is done again, and the files\n"
      "of the default sweep's later parts follow. FILE may be complete. What rows do not say\n"
      "(--compare, --precision, --time-budget, --seed) is as given now.\n\n"
      "--how-numbers-lie [PROBLEM] makes no sweep: on PROBLEM, or on one of each operation, it\n"
      "measures zeros, hot caches, the call alone, padding, the minimum, the first call and a "
      "weak\n"
      "baseline beside the honest figure, and prints how much better or worse each looks.\n\n"
      "  whycpu bench -o results.csv\n"
      "  whycpu bench --how-numbers-lie gemm m=1000 n=1000 k=1000 --threads 1\n"
      "--threshold A,B looks for the size from which A beats B for good, in each line of the "
      "suites\n"
      "with one range: both sides in turn, bisecting, with a 95% interval. A and B are gpu, cpu, "
      "a\n"
      "backend or a kernel, and may end in @ and a number of CPU threads. Answers are from, "
      "always,\n"
      "never, until (B wins from there on, and A somewhere below) and unsure.\n\n"
      "  whycpu bench -o results.csv\n"
      "  whycpu bench --threshold onednn,openblas --suite square --threads 1\n"
      "  whycpu bench --resume results.csv\n"
      "  whycpu bench --suite square --device-memory 64MiB,256MiB,1GiB,none --machine h200\n"
      "  whycpu bench --suite my.suite --threads 1,all --precision 1 --time-budget 5 -o my.csv";
  const struct command_help help = {"bench [options]", text,
                                    OPTION_MACHINE | OPTION_EMULATE | OPTION_DECIDE, rows};
  int status = options_read(argc, argv, &help, &b.options);
  if (status != STATUS_GO_ON) return status;
  if (b.time_budget > 0) b.rules.measure.seconds = b.time_budget;
  if (b.lies) return lie(&b, &untold);
  if (b.options.arguments)
    return request_wrong("'%s': expected options only; problems are named by --suite",
                         b.options.argument[0]);
  if (b.threshold.given) return threshold_part(&b);
  if (b.to_blob && (status = check_export(&b))) return status;
  if ((status = check_resume(&b)) || (status = choose_path(&b))) return status;
  bool elsewhere = b.options.machine || b.options.open.emulate_bytes, gpu;
  if (b.samples && elsewhere)
    return request_wrong("--samples %s: nothing is timed with --%s; leave it out", b.samples,
                         b.options.machine ? "machine" : "emulate");
  if (b.compare) b.rules.compare = b.compare;
  if (b.regret) {
    if (b.resume || b.output_dir)
      return request_wrong("--regret makes one table: -o FILE names it, and nothing is resumed");
    return regret_command(&b.options, b.suites,
                          (struct regret_rules){b.compare_seconds, b.time_budget, b.rules.seed});
  }
  if (b.compare_seconds > 0) b.rules.compare_seconds = b.compare_seconds;
  if (b.to_blob) return export_part(&b);
  if (!elsewhere && !b.suites) return default_sweep(&b);
  if (elsewhere) return elsewhere_part(&b);
  return measured_part(&b, b.suites, false, &gpu);
}
