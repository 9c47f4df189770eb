// Problems as text and back, and everything that is refused, with what would be right.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "ops/ops.h"
#include <cmocka.h>

static void reads_and_writes_back(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      // clang-format off
      {"gemm m=1 n=2 k=3", "gemm m=1 n=2 k=3 type=f32"},
      {"  gemm\tk=3  n=2 m=1 ", "gemm m=1 n=2 k=3 type=f32"},
      {"gemm m=1 n=2 k=3 type=bf16 tb=1 alpha=0.5 beta=1e-3", "gemm m=1 n=2 k=3 tb=1 alpha=0.5 beta=0.001 type=bf16"},
      {"gemm m=1 n=2 k=3 type=f16 math=f32", "gemm m=1 n=2 k=3 type=f16 math=f32"},
      {"gemm m=1 n=2 k=3 alpha=0.1", "gemm m=1 n=2 k=3 alpha=0.1 type=f32"},
      {"gemm m=5 n=2 k=3 lda=7 ldc=2", "gemm m=5 n=2 k=3 lda=7 ldc=2 type=f32"},
      {"softmax rows=4 cols=9 ldx=16", "softmax rows=4 cols=9 ldx=16 type=f32"},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct why_problem p, again;
    struct why_error error;
    char text[256];
    if (why_problem_parse(rows[i][0], &p, &error)) fail_msg("%s: %s", rows[i][0], error.text);
    int length = why_problem_text(&p, text, sizeof text);
    assert_string_equal(text, rows[i][1]);
    assert_int_equal(length, strlen(text));
    assert_int_equal(why_problem_parse(text, &again, &error), WHY_OK);
    assert_memory_equal(&p, &again, sizeof p);
    for (size_t size = 0; size <= strlen(text); size++) { // never past the end of what it is given
      char *exact = malloc(size ? size : 1);
      assert_non_null(exact);
      assert_int_equal(why_problem_dims(&p, exact, size), why_problem_dims(&p, text, sizeof text));
      free(exact);
      why_problem_text(&p, text, sizeof text);
    }
  }
}

static void refuses_with_what_would_be_right(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
    int column;
  } rows[] = {
      // clang-format off
      {"", "no op is named: one of gemm, softmax", 1},
      {"gem m=1 n=1 k=1", "there is no op \"gem\": one of gemm, softmax", 1},
      {"gemm m=1 n=1", "gemm needs k=NUMBER", 0},
      {"gemm m=0 n=1 k=1", "m=0: a whole number from 1 up would be right", 6},
      {"gemm m=-4 n=1 k=1", "m=-4: a whole number from 1 up", 6},
      {"gemm m=1.5 n=1 k=1", "m=1.5: a whole number", 6},
      {"gemm m=1 n=99999999999999999999 k=1", "n=99999999999999999999: a whole number", 10},
      {"gemm m=1 n=1 k=1 ta=2", "ta=2: a whole number from 0 to 1", 18},
      {"gemm m=1 n=1 k=1 depth=2", "gemm has no key \"depth\": one of m n k ta", 18},
      {"gemm m=1 n=1 k=1 m=2", "m is given twice", 18},
      {"gemm m=1 n=1 k=1 type=f8", "gemm does not take type=f8: one of f64 f32 f16 bf16", 18},
      {"softmax rows=1 cols=1 type=f64", "softmax does not take type=f64: one of f32 bf16", 23},
      {"gemm m=1 n=1 k=1 math=tf33", "math=tf33: one of f64 f32 f16 bf16", 18},
      {"gemm m=1 n=1 k=1 alpha=nan", "alpha=nan: a number such as 0.5", 18},
      {"gemm m=1 n=1 k=1 beta=inf", "beta=inf: a number", 18},
      {"gemm m=1 n=1 k=1 beta=", "\"beta=\": KEY=VALUE such as m=64", 18},
      {"gemm m=1 n=1 k=1 =4", "\"=4\": KEY=VALUE", 18},
      {"gemm m=1 n=1 k=1 bogus", "\"bogus\": KEY=VALUE", 18},
      {"gemm m=8 n=8 k=8 lda=7", "lda is smaller than a row of stored a", 0},
      {"gemm m=8 n=4 k=4 ta=1 lda=7", "lda is smaller", 0},
      {"gemm m=8 n=8 k=8 ldc=7", "ldc is smaller", 0},
      {"softmax rows=2 cols=9 ldy=8", "ldy is smaller than cols", 0},
      {"gemm m=4000000000 n=4000000000 k=4000000000", "overflow 64 bits", 0},
      {"gemm m=9223372036854775807 n=1 k=1", "overflow 64 bits", 0},
      {"gemm m=2 n=1 k=1 lda=9223372036854775807", "overflow 64 bits", 0},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct why_problem p;
    struct why_error error;
    assert_int_equal(why_problem_parse(rows[i].text, &p, &error), WHY_BAD_INPUT);
    if (!strstr(error.text, rows[i].says)) fail_msg("%s: %s", rows[i].text, error.text);
    assert_int_equal(error.column, rows[i].column);
    assert_null(strchr(error.text, '\n'));
  }
  struct why_problem p;
  struct why_error error;
  char longest[4096];
  memset(longest, 'm', sizeof longest);
  longest[sizeof longest - 1] = 0;
  assert_int_equal(why_problem_parse(longest, &p, &error), WHY_BAD_INPUT);
}

// Strides of each operand for each way to store it.
static void shapes_follow_transposes_and_leading_dims(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int operand;
    int64_t rows, columns, row_stride, column_stride;
    uint64_t bytes;
  } shapes[] = {
      // clang-format off
      {"gemm m=5 n=6 k=7", GEMM_A, 5, 7, 7, 1, 140},
      {"gemm m=5 n=6 k=7 ta=1", GEMM_A, 5, 7, 1, 5, 140},
      {"gemm m=5 n=6 k=7 ta=1 lda=8", GEMM_A, 5, 7, 1, 8, 4 * (6 * 8 + 5)},
      {"gemm m=5 n=6 k=7 tb=1 type=f64", GEMM_B, 7, 6, 1, 7, 336},
      {"gemm m=5 n=6 k=7 ldb=9", GEMM_B, 7, 6, 9, 1, 4 * (6 * 9 + 6)},
      {"gemm m=5 n=6 k=7 ldc=10 type=bf16", GEMM_C, 5, 6, 10, 1, 2 * (4 * 10 + 6)},
      {"softmax rows=3 cols=4 ldy=8", SOFTMAX_Y, 3, 4, 8, 1, 4 * (2 * 8 + 4)},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    struct why_problem p;
    struct why_error error;
    struct why_tensor t;
    assert_int_equal(why_problem_parse(shapes[i].text, &p, &error), WHY_OK);
    p.op->shape(&p, shapes[i].operand, &t);
    assert_int_equal(t.dim[0], shapes[i].rows);
    assert_int_equal(t.dim[1], shapes[i].columns);
    assert_int_equal(t.stride[0], shapes[i].row_stride);
    assert_int_equal(t.stride[1], shapes[i].column_stride);
    assert_int_equal(why_tensor_bytes(&t), shapes[i].bytes);
  }
}

static void counts_operations_and_bytes(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double flops, bytes;
  } rows[] = {
      {"gemm m=2 n=3 k=4", 48, 4 * (8 + 12 + 6)},
      {"gemm m=2 n=3 k=4 beta=1 type=f64", 60, 8 * (8 + 12 + 12)},
      {"softmax rows=2 cols=8 type=bf16", 80, 2 * 2 * 16},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct why_problem p;
    struct why_error error;
    assert_int_equal(why_problem_parse(rows[i].text, &p, &error), WHY_OK);
    assert_true(p.op->flops(&p) == rows[i].flops);
    assert_true(p.op->bytes(&p) == rows[i].bytes);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_and_writes_back),
      cmocka_unit_test(refuses_with_what_would_be_right),
      cmocka_unit_test(shapes_follow_transposes_and_leading_dims),
      cmocka_unit_test(counts_operations_and_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
