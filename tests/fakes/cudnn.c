// A libcudnn for the functions that the kernels/cudnn*.c call: it checks every descriptor and
// argument, says on standard error what is wrong, and computes from the descriptors on memory that
// the host can reach, so that a swapped dim, stride or padding shows. Here: steering, what both
// parts share, and softmax; cudnn_graph.c has convolution. What the plug-in has no use for is left
// out: a test that needs it is told so by a misuse.
#include "convert.h"
#include "cudnn_inside.h"
#include "emulation.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- steering ----------------------------------------------------------------------------------

struct fake_cudnn fake_cudnn;
int fake_cudnn_objects;

void fake_cudnn_reset(void) {
  memset(&fake_cudnn, 0, sizeof fake_cudnn);
  fake_cudnn.offer = ALL_ENGINES;
  fake_cudnn.repeat = 1;
  fake_cudnn.refuse = fake_cudnn.last = -1;
  for (int i = 0; i < ENGINES; i++) fake_cudnn.cost[i] = 1e-3;
}
void fake_cudnn_fail(long nth, cudnnStatus_t status) {
  fake_cudnn.fail_at = nth ? fake_cudnn.calls + nth : 0;
  fake_cudnn.fail_with = status;
}
long fake_cudnn_calls(void) {
  return fake_cudnn.calls;
}
void fake_cudnn_offer(unsigned which) {
  fake_cudnn.offer = which;
}
void fake_cudnn_repeat(int times) {
  fake_cudnn.repeat = times;
}
void fake_cudnn_refuse(int type) {
  fake_cudnn.refuse = type;
}
int fake_cudnn_alive(void) {
  return fake_cudnn_objects;
}
long fake_cudnn_misuses(void) {
  return fake_cudnn.misuses;
}
double fake_cudnn_clock(void) {
  return fake_cudnn.clock;
}
void fake_cudnn_cost(int engine, double seconds) {
  fake_cudnn.cost[engine] = seconds;
}
long fake_cudnn_runs(int engine) {
  return fake_cudnn.runs[engine];
}
int fake_cudnn_last(void) {
  return fake_cudnn.last;
}
long fake_cudnn_softmaxes(cudnnSoftmaxMode_t mode) {
  return fake_cudnn.softmaxes[mode];
}
void fake_cudnn_cudart(size_t version) {
  fake_cudnn.cudart = version;
}
void fake_cudnn_memory(int (*contains)(const void *, size_t)) {
  fake_cudnn.contains = contains;
}

__attribute__((constructor)) static void start(void) {
  fake_cudnn_reset();
}

static void say(const char *format, va_list list) {
  vsnprintf(fake_cudnn.last_error, sizeof fake_cudnn.last_error, format, list);
}

cudnnStatus_t fake_cudnn_say(cudnnStatus_t status, const char *format, ...) {
  va_list list;
  va_start(list, format);
  say(format, list);
  va_end(list);
  return status;
}

cudnnStatus_t fake_cudnn_misuse(const char *format, ...) {
  va_list list;
  va_start(list, format);
  say(format, list);
  va_end(list);
  fprintf(stderr, "fake cuDNN: %s\n", fake_cudnn.last_error);
  fake_cudnn.misuses++;
  return CUDNN_STATUS_BAD_PARAM;
}

bool fake_cudnn_fails(void) {
  const bool now = ++fake_cudnn.calls == fake_cudnn.fail_at;
  fake_cudnn.last_error[0] = 0;
  if (now) fake_cudnn_say(fake_cudnn.fail_with, "call %ld\nwas told to fail", fake_cudnn.calls);
  return now;
}

// ---- the library -------------------------------------------------------------------------------

enum { HANDLE = 0x6475a001, TENSOR = 0x6475a003 };

bool fake_cudnn_is_handle(cudnnHandle_t handle) {
  return handle && handle->magic == HANDLE;
}

size_t cudnnGetVersion(void) {
  return CUDNN_VERSION;
}
size_t cudnnGetCudartVersion(void) {
  return fake_cudnn.cudart; // 0: there is no CUDA runtime in here
}

const char *cudnnGetErrorString(cudnnStatus_t status) {
  switch (status) {
#define NAME(s)                                                                                    \
  case s:                                                                                          \
    return #s;
    NAME(CUDNN_STATUS_SUCCESS)
    NAME(CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED)
    NAME(CUDNN_STATUS_BAD_PARAM)
    NAME(CUDNN_STATUS_NOT_SUPPORTED)
    NAME(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE)
    NAME(CUDNN_STATUS_INTERNAL_ERROR)
    NAME(CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED)
    NAME(CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED)
    NAME(CUDNN_STATUS_EXECUTION_FAILED)
  default:
    return "unknown";
  }
}

void cudnnGetLastErrorString(char *message, size_t most) {
  snprintf(message, most, "%s", fake_cudnn.last_error);
  fake_cudnn.last_error[0] = 0;
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *out) {
  if (fake_cudnn_fails()) return fake_cudnn.fail_with;
  struct cudnnContext *handle = calloc(1, sizeof *handle);
  if (!handle) return CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
  handle->magic = HANDLE;
  fake_cudnn_objects++;
  *out = handle;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  fake_cudnn.last_error[0] = 0;
  if (!fake_cudnn_is_handle(handle)) return fake_cudnn_misuse("destroys what is no handle");
  handle->magic = 0;
  free(handle);
  fake_cudnn_objects--;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  if (fake_cudnn_fails()) return fake_cudnn.fail_with;
  if (!fake_cudnn_is_handle(handle)) return fake_cudnn_misuse("stream of no handle");
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

// ---- elements and memory -----------------------------------------------------------------------

size_t fake_cudnn_bytes(int type) {
  return type == CUDNN_DATA_FLOAT ? 4 : 2;
}

double fake_cudnn_load(const void *data, int type, int64_t at) {
  if (type == CUDNN_DATA_FLOAT) return ((const float *)data)[at];
  const uint16_t bits = ((const uint16_t *)data)[at];
  return type == CUDNN_DATA_HALF ? f16_to_float(bits) : bf16_to_float(bits);
}

void fake_cudnn_store(void *data, int type, int64_t at, double value) {
  if (type == CUDNN_DATA_FLOAT)
    ((float *)data)[at] = (float)value;
  else if (type == CUDNN_DATA_HALF)
    ((uint16_t *)data)[at] = float_to_f16((float)value);
  else
    ((uint16_t *)data)[at] = float_to_bf16((float)value);
}

bool fake_cudnn_is_type(int type) {
  return type == CUDNN_DATA_FLOAT || type == CUDNN_DATA_HALF || type == CUDNN_DATA_BFLOAT16;
}

bool fake_cudnn_outside(const void *data, size_t bytes) {
  int (*contains)(const void *, size_t) = fake_cudnn.contains;
  if (!contains) *(void **)&contains = fake_emulation("emu_contains");
  return contains && !contains(data, bytes);
}

size_t fake_cudnn_span(const struct tensor *t) {
  int64_t last = 0;
  for (int i = 0; i < 4; i++) last += (t->dim[i] - 1) * t->stride[i];
  return (size_t)(last + 1) * fake_cudnn_bytes(t->type);
}

// ---- softmax -----------------------------------------------------------------------------------

struct cudnnTensorStruct {
  uint32_t magic;
  bool set;
  struct tensor tensor;
};

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t *out) {
  if (fake_cudnn_fails()) return fake_cudnn.fail_with;
  struct cudnnTensorStruct *t = calloc(1, sizeof *t);
  if (!t) return CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
  t->magic = TENSOR;
  fake_cudnn_objects++;
  *out = t;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t t) {
  fake_cudnn.last_error[0] = 0;
  if (!t || t->magic != TENSOR) return fake_cudnn_misuse("destroys what is no tensor");
  t->magic = 0;
  free(t);
  fake_cudnn_objects--;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetTensor4dDescriptorEx(cudnnTensorDescriptor_t t, cudnnDataType_t type, int n,
                                           int c, int h, int w, int n_stride, int c_stride,
                                           int h_stride, int w_stride) {
  if (fake_cudnn_fails()) return fake_cudnn.fail_with;
  if (!t || t->magic != TENSOR) return fake_cudnn_misuse("sets what is no tensor");
  if (!fake_cudnn_is_type(type)) return fake_cudnn_misuse("tensor of type %d", type);
  if (n < 1 || c < 1 || h < 1 || w < 1) return fake_cudnn_misuse("dims %d, %d, %d, %d", n, c, h, w);
  t->tensor = (struct tensor){
      .type = type, .dim = {n, c, h, w}, .stride = {n_stride, c_stride, h_stride, w_stride}};
  if (w_stride < 1 || h_stride < w || c_stride < 1 || (int64_t)n_stride < (int64_t)c * c_stride)
    return fake_cudnn_misuse("strides %d, %d, %d, %d: elements overlap", n_stride, c_stride,
                             h_stride, w_stride);
  if (fake_cudnn_span(&t->tensor) / fake_cudnn_bytes(type) > INT32_MAX)
    return fake_cudnn_misuse("more than 2 Giga-elements");
  if ((int)type == fake_cudnn.refuse)
    return fake_cudnn_say(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "no tensor of this type");
  t->set = true;
  return CUDNN_STATUS_SUCCESS;
}

struct softmax {
  cudnnSoftmaxMode_t mode;
  struct tensor x, y;
  const void *from;
  void *to;
};

static int64_t place(const struct tensor *t, int64_t n, int64_t c, int64_t h, int64_t w) {
  return n * t->stride[0] + c * t->stride[1] + h * t->stride[2] + w * t->stride[3];
}

// Over channels [0, C) of pixels [first, last) of image n, pixels counted along the rows.
static void normalise(const struct softmax *s, int64_t n, int64_t first, int64_t last) {
  const struct tensor *x = &s->x, *y = &s->y;
  double most = -INFINITY, sum = 0;
  for (int pass = 0; pass < 3; pass++)
    for (int64_t c = 0; c < x->dim[1]; c++)
      for (int64_t pixel = first; pixel < last; pixel++) {
        const int64_t h = pixel / x->dim[3], w = pixel % x->dim[3];
        const double value = fake_cudnn_load(s->from, x->type, place(x, n, c, h, w));
        if (pass == 0) most = fmax(most, value);
        if (pass == 1) sum += exp(value - most);
        if (pass == 2)
          fake_cudnn_store(s->to, y->type, place(y, n, c, h, w), exp(value - most) / sum);
      }
}

static void soften(void *argument) {
  const struct softmax *s = argument;
  const int64_t pixels = s->x.dim[2] * s->x.dim[3];
  const int64_t step = s->mode == CUDNN_SOFTMAX_MODE_INSTANCE ? pixels : 1;
  for (int64_t n = 0; n < s->x.dim[0]; n++)
    for (int64_t first = 0; first < pixels; first += step) normalise(s, n, first, first + step);
}

cudnnStatus_t cudnnSoftmaxForward(cudnnHandle_t handle, cudnnSoftmaxAlgorithm_t algorithm,
                                  cudnnSoftmaxMode_t mode, const void *alpha,
                                  const cudnnTensorDescriptor_t x_desc, const void *x,
                                  const void *beta, const cudnnTensorDescriptor_t y_desc, void *y) {
  if (fake_cudnn_fails()) return fake_cudnn.fail_with;
  if (!fake_cudnn_is_handle(handle)) return fake_cudnn_misuse("no handle");
  if (!x_desc || x_desc->magic != TENSOR || !x_desc->set || !y_desc || y_desc->magic != TENSOR ||
      !y_desc->set)
    return fake_cudnn_misuse("a tensor was not set");
  const struct tensor *from = &x_desc->tensor, *to = &y_desc->tensor;
  if (algorithm != CUDNN_SOFTMAX_ACCURATE)
    return fake_cudnn_misuse("softmax algorithm %d", algorithm);
  if (mode != CUDNN_SOFTMAX_MODE_INSTANCE && mode != CUDNN_SOFTMAX_MODE_CHANNEL)
    return fake_cudnn_misuse("softmax mode %d", mode);
  if (!alpha || !beta || *(const float *)alpha != 1 || *(const float *)beta != 0)
    return fake_cudnn_misuse("alpha or beta");
  if (from->type != to->type || memcmp(from->dim, to->dim, sizeof from->dim) != 0)
    return fake_cudnn_misuse("x and y differ");
  if (!x || !y || fake_cudnn_outside(x, fake_cudnn_span(from)) ||
      fake_cudnn_outside(y, fake_cudnn_span(to)))
    return fake_cudnn_misuse("x or y reaches outside device memory");
  if (!handle->stream) return fake_cudnn_misuse("the default stream, which waits for every other");
  struct softmax *softmax = malloc(sizeof *softmax);
  if (!softmax) return CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
  *softmax = (struct softmax){mode, *from, *to, x, y};
  if (!fake_enqueue(handle->stream, soften, softmax)) return CUDNN_STATUS_EXECUTION_FAILED;
  fake_cudnn.softmaxes[mode]++;
  return CUDNN_STATUS_SUCCESS;
}
