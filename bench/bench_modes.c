// What `whycpu bench` measures besides rows: GPU-BLOB's files, thresholds, how numbers lie, regret.
// Each refuses the options that it has no use for.
#include "bench.h"
#include "figures.h"
#include "how_numbers_lie.h"
#include "machines.h"
#include "regret.h"
#include <string.h>

// GPU-BLOB's files have no place to say that a time was predicted, nor for two counts of calls.
int bench_export_check(const struct bench *b) {
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

int bench_export(struct bench *b) {
  int status = blob_export_check(b->output_dir, b->overwrite);
  if (!status) status = bench_here(b, b->suites ? b->suites : "quick");
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

int bench_threshold(struct bench *b) {
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

// Unless told, half a second and 1% for each way of timing, whatever a sweep takes.
int bench_lies(const struct bench *b, const struct measure_rules *untold) {
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

int bench_regret(struct bench *b) {
  const char *also = b->resume       ? "--resume"
                     : b->output_dir ? "--output-dir"
                     : b->compare    ? "--compare"
                     : b->samples    ? "--samples"
                                     : NULL;
  if (also) return request_wrong("--regret makes one table, of all candidates: leave out %s", also);
  return regret_command(&b->options, b->suites,
                        (struct regret_rules){b->compare_seconds, b->time_budget, b->rules.seed});
}
