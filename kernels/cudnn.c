// Backend "cudnn": conv2d through cuDNN's graph API and softmax, on the devices of the cuda
// backend. It brings no device and calls neither the CUDA runtime nor the driver: memory, queues
// and marks come as native handles in struct why_device. Fused graphs and gradients are left out.
#include "cudnn.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

const cudnnDataType_t cudnn_type[WHY_TYPE_COUNT] = {
    [WHY_F64] = CUDNN_DATA_DOUBLE,
    [WHY_F32] = CUDNN_DATA_FLOAT,
    [WHY_F16] = CUDNN_DATA_HALF,
    [WHY_BF16] = CUDNN_DATA_BFLOAT16,
};

// ---- failures ----------------------------------------------------------------------------------

enum why_reason cudnn_fail(struct why_verdict *why, enum why_reason reason, const char *note) {
  *why = (struct why_verdict){.reason = reason, .note = note ? note : "", .cause = ""};
  return reason;
}

// The thousands of a status are its category.
static enum why_reason reason_of(cudnnStatus_t status) {
  if (status == CUDNN_STATUS_SUCCESS) return WHY_OK;
  if (status == CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED) return WHY_BACKEND_ABSENT;
  if (status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
      status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED)
    return WHY_ALLOC_FAILED;
  const int category = CUDNN_STATUS_CATEGORY((int)status);
  return category == CUDNN_STATUS_NOT_SUPPORTED || category == CUDNN_STATUS_BAD_PARAM
             ? WHY_LIBRARY
             : WHY_CALL_FAILED;
}

enum why_reason cudnn_refuse(struct why_verdict *why, cudnnStatus_t status) {
  static _Thread_local char words[256];
  if (!status) return WHY_OK;
  char details[200] = "";
  cudnnGetLastErrorString(details, sizeof details);
  for (char *c = details; *c; c++)
    if (iscntrl((unsigned char)*c)) *c = ' '; // a note is one line
  snprintf(words, sizeof words, "%s%s%s", cudnnGetErrorString(status), *details ? ": " : "",
           details);
  return cudnn_fail(why, reason_of(status), words);
}

// ---- the backend -------------------------------------------------------------------------------

static char version[64];

static enum why_reason open_backend(struct why_backend *backend, struct why_verdict *why) {
  size_t v = cudnnGetVersion(), runtime = cudnnGetCudartVersion();
  snprintf(version, sizeof version, "cuDNN %zu.%zu.%zu (CUDA %zu.%zu)", v / 10000, v / 100 % 100,
           v % 100, runtime / 1000, runtime % 1000 / 10);
  backend->version = version;
  return cudnn_fail(why, WHY_OK, NULL);
}

// The state is a handle whose work goes into the device's work queue.
static enum why_reason attach(struct why_backend *backend, struct why_device *device, void **state,
                              struct why_verdict *why) {
  (void)backend;
  *state = NULL;
  // The real library would take an emulated device's memory for a GPU's. One that serves emulated
  // devices has no CUDA runtime in it and says so.
  if (device->facts.emulated && cudnnGetCudartVersion() != 0)
    return cudnn_fail(why, WHY_LIBRARY, "cuDNN does not run on an emulated device");
  enum why_reason reason = device->bind(device);
  if (reason) return cudnn_fail(why, reason, device->error(device));
  cudnnHandle_t handle;
  reason = cudnn_refuse(why, cudnnCreate(&handle));
  if (reason) return reason;
  reason = cudnn_refuse(why, cudnnSetStream(handle, device->queue[WHY_WORK]));
  if (reason)
    cudnnDestroy(handle);
  else
    *state = handle;
  return reason;
}

static void detach(struct why_backend *backend, struct why_device *device, void *state) {
  (void)backend;
  if (state && device->bind(device) == WHY_OK) cudnnDestroy(state);
}

// Any failure is WHY_LIBRARY: the note tells which.
static enum why_reason ask(void *state, const struct why_device *device, const char *kernel,
                           const struct why_problem *problem, uint64_t most_bytes,
                           uint64_t *workspace_bytes, struct why_verdict *why) {
  struct why_device *live = (struct why_device *)device; // binding changes nothing that const means
  *workspace_bytes = 0;
  if (live->bind(live)) return cudnn_fail(why, WHY_LIBRARY, live->error(live));
  cudnn_ask *op = strcmp(kernel, "graph") == 0 ? cudnn_conv2d_ask : cudnn_softmax_ask;
  if (!op(state, problem, most_bytes, workspace_bytes, why)) return cudnn_fail(why, WHY_OK, NULL);
  *workspace_bytes = 0;
  return cudnn_fail(why, WHY_LIBRARY, why->note);
}

#define CATALOG_cudnn ,
#define CODE(op, name) cudnn_##op##_##name
#include "catalog_rows.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
extern WHY_API struct why_backend whycpu_backend;
struct why_backend whycpu_backend = {
    .abi = WHY_ABI,
    .name = "cudnn",
    .build = "cuDNN " TEXT(CUDNN_MAJOR) "." TEXT(CUDNN_MINOR) "." TEXT(CUDNN_PATCHLEVEL),
    .version = "",
    .open = open_backend,
    .attach = attach,
    .detach = detach,
    .find = catalog_find,
    .ask = ask,
};
