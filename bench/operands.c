#include "operands.h"
#include "../kernels/convert.h"
#include "ops/ops.h"
#include <stdlib.h>
#include <string.h>

enum { GUARD_BYTES = 512, GUARD = 0xff }; // bytes of 0xff are a NaN in every type

// The same tensor with its dims ordered from the largest stride to the smallest; of equal ones a
// dim of 1 first.
static struct why_tensor falling(const struct why_tensor *t) {
  struct why_tensor out = *t;
  for (int i = 1; i < out.rank; i++)
    for (int d = i; d > 0; d--) {
      int64_t dim = out.dim[d], stride = out.stride[d], above = out.stride[d - 1];
      if (stride < above || (stride == above && dim >= out.dim[d - 1])) break;
      out.dim[d] = out.dim[d - 1], out.stride[d] = above;
      out.dim[d - 1] = dim, out.stride[d - 1] = stride;
    }
  return out;
}

// Calls `run` for each run of elements that lie side by side in memory.
typedef void run_function(void *data, int64_t offset, int64_t elements);
static void each_run(const struct why_tensor *t, run_function *run, void *data) {
  int64_t index[WHY_RANK] = {0}, inner = 1;
  int ranks = t->rank;
  if (ranks > 0 && t->stride[ranks - 1] == 1) inner = t->dim[--ranks];
  int64_t runs = why_tensor_elements(t) / (inner ? inner : 1);
  for (int64_t i = 0; i < runs; i++) {
    int64_t offset = 0;
    for (int d = 0; d < ranks; d++) offset += index[d] * t->stride[d];
    run(data, offset, inner);
    for (int d = ranks - 1; d >= 0 && ++index[d] == t->dim[d]; d--) index[d] = 0;
  }
}

// The finaliser of splitmix64 (Steele, Lea, Flood 2014): a number for each place, in any order.
static uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

struct filling {
  const struct why_tensor *tensor;
  uint64_t key;
};

static void fill_run(void *data, int64_t offset, int64_t elements) {
  const struct filling *f = data;
  void *to = f->tensor->data;
  for (int64_t i = offset; i < offset + elements; i++) {
    double value = (double)(int64_t)mixed(f->key + (uint64_t)i) * 0x1p-63;
    switch (f->tensor->type) {
    case WHY_F64:
      ((double *)to)[i] = value;
      break;
    case WHY_F32:
      ((float *)to)[i] = (float)value;
      break;
    case WHY_F16:
      ((uint16_t *)to)[i] = float_to_f16((float)value);
      break;
    default:
      ((uint16_t *)to)[i] = float_to_bf16((float)value);
    }
  }
}

// Bytes of an operand's block with its guards; 0 where they overflow.
static uint64_t block_bytes(const struct why_tensor *t, int shift) {
  uint64_t bytes = why_tensor_bytes(t);
  uint64_t all = GUARD_BYTES + (uint64_t)shift * why_type_bytes(t->type) + bytes + GUARD_BYTES + 63;
  return all < bytes || all > SIZE_MAX / 2 ? 0 : all / 64 * 64;
}

double operands_bytes(const struct why_problem *p) {
  double sum = 0;
  for (int i = 0; i < p->op->operands; i++) {
    struct why_tensor t;
    p->op->shape(p, i, &t);
    sum += (double)why_tensor_bytes(&t);
  }
  return sum;
}

enum why_reason operands_make(const struct why_problem *p, uint64_t seed, int shift,
                              struct operands *out) {
  *out = (struct operands){.count = p->op->operands};
  for (int i = 0; i < out->count; i++) { // all of them before the work of filling any
    struct why_tensor *t = &out->tensor[i];
    p->op->shape(p, i, t);
    out->block_bytes[i] = block_bytes(t, shift);
    if (!out->block_bytes[i]) return WHY_ALLOC_FAILED;
    if (!(out->block[i] = aligned_alloc(64, out->block_bytes[i]))) return WHY_ALLOC_FAILED;
    t->data = out->block[i] + GUARD_BYTES + (size_t)shift * why_type_bytes(t->type);
  }
  for (int i = 0; i < out->count; i++) {
    struct filling filling = {&out->tensor[i], mixed(seed ^ mixed((uint64_t)i + 1))};
    memset(out->block[i], GUARD, out->block_bytes[i]);
    struct why_tensor ordered = falling(&out->tensor[i]);
    if (p->op->role(p, i) & WHY_IN) each_run(&ordered, fill_run, &filling);
  }
  return WHY_OK;
}

enum why_reason operands_copy(const struct operands *from, struct operands *out) {
  *out = (struct operands){.count = from->count};
  for (int i = 0; i < from->count; i++) {
    out->tensor[i] = from->tensor[i];
    if (!(out->block[i] = aligned_alloc(64, from->block_bytes[i]))) return WHY_ALLOC_FAILED;
    out->block_bytes[i] = from->block_bytes[i];
    memcpy(out->block[i], from->block[i], from->block_bytes[i]);
    out->tensor[i].data = out->block[i] + ((char *)from->tensor[i].data - from->block[i]);
  }
  return WHY_OK;
}

struct why_tensor operand_as_stored(const struct why_problem *p, const struct why_tensor *t) {
  static const int seen[] = {0, 3, 1, 2}; // n,c,h,w of n,h,w,c
  struct why_tensor out = *t;
  if (strcmp(p->op->name, "conv2d") != 0 || p->value[CONV2D_LAYOUT] != CONV2D_NCHW) return out;
  for (int i = 0; i < 4; i++) {
    out.dim[i] = t->dim[seen[i]];
    out.stride[i] = t->stride[seen[i]];
  }
  return out;
}

void operands_free(struct operands *o) {
  for (int i = 0; i < o->count; i++) free(o->block[i]);
  *o = (struct operands){0};
}

// ---- guards -----------------------------------------------------------------------------------

struct comparing { // bytes between the runs must be as they were
  const char *before, *now;
  uint64_t at; // compared so far
  size_t size;
  uint64_t data; // where the tensor begins in the block
  bool same;
};

// Skips the elements of a run; runs come in rising order for every layout whose strides fall.
static void compare_run(void *data, int64_t offset, int64_t elements) {
  struct comparing *c = data;
  uint64_t begin = c->data + (uint64_t)offset * c->size;
  if (begin > c->at && memcmp(c->before + c->at, c->now + c->at, begin - c->at) != 0)
    c->same = false;
  c->at = begin + (uint64_t)elements * c->size;
}

bool operands_intact(const struct why_problem *p, const struct operands *before,
                     const struct operands *now, int *operand) {
  for (int i = 0; i < now->count; i++) {
    const struct why_tensor *t = &now->tensor[i];
    struct comparing c = {before->block[i],
                          now->block[i],
                          0,
                          why_type_bytes(t->type),
                          (uint64_t)((char *)t->data - now->block[i]),
                          true};
    struct why_tensor ordered = falling(t);
    if (p->op->role(p, i) & WHY_OUT) each_run(&ordered, compare_run, &c);
    uint64_t left = now->block_bytes[i] - c.at;
    if (c.same && memcmp(c.before + c.at, c.now + c.at, left) == 0) continue;
    *operand = i;
    return false;
  }
  return true;
}
