// Is a result right? Every element against the reference in double where that is affordable, else
// some rows of it, those that a random projection of the whole output points at among them.
//
// An output is a matrix here: its last dim is the columns, all others the rows.
#include "element.h"
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_FLOPS 2e9 // about a second of the reference on one core
enum { BLOCK_BYTES = 256 << 10 };
// Rows looked at exactly: those that each projection points at, some at random, first and last.
enum { PROJECTIONS = 2, SUSPECTS = 8, RANDOM_ROWS = 8 };
enum { EXACT_ROWS = PROJECTIONS * SUSPECTS + RANDOM_ROWS + 2 };

static int64_t columns_of(const struct why_tensor *t) {
  return t->dim[t->rank - 1];
}
static int64_t rows_of(const struct why_tensor *t) {
  return why_tensor_elements(t) / columns_of(t);
}

// Elements from data to the first of a row.
static int64_t row_offset(const struct why_tensor *t, int64_t row) {
  int64_t offset = 0;
  for (int i = t->rank - 2; i >= 0; i--) {
    offset += row % t->dim[i] * t->stride[i];
    row /= t->dim[i];
  }
  return offset;
}

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

static void compare_rows(const struct why_problem *p, const struct why_tensor *before,
                         const struct why_tensor *after, int output, int64_t first, int64_t rows,
                         double *value, struct why_check *c) {
  const struct why_tensor *t = &after[output];
  int64_t columns = columns_of(t);
  double *scale = value + rows * columns, *got = scale + rows * columns;
  p->op->reference(p, before, output, first, rows, value, scale);
  for (int64_t i = 0; i < rows; i++) {
    why_elements(t, row_offset(t, first + i), t->stride[t->rank - 1], columns, got);
    for (int64_t j = 0; j < columns; j++)
      note_error(c, got[j], value[i * columns + j], scale[i * columns + j], output,
                 (first + i) * columns + j);
  }
}

// Rows [first, last), some at a time so that they stay in the cache.
static enum why_reason compare(const struct why_problem *p, const struct why_tensor *before,
                               const struct why_tensor *after, int output, int64_t first,
                               int64_t last, struct why_check *c) {
  int64_t columns = columns_of(&after[output]);
  int64_t rows = BLOCK_BYTES / (2 * (int64_t)sizeof(double)) / columns;
  rows = rows < 1 ? 1 : rows < last - first ? rows : last - first;
  double *buffer = malloc((size_t)(2 * rows + 1) * (size_t)columns * sizeof *buffer);
  if (!buffer) return WHY_ALLOC_FAILED;
  for (int64_t i = first; i < last; i += rows)
    compare_rows(p, before, after, output, i, rows < last - i ? rows : last - i, buffer, c);
  free(buffer);
  return WHY_OK;
}

// ---- projections -------------------------------------------------------------------------------
//
// Row i of the output times a vector x, less the same of the right answer, leaves the residual
// r_i = sum over j of x_j e_ij, e_ij being the errors. The signs of x are random, so the errors of
// a right row, which know nothing of them, add up like a random walk: r_i stays far below S_i, the
// sum of the row's scales times |x|, and one large error stands out. So the rows of the largest
// u_i = |r_i| / S_i are the suspects, and they are compared exactly. Only that decides: a right
// result is never called wrong. Nor does a result pass that shows itself wrong in a projection: the
// largest u_i is at most the largest error in that row, and that row is among the suspects.
//
// What is sure to be found. The result passed. Had one element of it been off by T times its scale,
// all others being as they are: at most `tolerance` of that was in r_i already, so the residual
// would have been at least |x_j| (T - tolerance) s_ij - |r_i|. Where this is above u S_i, u being
// that of the last suspect, the row is a suspect and the error found, if it is above the tolerance.
// With |x_j| = 1 and s_ij not below the row's mean, S_i / columns, that is so for every
// T > tolerance + (u + largest u_i) columns.
//
// The first x is of signs alone, for this. Errors in two columns may cancel under it (swapped
// elements do for every second pair), so the second x has random sizes as well.

static uint64_t random_bits(uint64_t *state) { // splitmix64
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

// Signs; and sizes from 1/2 to 1 where wanted.
static void random_vector(uint64_t *state, bool sizes, int64_t n, double *x) {
  for (int64_t j = 0; j < n; j++) {
    uint64_t bits = random_bits(state);
    double size = sizes ? 0.5 + (double)(bits >> 11) * 0x1p-54 : 1;
    x[j] = bits & 1 ? size : -size;
  }
}

// The output times x. Reads along whichever of the last two dims is the denser; `work` has room for
// a row or two columns of that plane.
static void multiply(const struct why_tensor *t, const double *x, double *work, double *product) {
  int64_t rows = rows_of(t), columns = columns_of(t), stride = t->stride[t->rank - 1];
  int64_t down = t->stride[t->rank - 2], run = t->dim[t->rank - 2];
  if (stride <= down)
    for (int64_t i = 0; i < rows; i++) {
      double ignored;
      why_elements(t, row_offset(t, i), stride, columns, work);
      why_dot(columns, work, x, &product[i], &ignored);
    }
  else
    for (int64_t i = 0; i < rows; i += run) {
      int64_t offset = row_offset(t, i);
      memset(product + i, 0, (size_t)run * sizeof *product);
      for (int64_t j = 0; j < columns; j++) {
        why_elements(t, offset + j * stride, down, run, work);
        why_accumulate(run, x[j], work, product + i, work + run); // the sizes are not used
      }
    }
}

struct suspects { // the largest first; rows of -1 behind them where there are fewer
  int64_t row[SUSPECTS];
  double size[SUSPECTS];
  double largest; // finite one of all rows
};

static void suspect(struct suspects *s, int64_t row, double got, double value, double scale) {
  double size = fabs(got - value) / scale;
  if (!isfinite(size)) // wrong for sure where the right row is finite, else nothing can be said
    size = isfinite(value) ? INFINITY : DBL_MAX;
  else if (size > s->largest)
    s->largest = size;
  if (size <= s->size[SUSPECTS - 1] && s->row[SUSPECTS - 1] >= 0) return;
  int at = SUSPECTS - 1;
  for (; at > 0 && (s->row[at - 1] < 0 || size > s->size[at - 1]); at--) {
    s->row[at] = s->row[at - 1];
    s->size[at] = s->size[at - 1];
  }
  s->row[at] = row;
  s->size[at] = size;
}

static enum why_reason find_suspects(const struct why_problem *p, const struct why_tensor *before,
                                     const struct why_tensor *after, int output, bool sizes,
                                     uint64_t *seed, struct suspects *found) {
  const struct why_tensor *t = &after[output];
  int64_t rows = rows_of(t), columns = columns_of(t), run = t->dim[t->rank - 2];
  int64_t work = columns > 2 * run ? columns : 2 * run;
  double *x = calloc((size_t)(columns + work + 3 * rows), sizeof *x);
  if (!x) return WHY_ALLOC_FAILED;
  double *got = x + columns + work, *value = got + rows, *scale = value + rows;
  random_vector(seed, sizes, columns, x);
  p->op->project(p, before, output, x, value, scale);
  multiply(t, x, x + columns, got);
  *found = (struct suspects){.largest = 0};
  for (int i = 0; i < SUSPECTS; i++) found->row[i] = -1;
  for (int64_t i = 0; i < rows; i++) suspect(found, i, got[i], value[i], scale[i]);
  free(x);
  return WHY_OK;
}

static enum why_reason compare_projected(const struct why_problem *p,
                                         const struct why_tensor *before,
                                         const struct why_tensor *after, int output,
                                         struct why_check *c) {
  const struct why_tensor *t = &after[output];
  int64_t row[EXACT_ROWS] = {0, rows_of(t) - 1}; // every row has all columns, the last too
  int count = 2;
  uint64_t seed = 1;
  for (int i = 0; i < PROJECTIONS; i++) {
    struct suspects found;
    enum why_reason r = find_suspects(p, before, after, output, i > 0, &seed, &found);
    if (r) return r;
    for (int k = 0; k < SUSPECTS; k++) row[count++] = found.row[k];
    double last = found.size[SUSPECTS - 1];
    if (i == 0)
      c->finds = last >= DBL_MAX ? INFINITY
                                 : c->tolerance + (last + found.largest) * (double)columns_of(t);
  }
  for (int i = 0; i < RANDOM_ROWS; i++)
    row[count++] = (int64_t)(random_bits(&seed) % (uint64_t)rows_of(t));
  for (int i = 0; i < count; i++) {
    bool done = false;
    for (int k = 0; k < i; k++) done = done || row[k] == row[i];
    if (done) continue;
    enum why_reason r = compare(p, before, after, output, row[i], row[i] + 1, c);
    if (r) return r;
  }
  return WHY_OK;
}

enum why_reason why_check(const struct why_problem *p, const struct why_tensor *before,
                          const struct why_tensor *after, struct why_check *out) {
  const struct why_op *op = p->op;
  bool exact = !op->project || op->flops(p) <= EXACT_FLOPS, wrong = false;
  *out = (struct why_check){0};
  for (int i = 0; i < op->operands; i++) {
    if (!(op->role(p, i) & WHY_OUT)) continue;
    double tolerance = op->tolerance(p, i);
    bool all = exact || rows_of(&after[i]) <= EXACT_ROWS;
    struct why_check one = {
        .tolerance = tolerance, .finds = tolerance, .verified = all ? "exact" : "projection"};
    enum why_reason r = all ? compare(p, before, after, i, 0, rows_of(&after[i]), &one)
                            : compare_projected(p, before, after, i, &one);
    if (r) return r;
    if (wrong) continue; // the first output that is wrong is told
    wrong = !(one.error <= one.tolerance);
    *out = one;
  }
  return wrong ? WHY_WRONG : WHY_OK;
}
