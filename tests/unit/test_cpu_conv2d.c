// The convolutions that run on the host, each against the op's reference element by element, with
// guards round y and round the workspace that the catalog states: small problems of every form,
// each in both layouts and all types, on one thread, two and five.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "machine.h"
#include "ops/im2col.h"
#include <cmocka.h>
#include <dlfcn.h>

enum { MOST_THREADS = 5 };
static struct why_facts host;
static struct why_backend *openblas; // NULL: not built here

static int set_up(void **state) {
  (void)state;
  why_topology_host(&host);
  void *library = dlopen(WHY_TEST_PLUGINS "/libwhycpu-openblas.so", RTLD_NOW);
  if (library == NULL) {
    print_message("without openblas: %s\n", dlerror());
    return 0;
  }
  openblas = dlsym(library, WHY_BACKEND_SYMBOL);
  struct why_verdict verdict = {0};
  return openblas == NULL || openblas->open(openblas, &verdict) != WHY_OK;
}

static const struct why_code *code_of(const struct why_kernel *kernel) {
  if (strcmp(kernel->backend, "plain") == 0)
    return why_plain_backend.find(kernel->op, kernel->name);
  if (strcmp(kernel->backend, "openblas") == 0 && openblas != NULL)
    return openblas->find(kernel->op, kernel->name);
  return NULL;
}

static double uniform(void) { // [-1, 1)
  static uint64_t state = 1;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (double)(state >> 11) * 0x1p-52 - 1;
}

enum { GUARD = 256, PATTERN = 0xff }; // bytes before and after; a NaN in every type

static unsigned char *guarded(uint64_t bytes) {
  unsigned char *out = aligned_alloc(64, (bytes + 2 * (uint64_t)GUARD + 63) / 64 * 64);
  assert_non_null(out);
  memset(out, PATTERN, bytes + 2 * (uint64_t)GUARD);
  return out + GUARD;
}

static void check_guards(const unsigned char *data, uint64_t bytes, const char *text,
                         const char *what) {
  for (int i = 0; i < GUARD; i++)
    if (data[i - GUARD] != PATTERN || data[bytes + (uint64_t)i] != PATTERN)
      fail_msg("%s: wrote outside %s", text, what);
}

static void drop(void *data) {
  free((unsigned char *)data - GUARD);
}

// y packed, so that guards at both ends are all there is to guard.
static void check_against_reference(const struct why_problem *problem,
                                    const struct why_tensor *operand, const char *text) {
  const struct why_tensor *y = &operand[CONV2D_Y];
  const int64_t columns = y->dim[3], rows = why_tensor_elements(y) / columns;
  double *value = malloc(2 * (size_t)columns * sizeof *value);
  assert_non_null(value);
  const double tolerance = problem->op->tolerance(problem, CONV2D_Y);
  for (int64_t i = 0; i < rows; i++) {
    problem->op->reference(problem, operand, CONV2D_Y, i, 1, value, value + columns);
    const int64_t q = i % y->dim[2], p = i / y->dim[2] % y->dim[1], n = i / y->dim[2] / y->dim[1];
    for (int64_t k = 0; k < columns; k++) {
      const double got =
          why_element(y, n * y->stride[0] + p * y->stride[1] + q * y->stride[2] + k * y->stride[3]);
      if (!(fabs(got - value[k]) <= tolerance * value[columns + k]))
        fail_msg("%s: y(%lld,%lld,%lld,%lld) is %g, should be %g", text, (long long)n, (long long)p,
                 (long long)q, (long long)k, got, value[k]);
    }
  }
  free(value);
}

static void check_kernel(const struct why_kernel *kernel, const struct why_problem *problem,
                         struct why_tensor *operand, int threads, const char *text) {
  char what[256];
  snprintf(what, sizeof what, "%s by %s on %d threads", text, kernel->name, threads);
  struct why_tensor *y = &operand[CONV2D_Y];
  const uint64_t y_bytes = why_tensor_bytes(y);
  host.multiprocessors = threads; // no slice to spare
  const uint64_t bytes = kernel->workspace ? kernel->workspace(problem, &host) : 0;
  unsigned char *workspace = guarded(bytes);
  y->data = guarded(y_bytes);
  struct why_verdict verdict = {.note = "", .cause = ""};
  struct why_call call = {.problem = problem,
                          .operand = operand,
                          .threads = threads,
                          .why = &verdict,
                          .workspace = bytes > 0 ? workspace : NULL,
                          .workspace_bytes = bytes};
  if (code_of(kernel)->run(&call) != WHY_OK)
    fail_msg("%s: %s %s", what, why_name(verdict.reason), verdict.note);
  check_guards(workspace, bytes, what, "the workspace");
  check_guards(y->data, y_bytes, what, "y");
  check_against_reference(problem, operand, what);
  const bool says_so = strstr(verdict.note, "converted to f32") != NULL;
  const bool converts = strcmp(kernel->name, "im2col") == 0 && problem->type != WHY_F32;
  assert_true(says_so == converts);
  drop(y->data);
  drop(workspace);
}

// Returns how many kernels ran.
static int check_case(const char *text) {
  struct why_problem problem;
  struct why_error error;
  struct why_tensor operand[3];
  if (why_problem_parse(text, &problem, &error) != WHY_OK) fail_msg("%s: %s", text, error.text);
  for (int i = 0; i < 3; i++) {
    problem.op->shape(&problem, i, &operand[i]);
    if (i == CONV2D_Y) break;
    operand[i].data = guarded(why_tensor_bytes(&operand[i]));
    for (int64_t j = 0; j < why_tensor_elements(&operand[i]); j++)
      why_element_set(&operand[i], j, uniform());
  }
  int ran = 0;
  for (int i = 0; i < why_kernel_count(); i++) {
    const struct why_kernel *kernel = why_kernel_at(i);
    if (strcmp(kernel->op, "conv2d") != 0 || strcmp(kernel->device, "host") != 0 ||
        code_of(kernel) == NULL || !(kernel->types >> problem.type & 1))
      continue;
    static const int threads[] = {1, 2, MOST_THREADS};
    for (int j = 0; j < (kernel->threads == 1 ? 1 : 3); j++, ran++)
      check_kernel(kernel, &problem, operand, threads[j], text);
  }
  drop(operand[CONV2D_X].data);
  drop(operand[CONV2D_WEIGHT].data);
  return ran;
}

static void convolutions_agree_with_the_reference(void **state) {
  (void)state;
  static const char *const forms[] = {
      "n=1 c=1 h=1 w=1 k=1 r=1 s=1",
      "n=2 c=3 h=1 w=1 k=5 r=1 s=1",
      "n=1 c=1 h=5 w=7 k=1 r=3 s=3",
      "n=3 c=2 h=5 w=7 k=4 r=5 s=7",
      "n=2 c=5 h=7 w=9 k=3 r=3 s=3 pad_h=1 pad_w=1",
      "n=2 c=5 h=7 w=9 k=3 r=3 s=3 pad_h=2 pad_w=2",
      "n=2 c=3 h=9 w=8 k=6 r=3 s=5 pad_h=1 pad_w=2 stride_h=2 stride_w=2",
      "n=2 c=3 h=9 w=8 k=6 r=2 s=3 stride_h=3 stride_w=1",
      "n=1 c=3 h=12 w=13 k=4 r=3 s=3 stride_h=2 stride_w=3 pad_w=1",
      "n=2 c=4 h=9 w=10 k=4 r=2 s=4 pad_h=0 pad_h_end=1 pad_w=1 pad_w_end=2",
      "n=2 c=4 h=9 w=10 k=4 r=3 s=3 pad_h=1 pad_h_end=0 pad_w=2 pad_w_end=0 stride_h=2",
      "n=2 c=3 h=11 w=12 k=5 r=3 s=3 dilation_h=2 dilation_w=3",
      "n=2 c=3 h=11 w=12 k=5 r=3 s=3 dilation_h=3 dilation_w=2 pad_h=3 pad_w=2 stride_w=2",
      "n=1 c=2 h=9 w=9 k=2 r=1 s=4 dilation_w=2 pad_w=6",
      "n=2 c=6 h=7 w=8 k=4 r=3 s=3 groups=2 pad_h=1 pad_w=1",
      "n=2 c=6 h=7 w=8 k=9 r=3 s=2 groups=3 stride_h=2 dilation_w=2 pad_w=1",
      "n=2 c=5 h=7 w=8 k=5 r=3 s=3 groups=5 pad_h=1 pad_w=1",
      "n=1 c=4 h=6 w=6 k=8 r=3 s=3 groups=4 stride_w=2",
      "n=3 c=8 h=5 w=6 k=7 r=1 s=1",
      "n=3 c=8 h=5 w=6 k=6 r=1 s=1 groups=2",
      "n=3 c=8 h=5 w=6 k=7 r=1 s=1 stride_h=2 stride_w=2",
      "n=3 c=8 h=5 w=6 k=7 r=1 s=1 pad_h=1 wide_pad=1",
      "n=2 c=3 h=1 w=40 k=4 r=1 s=3 pad_w=1",
      "n=2 c=3 h=40 w=1 k=4 r=3 s=1 pad_h=1",
      "n=1 c=2 h=3 w=3 k=3 r=3 s=3 pad_h=5 pad_w=6 wide_pad=1",
      "n=2 c=2 h=4 w=3 k=3 r=2 s=2 pad_h=7 pad_h_end=0 pad_w=9 pad_w_end=1 wide_pad=1 stride_w=5",
      "n=1 c=1 h=3 w=600 k=2 r=2 s=3 pad_w=1",            // more than a strip
      "n=2 c=1 h=17 w=19 k=2 r=3 s=3 pad_h=1 pad_w=1",    // an image is a range by itself
      "n=2 c=3 h=17 w=19 k=140 r=1 s=1",                  // the same in place
      "n=2 c=4 h=17 w=19 k=4 r=3 s=3 groups=2 pad_h=1",   // the same with groups
      "n=5 c=2 h=6 w=7 k=300 r=3 s=3 pad_h=1 pad_w=1",    // cut by filters for the threads
      "n=9 c=2 h=6 w=7 k=3 r=3 s=3 pad_h=1 pad_w=1",      // cut by windows
      "n=2 c=300 h=5 w=4 k=3 r=2 s=2 pad_h=1",            // a sum gathered in parts
      "n=2 c=70 h=4 w=5 k=3 r=3 s=3 pad_w=1",             // parts that end inside a run
      "n=1 c=600 h=3 w=3 k=2 r=1 s=1 pad_w=1 wide_pad=1", // and inside a filter's element
      "n=1 c=1040 h=3 w=2 k=2 r=2 s=1 groups=2",
      "n=1 c=2 h=30 w=31 k=1030 r=1 s=1", // more filters than a tile has
      "n=1 c=3 h=60 w=41 k=600 r=3 s=1",  // more windows
  };
  char text[200];
  int ran = 0;
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
    for (int type = 0; type < 3; type++)
      for (int nhwc = 0; nhwc < 2; nhwc++) {
        static const char *const types[] = {"f32", "f16", "bf16"};
        snprintf(text, sizeof text, "conv2d %s type=%s layout=%s", forms[i], types[type],
                 nhwc ? "nhwc" : "nchw");
        ran += check_case(text);
      }
  const int each = openblas != NULL ? 4 : 1; // loops on one thread, im2col on 1, 2, 5
  assert_int_equal(ran, (int)(sizeof forms / sizeof *forms) * 3 * 2 * each);
}

// However large the problem: a slice a core, and 16-bit filters once.
static void workspace_is_bounded(void **state) {
  (void)state;
  host.multiprocessors = MOST_THREADS;
  static const char *const large[] = {
      "conv2d n=512 c=512 h=224 w=224 k=512 r=3 s=3 pad_h=1 pad_w=1",
      "conv2d n=1 c=1000000 h=9 w=9 k=4096 r=9 s=9 layout=nhwc",
      "conv2d n=4096 c=2048 h=7 w=7 k=100000 r=1 s=1",
  };
  const int index = why_kernel_find("conv2d", "openblas", "im2col");
  assert_true(index >= 0);
  const struct why_kernel *kernel = why_kernel_at(index);
  for (int i = 0; i < 3; i++) {
    struct why_problem problem;
    struct why_error error;
    assert_int_equal(why_problem_parse(large[i], &problem, &error), WHY_OK);
    const struct conv2d_view g = conv2d_view(&problem);
    assert_true(kernel->workspace(&problem, &host) <= MOST_THREADS * (uint64_t)IM2COL_SLICE_BYTES);
    problem.type = WHY_BF16;
    const uint64_t filters = 4 * (uint64_t)(g.k * g.group_c * g.r * g.s);
    assert_in_range(kernel->workspace(&problem, &host), filters,
                    filters + 64 + MOST_THREADS * (uint64_t)IM2COL_SLICE_BYTES);
  }
}

static void im2col_refuses_what_it_cannot(void **state) {
  (void)state;
  const struct why_kernel *kernel = why_kernel_at(why_kernel_find("conv2d", "openblas", "im2col"));
  struct why_problem problem;
  struct why_error error;
  struct why_verdict verdict = {.note = "", .cause = ""};
  assert_int_equal(
      why_problem_parse("conv2d n=1 c=2147483 h=40 w=25 k=1 r=40 s=25", &problem, &error), WHY_OK);
  assert_int_equal(kernel->takes(&problem, &host, &verdict), WHY_OK);
  problem.value[CONV2D_C]++; // 2147484000 elements, 2^31 is 2147483648
  assert_int_equal(kernel->takes(&problem, &host, &verdict), WHY_LIMIT);
  assert_true(verdict.need == 2147484000.0 && verdict.have == INT32_MAX);
  if (openblas == NULL) return;
  float x[9] = {0}, w[4] = {0}, y[4] = {0};
  assert_int_equal(why_problem_parse("conv2d n=1 c=1 h=3 w=3 k=1 r=2 s=2", &problem, &error),
                   WHY_OK);
  struct why_tensor operand[3];
  float *const data[] = {x, w, y};
  for (int i = 0; i < 3; i++) {
    problem.op->shape(&problem, i, &operand[i]);
    operand[i].data = data[i];
  }
  float workspace[16];
  struct why_call call = {.problem = &problem,
                          .operand = operand,
                          .workspace = workspace,
                          .workspace_bytes = sizeof workspace - 1,
                          .threads = 2,
                          .why = &verdict};
  assert_int_equal(openblas->find("conv2d", "im2col")->run(&call), WHY_WORKSPACE);
  assert_true(verdict.need == sizeof workspace && verdict.have == sizeof workspace - 1);
  call.workspace_bytes = sizeof workspace; // one slice: one thread
  assert_int_equal(openblas->find("conv2d", "im2col")->run(&call), WHY_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(convolutions_agree_with_the_reference),
      cmocka_unit_test(workspace_is_bounded),
      cmocka_unit_test(im2col_refuses_what_it_cannot),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
