// A libcublasLt for the functions that kernels/cublas.c calls. It checks every descriptor and
// argument, says on standard error what is wrong, and computes the product column-major on memory
// that the host can reach, so that a swapped transpose or leading dimension shows. Batches,
// epilogues, row-major order and device pointers for the scales are left out: a test that needs
// them is told so by a misuse.
#include "cublaslt.h"
#include "convert.h"
#include "emulation.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- steering ----------------------------------------------------------------------------------

static const uint64_t wants_bytes[FAKE_CANDIDATES] = {
    [FAKE_FAILS_AT_RUN] = 4096, [FAKE_WORKSPACE] = 65536, [FAKE_GREEDY] = 64 << 20};

static struct {
  long calls, fail_at, misuses, runs[FAKE_CANDIDATES];
  cublasStatus_t fail_with;
  int offer, refuse, last;
  double clock, cost[FAKE_CANDIDATES];
  int (*contains)(const void *, size_t);
} fake;
static int handles; // outlives a reset: a leak is a leak

void fake_cublaslt_reset(void) {
  memset(&fake, 0, sizeof fake);
  fake.offer = FAKE_CANDIDATES;
  fake.refuse = fake.last = -1;
  for (int i = 0; i < FAKE_CANDIDATES; i++) fake.cost[i] = 1e-3;
}
void fake_cublaslt_fail(long nth, cublasStatus_t status) {
  fake.fail_at = nth ? fake.calls + nth : 0;
  fake.fail_with = status;
}
long fake_cublaslt_calls(void) {
  return fake.calls;
}
void fake_cublaslt_offer(int candidates) {
  fake.offer = candidates;
}
void fake_cublaslt_refuse(int type) {
  fake.refuse = type;
}
int fake_cublaslt_handles(void) {
  return handles;
}
long fake_cublaslt_misuses(void) {
  return fake.misuses;
}
double fake_cublaslt_clock(void) {
  return fake.clock;
}
void fake_cublaslt_cost(int candidate, double seconds) {
  fake.cost[candidate] = seconds;
}
long fake_cublaslt_runs(int candidate) {
  return fake.runs[candidate];
}
int fake_cublaslt_last(void) {
  return fake.last;
}
void fake_cublaslt_memory(int (*contains)(const void *, size_t)) {
  fake.contains = contains;
}

__attribute__((constructor)) static void from_environment(void) {
  static const struct {
    const char *name;
    int type;
  } types[] = {
      {"f64", CUDA_R_64F}, {"f32", CUDA_R_32F}, {"f16", CUDA_R_16F}, {"bf16", CUDA_R_16BF}};
  fake_cublaslt_reset();
  const char *fail = getenv("FAKE_CUBLASLT_FAIL"), *offer = getenv("FAKE_CUBLASLT_OFFER");
  const char *refuse = getenv("FAKE_CUBLASLT_REFUSE");
  if (fail) fake_cublaslt_fail(strtol(fail, NULL, 10), CUBLAS_STATUS_INTERNAL_ERROR);
  if (offer) fake.offer = (int)strtol(offer, NULL, 10);
  for (size_t i = 0; refuse && i < sizeof types / sizeof *types; i++)
    if (!strcmp(refuse, types[i].name)) fake.refuse = types[i].type;
}

// True when this call is the one that was asked to fail.
static bool fails(void) {
  return ++fake.calls == fake.fail_at;
}

__attribute__((format(printf, 1, 2))) static cublasStatus_t misuse(const char *format, ...) {
  va_list list;
  va_start(list, format);
  fputs("fake cublasLt: ", stderr);
  vfprintf(stderr, format, list);
  fputc('\n', stderr);
  va_end(list);
  fake.misuses++;
  return CUBLAS_STATUS_INVALID_VALUE;
}

// ---- what lies in the opaque structures --------------------------------------------------------

enum { HANDLE = 0x4c54a001, MATMUL = 0x4c54a002, LAYOUT = 0x4c54a003, PREFERENCE = 0x4c54a004 };

struct cublasLtContext {
  uint32_t magic;
};
struct matmul {
  uint32_t magic;
  int32_t compute, scale, op[2];
};
struct layout {
  uint32_t magic;
  int32_t type;
  uint64_t rows, cols;
  int64_t ld;
};
struct preference {
  uint32_t magic, align[4]; // of A, B, C, D in bytes
  uint64_t workspace_bytes;
};
struct algorithm { // good for the case that it was proposed for and no other
  uint64_t signature;
  uint32_t candidate, align[4];
};
_Static_assert(sizeof(struct matmul) <= sizeof(cublasLtMatmulDescOpaque_t), "fits");
_Static_assert(sizeof(struct layout) <= sizeof(cublasLtMatrixLayoutOpaque_t), "fits");
_Static_assert(sizeof(struct preference) <= sizeof(cublasLtMatmulPreferenceOpaque_t), "fits");
_Static_assert(sizeof(struct algorithm) <= sizeof(cublasLtMatmulAlgo_t), "fits");

static bool is_handle(cublasLtHandle_t handle) {
  return handle && ((struct cublasLtContext *)handle)->magic == HANDLE;
}

// ---- the library's functions -------------------------------------------------------------------

size_t cublasLtGetVersion(void) {
  return CUBLAS_VERSION;
}
size_t cublasLtGetCudartVersion(void) {
  return 0;
} // there is no CUDA runtime in here

const char *cublasLtGetStatusName(cublasStatus_t status) {
  switch (status) {
#define NAME(s)                                                                                    \
  case s:                                                                                          \
    return #s;
    NAME(CUBLAS_STATUS_SUCCESS)
    NAME(CUBLAS_STATUS_NOT_INITIALIZED)
    NAME(CUBLAS_STATUS_ALLOC_FAILED)
    NAME(CUBLAS_STATUS_INVALID_VALUE)
    NAME(CUBLAS_STATUS_ARCH_MISMATCH)
    NAME(CUBLAS_STATUS_EXECUTION_FAILED)
    NAME(CUBLAS_STATUS_INTERNAL_ERROR)
    NAME(CUBLAS_STATUS_NOT_SUPPORTED)
  default:
    return "unknown";
  }
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *out) {
  if (fails()) return fake.fail_with;
  struct cublasLtContext *handle = malloc(sizeof *handle);
  if (!handle) return CUBLAS_STATUS_ALLOC_FAILED;
  handle->magic = HANDLE;
  handles++;
  *out = handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  if (!is_handle(handle)) return misuse("destroys what is no handle");
  ((struct cublasLtContext *)handle)->magic = 0;
  free(handle);
  handles--;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t out, size_t size,
                                               cublasComputeType_t compute, cudaDataType_t scale) {
  if (fails()) return fake.fail_with;
  if (size != sizeof *out) return misuse("matmul descriptor of %zu bytes", size);
  memset(out, 0, sizeof *out);
  *(struct matmul *)out = (struct matmul){
      .magic = MATMUL, .compute = compute, .scale = scale, .op = {CUBLAS_OP_N, CUBLAS_OP_N}};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t size) {
  if (fails()) return fake.fail_with;
  struct matmul *matmul = (struct matmul *)desc;
  if (!matmul || matmul->magic != MATMUL) return misuse("attribute of no matmul descriptor");
  if (attribute != CUBLASLT_MATMUL_DESC_TRANSA && attribute != CUBLASLT_MATMUL_DESC_TRANSB)
    return misuse("matmul attribute %d is not modelled", attribute);
  int32_t op;
  if (!value || size != sizeof op) return misuse("transpose of %zu bytes", size);
  memcpy(&op, value, sizeof op);
  if (op != CUBLAS_OP_N && op != CUBLAS_OP_T) return misuse("transpose %d", op);
  matmul->op[attribute == CUBLASLT_MATMUL_DESC_TRANSB] = op;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t out, size_t size,
                                                 cudaDataType type, uint64_t rows, uint64_t cols,
                                                 int64_t ld) {
  if (fails()) return fake.fail_with;
  if (size != sizeof *out) return misuse("layout of %zu bytes", size);
  if (!rows || !cols)
    return misuse("layout %llu x %llu", (unsigned long long)rows, (unsigned long long)cols);
  if (ld < 0 || (uint64_t)ld < rows)
    return misuse("leading dimension %lld under %llu rows", (long long)ld,
                  (unsigned long long)rows);
  memset(out, 0, sizeof *out);
  *(struct layout *)out = (struct layout){LAYOUT, type, rows, cols, ld};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t out, size_t size) {
  if (fails()) return fake.fail_with;
  if (size != sizeof *out) return misuse("preference of %zu bytes", size);
  memset(out, 0, sizeof *out);
  *(struct preference *)out = (struct preference){PREFERENCE, {256, 256, 256, 256}, 0};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t desc,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void *value, size_t size) {
  if (fails()) return fake.fail_with;
  struct preference *preference = (struct preference *)desc;
  if (!preference || preference->magic != PREFERENCE) return misuse("attribute of no preference");
  const int first = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, which = (int)attribute - first;
  const bool workspace = attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
  if (!workspace && (which < 0 || which > 3))
    return misuse("preference attribute %d is not modelled", attribute);
  if (!value || size != (workspace ? sizeof(uint64_t) : sizeof(uint32_t)))
    return misuse("preference attribute %d of %zu bytes", attribute, size);
  memcpy(workspace ? (void *)&preference->workspace_bytes : &preference->align[which], value, size);
  if (!workspace && __builtin_popcount(preference->align[which]) != 1)
    return misuse("alignment %u is no power of two", preference->align[which]);
  return CUBLAS_STATUS_SUCCESS;
}

// ---- the product -------------------------------------------------------------------------------

struct product { // D = alpha op(A) op(B) + beta C, all of it checked
  struct matmul matmul;
  struct layout a, b, c;
  int64_t m, n, k;
  const void *a_data, *b_data, *c_data;
  void *d_data;
  double alpha, beta;
  void *workspace;
  uint64_t workspace_bytes;
};

static size_t bytes_of(int type) {
  return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2;
}

static bool same(const struct layout *x, const struct layout *y) {
  return x->type == y->type && x->rows == y->rows && x->cols == y->cols && x->ld == y->ld;
}

// From the documentation's table of supported types, the rows that are modelled.
static bool consistent(const struct matmul *matmul, int type, int c_type) {
  switch (matmul->compute) {
  case CUBLAS_COMPUTE_64F:
  case CUBLAS_COMPUTE_64F_PEDANTIC:
    return matmul->scale == CUDA_R_64F && type == CUDA_R_64F && c_type == type;
  case CUBLAS_COMPUTE_32F:
  case CUBLAS_COMPUTE_32F_PEDANTIC:
    return matmul->scale == CUDA_R_32F &&
           (type == CUDA_R_32F || type == CUDA_R_16F || type == CUDA_R_16BF) &&
           (c_type == type || c_type == CUDA_R_32F);
  default:
    return false;
  }
}

static cublasStatus_t understand(cublasLtHandle_t handle, cublasLtMatmulDesc_t matmul,
                                 cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                 cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                 struct product *out) {
  const void *layout[] = {a, b, c, d};
  if (!is_handle(handle)) return misuse("no handle");
  if (!matmul || ((struct matmul *)matmul)->magic != MATMUL) return misuse("no matmul descriptor");
  for (int i = 0; i < 4; i++)
    if (!layout[i] || ((const struct layout *)layout[i])->magic != LAYOUT)
      return misuse("layout %c was not made", "ABCD"[i]);
  out->matmul = *(struct matmul *)matmul;
  out->a = *(struct layout *)a;
  out->b = *(struct layout *)b;
  out->c = *(struct layout *)c;
  if (!same(&out->c, (struct layout *)d)) return misuse("C and D differ");
  if (out->a.type != out->b.type || !consistent(&out->matmul, out->a.type, out->c.type))
    return misuse("types %d, %d and %d in compute type %d with scales of type %d", out->a.type,
                  out->b.type, out->c.type, out->matmul.compute, out->matmul.scale);
  const bool ta = out->matmul.op[0] == CUBLAS_OP_T, tb = out->matmul.op[1] == CUBLAS_OP_T;
  const uint64_t m = ta ? out->a.cols : out->a.rows, k = ta ? out->a.rows : out->a.cols;
  const uint64_t n = tb ? out->b.rows : out->b.cols, k2 = tb ? out->b.cols : out->b.rows;
  if (m != out->c.rows || n != out->c.cols || k != k2)
    return misuse("(%llu x %llu)(%llu x %llu) into %llu x %llu", (unsigned long long)m,
                  (unsigned long long)k, (unsigned long long)k2, (unsigned long long)n,
                  (unsigned long long)out->c.rows, (unsigned long long)out->c.cols);
  // "Usually only values that can be expressed as int32_t are supported", says the header.
  if (m > INT32_MAX || n > INT32_MAX || k > INT32_MAX || out->a.type == fake.refuse)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  out->m = (int64_t)m;
  out->n = (int64_t)n;
  out->k = (int64_t)k;
  return CUBLAS_STATUS_SUCCESS;
}

static uint64_t signature(const struct product *p) {
  const uint64_t word[] = {(uint64_t)p->matmul.compute,
                           (uint64_t)p->matmul.op[0],
                           (uint64_t)p->matmul.op[1],
                           (uint64_t)p->a.type,
                           (uint64_t)p->c.type,
                           (uint64_t)p->m,
                           (uint64_t)p->n,
                           (uint64_t)p->k,
                           (uint64_t)p->a.ld,
                           (uint64_t)p->b.ld,
                           (uint64_t)p->c.ld};
  uint64_t hash = 14695981039346656037u; // FNV-1a, by words
  for (size_t i = 0; i < sizeof word / sizeof *word; i++) hash = (hash ^ word[i]) * 1099511628211u;
  return hash;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t matmul,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int most,
                                              cublasLtMatmulHeuristicResult_t result[],
                                              int *results) {
  if (fails()) return fake.fail_with;
  if (!result || !results || most < 1) return misuse("nowhere to put %d results", most);
  struct product product = {0};
  cublasStatus_t status = understand(handle, matmul, a, b, c, d, &product);
  *results = 0;
  if (status) return status;
  const struct preference *limits = (struct preference *)preference;
  if (!limits || limits->magic != PREFERENCE) return misuse("no preference");
  for (uint32_t i = 0; i < FAKE_CANDIDATES && *results < fake.offer && *results < most; i++) {
    if (wants_bytes[i] > limits->workspace_bytes) continue;
    cublasLtMatmulHeuristicResult_t *next = &result[(*results)++];
    struct algorithm algorithm = {signature(&product), i, {0}};
    memcpy(algorithm.align, limits->align, sizeof algorithm.align);
    memset(next, 0, sizeof *next);
    memcpy(&next->algo, &algorithm, sizeof algorithm);
    next->workspaceSize = wants_bytes[i];
    if (i == FAKE_UNAVAILABLE) { // only `state` is valid then: the rest misleads
      memset(next, 0xff, sizeof *next);
      next->state = CUBLAS_STATUS_NOT_SUPPORTED;
    }
  }
  return CUBLAS_STATUS_SUCCESS;
}

static double load(const void *data, int type, int64_t at) {
  switch (type) {
  case CUDA_R_64F:
    return ((const double *)data)[at];
  case CUDA_R_32F:
    return ((const float *)data)[at];
  case CUDA_R_16F:
    return f16_to_float(((const uint16_t *)data)[at]);
  default:
    return bf16_to_float(((const uint16_t *)data)[at]);
  }
}

static void store(void *data, int type, int64_t at, double value) {
  switch (type) {
  case CUDA_R_64F:
    ((double *)data)[at] = value;
    break;
  case CUDA_R_32F:
    ((float *)data)[at] = (float)value;
    break;
  case CUDA_R_16F:
    ((uint16_t *)data)[at] = float_to_f16((float)value);
    break;
  default:
    ((uint16_t *)data)[at] = float_to_bf16((float)value);
  }
}

// What a queue runs: the product, whose copy is its own.
static void compute(void *argument) {
  const struct product *p = argument;
  const int type = p->a.type, c_type = p->c.type;
  // op(A)(i, l) and op(B)(l, j) by strides: column-major, so a transpose exchanges them.
  const bool ta = p->matmul.op[0] == CUBLAS_OP_T, tb = p->matmul.op[1] == CUBLAS_OP_T;
  const int64_t ai = ta ? p->a.ld : 1, al = ta ? 1 : p->a.ld;
  const int64_t bl = tb ? p->b.ld : 1, bj = tb ? 1 : p->b.ld;
  if (p->workspace) memset(p->workspace, 0xff, p->workspace_bytes);
  for (int64_t j = 0; j < p->n; j++)
    for (int64_t i = 0; i < p->m; i++) {
      double sum = 0;
      for (int64_t l = 0; l < p->k; l++)
        sum += load(p->a_data, type, i * ai + l * al) * load(p->b_data, type, l * bl + j * bj);
      const int64_t at = i + j * p->c.ld;
      const double old = p->beta == 0 ? 0 : p->beta * load(p->c_data, c_type, at);
      store(p->d_data, c_type, at, p->alpha * sum + old);
    }
}

static cublasStatus_t check_memory(const struct product *p, const struct algorithm *algorithm) {
  const void *data[] = {p->a_data, p->b_data, p->c_data, p->d_data};
  const struct layout *layout[] = {&p->a, &p->b, &p->c, &p->c};
  int (*contains)(const void *, size_t) = fake.contains;
  if (!contains) *(void **)&contains = fake_emulation("emu_contains");
  for (int i = 0; i < 4; i++) {
    const uint64_t last = (layout[i]->cols - 1) * (uint64_t)layout[i]->ld + layout[i]->rows;
    if (!data[i]) return misuse("%c is NULL", "ABCD"[i]);
    if ((uintptr_t)data[i] % algorithm->align[i])
      return misuse("%c is not aligned to the %u bytes promised", "ABCD"[i], algorithm -> align[i]);
    if (contains && !contains(data[i], last * bytes_of(layout[i]->type)))
      return misuse("%c reaches outside device memory", "ABCD"[i]);
  }
  if (p->workspace && contains && !contains(p->workspace, p->workspace_bytes))
    return misuse("the workspace reaches outside device memory");
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t matmul,
                              const void *alpha, const void *a, cublasLtMatrixLayout_t a_layout,
                              const void *b, cublasLtMatrixLayout_t b_layout, const void *beta,
                              const void *c, cublasLtMatrixLayout_t c_layout, void *d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t *algo,
                              void *workspace, size_t workspace_bytes, cudaStream_t stream) {
  if (fails()) return fake.fail_with;
  struct product product = {0};
  struct algorithm algorithm;
  cublasStatus_t status =
      understand(handle, matmul, a_layout, b_layout, c_layout, d_layout, &product);
  if (status) return status;
  if (!alpha || !beta) return misuse("no alpha or beta");
  if (!algo) return misuse("no algorithm: the choice would be the library's own");
  memcpy(&algorithm, algo, sizeof algorithm);
  if (algorithm.signature != signature(&product) || algorithm.candidate >= FAKE_CANDIDATES)
    return misuse("the algorithm was not proposed for this case");
  const uint64_t wants = wants_bytes[algorithm.candidate];
  if (wants > workspace_bytes || (wants && !workspace))
    return misuse("workspace of %zu bytes where %llu were asked for", workspace_bytes,
                  (unsigned long long)wants);
  if ((uintptr_t)workspace % 16) return misuse("the workspace is not aligned to 16 bytes");
  if (!stream) return misuse("the default stream, which waits for every other");
  const int scale = product.matmul.scale;
  product.alpha = load(alpha, scale, 0);
  product.beta = load(beta, scale, 0);
  product.a_data = a;
  product.b_data = b;
  product.c_data = c;
  product.d_data = d;
  product.workspace = wants ? workspace : NULL;
  product.workspace_bytes = wants;
  if (c != d) return misuse("C is not D");
  if ((status = check_memory(&product, &algorithm))) return status;
  if (algorithm.candidate == FAKE_FAILS_AT_RUN) return CUBLAS_STATUS_NOT_SUPPORTED;

  struct product *copy = malloc(sizeof *copy);
  if (!copy) return CUBLAS_STATUS_ALLOC_FAILED;
  *copy = product;
  if (!fake_enqueue(stream, compute, copy)) return CUBLAS_STATUS_EXECUTION_FAILED;
  fake.last = (int)algorithm.candidate;
  fake.runs[algorithm.candidate]++;
  fake.clock += fake.cost[algorithm.candidate];
  return CUBLAS_STATUS_SUCCESS;
}
