// Is a result right? Every element against the reference in double where that is affordable, else a
// random projection of the whole output and some rows exactly.
#include "element.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_FLOPS 2e9 // about a second of the reference on one core
enum { BLOCK_BYTES = 256 << 10, EXACT_ROWS = 8 };

// Keeps the largest error; a NaN is larger than any number. Both NaN, or the same infinity, agree.
static void note_error(struct why_check *c, double got, double value, double scale, int output,
                       int64_t element) {
  double error = fabs(got - value) / (scale > 0 ? scale : 1);
  if ((isnan(got) && isnan(value)) || got == value) error = 0;
  if (isnan(c->error) || error <= c->error) return;
  c->error = error;
  c->output = output;
  c->element = element;
}

static enum why_reason compare_rows(const struct why_problem *p, const struct why_tensor *before,
                                    const struct why_tensor *after, int output, int64_t first,
                                    int64_t rows, double *value, struct why_check *c) {
  const struct why_tensor *t = &after[output];
  int64_t columns = why_tensor_elements(t) / t->dim[0];
  double *scale = value + rows * columns, *got = scale + rows * columns;
  p->op->reference(p, before, output, first, rows, value, scale);
  for (int64_t i = 0; i < rows; i++) {
    why_elements(t, (first + i) * t->stride[0], t->stride[1], columns, got);
    for (int64_t j = 0; j < columns; j++)
      note_error(c, got[j], value[i * columns + j], scale[i * columns + j], output,
                 (first + i) * columns + j);
  }
  return WHY_OK;
}

// Rows [first, last), some at a time so that they stay in the cache.
static enum why_reason compare(const struct why_problem *p, const struct why_tensor *before,
                               const struct why_tensor *after, int output, int64_t first,
                               int64_t last, struct why_check *c) {
  const struct why_tensor *t = &after[output];
  int64_t columns = why_tensor_elements(t) / t->dim[0];
  int64_t rows = BLOCK_BYTES / (2 * (int64_t)sizeof(double)) / columns;
  rows = rows < 1 ? 1 : rows < last - first ? rows : last - first;
  double *buffer = malloc((size_t)(2 * rows + 1) * (size_t)columns * sizeof *buffer);
  if (!buffer) return WHY_ALLOC_FAILED;
  for (int64_t i = first; i < last; i += rows)
    compare_rows(p, before, after, output, i, rows < last - i ? rows : last - i, buffer, c);
  free(buffer);
  return WHY_OK;
}

static uint64_t random_bits(uint64_t *state) { // splitmix64
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

// The output times random signs against the op's projection: sees every element, but only errors
// above the tolerance times a whole row's scale; the exact rows look closer.
static enum why_reason compare_projected(const struct why_problem *p,
                                         const struct why_tensor *before,
                                         const struct why_tensor *after, int output,
                                         struct why_check *c) {
  const struct why_tensor *t = &after[output];
  int64_t rows = t->dim[0], columns = t->dim[1];
  uint64_t seed = 1;
  double *x = malloc((size_t)(2 * columns + 2 * rows) * sizeof *x);
  if (!x) return WHY_ALLOC_FAILED;
  double *got = x + columns, *value = got + columns, *scale = value + rows;
  for (int64_t j = 0; j < columns; j++) x[j] = random_bits(&seed) & 1 ? 1 : -1;
  p->op->project(p, before, output, x, value, scale);
  for (int64_t i = 0; i < rows; i++) {
    double sum = 0;
    why_elements(t, i * t->stride[0], t->stride[1], columns, got);
    for (int64_t j = 0; j < columns; j++) sum += got[j] * x[j];
    note_error(c, sum, value[i], scale[i], output, i * columns);
  }
  enum why_reason r = compare(p, before, after, output, 0, 1, c);
  if (!r) r = compare(p, before, after, output, rows - 1, rows, c);
  for (int i = 0; !r && i < EXACT_ROWS; i++) {
    int64_t row = (int64_t)(random_bits(&seed) % (uint64_t)rows);
    r = compare(p, before, after, output, row, row + 1, c);
  }
  free(x);
  return r;
}

enum why_reason why_check(const struct why_problem *p, const struct why_tensor *before,
                          const struct why_tensor *after, struct why_check *out) {
  const struct why_op *op = p->op;
  bool exact = !op->project || op->flops(p) <= EXACT_FLOPS;
  *out = (struct why_check){.verified = exact ? "exact" : "projection"};
  bool wrong = false;
  for (int i = 0; i < op->operands; i++) {
    if (!(op->role(p, i) & WHY_OUT)) continue;
    struct why_check one = *out;
    one.error = 0;
    one.tolerance = op->tolerance(p, i);
    enum why_reason r = exact ? compare(p, before, after, i, 0, after[i].dim[0], &one)
                              : compare_projected(p, before, after, i, &one);
    if (r) return r;
    if (wrong) continue; // the first output that is wrong is told
    wrong = !(one.error <= one.tolerance);
    *out = one;
  }
  return wrong ? WHY_WRONG : WHY_OK;
}
