// What the files of the fake libcudnn share.
#ifndef WHY_FAKE_CUDNN_INSIDE_H
#define WHY_FAKE_CUDNN_INSIDE_H
#include "cudnn.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern struct fake_cudnn {
  long calls, fail_at, misuses, runs[ENGINES], softmaxes[2];
  cudnnStatus_t fail_with;
  unsigned offer;
  int repeat, refuse, last;
  double clock, cost[ENGINES];
  size_t cudart;
  int (*contains)(const void *, size_t);
  char last_error[160];
} fake_cudnn;
extern int fake_cudnn_objects; // alive; outlives a reset: a leak is a leak

// Counts a call; the words for a failure before it are gone. True: it is to fail.
bool fake_cudnn_fails(void);
// Notes the words for a failure; returns the status. For a misuse also prints and counts them.
__attribute__((format(printf, 2, 3))) cudnnStatus_t fake_cudnn_say(cudnnStatus_t,
                                                                   const char *format, ...);
__attribute__((format(printf, 1, 2))) cudnnStatus_t fake_cudnn_misuse(const char *format, ...);

struct cudnnContext {
  uint32_t magic;
  cudaStream_t stream;
};
bool fake_cudnn_is_handle(cudnnHandle_t);

struct tensor { // n, c, h, w
  int type;
  int64_t id, alignment, dim[4], stride[4];
};
bool fake_cudnn_is_type(int type);
size_t fake_cudnn_bytes(int type);
size_t fake_cudnn_span(const struct tensor *); // bytes from its first to its last element
double fake_cudnn_load(const void *data, int type, int64_t at);
void fake_cudnn_store(void *data, int type, int64_t at, double value);
bool fake_cudnn_outside(const void *data, size_t bytes); // of live device memory
#endif
