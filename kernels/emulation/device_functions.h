// The functions and intrinsics that kernels call, and the words they are declared with.
#pragma once
#include "execution.h"
#include <cmath>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __constant__ static
#define __align__(n) __attribute__((aligned(n)))

// Thread-local, because the symbol table tells where a module's thread-local variables are, those
// of templates as well. See shared.cpp.
#define EMU_JOIN2(a, b) a##b
#define EMU_JOIN(a, b) EMU_JOIN2(a, b)
#define __shared__ EMU_SHARED(EMU_JOIN(emu_guard_, __COUNTER__))
#define EMU_SHARED(guard)                                                                          \
  static thread_local emu::shared_guard guard;                                                     \
  emu::shared_declared(&guard, __FILE__, __LINE__);                                                \
  static thread_local

extern uint3 threadIdx, blockIdx; // rewritten at every switch
extern dim3 blockDim, gridDim;
static constexpr int warpSize = 32;

#define EMU_AT const char *file = __builtin_FILE(), int line = __builtin_LINE()

static inline void __syncthreads(EMU_AT) {
  emu::sync_block(file, line);
}
static inline void __syncwarp(unsigned mask = ~0u, EMU_AT) {
  emu::sync_warp(
      mask, emu::SYNC, [](emu::fiber *, unsigned) {}, file, line);
}

// Which lane each shuffle reads: CUDA C++ Programming Guide, "Warp Shuffle Functions". A lane that
// would leave its segment of `width` lanes reads itself.
template <class T> T __shfl_sync(unsigned mask, T value, int source, int width = warpSize, EMU_AT) {
  unsigned last = (unsigned)width - 1, base = emu::self->lane & ~last;
  unsigned lane = base | ((unsigned)source & last);
  return emu::from_bits<T>(emu::shuffle(mask, emu::to_bits(value), lane, file, line));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int flip, int width = warpSize, EMU_AT) {
  unsigned last = (unsigned)width - 1, lane = emu::self->lane, from = lane ^ (unsigned)flip;
  if ((from & ~last) > (lane & ~last)) from = lane; // a later segment; an earlier one may be read
  return emu::from_bits<T>(emu::shuffle(mask, emu::to_bits(value), from, file, line));
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize, EMU_AT) {
  unsigned last = (unsigned)width - 1, lane = emu::self->lane;
  unsigned from = (lane & last) + delta > last ? lane : lane + delta;
  return emu::from_bits<T>(emu::shuffle(mask, emu::to_bits(value), from, file, line));
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize, EMU_AT) {
  unsigned last = (unsigned)width - 1, lane = emu::self->lane;
  unsigned from = (lane & last) < delta ? lane : lane - delta;
  return emu::from_bits<T>(emu::shuffle(mask, emu::to_bits(value), from, file, line));
}
static inline unsigned __ballot_sync(unsigned mask, int vote, EMU_AT) {
  return emu::ballot(mask, vote != 0, file, line);
}
static inline int __any_sync(unsigned mask, int vote, EMU_AT) {
  return emu::ballot(mask, vote != 0, file, line) != 0;
}
static inline int __all_sync(unsigned mask, int vote, EMU_AT) {
  return emu::ballot(mask, vote == 0, file, line) == 0;
}

// No fiber is interrupted in the middle: plain arithmetic is atomic.
template <class T> T atomicAdd(T *p, T value) {
  T old = *p;
  *p = old + value;
  return old;
}
template <class T> T atomicMax(T *p, T value) {
  T old = *p;
  if (value > old) *p = value;
  return old;
}

template <class T> T __ldg(const T *p) {
  return *p;
}

// CUDA has min and max for any two arithmetic types, with the usual conversions.
template <class A, class B> static constexpr std::common_type_t<A, B> min(A a, B b) {
  std::common_type_t<A, B> x = a, y = b;
  return y < x ? y : x;
}
template <class A, class B> static constexpr std::common_type_t<A, B> max(A a, B b) {
  std::common_type_t<A, B> x = a, y = b;
  return x < y ? y : x;
}

#define __expf expf // glibc declares a function of that name
static inline float __fdividef(float a, float b) {
  return a / b;
}
static inline float rsqrtf(float x) {
  return 1.0f / sqrtf(x);
}
static inline unsigned __float_as_uint(float x) {
  return (unsigned)emu::to_bits(x);
}
static inline float __uint_as_float(unsigned x) {
  return emu::from_bits<float>(x);
}
static inline int __float_as_int(float x) {
  return (int)emu::to_bits(x);
}
static inline float __int_as_float(int x) {
  return emu::from_bits<float>((unsigned)x);
}
