// `whycpu machine`: the CPU, the devices and the backends of this machine or a recorded one, and
// why what is absent is absent.
#include "cached.h"
#include "calibrate.h"
#include "ceilings_text.h"
#include "figures.h"
#include "fit.h"
#include "machines.h"
#include "options.h"
#include "published.h"
#include <math.h>
#include <string.h>

// ---- text -------------------------------------------------------------------------------------

static void bytes_line(FILE *f, const char *label, uint64_t bytes, const char *tail) {
  char text[48];
  if (!bytes) return;
  unit_text((double)bytes, TABLE_BYTES, text, sizeof text);
  fprintf(f, "    %-16s %s%s\n", label, text, tail);
}

static void figure_line(FILE *f, const char *label, double value, enum table_unit unit) {
  char text[48];
  if (value <= 0) return;
  unit_text(value, unit, text, sizeof text);
  fprintf(f, "    %-16s %s\n", label, text);
}

static void features_text(uint32_t features, char *out, size_t size) {
  static const struct {
    uint32_t bit;
    const char *name;
  } feature[] = {{WHY_CPU_AVX2, "AVX2"},
                 {WHY_CPU_AVX512, "AVX-512"},
                 {WHY_CPU_AVX512_BF16, "AVX-512 BF16"},
                 {WHY_CPU_AVX512_FP16, "AVX-512 FP16"},
                 {WHY_CPU_AMX_BF16, "AMX BF16"}};
  out[0] = 0;
  for (size_t i = 0; i < sizeof feature / sizeof feature[0]; i++) {
    if (!(features & feature[i].bit)) continue;
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%s%s", used ? ", " : "", feature[i].name);
  }
}

static void device_text(FILE *f, int index, const struct why_facts *d) {
  char text[160];
  fprintf(f, "device %d  %s%s%s\n", index, d->name, d->host ? " (this is the CPU)" : "",
          d->emulated ? " (emulated: no times)" : "");
  if (d->host) {
    features_text(d->cpu_features, text, sizeof text);
    fprintf(f, "    %-16s %d\n", "cores", d->multiprocessors);
    fprintf(f, "    %-16s %s\n", "vectors", *text ? text : "none beyond x86-64");
  } else {
    fprintf(f, "    %-16s sm_%d, %d multiprocessors\n", "architecture", d->capability,
            d->multiprocessors);
    if (d->driver)
      fprintf(f, "    %-16s CUDA %d.%d\n", "driver serves", d->driver / 1000,
              d->driver % 1000 / 10);
    if (*d->pci) fprintf(f, "    %-16s %s\n", "PCI address", d->pci);
    if (*d->uuid) fprintf(f, "    %-16s %s\n", "UUID", d->uuid);
  }
  if (d->numa_node >= 0) fprintf(f, "    %-16s %d\n", "NUMA node", d->numa_node);
  bytes_line(f, "memory", d->memory_bytes, "");
  bytes_line(f, "free", d->free_bytes, "");
  bytes_line(f, "context", d->context_bytes, "");
  bytes_line(f, "shared, a block", d->shared_bytes, "");
  bytes_line(f, "cores' caches", d->core_cache_bytes, ", all cores together");
  bytes_line(f, "last cache", d->cache_bytes, "");
  figure_line(f, "copy, memory", d->memory_bps, TABLE_BYTES_PER_SECOND);
  figure_line(f, "copy, last cache", d->cache_bps, TABLE_BYTES_PER_SECOND);
  figure_line(f, "copy, cores'", d->core_cache_bps, TABLE_BYTES_PER_SECOND);
  figure_line(f, "host to device", d->in_bps, TABLE_BYTES_PER_SECOND);
  figure_line(f, "device to host", d->out_bps, TABLE_BYTES_PER_SECOND);
  figure_line(f, "copy latency", d->latency_seconds, TABLE_SECONDS);
  figure_line(f, "launch", d->launch_seconds, TABLE_SECONDS);
  for (int i = 0; i < WHY_MATH_COUNT; i++)
    figure_line(f, why_math_name((enum why_math)i), d->flops[i], TABLE_FLOPS_PER_SECOND);
  fprintf(f, "    %-16s %s\n", "figures",
          *d->provenance ? d->provenance : "none (whycpu machine --measure)");
}

static void backend_text(FILE *f, const struct why_backend_info *b) {
  const struct why_verdict *v = &b->verdict;
  if (v->reason == WHY_OK) {
    fprintf(f, "backend %-10s %s\n", b->name, *b->version ? b->version : "there");
    if (*b->build) fprintf(f, "    %-16s %s\n", "built for", b->build);
    return;
  }
  fprintf(f, "backend %-10s absent, %s: %s\n", b->name, why_name(v->reason),
          why_sentence(v->reason));
  if (*why_unit(v->reason))
    fprintf(f, "    needs %.0f, has %.0f %s\n", v->need, v->have, why_unit(v->reason));
  if (*v->note) fprintf(f, "    %s\n", v->note);
  if (*v->cause) fprintf(f, "    cause: %s (whycpu doctor --explain %s)\n", v->cause, v->cause);
}

static void show_text(FILE *f, const struct why_machine *machine) {
  fprintf(f, "machine   %s%s\n\n", why_machine_name(machine),
          why_machine_replayed(machine) ? " (recorded: it can be decided for, nothing runs)" : "");
  for (int i = 0; i < why_machine_devices(machine); i++) {
    device_text(f, i, why_machine_device(machine, i));
    ceilings_text(f, machine, i);
    putc('\n', f);
  }
  published_text(f, machine);
  for (int i = 0; i < why_machine_backends(machine); i++) {
    struct why_backend_info info;
    why_machine_backend(machine, i, &info);
    backend_text(f, &info);
  }
}

// ---- csv and json -------------------------------------------------------------------------------

static const struct table_column column[] = {{"item"},
                                             {"index"},
                                             {"name"},
                                             {"backend"},
                                             {"host"},
                                             {"emulated"},
                                             {"numa_node"},
                                             {"capability"},
                                             {"multiprocessors"},
                                             {"driver"},
                                             {"pci"},
                                             {"uuid"},
                                             {"memory_bytes"},
                                             {"free_bytes"},
                                             {"context_bytes"},
                                             {"shared_bytes"},
                                             {"cache_bytes"},
                                             {"memory_bps"},
                                             {"in_bps"},
                                             {"out_bps"},
                                             {"latency_s"},
                                             {"launch_s"},
                                             {"flops_f64"},
                                             {"flops_f32"},
                                             {"flops_f16"},
                                             {"flops_bf16"},
                                             {"figures"},
                                             {"build"},
                                             {"version"},
                                             {"reason"},
                                             {"need"},
                                             {"have"},
                                             {"unit"},
                                             {"cause"},
                                             {"note"},
                                             {"core_cache_bytes"},
                                             {"cache_bps"},
                                             {"core_cache_bps"},
                                             {"device"},
                                             {"threads"},
                                             {"bytes"},
                                             {"value"}};
enum {
  COLUMNS = sizeof column / sizeof column[0],
  DEVICE_COLUMNS = 24, // what begins with "backend"
  BACKEND_COLUMNS = 8, // with "build"
  CACHE_COLUMNS = 3,
  CEILING_COLUMNS = 4
};

static void none(struct table *t, int columns) {
  while (columns-- > 0) table_none(t);
}
static void text_or_none(struct table *t, const char *text) {
  table_string(t, *text ? text : NULL);
}
static void known(struct table *t, double figure) {
  table_number(t, figure > 0 ? figure : NAN);
}
static void size(struct table *t, uint64_t bytes) {
  if (bytes)
    table_unsigned(t, bytes);
  else
    table_none(t);
}

static void device_row(struct table *t, const char *item, int index, const struct why_facts *d) {
  const double figure[] = {d->memory_bps,
                           d->in_bps,
                           d->out_bps,
                           d->latency_seconds,
                           d->launch_seconds,
                           d->flops[WHY_MATH_F64],
                           d->flops[WHY_MATH_F32],
                           d->flops[WHY_MATH_F16],
                           d->flops[WHY_MATH_BF16]};
  table_string(t, item);
  table_integer(t, index);
  table_string(t, d->name);
  table_string(t, d->backend);
  table_bool(t, d->host);
  table_bool(t, d->emulated);
  if (d->numa_node >= 0)
    table_integer(t, d->numa_node);
  else
    table_none(t);
  known(t, d->capability);
  known(t, d->multiprocessors);
  known(t, d->driver);
  text_or_none(t, d->pci);
  text_or_none(t, d->uuid);
  size(t, d->memory_bytes);
  size(t, d->free_bytes);
  size(t, d->context_bytes);
  size(t, d->shared_bytes);
  size(t, d->cache_bytes);
  for (size_t i = 0; i < sizeof figure / sizeof figure[0]; i++) known(t, figure[i]);
  text_or_none(t, d->provenance);
  none(t, BACKEND_COLUMNS);
  size(t, d->core_cache_bytes);
  known(t, d->cache_bps);
  known(t, d->core_cache_bps);
  none(t, CEILING_COLUMNS);
}

static void backend_row(struct table *t, int index, const struct why_backend_info *b) {
  const struct why_verdict *v = &b->verdict;
  bool numbers = *why_unit(v->reason) != 0;
  table_string(t, "backend");
  table_integer(t, index);
  table_string(t, b->name);
  none(t, DEVICE_COLUMNS);
  text_or_none(t, b->build);
  text_or_none(t, b->version);
  table_string(t, why_name(v->reason));
  table_number(t, numbers ? v->need : NAN);
  table_number(t, numbers ? v->have : NAN);
  text_or_none(t, why_unit(v->reason));
  text_or_none(t, v->cause);
  text_or_none(t, v->note);
  none(t, CACHE_COLUMNS + CEILING_COLUMNS);
}

static void ceiling_row(struct table *t, int index, const struct why_ceiling *c) {
  table_string(t, "ceiling");
  table_integer(t, index);
  table_string(t, c->name);
  none(t, DEVICE_COLUMNS + 5);
  table_string(t, c->unit);
  none(t, 2 + CACHE_COLUMNS);
  table_integer(t, c->device);
  known(t, c->threads);
  size(t, c->bytes);
  known(t, c->value);
}

static struct table *show_table(FILE *f, enum table_format format,
                                const struct why_machine *machine) {
  struct table *t = table_open(f, format, column, COLUMNS);
  if (!t) return NULL;
  for (int i = 0; i < why_machine_devices(machine); i++)
    device_row(t, "device", i, why_machine_device(machine, i));
  struct why_machine *published = machine_published(machine);
  if (published) { // beside its own, with what `figures` says of them
    int gpu = machine_gpu(published);
    device_row(t, "published", gpu, why_machine_device(published, gpu));
    why_close(published);
  }
  for (int i = 0; i < why_machine_backends(machine); i++) {
    struct why_backend_info info;
    why_machine_backend(machine, i, &info);
    backend_row(t, i, &info);
  }
  for (int i = 0; i < why_machine_ceilings(machine); i++)
    ceiling_row(t, i, why_machine_ceiling(machine, i));
  return t;
}

// ---- the command ------------------------------------------------------------------------------

// -o alone is the machine file; with --format it is the table.
static int show(const struct options *o, const struct why_machine *machine, struct output *out) {
  if (o->output && !o->format_given) {
    if (why_write(out->file, machine) == WHY_OK || ferror(out->file)) return output_close(out);
    return machine_failed("the machine file could not be written");
  }
  if (o->format != TABLE_TEXT) return output_table(out, show_table(out->file, o->format, machine));
  show_text(out->file, machine);
  return output_close(out);
}

// Figures of what is not here cannot be measured; the emulation has none.
static int measure(const struct options *o, struct why_machine *machine, double seconds) {
  char path[CACHED_PATH];
  struct calibration made;
  if (o->machine) return request_wrong("--measure measures this machine, not the one of --machine");
  fprintf(stderr, "measuring this machine: under a minute\n");
  enum why_reason reason = figures_measure(machine, CEILINGS_ALL);
  if (reason) return machine_failed("measuring failed: %s", why_sentence(reason));
  if (o->open.emulate_bytes) return STATUS_OK; // nothing that an emulated device does is a time
  int status = calibrate(machine, seconds, &made);
  if (status) return status;
  fprintf(stderr, "costs of %d kernels fitted to %d measurements", made.fits, made.points);
  if (made.cut) fprintf(stderr, "; no time for %d problems (--time-budget)", made.cut);
  if (!fit_possible) fprintf(stderr, ": none, as this build lacks MINPACK; priors serve");
  fputc('\n', stderr);
  if ((status = cached_write(machine, path)) != STATUS_OK) return status;
  fprintf(stderr, "kept in %s, for predictions on this machine\n", path);
  return STATUS_OK;
}

int machine_command(int argc, char **argv) {
  bool measuring = false;
  double seconds = 42;
  const struct option_row rows[] = {
      {"measure", NULL, "first measure its ceilings: arithmetic, caches, memory, copies, launches",
       read_flag, &measuring},
      {"time-budget", "SECONDS", "that fitting the kernels' costs may take with --measure, 42",
       read_seconds, &seconds},
      {0}};
  const struct command_help help = {
      .usage = "machine [options]",
      .text = "What this machine has: CPU, devices, backends with their versions, and why each "
              "absent one\nis absent. `-o FILE` writes a machine file, which --machine replays "
              "elsewhere.\n\n"
              "  whycpu machine\n"
              "  whycpu machine --measure -o here.json\n"
              "  whycpu machine --machine h200",
      .common = OPTION_MACHINE | OPTION_EMULATE,
      .row = rows};
  struct options o;
  struct why_machine *machine = NULL;
  struct output out = {0};
  int status = options_read(argc, argv, &help, &o);
  if (status != STATUS_GO_ON) return status;
  if (o.arguments) return request_wrong("%s: this command takes options only", o.argument[0]);
  if ((status = output_open(o.output, &out)) != STATUS_OK) return status;
  o.fresh = measuring;
  status = options_machine(&o, &machine);
  if (status == STATUS_OK) {
    why_open_all(machine);
    if (measuring) status = measure(&o, machine, seconds);
    if (status == STATUS_OK) status = show(&o, machine, &out);
  }
  output_abandon(&out);
  if (machine) why_close(machine);
  return status;
}
