// CUDA on the CPU, for correctness tests without a GPU. A source that says
// `#include <cuda_runtime.h>` is compiled by g++ or clang++ with this folder first on the include
// path; nvcc never sees it. Names, numbers and signatures are CUDA 13's.
//
// One device. Left out: times, occupancy, bank conflicts, memory ordering weaker than program
// order, inline PTX (kernels/ptx.cuh has its wrappers), clusters, grid-wide synchronisation, the
// limit that __launch_bounds__ sets.
#pragma once
#include "device_functions.h"
#include "vector_types.h"
#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>
#include <utility>

#define CUDA_EMULATION 1
#define CUDART_VERSION 13000

// clang-format off
#define EMU_ERRORS(X)                                                                              \
  X(cudaSuccess,                   0, "no error")                                                  \
  X(cudaErrorInvalidValue,         1, "invalid argument")                                          \
  X(cudaErrorMemoryAllocation,     2, "out of memory")                                             \
  X(cudaErrorInitializationError,  3, "initialization error")                                      \
  X(cudaErrorInvalidConfiguration, 9, "invalid configuration argument")                            \
  X(cudaErrorInvalidPitchValue,   12, "invalid pitch argument")                                    \
  X(cudaErrorInsufficientDriver,  35, "CUDA driver version is insufficient for CUDA runtime version") \
  X(cudaErrorDevicesUnavailable,  46, "CUDA-capable device(s) is/are busy or unavailable")         \
  X(cudaErrorNoDevice,           100, "no CUDA-capable device is detected")                        \
  X(cudaErrorInvalidDevice,      101, "invalid device ordinal")                                    \
  X(cudaErrorNoKernelImageForDevice, 209, "no kernel image is available for execution on the device") \
  X(cudaErrorECCUncorrectable,   214, "uncorrectable ECC error encountered")                       \
  X(cudaErrorNvlinkUncorrectable,220, "uncorrectable NVLink error detected during the execution")  \
  X(cudaErrorContained,          226, "Invalid access of peer GPU memory over nvlink or a hardware error") \
  X(cudaErrorInvalidResourceHandle, 400, "invalid resource handle")                                \
  X(cudaErrorNotReady,           600, "device not ready")                                          \
  X(cudaErrorIllegalAddress,     700, "an illegal memory access was encountered")                  \
  X(cudaErrorLaunchOutOfResources, 701, "too many resources requested for launch")                 \
  X(cudaErrorLaunchTimeout,      702, "the launch timed out and was terminated")                   \
  X(cudaErrorContextIsDestroyed, 709, "context is destroyed")                                      \
  X(cudaErrorAssert,             710, "device-side assert triggered")                              \
  X(cudaErrorHardwareStackError, 714, "hardware stack error")                                      \
  X(cudaErrorIllegalInstruction, 715, "an illegal instruction was encountered")                    \
  X(cudaErrorMisalignedAddress,  716, "misaligned address")                                        \
  X(cudaErrorInvalidAddressSpace,717, "operation not supported on global/shared address space")    \
  X(cudaErrorInvalidPc,          718, "invalid program counter")                                   \
  X(cudaErrorLaunchFailure,      719, "unspecified launch failure")                                \
  X(cudaErrorNotSupported,       801, "operation not supported")                                   \
  X(cudaErrorStreamCaptureUnsupported, 900, "operation not permitted when stream is capturing")    \
  X(cudaErrorStreamCaptureInvalidated, 901, "operation failed due to a previous error during capture") \
  X(cudaErrorUnknown,            999, "unknown error")
// clang-format on

enum cudaError {
#define X(name, number, text) name = number,
  EMU_ERRORS(X)
#undef X
};
typedef enum cudaError cudaError_t;

enum cudaMemcpyKind {
  cudaMemcpyHostToHost,
  cudaMemcpyHostToDevice,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice,
  cudaMemcpyDefault
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum cudaDeviceAttr {
  cudaDevAttrMaxThreadsPerBlock = 1,
  cudaDevAttrMaxSharedMemoryPerBlock = 8,
  cudaDevAttrMaxPitch = 11,
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrL2CacheSize = 38,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrManagedMemory = 83,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};
enum { cudaStreamDefault = 0, cudaStreamNonBlocking = 1 };
enum { cudaEventDefault = 0, cudaEventBlockingSync = 1, cudaEventDisableTiming = 2 };
enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal,
  cudaStreamCaptureModeThreadLocal,
  cudaStreamCaptureModeRelaxed
};
enum { cudaHostAllocDefault = 0, cudaHostAllocPortable = 1 };
enum { cudaMemAttachGlobal = 1 };

typedef struct CUstream_st *cudaStream_t;
typedef struct CUevent_st *cudaEvent_t;
typedef struct CUgraph_st *cudaGraph_t;
typedef struct CUgraphExec_st *cudaGraphExec_t;
struct cudaUUID_t {
  char bytes[16];
};
struct cudaDeviceProp { // the fields that are used
  char name[256];
  cudaUUID_t uuid;
  size_t totalGlobalMem;
  size_t sharedMemPerBlock;
  int major, minor;
  int multiProcessorCount;
  int l2CacheSize;
  int pciBusID, pciDeviceID, pciDomainID;
  size_t sharedMemPerBlockOptin;
};
struct cudaLaunchAttribute {
  int id;
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
  cudaLaunchAttribute *attrs;
  unsigned numAttrs;
};

cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int *device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *, int device);
cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr, int device);
cudaError_t cudaDeviceGetPCIBusId(char *id, int size, int device);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaRuntimeGetVersion(int *version);
cudaError_t cudaDeviceSynchronize(void);

cudaError_t cudaMalloc(void **, size_t bytes);
cudaError_t cudaFree(void *);
cudaError_t cudaHostAlloc(void **, size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void *);
cudaError_t cudaMallocManaged(void **, size_t bytes, unsigned flags = cudaMemAttachGlobal);
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes);
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind,
                            cudaStream_t = nullptr);
cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind, cudaStream_t = nullptr);
cudaError_t cudaMemset(void *, int value, size_t bytes);
cudaError_t cudaMemsetAsync(void *, int value, size_t bytes, cudaStream_t = nullptr);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t);
cudaError_t cudaStreamSynchronize(cudaStream_t);
cudaError_t cudaStreamQuery(cudaStream_t);
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned flags = 0);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t);
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t = nullptr);
cudaError_t cudaEventQuery(cudaEvent_t);
cudaError_t cudaEventSynchronize(cudaEvent_t);
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end);

cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode);
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t *);
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *, cudaGraph_t, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t);
cudaError_t cudaGraphDestroy(cudaGraph_t);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t);

cudaError_t cudaGetLastError(void);
cudaError_t cudaPeekAtLastError(void);
const char *cudaGetErrorName(cudaError_t);
const char *cudaGetErrorString(cudaError_t);

template <class T> cudaError_t cudaMalloc(T **p, size_t bytes) {
  return cudaMalloc(reinterpret_cast<void **>(p), bytes);
}
template <class T> cudaError_t cudaHostAlloc(T **p, size_t bytes, unsigned flags) {
  return cudaHostAlloc(reinterpret_cast<void **>(p), bytes, flags);
}
template <class T>
cudaError_t cudaMallocManaged(T **p, size_t bytes, unsigned flags = cudaMemAttachGlobal) {
  return cudaMallocManaged(reinterpret_cast<void **>(p), bytes, flags);
}

namespace emu {
cudaError_t function_attribute(const void *kernel, cudaFuncAttribute, int value);
cudaError_t launch(const void *kernel, const cudaLaunchConfig_t *,
                   const std::function<void()> &thread);
} // namespace emu

template <class F> cudaError_t cudaFuncSetAttribute(F *kernel, cudaFuncAttribute what, int value) {
  return emu::function_attribute(reinterpret_cast<const void *>(kernel), what, value);
}
// Arguments are converted and copied at the call, as a launch does.
template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *config, void (*kernel)(P...), A &&...a) {
  std::tuple<P...> arguments(std::forward<A>(a)...);
  return emu::launch(reinterpret_cast<const void *>(kernel), config,
                     [kernel, arguments] { std::apply(kernel, arguments); });
}
