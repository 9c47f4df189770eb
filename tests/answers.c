// See answers.h.
#include "answers.h"
#include "element.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t state = 1;
static uint64_t next(void) { // Knuth's MMIX generator; the high bits are the better ones
  return state = state * 6364136223846793005u + 1442695040888963407u;
}
double answers_random(void) {
  return (double)(next() >> 11) * 0x1p-52 - 1;
}
int64_t answers_below(int64_t n) {
  return (int64_t)(next() >> 33) % n;
}

void answers_make_problem(struct answers *out, const struct why_problem *p) {
  struct why_error error;
  if (why_problem_check(p, &error)) fail_msg("%s", error.text);
  out->problem = *p;
  for (int i = 0; i < p->op->operands; i++) {
    struct why_tensor *t = &out->before[i];
    p->op->shape(p, i, t);
    size_t bytes = why_tensor_bytes(t);
    out->after[i] = *t;
    t->data = malloc(bytes);
    out->after[i].data = malloc(bytes);
    assert_non_null(t->data);
    assert_non_null(out->after[i].data);
    for (size_t e = 0; e < bytes / why_type_bytes(t->type); e++)
      why_element_set(t, (int64_t)e, answers_random());
    memcpy(out->after[i].data, t->data, bytes);
  }
}

void answers_make(struct answers *out, const char *problem) {
  struct why_error error;
  struct why_problem p;
  if (why_problem_parse(problem, &p, &error)) fail_msg("%s: %s", problem, error.text);
  answers_make_problem(out, &p);
}

void answers_free(struct answers *a) {
  for (int i = 0; i < a->problem.op->operands; i++) {
    free(a->before[i].data);
    free(a->after[i].data);
  }
}

int64_t answers_columns(const struct why_tensor *t) {
  return t->dim[t->rank - 1];
}
int64_t answers_rows(const struct why_tensor *t) {
  return why_tensor_elements(t) / answers_columns(t);
}

int64_t answers_offset(const struct why_tensor *t, int64_t row, int64_t column) {
  int64_t offset = column * t->stride[t->rank - 1];
  for (int i = t->rank - 2; i >= 0; i--) {
    offset += row % t->dim[i] * t->stride[i];
    row /= t->dim[i];
  }
  return offset;
}

void answers_fill(struct answers *a) {
  const struct why_op *op = a->problem.op;
  for (int i = 0; i < op->operands; i++) {
    const struct why_tensor *t = &a->after[i];
    int64_t rows = answers_rows(t), columns = answers_columns(t), block = 128;
    if (!(op->role(&a->problem, i) & WHY_OUT)) continue;
    double *value = malloc((size_t)(2 * block * columns) * sizeof *value);
    assert_non_null(value);
    for (int64_t at = 0; at < rows; at += block) {
      int64_t count = rows - at < block ? rows - at : block;
      op->reference(&a->problem, a->before, i, at, count, value, value + count * columns);
      for (int64_t e = 0; e < count * columns; e++)
        why_element_set(t, answers_offset(t, at + e / columns, e % columns), value[e]);
    }
    free(value);
  }
}
