#include "shapes.h"
#include <stdlib.h>
#include <string.h>

// A param is one of these by its range and default alone, so that a new op needs no edit here.
enum kind { DIM, FLAG, STRIDE, SCALE };
static enum kind kind_of(const struct why_param *param) {
  if (param->kind == WHY_REAL) return SCALE;
  if (param->otherwise == WHY_REQUIRED) return DIM;
  return param->least == 0 && param->most == 1 ? FLAG : STRIDE;
}

// Widths of warps, tiles and blocks with their neighbours, primes, and the least.
static const int64_t edge[] = {1,  2,  3,  5,  7,  8,   15,  16,  17,  31,  32,  33,  47, 63,
                               64, 65, 67, 95, 96, 127, 128, 129, 131, 191, 255, 256, 257};
static const int64_t few[] = {1, 3, 16, 17, 33, 64, 65, 128, 131};
static const int64_t lengths[] = {1000, 1021, 1024, 1025, 4096, 4099, 10007};
#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

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

// Keeps a problem that the op takes, is small enough and is new.
static enum why_reason add(struct maker *m, const struct why_problem *p) {
  struct shapes *s = m->out;
  struct why_error error;
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
  return WHY_OK;
}

// Flags, scales and leading dimensions at random. A leading dimension is no smaller than any dim,
// and every other one a multiple of 8, as kernels with wide loads want it.
static void decorate(struct maker *m, struct why_problem *p) {
  static const double scale[] = {1, 0, 0.5, -1.25};
  int64_t largest = 1;
  for (int i = 0; i < m->op->params; i++)
    if (kind_of(&m->op->param[i]) == DIM && p->value[i] > largest) largest = p->value[i];
  bool gaps = below(m, 2), aligned = below(m, 2);
  for (int i = 0; i < m->op->params; i++) {
    enum kind kind = kind_of(&m->op->param[i]);
    if (kind == FLAG) p->value[i] = below(m, 2);
    if (kind == SCALE) p->real[i] = scale[below(m, COUNT(scale))];
    if (kind == STRIDE && gaps && below(m, 4))
      p->value[i] = aligned ? (largest + 15) / 8 * 8 : largest + 1 + below(m, 9);
  }
}

// Both plain and decorated.
static enum why_reason add_both(struct maker *m, const struct why_problem *p) {
  struct why_problem decorated = *p;
  decorate(m, &decorated);
  enum why_reason reason = add(m, p);
  return reason ? reason : add(m, &decorated);
}

// Every dim the same; then each in turn long while the others are short.
static enum why_reason regular(struct maker *m, const int64_t *size, int sizes) {
  enum why_reason reason = WHY_OK;
  struct why_problem p = m->base;
  for (int s = 0; s < sizes && !reason; s++) {
    for (int i = 0; i < m->op->params; i++)
      if (kind_of(&m->op->param[i]) == DIM) p.value[i] = size[s];
    reason = add_both(m, &p);
  }
  return reason;
}

static enum why_reason skinny(struct maker *m, int step) {
  static const int64_t others[] = {1, 5, 16};
  enum why_reason reason = WHY_OK;
  for (int which = 0; which < m->op->params && !reason; which++) {
    if (kind_of(&m->op->param[which]) != DIM) continue;
    for (int at = which % step; at < COUNT(lengths) && !reason; at += step) {
      struct why_problem p = m->base;
      for (int i = 0; i < m->op->params; i++)
        if (kind_of(&m->op->param[i]) == DIM)
          p.value[i] = i == which ? lengths[at] : others[below(m, COUNT(others))];
      reason = add_both(m, &p);
    }
  }
  return reason;
}

static enum why_reason mixed(struct maker *m, int count) {
  enum why_reason reason = WHY_OK;
  for (int n = 0; n < count && !reason; n++) {
    struct why_problem p = m->base;
    for (int i = 0; i < m->op->params; i++)
      if (kind_of(&m->op->param[i]) == DIM) p.value[i] = edge[below(m, COUNT(edge))];
    decorate(m, &p);
    reason = add(m, &p);
  }
  return reason;
}

// Multiples of 4 throughout and all flags off: what kernels with wide loads insist on.
static enum why_reason aligned(struct maker *m, int count) {
  static const int64_t size[] = {4, 8, 12, 16, 20, 32, 60, 64, 68, 96, 128, 132, 192};
  static const double scale[] = {1, 0, -0.75};
  enum why_reason reason = WHY_OK;
  for (int n = 0; n < count && !reason; n++) {
    struct why_problem p = m->base;
    int64_t stride = below(m, 2) ? 200 + 8 * below(m, 8) : 0; // above every size
    for (int i = 0; i < m->op->params; i++) {
      enum kind kind = kind_of(&m->op->param[i]);
      if (kind == DIM) p.value[i] = size[below(m, COUNT(size))];
      if (kind == STRIDE) p.value[i] = stride;
      if (kind == SCALE) p.real[i] = scale[below(m, COUNT(scale))];
    }
    reason = add(m, &p);
  }
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
