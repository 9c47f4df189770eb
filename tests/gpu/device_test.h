// What tests of device code share, whether nvcc compiles them for a GPU or the host compiler for
// the emulation: launching, memory, expecting an answer. Leaves out what only the emulation can do
// (emulation/emulation_test.h).
#pragma once
#include <cuda_runtime.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <vector>

extern "C" {
#include <cmocka.h>
}

#define assert_cuda(wanted, call)                                                                  \
  do {                                                                                             \
    cudaError_t answered = (call);                                                                 \
    if (answered != (wanted))                                                                      \
      fail_msg("%s: %s, not %s", #call, cudaGetErrorName(answered), cudaGetErrorName(wanted));     \
  } while (0)

// For main() to return: 0, or 77 for ctest, having said in the runtime's own words why not.
inline int without_gpu(void) {
  int count = 0;
  cudaError_t error = cudaGetDeviceCount(&count);
  if (!error && count > 0) return 0;
  if (!error) error = cudaErrorNoDevice;
  printf("SKIP: %s: %s\n", cudaGetErrorName(error), cudaGetErrorString(error));
  return 77;
}

inline int attribute(cudaDeviceAttr which) {
  int value = 0;
  assert_cuda(cudaSuccess, cudaDeviceGetAttribute(&value, which, 0));
  return value;
}

// Ends the test as skipped where the device is older: there the instruction is a trap.
inline void need_capability(int least) {
  int capability = 10 * attribute(cudaDevAttrComputeCapabilityMajor) +
                   attribute(cudaDevAttrComputeCapabilityMinor);
  if (capability >= least) return;
  print_message("needs sm_%d, the device is sm_%d\n", least, capability);
  skip();
}

template <class... P, class... A>
cudaError_t start(void (*kernel)(P...), dim3 grid, dim3 block, size_t dynamic_bytes, A... a) {
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = dynamic_bytes;
  return cudaLaunchKernelEx(&config, kernel, a...);
}

template <class T> struct on_device { // n elements, from the device's memory
  T *data = nullptr;
  size_t n;
  explicit on_device(size_t n) : n(n) {
    assert_cuda(cudaSuccess, cudaMalloc(&data, n * sizeof(T)));
  }
  explicit on_device(const std::vector<T> &from) : on_device(from.size()) {
    assert_cuda(cudaSuccess, cudaMemcpy(data, from.data(), n * sizeof(T), cudaMemcpyHostToDevice));
  }
  on_device(const on_device &) = delete;
  ~on_device() { cudaFree(data); }
  // After all that was launched; what a kernel did wrong is said here.
  std::vector<T> read(void) const {
    std::vector<T> to(n);
    assert_cuda(cudaSuccess, cudaMemcpy(to.data(), data, n * sizeof(T), cudaMemcpyDeviceToHost));
    return to;
  }
};
