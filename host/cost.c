// The cost model's terms. See cost.h. Leaves out transfers between host and device (predict.c).
#include "cost.h"
#include <math.h>

// What a CPU library takes for its smallest problems: a call, its checks, waking a thread. A prior,
// of the size that was seen on the two cores of results/xeon-2-cores.
static const double HOST_LAUNCH = 0.5e-6;

// Bytes from row to row of a matrix, or from column to column; 0: it is none.
static int64_t bytes_apart(const struct why_tensor *t) {
  if (t->rank != 2 || t->dim[0] == 1 || t->dim[1] == 1) return 0;
  return (t->stride[0] > t->stride[1] ? t->stride[0] : t->stride[1]) *
         (int64_t)why_type_bytes(t->type);
}

void why_work_of(const struct why_problem *p, struct why_work *out) {
  *out = (struct why_work){.flops = p->op->flops(p)};
  for (int i = 0; i < p->op->operands; i++) {
    struct why_tensor t;
    p->op->shape(p, i, &t);
    enum why_role role = p->op->role(p, i);
    double elements = (double)why_tensor_elements(&t);
    double bytes = elements * (double)why_type_bytes(t.type);
    out->all_bytes += bytes;
    out->bytes[i] = role == WHY_INOUT ? 2 * bytes : bytes;
    int64_t apart = bytes_apart(&t);
    if (apart && apart % 2048 == 0) out->aliased_bytes += out->bytes[i];
    if (apart > 8192) out->far_bytes += out->bytes[i];
    if (!(role & WHY_OUT) || out->rows > 0) continue;
    out->columns = t.rank ? (double)t.dim[t.rank - 1] : 1;
    out->rows = out->columns > 0 ? elements / out->columns : 0;
  }
  for (int i = 0; i < WHY_LOOPS && p->op->loop[i]; i++) out->loops[i] = p->op->loops(p, i);
}

// Without matrix units, of the kernel or of the device, 16-bit types are computed in f32.
double why_rate(const struct why_facts *f, const struct why_kernel *k,
                const struct why_problem *p) {
  enum why_math math = why_math_of(p->type);
  if (math <= WHY_MATH_F32) return f->flops[math];
  double units = k->matrix_units * f->flops[math];
  return units > 0 ? units : f->flops[WHY_MATH_F32];
}

double why_share_of_cores(int cores, int used, int given) {
  int threads = cores;
  if (used && used < threads) threads = used;
  if (given && given < threads) threads = given;
  return cores > 0 ? (double)threads / cores : 1;
}

void why_cost_prior(const struct why_facts *f, const struct why_kernel *k,
                    const struct why_problem *p, int threads, struct why_cost *out) {
  double share = f->host ? why_share_of_cores(f->multiprocessors, k->threads, threads) : 1;
  *out = (struct why_cost){
      .launch_seconds = f->host ? HOST_LAUNCH : f->launch_seconds,
      .rate = k->efficiency * share * why_rate(f, k, p),
      .distance = 1,
      .hidden = 1,
  };
  for (int i = 0; i < p->op->operands; i++) out->passes[i] = 1 / k->efficiency;
}

// The part of so many bytes that a cache of this size keeps: all where they are half of it, nothing
// where they are twice as many, and in proportion between.
static double held(double bytes, double size) {
  return size > 0 ? fmin(1, fmax(0, (1 - log2(bytes / size)) / 2)) : 0;
}

// Seconds a byte where all of the operands lie. Never less than for a smaller set.
static double byte_seconds(const struct why_facts *f, double bytes, double share, double distance) {
  const struct {
    double size, bps;
  } level[] = {{(double)f->core_cache_bytes * share, f->core_cache_bps * share},
               {(double)f->cache_bytes, f->cache_bps * (f->host ? share : 1)}};
  double seconds = 0, part = 1, nearest = 0; // part: of the bytes that no smaller level holds
  for (int i = 0; i < 2; i++) {
    if (!(level[i].size > 0) || !(level[i].bps > f->memory_bps)) continue;
    double here = 1 / level[i].bps, kept = held(bytes, level[i].size);
    if (nearest == 0) nearest = here;
    seconds += part * kept * nearest * pow(here / nearest, distance);
    part *= 1 - kept;
  }
  double memory = 1 / f->memory_bps;
  if (nearest == 0) nearest = memory;
  return seconds + part * nearest * pow(memory / nearest, distance);
}

static double round_up(double x, double unit) {
  return unit > 0 ? ceil(x / unit) * unit : x;
}

// How many times the operations are done: tiles at the edges are computed whole, and the last wave
// of tiles takes as long as a full one.
static double padding(const struct why_facts *f, const struct why_kernel *k,
                      const struct why_work *w) {
  if (!k->tile[0] || !(w->rows > 0) || !(w->columns > 0)) return 1;
  double columns = k->tile[1] ? k->tile[1] : w->columns;
  double tiles =
      round_up(w->rows, k->tile[0]) / k->tile[0] * round_up(w->columns, columns) / columns;
  if (!f->host) tiles = round_up(tiles, f->multiprocessors);
  return tiles * k->tile[0] * columns / (w->rows * w->columns);
}

void why_cost_terms(const struct why_facts *f, const struct why_kernel *k, const struct why_work *w,
                    const struct why_cost *cost, double share, enum why_cache cache,
                    struct why_terms *out) {
  *out = (struct why_terms){.launch = NAN};
  if (!(cost->rate > 0) || !(f->memory_bps > 0)) return;
  double byte = byte_seconds(f, w->all_bytes, share, cost->distance), traffic = 0;
  // Cold: the first pass comes from memory, the others from where they then lie.
  double first = cache == WHY_COLD ? fmax(0, 1 / f->memory_bps - byte) : 0;
  out->launch = cost->launch_seconds;
  out->arithmetic = w->flops * padding(f, k, w) / cost->rate;
  for (int i = 0; i < WHY_OPERANDS; i++) {
    out->traffic[i] = w->bytes[i] * (cost->passes[i] * byte + first);
    traffic += out->traffic[i];
  }
  out->hidden = cost->hidden * fmin(out->arithmetic, traffic);
  for (int i = 0; i < WHY_LOOPS; i++) out->loop[i] = w->loops[i] * cost->loop_seconds[i];
  if (f->host && k->tile[1] && fmod(w->columns, k->tile[1]) != 0)
    out->edges = w->rows * cost->edge_seconds;
  if (!f->host) return;
  // What lies in the cores' caches, and what does not, has its own cost of going down rows.
  double near = held(w->all_bytes, (double)f->core_cache_bytes * share);
  out->far = w->far_bytes * cost->far_passes * (1 - near) * byte;
  if (near > 0 && f->core_cache_bps > 0)
    out->aliased = w->aliased_bytes * cost->aliased_passes * near / (f->core_cache_bps * share);
}

double why_terms_seconds(const struct why_terms *t) {
  double sum = t->launch + t->arithmetic - t->hidden + t->edges + t->aliased + t->far;
  for (int i = 0; i < WHY_LOOPS; i++) sum += t->loop[i];
  for (int i = 0; i < WHY_OPERANDS; i++) sum += t->traffic[i];
  return sum;
}
