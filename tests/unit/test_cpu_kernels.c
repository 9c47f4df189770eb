// Every kernel of the catalog that runs on the host against the op's reference, its bound and
// sentinels; then what the references do not reach: conversions, the exponential, rows that are not
// finite, and what the backends say when they refuse.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "element.h"
#include "machine.h"
#include "ops/ops.h"
#include <cmocka.h>
#include <dlfcn.h>

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
  if (strcmp(kernel->device, "host") != 0) return NULL;
  if ((kernel->cpu_features & ~host.cpu_features) != 0) return NULL;
  if (strcmp(kernel->backend, "plain") == 0)
    return why_plain_backend.find(kernel->op, kernel->name);
  if (strcmp(kernel->backend, "openblas") == 0 && openblas != NULL)
    return openblas->find(kernel->op, kernel->name);
  return NULL;
}

// ---- a case: operands in buffers of NaNs, which no kernel may touch between the elements
// ---------

enum { GUARD = 256 }; // bytes of NaN before and after, and it keeps 64-byte alignment

struct operands {
  struct why_problem problem;
  struct why_tensor before[WHY_OPERANDS], after[WHY_OPERANDS];
  unsigned char *buffer[2][WHY_OPERANDS];
  size_t bytes[WHY_OPERANDS]; // of a buffer
};

static double uniform(void) { // [-1, 1)
  static uint64_t state = 1;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (double)(state >> 11) * 0x1p-52 - 1;
}

static void make(struct operands *out, const char *text, double spread) {
  struct why_error error;
  if (why_problem_parse(text, &out->problem, &error) != WHY_OK)
    fail_msg("%s: %s", text, error.text);
  const struct why_op *op = out->problem.op;
  for (int i = 0; i < op->operands; i++) {
    struct why_tensor *t = &out->before[i];
    op->shape(&out->problem, i, t);
    out->bytes[i] = (why_tensor_bytes(t) + 2 * (size_t)GUARD + 63) / 64 * 64;
    for (int copy = 0; copy < 2; copy++) {
      out->buffer[copy][i] = aligned_alloc(64, out->bytes[i]);
      assert_non_null(out->buffer[copy][i]);
      memset(out->buffer[copy][i], 0xff, out->bytes[i]); // a NaN in every type
    }
    t->data = out->buffer[0][i] + GUARD;
    if (op->role(&out->problem, i) != WHY_OUT)
      for (int64_t row = 0; row < t->dim[0]; row++)
        for (int64_t col = 0; col < t->dim[1]; col++)
          why_element_set(t, row * t->stride[0] + col * t->stride[1], spread * uniform());
    memcpy(out->buffer[1][i], out->buffer[0][i], out->bytes[i]);
    out->after[i] = *t;
    out->after[i].data = out->buffer[1][i] + GUARD;
  }
}

static void drop(struct operands *x) {
  for (int i = 0; i < x->problem.op->operands; i++)
    for (int copy = 0; copy < 2; copy++) free(x->buffer[copy][i]);
}

// Whatever is not an element of an output is as it was.
static void check_untouched(const struct operands *x, const char *text) {
  for (int i = 0; i < x->problem.op->operands; i++) {
    const struct why_tensor *t = &x->after[i];
    unsigned char *was = x->buffer[0][i], *is = x->buffer[1][i];
    const size_t size = why_type_bytes(t->type);
    if (x->problem.op->role(&x->problem, i) != WHY_IN) {
      was = malloc(x->bytes[i]);
      assert_non_null(was);
      memcpy(was, x->buffer[0][i], x->bytes[i]);
      for (int64_t row = 0; row < t->dim[0]; row++)
        for (int64_t col = 0; col < t->dim[1]; col++) {
          const size_t at = GUARD + (size_t)(row * t->stride[0] + col * t->stride[1]) * size;
          memcpy(was + at, is + at, size);
        }
    }
    if (memcmp(was, is, x->bytes[i]) != 0) fail_msg("%s: wrote outside operand %d", text, i);
    if (was != x->buffer[0][i]) free(was);
  }
}

static enum why_reason run(const struct why_kernel *kernel, struct operands *x, int threads,
                           struct why_verdict *verdict) {
  struct why_call call = {.problem = &x->problem,
                          .operand = x->after,
                          .threads = threads,
                          .why = verdict,
                          .workspace_bytes =
                              kernel->workspace ? kernel->workspace(&x->problem, &host) : 0};
  if (call.workspace_bytes > 0) {
    call.workspace = malloc(call.workspace_bytes);
    assert_non_null(call.workspace);
    memset(call.workspace, 0xff, call.workspace_bytes);
  }
  const enum why_reason reason = code_of(kernel)->run(&call);
  free(call.workspace);
  return reason;
}

// Returns how many kernels ran.
static int check_case(const char *text, double spread, double most_units) {
  int ran = 0;
  for (int i = 0; i < why_kernel_count(); i++) {
    const struct why_kernel *kernel = why_kernel_at(i);
    if (code_of(kernel) == NULL) continue;
    for (int threads = 1; threads <= 3; threads++) {
      struct operands x;
      make(&x, text, spread);
      if (strcmp(kernel->op, x.problem.op->name) != 0 || !(kernel->types >> x.problem.type & 1)) {
        drop(&x);
        break;
      }
      struct why_verdict verdict = {.note = "", .cause = ""};
      if (run(kernel, &x, threads, &verdict) != WHY_OK)
        fail_msg("%s by %s: %s %s", text, kernel->name, why_name(verdict.reason), verdict.note);
      struct why_check check;
      assert_int_not_equal(why_check(&x.problem, x.before, x.after, &check), WHY_ALLOC_FAILED);
      const bool loops = strcmp(kernel->name, "loops") == 0;
      const double most = most_units > 0 && !loops ? most_units * 0x1p-24 : check.tolerance;
      if (!(check.error <= most))
        fail_msg("%s by %s on %d threads: error %g, allowed %g, element %lld", text, kernel->name,
                 threads, check.error, most, (long long)check.element);
      check_untouched(&x, text);
      drop(&x);
      ran++;
    }
  }
  return ran;
}

// ---- gemm --------------------------------------------------------------------------------------

static void gemm_agrees_with_reference(void **state) {
  (void)state;
  static const char *const types[] = {"f64", "f32", "f16", "bf16"};
  static const char *const shapes[] = {
      "m=1 n=1 k=1",     "m=1 n=1 k=257",
      "m=1 n=300 k=7",   "m=67 n=1 k=5",
      "m=17 n=31 k=13",  "m=64 n=64 k=64",
      "m=33 n=259 k=70", "m=5 n=513 k=129 lda=140 ldb=520 ldc=517",
  };
  static const char *const turned[] = {"ta=1", "tb=1", "ta=1 tb=1",
                                       "ta=1 tb=1 lda=80 ldb=90 ldc=300"};
  static const char *const scales[] = {"", "alpha=-0.75", "beta=1", "alpha=2 beta=-0.5",
                                       "alpha=0 beta=3"};
  char text[160];
  int ran = 0;
  for (int t = 0; t < 4; t++)
    for (int s = 0; s < 5; s++) {
      for (int i = 0; i < 8; i++) {
        snprintf(text, sizeof text, "gemm type=%s %s %s", types[t], shapes[i], scales[s]);
        ran += check_case(text, 1, 0);
      }
      for (int i = 0; i < 4; i++) {
        snprintf(text, sizeof text, "gemm type=%s m=37 n=83 k=41 %s %s", types[t], turned[i],
                 scales[s]);
        ran += check_case(text, 1, 0);
        snprintf(text, sizeof text, "gemm type=%s m=1 n=1 k=1 %s", types[t], turned[i]);
        ran += check_case(text, 1, 0);
      }
    }
  assert_true(ran >= 4 * 5 * 16 * 3); // plain at least
}

// A product cut along k keeps c in f32 from part to part.
static void gemm_of_16_bit_types_writes_f32_too(void **state) {
  (void)state;
  static const char *const shapes[] = {"m=1 n=1 k=1", "m=33 n=259 k=70",
                                       "m=5 n=513 k=129 lda=140 ldb=520 ldc=517",
                                       "m=37 n=83 k=41 ta=1 tb=1 ldc=90"};
  static const char *const scales[] = {"", "beta=1", "alpha=2 beta=-0.5"};
  char text[160];
  int ran = 0;
  for (int s = 0; s < 4; s++)
    for (int i = 0; i < 3; i++)
      for (int bf16 = 0; bf16 < 2; bf16++) {
        snprintf(text, sizeof text, "gemm type=%s out=f32 %s %s", bf16 ? "bf16" : "f16", shapes[s],
                 scales[i]);
        ran += check_case(text, 1, 0);
      }
  assert_true(ran >= 4 * 3 * 2 * 3); // plain at least
}

// ---- softmax -----------------------------------------------------------------------------------

static void softmax_agrees_with_reference(void **state) {
  (void)state;
  static const int cols[] = {1,  2,  3,   4,   7,   8,    15,   16,   17,   31,   63,
                             64, 65, 127, 129, 255, 1000, 2047, 2049, 8191, 8192, 8193};
  char text[160];
  int ran = 0;
  for (size_t i = 0; i < sizeof cols / sizeof *cols; i++)
    for (int bf16 = 0; bf16 < 2; bf16++) {
      const char *type = bf16 ? "bf16" : "f32";
      snprintf(text, sizeof text, "softmax type=%s rows=5 cols=%d", type, cols[i]);
      ran += check_case(text, 10, 0);
      snprintf(text, sizeof text, "softmax type=%s rows=3 cols=%d ldx=%d ldy=%d", type, cols[i],
               cols[i] + 3, cols[i] + 16);
      ran += check_case(text, 100, 0);
    }
  assert_true(ran >= 22 * 2 * 2 * 2 * 3); // plain loops and the portable one at least
  // Large enough for several threads and for stores past the caches, aligned and not.
  ran = check_case("softmax rows=301 cols=8192", 5, 0);
  ran += check_case("softmax rows=301 cols=8200 ldy=8208", 5, 0);
  ran += check_case("softmax rows=1100 cols=2055", 5, 0);
  ran += check_case("softmax rows=2200 cols=2048 type=bf16", 5, 0);
  assert_true(ran >= 4 * 2 * 3);
}

// The error of the vectorised kernels stops growing with the row: plain_softmax_rows.h has the sum.
static void softmax_of_long_rows_stays_exact(void **state) {
  (void)state;
  assert_true(check_case("softmax rows=1 cols=300000", 20, 64) > 0);
  assert_true(check_case("softmax rows=2 cols=100003", 1, 64) > 0);
}

static void softmax_row(const struct why_kernel *kernel, const float *x, float *y, int64_t cols) {
  struct why_problem problem;
  why_problem_default(why_op_find("softmax"), &problem);
  problem.value[SOFTMAX_ROWS] = 1;
  problem.value[SOFTMAX_COLS] = cols;
  const struct why_tensor operand[] = {{WHY_F32, 2, {1, cols}, {cols, 1}, (void *)x},
                                       {WHY_F32, 2, {1, cols}, {cols, 1}, y}};
  struct why_verdict verdict = {.note = "", .cause = ""};
  struct why_call call = {.problem = &problem, .operand = operand, .threads = 1, .why = &verdict};
  assert_int_equal(code_of(kernel)->run(&call), WHY_OK);
}

static void softmax_follows_the_formula_where_rows_are_not_finite(void **state) {
  (void)state;
  static const int64_t lengths[] = {1, 5, 16, 100, 3000, 8192, 9000, 20001};
  float *x = malloc(20001 * sizeof *x), *y = malloc(20001 * sizeof *y);
  assert_non_null(x);
  assert_non_null(y);
  for (int i = 0; i < why_kernel_count(); i++) {
    const struct why_kernel *kernel = why_kernel_at(i);
    if (strcmp(kernel->op, "softmax") != 0 || code_of(kernel) == NULL) continue;
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
      const int64_t cols = lengths[l];
      const float poison[] = {NAN, INFINITY};
      for (int p = 0; p < 2; p++)
        for (int where = 0; where < 3; where++)
          for (int rest = 0; rest < 2; rest++) { // beside finite elements, and beside -inf
            for (int64_t j = 0; j < cols; j++) x[j] = rest ? -INFINITY : (float)uniform();
            x[where * (cols - 1) / 2] = poison[p];
            softmax_row(kernel, x, y, cols);
            for (int64_t j = 0; j < cols; j++)
              if (!isnan(y[j]))
                fail_msg("%s: %g at %d/2 of %lld: y[%lld] is %g", kernel->name, (double)poison[p],
                         where, (long long)cols, (long long)j, (double)y[j]);
          }
      for (int64_t j = 0; j < cols; j++) x[j] = -INFINITY;
      softmax_row(kernel, x, y, cols);
      for (int64_t j = 0; j < cols; j++) assert_true(isnan(y[j]));
      x[cols - 1] = -3e38f; // masked but for one: all of the weight is there
      softmax_row(kernel, x, y, cols);
      for (int64_t j = 0; j < cols; j++) assert_true(y[j] == (j == cols - 1 ? 1 : 0));
    }
    // Results below the normal range, down to nothing.
    const float deep[] = {0, -87, -88, -95, -100, -103, -103.9f, -104, -105, -1000, -3e38f};
    softmax_row(kernel, deep, y, 11);
    for (int j = 0; j < 11; j++)
      assert_true(fabs(y[j] - exp((double)deep[j])) <=
                  0x1p-149 + exp((double)deep[j]) * (double)(fabsf(deep[j]) + 8) * 0x1p-24);
    assert_true(y[1] > 0 && y[5] > 0 && y[9] == 0 && y[10] == 0);
  }
  free(y);
  free(x);
}

// ---- the exponential ---------------------------------------------------------------------------

int64_t exp_portable(const float *, float *, int64_t);
int64_t exp_avx2(const float *, float *, int64_t);
int64_t exp_avx512(const float *, float *, int64_t);

enum { EXP_STEP = 61, EXP_BATCH = 4096 };

// Every 61st float from -0 down to -104: 18 million, each against exp() in double.
static void exponential_is_within_two_ulp(void **state) {
  (void)state;
  static const struct {
    const char *name;
    uint32_t needs;
    int64_t (*exp)(const float *, float *, int64_t);
  } variants[] = {{"portable", 0, exp_portable},
                  {"avx2", WHY_CPU_AVX2, exp_avx2},
                  {"avx512", WHY_CPU_AVX2 | WHY_CPU_AVX512, exp_avx512}};
  double worst[3] = {0}, worst_at[3] = {0};
  float x[EXP_BATCH], y[EXP_BATCH];
  double right[EXP_BATCH], ulp[EXP_BATCH];
  for (uint32_t bits = 0x80000000; bits < float_bits(-104) - EXP_BATCH * EXP_STEP;) {
    for (int i = 0; i < EXP_BATCH; i++, bits += EXP_STEP) {
      x[i] = float_of_bits(bits);
      right[i] = exp((double)x[i]);
      const int exponent = ilogb(right[i]);
      ulp[i] = ldexp(1, (exponent < -126 ? -126 : exponent) - 23);
    }
    for (int v = 0; v < 3; v++) {
      if ((variants[v].needs & ~host.cpu_features) != 0) continue;
      assert_int_equal(variants[v].exp(x, y, EXP_BATCH), EXP_BATCH);
      for (int i = 0; i < EXP_BATCH; i++) {
        const double error = fabs(y[i] - right[i]) / ulp[i];
        if (!(error <= worst[v])) {
          worst[v] = error;
          worst_at[v] = (double)x[i];
        }
      }
    }
  }
  for (int v = 0; v < 3; v++) {
    print_message("exp %s: largest error %.3f ulp, at %a\n", variants[v].name, worst[v],
                  worst_at[v]);
    assert_true(worst[v] <= 2);
  }
  const float special[16] = {0, -0.0f, -INFINITY, NAN, -104, -200, -3e38f, -1e-40f};
  for (int v = 0; v < 3; v++) {
    if ((variants[v].needs & ~host.cpu_features) != 0) continue;
    variants[v].exp(special, y, 16);
    assert_true(y[0] == 1 && y[1] == 1 && y[2] == 0 && isnan(y[3]));
    assert_true(y[4] == 0 && y[5] == 0 && y[6] == 0 && y[7] == 1);
  }
}

// ---- conversions -------------------------------------------------------------------------------

static double value_of_half(uint16_t bits) { // of a finite f16, from the format's definition
  const int exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
  const double magnitude =
      exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

static void widening_is_exact_for_every_pattern(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 0x10000; i++) {
    const uint16_t bits = (uint16_t)i;
    const float half = f16_to_float(bits), brain = bf16_to_float(bits);
    if ((bits & 0x7c00) != 0x7c00) {
      assert_true((double)half == value_of_half(bits) && !signbit(half) == !(bits & 0x8000));
    } else if (bits & 0x3ff) {
      assert_true(isnan(half) && (float_bits(half) & 0x400000));
    } else {
      assert_true(isinf(half) && !signbit(half) == !(bits & 0x8000));
    }
    assert_int_equal(float_bits(brain), i << 16);
    if (isnan(half))
      assert_int_equal(float_to_f16(half), bits | 0x200);
    else
      assert_int_equal(float_to_f16(half), bits);
    if (isnan(brain))
      assert_int_equal(float_to_bf16(brain), bits | 0x40);
    else
      assert_int_equal(float_to_bf16(brain), bits);
  }
}

// Between each two neighbours, infinity as the number after the largest: the half-way point goes to
// the even one, and the floats next to it to their own side. Since rounding is monotonic, that is
// all floats.
static void narrowing_rounds_to_nearest_even_everywhere(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 0x7c00; i++) {
    const double low = value_of_half((uint16_t)i);
    const double high = i == 0x7bff ? 65536 : value_of_half((uint16_t)(i + 1));
    const float middle = (float)((low + high) / 2); // exact: one bit more than f16 has
    const uint16_t even = (uint16_t)(i + (i & 1));
    for (int sign = 0; sign < 2; sign++) {
      const float s = sign ? -1.0f : 1.0f;
      const uint16_t bit = (uint16_t)(sign << 15);
      assert_int_equal(float_to_f16(s * middle), even | bit);
      assert_int_equal(float_to_f16(s * nextafterf(middle, 0)), i | bit);
      assert_int_equal(float_to_f16(s * nextafterf(middle, INFINITY)), (i + 1) | bit);
    }
  }
  for (uint32_t i = 0; i < 0x7f80; i++) {
    const uint32_t middle = i << 16 | 0x8000;
    for (uint32_t sign = 0; sign < 2; sign++) {
      const uint32_t bit = sign << 31, top = sign << 15;
      assert_int_equal(float_to_bf16(float_of_bits(middle | bit)), (i + (i & 1)) | top);
      assert_int_equal(float_to_bf16(float_of_bits((middle - 1) | bit)), i | top);
      assert_int_equal(float_to_bf16(float_of_bits((middle + 1) | bit)), (i + 1) | top);
    }
  }
  assert_int_equal(float_to_f16(INFINITY), 0x7c00);
  assert_int_equal(float_to_f16(3e38f), 0x7c00);
  assert_int_equal(float_to_f16(float_of_bits(0xff800001)) & 0xfe00, 0xfe00); // quiet, negative
  assert_int_equal(float_to_bf16(float_of_bits(0x7f800001)), 0x7fc0);
}

// ---- the backends ------------------------------------------------------------------------------

static void host_device_copies_and_keeps_time(void **state) {
  (void)state;
  struct why_verdict verdict = {.note = "", .cause = ""};
  assert_int_equal(why_plain_backend.open(&why_plain_backend, &verdict), WHY_OK);
  assert_int_equal(why_plain_backend.devices, 1);
  struct why_device *device = why_plain_backend.device;
  assert_int_equal(device->bind(device), WHY_OK);
  assert_int_equal(device->refresh(device), WHY_OK);
  assert_true(device->facts.free_bytes > 0);
  assert_true(device->facts.free_bytes <= device->facts.memory_bytes);
  void *memory;
  assert_int_equal(device->alloc(device, 0, WHY_DEVICE, &memory), WHY_OK);
  device->free(device, WHY_DEVICE, memory);
  assert_int_equal(device->alloc(device, SIZE_MAX / 4, WHY_DEVICE, &memory), WHY_ALLOC_FAILED);
  assert_null(memory);
  assert_string_not_equal(device->error(device), "");
  assert_int_equal(device->alloc(device, 1000, WHY_PINNED_HOST, &memory), WHY_OK);
  assert_int_equal((uintptr_t)memory % 64, 0);
  unsigned char from[60], *to = memory;
  for (int i = 0; i < 60; i++) from[i] = (unsigned char)i;
  memset(to, 0xff, 1000);
  assert_int_equal(device->mark(device, WHY_WORK, 3), WHY_OK);
  assert_int_equal(device->copy(device, WHY_WORK, to, 100, from, 20, 7, 3), WHY_OK);
  assert_int_equal(device->mark(device, WHY_WORK, 4), WHY_OK);
  assert_int_equal(device->after(device, WHY_COPY_OUT, 4), WHY_OK);
  assert_int_equal(device->until(device, 4, INFINITY), WHY_OK);
  assert_true(device->between(device, 3, 4) >= 0 && device->between(device, 3, 4) < 1);
  for (int i = 0; i < 1000; i++) {
    const bool copied = i / 100 < 3 && i % 100 < 7;
    assert_int_equal(to[i], copied ? i / 100 * 20 + i % 100 : 0xff);
  }
  assert_int_equal(device->copy(device, WHY_WORK, to, 20, from, 20, 20, 3), WHY_OK);
  assert_memory_equal(to, from, 60);
  device->free(device, WHY_PINNED_HOST, memory);
  assert_null(why_plain_backend.find("gemm", "nothing"));
  assert_null(why_plain_backend.find("gemm", "cblas"));
}

static enum why_reason gemm_by_hand(struct why_call *call) {
  return openblas->find("gemm", "cblas")->run(call);
}

static void openblas_says_what_it_did_and_what_it_cannot(void **state) {
  (void)state;
  if (openblas == NULL) {
    skip();
    return;
  }
  assert_int_equal(openblas->abi, WHY_ABI);
  assert_non_null(strstr(openblas->version, "OpenBLAS 0."));
  assert_null(openblas->find("softmax", "loops"));
  uint16_t half[3 * 4];
  for (int i = 0; i < 12; i++) half[i] = 0x3c00; // 1
  struct why_problem problem;
  why_problem_default(why_op_find("gemm"), &problem);
  problem.type = WHY_F16;
  problem.value[GEMM_M] = problem.value[GEMM_N] = problem.value[GEMM_K] = 2;
  struct why_tensor operand[3];
  for (int i = 0; i < 3; i++)
    operand[i] = (struct why_tensor){WHY_F16, 2, {2, 2}, {2, 1}, half + (ptrdiff_t)4 * i};
  float workspace[12];
  struct why_verdict verdict = {.note = "", .cause = ""};
  struct why_call call = {.problem = &problem,
                          .operand = operand,
                          .workspace = workspace,
                          .workspace_bytes = sizeof workspace - 1,
                          .threads = 1,
                          .why = &verdict};
  assert_int_equal(gemm_by_hand(&call), WHY_WORKSPACE);
  assert_true(verdict.need == sizeof workspace && verdict.have == sizeof workspace - 1);
  call.workspace_bytes = sizeof workspace;
  assert_int_equal(gemm_by_hand(&call), WHY_OK);
  assert_string_equal(verdict.note, "f16 converted to f32");
  assert_int_equal(half[8], 0x4000); // 2
  float wide[4] = {0};               // a c in f32 is written in place
  problem.value[GEMM_OUT] = GEMM_OUT_F32;
  operand[2].type = WHY_F32;
  operand[2].data = wide;
  call.workspace_bytes = 8 * sizeof(float);
  assert_int_equal(gemm_by_hand(&call), WHY_OK);
  assert_true(wide[0] == 2 && wide[3] == 2);
  call.workspace_bytes--;
  assert_int_equal(gemm_by_hand(&call), WHY_WORKSPACE);
  assert_true(verdict.need == 8 * sizeof(float));
  problem.value[GEMM_OUT] = GEMM_OUT_SAME;

  // Column-major c, and c without a unit stride.
  float a[4] = {1, 2, 3, 4}, b[4] = {5, 6, 7, 8}, c[8] = {0};
  problem.type = WHY_F32;
  operand[0] = (struct why_tensor){WHY_F32, 2, {2, 2}, {2, 1}, a};
  operand[1] = (struct why_tensor){WHY_F32, 2, {2, 2}, {1, 2}, b};
  operand[2] = (struct why_tensor){WHY_F32, 2, {2, 2}, {1, 2}, c};
  assert_int_equal(gemm_by_hand(&call), WHY_OK);
  const float right[4] = {17, 39, 23, 53};
  assert_memory_equal(c, right, sizeof right);
  operand[2].stride[0] = 4;
  operand[2].stride[1] = 2;
  assert_int_equal(gemm_by_hand(&call), WHY_FORM);
  assert_int_equal(verdict.reason, WHY_FORM);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gemm_agrees_with_reference),
      cmocka_unit_test(gemm_of_16_bit_types_writes_f32_too),
      cmocka_unit_test(softmax_agrees_with_reference),
      cmocka_unit_test(softmax_of_long_rows_stays_exact),
      cmocka_unit_test(softmax_follows_the_formula_where_rows_are_not_finite),
      cmocka_unit_test(exponential_is_within_two_ulp),
      cmocka_unit_test(widening_is_exact_for_every_pattern),
      cmocka_unit_test(narrowing_rounds_to_nearest_even_everywhere),
      cmocka_unit_test(host_device_copies_and_keeps_time),
      cmocka_unit_test(openblas_says_what_it_did_and_what_it_cannot),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
