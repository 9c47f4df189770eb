// The data and the shapes that kernels are checked with: guards notice a write anywhere else, and
// the shapes have what finds mistakes.
#include "element.h"
#include "operands.h"
#include "ops/ops.h"
#include "shapes.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
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

// Which bytes of an operand's block are elements.
static bool *element_bytes(const struct operands *o, int operand) {
  const struct why_tensor *t = &o->tensor[operand];
  size_t size = why_type_bytes(t->type), begin = (size_t)((char *)t->data - o->block[operand]);
  bool *element = calloc(o->block_bytes[operand], sizeof *element);
  assert_non_null(element);
  for (int64_t i = 0; i < why_tensor_elements(t); i++) {
    int64_t offset = 0, left = i;
    for (int d = t->rank - 1; d >= 0; left /= t->dim[d--])
      offset += left % t->dim[d] * t->stride[d];
    memset(element + begin + (size_t)offset * size, true, size);
  }
  return element;
}

// Changes each byte of each block in turn: only the output's elements may change.
static void test_guards(void **state) {
  (void)state;
  static const char *const text[] = {
      "gemm m=3 n=5 k=2 ldc=7 type=f16",
      "gemm m=3 n=5 k=2 ta=1 tb=1",
      "gemm m=3 n=5 k=2 out=f32 type=bf16",
      "softmax rows=4 cols=3 ldx=5 ldy=6 type=bf16",
      "conv2d n=2 c=3 h=3 w=2 k=4 r=2 s=1",
      "conv2d n=2 c=3 h=3 w=2 k=4 r=2 s=1 layout=nhwc type=bf16",
      "conv2d n=2 c=1 h=1 w=1 k=1 r=1 s=1",
  };
  for (size_t n = 0; n < sizeof text / sizeof text[0]; n++) {
    struct why_problem p = problem_of(text[n]);
    struct operands before, now;
    assert_int_equal(operands_make(&p, 1, (int)n, &before), WHY_OK);
    assert_int_equal(operands_copy(&before, &now), WHY_OK);
    for (int i = 0; i < now.count; i++) {
      bool *element = element_bytes(&now, i), output = i == now.count - 1;
      for (int64_t byte = 0; byte < (int64_t)now.block_bytes[i]; byte++) {
        bool allowed = output && element[byte];
        int which = -1;
        now.block[i][byte] ^= 1;
        assert_int_equal(operands_intact(&p, &before, &now, &which), allowed);
        assert_int_equal(which, allowed ? -1 : i);
        now.block[i][byte] ^= 1;
      }
      free(element);
    }
    operands_free(&before);
    operands_free(&now);
  }
}

// The data is where the strides say, whatever the layout; everything else is a guard.
static void test_layouts_are_filled(void **state) {
  (void)state;
  static const char *const text[] = {
      "conv2d n=2 c=3 h=5 w=4 k=6 r=3 s=2 groups=3",
      "conv2d n=2 c=3 h=5 w=4 k=6 r=3 s=2 groups=3 layout=nhwc type=f16"};
  for (size_t n = 0; n < sizeof text / sizeof text[0]; n++) {
    struct why_problem p = problem_of(text[n]);
    struct operands data;
    assert_int_equal(operands_make(&p, 1, 0, &data), WHY_OK);
    for (int i = 0; i < 2; i++) {
      const struct why_tensor *t = &data.tensor[i];
      bool *element = element_bytes(&data, i);
      for (uint64_t byte = 0; byte < data.block_bytes[i]; byte++)
        if (!element[byte]) assert_int_equal((unsigned char)data.block[i][byte], 0xff);
      for (int64_t at = 0; at < why_tensor_elements(t); at++) // packed: every element of the span
        assert_true(fabs(why_element(t, at)) <= 1);
      free(element);
    }
    operands_free(&data);
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
            padded = padded || (o->param[j].most > 1 && p->value[j] != o->param[j].otherwise);
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

// Each param takes a value besides its default in every type, and those of a convolution meet.
static void test_every_param_varies(void **state) {
  (void)state;
  for (int op = 0; op < why_op_count(); op++)
    for (int type = 0; type < WHY_TYPE_COUNT; type++) {
      const struct why_op *o = why_op_at(op);
      struct shapes shapes;
      if (!(o->types >> type & 1)) continue;
      assert_int_equal(shapes_make(o, (enum why_type)type, false, 1e7, 5, &shapes), WHY_OK);
      for (int j = 0; j < o->params; j++) {
        const struct why_param *param = &o->param[j];
        int others = 0;
        if (o == why_op_find("gemm") && type == WHY_F64 && j == GEMM_OUT) continue; // same only
        for (int i = 0; i < shapes.count; i++)
          others += param->kind == WHY_REAL ? shapes.item[i].real[j] != (double)param->otherwise
                                            : shapes.item[i].value[j] != param->otherwise;
        if (others < 5) fail_msg("%s: %s varies in %d shapes", o->name, param->name, others);
      }
      shapes_free(&shapes);
    }
}

static void test_convolutions(void **state) {
  (void)state;
  for (int quick = 0; quick < 2; quick++) {
    int depthwise = 0, grouped = 0, uneven = 0, single = 0, nhwc = 0, edge = 0;
    struct shapes shapes;
    double most_flops = quick ? 1.2e6 : 1e7; // what an emulated device is given
    assert_int_equal(shapes_make(why_op_find("conv2d"), WHY_BF16, quick, most_flops, 1, &shapes),
                     WHY_OK);
    for (int i = 0; i < shapes.count; i++) {
      struct conv2d_view g = conv2d_view(&shapes.item[i]);
      depthwise += g.groups > 1 && g.groups == g.c;
      grouped += g.groups > 1 && g.group_c > 1;
      uneven += g.pad_top != g.pad_bottom || g.pad_left != g.pad_right;
      single += g.r == 1 && g.s == 1 && g.c > 8;
      nhwc += g.layout == CONV2D_NHWC && g.p > 1 && g.q > 1;
      edge += g.pad_top > 0 && g.stride_h > 1 && g.p > 2;
    }
    int least = quick ? 1 : 5;
    if (depthwise < least || grouped < least || uneven < least || single < least || nhwc < least ||
        edge < least)
      fail_msg("%d depthwise, %d grouped, %d uneven, %d single, %d nhwc, %d edge of %d", depthwise,
               grouped, uneven, single, nhwc, edge, shapes.count);
    shapes_free(&shapes);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_data),         cmocka_unit_test(test_outputs_begin_as_nan),
      cmocka_unit_test(test_guards),       cmocka_unit_test(test_layouts_are_filled),
      cmocka_unit_test(test_shapes),       cmocka_unit_test(test_every_param_varies),
      cmocka_unit_test(test_convolutions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
