// What the tests of the emulation share: launching, expecting an error, and expecting that a
// mistake ends the process.
#pragma once
#include "control.h"
#include "cuda_runtime.h"
#include "sanitizers.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern "C" {
#include <cmocka.h>
}

enum { SCHEDULES = 12 }; // seeds that a kernel is run under

#define assert_cuda(wanted, call)                                                                  \
  do {                                                                                             \
    cudaError_t answered = (call);                                                                 \
    if (answered != (wanted))                                                                      \
      fail_msg("%s: %s, not %s", #call, cudaGetErrorName(answered), cudaGetErrorName(wanted));     \
  } while (0)

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
  std::vector<T> read(void) const {
    std::vector<T> to(n);
    assert_cuda(cudaSuccess, cudaMemcpy(to.data(), data, n * sizeof(T), cudaMemcpyDeviceToHost));
    return to;
  }
};

// Runs `attempt` in a child. True: it answered false, or it was ended; then `words`, if any, must
// be in what it said, unless a sanitizer was quicker.
static inline bool caught(bool (*attempt)(void), const char *words = nullptr) {
  int ends[2];
  assert_int_equal(0, pipe(ends));
  fflush(nullptr);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    _exit(attempt() ? 0 : 1);
  }
  close(ends[1]);
  std::vector<char> said;
  char part[4096];
  for (ssize_t got; (got = read(ends[0], part, sizeof part)) > 0;)
    said.insert(said.end(), part, part + got);
  said.push_back(0);
  close(ends[0]);
  int status = 0;
  assert_int_equal(child, waitpid(child, &status, 0));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return false;
  bool sanitized = strstr(said.data(), "Sanitizer") || strstr(said.data(), "runtime error");
  if (words && !sanitized && !strstr(said.data(), words))
    fail_msg("it ended, but said \"%s\" and not \"%s\"", said.data(), words);
  return true;
}
