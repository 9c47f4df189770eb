// A side of a contest: the GPU, the CPU, a backend or one kernel, each optionally with a number of
// CPU threads. "gpu", "cpu", "openblas@1", "plain:avx512@all".
#ifndef BENCH_SIDES_H
#define BENCH_SIDES_H
#include "values.h"
#include <stdbool.h>

enum { SIDE_REQUESTED = -1, SIDE_ALL = 0 }; // threads: those of the request; all there are

struct side {
  char text[64];                // as it was given
  char backend[16], kernel[40]; // "": any
  bool gpu, host;               // of which devices; both: the backend alone says
  int64_t threads;              // a number, or one of the above
};
struct sides {
  struct side a, b;
  bool given;
};
option_reader read_sides; // struct sides *: "A,B"
bool side_takes(const struct side *, const char *backend, const char *kernel, bool gpu);
// "a GPU", "the CPU", "openblas with one thread".
void side_name(const struct side *, char *out, size_t size);

#endif
