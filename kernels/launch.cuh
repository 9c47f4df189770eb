// From a call to a running kernel: every launch of the "cuda" backend goes through here, and an
// error comes back as a reason with the runtime's own words. Leaves out what to launch.
#pragma once
#include "error.cuh"
#include <utility>

// The rows of the catalog that this backend has code for, so that a name that differs from its row
// does not compile or does not link.
extern "C" {
#define KERNEL(op, name, backend, ...) extern const struct why_code backend##_##op##_##name;
#include "catalog.def"
}

static inline enum why_reason refuse(struct why_call *call, enum why_reason reason,
                                     const char *note, double need = 0, double have = 0) {
  if (call->why) *call->why = {reason, need, have, note, ""};
  return reason;
}

// Dynamic shared memory that needs no asking: 48 KiB, less room for what a kernel declares itself.
static constexpr size_t UNASKED_BYTES = 32768;

// Starts `kernel` on the call's work queue with a grid of one dimension: only x reaches past 65535,
// so kernels find their place from blockIdx.x alone. dynamic_bytes of shared memory come on top of
// what the kernel declares. WHY_LIMIT, or what the runtime answered.
template <class... Parameters, class... Arguments>
enum why_reason launch(struct why_call *call, void (*kernel)(Parameters...), int64_t blocks,
                       int threads, size_t dynamic_bytes, Arguments &&...arguments) {
  if (blocks > INT32_MAX)
    return refuse(call, WHY_LIMIT, "more blocks than a grid can have", (double)blocks, INT32_MAX);
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3((unsigned)blocks);
  config.blockDim = dim3((unsigned)threads);
  config.dynamicSmemBytes = dynamic_bytes;
  config.stream = (cudaStream_t)call->device->queue[WHY_WORK];
  cudaError_t error = cudaSuccess;
  if (dynamic_bytes > UNASKED_BYTES)
    error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 (int)dynamic_bytes);
  if (!error) error = cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...);
  if (!error) return WHY_OK;
  cudaGetLastError(); // or a later call would report it once more
  return refuse(call, reason_of(error), words_of(error));
}
