// What the tests of the emulation share besides gpu/device_test.h: schedules, and expecting that a
// mistake ends the process.
#pragma once
#include "control.h"
#include "gpu/device_test.h"
#include "sanitizers.h"
#include <sys/wait.h>
#include <unistd.h>

enum { SCHEDULES = 12 }; // seeds that a kernel is run under

struct stream { // a queue for as long as it lives
  cudaStream_t s;
  stream() { assert_cuda(cudaSuccess, cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking)); }
  stream(const stream &) = delete;
  ~stream() { cudaStreamDestroy(s); }
};

// What a launch comes to once it has run.
inline cudaError_t ran(cudaError_t launched) {
  return launched ? launched : cudaDeviceSynchronize();
}

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
