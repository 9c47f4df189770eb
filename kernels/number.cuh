// How elements are stored, what they are added up in, and 128-bit packs of them. The arithmetic of
// the conversions is in ptx.cuh.
#pragma once
#include "ptx.cuh"

struct f16 {
  uint16_t bits;
};
struct bf16 {
  uint16_t bits;
};

// What products of T are added up in: 16-bit types in f32, rounded once at the end.
template <class T> struct sum_type { using type = T; };
template <> struct sum_type<f16> { using type = float; };
template <> struct sum_type<bf16> { using type = float; };
template <class T> using sum_of = typename sum_type<T>::type;

__device__ static inline double widen(double x) {
  return x;
}
__device__ static inline float widen(float x) {
  return x;
}
__device__ static inline float widen(f16 x) {
  return f16_to(x.bits);
}
__device__ static inline float widen(bf16 x) {
  return bf16_to(x.bits);
}

template <class T> __device__ inline T narrow(sum_of<T> x) {
  return x;
}
template <> __device__ inline f16 narrow<f16>(float x) {
  return {f16_from(x)};
}
template <> __device__ inline bf16 narrow<bf16>(float x) {
  return {bf16_from(x)};
}

// W neighbours that move in one load or store; the address must be a multiple of their size.
template <class T, int W> struct alignas(sizeof(T) * W) pack { T at[W]; };
template <class T, int W> __device__ inline pack<T, W> load(const T *from) {
  return *reinterpret_cast<const pack<T, W> *>(from);
}
template <class T, int W> __device__ inline void store(T *to, const pack<T, W> &value) {
  *reinterpret_cast<pack<T, W> *>(to) = value;
}
