// The cublas plug-in on a device that is the host's own memory, against a fake libcublasLt that
// checks every descriptor and computes column-major. What the real library answers is left out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "convert.h"
#include "fakes/cublaslt.h"
#include "fakes/device.h"
#include "ops/ops.h"
#include "whycpu.h"
#include <cmocka.h>
#include <dlfcn.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct why_backend *backend;

// ---- problems ----------------------------------------------------------------------------------

// Logical a(m,k), b(k,n), c(m,n), as struct why_op says: a transpose is in the strides.
static void shape(const struct why_problem *p, int operand, struct why_tensor *out) {
  const int64_t m = p->value[GEMM_M], n = p->value[GEMM_N], k = p->value[GEMM_K];
  const int64_t dim[3][2] = {{m, k}, {k, n}, {m, n}};
  const bool turned = operand != GEMM_C && p->value[operand == GEMM_A ? GEMM_TA : GEMM_TB];
  const int64_t ld = p->value[GEMM_LDA + operand];
  const bool wide = operand == GEMM_C && p->value[GEMM_OUT] == GEMM_OUT_F32;
  *out = (struct why_tensor){.type = wide ? WHY_F32 : p->type,
                             .rank = 2,
                             .dim = {dim[operand][0], dim[operand][1]},
                             .stride = {turned ? 1 : ld, turned ? ld : 1},
                             .data = out->data};
}
static const struct why_op gemm = {.name = "gemm", .operands = 3, .shape = shape};

// gap: elements between the end of a stored row and the next one.
static struct why_problem problem_of(enum why_type type, int64_t m, int64_t n, int64_t k, int ta,
                                     int tb, int64_t gap, double alpha, double beta) {
  struct why_problem p = {
      .op = &gemm, .type = type, .math = type == WHY_F64 ? WHY_MATH_F64 : WHY_MATH_F32};
  p.value[GEMM_M] = m, p.value[GEMM_N] = n, p.value[GEMM_K] = k;
  p.value[GEMM_TA] = ta, p.value[GEMM_TB] = tb;
  p.value[GEMM_LDA] = (ta ? m : k) + gap;
  p.value[GEMM_LDB] = (tb ? k : n) + gap;
  p.value[GEMM_LDC] = n + gap;
  p.real[GEMM_ALPHA] = alpha, p.real[GEMM_BETA] = beta;
  return p;
}

static const size_t type_bytes[] = {[WHY_F64] = 8, [WHY_F32] = 4, [WHY_F16] = 2, [WHY_BF16] = 2};

static double get(const struct why_tensor *t, int64_t row, int64_t col) {
  const int64_t at = row * t->stride[0] + col * t->stride[1];
  switch (t->type) {
  case WHY_F64:
    return ((double *)t->data)[at];
  case WHY_F32:
    return ((float *)t->data)[at];
  case WHY_F16:
    return f16_to_float(((uint16_t *)t->data)[at]);
  default:
    return bf16_to_float(((uint16_t *)t->data)[at]);
  }
}

static void set(const struct why_tensor *t, int64_t row, int64_t col, double value) {
  const int64_t at = row * t->stride[0] + col * t->stride[1];
  if (t->type == WHY_F64) ((double *)t->data)[at] = value;
  if (t->type == WHY_F32) ((float *)t->data)[at] = (float)value;
  if (t->type == WHY_F16) ((uint16_t *)t->data)[at] = float_to_f16((float)value);
  if (t->type == WHY_BF16) ((uint16_t *)t->data)[at] = float_to_bf16((float)value);
}

enum { GAP = 0x5a };
static const enum why_type all_types[] = {WHY_F64, WHY_F32, WHY_F16, WHY_BF16};

// ---- a job by hand -----------------------------------------------------------------------------

struct job {
  struct why_problem problem;
  struct why_tensor operand[3];
  size_t bytes[3]; // from first to last element
  struct why_call call;
  struct why_verdict verdict;
};

// offset[operand]: bytes from an allocation's start to the operand's.
static void job_make(struct job *job, const struct why_problem *problem, const size_t *offset,
                     uint64_t workspace_bytes) {
  memset(job, 0, sizeof *job);
  job->problem = *problem;
  for (int i = 0; i < 3; i++) {
    struct why_tensor *t = &job->operand[i];
    shape(&job->problem, i, t);
    job->bytes[i] = (size_t)((t->dim[0] - 1) * t->stride[0] + (t->dim[1] - 1) * t->stride[1] + 1) *
                    type_bytes[t->type];
    t->data = (char *)fake_device_alloc(job->bytes[i] + offset[i]) + offset[i];
    memset(t->data, GAP, job->bytes[i]);
  }
  job->verdict = (struct why_verdict){.note = "", .cause = ""};
  job->call =
      (struct why_call){.device = &fake_device,
                        .problem = &job->problem,
                        .operand = job->operand,
                        .workspace = workspace_bytes ? fake_device_alloc(workspace_bytes) : NULL,
                        .workspace_bytes = workspace_bytes,
                        .threads = 1,
                        .why = &job->verdict};
}

static const size_t at_start[3];

static void device_clear(void) {
  fake_device_clear(fake_cublaslt_clock);
}

static const struct why_code *code(void) {
  return backend->find("gemm", "lt");
}

// Every byte that belongs to no element is as fake_device_alloc's caller left it.
static void check_gaps(const struct job *job, int operand) {
  const struct why_tensor *t = &job->operand[operand];
  const size_t element = type_bytes[t->type];
  unsigned char *seen = calloc(job->bytes[operand], 1);
  assert_non_null(seen);
  for (int64_t i = 0; i < t->dim[0]; i++)
    for (int64_t j = 0; j < t->dim[1]; j++)
      memset(seen + (size_t)(i * t->stride[0] + j * t->stride[1]) * element, 1, element);
  for (size_t i = 0; i < job->bytes[operand]; i++)
    if (!seen[i]) assert_int_equal(((unsigned char *)t->data)[i], GAP);
  free(seen);
}

static void fill(const struct why_tensor *t, int64_t seed) {
  for (int64_t i = 0; i < t->dim[0]; i++)
    for (int64_t j = 0; j < t->dim[1]; j++)
      set(t, i, j, (double)((i * 37 + j * 101 + seed * 53) % 61 - 30) / 32);
}

// Prepares, fills the operands, runs, and compares each element of c.
static void check_product(const struct why_problem *problem, const size_t *offset) {
  struct job job;
  void *state = NULL;
  job_make(&job, problem, offset, 65536);
  assert_int_equal(backend->attach(backend, &fake_device, &state, &job.verdict), WHY_OK);
  job.call.state = state;
  assert_int_equal(code()->prepare(&job.call), WHY_OK);
  for (int i = 0; i < 3; i++) check_gaps(&job, i);
  for (int i = 0; i < 3; i++) fill(&job.operand[i], i);

  const struct why_tensor *a = &job.operand[GEMM_A], *b = &job.operand[GEMM_B];
  const struct why_tensor *c = &job.operand[GEMM_C];
  const int64_t m = c->dim[0], n = c->dim[1], k = a->dim[1];
  const double alpha = problem->real[GEMM_ALPHA], beta = problem->real[GEMM_BETA];
  double *right = calloc((size_t)(m * n), sizeof *right);
  assert_non_null(right);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      double sum = 0;
      for (int64_t l = 0; l < k; l++) sum += get(a, i, l) * get(b, l, j);
      right[i * n + j] = alpha * sum + (beta == 0 ? 0 : beta * get(c, i, j));
      if (beta == 0) set(c, i, j, NAN); // must not be read
    }
  const long binds = fake_memory.binds, calls = fake_cublaslt_calls();
  assert_int_equal(code()->run(&job.call), WHY_OK);
  assert_int_equal(fake_memory.binds, binds);
  assert_int_equal(fake_cublaslt_calls(), calls + 1); // costs the library's own call
  const double unit[] = {
      [WHY_F64] = 0x1p-50, [WHY_F32] = 0x1p-22, [WHY_F16] = 0x1p-10, [WHY_BF16] = 0x1p-7};
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      const double x = get(c, i, j), y = right[i * n + j];
      if (!(fabs(x - y) <= unit[c->type] * (fabs(y) + 1)))
        fail_msg("m=%ld n=%ld k=%ld ta=%ld tb=%ld type %d: c(%ld,%ld) is %g, right is %g", (long)m,
                 (long)n, (long)k, (long)problem->value[GEMM_TA], (long)problem->value[GEMM_TB],
                 problem->type, (long)i, (long)j, x, y);
    }
  check_gaps(&job, GEMM_C);
  free(right);
  code()->release(&job.call);
  assert_null(job.call.plan);
  backend->detach(backend, &fake_device, state);
  device_clear();
}

// ---- tests -------------------------------------------------------------------------------------

static int setup(void **unused) {
  (void)unused;
  fake_cublaslt_reset();
  fake_cublaslt_memory(fake_device_contains);
  device_clear();
  fake_device.facts.emulated = 0;
  return 0;
}

static int teardown(void **unused) {
  (void)unused;
  device_clear();
  assert_int_equal(fake_cublaslt_misuses(), 0);
  assert_int_equal(fake_cublaslt_handles(), 0);
  return 0;
}

static void test_backend(void **unused) {
  (void)unused;
  struct why_verdict why;
  assert_int_equal(backend->abi, WHY_ABI);
  assert_string_equal(backend->name, "cublas");
  assert_int_equal(backend->open(backend, &why), WHY_OK);
  assert_string_equal(why.note, "");
  char expected[64];
  snprintf(expected, sizeof expected, "cuBLASLt %d.%d.%d (CUDA 0.0)", CUBLAS_VER_MAJOR,
           CUBLAS_VER_MINOR, CUBLAS_VER_PATCH);
  assert_string_equal(backend->version, expected);
  assert_int_equal(backend->devices, 0);
  assert_non_null(code());
  assert_null(backend->find("gemm", "tiled")); // the cuda backend's
  assert_null(backend->find("softmax", "lt"));
}

static void test_products(void **unused) {
  (void)unused;
  static const int64_t dims[][3] = {{1, 1, 1},    {7, 1, 5},  {1, 9, 3},    {5, 4, 1},
                                    {1, 1, 33},   {1, 8, 1},  {17, 13, 19}, {31, 64, 2},
                                    {64, 48, 32}, {2, 3, 129}};
  static const double scale[][2] = {{1, 0}, {-0.5, 1}, {2, -0.25}, {0, 0.5}};
  for (size_t t = 0; t < sizeof all_types / sizeof *all_types; t++)
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
      for (size_t s = 0; s < sizeof scale / sizeof *scale; s++)
        for (int form = 0; form < 8; form++) {
          struct why_problem p =
              problem_of(all_types[t], dims[d][0], dims[d][1], dims[d][2], form & 1, form >> 1 & 1,
                         form & 4 ? 3 : 0, scale[s][0], scale[s][1]);
          check_product(&p, at_start);
          if (type_bytes[p.type] != 2) continue;
          p.value[GEMM_OUT] = GEMM_OUT_F32;
          check_product(&p, at_start);
        }
}

// A part of a larger operand may start anywhere: the promise of alignment has to follow.
static void test_alignment(void **unused) {
  (void)unused;
  for (size_t t = 0; t < sizeof all_types / sizeof *all_types; t++) {
    const struct why_problem p = problem_of(all_types[t], 6, 7, 8, 0, 1, 0, 1, 0);
    for (size_t bytes = type_bytes[p.type]; bytes <= 512; bytes *= 2)
      for (int operand = 0; operand < 3; operand++) {
        size_t offset[3] = {0};
        offset[operand] = bytes;
        check_product(&p, offset);
      }
  }
}

static void test_inputs_are_random(void **unused) {
  (void)unused;
  for (size_t t = 0; t < sizeof all_types / sizeof *all_types; t++) {
    // b's rows are longer than a block of random data for f64, and many fit in one for a.
    const struct why_problem p = problem_of(all_types[t], 2, 300000, 2, 0, 0, 5, 1, 0);
    struct job job;
    job_make(&job, &p, at_start, 0);
    assert_int_equal(backend->attach(backend, &fake_device, &job.call.state, &job.verdict), WHY_OK);
    assert_int_equal(code()->prepare(&job.call), WHY_OK);
    const struct why_tensor *b = &job.operand[GEMM_B];
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < b->dim[0]; i++)
      for (int64_t j = 0; j < b->dim[1]; j++) {
        const double x = get(b, i, j);
        assert_true(x >= -1 && x <= 1);
        sum += x;
        squares += x * x;
      }
    const double count = (double)(b->dim[0] * b->dim[1]);
    assert_true(fabs(sum / count) < 0.02);               // uniform in [-1, 1): mean 0,
    assert_true(fabs(squares / count - 1.0 / 3) < 0.02); // variance 1/3
    check_gaps(&job, GEMM_A);
    check_gaps(&job, GEMM_B);
    code()->release(&job.call);
    backend->detach(backend, &fake_device, job.call.state);
    device_clear();
  }
}

static void test_ask(void **unused) {
  (void)unused;
  static const struct {
    uint64_t most, wants;
  } cases[] = {{WHY_UNLIMITED, 65536}, {65536, 65536}, {65535, 4096},
               {4096, 4096},           {4095, 0},      {0, 0}};
  struct why_verdict why;
  void *state;
  uint64_t bytes;
  assert_int_equal(backend->attach(backend, &fake_device, &state, &why), WHY_OK);
  struct why_problem p = problem_of(WHY_BF16, 64, 64, 64, 0, 0, 0, 1, 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(backend->ask(state, &fake_device, "lt", &p, cases[i].most, &bytes, &why),
                     WHY_OK);
    assert_int_equal(bytes, cases[i].wants);
    assert_int_equal(why.reason, WHY_OK);
  }

  fake_cublaslt_refuse(CUDA_R_16BF);
  assert_int_equal(backend->ask(state, &fake_device, "lt", &p, 4096, &bytes, &why), WHY_LIBRARY);
  assert_string_equal(why.note, "CUBLAS_STATUS_NOT_SUPPORTED");
  assert_true(why.reason == WHY_LIBRARY && why.need == 0 && why.have == 0 && bytes == 0);
  p.type = WHY_F16;
  assert_int_equal(backend->ask(state, &fake_device, "lt", &p, 4096, &bytes, &why), WHY_OK);

  fake_cublaslt_offer(0);
  assert_int_equal(backend->ask(state, &fake_device, "lt", &p, 4096, &bytes, &why), WHY_LIBRARY);
  assert_string_equal(why.note, "CUBLAS_STATUS_NOT_SUPPORTED");
  fake_cublaslt_offer(FAKE_CANDIDATES);

  p = problem_of(WHY_F32, INT32_MAX, 1, 1, 0, 0, 0, 1, 0);
  assert_int_equal(backend->ask(state, &fake_device, "lt", &p, 0, &bytes, &why), WHY_OK);
  p = problem_of(WHY_F32, (int64_t)INT32_MAX + 1, 1, 1, 0, 0, 0, 1, 0);
  assert_int_equal(backend->ask(state, &fake_device, "lt", &p, 0, &bytes, &why), WHY_LIBRARY);

  p = problem_of(WHY_F32, 4, 4, 4, 0, 0, 0, 1, 0);
  p.math = WHY_MATH_F64; // f32 sums are not good enough
  assert_int_equal(backend->ask(state, &fake_device, "lt", &p, 0, &bytes, &why), WHY_LIBRARY);
  assert_string_equal(why.note, "cublasLtMatmul accumulates in f32");

  fake_memory.fail_at = fake_memory.calls + 1;
  p.math = WHY_MATH_F32;
  assert_int_equal(backend->ask(state, &fake_device, "lt", &p, 0, &bytes, &why), WHY_LIBRARY);
  assert_string_equal(why.note, "the device said no");
  backend->detach(backend, &fake_device, state);
}

// Prepare on a fresh job; the reason, and what the run after it ran with (-1: none).
static enum why_reason prepared(uint64_t workspace_bytes, int *candidate, struct why_verdict *why) {
  const struct why_problem p = problem_of(WHY_F32, 8, 8, 8, 0, 0, 0, 1, 0);
  struct job job;
  job_make(&job, &p, at_start, workspace_bytes);
  assert_int_equal(backend->attach(backend, &fake_device, &job.call.state, &job.verdict), WHY_OK);
  const enum why_reason reason = code()->prepare(&job.call);
  *candidate = -1;
  if (reason == WHY_OK) {
    assert_int_equal(code()->run(&job.call), WHY_OK);
    *candidate = fake_cublaslt_last();
    code()->release(&job.call);
  }
  assert_null(job.call.plan);
  *why = job.verdict;
  backend->detach(backend, &fake_device, job.call.state);
  fake_device_free();
  return reason;
}

static void test_fastest_is_kept(void **unused) {
  (void)unused;
  struct why_verdict why;
  int candidate;
  fake_cublaslt_cost(FAKE_WORKSPACE, 2e-3);
  fake_cublaslt_cost(FAKE_PLAIN, 1.9e-3);
  assert_int_equal(prepared(65536, &candidate, &why), WHY_OK);
  assert_int_equal(candidate, FAKE_PLAIN);
  fake_cublaslt_cost(FAKE_WORKSPACE, 1e-6);
  assert_int_equal(prepared(65536, &candidate, &why), WHY_OK);
  assert_int_equal(candidate, FAKE_WORKSPACE);
  assert_int_equal(prepared(65535, &candidate, &why), WHY_OK); // it does not fit now
  assert_int_equal(candidate, FAKE_PLAIN);
  fake_cublaslt_cost(FAKE_WORKSPACE, 10); // long ones are timed once
  fake_cublaslt_cost(FAKE_PLAIN, 9);
  assert_int_equal(prepared(65536, &candidate, &why), WHY_OK);
  assert_int_equal(candidate, FAKE_PLAIN);
}

// Time goes into the candidates that could win: one far behind is launched to warm up and once.
static void test_trials(void **unused) {
  (void)unused;
  struct why_verdict why;
  int candidate;
  fake_cublaslt_cost(FAKE_WORKSPACE, 1e-3);
  fake_cublaslt_cost(FAKE_PLAIN, 2.1e-3);
  assert_int_equal(prepared(65536, &candidate, &why), WHY_OK);
  assert_int_equal(fake_cublaslt_runs(FAKE_WORKSPACE), 1 + 1 + 5 + 1); // the last is the run
  assert_int_equal(fake_cublaslt_runs(FAKE_PLAIN), 1 + 1);
  fake_cublaslt_cost(FAKE_PLAIN, 1.9e-3);
  assert_int_equal(prepared(65536, &candidate, &why), WHY_OK);
  assert_int_equal(fake_cublaslt_runs(FAKE_PLAIN), 2 + 1 + 1 + 5);
}

static void test_without_a_clock_the_first_is_kept(void **unused) {
  (void)unused;
  struct why_verdict why;
  int candidate;
  fake_memory.now = NULL;
  fake_device.facts.emulated = 1;
  fake_cublaslt_cost(FAKE_WORKSPACE, 1);
  assert_int_equal(prepared(65536, &candidate, &why), WHY_OK);
  assert_int_equal(candidate, FAKE_WORKSPACE); // the two before it do not run
}

static void test_none_left(void **unused) {
  (void)unused;
  struct why_verdict why;
  int candidate;
  for (int offered = 0; offered <= FAKE_UNAVAILABLE + 1; offered++) {
    fake_cublaslt_offer(offered);
    assert_int_equal(prepared(65536, &candidate, &why), WHY_LIBRARY);
    assert_int_equal(why.reason, WHY_LIBRARY);
    assert_string_equal(why.note, "CUBLAS_STATUS_NOT_SUPPORTED");
  }
}

static void test_refused_forms(void **unused) {
  (void)unused;
  const struct why_problem p = problem_of(WHY_F32, 4, 4, 4, 0, 0, 4, 1, 0);
  for (int i = 0; i < 3; i++) { // neither rows nor columns contiguous; c by columns
    struct job job;
    job_make(&job, &p, at_start, 0);
    job.operand[i].stride[0] = i == GEMM_C ? 1 : 8;
    job.operand[i].stride[1] = i == GEMM_C ? 8 : 2;
    assert_int_equal(backend->attach(backend, &fake_device, &job.call.state, &job.verdict), WHY_OK);
    assert_int_equal(code()->prepare(&job.call), WHY_FORM);
    assert_int_equal(job.verdict.reason, WHY_FORM);
    assert_null(job.call.plan);
    backend->detach(backend, &fake_device, job.call.state);
    device_clear();
  }
}

// Everything from attach to detach, as a job does it: the first reason that is not WHY_OK.
static enum why_reason whole_path(struct why_verdict *why) {
  const struct why_problem p = problem_of(WHY_F32, 8, 8, 8, 1, 0, 2, 1, 1);
  struct job job;
  uint64_t bytes;
  void *state;
  *why = (struct why_verdict){.note = "", .cause = ""};
  job_make(&job, &p, at_start, 65536);
  enum why_reason reason = backend->attach(backend, &fake_device, &state, why);
  if (reason) {
    assert_null(state);
    goto out;
  }
  job.call.state = state;
  reason = backend->ask(state, &fake_device, "lt", &p, 65536, &bytes, why);
  if (!reason) {
    reason = code()->prepare(&job.call);
    if (!reason) reason = code()->run(&job.call);
    *why = job.verdict;
    if (job.call.plan) code()->release(&job.call);
  }
  fake_memory.fail_at = 0;
  backend->detach(backend, &fake_device, state);
out:
  fake_device_free();
  assert_int_equal(fake_cublaslt_handles(), 0);
  return reason;
}

static void test_every_library_call_fails(void **unused) {
  (void)unused;
  static const struct {
    cublasStatus_t status;
    const char *name;
    enum why_reason reason;
  } kinds[] = {
      {CUBLAS_STATUS_INTERNAL_ERROR, "CUBLAS_STATUS_INTERNAL_ERROR", WHY_CALL_FAILED},
      {CUBLAS_STATUS_ALLOC_FAILED, "CUBLAS_STATUS_ALLOC_FAILED", WHY_ALLOC_FAILED},
      {CUBLAS_STATUS_ARCH_MISMATCH, "CUBLAS_STATUS_ARCH_MISMATCH", WHY_LIBRARY},
  };
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    fake_cublaslt_fail(0, CUBLAS_STATUS_SUCCESS);
    struct why_verdict why;
    const long before = fake_cublaslt_calls();
    assert_int_equal(whole_path(&why), WHY_OK);
    const long calls = fake_cublaslt_calls() - before;
    long failed = 0, asked = 0;
    for (long n = 1; n <= calls; n++) {
      fake_cublaslt_fail(n, kinds[i].status);
      const enum why_reason reason = whole_path(&why);
      if (reason == WHY_OK) continue; // a trial: another candidate ran
      failed++;
      assert_string_equal(why.note, kinds[i].name);
      if (reason == WHY_LIBRARY && kinds[i].reason != WHY_LIBRARY)
        asked++; // from ask, whose every failure is the library's
      else
        assert_int_equal(reason, kinds[i].reason);
    }
    // create; descriptors, preference and heuristic, once each in ask and prepare; the run itself
    assert_int_equal(failed, 1 + 13 + 13 + 1);
    if (kinds[i].reason != WHY_LIBRARY) assert_int_equal(asked, 13);
  }
}

static void test_every_device_call_fails(void **unused) {
  (void)unused;
  struct why_verdict why;
  assert_int_equal(whole_path(&why), WHY_OK);
  const long calls = fake_memory.calls - 1; // the last is detach's
  for (long n = 1; n <= calls; n++) {
    fake_memory.calls = 0;
    fake_memory.fail_at = n;
    const enum why_reason reason = whole_path(&why);
    assert_int_equal(reason, n == 2 ? WHY_LIBRARY : WHY_DEVICE_LOST); // 2: ask
    if (n > 1) assert_string_equal(why.note, "the device said no");
  }
}

int main(void) {
  void *library = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  backend = dlsym(library, WHY_BACKEND_SYMBOL);
  if (!backend) return 1;
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_backend),
      TEST(test_products),
      TEST(test_alignment),
      TEST(test_inputs_are_random),
      TEST(test_ask),
      TEST(test_fastest_is_kept),
      TEST(test_trials),
      TEST(test_without_a_clock_the_first_is_kept),
      TEST(test_none_left),
      TEST(test_refused_forms),
      TEST(test_every_library_call_fails),
      TEST(test_every_device_call_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
