// The data and the shapes that kernels are checked with: guards notice a write anywhere else, and
// the shapes have what finds mistakes.
#include "element.h"
#include "operands.h"
#include "shapes.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct why_problem problem_of(const char *text) {
  struct why_problem p;
  struct why_error error;
  if (why_problem_parse(text, &p, &error) != WHY_OK) fail_msg("%s: %s", text, error.text);
  return p;
}

static void test_data(void **state) {
  (void)state;
  struct why_problem p = problem_of("gemm m=5 n=7 k=3 lda=4 beta=1 type=bf16");
  struct operands one, same, other;
  assert_int_equal(operands_make(&p, 1, 0, &one), WHY_OK);
  assert_int_equal(operands_make(&p, 1, 3, &same), WHY_OK);
  assert_int_equal(operands_make(&p, 2, 0, &other), WHY_OK);
  double sum = 0, differ = 0;
  for (int i = 0; i < 3; i++)
    for (int64_t row = 0; row < one.tensor[i].dim[0]; row++)
      for (int64_t col = 0; col < one.tensor[i].dim[1]; col++) {
        int64_t at = row * one.tensor[i].stride[0] + col * one.tensor[i].stride[1];
        double x = why_element(&one.tensor[i], at);
        assert_true(fabs(x) <= 1);
        assert_true(x == why_element(&same.tensor[i], at)); // the seed alone decides
        sum += x;
        differ += x != why_element(&other.tensor[i], at);
      }
  assert_true(fabs(sum) < 30 && differ > 60); // of 71 elements
  assert_int_equal((uintptr_t)one.tensor[0].data % 64, 0);
  assert_int_equal((uintptr_t)same.tensor[0].data % 64, 6);
  assert_true(isnan(why_element(&one.tensor[0], 3))); // a gap
  operands_free(&one);
  operands_free(&same);
  operands_free(&other);
}

static void test_outputs_begin_as_nan(void **state) {
  (void)state;
  struct why_problem p = problem_of("gemm m=2 n=2 k=2 type=f16");
  struct operands data;
  assert_int_equal(operands_make(&p, 1, 0, &data), WHY_OK);
  for (int64_t i = 0; i < 4; i++) assert_true(isnan(why_element(&data.tensor[2], i)));
  operands_free(&data);
}

// Changes each byte of each block in turn: only the output's elements may change.
static void test_guards(void **state) {
  (void)state;
  static const char *const text[] = {"gemm m=3 n=5 k=2 ldc=7 type=f16",
                                     "gemm m=3 n=5 k=2 ta=1 tb=1",
                                     "softmax rows=4 cols=3 ldx=5 ldy=6 type=bf16"};
  for (size_t n = 0; n < sizeof text / sizeof text[0]; n++) {
    struct why_problem p = problem_of(text[n]);
    struct operands before, now;
    assert_int_equal(operands_make(&p, 1, (int)n, &before), WHY_OK);
    assert_int_equal(operands_copy(&before, &now), WHY_OK);
    int output = p.op->operands - 1;
    const struct why_tensor *t = &now.tensor[output];
    int64_t size = (int64_t)why_type_bytes(t->type), row = t->stride[0] * size;
    int64_t begin = (char *)t->data - now.block[output];
    for (int i = 0; i < now.count; i++)
      for (int64_t byte = 0; byte < (int64_t)now.block_bytes[i]; byte++) {
        int64_t at = byte - begin; // rows of elements, gaps between them, guards outside
        bool allowed =
            i == output && at >= 0 && at / row < t->dim[0] && at % row < t->dim[1] * size;
        int which = -1;
        now.block[i][byte] ^= 1;
        assert_int_equal(operands_intact(&p, &before, &now, &which), allowed);
        assert_int_equal(which, allowed ? -1 : i);
        now.block[i][byte] ^= 1;
      }
    operands_free(&before);
    operands_free(&now);
  }
}

// ---- shapes -----------------------------------------------------------------------------------

static void test_shapes(void **state) {
  (void)state;
  for (int op = 0; op < why_op_count(); op++)
    for (int quick = 0; quick < 2; quick++) {
      const struct why_op *o = why_op_at(op);
      struct shapes shapes, again;
      assert_int_equal(shapes_make(o, WHY_F32, quick, 1e7, 5, &shapes), WHY_OK);
      assert_int_equal(shapes_make(o, WHY_F32, quick, 1e7, 5, &again), WHY_OK);
      assert_true(shapes.count >= (quick ? 30 : 150));
      assert_int_equal(shapes.count, again.count);
      bool ones = false, fours = false, odd = false, padded = false, large = false;
      for (int i = 0; i < shapes.count; i++) {
        const struct why_problem *p = &shapes.item[i];
        struct why_error error;
        assert_int_equal(why_problem_check(p, &error), WHY_OK);
        assert_true(o->flops(p) <= 1e7);
        assert_memory_equal(p->value, again.item[i].value, sizeof p->value);
        bool one = true, four = true;
        for (int j = 0; j < o->params; j++) {
          if (o->param[j].otherwise != WHY_REQUIRED) {
            padded = padded || (o->param[j].most > 1 && p->value[j] > 0);
            continue;
          }
          one = one && p->value[j] == 1;
          four = four && p->value[j] % 4 == 0;
          odd = odd || p->value[j] == 131;
          large = large || p->value[j] >= 1000;
        }
        ones = ones || one;
        fours = fours || four;
      }
      assert_true(ones && fours && odd && padded && large);
      shapes_free(&shapes);
      shapes_free(&again);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_data),
      cmocka_unit_test(test_outputs_begin_as_nan),
      cmocka_unit_test(test_guards),
      cmocka_unit_test(test_shapes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
