// The onednn backend: products, convolutions and softmax by oneDNN 2 on the host, f32 and bf16. It
// brings no device. What it has for a problem, and how much workspace that takes, only the library
// knows: every kernel is asked. Written for OpenMP as the library's threads. Leaves out oneDNN 3,
// whose interface is another (cmake/libraries.cmake says so), and GPUs.
#include "onednn.h"
#include <stdio.h>
#include <string.h>

// omp.h comes with the compiler, libgomp with oneDNN: another compiler's OpenMP would be a second.
void omp_set_num_threads(int threads);

void onednn_threads(int threads) {
  omp_set_num_threads(threads);
}

// ---- rows --------------------------------------------------------------------------------------

#define CATALOG_onednn ,
#define CODE(op, name) onednn_##op##_##name
#include "catalog_rows.h"

#define ROW(op, name, describe)                                                                    \
  static enum why_reason prepare_##op##_##name(struct why_call *call) {                            \
    return onednn_prepare(call, describe);                                                         \
  }                                                                                                \
  const struct why_code onednn_##op##_##name = {onednn_run, prepare_##op##_##name, onednn_release};
ROW(gemm, matmul, onednn_gemm)
ROW(softmax, primitive, onednn_softmax)
ROW(conv2d, direct, onednn_direct)
ROW(conv2d, winograd, onednn_winograd)
#undef ROW

static onednn_describe *described_by(const struct why_problem *problem, const char *kernel) {
  if (strcmp(problem->op->name, "gemm") == 0) return onednn_gemm;
  if (strcmp(problem->op->name, "softmax") == 0) return onednn_softmax;
  return strcmp(kernel, "winograd") == 0 ? onednn_winograd : onednn_direct;
}

// The job may use any number of threads, and a scratchpad grows with it: the most of all doublings
// up to all cores. Were it more for a number between, preparing says so.
static enum why_reason ask(void *state, const struct why_device *device, const char *kernel,
                           const struct why_problem *problem, uint64_t most_bytes,
                           uint64_t *workspace_bytes, struct why_verdict *why) {
  const int all = device->facts.multiprocessors > 1 ? device->facts.multiprocessors : 1;
  onednn_describe *describe = described_by(problem, kernel);
  *workspace_bytes = 0;
  for (int threads = 1;; threads = 2 * threads < all ? 2 * threads : all) {
    uint64_t bytes = 0;
    enum why_reason reason = onednn_workspace(state, describe, problem, threads, &bytes, why);
    if (reason) return onednn_fail(why, WHY_LIBRARY, why->note);
    if (bytes > *workspace_bytes) *workspace_bytes = bytes;
    if (threads == all) break;
  }
  if (*workspace_bytes <= most_bytes) return onednn_fail(why, WHY_OK, "");
  why->need = (double)*workspace_bytes;
  why->have = (double)most_bytes;
  return why->reason = WHY_WORKSPACE;
}

// ---- the backend -------------------------------------------------------------------------------

static const char *instructions(dnnl_cpu_isa_t isa) {
  static const struct {
    dnnl_cpu_isa_t isa;
    const char *name;
  } names[] = {
      // clang-format off
      {dnnl_cpu_isa_sse41,            "sse4.1"},
      {dnnl_cpu_isa_avx,              "avx"},
      {dnnl_cpu_isa_avx2,             "avx2"},
      {dnnl_cpu_isa_avx2_vnni,        "avx2_vnni"},
      {dnnl_cpu_isa_avx512_core,      "avx512_core"},
      {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
      {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
      {dnnl_cpu_isa_avx512_core_amx,  "avx512_core_amx"},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].isa == isa) return names[i].name;
  return "instruction set not known by name";
}

static enum why_reason open_backend(struct why_backend *backend, struct why_verdict *why) {
  static char version[96];
  const dnnl_version_t *v = dnnl_version();
  snprintf(version, sizeof version, "oneDNN %d.%d.%d (OpenMP, %s)", v->major, v->minor, v->patch,
           instructions(dnnl_get_effective_cpu_isa()));
  if (v->cpu_runtime != DNNL_RUNTIME_OMP)
    return onednn_fail(why, WHY_BACKEND_ABSENT,
                       "this oneDNN was not built for OpenMP, by which its threads are set");
  backend->version = version;
  return WHY_OK;
}

static void close_backend(struct why_backend *backend) {
  (void)backend;
}

static enum why_reason attach(struct why_backend *backend, struct why_device *device, void **state,
                              struct why_verdict *why) {
  (void)backend;
  (void)device; // the host
  return onednn_check(why, dnnl_engine_create((dnnl_engine_t *)state, dnnl_cpu, 0),
                      "oneDNN has no engine for CPUs");
}

static void detach(struct why_backend *backend, struct why_device *device, void *state) {
  (void)backend;
  (void)device;
  dnnl_engine_destroy(state);
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
extern WHY_API struct why_backend whycpu_backend;
struct why_backend whycpu_backend = {
    .abi = WHY_ABI,
    .name = "onednn",
    .build = "oneDNN " TEXT(DNNL_VERSION_MAJOR) "." TEXT(DNNL_VERSION_MINOR) "." TEXT(
        DNNL_VERSION_PATCH),
    .version = "",
    .open = open_backend,
    .close = close_backend,
    .attach = attach,
    .detach = detach,
    .find = catalog_find,
    .ask = ask,
};
