// Multiply-adds in twelve independent chains, enough to cover a latency of 4 cycles on 2 units with
// room to spare, and copies a cache line at a time.
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

int flops_units(uint32_t cpu_features, struct flops_unit *out) {
  const uint32_t avx2 = cpu_features & WHY_CPU_AVX2, avx512 = cpu_features & WHY_CPU_AVX512;
  const uint32_t dot = cpu_features & WHY_CPU_AVX512_BF16, amx = cpu_features & WHY_CPU_AMX_BF16;
  const struct flops_unit unit[FLOPS_UNITS] = {
      {"f64-sse2", WHY_MATH_F64, sse2_f64},
      {"f64-avx2", WHY_MATH_F64, avx2 ? avx2_f64 : NULL},
      {"f64-avx512", WHY_MATH_F64, avx512 ? avx512_f64 : NULL},
      {"f32-sse2", WHY_MATH_F32, sse2_f32},
      {"f32-avx2", WHY_MATH_F32, avx2 ? avx2_f32 : NULL},
      {"f32-avx512", WHY_MATH_F32, avx512 ? avx512_f32 : NULL},
      {"f16-avx512", WHY_MATH_F16, flops_loop_f16(cpu_features)},
      {"bf16-avx512", WHY_MATH_BF16, dot ? flops_loop_bf16(WHY_CPU_AVX512_BF16) : NULL},
      {"bf16-amx", WHY_MATH_BF16, amx ? flops_loop_bf16(WHY_CPU_AMX_BF16) : NULL},
  };
  int count = 0;
  for (int i = 0; i < FLOPS_UNITS; i++)
    if (unit[i].loop != NULL) out[count++] = unit[i];
  return count;
}

// A line a round. Without the fence for the compiler the first would become memcpy, which may
// bypass the caches.
// clang-format off
#define COPY_LOOPS(name, attribute, vector, load, store, stream)                                   \
  attribute static void name##_cached(void *dst, const void *src, size_t bytes) {                  \
    enum { VECTORS = 64 / sizeof(vector) };                                                        \
    vector *to = dst, line[VECTORS];                                                               \
    const vector *from = src, *end = from + bytes / sizeof *from;                                  \
    for (; from < end; from += VECTORS, to += VECTORS) {                                           \
      for (int i = 0; i < VECTORS; i++) line[i] = load((const void *)(from + i));                  \
      __asm__ volatile("" ::: "memory");                                                           \
      for (int i = 0; i < VECTORS; i++) store((void *)(to + i), line[i]);                          \
    }                                                                                              \
  }                                                                                                \
  attribute static void name##_nontemporal(void *dst, const void *src, size_t bytes) {             \
    enum { VECTORS = 64 / sizeof(vector) };                                                        \
    vector *to = dst, line[VECTORS];                                                               \
    const vector *from = src, *end = from + bytes / sizeof *from;                                  \
    for (; from < end; from += VECTORS, to += VECTORS) {                                           \
      for (int i = 0; i < VECTORS; i++) line[i] = load((const void *)(from + i));                  \
      for (int i = 0; i < VECTORS; i++) stream((void *)(to + i), line[i]);                         \
    }                                                                                              \
    _mm_sfence();                                                                                  \
  }
COPY_LOOPS(sse2,         , __m128i, _mm_load_si128,    _mm_store_si128,    _mm_stream_si128)
COPY_LOOPS(avx2,   AVX2,   __m256i, _mm256_load_si256, _mm256_store_si256, _mm256_stream_si256)
COPY_LOOPS(avx512, AVX512, __m512i, _mm512_load_si512, _mm512_store_si512, _mm512_stream_si512)
// clang-format on

copy_loop *copy_loop_cached(uint32_t cpu_features) {
  if (cpu_features & WHY_CPU_AVX512) return avx512_cached;
  return cpu_features & WHY_CPU_AVX2 ? avx2_cached : sse2_cached;
}

copy_loop *copy_loop_nontemporal(uint32_t cpu_features) {
  if (cpu_features & WHY_CPU_AVX512) return avx512_nontemporal;
  return cpu_features & WHY_CPU_AVX2 ? avx2_nontemporal : sse2_nontemporal;
}
