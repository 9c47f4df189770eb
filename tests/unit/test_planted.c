// Errors planted in results that are too large to be checked element by element: what a check by
// projection finds. Prints a table. A single wrong element is found where it is larger than
// why_check.finds; what is wrong with many is found always; what is allowed is never called wrong.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "element.h"
#include "ops/ops.h"
#include <cmocka.h>

static const char *const problems[] = {
    "gemm m=1030 n=1010 k=1000",
    "gemm m=1030 n=1010 k=1000 type=bf16 tb=1",
    "conv2d n=8 c=128 h=32 w=30 k=120 r=3 s=3 pad_h=1 pad_w=1 type=bf16",
    "conv2d n=9 c=128 h=32 w=30 k=120 r=3 s=3 pad_h=1 pad_w=0 pad_w_end=1 layout=nhwc",
};
enum { GEMM_F32, GEMM_BF16, CONV_BF16, CONV_F32, PROBLEMS };

static struct answers given[PROBLEMS];
static const struct why_tensor *output(const struct answers *a) {
  return &a->after[a->problem.op->operands - 1];
}
static double get(const struct why_tensor *t, int64_t row, int64_t column) {
  return why_element(t, answers_offset(t, row, column));
}
static void put(const struct why_tensor *t, int64_t row, int64_t column, double x) {
  why_element_set(t, answers_offset(t, row, column), x);
}

// gemm as a kernel would compute it, summing in float; conv2d rounded once.
static void fill_gemm(struct answers *a) {
  const struct why_tensor *x = &a->before[GEMM_A], *y = &a->before[GEMM_B], *c = output(a);
  int64_t m = c->dim[0], n = c->dim[1], k = x->dim[1];
  float *sum = malloc((size_t)n * sizeof *sum), *b = malloc((size_t)(k * n) * sizeof *b);
  assert_non_null(sum);
  assert_non_null(b);
  for (int64_t i = 0; i < k * n; i++) b[i] = (float)get(y, i / n, i % n);
  for (int64_t i = 0; i < m; i++) {
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int64_t l = 0; l < k; l++) {
      float f = (float)get(x, i, l);
      for (int64_t j = 0; j < n; j++) sum[j] += f * b[l * n + j];
    }
    for (int64_t j = 0; j < n; j++) put(c, i, j, (double)sum[j]);
  }
  free(b);
  free(sum);
}

static int make_all(void **state) {
  (void)state;
  for (int i = 0; i < PROBLEMS; i++) {
    answers_make(&given[i], problems[i]);
    if (i == GEMM_F32 || i == GEMM_BF16)
      fill_gemm(&given[i]);
    else
      answers_fill(&given[i]);
  }
  return 0;
}
static int free_all(void **state) {
  (void)state;
  for (int i = 0; i < PROBLEMS; i++) answers_free(&given[i]);
  return 0;
}

static enum why_reason check(const struct answers *a, struct why_check *c) {
  return why_check(&a->problem, a->before, a->after, c);
}

// The output as it is, to be put back.
static void *keep(const struct answers *a) {
  const struct why_tensor *t = output(a);
  void *kept = malloc(why_tensor_bytes(t));
  assert_non_null(kept);
  return memcpy(kept, t->data, why_tensor_bytes(t));
}
static void put_back(const struct answers *a, void *kept) {
  memcpy(output(a)->data, kept, why_tensor_bytes(output(a)));
  free(kept);
}

static void right_results_pass(void **state) {
  (void)state;
  for (int i = 0; i < PROBLEMS; i++) {
    struct why_check c;
    assert_int_equal(check(&given[i], &c), WHY_OK);
    assert_string_equal(c.verified, "projection");
    assert_true(c.finds >= c.tolerance);
    assert_true(c.finds < 0.05);
    print_message("%s: error %.2g, tolerance %.2g, finds %.2g\n", problems[i], c.error, c.tolerance,
                  c.finds);
  }
}

// ---- one element ------------------------------------------------------------------------------

// Puts an element off by `size` of its scale, or of the mean of its row where that is larger, and
// returns by how much it is off once stored.
static double plant(const struct answers *a, int64_t row, int64_t column, double size) {
  const struct why_tensor *t = output(a);
  int64_t columns = answers_columns(t);
  double *value = malloc((size_t)(2 * columns) * sizeof *value), *scale = value + columns, mean = 0;
  assert_non_null(value);
  a->problem.op->reference(&a->problem, a->before, a->problem.op->operands - 1, row, 1, value,
                           scale);
  for (int64_t j = 0; j < columns; j++) mean += scale[j] / (double)columns;
  double unit = scale[column] > mean ? scale[column] : mean;
  put(t, row, column, value[column] + size * unit);
  double off = fabs(get(t, row, column) - value[column]) / unit;
  free(value);
  return off;
}

// Sizes in tolerances; those of 0 are just above what the check says it finds.
static const double sizes[] = {0.5, -0.5, 1.5, -3, 10, 0};
enum { PLACES = 4 };

static void single_elements(void **state) {
  (void)state;
  for (int i = 0; i < PROBLEMS; i++) {
    const struct answers *a = &given[i];
    const struct why_tensor *t = output(a);
    int64_t rows = answers_rows(t), columns = answers_columns(t);
    struct why_check right, c;
    assert_int_equal(check(a, &right), WHY_OK);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
      int found = 0, sure = 0;
      double size = sizes[k] == 0 ? 1.02 * right.finds : sizes[k] * right.tolerance;
      const int64_t place[PLACES][2] = {{0, 0},
                                        {rows - 1, columns - 1},
                                        {128, 63},
                                        {answers_below(rows), answers_below(columns)}};
      for (int at = 0; at < PLACES; at++) {
        double old = get(t, place[at][0], place[at][1]);
        double off = plant(a, place[at][0], place[at][1], size);
        enum why_reason r = check(a, &c);
        if (off > right.finds) {
          sure++;
          if (r != WHY_WRONG) fail_msg("%s: off by %g and not found", problems[i], off);
        }
        if (fabs(sizes[k]) == 0.5) assert_int_equal(r, WHY_OK);
        found += r == WHY_WRONG;
        if (r == WHY_WRONG) {
          assert_int_equal(c.element, place[at][0] * columns + place[at][1]);
          assert_true(c.error > c.tolerance);
        }
        put(t, place[at][0], place[at][1], old);
      }
      print_message("%-10.10s %-5s one element off by %8.2g of its scale, %7.3g of the tolerance: "
                    "%s, found %d of %d\n",
                    problems[i], why_type_name(a->problem.type), size, size / right.tolerance,
                    fabs(size) < right.tolerance ? "allowed"
                    : sure == PLACES             ? "above finds"
                    : sure                       ? "about finds"
                                                 : "below finds",
                    found, PLACES);
    }
  }
}

static void last_place_and_nan(void **state) {
  (void)state;
  for (int i = 0; i < PROBLEMS; i++) {
    const struct answers *a = &given[i];
    const struct why_tensor *t = output(a);
    struct why_check c;
    int64_t row = answers_rows(t) / 2, column = answers_columns(t) / 3;
    double old = get(t, row, column), ulp = t->type == WHY_F32 ? 0x1p-23 : 0x1p-7;
    put(t, row, column, old * (1 + ulp));
    assert_true(get(t, row, column) != old);
    assert_int_equal(check(a, &c), WHY_OK); // rounding to the other neighbour is allowed
    const double not_finite[] = {NAN, INFINITY, -INFINITY};
    for (int k = 0; k < 3; k++) {
      put(t, row, column, not_finite[k]);
      assert_int_equal(check(a, &c), WHY_WRONG);
      assert_int_equal(c.element, row * answers_columns(t) + column);
    }
    put(t, row, column, old);
  }
}

// ---- many elements ----------------------------------------------------------------------------

static void swap(const struct why_tensor *t, int64_t row, int64_t column, int64_t row2,
                 int64_t column2) {
  double x = get(t, row, column), y = get(t, row2, column2);
  put(t, row, column, y);
  put(t, row2, column2, x);
}

enum { TILE = 64 };
static void tiles_swapped(const struct answers *a) {
  for (int i = 0; i < TILE; i++)
    for (int j = 0; j < TILE; j++) swap(output(a), 192 + i, 128 + j, 448 + i, 640 + j);
}
static void tiles_swapped_in_a_row(const struct answers *a) {
  for (int i = 0; i < TILE; i++)
    for (int j = 0; j < TILE; j++) swap(output(a), 192 + i, 128 + j, 192 + i, 640 + j);
}
static void tile_transposed(const struct answers *a) {
  for (int i = 0; i < TILE; i++)
    for (int j = 0; j < i; j++) swap(output(a), 320 + i, 384 + j, 320 + j, 384 + i);
}
static void tile_shifted(const struct answers *a) {
  for (int i = 0; i < TILE; i++)
    for (int j = TILE - 1; j > 0; j--) swap(output(a), 704 + i, 64 + j, 704 + i, 64 + j - 1);
}
static void columns_swapped_in_a_tile(const struct answers *a) {
  for (int i = 0; i < TILE; i++) swap(output(a), 512 + i, 17, 512 + i, 18);
}
static void two_elements_swapped(const struct answers *a) {
  swap(output(a), 333, 50, 333, 100);
}
static void row_shifted(const struct answers *a) {
  for (int64_t j = answers_columns(output(a)) - 1; j > 0; j--) swap(output(a), 777, j, 777, j - 1);
}
static void rows_swapped(const struct answers *a) {
  for (int64_t j = 0; j < answers_columns(output(a)); j++) swap(output(a), 400, j, 401, j);
}
static void last_row_not_written(const struct answers *a) {
  const struct why_tensor *t = output(a);
  for (int64_t j = 0; j < answers_columns(t); j++) put(t, answers_rows(t) - 1, j, 0);
}
static void last_column_not_written(const struct answers *a) {
  const struct why_tensor *t = output(a);
  for (int64_t i = 0; i < answers_rows(t); i++) put(t, i, answers_columns(t) - 1, 0);
}
// The last 32 of k are not added, in rows and columns from `at` to `to`.
static void k_missing(const struct answers *a, int64_t at, int64_t to) {
  const struct why_tensor *x = &a->before[GEMM_A], *y = &a->before[GEMM_B];
  for (int64_t i = at; i < to; i++)
    for (int64_t j = at; j < to; j++) {
      double sum = get(output(a), i, j);
      for (int64_t l = x->dim[1] - 32; l < x->dim[1]; l++) sum -= get(x, i, l) * get(y, l, j);
      put(output(a), i, j, sum);
    }
}
static void k_missing_everywhere(const struct answers *a) {
  k_missing(a, 0, answers_columns(output(a)));
}
static void k_missing_in_a_tile(const struct answers *a) {
  k_missing(a, 640, 704);
}

// Adds, for the windows of these rows and columns of y, `by` times the tap (r,s) of each filter on
// the element (h,w) of x that it is at, h and w kept inside of x.
static void add_tap(const struct answers *a, int64_t p, int64_t q, int64_t r, int64_t s,
                    double by) {
  const struct why_tensor *x = &a->before[CONV2D_X], *w = &a->before[CONV2D_WEIGHT];
  struct conv2d_view g = conv2d_view(&a->problem);
  int64_t h = p * g.stride_h - g.pad_top + r, at = q * g.stride_w - g.pad_left + s;
  h = h < 0 ? 0 : h < g.h ? h : g.h - 1;
  at = at < 0 ? 0 : at < g.w ? at : g.w - 1;
  for (int64_t n = 0; n < g.n; n++)
    for (int64_t k = 0; k < g.k; k++) {
      int64_t row = (n * g.p + p) * g.q + q;
      double sum = get(output(a), row, k);
      for (int64_t c = 0; c < g.c; c++)
        sum += by * get(x, (n * g.h + h) * g.w + at, c) * get(w, (k * g.r + r) * g.s + s, c);
      put(output(a), row, k, sum);
    }
}
static void tap_missing_at_an_edge(const struct answers *a) {
  struct conv2d_view g = conv2d_view(&a->problem);
  add_tap(a, g.p - 1, g.q / 2, 0, 1, -1);
}
static void padding_wrong_on_one_side(const struct answers *a) {
  struct conv2d_view g = conv2d_view(&a->problem);
  for (int64_t p = 1; p < g.p - 1; p++)
    for (int64_t r = 0; r < g.r; r++) add_tap(a, p, g.q - 1, r, g.s - 1, 1);
}
static void padding_wrong_in_a_corner(const struct answers *a) {
  add_tap(a, 0, 0, 0, 0, 1);
}
static void filters_swapped(const struct answers *a) {
  for (int64_t i = 0; i < answers_rows(output(a)); i++) swap(output(a), i, 7, i, 8);
}
static void filters_swapped_in_an_image(const struct answers *a) {
  struct conv2d_view g = conv2d_view(&a->problem);
  for (int64_t i = 0; i < g.p * g.q; i++)
    swap(output(a), 3 * g.p * g.q + i, 7, 3 * g.p * g.q + i, 90);
}
static void images_swapped(const struct answers *a) {
  struct conv2d_view g = conv2d_view(&a->problem);
  for (int64_t i = 0; i < g.p * g.q; i++)
    for (int64_t k = 0; k < g.k; k++) swap(output(a), i, k, 5 * g.p * g.q + i, k);
}

static const struct plant {
  const char *op, *what; // op NULL: any
  void (*plant)(const struct answers *);
} plants[] = {
    {"gemm", "two tiles of 64 x 64 swapped", tiles_swapped},
    {"gemm", "two tiles of the same rows swapped", tiles_swapped_in_a_row},
    {"gemm", "a tile transposed", tile_transposed},
    {"gemm", "a tile shifted by a column", tile_shifted},
    {"gemm", "the last 32 of k missing", k_missing_everywhere},
    {"gemm", "the last 32 of k missing in a tile", k_missing_in_a_tile},
    {NULL, "two columns swapped in 64 rows", columns_swapped_in_a_tile},
    {NULL, "two elements of a row swapped", two_elements_swapped},
    {NULL, "a row shifted by one", row_shifted},
    {NULL, "two rows swapped", rows_swapped},
    {NULL, "the last row not written", last_row_not_written},
    {NULL, "the last column not written", last_column_not_written},
    {"conv2d", "two filters swapped", filters_swapped},
    {"conv2d", "two filters swapped in an image", filters_swapped_in_an_image},
    {"conv2d", "two images swapped", images_swapped},
    {"conv2d", "a tap missing at the lower edge", tap_missing_at_an_edge},
    {"conv2d", "padding on the right repeats x", padding_wrong_on_one_side},
    {"conv2d", "padding in a corner repeats x", padding_wrong_in_a_corner},
};

static void many_elements(void **state) {
  (void)state;
  for (int i = 0; i < PROBLEMS; i++)
    for (size_t k = 0; k < sizeof plants / sizeof *plants; k++) {
      const struct answers *a = &given[i];
      struct why_check c;
      if (plants[k].op && strcmp(plants[k].op, a->problem.op->name) != 0) continue;
      void *kept = keep(a);
      plants[k].plant(a);
      enum why_reason r = check(a, &c);
      put_back(a, kept);
      print_message("%-6s %-4s %-36s %s, error %.2g of its scale\n", a->problem.op->name,
                    why_type_name(a->problem.type), plants[k].what,
                    r == WHY_WRONG ? "found" : "NOT FOUND", c.error);
      assert_int_equal(r, WHY_WRONG);
    }
}

// Under signs alone the errors of every second pair of columns cancel.
static void swapped_elements_do_not_cancel(void **state) {
  (void)state;
  const struct answers *a = &given[GEMM_F32];
  for (int i = 0; i < 16; i++) {
    const struct why_tensor *t = output(a);
    struct why_check c;
    int64_t row = answers_below(answers_rows(t)), column = answers_below(answers_columns(t) - 1);
    int64_t other = column + 1 + answers_below(answers_columns(t) - 1 - column);
    swap(t, row, column, row, other);
    enum why_reason r = check(a, &c);
    swap(t, row, column, row, other);
    assert_int_equal(r, WHY_WRONG);
    assert_int_equal(c.element / answers_columns(t), row);
  }
}

// Inputs that are not finite: rows that cannot be projected are said to be so.
static void not_finite_inputs(void **state) {
  (void)state;
  struct answers *a = &given[GEMM_F32];
  struct why_check c;
  void *kept = keep(a);
  float *x = a->before[GEMM_A].data, old = x[500 * 1000];
  x[500 * 1000] = INFINITY; // one row of c is not finite, and has to be so
  assert_int_equal(check(a, &c), WHY_WRONG);
  assert_int_equal(c.element / 1010, 500);
  for (int64_t j = 0; j < 1010; j++)
    put(output(a), 500, j, copysign(INFINITY, get(&a->before[GEMM_B], 0, j)));
  assert_int_equal(check(a, &c), WHY_OK);
  assert_true(isfinite(c.finds));
  x[500 * 1000] = old;
  put_back(a, kept);
  kept = keep(a);
  float *y = a->before[GEMM_B].data, old_y = y[3];
  y[3] = NAN; // a column of c
  for (int64_t i = 0; i < 1030; i++) put(output(a), i, 3, NAN);
  assert_int_equal(check(a, &c), WHY_OK);
  assert_true(isinf(c.finds));
  y[3] = old_y;
  put_back(a, kept);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(right_results_pass),
      cmocka_unit_test(single_elements),
      cmocka_unit_test(last_place_and_nan),
      cmocka_unit_test(many_elements),
      cmocka_unit_test(swapped_elements_do_not_cancel),
      cmocka_unit_test(not_finite_inputs),
  };
  return cmocka_run_group_tests(tests, make_all, free_all);
}
