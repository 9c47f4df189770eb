// Parts of problems, for every op that can be cut, on random problems and sizes of parts: the
// references of the parts together are the reference of the whole, each element of the output is
// covered once, every part is a problem that is accepted, and the largest is foretold.
//
// Operands are small whole numbers, so that sums are exact and parts have to agree to the last bit.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "element.h"
#include "ops/ops.h"
#include <cmocka.h>

static int64_t between(int64_t least, int64_t most) {
  return least + answers_below(most - least + 1);
}

// ---- random problems --------------------------------------------------------------------------

static void draw_gemm(struct why_problem *p) {
  static const double scales[] = {1, 1, -0.5, 2}, betas[] = {0, 0, 1, -2};
  int64_t *v = p->value;
  v[GEMM_M] = between(1, 9), v[GEMM_N] = between(1, 9), v[GEMM_K] = between(1, 9);
  v[GEMM_TA] = between(0, 1), v[GEMM_TB] = between(0, 1);
  for (int i = GEMM_LDA; i <= GEMM_LDC; i++) v[i] = between(0, 1) ? between(9, 12) : 0;
  v[GEMM_OUT] = p->type == WHY_F64 ? GEMM_OUT_SAME : between(0, 1);
  p->real[GEMM_ALPHA] = scales[between(0, 3)];
  p->real[GEMM_BETA] = betas[between(0, 3)];
}

static void draw_softmax(struct why_problem *p) {
  p->value[SOFTMAX_ROWS] = between(1, 20);
  p->value[SOFTMAX_COLS] = between(1, 9);
  for (int i = SOFTMAX_LDX; i <= SOFTMAX_LDY; i++) p->value[i] = between(0, 1) ? between(9, 12) : 0;
}

static void draw_conv2d(struct why_problem *p) {
  int64_t *v = p->value;
  v[CONV2D_GROUPS] = between(0, 1) ? between(2, 4) : 1;
  v[CONV2D_N] = between(1, 3);
  v[CONV2D_C] = v[CONV2D_GROUPS] * between(1, 3);
  v[CONV2D_K] = v[CONV2D_GROUPS] * between(1, 3);
  v[CONV2D_H] = between(1, 9), v[CONV2D_W] = between(1, 5);
  v[CONV2D_R] = between(1, 4), v[CONV2D_S] = between(1, 3);
  v[CONV2D_STRIDE_H] = between(1, 4), v[CONV2D_STRIDE_W] = between(1, 2);
  v[CONV2D_DILATION_H] = between(1, 3), v[CONV2D_DILATION_W] = between(1, 2);
  v[CONV2D_WIDE_PAD] = between(0, 9) == 0;
  int64_t wide = v[CONV2D_WIDE_PAD] ? 3 : 0;
  int64_t tall = (v[CONV2D_R] - 1) * v[CONV2D_DILATION_H] + wide;
  v[CONV2D_PAD_H] = between(0, tall), v[CONV2D_PAD_H_END] = between(-1, tall);
  v[CONV2D_PAD_W] = between(0, v[CONV2D_S] - 1), v[CONV2D_PAD_W_END] = between(-1, v[CONV2D_S] - 1);
  v[CONV2D_LAYOUT] = between(0, 1);
}

static const struct draw {
  const char *op;
  void (*draw)(struct why_problem *);
  bool exact; // the problem without `first` is exactly the largest part
} draws[] = {
    {"gemm", draw_gemm, true}, {"softmax", draw_softmax, true}, {"conv2d", draw_conv2d, false}};

static const struct draw *draw_of(const struct why_op *op) {
  for (size_t i = 0; i < sizeof draws / sizeof *draws; i++)
    if (!strcmp(draws[i].op, op->name)) return &draws[i];
  fail_msg("%s can be cut, and this test does not know how to draw one", op->name);
  return NULL;
}

static void draw(const struct why_op *op, struct why_problem *p) {
  struct why_error ignored;
  do {
    why_problem_default(op, p);
    do p->type = (enum why_type)answers_below(WHY_TYPE_COUNT);
    while (!(op->types >> p->type & 1));
    p->math = why_math_of(p->type);
    draw_of(op)->draw(p);
  } while (why_problem_check(p, &ignored));
}

// ---- the whole --------------------------------------------------------------------------------

struct whole {
  struct answers a;
  int output;
  int64_t length[WHY_CUTS], step[WHY_CUTS];
  double *now;   // the output by element of storage, as parts have left it
  double *value; // as it has to be in the end
  int *covered;  // how often
  size_t bytes[WHY_OPERANDS], most[WHY_OPERANDS]; // of a part: foretold, and the largest seen
  double sliced[WHY_OPERANDS];                    // bytes of all slices
  char text[512];
};

static int64_t storage(const struct why_tensor *t) {
  return (int64_t)(why_tensor_bytes(t) / why_type_bytes(t->type));
}

static void open_whole(struct whole *w, const struct why_problem *p) {
  const struct why_op *op = p->op;
  memset(w, 0, sizeof *w);
  answers_make_problem(&w->a, p);
  why_problem_text(p, w->text, sizeof w->text);
  for (int i = 0; i < op->operands; i++) {
    const struct why_tensor *t = &w->a.before[i];
    if (op->role(p, i) & WHY_OUT) w->output = i;
    for (int64_t e = 0; e < storage(t); e++) why_element_set(t, e, (double)between(-15, 15));
  }
  for (int i = 0; i < op->cuts; i++) {
    w->length[i] = op->extent(p, i);
    w->step[i] = op->step ? op->step(p, i) : 1;
  }
  const struct why_tensor *t = &w->a.before[w->output];
  int64_t rows = answers_rows(t), columns = answers_columns(t), n = storage(t);
  double *matrix = calloc((size_t)(2 * rows * columns), sizeof *matrix);
  w->now = calloc((size_t)n, sizeof *w->now);
  w->value = calloc((size_t)n, sizeof *w->value);
  w->covered = calloc((size_t)n, sizeof *w->covered);
  assert_true(matrix && w->now && w->value && w->covered);
  op->reference(p, w->a.before, w->output, 0, rows, matrix, matrix + rows * columns);
  for (int64_t e = 0; e < rows * columns; e++)
    w->value[answers_offset(t, e / columns, e % columns)] = matrix[e];
  free(matrix);
}

static void close_whole(struct whole *w) {
  free(w->now);
  free(w->value);
  free(w->covered);
  answers_free(&w->a);
}

// ---- a part -----------------------------------------------------------------------------------

static void accepted(const struct whole *w, const struct why_problem *part) {
  struct why_error error;
  char text[512];
  if (!why_problem_check(part, &error)) return;
  why_problem_text(part, text, sizeof text);
  fail_msg("%s: its part %s is refused: %s", w->text, text, error.text);
}

// Operand i of a part, packed, from its slice; the output from what parts before have left.
static void load(const struct whole *w, int i, const struct why_tensor *slice,
                 const struct why_tensor *packed) {
  const struct why_tensor *from = &w->a.before[i];
  int64_t begin = ((char *)slice->data - (char *)from->data) / (int64_t)why_type_bytes(from->type);
  int64_t rows = answers_rows(slice), columns = answers_columns(slice);
  for (int64_t e = 0; e < rows * columns; e++) {
    int64_t at = begin + answers_offset(slice, e / columns, e % columns);
    assert_in_range(at, 0, storage(from) - 1);
    double x = i == w->output ? w->now[at] : why_element(from, at);
    int64_t to = answers_offset(packed, e / columns, e % columns);
    why_element_set(packed, to, x);
    assert_true(why_element(packed, to) == x);
  }
}

// What an operand is not cut by does not change its slice.
static void uncut_slices_stay(const struct whole *w, const int64_t *first, const int64_t *extent,
                              const struct why_tensor *slice) {
  const struct why_problem *p = &w->a.problem;
  for (int i = 0; i < p->op->operands; i++)
    for (int cut = 0; cut < p->op->cuts; cut++) {
      struct why_problem ignored;
      struct why_tensor other[WHY_OPERANDS];
      int64_t at[WHY_CUTS], length[WHY_CUTS];
      if (p->op->sliced(p, i) >> cut & 1) continue;
      memcpy(at, first, sizeof at);
      memcpy(length, extent, sizeof length);
      at[cut] = 0;
      length[cut] = w->length[cut];
      p->op->part(p, w->a.before, at, length, &ignored, other);
      assert_ptr_equal(other[i].data, slice[i].data);
      for (int d = 0; d < slice[i].rank; d++) assert_int_equal(other[i].dim[d], slice[i].dim[d]);
    }
}

// Each slice once, however many parts use it.
static void count_slices(struct whole *w, const int64_t *first, const struct why_tensor *slice) {
  const struct why_problem *p = &w->a.problem;
  for (int i = 0; i < p->op->operands; i++) {
    bool again = false;
    for (int cut = 0; cut < p->op->cuts; cut++)
      again = again || (first[cut] > 0 && !(p->op->sliced(p, i) >> cut & 1));
    if (!again)
      w->sliced[i] +=
          (double)why_tensor_elements(&slice[i]) * (double)why_type_bytes(slice[i].type);
  }
}

static void one_part(struct whole *w, const int64_t *first, const int64_t *extent) {
  const struct why_problem *p = &w->a.problem;
  const struct why_op *op = p->op;
  struct why_problem part;
  struct why_tensor slice[WHY_OPERANDS], packed[WHY_OPERANDS];
  bool adds = false;
  for (int i = 0; i < op->cuts; i++) adds = adds || (op->cut[i].sums && first[i] > 0);
  op->part(p, w->a.before, first, extent, &part, slice);
  accepted(w, &part);
  uncut_slices_stay(w, first, extent, slice);
  count_slices(w, first, slice);
  for (int i = 0; i < op->operands; i++) {
    op->shape(&part, i, &packed[i]);
    assert_int_equal(packed[i].rank, slice[i].rank);
    for (int d = 0; d < slice[i].rank; d++) assert_int_equal(packed[i].dim[d], slice[i].dim[d]);
    size_t bytes = why_tensor_bytes(&packed[i]);
    assert_int_equal(bytes, (size_t)why_tensor_elements(&packed[i]) *
                                why_type_bytes(packed[i].type)); // packed
    if (bytes > w->bytes[i])
      fail_msg("%s: operand %s of a part takes %zu bytes, %zu foretold", w->text, op->operand[i],
               bytes, w->bytes[i]);
    if (bytes > w->most[i]) w->most[i] = bytes;
    packed[i].data = malloc(bytes);
    assert_non_null(packed[i].data);
    if (i != w->output || op->role(&part, i) == WHY_INOUT) load(w, i, &slice[i], &packed[i]);
  }
  const struct why_tensor *out = &slice[w->output], *all = &w->a.before[w->output];
  int64_t rows = answers_rows(out), columns = answers_columns(out);
  int64_t begin = ((char *)out->data - (char *)all->data) / (int64_t)why_type_bytes(all->type);
  double *value = calloc((size_t)(2 * rows * columns), sizeof *value);
  assert_non_null(value);
  op->reference(&part, packed, w->output, 0, rows, value, value + rows * columns);
  for (int64_t e = 0; e < rows * columns; e++) {
    int64_t at = begin + answers_offset(out, e / columns, e % columns);
    assert_in_range(at, 0, storage(all) - 1);
    w->now[at] = value[e];
    w->covered[at] += !adds;
  }
  free(value);
  for (int i = 0; i < op->operands; i++) free(packed[i].data);
}

// ---- all parts --------------------------------------------------------------------------------

static void foretell(struct whole *w, const int64_t *extent) {
  const struct why_op *op = w->a.problem.op;
  struct why_problem largest;
  op->part(&w->a.problem, NULL, NULL, extent, &largest, NULL);
  accepted(w, &largest);
  for (int i = 0; i < op->operands; i++) {
    struct why_tensor t;
    op->shape(&largest, i, &t);
    w->bytes[i] = why_tensor_bytes(&t);
    w->most[i] = 0;
    w->sliced[i] = 0;
  }
}

static void all_parts(struct whole *w, const int64_t *extent, const unsigned char *order) {
  const struct why_op *op = w->a.problem.op;
  const struct why_tensor *t = &w->a.before[w->output];
  int64_t first[WHY_CUTS] = {0};
  for (int64_t e = 0; e < storage(t); e++) {
    w->now[e] = why_element(t, e);
    w->covered[e] = 0;
  }
  foretell(w, extent);
  for (;;) { // as an odometer, the last of `order` turning fastest
    int64_t length[WHY_CUTS];
    for (int i = 0; i < op->cuts; i++)
      length[i] = extent[i] < w->length[i] - first[i] ? extent[i] : w->length[i] - first[i];
    one_part(w, first, length);
    int turn = op->cuts - 1;
    for (; turn >= 0; turn--) {
      first[order[turn]] += extent[order[turn]];
      if (first[order[turn]] < w->length[order[turn]]) break;
      first[order[turn]] = 0;
    }
    if (turn < 0) break;
  }
  int64_t rows = answers_rows(t), columns = answers_columns(t);
  for (int64_t e = 0; e < rows * columns; e++) {
    int64_t at = answers_offset(t, e / columns, e % columns);
    if (w->covered[at] != 1)
      fail_msg("%s: an element is covered %d times", w->text, w->covered[at]);
    if (w->now[at] != w->value[at])
      fail_msg("%s: row %lld, column %lld is %g in parts, %g in the whole", w->text,
               (long long)(e / columns), (long long)(e % columns), w->now[at], w->value[at]);
  }
  for (int i = 0; i < op->operands; i++) {
    const struct why_tensor *whole = &w->a.before[i];
    double bytes = op->slice_bytes ? op->slice_bytes(&w->a.problem, extent, i) : 0;
    if (bytes == 0)
      bytes = (double)why_tensor_elements(whole) * (double)why_type_bytes(whole->type);
    if (w->sliced[i] != bytes)
      fail_msg("%s: slices of %s are %g bytes, %g foretold", w->text, op->operand[i], w->sliced[i],
               bytes);
    if (draw_of(op)->exact) assert_int_equal(w->most[i], w->bytes[i]);
  }
}

enum { PROBLEMS = 700, CUTTINGS = 4 };

static void parts_are_the_whole(void **state) {
  (void)state;
  for (int o = 0; o < why_op_count(); o++) {
    const struct why_op *op = why_op_at(o);
    int cut[WHY_CUTS] = {0};
    for (int n = 0; n < PROBLEMS && op->cuts; n++) {
      struct why_problem p;
      struct whole w;
      draw(op, &p);
      open_whole(&w, &p);
      for (int k = 0; k < CUTTINGS; k++) {
        int64_t extent[WHY_CUTS];
        for (int i = 0; i < op->cuts; i++) {
          int64_t steps = w.length[i] / w.step[i];
          assert_int_equal(steps * w.step[i], w.length[i]);
          extent[i] = w.step[i] * (between(0, 2) ? between(1, steps) : steps);
          cut[i] += extent[i] < w.length[i];
        }
        all_parts(&w, extent, op->order[between(0, op->orders - 1)]);
      }
      close_whole(&w);
    }
    for (int i = 0; i < op->cuts; i++) {
      print_message("%s cut along %s: %d times\n", op->name, op->cut[i].name, cut[i]);
      assert_true(cut[i] > PROBLEMS / 4);
    }
  }
}

// A cut that sums is the innermost of every order, and an order names every cut once.
static void orders_name_every_cut(void **state) {
  (void)state;
  for (int o = 0; o < why_op_count(); o++) {
    const struct why_op *op = why_op_at(o);
    for (int k = 0; k < op->orders; k++) {
      unsigned seen = 0;
      bool sums = false;
      for (int i = 0; i < op->cuts; i++) {
        seen |= 1u << op->order[k][i];
        assert_true(!sums || op->cut[op->order[k][i]].sums);
        sums = op->cut[op->order[k][i]].sums;
      }
      assert_int_equal(seen, (1u << op->cuts) - 1);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parts_are_the_whole),
      cmocka_unit_test(orders_name_every_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
