// Ceilings in a machine: which of them are its figures.
#include "ceilings.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

void ceilings_add(struct ceilings *c, const char *name, const char *unit, uint64_t bytes,
                  double value) {
  if (c->count == CEILINGS_MOST || !(value > 0) || !isfinite(value)) return;
  struct why_ceiling *ceiling = &c->ceiling[c->count++];
  *ceiling = (struct why_ceiling){.bytes = bytes, .value = value};
  snprintf(ceiling->name, sizeof ceiling->name, "%s", name);
  snprintf(ceiling->unit, sizeof ceiling->unit, "%s", unit);
}

double ceilings_best(const struct why_machine *machine, int device, const char *name, int threads) {
  const size_t length = strlen(name);
  const bool any_end = length > 0 && name[length - 1] == '-';
  double best = 0;
  for (int i = 0; i < why_machine_ceilings(machine); i++) {
    const struct why_ceiling *c = why_machine_ceiling(machine, i);
    if (c->device != device || c->threads != threads || c->value <= best) continue;
    if (any_end ? !strncmp(c->name, name, length) : !strcmp(c->name, name)) best = c->value;
  }
  return best;
}

static void keep_if(double *figure, double found) {
  if (found > 0) *figure = found;
}

// f16 and, without units for it, bf16 are converted to f32 by the CPU's kernels: what AVX512-FP16
// adds up in f16 is less exact than what is asked for.
static void host_figures(const struct why_machine *m, int threads, struct why_facts *f) {
  const double f32 = ceilings_best(m, 0, "fma-f32-", threads);
  keep_if(&f->flops[WHY_MATH_F64], ceilings_best(m, 0, "fma-f64-", threads));
  keep_if(&f->flops[WHY_MATH_F32], f32);
  keep_if(&f->flops[WHY_MATH_F16], f32);
  keep_if(&f->flops[WHY_MATH_BF16], fmax(f32, ceilings_best(m, 0, "fma-bf16-", threads)));
  keep_if(&f->memory_bps, fmax(ceilings_best(m, 0, "copy-memory", threads),
                               ceilings_best(m, 0, "copy-nontemporal", threads)));
  keep_if(&f->cache_bps, ceilings_best(m, 0, "copy-last-cache", threads));
  keep_if(&f->core_cache_bps, ceilings_best(m, 0, "copy-core-cache", threads));
}

bool ceilings_figures(const struct why_machine *machine, int threads, struct why_facts *f) {
  struct why_facts found = *f;
  memset(found.flops, 0, sizeof found.flops);
  found.memory_bps = found.cache_bps = found.core_cache_bps = 0;
  host_figures(machine, threads, &found);
  if (!(found.flops[WHY_MATH_F32] > 0) || !(found.memory_bps > 0)) return false;
  *f = found;
  return true;
}

static void device_figures(const struct why_machine *m, int device, struct why_facts *f) {
  static const char *const math[] = {"f64", "f32", "f16", "bf16"};
  keep_if(&f->in_bps, ceilings_best(m, device, "copy-in-pinned", 0));
  keep_if(&f->out_bps, ceilings_best(m, device, "copy-out-pinned", 0));
  keep_if(&f->memory_bps, ceilings_best(m, device, "copy-device", 0));
  keep_if(&f->cache_bps, ceilings_best(m, device, "copy-last-cache", 0));
  keep_if(&f->latency_seconds, ceilings_best(m, device, "latency-in", 0));
  keep_if(&f->launch_seconds, ceilings_best(m, device, "launch", 0));
  for (int i = 0; i < WHY_MATH_COUNT; i++) {
    char name[32];
    snprintf(name, sizeof name, "product-%s", math[i]);
    keep_if(&f->flops[i], ceilings_best(m, device, name, 0));
  }
}

enum why_reason ceilings_keep(struct why_machine *machine, int device, const struct ceilings *c) {
  struct why_facts figures = *why_machine_device(machine, device);
  int threads = 0;
  for (int i = 0; i < c->count; i++) {
    struct why_ceiling ceiling = c->ceiling[i];
    ceiling.device = device;
    if (ceiling.threads > threads) threads = ceiling.threads; // those of all cores
    const enum why_reason reason = why_machine_ceiling_add(machine, &ceiling);
    if (reason != WHY_OK) return reason;
  }
  if (c->count == 0) return WHY_OK;
  if (figures.host)
    host_figures(machine, threads, &figures);
  else
    device_figures(machine, device, &figures);
  why_machine_figures(machine, device, &figures);
  return WHY_OK;
}
