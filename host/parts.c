// The sizes of a streamed plan's parts. See parts.h.
//
// A search, the same for every op: parts are halved along whatever axis costs least until they fit,
// then grown, shrunk and traded one axis against another while the predicted time falls. For a
// product it comes to the law: a tile of c with most of the memory, a and b streamed past it.
#include "parts.h"
#include <math.h>
#include <string.h>

// A device of which nothing was measured: the ratios of a current GPU on PCIe 5, for the search
// alone. No time comes of them.
static const struct why_facts unknown_device = {.in_bps = 5e10,
                                                .out_bps = 5e10,
                                                .memory_bps = 3e12,
                                                .latency_seconds = 1e-5,
                                                .launch_seconds = 5e-6};
static const double unknown_flops = 5e13;

// ---- what parts hold and copy ------------------------------------------------------------------

static int64_t round_up(int64_t x, int64_t unit) {
  return x > INT64_MAX - unit ? INT64_MAX / unit * unit : (x + unit - 1) / unit * unit;
}

static int64_t parts_along(const struct why_problem *p, const struct why_parts *parts, int cut) {
  return (p->op->extent(p, cut) - 1) / parts->extent[cut] + 1;
}

// How often an operand's slices are copied, were each copied once a part: the parts along all loops
// down to the innermost one that it is sliced by.
static double copies(const struct why_problem *p, const struct why_parts *parts, int operand,
                     bool *changes) {
  const unsigned char *order = p->op->order[parts->order];
  uint32_t sliced = p->op->sliced(p, operand);
  double here = 1, all = 1;
  for (int depth = 0; depth < p->op->cuts; depth++) {
    int64_t count = parts_along(p, parts, order[depth]);
    here *= (double)count;
    if (sliced >> order[depth] & 1 && count > 1) all = here;
  }
  *changes = all > 1;
  return all;
}

static double slices(const struct why_problem *p, const struct why_parts *parts, int operand) {
  double count = 1;
  for (int cut = 0; cut < p->op->cuts; cut++)
    if (p->op->sliced(p, operand) >> cut & 1) count *= (double)parts_along(p, parts, cut);
  return count;
}

// A part whose operands are as large as any part's.
static void largest(const struct why_problem *p, const struct why_parts *parts,
                    struct why_problem *out) {
  p->op->part(p, NULL, NULL, parts->extent, out, NULL);
}

static uint64_t operand_bytes(const struct why_problem *part, int operand) {
  struct why_tensor t;
  part->op->shape(part, operand, &t);
  return why_tensor_bytes(&t);
}

static int buffers(const struct why_problem *p, const struct why_parts *parts, int operand,
                   bool changes) {
  if (!changes) return 1;
  return p->op->role(p, operand) == WHY_IN ? parts->in_buffers : parts->out_buffers;
}

int why_parts_buffers(const struct why_problem *p, const struct why_parts *parts, int operand) {
  bool changes;
  copies(p, parts, operand, &changes);
  return buffers(p, parts, operand, changes);
}

uint64_t why_parts_buffer_bytes(const struct why_problem *p, const struct why_parts *parts,
                                int operand) {
  struct why_problem part;
  largest(p, parts, &part);
  return operand_bytes(&part, operand);
}

uint64_t why_parts_device_bytes(const struct why_problem *p, const struct why_parts *parts) {
  struct why_problem part;
  uint64_t sum = 0;
  largest(p, parts, &part);
  for (int i = 0; i < p->op->operands; i++)
    sum += (uint64_t)why_parts_buffers(p, parts, i) * operand_bytes(&part, i);
  return sum;
}

uint64_t why_parts_pinned_bytes(const struct why_parts *parts) {
  return (WHY_STAGES_IN + WHY_STAGES_OUT) * parts->stage_bytes;
}

// Fills count, in_bytes and out_bytes. Edges are shorter than the other parts: the operand's own
// bytes where slices do not overlap.
static void count_copies(const struct why_problem *p, struct why_parts *parts) {
  const struct why_op *op = p->op;
  double count = 1;
  for (int cut = 0; cut < op->cuts; cut++) count *= (double)parts_along(p, parts, cut);
  parts->count = count < 9e18 ? (int64_t)count : INT64_MAX;
  parts->in_bytes = parts->out_bytes = 0;
  for (int i = 0; i < op->operands; i++) {
    struct why_tensor t;
    bool changes;
    op->shape(p, i, &t);
    double volume = op->slice_bytes ? op->slice_bytes(p, parts->extent, i) : 0;
    if (volume == 0) volume = (double)why_tensor_elements(&t) * (double)why_type_bytes(t.type);
    double moved = volume * copies(p, parts, i, &changes) / slices(p, parts, i);
    enum why_role role = op->role(p, i);
    struct why_problem part;
    largest(p, parts, &part);
    struct why_tensor packed;
    op->shape(&part, i, &packed); // may be of a wider type
    moved *= (double)why_type_bytes(packed.type) / (double)why_type_bytes(t.type);
    if (role & WHY_IN) parts->in_bytes += moved;
    if (role & WHY_OUT) parts->out_bytes += moved;
  }
}

// ---- what they take ----------------------------------------------------------------------------

static double either(double known, double otherwise) {
  return known > 0 ? known : otherwise;
}

static struct why_parts_times times_of(const struct why_problem *p, const struct why_parts *parts,
                                       const struct why_kernel *k, const struct why_facts *host,
                                       const struct why_facts *d) {
  struct why_problem part;
  double in_copies = 0, out_copies = 0, out_tiles = 1, first_in = 0, last_out = 0;
  largest(p, parts, &part);
  for (int i = 0; i < p->op->operands; i++) {
    bool changes;
    double n = copies(p, parts, i, &changes), bytes = (double)operand_bytes(&part, i);
    enum why_role role = p->op->role(p, i);
    if (role & WHY_IN) in_copies += n, first_in += bytes;
    if (role & WHY_OUT) out_copies += n, last_out += bytes, out_tiles = n;
  }
  double in_bps = either(d->in_bps, unknown_device.in_bps);
  double out_bps = either(d->out_bps, unknown_device.out_bps);
  double latency = either(d->latency_seconds, unknown_device.latency_seconds);
  double launch = either(d->launch_seconds, unknown_device.launch_seconds);
  double flops = either(why_rate(d, k, p), unknown_flops);
  double memory = either(d->memory_bps, unknown_device.memory_bps);
  double count = (double)parts->count, full = p->op->flops(p) / p->op->flops(&part);
  struct why_parts_times t;
  t.in = in_copies * latency + parts->in_bytes / in_bps;
  t.out = out_copies * latency + parts->out_bytes / out_bps;
  t.work = count * launch +
           full * fmax(p->op->flops(&part) / flops, p->op->bytes(&part) / memory) / k->efficiency;
  // The host packs and unpacks meanwhile: each byte is read and written once.
  double stage = host->memory_bps > 0
                     ? 2 * (parts->in_bytes + parts->out_bytes) / host->memory_bps
                     : 0;
  // The queue that takes longest, and what the others do before its first and after its last part.
  double one_in = latency + first_in / in_bps, one_out = latency + last_out / out_bps;
  double one_work = t.work / count, work = t.work;
  if (parts->out_buffers == 1 && out_tiles > 1) work += t.out; // one waits for the other
  t.seconds = fmax(fmax(t.in, stage) + one_work + one_out,
                   fmax(one_in + work + one_out, one_in + one_work + t.out));
  return t;
}

struct why_parts_times why_parts_predict(const struct why_problem *p, const struct why_parts *parts,
                                         const struct why_kernel *k, const struct why_facts *host,
                                         const struct why_facts *d) {
  if (!(why_rate(d, k, p) > 0) || !(d->memory_bps > 0) || !(d->in_bps > 0) || !(d->out_bps > 0))
    return (struct why_parts_times){NAN, NAN, NAN, NAN};
  return times_of(p, parts, k, host, d);
}

// ---- the search --------------------------------------------------------------------------------

struct search {
  const struct why_problem *problem;
  const struct why_kernel *kernel;
  const struct why_facts *host, *device;
  uint64_t most; // bytes of the device
  int64_t whole[WHY_CUTS], step[WHY_CUTS];
};

struct trial {
  struct why_parts parts;
  uint64_t bytes;
  double seconds;
};

// Whole blocks where a part is long enough not to feel it; multiples that the op and the kernel
// need always. The parts of an axis are all of about one size.
static int64_t fitting(const struct search *s, int cut, double wanted) {
  int64_t whole = s->whole[cut], step = s->step[cut];
  if (wanted >= (double)whole) return whole;
  int64_t length = wanted < (double)step ? step : (int64_t)wanted;
  int64_t count = (whole - 1) / length + 1, even = (whole - 1) / count + 1;
  int64_t unit = even >= 2048 ? 128 : even >= 256 ? 32 : even >= 32 ? 8 : 1;
  if (unit % step) unit = step;
  even = round_up(even, unit);
  if (even > length && length >= unit) even = length / unit * unit; // never more than wanted
  return even < whole ? round_up(even, step) : whole;
}

static void weigh(const struct search *s, struct trial *t) {
  count_copies(s->problem, &t->parts);
  t->bytes = why_parts_device_bytes(s->problem, &t->parts);
  t->seconds = times_of(s->problem, &t->parts, s->kernel, s->host, s->device).seconds;
}

static bool same_extents(const struct trial *a, const struct trial *b) {
  return !memcmp(a->parts.extent, b->parts.extent, sizeof a->parts.extent);
}

// Until it fits; false when the smallest parts do not.
static bool shrink(const struct search *s, struct trial *best) {
  while (best->bytes > s->most) {
    struct trial next;
    double cheapest = INFINITY;
    for (int cut = 0; cut < s->problem->op->cuts; cut++) {
      struct trial t = *best;
      t.parts.extent[cut] = fitting(s, cut, (double)t.parts.extent[cut] / 2);
      if (same_extents(&t, best)) continue;
      weigh(s, &t);
      double saved = (double)best->bytes - (double)t.bytes;
      // One buffer becomes two when an axis is first cut: that may save nothing yet.
      double cost = (t.seconds - best->seconds) / fmax(saved, 1e-3 * (double)best->bytes);
      if (cost < cheapest) cheapest = cost, next = t;
    }
    if (isinf(cheapest)) return false;
    *best = next;
  }
  return true;
}

static bool improve(const struct search *s, struct trial *best, int cut, double by, int other,
                    double other_by) {
  struct trial t = *best;
  t.parts.extent[cut] = fitting(s, cut, (double)t.parts.extent[cut] * by);
  if (other >= 0) t.parts.extent[other] = fitting(s, other, (double)t.parts.extent[other] * other_by);
  if (same_extents(&t, best)) return false;
  weigh(s, &t);
  if (t.bytes > s->most || !(t.seconds < 0.9999 * best->seconds)) return false;
  *best = t;
  return true;
}

static void climb(const struct search *s, struct trial *best) {
  static const double by[] = {2, 1.5, 1.2, 1.05};
  int cuts = s->problem->op->cuts;
  for (size_t f = 0; f < sizeof by / sizeof *by;) {
    bool better = false;
    for (int cut = 0; cut < cuts; cut++) {
      better |= improve(s, best, cut, by[f], -1, 1);
      better |= improve(s, best, cut, 1 / by[f], -1, 1);
      for (int other = 0; other < cuts; other++)
        if (other != cut) better |= improve(s, best, cut, by[f], other, 1 / by[f]);
    }
    if (!better) f++;
  }
}

// A third buffer where the parts leave room for it: a late copy then holds up nothing.
static void add_buffer(const struct search *s, struct trial *best) {
  struct trial t = *best;
  t.parts.in_buffers++;
  weigh(s, &t);
  if (t.bytes <= s->most) *best = t;
}

// Staging buffers of a few MiB keep a link busy; no larger than the largest slice needs.
static enum why_reason choose_stage(const struct why_problem *p, uint64_t most,
                                    struct why_parts *parts, struct why_verdict *why) {
  enum { LARGEST = 8 << 20, SMALLEST = 4 << 10, UNIT = 64, STAGES = WHY_STAGES_IN + WHY_STAGES_OUT };
  uint64_t bytes = 0, least = SMALLEST;
  for (int i = 0; i < p->op->operands; i++) {
    uint64_t slice = why_parts_buffer_bytes(p, parts, i);
    if (slice > bytes) bytes = slice;
  }
  bytes = (bytes < LARGEST ? bytes + UNIT - 1 : LARGEST) / UNIT * UNIT;
  if (bytes < least) least = bytes;
  if (bytes > most / STAGES) bytes = most / STAGES / UNIT * UNIT;
  parts->stage_bytes = bytes;
  if (bytes >= least) return WHY_OK;
  why->need = (double)(STAGES * least);
  why->have = (double)most;
  return WHY_PINNED;
}

enum why_reason why_parts_choose(const struct why_case *cs, const struct why_kernel *k,
                                 const struct why_facts *host, const struct why_facts *device,
                                 uint64_t device_bytes, uint64_t pinned_bytes,
                                 struct why_parts *out, struct why_verdict *why) {
  const struct why_problem *p = &cs->request->problem;
  const struct why_op *op = p->op;
  struct search s = {p, k, host, device, device_bytes, {0}, {0}};
  bool cuttable = false;
  for (int cut = 0; cut < op->cuts; cut++) {
    int64_t step = op->step ? op->step(p, cut) : 1;
    s.whole[cut] = op->extent(p, cut);
    s.step[cut] = k->multiple > 1 ? round_up(step, k->multiple) : step;
    cuttable |= s.whole[cut] > s.step[cut];
  }
  if (!cuttable) return WHY_UNCUTTABLE;
  struct trial best = {.seconds = INFINITY};
  uint64_t least = UINT64_MAX;
  for (int order = 0; order < op->orders; order++)
    for (int out_buffers = 1; out_buffers <= 2; out_buffers++) {
      struct trial t = {.parts = {.order = order, .in_buffers = 2, .out_buffers = out_buffers}};
      memcpy(t.parts.extent, s.whole, sizeof s.whole);
      weigh(&s, &t);
      if (!shrink(&s, &t)) {
        if (t.bytes < least) least = t.bytes;
        continue;
      }
      climb(&s, &t);
      add_buffer(&s, &t);
      if (t.seconds < best.seconds) best = t;
    }
  if (isinf(best.seconds)) {
    why->need = (double)least;
    why->have = (double)device_bytes;
    return WHY_DEVICE_MEMORY;
  }
  *out = best.parts;
  return choose_stage(p, pinned_bytes, out, why);
}
