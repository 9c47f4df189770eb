// Every PTX instruction that the kernels use, each a small function with two bodies: inline
// assembly for nvcc, C++ for the emulation. Where the architecture has not got it, it traps.
// Leaves out what is done with them.
#pragma once
#include <cuda_runtime.h>
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define PTX __device__ __forceinline__
#else
#define PTX static inline
#endif

// ---- 16-bit floating point, as its bits
// ----------------------------------------------------------

// Rounds to nearest, ties to even; every NaN becomes 0x7fff, as cvt.rn has it.
__host__ __device__ static inline uint16_t bf16_from(float x) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  uint16_t bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
#else
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  if ((u & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return (uint16_t)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
#endif
}

__host__ __device__ static inline float bf16_to(uint16_t bits) {
  uint32_t u = (uint32_t)bits << 16;
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

// Likewise; from 65520 on it is infinity.
__host__ __device__ static inline uint16_t f16_from(float x) {
#ifdef __CUDA_ARCH__
  uint16_t bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
#else
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  uint32_t sign = u >> 16 & 0x8000u, size = u & 0x7fffffffu;
  if (size > 0x7f800000u) return 0x7fff;
  if (size >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);
  if (size >= 0x38800000u) // 2^-14: normal; a carry out of the fraction is the next exponent
    return (uint16_t)(sign | ((size - 0x38000000u + 0xfffu + (size >> 13 & 1)) >> 13));
  uint32_t drop = 126 - (size >> 23); // bits below 2^-24, the last of a subnormal
  if (drop > 24) return (uint16_t)sign;
  uint32_t fraction = (size & 0x7fffffu) | 0x800000u, kept = fraction >> drop;
  uint32_t rest = fraction & ((1u << drop) - 1), half = 1u << (drop - 1);
  return (uint16_t)(sign | (kept + (rest > half || (rest == half && (kept & 1)))));
#endif
}

__host__ __device__ static inline float f16_to(uint16_t bits) {
  float x;
#ifdef __CUDA_ARCH__
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
#else
  uint32_t exponent = bits >> 10 & 31, fraction = bits & 0x3ffu, u;
  if (exponent == 0) {
    x = (float)fraction * (1.0f / (1 << 24));
    memcpy(&u, &x, sizeof u);
  } else {
    u = (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
  }
  u |= (uint32_t)(bits & 0x8000) << 16;
  memcpy(&x, &u, sizeof x);
#endif
  return x;
}

// ---- shared memory
// -------------------------------------------------------------------------------

// The block's dynamic shared memory, 1024-byte aligned: the start of all that the launch asked for.
template <class T> PTX T *smem_dynamic(void) {
#ifdef __CUDACC__
  extern __shared__ __align__(1024) unsigned char bytes[];
  return reinterpret_cast<T *>(bytes);
#else
  return reinterpret_cast<T *>(emu::dynamic_shared);
#endif
}

// From sm_80 on: asks for 16 bytes, both sides 16-byte aligned. They have landed, for this thread,
// when it has waited until at most so many of its committed groups are under way; for the block
// after a barrier as well.
PTX void copy_async_16(void *shared, const void *global) {
#ifndef __CUDACC__
  emu::need(80, "cp.async", __FILE__, __LINE__);
  emu::copy_begin(shared, global, 16, __FILE__, __LINE__);
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "cp.async.cg.shared.global [%0], [%1], 16;" ::"r"((unsigned)__cvta_generic_to_shared(shared)),
      "l"(global)
      : "memory");
#else
  __trap();
#endif
}

PTX void copy_async_commit(void) {
#ifndef __CUDACC__
  emu::need(80, "cp.async.commit_group", __FILE__, __LINE__);
  emu::copy_commit();
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  __trap();
#endif
}

template <int GROUPS> PTX void copy_async_wait(void) {
#ifndef __CUDACC__
  emu::need(80, "cp.async.wait_group", __FILE__, __LINE__);
  emu::copy_wait(GROUPS);
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory");
#else
  __trap();
#endif
}

// ---- tensor cores
// --------------------------------------------------------------------------------

// d(16,8) += a(16,16) b(16,8) by one whole warp, 16-bit in, f32 out; from sm_80 on. With g = lane/4
// and t = lane%4, each register of a and b holding two values, the lower first (PTX ISA, "Matrix
// Fragments for mma.m16n8k16 with floating point type"):
//   a[i] = a(g + 8 (i%2), 2t + 8 (i/2) + {0,1})
//   b[i] = b(2t + 8 i + {0,1}, g)
//   d[i] = d(g + 8 (i/2), 2t + i%2)
#ifdef __CUDACC__
#if __CUDA_ARCH__ >= 800
#define PTX_MMA(type)                                                                              \
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." type "." type ".f32 "                      \
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"                             \
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                    \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]))
#else
#define PTX_MMA(type) __trap()
#endif
#endif

PTX void mma_m16n8k16_bf16(float d[4], const uint32_t a[4], const uint32_t b[2]) {
#ifdef __CUDACC__
  PTX_MMA("bf16");
#else
  emu::need(80, "mma.sync.m16n8k16.bf16", __FILE__, __LINE__);
  emu::mma_m16n8k16(d, a, b, emu::MMA_BF16, bf16_to, __FILE__, __LINE__);
#endif
}

PTX void mma_m16n8k16_f16(float d[4], const uint32_t a[4], const uint32_t b[2]) {
#ifdef __CUDACC__
  PTX_MMA("f16");
#else
  emu::need(80, "mma.sync.m16n8k16.f16", __FILE__, __LINE__);
  emu::mma_m16n8k16(d, a, b, emu::MMA_F16, f16_to, __FILE__, __LINE__);
#endif
}
