// Suite files: what a line stands for, and where and how each mistake is reported.
#include "ops/ops.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include <cmocka.h>

static enum why_reason read_text(const char *text, size_t length, struct suite *suite,
                                 struct why_error *error) {
  FILE *file = fmemopen((void *)text, length, "r");
  assert_non_null(file);
  enum why_reason reason = suite_read(file, "test", suite, error);
  fclose(file);
  return reason;
}

static void expands(void **state) {
  (void)state;
  static const struct {
    const char *line, *problems; // one after another, each ending in ';'
  } rows[] = {
      // clang-format off
      {"gemm m=1 n=2 k=3", "m=1 n=2 k=3;"},
      {"# only a comment\n\n  \t\ngemm m=1 n=2 k=3\r\n", "m=1 n=2 k=3;"},
      {"gemm m=n=k=16..64*2", "m=16 n=16 k=16;m=32 n=32 k=32;m=64 n=64 k=64;"},
      {"gemm m=n=k=16..100*2", "m=16 n=16 k=16;m=32 n=32 k=32;m=64 n=64 k=64;"},
      {"softmax rows=8 cols=64..192+64", "rows=8 cols=64;rows=8 cols=128;rows=8 cols=192;"},
      {"softmax rows=8 cols=5..5*2", "rows=8 cols=5;"},
      {"softmax rows=1,2 cols=3,4", "rows=1 cols=3;rows=1 cols=4;rows=2 cols=3;rows=2 cols=4;"},
      {"softmax rows=cols=7,9..11+1", "rows=7 cols=7;rows=9 cols=9;rows=10 cols=10;rows=11 cols=11;"},
      {"gemm m=1 n=1 k=1 alpha=0.5,2 beta=-1e-3", "m=1 n=1 k=1 alpha=0.5 beta=-0.001;m=1 n=1 k=1 alpha=2 beta=-0.001;"},
      {"gemm m=1 n=1 k=1 ta=tb=0,1", "m=1 n=1 k=1;m=1 n=1 k=1 ta=1 tb=1;"},
      {"conv2d n=1 c=2 h=w=3,4 k=2 r=s=1 layout=nchw,nhwc", "n=1 c=2 h=3 w=3 k=2 r=1 s=1;n=1 c=2 h=3 w=3 k=2 r=1 s=1 layout=nhwc;n=1 c=2 h=4 w=4 k=2 r=1 s=1;n=1 c=2 h=4 w=4 k=2 r=1 s=1 layout=nhwc;"},
      {"gemm m=1 n=1 k=1 type=bf16 out=same,f32", "m=1 n=1 k=1;m=1 n=1 k=1 out=f32;"},
      {"softmax rows=1 cols=9223372036854775800..9223372036854775807*2 type=f32", NULL},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct suite suite;
    struct why_error error;
    char all[1024] = "", dims[256];
    enum why_reason reason = read_text(rows[i].line, strlen(rows[i].line), &suite, &error);
    if (!rows[i].problems) { // its bytes overflow: refused, not wrapped
      assert_int_equal(reason, WHY_BAD_INPUT);
      continue;
    }
    if (reason) fail_msg("%s: %d:%d: %s", rows[i].line, error.line, error.column, error.text);
    for (int64_t n = 0; n < suite.count; n++) {
      why_problem_dims(&suite.item[n].problem, dims, sizeof dims);
      strcat(strcat(all, dims), ";");
    }
    assert_string_equal(all, rows[i].problems);
    suite_free(&suite);
  }
}

static void labels_and_families(void **state) {
  (void)state;
  static const char text[] = "gemm type=f32,bf16 m=n=k=16..32*2 tb=1 # square, b transposed  \n"
                             "softmax rows=4..8*2 cols=4..8*2\n"
                             "softmax rows=2,4 cols=8";
  struct suite suite;
  struct why_error error;
  assert_int_equal(read_text(text, strlen(text), &suite, &error), WHY_OK);
  assert_int_equal(suite.count, 4 + 4 + 2);
  assert_string_equal(suite.item[0].label, "square, b transposed");
  assert_string_equal(suite.item[1].family, "gemm m=* n=* k=* tb=1 type=f32");
  assert_string_equal(suite.item[3].family, "gemm m=* n=* k=* tb=1 type=bf16");
  assert_int_equal(suite.item[3].size, 32);
  assert_int_equal(suite.item[3].problem.type, WHY_BF16);
  assert_string_equal(suite.item[4].family, ""); // two ranges: no single size to look along
  assert_string_equal(suite.item[8].family, ""); // a list is no range
  suite_free(&suite);
}

static void names_what_is_wrong(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
    int line, column;
  } rows[] = {
      // clang-format off
      {"", "no problem", 0, 0},
      {"# nothing else\n", "no problem", 0, 0},
      {"gemm m=1 n=1 k=1\nsoftmix rows=1 cols=1", "softmix", 2, 1},
      {"gemm m=1 n=1 depth=1", "depth", 1, 14},
      {"gemm m=1 n=1", "k", 1, 1},
      {"conv2d n=1 c=2 h=3 w=3 k=2 r=1 s=1 layout=nhwc,chwn", "layout=chwn: one of nchw nhwc", 1, 36},
      {"conv2d n=1 c=2 h=3 w=3 k=2 r=1 s=1 layout=0", "layout=0: one of nchw nhwc", 1, 36},
      {"conv2d n=1 c=2 h=3 w=3 k=2 r=1 s=1 pad_h=1", "wide_pad=1", 1, 1},
      {"conv2d n=1 c=6 h=3 w=3 k=4 r=1 s=1 groups=3", "does not divide k", 1, 1},
      {"gemm m=1 n=1 k=1 type=f64 out=f32", "out=same", 1, 1},
      {"  gemm m=1 n=0 k=1", "n=0", 1, 12},
      {"gemm m=1 n=-4 k=1", "n=-4", 1, 10},
      {"gemm m=8 n=8 k=8 type=f33", "f33", 1, 18},
      {"gemm m=8 n=8 k=8 64", "expected key=value", 1, 18},
      {"gemm m=8 n=8 k=8 =64", "expected key=value", 1, 18},
      {"gemm m==8", "name of a key", 1, 8},
      {"gemm m= n=8 k=8", "expected a value", 1, 8},
      {"gemm m=8,,9 n=8 k=8", "expected a value", 1, 10},
      {"gemm m=8,9, n=8 k=8", "expected a value", 1, 12},
      {"gemm m=8.. n=8 k=8", "after '..'", 1, 11},
      {"gemm m=..8 n=8 k=8", "before '..'", 1, 8},
      {"gemm m=x..8*2 n=8 k=8", "before '..'", 1, 8},
      {"gemm m=8..16 n=8 k=8", "expected '*' or '+'", 1, 13},
      {"gemm m=8..16/2 n=8 k=8", "expected '*' or '+'", 1, 13},
      {"gemm m=8..16*1 n=8 k=8", "2 or more", 1, 14},
      {"gemm m=8..16*x n=8 k=8", "2 or more", 1, 14},
      {"gemm m=8..16+0 n=8 k=8", "1 or more", 1, 14},
      {"gemm m=8..16*2x n=8 k=8", "2 or more", 1, 14},
      {"gemm m=16..8*2 n=8 k=8", "backwards", 1, 8},
      {"gemm m=0..8*2 n=8 k=8", "cannot begin at 0", 1, 8},
      {"gemm m=1..99999+1 n=8 k=8", "more than", 1, 8},
      {"gemm m=1..1000+1 n=1..1000+1 k=1..1000+1", "more than 1000000 problems", 1, 1},
      {"gemm m=99999999999999999999 n=1 k=1", "99999999999999999999", 1, 6},
      {"gemm m=n=4000000000000000000 k=4", "", 1, 1},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct suite suite;
    struct why_error error;
    size_t length = strlen(rows[i].text);
    // fmemopen takes no empty text
    enum why_reason reason =
        read_text(length ? rows[i].text : "\n", length ? length : 1, &suite, &error);
    assert_int_equal(reason, WHY_BAD_INPUT);
    if (!strstr(error.text, rows[i].says) || error.line != rows[i].line ||
        error.column != rows[i].column)
      fail_msg("%s: said %d:%d: %s; expected %d:%d: ...%s", rows[i].text, error.line, error.column,
               error.text, rows[i].line, rows[i].column, rows[i].says);
    assert_null(suite.item);
  }
  struct suite suite;
  struct why_error error;
  assert_int_equal(read_text("gemm m=1\0 n=1", 13, &suite, &error), WHY_BAD_INPUT);
  assert_non_null(strstr(error.text, "zero byte"));
}

static void open_shipped(const char *name, struct suite *suite) {
  char path[4096];
  struct why_error error;
  snprintf(path, sizeof path, "%s/bench/suites/%s.suite", WHY_TEST_SOURCE, name);
  if (suite_open(path, suite, &error))
    fail_msg("%s: %d:%d: %s", path, error.line, error.column, error.text);
  assert_string_equal(suite->name, name);
  assert_true(suite->count > 0);
}

static void shipped_suites_hold_what_they_say(void **state) {
  (void)state;
  static const struct {
    const char *name, *first; // first: of a published list, its first problem
    int64_t problems;
  } rows[] = {{"quick", NULL, 0},
              {"square", NULL, 0},
              {"small", NULL, 0},
              {"transformer", NULL, 0},
              {"memory", NULL, 42},
              {"resnet50", NULL, 96},
              // column-major m=1760 n=16 k=1760
              {"deepbench", "m=16 n=1760 k=1760", 248},
              {"deepbench_conv", "n=4 c=1 h=161 w=700 k=32 r=5 s=20 stride_h=2 stride_w=2", 218}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct suite suite;
    open_shipped(rows[i].name, &suite);
    if (rows[i].problems) assert_int_equal(suite.count, rows[i].problems);
    if (rows[i].first) {
      char dims[128];
      why_problem_dims(&suite.item[0].problem, dims, sizeof dims);
      assert_string_equal(dims, rows[i].first);
    }
    suite_free(&suite);
  }
  struct suite suite;
  struct why_error error;
  assert_int_equal(suite_open("/no/such.suite", &suite, &error), WHY_BAD_INPUT);
  assert_string_equal(error.text, "No such file or directory");
}

// The label of each shape says how often the network has it. 53 convolutions and the last product
// take 4 089 184 256 multiplications an image, which is what is counted for it elsewhere
// ("4.09 GFLOPS" of torchvision's resnet50).
static void resnet50_adds_up(void **state) {
  (void)state;
  struct suite suite;
  open_shipped("resnet50", &suite);
  for (int type = WHY_F32; type <= WHY_BF16; type += WHY_BF16 - WHY_F32)
    for (int64_t images = 1; images <= 32; images += 31) {
      double multiplications = 0;
      long convolutions = 0;
      for (int64_t i = 0; i < suite.count; i++) {
        const struct why_problem *p = &suite.item[i].problem;
        bool conv2d = !strcmp(p->op->name, "conv2d");
        const char *times = strstr(suite.item[i].label, ", ");
        assert_non_null(times);
        long count = strtol(times + 2, NULL, 10);
        int64_t n = conv2d ? p->value[CONV2D_N] : p->value[GEMM_M];
        if ((int)p->type != type || n != images) continue;
        if (conv2d) convolutions += count;
        multiplications += (double)count * p->op->flops(p) / 2;
      }
      assert_int_equal(convolutions, 53);
      assert_true(multiplications == 4089184256.0 * (double)images);
    }
  suite_free(&suite);
}

// All operands together are as large as the label says, and never larger.
static void memory_is_as_large_as_it_says(void **state) {
  (void)state;
  struct suite suite;
  open_shipped("memory", &suite);
  for (int64_t i = 0; i < suite.count; i++) {
    const struct why_problem *p = &suite.item[i].problem;
    double bytes = 0, said = strtod(suite.item[i].label, NULL) * (64 << 20);
    for (int o = 0; o < p->op->operands; o++) {
      struct why_tensor t;
      p->op->shape(p, o, &t);
      bytes += (double)why_tensor_bytes(&t);
    }
    if (!(bytes <= said && bytes > 0.95 * said))
      fail_msg("%s, %s: %.0f bytes", p->op->name, suite.item[i].label, bytes);
  }
  suite_free(&suite);
}

// Line by line as Baidu's list has them, where it is at hand.
static void deepbench_convolutions(void **state) {
  (void)state;
  enum { W, H, C, N, K, S, R, PAD_W, PAD_H, STRIDE_W, STRIDE_H, COLUMNS };
  FILE *file = fopen(WHY_TEST_SOURCE "/../shared/data/deepbench_conv.csv", "r");
  char line[256];
  struct suite suite;
  int64_t at = 0;
  if (!file) {
    print_message("no ../shared/data/deepbench_conv.csv here\n");
    skip();
  }
  open_shipped("deepbench_conv", &suite);
  assert_non_null(fgets(line, sizeof line, file));
  for (int64_t x[COLUMNS]; fgets(line, sizeof line, file); at++) {
    char *text = strchr(line, ',');
    for (int i = 0; i < COLUMNS; i++) {
      assert_non_null(text);
      x[i] = strtoll(text + 1, &text, 10);
    }
    assert_true(at < suite.count);
    const int64_t *v = suite.item[at].problem.value;
    const int64_t got[COLUMNS] = {v[CONV2D_W],        v[CONV2D_H],       v[CONV2D_C],
                                  v[CONV2D_N],        v[CONV2D_K],       v[CONV2D_S],
                                  v[CONV2D_R],        v[CONV2D_PAD_W],   v[CONV2D_PAD_H],
                                  v[CONV2D_STRIDE_W], v[CONV2D_STRIDE_H]};
    if (memcmp(got, x, sizeof x) != 0) fail_msg("problem %lld is not %s", (long long)at + 1, line);
    assert_int_equal(v[CONV2D_WIDE_PAD], x[PAD_W] >= x[S] || x[PAD_H] >= x[R]);
  }
  fclose(file);
  assert_int_equal(at, suite.count);
  suite_free(&suite);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(expands),
      cmocka_unit_test(labels_and_families),
      cmocka_unit_test(names_what_is_wrong),
      cmocka_unit_test(shipped_suites_hold_what_they_say),
      cmocka_unit_test(resnet50_adds_up),
      cmocka_unit_test(memory_is_as_large_as_it_says),
      cmocka_unit_test(deepbench_convolutions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
