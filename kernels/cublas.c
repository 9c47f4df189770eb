// Backend "cublas": gemm through cublasLtMatmul on the devices of the cuda backend. It brings no
// device and calls neither the CUDA runtime nor the driver: memory, queues and marks come as native
// handles in struct why_device. Batched products and epilogues are left out.
#include "ops/ops.h"
#include "trial.h"
#include "whycpu.h"
#include <cublasLt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  MOST_ALGORITHMS = 32,     // heuristics asked for; the library seldom has more for one shape
  ALIGNED = 256,            // what a device allocation is aligned to at least
  MOST_WORKSPACE = 32 << 20 // what NVIDIA recommends for Hopper (cuBLAS, cublasSetWorkspace): more
                            // would make a case look too large that runs well with this
};

// ---- types -------------------------------------------------------------------------------------

// COMPUTE_32F does not lower f32 to tf32 (that is COMPUTE_32F_FAST_TF32), but it is the default,
// and the library takes defaults from the environment (CUBLAS_EMULATE_SINGLE_PRECISION: sums of
// bf16 products). PEDANTIC is documented as f32 arithmetic in all phases. The 16-bit types keep the
// default, whose tensor cores accumulate in f32.
static const struct form {
  cudaDataType_t data, scale;
  cublasComputeType_t compute;
  enum why_math math; // that this amounts to
  size_t bytes;       // an element
} forms[WHY_TYPE_COUNT] = {
    // clang-format off
    [WHY_F64]  = {CUDA_R_64F,  CUDA_R_64F, CUBLAS_COMPUTE_64F,          WHY_MATH_F64, 8},
    [WHY_F32]  = {CUDA_R_32F,  CUDA_R_32F, CUBLAS_COMPUTE_32F_PEDANTIC, WHY_MATH_F32, 4},
    [WHY_F16]  = {CUDA_R_16F,  CUDA_R_32F, CUBLAS_COMPUTE_32F,          WHY_MATH_F32, 2},
    [WHY_BF16] = {CUDA_R_16BF, CUDA_R_32F, CUBLAS_COMPUTE_32F,          WHY_MATH_F32, 2},
    // clang-format on
};

// What a launch needs besides the pointers. The descriptors lie in it, so that it is one block.
struct plan {
  cublasLtMatmulDescOpaque_t op;
  cublasLtMatrixLayoutOpaque_t layout[3]; // by operand
  cublasLtMatmulAlgo_t algorithm;
  union {
    float f32;
    double f64;
  } alpha, beta; // in the scale type
};

static enum why_reason fail(struct why_verdict *why, enum why_reason reason, const char *note) {
  *why = (struct why_verdict){.reason = reason, .note = note ? note : "", .cause = ""};
  return reason;
}

static enum why_reason reason_of(cublasStatus_t status) {
  const bool unsupported = status == CUBLAS_STATUS_NOT_SUPPORTED ||
                           status == CUBLAS_STATUS_INVALID_VALUE ||
                           status == CUBLAS_STATUS_ARCH_MISMATCH;
  if (status == CUBLAS_STATUS_SUCCESS) return WHY_OK;
  if (status == CUBLAS_STATUS_ALLOC_FAILED) return WHY_ALLOC_FAILED;
  return unsupported ? WHY_LIBRARY : WHY_CALL_FAILED;
}

static enum why_reason refuse(struct why_verdict *why, cublasStatus_t status) {
  return status ? fail(why, reason_of(status), cublasLtGetStatusName(status)) : WHY_OK;
}

// ---- gemm: descriptors -------------------------------------------------------------------------

// An operand as the library sees it: column-major, columns `ld` apart.
struct view {
  int64_t rows, cols, ld;
  cublasOperation_t op; // that gives the transpose of the operand
};

// Our c = a b is row-major, and read as column-major each matrix is its transpose: so the library
// is asked for c' = b' a', the form in which all of its kernels exist (row-major order is an
// attribute that fewer of them take). An operand with contiguous rows is already transposed then
// (N), one with contiguous columns is not (T). A dim of 1 has no stride that matters.
static bool view_of(const struct why_tensor *t, struct view *view) {
  int64_t rows = t->dim[0], cols = t->dim[1], down = t->stride[0], across = t->stride[1];
  if ((cols == 1 || across == 1) && (rows == 1 || down >= cols))
    *view = (struct view){cols, rows, down > cols ? down : cols, CUBLAS_OP_N};
  else if ((rows == 1 || down == 1) && across >= rows)
    *view = (struct view){rows, cols, across, CUBLAS_OP_T};
  else
    return false;
  return true;
}

// Fills descriptors and scales. c has a type of its own: f32 for 16-bit a and b where the problem
// says out=f32, a combination that the library has for every compute type used here. WHY_FORM,
// WHY_TYPE, or what the library says.
static enum why_reason describe(const struct why_problem *problem, const struct why_tensor *operand,
                                struct plan *plan, struct why_verdict *why) {
  const struct form *form = &forms[problem->type];
  if (problem->math < form->math) return fail(why, WHY_TYPE, "cublasLtMatmul accumulates in f32");
  struct view view[3];
  for (int i = GEMM_A; i <= GEMM_C; i++)
    if (!view_of(&operand[i], &view[i]) || (i == GEMM_C && view[i].op != CUBLAS_OP_N))
      return fail(why, WHY_FORM, "rows or columns must be contiguous, those of c its rows");

  cublasStatus_t status = cublasLtMatmulDescInit(&plan->op, form->compute, form->scale);
  const int32_t op_first = view[GEMM_B].op, op_second = view[GEMM_A].op;
  if (!status)
    status = cublasLtMatmulDescSetAttribute(&plan->op, CUBLASLT_MATMUL_DESC_TRANSA, &op_first,
                                            sizeof op_first);
  if (!status)
    status = cublasLtMatmulDescSetAttribute(&plan->op, CUBLASLT_MATMUL_DESC_TRANSB, &op_second,
                                            sizeof op_second);
  for (int i = GEMM_A; i <= GEMM_C && !status; i++)
    status = cublasLtMatrixLayoutInit(&plan->layout[i], forms[operand[i].type].data,
                                      (uint64_t)view[i].rows, (uint64_t)view[i].cols, view[i].ld);
  if (status) return refuse(why, status);

  double alpha = problem->real[GEMM_ALPHA], beta = problem->real[GEMM_BETA];
  if (form->scale == CUDA_R_64F) {
    plan->alpha.f64 = alpha;
    plan->beta.f64 = beta;
  } else {
    plan->alpha.f32 = (float)alpha;
    plan->beta.f32 = (float)beta;
  }
  return WHY_OK;
}

static uint32_t alignment_of(const void *data) { // NULL: not allocated yet
  uintptr_t address = (uintptr_t)data | ALIGNED;
  return (uint32_t)(address & -address);
}

// Every algorithm that the library proposes within most_bytes of workspace, at least one.
static enum why_reason propose(cublasLtHandle_t handle, struct plan *plan,
                               const struct why_tensor *operand, uint64_t most_bytes,
                               cublasLtMatmulHeuristicResult_t *result, int *results,
                               struct why_verdict *why) {
  const struct {
    cublasLtMatmulPreferenceAttributes_t attribute;
    int operand;
  } aligned[] = {
      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, GEMM_B}, // b' is the library's first
      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, GEMM_A},
      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, GEMM_C},
      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, GEMM_C},
  };
  cublasLtMatmulPreferenceOpaque_t preference;
  cublasStatus_t status = cublasLtMatmulPreferenceInit(&preference);
  if (!status)
    status = cublasLtMatmulPreferenceSetAttribute(
        &preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most_bytes, sizeof most_bytes);
  for (size_t i = 0; i < sizeof aligned / sizeof *aligned && !status; i++) {
    uint32_t bytes = alignment_of(operand[aligned[i].operand].data);
    status = cublasLtMatmulPreferenceSetAttribute(&preference, aligned[i].attribute, &bytes,
                                                  sizeof bytes);
  }
  *results = 0;
  if (!status)
    status = cublasLtMatmulAlgoGetHeuristic(
        handle, &plan->op, &plan->layout[GEMM_B], &plan->layout[GEMM_A], &plan->layout[GEMM_C],
        &plan->layout[GEMM_C], &preference, MOST_ALGORITHMS, result, results);
  if (!status && *results == 0) status = CUBLAS_STATUS_NOT_SUPPORTED;
  return refuse(why, status);
}

// ---- gemm: running and trials ------------------------------------------------------------------

// c is given as C and D: the product replaces it. With beta 0 the library does not read it.
static cublasStatus_t multiply(const struct why_call *call, const cublasLtMatmulAlgo_t *algorithm) {
  struct plan *plan = call->plan;
  const struct why_tensor *operand = call->operand;
  return cublasLtMatmul(call->state, &plan->op, &plan->alpha, operand[GEMM_B].data,
                        &plan->layout[GEMM_B], operand[GEMM_A].data, &plan->layout[GEMM_A],
                        &plan->beta, operand[GEMM_C].data, &plan->layout[GEMM_C],
                        operand[GEMM_C].data, &plan->layout[GEMM_C], algorithm, call->workspace,
                        call->workspace_bytes, call->device->queue[WHY_WORK]);
}

static enum why_reason gemm_run(struct why_call *call) {
  return refuse(call->why, multiply(call, &((struct plan *)call->plan)->algorithm));
}

static int launch(const struct why_call *call, const void *algorithm) {
  return multiply(call, algorithm);
}

static enum why_reason fill_inputs(const struct why_call *call) {
  const size_t element = forms[call->problem->type].bytes;
  struct trial_rows input[2];
  for (int i = GEMM_A; i <= GEMM_B; i++) {
    struct view view = {0};
    view_of(&call->operand[i], &view);
    input[i] = (struct trial_rows){call->operand[i].data, (size_t)view.rows * element,
                                   (size_t)view.ld * element, (size_t)view.cols};
  }
  return trial_fill(call, input, 2);
}

// Keeps the fastest algorithm in the plan; the first that runs where there is no clock.
static enum why_reason choose(const struct why_call *call, struct plan *plan,
                              const cublasLtMatmulHeuristicResult_t *result, int results) {
  double best = INFINITY;
  bool chosen = false;
  cublasStatus_t refused = CUBLAS_STATUS_NOT_SUPPORTED;
  for (int i = 0; i < results && !(call->untimed && chosen); i++) {
    double seconds = NAN;
    int status = result[i].state;
    if (!status) {
      enum why_reason reason = trial_time(call, launch, &result[i].algo, best, &seconds, &status);
      if (reason) return reason;
    }
    if (status) {
      refused = (cublasStatus_t)status;
    } else if (!chosen || seconds < best) {
      plan->algorithm = result[i].algo;
      best = seconds;
      chosen = true;
    }
  }
  return chosen ? WHY_OK : refuse(call->why, refused);
}

static void gemm_release(struct why_call *call) {
  free(call->plan);
  call->plan = NULL;
}

static enum why_reason gemm_prepare(struct why_call *call) {
  cublasLtMatmulHeuristicResult_t result[MOST_ALGORITHMS];
  int results;
  struct plan *plan = calloc(1, sizeof *plan);
  call->plan = plan;
  if (!plan) return fail(call->why, WHY_ALLOC_FAILED, "host memory for the plan");
  enum why_reason reason = call->device->bind(call->device);
  if (reason) fail(call->why, reason, call->device->error(call->device));
  if (!reason) reason = describe(call->problem, call->operand, plan, call->why);
  if (!reason)
    reason = propose(call->state, plan, call->operand, call->workspace_bytes, result, &results,
                     call->why);
  if (!reason) reason = fill_inputs(call);
  if (!reason) reason = choose(call, plan, result, results);
  if (reason) gemm_release(call);
  return reason;
}

// ---- the backend -------------------------------------------------------------------------------

static char version[64];

static enum why_reason open_backend(struct why_backend *backend, struct why_verdict *why) {
  size_t v = cublasLtGetVersion(), runtime = cublasLtGetCudartVersion();
  snprintf(version, sizeof version, "cuBLASLt %zu.%zu.%zu (CUDA %zu.%zu)", v / 10000, v / 100 % 100,
           v % 100, runtime / 1000, runtime % 1000 / 10);
  backend->version = version;
  return fail(why, WHY_OK, NULL);
}

static enum why_reason attach(struct why_backend *backend, struct why_device *device, void **state,
                              struct why_verdict *why) {
  (void)backend;
  *state = NULL;
  // The real library would take an emulated device's memory for a GPU's. One that serves emulated
  // devices has no CUDA runtime in it and says so.
  if (device->facts.emulated && cublasLtGetCudartVersion() != 0)
    return fail(why, WHY_LIBRARY, "cuBLAS does not run on an emulated device");
  enum why_reason reason = device->bind(device);
  if (reason) return fail(why, reason, device->error(device));
  return refuse(why, cublasLtCreate((cublasLtHandle_t *)state));
}

static void detach(struct why_backend *backend, struct why_device *device, void *state) {
  (void)backend;
  if (state && device->bind(device) == WHY_OK) cublasLtDestroy(state);
}

// The largest workspace that a proposed algorithm wants, so that prepare has them all to choose
// from. Any failure is WHY_LIBRARY: the note tells which.
static enum why_reason ask(void *state, const struct why_device *device, const char *kernel,
                           const struct why_problem *problem, uint64_t most_bytes,
                           uint64_t *workspace_bytes, struct why_verdict *why) {
  (void)kernel;                                          // gemm has one
  struct why_device *live = (struct why_device *)device; // binding changes nothing that const means
  struct why_tensor operand[3] = {0};
  struct plan plan = {0};
  cublasLtMatmulHeuristicResult_t result[MOST_ALGORITHMS];
  int results = 0;
  *workspace_bytes = 0;
  if (live->bind(live)) return fail(why, WHY_LIBRARY, live->error(live));
  for (int i = GEMM_A; i <= GEMM_C; i++) problem->op->shape(problem, i, &operand[i]);
  if (describe(problem, operand, &plan, why) ||
      propose(state, &plan, operand, most_bytes < MOST_WORKSPACE ? most_bytes : MOST_WORKSPACE,
              result, &results, why))
    return fail(why, WHY_LIBRARY, why->note);
  for (int i = 0; i < results; i++)
    if (!result[i].state && result[i].workspaceSize > *workspace_bytes)
      *workspace_bytes = result[i].workspaceSize;
  return fail(why, WHY_OK, NULL);
}

#define CATALOG_cublas ,
#define CODE(op, name) cublas_##op##_##name
#include "catalog_rows.h"

const struct why_code cublas_gemm_lt = {gemm_run, gemm_prepare, gemm_release};

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
extern WHY_API struct why_backend whycpu_backend;
struct why_backend whycpu_backend = {
    .abi = WHY_ABI,
    .name = "cublas",
    .build =
        "cuBLASLt " TEXT(CUBLAS_VER_MAJOR) "." TEXT(CUBLAS_VER_MINOR) "." TEXT(CUBLAS_VER_PATCH),
    .version = "",
    .open = open_backend,
    .attach = attach,
    .detach = detach,
    .find = catalog_find,
    .ask = ask,
};
