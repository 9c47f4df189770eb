#include "roof.h"
#include "ceilings.h"
#include <math.h>
#include <string.h>

struct level {       // of a memory hierarchy, from the core outward
  double bytes, bps; // how much it holds; 0: not there. bps 0: not known
};
enum { LEVELS = 4 }; // first cache, cores' caches, last cache, memory

// Seconds that `bytes` take which lie in the innermost levels that hold them. A level without a
// rate goes by the next one's; *known: none of those that hold some is such a one.
static double seconds_to_move(struct level *level, double bytes, bool *known) {
  double seconds = 0, held = 0;
  bool measured[LEVELS];
  for (int i = LEVELS - 1; i >= 0; i--) {
    measured[i] = level[i].bps > 0;
    if (i + 1 < LEVELS) level[i].bps = fmax(level[i].bps, level[i + 1].bps);
  }
  *known = true;
  for (int i = 0; i < LEVELS && held < bytes; i++) {
    const double here = fmin(bytes, level[i].bytes) - held;
    if (here <= 0) continue;
    seconds += here / level[i].bps;
    held += here;
    *known &= measured[i];
  }
  return seconds;
}

// The figures of these threads: measured with just as many, or those of all cores in proportion.
static bool host_figures(const struct why_machine *m, int threads, struct why_facts *f) {
  const struct why_facts *all = why_machine_device(m, 0);
  const bool measured = !strcmp(all->provenance, "measured");
  *f = *all;
  if (threads >= all->multiprocessors) return measured;
  const double share = (double)threads / all->multiprocessors;
  const bool own = ceilings_figures(m, threads, f);
  f->core_cache_bytes = (uint64_t)(share * (double)all->core_cache_bytes);
  for (int i = 0; i < WHY_MATH_COUNT && !own; i++) f->flops[i] *= share;
  return measured && own;
}

// Where the first cache's copy was measured, it half filled it.
static struct level first_cache(const struct why_machine *m, int threads) {
  for (int i = 0; i < why_machine_ceilings(m); i++) {
    const struct why_ceiling *c = why_machine_ceiling(m, i);
    if (c->device == 0 && c->threads == threads && !strcmp(c->name, "copy-l1"))
      return (struct level){2 * (double)c->bytes, c->value};
  }
  return (struct level){0, 0};
}

struct roof roof_of(const struct why_machine *machine, int device, const struct why_problem *p,
                    enum why_cache cache, int threads) {
  struct why_facts f = *why_machine_device(machine, device);
  struct roof roof = {.exact = !strcmp(f.provenance, "measured")};
  if (threads <= 0 || threads > f.multiprocessors) threads = f.multiprocessors;
  if (f.host) roof.exact = host_figures(machine, threads, &f);
  const double flops = p->op->flops(p), bytes = p->op->bytes(p);
  double rate = f.flops[p->math];
  if (!(rate > 0) && f.host) rate = f.flops[WHY_MATH_F32]; // 16-bit types converted
  struct level level[LEVELS] = {
      f.host ? first_cache(machine, threads) : (struct level){0, 0},
      {(double)f.core_cache_bytes, f.core_cache_bps},
      {(double)f.cache_bytes, f.cache_bps},
      {INFINITY, f.memory_bps},
  };
  // Of a GPU whose cache has no figure its memory's holds.
  const int caches = cache == WHY_COLD || (!f.host && !(f.cache_bps > 0)) ? 0 : LEVELS - 1;
  for (int i = caches; i < LEVELS - 1; i++) level[i] = (struct level){0, 0};
  roof.compute = rate > 0 ? flops / rate : NAN;
  bool known = false;
  roof.memory = f.memory_bps > 0 ? seconds_to_move(level, bytes, &known) : NAN;
  roof.exact &= known;
  roof.cached = f.host && cache == WHY_HOT && bytes < (double)f.cache_bytes;
  return roof;
}

double roof_seconds(const struct roof *roof) {
  return isnan(roof->compute) || isnan(roof->memory) ? NAN : fmax(roof->compute, roof->memory);
}

const char *roof_bound(const struct roof *roof, double copies, double work, double launches) {
  if (isnan(work)) return "";
  if (copies > work) return "transfer";
  if (launches > work / 2) return "launch";
  if (isnan(roof->compute) || isnan(roof->memory)) return "";
  if (roof->compute >= roof->memory) return "compute";
  return roof->cached ? "cpu" : "memory";
}
