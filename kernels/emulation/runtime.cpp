// The device's properties and launches.
#include "emulation.h"
#include <algorithm>
#include <cstdio>
#include <vector>

using emu::gpu;
using emu::refuse;
typedef std::lock_guard<std::recursive_mutex> guard;

struct asked { // dynamic shared memory that a kernel may have
  const void *kernel;
  size_t bytes;
};

static std::vector<asked> attributes;

// ---- the device --------------------------------------------------------------------------------

cudaError_t cudaGetDeviceCount(int *count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  guard held(emu::lock);
  return refuse(device ? cudaErrorInvalidDevice : gpu.lost);
}
cudaError_t cudaGetDevice(int *device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int *version) {
  return cudaRuntimeGetVersion(version);
}
cudaError_t cudaRuntimeGetVersion(int *version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

enum { MULTIPROCESSORS = 2, CACHE_BYTES = 4 << 20 }; // small, so that tests see more than one wave

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *out, int device) {
  guard held(emu::lock);
  if (device) return refuse(cudaErrorInvalidDevice);
  *out = {};
  snprintf(out->name, sizeof out->name, "emulated sm_%d", gpu.capability);
  out->totalGlobalMem = gpu.memory_bytes;
  out->sharedMemPerBlock = emu::SHARED_UNASKED;
  out->sharedMemPerBlockOptin = gpu.shared_bytes;
  out->major = gpu.capability / 10;
  out->minor = gpu.capability % 10;
  out->multiProcessorCount = MULTIPROCESSORS;
  out->l2CacheSize = CACHE_BYTES;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr what, int device) {
  guard held(emu::lock);
  if (device) return refuse(cudaErrorInvalidDevice);
  switch (what) {
  case cudaDevAttrMaxThreadsPerBlock:
    *value = 1024;
    break;
  case cudaDevAttrMaxSharedMemoryPerBlock:
    *value = emu::SHARED_UNASKED;
    break;
  case cudaDevAttrMaxPitch:
    *value = INT32_MAX;
    break;
  case cudaDevAttrMultiProcessorCount:
    *value = MULTIPROCESSORS;
    break;
  case cudaDevAttrL2CacheSize:
    *value = CACHE_BYTES;
    break;
  case cudaDevAttrComputeCapabilityMajor:
    *value = gpu.capability / 10;
    break;
  case cudaDevAttrComputeCapabilityMinor:
    *value = gpu.capability % 10;
    break;
  case cudaDevAttrManagedMemory:
    *value = 1;
    break;
  case cudaDevAttrMaxSharedMemoryPerBlockOptin:
    *value = (int)gpu.shared_bytes;
    break;
  default:
    return refuse(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char *id, int size, int device) {
  if (device) return refuse(cudaErrorInvalidDevice);
  if (size > 0) *id = 0; // it hangs on no bus
  return cudaSuccess;
}

// ---- launches ----------------------------------------------------------------------------------

cudaError_t emu::function_attribute(const void *kernel, cudaFuncAttribute what, int value) {
  guard held(lock);
  if (gpu.lost) return refuse(gpu.lost);
  if (what != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 ||
      (size_t)value + shared_static(kernel) > gpu.shared_bytes)
    return refuse(cudaErrorInvalidValue);
  for (asked &a : attributes)
    if (a.kernel == kernel) {
      a.bytes = (size_t)value;
      return cudaSuccess;
    }
  attributes.push_back({kernel, (size_t)value});
  return cudaSuccess;
}

// Limits: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
static bool fits(dim3 grid, dim3 block) {
  return grid.x && grid.y && grid.z && grid.x <= INT32_MAX && grid.y <= 65535 && grid.z <= 65535 &&
         block.x && block.y && block.z && block.x <= 1024 && block.y <= 1024 && block.z <= 64 &&
         block.x * block.y * block.z <= 1024;
}

cudaError_t emu::launch(const void *kernel, const cudaLaunchConfig_t *c,
                        const std::function<void()> &thread) {
  guard held(lock);
  if (cudaError_t error = fault(EMU_LAUNCH, cudaErrorLaunchOutOfResources)) return refuse(error);
  if (c->numAttrs) return refuse(cudaErrorNotSupported);
  size_t fixed = shared_static(kernel), dynamic = c->dynamicSmemBytes, most = SHARED_UNASKED;
  for (const asked &a : attributes)
    if (a.kernel == kernel) most = std::max(most, a.bytes + fixed);
  if (!fits(c->gridDim, c->blockDim)) return refuse(cudaErrorInvalidConfiguration);
  if (dynamic > most || fixed > most - dynamic) return refuse(cudaErrorInvalidValue);
  dim3 grid = c->gridDim, block = c->blockDim;
  return enqueue(c->stream, [=] { run(grid, block, dynamic, thread); });
}
