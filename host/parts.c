// The sizes of a streamed plan's parts. See parts.h.
//
// A search, the same for every op: parts are halved along whatever axis costs least until they fit,
// then grown, shrunk and traded one axis against another while the predicted time falls. For a
// product it comes to the law: a tile of c with most of the memory, a and b streamed past it.
#include "parts.h"
#include <assert.h>
#include <math.h>
#include <string.h>

// A device of which nothing was measured: the ratios of a current GPU on PCIe 5, for the search
// alone. No time comes of them.
static const struct why_facts unknown_device = {.in_bps = 5e10,
                                                .out_bps = 5e10,
                                                .memory_bps = 3e12,
                                                .latency_seconds = 1e-5,
                                                .launch_seconds = 5e-6};
static const double unknown_rate = 5e13;

// ---- what parts hold and copy ------------------------------------------------------------------

static int64_t round_up(int64_t x, int64_t unit) {
  return x > INT64_MAX - unit ? INT64_MAX / unit * unit : (x + unit - 1) / unit * unit;
}

int64_t why_parts_along(const struct why_problem *p, const struct why_parts *parts, int cut) {
  return (p->op->extent(p, cut) - 1) / parts->extent[cut] + 1;
}

// What follows from the sizes of the parts, an operand at a time.
struct lane {
  double copies;  // of its slices: once for each part along all loops down to the innermost one
                  // that it is sliced by
  double slices;  // different ones
  bool changes;   // from part to part
  bool outer;     // but not with the innermost loop
  uint64_t bytes; // of the largest slice, packed
  enum why_role role;
  enum why_type type; // on the device
};
struct view {
  struct why_problem part; // its operands are as large as any part's
  struct why_work work;    // of that part
  struct lane lane[WHY_OPERANDS];
};

static void look(const struct why_problem *p, const struct why_parts *parts, struct view *out) {
  const struct why_op *op = p->op;
  const unsigned char *order = op->order[parts->order];
  double along[WHY_CUTS];
  int innermost = order[0];
  for (int depth = 0; depth < op->cuts; depth++) {
    int cut = order[depth];
    along[cut] = (double)why_parts_along(p, parts, cut);
    if (along[cut] > 1) innermost = cut;
  }
  op->part(p, NULL, NULL, parts->extent, &out->part, NULL);
  why_work_of(&out->part, &out->work);
  for (int i = 0; i < op->operands; i++) {
    struct lane *lane = &out->lane[i];
    struct why_tensor t;
    uint32_t sliced = op->sliced(p, i);
    double here = 1;
    *lane = (struct lane){.copies = 1, .slices = 1, .role = op->role(p, i)};
    for (int depth = 0; depth < op->cuts; depth++) {
      int cut = order[depth];
      here *= along[cut];
      if (!(sliced >> cut & 1)) continue;
      lane->slices *= along[cut];
      if (along[cut] > 1) lane->copies = here;
    }
    lane->changes = lane->copies > 1;
    lane->outer = lane->changes && !(sliced >> innermost & 1);
    op->shape(&out->part, i, &t);
    lane->bytes = why_tensor_bytes(&t);
    lane->type = t.type;
  }
}

static int buffers(const struct lane *lane, const struct why_parts *parts) {
  if (!lane->changes) return 1;
  if (lane->role != WHY_IN) return parts->out_buffers;
  return lane->outer ? parts->outer_buffers : parts->in_buffers;
}

static uint64_t device_bytes(const struct why_problem *p, const struct why_parts *parts,
                             const struct view *v) {
  uint64_t sum = 0;
  for (int i = 0; i < p->op->operands; i++)
    sum += (uint64_t)buffers(&v->lane[i], parts) * v->lane[i].bytes;
  return sum;
}

int why_parts_buffers(const struct why_problem *p, const struct why_parts *parts, int operand) {
  struct view v;
  look(p, parts, &v);
  return buffers(&v.lane[operand], parts);
}

uint64_t why_parts_buffer_bytes(const struct why_problem *p, const struct why_parts *parts,
                                int operand) {
  struct view v;
  look(p, parts, &v);
  return v.lane[operand].bytes;
}

uint64_t why_parts_device_bytes(const struct why_problem *p, const struct why_parts *parts) {
  struct view v;
  look(p, parts, &v);
  return device_bytes(p, parts, &v);
}

uint64_t why_parts_pinned_bytes(const struct why_parts *parts) {
  return (WHY_STAGES_IN + WHY_STAGES_OUT) * parts->stage_bytes;
}

// Fills count, in_bytes and out_bytes. Slices that do not overlap are the operand's own bytes,
// whatever the last ones lack.
static void count_copies(const struct why_problem *p, const struct view *v,
                         struct why_parts *parts) {
  const struct why_op *op = p->op;
  double count = 1;
  for (int cut = 0; cut < op->cuts; cut++) count *= (double)why_parts_along(p, parts, cut);
  parts->count = count < 9e18 ? (int64_t)count : INT64_MAX;
  parts->in_bytes = parts->out_bytes = 0;
  for (int i = 0; i < op->operands; i++) {
    const struct lane *lane = &v->lane[i];
    struct why_tensor t;
    op->shape(p, i, &t);
    double element = (double)why_type_bytes(t.type);
    double bytes = op->slice_bytes ? op->slice_bytes(p, parts->extent, i) : 0;
    if (bytes == 0) bytes = (double)why_tensor_elements(&t) * element;
    bytes *= lane->copies / lane->slices * (double)why_type_bytes(lane->type) / element;
    if (lane->role & WHY_IN) parts->in_bytes += bytes;
    if (lane->role & WHY_OUT) parts->out_bytes += bytes;
  }
}

// ---- what they take ----------------------------------------------------------------------------

static double either(double known, double otherwise) {
  return known > 0 ? known : otherwise;
}

// Figures that lack are those of the unknown device: for the search alone.
static struct why_facts filled(const struct why_facts *d) {
  struct why_facts f = *d;
  f.in_bps = either(d->in_bps, unknown_device.in_bps);
  f.out_bps = either(d->out_bps, unknown_device.out_bps);
  f.memory_bps = either(d->memory_bps, unknown_device.memory_bps);
  f.latency_seconds = either(d->latency_seconds, unknown_device.latency_seconds);
  return f;
}

static struct why_parts_times times_of(const struct why_problem *p, const struct why_parts *parts,
                                       const struct view *v, const struct why_parts_basis *on) {
  const struct why_facts *host = on->host, d = filled(on->device);
  struct why_cost cost = on->cost;
  double in_copies = 0, out_copies = 0, out_tiles = 1, first_in = 0, last_out = 0, alone = 0;
  for (int i = 0; i < p->op->operands; i++) {
    const struct lane *lane = &v->lane[i];
    double bytes = (double)lane->bytes;
    if (lane->role & WHY_IN) in_copies += lane->copies, first_in += bytes;
    if (lane->role == WHY_IN && lane->changes && buffers(lane, parts) == 1)
      alone += (lane->copies - 1) * bytes; // the work before must end first, and that after waits
    if (lane->role & WHY_OUT)
      out_copies += lane->copies, last_out += bytes, out_tiles = lane->copies;
  }
  cost.rate = either(cost.rate, unknown_rate);
  cost.launch_seconds = either(cost.launch_seconds, unknown_device.launch_seconds);
  double count = (double)parts->count, full = p->op->flops(p) / v->work.flops;
  struct why_parts_times t;
  why_cost_terms(&d, on->kernel, &v->work, &cost, 1, WHY_HOT, &t.terms);
  t.in = parts->in_bytes / d.in_bps;
  t.out = parts->out_bytes / d.out_bps;
  t.work = count * cost.launch_seconds + full * (why_terms_seconds(&t.terms) - t.terms.launch);
  // Meanwhile the host packs and unpacks, each byte read and written once, and queues everything.
  double stage = (in_copies + out_copies) * d.latency_seconds;
  if (host->memory_bps > 0) stage += 2 * (parts->in_bytes + parts->out_bytes) / host->memory_bps;
  // The queue that takes longest, and what the others do before its first and after its last part.
  double one_in = d.latency_seconds + first_in / d.in_bps;
  double one_out = d.latency_seconds + last_out / d.out_bps;
  double one_work = t.work / count, work = t.work + alone / d.in_bps;
  if (parts->out_buffers == 1 && out_tiles > 1) work += t.out; // one waits for the other
  t.seconds = fmax(fmax(t.in, stage) + one_work + one_out,
                   fmax(one_in + work + one_out, one_in + one_work + t.out));
  return t;
}

struct why_parts_times why_parts_predict(const struct why_problem *p, const struct why_parts *parts,
                                         const struct why_parts_basis *on) {
  const struct why_facts *d = on->device;
  if (!(on->cost.rate > 0) || !(d->memory_bps > 0) || !(d->in_bps > 0) || !(d->out_bps > 0))
    return (struct why_parts_times){NAN, NAN, NAN, NAN, {.launch = NAN}};
  struct view v;
  look(p, parts, &v);
  return times_of(p, parts, &v, on);
}

// ---- the search --------------------------------------------------------------------------------

struct search {
  const struct why_problem *problem;
  const struct why_parts_basis *on;
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
  assert(whole > 0 && step > 0);
  if (wanted >= (double)whole) return whole;
  int64_t length = wanted < (double)step ? step : (int64_t)wanted;
  int64_t count = (whole - 1) / length + 1, even = (whole - 1) / count + 1;
  int64_t unit = even >= 2048 ? 128 : even >= 256 ? 32 : even >= 32 ? 8 : 1;
  if (unit % step) unit = step;
  even = round_up(even, unit);
  return even < whole ? round_up(even, step) : whole;
}

static void weigh(const struct search *s, struct trial *t) {
  struct view v;
  look(s->problem, &t->parts, &v);
  count_copies(s->problem, &v, &t->parts);
  t->bytes = device_bytes(s->problem, &t->parts, &v);
  t->seconds = times_of(s->problem, &t->parts, &v, s->on).seconds;
}

static bool same_extents(const struct trial *a, const struct trial *b) {
  return !memcmp(a->parts.extent, b->parts.extent, sizeof a->parts.extent);
}

// Along the independent axes until it fits; false when the smallest parts do not.
static bool shrink(const struct search *s, struct trial *best) {
  while (best->bytes > s->most) {
    struct trial next;
    double cheapest = INFINITY;
    for (int cut = 0; cut < s->problem->op->cuts; cut++) {
      struct trial t = *best;
      if (s->problem->op->cut[cut].sums) continue;
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

// A part `by` times as long, at the least with one part fewer or more along the axis.
static int64_t scaled(const struct search *s, const struct trial *t, int cut, double by) {
  double now = (double)t->parts.extent[cut], whole = (double)s->whole[cut];
  double count = ceil(whole / now), next = by > 1 ? count - 1 : count + 1;
  if (next < 1) return s->whole[cut];
  double wanted = by > 1 ? fmax(now * by, ceil(whole / next)) : fmin(now * by, ceil(whole / next));
  return fitting(s, cut, wanted);
}

static bool improve(const struct search *s, struct trial *best, int cut, double by, int other,
                    double other_by) {
  struct trial t = *best;
  t.parts.extent[cut] = scaled(s, best, cut, by);
  if (other >= 0) t.parts.extent[other] = scaled(s, best, other, other_by);
  if (same_extents(&t, best)) return false;
  weigh(s, &t);
  if (t.bytes > s->most || !(t.seconds < 0.9999 * best->seconds)) return false;
  *best = t;
  return true;
}

// Along all axes, or the independent ones alone.
static void climb(const struct search *s, struct trial *best, bool sums) {
  static const double by[] = {2, 1.3, 1.05};
  int cut_of[WHY_CUTS], cuts = 0;
  for (int cut = 0; cut < s->problem->op->cuts; cut++)
    if (sums || !s->problem->op->cut[cut].sums) cut_of[cuts++] = cut;
  for (size_t f = 0; f < sizeof by / sizeof *by;) {
    bool better = false;
    for (int i = 0; i < cuts; i++) {
      better |= improve(s, best, cut_of[i], by[f], -1, 1);
      better |= improve(s, best, cut_of[i], 1 / by[f], -1, 1);
      for (int j = 0; j < cuts; j++)
        if (j != i) better |= improve(s, best, cut_of[i], by[f], cut_of[j], 1 / by[f]);
    }
    if (!better) f++;
  }
}

// For every size along an axis that sums, by quarters, the others that are best with it: the tile
// of the output that stays, and how much of the sum passes at a time, trade too steeply for small
// steps.
static void search_sums(const struct search *s, const struct trial *start, struct trial *best,
                        uint64_t *least) {
  const struct why_op *op = s->problem->op;
  int sum = -1;
  for (int cut = 0; cut < op->cuts; cut++)
    if (op->cut[cut].sums) sum = cut;
  double shortest = INFINITY;
  int64_t last = sum < 0 ? 1 : s->step[sum], next;
  for (int64_t wanted = sum < 0 ? 1 : s->whole[sum]; wanted > 0; wanted = next) {
    struct trial t = *start;
    next = wanted <= last ? 0 : wanted / 4 < last ? last : wanted / 4;
    if (sum >= 0) t.parts.extent[sum] = fitting(s, sum, (double)wanted);
    weigh(s, &t);
    if (!shrink(s, &t)) {
      if (t.bytes < *least) *least = t.bytes;
      continue;
    }
    climb(s, &t, false);
    if (t.seconds > 4 * shortest) break; // smaller ones only add to what each part costs
    shortest = fmin(shortest, t.seconds);
    if (t.seconds < best->seconds) *best = t;
  }
}

// A third buffer where the parts leave room for it: a late copy then holds up nothing.
static void add_buffer(const struct search *s, struct trial *best) {
  struct trial t = *best;
  t.parts.in_buffers++;
  weigh(s, &t);
  if (t.bytes <= s->most) *best = t;
}

// Where everything fits, a few even parts along one axis will do: what is to be gained is the time
// of the copies, and a decision must stay quick.
static void overlap(const struct search *s, const struct trial *start, struct trial *best) {
  static const double parts[] = {4, 8, 16, 32};
  for (int cut = 0; cut < s->problem->op->cuts; cut++)
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !s->problem->op->cut[cut].sums; i++) {
      struct trial t = *start;
      t.parts.extent[cut] = fitting(s, cut, (double)s->whole[cut] / parts[i]);
      weigh(s, &t);
      if (t.bytes <= s->most && t.seconds < best->seconds) *best = t;
    }
}

// What takes as long is worth the milliseconds of the whole search, though all would fit.
#define WORTH_A_SEARCH 0.01

// The best trial; its seconds are INFINITY where none fits.
static struct trial search(const struct search *s, uint64_t *least) {
  struct trial best = {.seconds = INFINITY}, start = {.parts = {.in_buffers = 2}};
  memcpy(start.parts.extent, s->whole, sizeof s->whole);
  weigh(s, &start);
  bool fits = start.bytes <= s->most; // a whole that never changes has one buffer an operand
  for (int order = 0; order < s->problem->op->orders; order++)
    for (int buffers = 3; buffers >= 0; buffers--) {
      start.parts.order = order;
      start.parts.outer_buffers = 1 + buffers / 2;
      start.parts.out_buffers = 1 + buffers % 2;
      if (fits && buffers == 3) overlap(s, &start, &best);
      if (!fits || best.seconds > WORTH_A_SEARCH) search_sums(s, &start, &best, least);
    }
  if (isinf(best.seconds)) return best;
  if (best.seconds > WORTH_A_SEARCH || !fits) climb(s, &best, true);
  add_buffer(s, &best);
  return best;
}

// Staging buffers of a few MiB keep a link busy; no larger than the largest slice needs.
static enum why_reason choose_stage(const struct why_problem *p, uint64_t most,
                                    struct why_parts *parts, struct why_verdict *why) {
  enum {
    LARGEST = 8 << 20,
    SMALLEST = 4 << 10,
    UNIT = 64,
    STAGES = WHY_STAGES_IN + WHY_STAGES_OUT
  };
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

// More parts than this are no plan: each costs tens of microseconds, whatever it computes.
enum { MOST_PARTS = 1 << 20 };

enum why_reason why_parts_choose(const struct why_case *cs, const struct why_parts_basis *on,
                                 uint64_t device_bytes, uint64_t pinned_bytes,
                                 struct why_parts *out, struct why_verdict *why) {
  const struct why_problem *p = &cs->request->problem;
  const struct why_op *op = p->op;
  struct search s = {p, on, device_bytes, {0}, {0}};
  int multiple = on->kernel->multiple;
  bool cuttable = false;
  for (int cut = 0; cut < op->cuts; cut++) {
    int64_t step = op->step ? op->step(p, cut) : 1;
    s.whole[cut] = op->extent(p, cut);
    s.step[cut] = multiple > 1 ? round_up(step, multiple) : step;
    cuttable |= s.whole[cut] > s.step[cut];
  }
  if (!cuttable) return WHY_UNCUTTABLE;
  uint64_t least = UINT64_MAX;
  struct trial best = search(&s, &least);
  if (isinf(best.seconds)) {
    why->need = (double)least;
    why->have = (double)device_bytes;
    return WHY_DEVICE_MEMORY;
  }
  if (best.parts.count > MOST_PARTS) {
    while (best.parts.count > MOST_PARTS) {
      s.most *= 2;
      best = search(&s, &least);
    }
    why->need = (double)best.bytes;
    why->have = (double)device_bytes;
    return WHY_DEVICE_MEMORY;
  }
  *out = best.parts;
  return choose_stage(p, pinned_bytes, out, why);
}
