// `whycpu bench`: what is swept, and where the rows go. Without a suite or a machine it is the
// default sweep: what this machine does (measured), what a GPU would do (predicted, if there is
// none here), and whether the kernels are right (verified under emulation). Leaves out reading the
// options (command_bench.c).
#include "bench.h"
#include "machines.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PART_ENDING ".part" // of a file that was to replace another: see results.h
// What the files of the default sweep's later parts are called besides.
#define PREDICTED_FILE "predicted-h200"
#define VERIFIED_FILE "verified"
#define PREDICTED_SUITES "quick,square,transformer,resnet50,memory"

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

int bench_default(struct bench *b) {
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
int bench_elsewhere(struct bench *b) {
  bool replayed = b->options.machine;
  const char *suites = b->suites ? b->suites : replayed ? PREDICTED_SUITES : "small";
  struct part part = make_part(b, replayed ? "predicted" : "verified", "", suites, &b->options);
  int status = options_machine(&b->options, &part.machine);
  if (status) return status;
  if (!replayed) why_open_all(part.machine);
  return run_and_close(&part);
}

int bench_here(struct bench *b, const char *suites) {
  bool gpu;
  return measured_part(b, suites, false, &gpu);
}
