// What the tests of single kernels share: element types seen from the host, matrices on the device
// with guards round them, and calls made by hand, without dispatch. Conversions are written anew
// here, so that an error in those of the kernels shows.
#pragma once
#include "ops/ops.h"
#include "whycpu.h"
#include <cuda_runtime.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <vector>
extern "C" {
#include <cmocka.h>
}

struct format {        // of a 16-bit type
  int mantissa, least; // stored bits; exponent of the smallest normal number
};
inline format format_of(enum why_type type) {
  return type == WHY_F16 ? format{10, -14} : format{7, -126};
}

inline size_t size_of(enum why_type type) {
  return type == WHY_F64 ? 8 : type == WHY_F32 ? 4 : 2;
}

// The nearest value of the type, ties to even. Finite and in range, or NaN, or infinite.
inline void encode(enum why_type type, double x, void *out) {
  if (type == WHY_F64) {
    memcpy(out, &x, 8);
  } else if (type == WHY_F32) {
    float narrow = (float)x;
    memcpy(out, &narrow, 4);
  } else {
    format f = format_of(type);
    int exponent;
    frexp(x, &exponent);
    exponent = isfinite(x) && exponent - 1 > f.least ? exponent - 1 : f.least;
    unsigned bits = isnan(x)   ? 0x7fff
                    : isinf(x) ? 0x7fffu >> f.mantissa << f.mantissa
                               : ((unsigned)(exponent - f.least) << f.mantissa) +
                                     (unsigned)nearbyint(ldexp(fabs(x), f.mantissa - exponent));
    uint16_t half = (uint16_t)(bits | (signbit(x) && !isnan(x) ? 0x8000u : 0));
    memcpy(out, &half, 2);
  }
}

inline double decode(enum why_type type, const void *in) {
  if (type == WHY_F64) {
    double x;
    memcpy(&x, in, 8);
    return x;
  }
  if (type == WHY_F32) {
    float x;
    memcpy(&x, in, 4);
    return x;
  }
  uint16_t half;
  memcpy(&half, in, 2);
  format f = format_of(type);
  int exponent = (half & 0x7fff) >> f.mantissa, most = 0x7fff >> f.mantissa;
  double mantissa = half & ((1 << f.mantissa) - 1);
  double x = exponent == most ? (mantissa != 0 ? NAN : INFINITY)
             : exponent == 0
                 ? ldexp(mantissa, f.least - f.mantissa)
                 : ldexp(mantissa + (1 << f.mantissa), exponent - 1 + f.least - f.mantissa);
  return half & 0x8000 ? -x : x;
}

inline double random_unit(void) { // [-1, 1)
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (double)(int64_t)state / 9223372036854775808.0;
}

inline void check_cuda(cudaError_t error) {
  if (error) fail_msg("%s: %s", cudaGetErrorName(error), cudaGetErrorString(error));
}

// rows x cols elements, rows `pitch` elements apart, the first one `offset` elements after an
// address that is a multiple of 256 bytes. Before, between and after the rows lie guards.
struct matrix {
  enum why_type type;
  int64_t rows, cols, pitch, offset;
  std::vector<unsigned char> host; // what was sent
  void *device = nullptr;

  matrix(enum why_type type, int64_t rows, int64_t cols, int64_t pitch, int64_t offset, int guard)
      : type(type), rows(rows), cols(cols), pitch(pitch), offset(offset) {
    host.assign((size_t)(offset + rows * pitch + 32) * size_of(type), (unsigned char)guard);
    check_cuda(cudaMalloc(&device, host.size()));
  }
  matrix(const matrix &) = delete;
  ~matrix() { cudaFree(device); }

  size_t at(int64_t row, int64_t col) const {
    return (size_t)(offset + row * pitch + col) * size_of(type);
  }
  void set(int64_t row, int64_t col, double x) { encode(type, x, &host[at(row, col)]); }
  double get(int64_t row, int64_t col) const { return decode(type, &host[at(row, col)]); }
  template <class F> void fill(F value) {
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < cols; j++) set(i, j, value(i, j));
  }
  void send() { check_cuda(cudaMemcpy(device, host.data(), host.size(), cudaMemcpyHostToDevice)); }

  // What the device has now; fails where a guard has changed.
  std::vector<unsigned char> receive() const {
    check_cuda(cudaDeviceSynchronize());
    std::vector<unsigned char> now(host.size());
    check_cuda(cudaMemcpy(now.data(), device, now.size(), cudaMemcpyDeviceToHost));
    std::vector<unsigned char> guards = now;
    for (int64_t i = 0; i < rows; i++)
      memcpy(&guards[at(i, 0)], &host[at(i, 0)], (size_t)cols * size_of(type));
    if (guards != host) fail_msg("written outside the matrix");
    return now;
  }

  struct why_tensor tensor(bool transposed) const {
    struct why_tensor t = {};
    t.type = type;
    t.rank = 2;
    t.dim[0] = transposed ? cols : rows;
    t.dim[1] = transposed ? rows : cols;
    t.stride[0] = transposed ? 1 : pitch;
    t.stride[1] = transposed ? pitch : 1;
    t.data = (char *)device + at(0, 0);
    return t;
  }
};

inline enum why_reason run(const struct why_code &code, const struct why_problem *problem,
                           const struct why_tensor *operand, struct why_verdict *verdict) {
  struct why_device device = {};
  struct why_call call = {};
  *verdict = {WHY_OK, 0, 0, "", ""};
  call.device = &device;
  call.problem = problem;
  call.operand = operand;
  call.threads = 1;
  call.why = verdict;
  enum why_reason reason = code.run(&call);
  assert_int_equal(reason, verdict->reason);
  assert_non_null(verdict->note);
  return reason;
}
