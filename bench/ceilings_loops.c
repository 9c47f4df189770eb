// Multiply-adds in twelve independent chains, enough to cover a latency of 4 cycles on 2 units with
// room to spare, and copies with ordinary and non-temporal stores of 16 bytes.
#include "ceilings_loops.h"
#include <immintrin.h>

enum { CHAINS = 12 };

// One round a call of STEP for each chain. Values stay near 1: x = x * 0.999 + 0.001.
// clang-format off
#define FLOPS_LOOP(name, attribute, vector, lanes, scalar, set, step, store)                       \
  attribute static double name(int64_t rounds, double *sink) {                                     \
    const vector factor = set((scalar)0.999), term = set((scalar)0.001);                           \
    vector a = set(1), b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a;\
    for (int64_t round = 0; round < rounds; round++) {                                             \
      a = step(a, factor, term); b = step(b, factor, term); c = step(c, factor, term);             \
      d = step(d, factor, term); e = step(e, factor, term); f = step(f, factor, term);             \
      g = step(g, factor, term); h = step(h, factor, term); i = step(i, factor, term);             \
      j = step(j, factor, term); k = step(k, factor, term); l = step(l, factor, term);             \
      /* Chains that start alike must not be merged into one. */                                   \
      __asm__ volatile("" : "+x"(a), "+x"(b), "+x"(c), "+x"(d), "+x"(e), "+x"(f));                 \
      __asm__ volatile("" : "+x"(g), "+x"(h), "+x"(i), "+x"(j), "+x"(k), "+x"(l));                 \
    }                                                                                              \
    const vector chain[CHAINS] = {a, b, c, d, e, f, g, h, i, j, k, l};                             \
    double sum = 0;                                                                                \
    for (int n = 0; n < CHAINS; n++) {                                                             \
      scalar lane[lanes];                                                                          \
      store(lane, chain[n]);                                                                       \
      for (int m = 0; m < (lanes); m++) sum += (double)lane[m];                                    \
    }                                                                                              \
    *sink = sum;                                                                                   \
    return 2.0 * CHAINS * (lanes) * (double)rounds;                                                \
  }

#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f")))
#define MULTIPLY_ADD_PS(x, y, z) _mm_add_ps(_mm_mul_ps(x, y), z)
#define MULTIPLY_ADD_PD(x, y, z) _mm_add_pd(_mm_mul_pd(x, y), z)
FLOPS_LOOP(sse2_f32,         , __m128,   4, float,  _mm_set1_ps,    MULTIPLY_ADD_PS, _mm_storeu_ps)
FLOPS_LOOP(sse2_f64,         , __m128d,  2, double, _mm_set1_pd,    MULTIPLY_ADD_PD, _mm_storeu_pd)
FLOPS_LOOP(avx2_f32,   AVX2,   __m256,   8, float,  _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps)
FLOPS_LOOP(avx2_f64,   AVX2,   __m256d,  4, double, _mm256_set1_pd, _mm256_fmadd_pd, _mm256_storeu_pd)
FLOPS_LOOP(avx512_f32, AVX512, __m512,  16, float,  _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps)
FLOPS_LOOP(avx512_f64, AVX512, __m512d,  8, double, _mm512_set1_pd, _mm512_fmadd_pd, _mm512_storeu_pd)
// clang-format on

flops_loop *flops_loop_f32(void) {
  if (__builtin_cpu_supports("avx512f")) return avx512_f32;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2_f32;
  return sse2_f32;
}

flops_loop *flops_loop_f64(void) {
  if (__builtin_cpu_supports("avx512f")) return avx512_f64;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2_f64;
  return sse2_f64;
}

void copy_cached(void *dst, const void *src, size_t bytes) {
  __m128i *to = dst;
  const __m128i *from = src, *end = from + bytes / sizeof *from;
  for (; from < end; from += 4, to += 4) {
    const __m128i a = _mm_load_si128(from), b = _mm_load_si128(from + 1);
    const __m128i c = _mm_load_si128(from + 2), d = _mm_load_si128(from + 3);
    __asm__ volatile("" ::: "memory"); // or this becomes memcpy, which may bypass the caches
    _mm_store_si128(to, a);
    _mm_store_si128(to + 1, b);
    _mm_store_si128(to + 2, c);
    _mm_store_si128(to + 3, d);
  }
}

void copy_nontemporal(void *dst, const void *src, size_t bytes) {
  __m128i *to = dst;
  const __m128i *from = src, *end = from + bytes / sizeof *from;
  for (; from < end; from += 4, to += 4) {
    const __m128i a = _mm_load_si128(from), b = _mm_load_si128(from + 1);
    const __m128i c = _mm_load_si128(from + 2), d = _mm_load_si128(from + 3);
    _mm_stream_si128(to, a);
    _mm_stream_si128(to + 1, b);
    _mm_stream_si128(to + 2, c);
    _mm_stream_si128(to + 3, d);
  }
  _mm_sfence();
}
