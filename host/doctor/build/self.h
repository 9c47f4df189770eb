// What this build of the program has for NVIDIA GPUs, as CMake found it: cmake/self.cmake.
#ifndef WHY_SELF_H
#define WHY_SELF_H
#include <stdbool.h>

struct self {
  int cuda;        // 13000 of the toolkit that the cuda backend was compiled with; 0: not built
  const int *arch; // as in facts.h, that it was compiled for
  int archs;
  const char *words;  // why the cuda backend is not built; ""
  bool cublas, cudnn; // those backends are built, which take no nvcc
};
struct self self_build(void);
#endif
