// `whycpu bench`: its options, and which of its ways they ask for.
#include "bench.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static bool read_export(const char *text, void *to, struct why_error *wrong) {
  if (!strcmp(text, "gpu-blob")) return *(bool *)to = true;
  snprintf(wrong->text, sizeof wrong->text, "gpu-blob is the one format there is");
  return false;
}

int bench_command(int argc, char **argv) {
  static struct bench b;
  b.threshold_seconds = 10;
  b.rules = (struct sweep_rules){{0.01, 0.2, true}, "all", 0.3, 1};
  const struct measure_rules untold = b.rules.measure;
  const struct option_row rows[] = {
      // clang-format off
      {"suite",            "LIST",     "suites by name, or files (whycpu list suites)",                  read_text,    &b.suites},
      {"precision",        "PERCENT",  "half-width of the median's 95% interval to reach, 1",            read_percent, &b.rules.measure.precision},
      {"time-budget",      "SECONDS",  "that sampling one candidate may take, 0.2",                      read_seconds, &b.time_budget},
      {"compare",          "LIST",     "what to measure beside the chosen: all, none, backend:kernel",   read_compare, &b.compare},
      {"compare-limit",    "SECONDS",  "candidates predicted to take longer are not compared, 0.3",      read_seconds, &b.compare_seconds},
      {"seed",             "N",        "of the random operands, 1",                                      read_natural, &b.rules.seed},
      {"output-dir",       "FOLDER",   "write the rows to FOLDER/NODE-TIME.csv",                         read_text,    &b.output_dir},
      {"samples",          "FILE",     "write every single sample to FILE (CSV), disturbed ones marked", read_text,    &b.samples},
      {"resume",           "FILE",     "go on with FILE (CSV) where its sweep was cut off",              read_text,    &b.resume},
      {"overwrite",        NULL,       "replace the files of -o and --samples if they are there",        read_flag,    &b.overwrite},
      {"threshold",        "A,B",      "search where A begins to beat B, instead of a sweep",            read_sides,   &b.threshold},
      {"threshold-budget", "SECONDS",  "that one search may take, 10",                                   read_seconds, &b.threshold_seconds},
      {"regret",           NULL,       "measure how good predictions are, instead of a sweep",           read_flag,    &b.regret},
      {"how-numbers-lie",  NULL,       "measure what makes figures better than they are, instead",       read_flag,    &b.lies},
      {"export",           "gpu-blob", "write GPU-BLOB's files too, to the folder of --output-dir",      read_export,  &b.to_blob},
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
      "--threshold A,B looks for the size from which A beats B for good, in each line of the\n"
      "suites with one range: both sides in turn, bisecting, with a 95% interval. A and B are "
      "gpu,\n"
      "cpu, a backend or a kernel, and may end in @ and a number of CPU threads. Answers are "
      "from,\n"
      "always, never, until (B wins from there on, and A somewhere below) and unsure.\n\n"
      "--regret measures the candidate that is chosen against all others side by side, over every\n"
      "suite unless told, but for the problems that costs are fitted to, with one thread and with\n"
      "all; it prints how far the choice and the predictions are off, and the worst ten with the\n"
      "term that was wrong.\n\n"
      "--how-numbers-lie [PROBLEM] measures zeros, hot caches, the call alone, padding, the\n"
      "minimum, the first call and a weak baseline beside the honest figure, on PROBLEM or on one\n"
      "of each operation, and prints how much better or worse each looks.\n\n"
      "  whycpu bench -o results.csv\n"
      "  whycpu bench --resume results.csv\n"
      "  whycpu bench --suite square --device-memory 64MiB,256MiB,1GiB,none --machine h200\n"
      "  whycpu bench --suite my.suite --threads 1,all --cache cold --time-budget 5 -o my.csv\n"
      "  whycpu bench --threshold onednn,openblas --suite square --threads 1\n"
      "  whycpu bench --how-numbers-lie gemm m=1000 n=1000 k=1000 --threads 1";
  const struct command_help help = {"bench [options]", text,
                                    OPTION_MACHINE | OPTION_EMULATE | OPTION_DECIDE | OPTION_SUBMIT,
                                    rows};
  int status = options_read(argc, argv, &help, &b.options);
  if (status != STATUS_GO_ON) return status;
  if (b.time_budget > 0) b.rules.measure.seconds = b.time_budget;
  if (b.lies) return bench_lies(&b, &untold);
  if (b.options.arguments)
    return request_wrong("'%s': expected options only; problems are named by --suite",
                         b.options.argument[0]);
  if (b.regret) return bench_regret(&b);
  if (b.threshold.given) return bench_threshold(&b);
  if (b.to_blob && (status = bench_export_check(&b))) return status;
  if ((status = check_resume(&b)) || (status = choose_path(&b))) return status;
  bool elsewhere = b.options.machine || b.options.open.emulate_bytes;
  if (b.samples && elsewhere)
    return request_wrong("--samples %s: nothing is timed with --%s; leave it out", b.samples,
                         b.options.machine ? "machine" : "emulate");
  if (b.compare) b.rules.compare = b.compare;
  if (b.compare_seconds > 0) b.rules.compare_seconds = b.compare_seconds;
  if (b.to_blob) return bench_export(&b);
  if (!elsewhere && !b.suites) return bench_default(&b);
  if (elsewhere) return bench_elsewhere(&b);
  return bench_here(&b, b.suites);
}
