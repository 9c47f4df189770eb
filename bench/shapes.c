#include "shapes.h"
#include "ops/ops.h"
#include <stdlib.h>
#include <string.h>

// A param is one of these by its range and default alone, so that a new op needs no edit here
// unless its params depend on each other.
enum kind { DIM, FLAG, STRIDE, SCALE, OTHER };
static enum kind kind_of(const struct why_param *param) {
  if (param->kind == WHY_REAL) return SCALE;
  if (param->kind == WHY_CHOICE || (param->least == 0 && param->most == 1)) return FLAG;
  if (param->otherwise == WHY_REQUIRED) return DIM;
  return param->most == INT64_MAX ? STRIDE : OTHER;
}

// Widths of warps, tiles and blocks with their neighbours, primes, and the least.
static const int64_t edge[] = {1,  2,  3,  5,  7,  8,   15,  16,  17,  31,  32,  33,  47, 63,
                               64, 65, 67, 95, 96, 127, 128, 129, 131, 191, 255, 256, 257};
static const int64_t few[] = {1, 3, 16, 17, 33, 64, 65, 128, 131};
static const int64_t lengths[] = {1000, 1021, 1024, 1025, 4096, 4099, 10007};
#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

// Params whose values must suit each other, so that most draws make a problem. A value that stands
// twice comes twice as often.
static const struct draw {
  const char *op, *param;
  int values;
  int64_t value[16];
} draws[] = {
    // clang-format off
    {"conv2d", "n",          6,  {1, 1, 2, 3, 4, 5}},
    {"conv2d", "h",          13, {1, 4, 5, 7, 8, 9, 12, 14, 16, 17, 28, 31, 33}},
    {"conv2d", "w",          13, {1, 4, 5, 7, 8, 9, 12, 14, 16, 17, 28, 31, 33}},
    {"conv2d", "r",          8,  {1, 1, 2, 3, 3, 3, 5, 7}},
    {"conv2d", "s",          8,  {1, 1, 2, 3, 3, 3, 4, 7}},
    {"conv2d", "stride_h",   4,  {1, 1, 2, 3}},
    {"conv2d", "stride_w",   4,  {1, 1, 2, 3}},
    {"conv2d", "pad_h",      5,  {0, 0, 1, 2, 3}},
    {"conv2d", "pad_w",      5,  {0, 0, 1, 2, 3}},
    {"conv2d", "pad_h_end",  6,  {-1, -1, -1, 0, 1, 2}},
    {"conv2d", "pad_w_end",  6,  {-1, -1, -1, 0, 1, 2}},
    {"conv2d", "dilation_h", 4,  {1, 1, 1, 2}},
    {"conv2d", "dilation_w", 4,  {1, 1, 1, 3}},
    {"conv2d", "groups",     6,  {1, 1, 1, 2, 3, 4}},
    {"conv2d", "wide_pad",   4,  {0, 0, 0, 1}},
    // clang-format on
};

static const struct draw *draw_of(const struct why_op *op, int param) {
  for (int i = 0; i < COUNT(draws); i++)
    if (!strcmp(draws[i].op, op->name) && !strcmp(draws[i].param, op->param[param].name))
      return &draws[i];
  return NULL;
}

struct maker {
  const struct why_op *op;
  struct why_problem base;
  double most_flops;
  uint64_t state;
  struct shapes *out;
};

static uint64_t next(struct maker *m) { // xorshift64* (Vigna 2016)
  m->state ^= m->state >> 12;
  m->state ^= m->state << 25;
  m->state ^= m->state >> 27;
  return m->state * 0x2545f4914f6cdd1du;
}
static int below(struct maker *m, int n) {
  return (int)(next(m) >> 33) % n;
}

static bool same(const struct why_problem *a, const struct why_problem *b) {
  for (int i = 0; i < a->op->params; i++)
    if (a->value[i] != b->value[i] || a->real[i] != b->real[i]) return false;
  return true;
}

static bool known(const struct shapes *s, const struct why_problem *p) {
  for (int i = 0; i < s->count; i++)
    if (same(&s->item[i], p)) return true;
  return false;
}

// Keeps a problem that the op takes, is small enough and is new. *kept: it was.
static enum why_reason add(struct maker *m, const struct why_problem *p, bool *kept) {
  struct shapes *s = m->out;
  struct why_error error;
  *kept = false;
  if (why_problem_check(p, &error) != WHY_OK || m->op->flops(p) > m->most_flops || known(s, p))
    return WHY_OK;
  if (s->count == s->capacity) {
    int capacity = s->capacity ? 2 * s->capacity : 64;
    struct why_problem *grown = realloc(s->item, (size_t)capacity * sizeof *grown);
    if (!grown) return WHY_ALLOC_FAILED;
    s->item = grown;
    s->capacity = capacity;
  }
  s->item[s->count++] = *p;
  *kept = true;
  return WHY_OK;
}

// Groups divide both kinds of channels. One in three that are grouped has a group a channel.
static void fit_groups(struct maker *m, struct why_problem *p) {
  int64_t *v = p->value;
  if (strcmp(m->op->name, "conv2d") != 0 || v[CONV2D_GROUPS] < 2) return;
  if (!below(m, 3)) v[CONV2D_GROUPS] = v[CONV2D_C];
  int64_t groups = v[CONV2D_GROUPS];
  v[CONV2D_C] = (v[CONV2D_C] + groups - 1) / groups * groups;
  v[CONV2D_K] = (v[CONV2D_K] + groups - 1) / groups * groups;
}

// How the params of a problem are drawn.
struct recipe {
  const int64_t *size; // of the dims, but those that have a table of their own
  int sizes;
  int longest; // this dim has `length`; -1: none
  int64_t length;
  enum { PLAIN, DECORATED, ALIGNED } rest; // of the params
};

static void draw_dims(struct maker *m, const struct recipe *r, struct why_problem *p) {
  for (int i = 0; i < m->op->params; i++) {
    const struct draw *draw = draw_of(m->op, i);
    if (kind_of(&m->op->param[i]) != DIM) continue;
    p->value[i] = draw ? draw->value[below(m, draw->values)] : r->size[below(m, r->sizes)];
  }
  if (r->longest >= 0) p->value[r->longest] = r->length;
}

// Flags, scales and leading dimensions. A leading dimension is no smaller than any dim, and every
// other one a multiple of 8, as kernels with wide loads want it. ALIGNED: always a multiple of 8,
// and flags off but for layouts.
static void draw_rest(struct maker *m, const struct recipe *r, struct why_problem *p) {
  static const double scale[] = {1, 0, 0.5, -1.25};
  int64_t largest = 1;
  for (int i = 0; i < m->op->params; i++)
    if (kind_of(&m->op->param[i]) == DIM && p->value[i] > largest) largest = p->value[i];
  bool gaps = below(m, 2), aligned = r->rest == ALIGNED, eights = below(m, 2) || aligned;
  for (int i = 0; i < m->op->params; i++) {
    const struct why_param *param = &m->op->param[i];
    const struct draw *draw = draw_of(m->op, i);
    enum kind kind = kind_of(param);
    if (kind == DIM || (kind == FLAG && aligned && param->kind != WHY_CHOICE)) continue;
    if (draw)
      p->value[i] = draw->value[below(m, draw->values)];
    else if (kind == FLAG)
      p->value[i] = below(m, (int)param->most + 1);
    else if (kind == SCALE)
      p->real[i] = scale[below(m, COUNT(scale))];
    else if (kind == STRIDE && gaps && (aligned || below(m, 4)))
      p->value[i] = eights ? (largest + 15) / 8 * 8 : largest + 1 + below(m, 9);
  }
  fit_groups(m, p);
}

// One problem of the recipe. Not every draw is small enough, new, and one that the op takes.
static enum why_reason keep_one(struct maker *m, const struct recipe *r) {
  enum { TRIES = 200 };
  enum why_reason reason = WHY_OK;
  bool kept = false;
  for (int t = 0; t < TRIES && !kept && !reason; t++) {
    struct why_problem p = m->base;
    draw_dims(m, r, &p);
    if (r->rest != PLAIN) draw_rest(m, r, &p);
    reason = add(m, &p, &kept);
  }
  return reason;
}

static enum why_reason keep_both(struct maker *m, struct recipe r) {
  r.rest = PLAIN;
  enum why_reason reason = keep_one(m, &r);
  r.rest = DECORATED;
  return reason ? reason : keep_one(m, &r);
}

// Every dim the same.
static enum why_reason same_dims(struct maker *m, int64_t size) {
  struct why_problem p = m->base;
  bool kept;
  for (int i = 0; i < m->op->params; i++)
    if (kind_of(&m->op->param[i]) == DIM) p.value[i] = size;
  return add(m, &p, &kept);
}

static enum why_reason regular(struct maker *m, const int64_t *size, int sizes) {
  enum why_reason reason = same_dims(m, 4);
  for (int s = 0; s < sizes && !reason; s++) {
    reason = same_dims(m, size[s]);
    if (!reason) reason = keep_both(m, (struct recipe){&size[s], 1, -1, 0, PLAIN});
  }
  return reason;
}

// Each dim in turn long while the others are short.
static enum why_reason skinny(struct maker *m, int step) {
  static const int64_t others[] = {1, 5, 16};
  enum why_reason reason = WHY_OK;
  for (int which = 0; which < m->op->params && !reason; which++)
    for (int at = which % step; at < COUNT(lengths) && !reason; at += step)
      if (kind_of(&m->op->param[which]) == DIM)
        reason = keep_both(m, (struct recipe){others, COUNT(others), which, lengths[at], PLAIN});
  return reason;
}

static enum why_reason mixed(struct maker *m, int count) {
  const struct recipe r = {edge, COUNT(edge), -1, 0, DECORATED};
  enum why_reason reason = WHY_OK;
  for (int n = 0; n < count && !reason; n++) reason = keep_one(m, &r);
  return reason;
}

// Multiples of 4 throughout: what kernels with wide loads insist on.
static enum why_reason aligned(struct maker *m, int count) {
  static const int64_t size[] = {4, 8, 12, 16, 20, 32, 60, 64, 68, 96, 128, 132, 192};
  const struct recipe r = {size, COUNT(size), -1, 0, ALIGNED};
  enum why_reason reason = WHY_OK;
  for (int n = 0; n < count && !reason; n++) reason = keep_one(m, &r);
  return reason;
}

enum why_reason shapes_make(const struct why_op *op, enum why_type type, bool quick,
                            double most_flops, uint64_t seed, struct shapes *out) {
  *out = (struct shapes){0};
  struct maker m = {.op = op,
                    .most_flops = most_flops,
                    .state = (seed + 1) * 0x9e3779b97f4a7c15u | 1,
                    .out = out};
  why_problem_default(op, &m.base);
  m.base.type = type;
  m.base.math = why_math_of(type);
  enum why_reason reason = quick ? regular(&m, few, COUNT(few)) : regular(&m, edge, COUNT(edge));
  if (!reason) reason = skinny(&m, quick ? 4 : 1);
  if (!reason) reason = mixed(&m, quick ? 12 : 120);
  if (!reason) reason = aligned(&m, quick ? 16 : 80);
  return reason;
}

void shapes_free(struct shapes *s) {
  free(s->item);
  *s = (struct shapes){0};
}
