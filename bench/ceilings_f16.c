// Multiply-adds in f16 on the vectors that have them (AVX512-FP16), sums in f16 too: what the unit
// can, not what a product of f16 accumulated in f32 could.
#include "ceilings_loops.h"
#include <immintrin.h>

// clang has the type below 15 only where a whole file is compiled for it.
#if defined __x86_64__ && __has_include(<avx512fp16intrin.h>) &&                                   \
    (!defined __clang__ || __clang_major__ >= 15)
enum { CHAINS = 12, LANES = 32, F16_FACTOR = 0x3bfe, F16_TERM = 0x1419, F16_ONE = 0x3c00 };

// Normal numbers only, which is all that there is near 1.
static double value_of(uint16_t f16) {
  return ((f16 & 0x3ff) + 1024) * (1.0 / (1 << 25)) * (double)(1u << (f16 >> 10 & 0x1f));
}

// x = x * 0.999 + 0.001, as in ceilings_loops.c.
__attribute__((target("avx512f,avx512bw,avx512fp16"))) static double avx512_f16(int64_t rounds,
                                                                                double *sink) {
  const __m512h factor = _mm512_castsi512_ph(_mm512_set1_epi16(F16_FACTOR));
  const __m512h term = _mm512_castsi512_ph(_mm512_set1_epi16(F16_TERM));
  __m512h a = _mm512_castsi512_ph(_mm512_set1_epi16(F16_ONE)), b = a, c = a, d = a, e = a, f = a;
  __m512h g = a, h = a, i = a, j = a, k = a, l = a;
  for (int64_t round = 0; round < rounds; round++) {
    a = _mm512_fmadd_ph(a, factor, term);
    b = _mm512_fmadd_ph(b, factor, term);
    c = _mm512_fmadd_ph(c, factor, term);
    d = _mm512_fmadd_ph(d, factor, term);
    e = _mm512_fmadd_ph(e, factor, term);
    f = _mm512_fmadd_ph(f, factor, term);
    g = _mm512_fmadd_ph(g, factor, term);
    h = _mm512_fmadd_ph(h, factor, term);
    i = _mm512_fmadd_ph(i, factor, term);
    j = _mm512_fmadd_ph(j, factor, term);
    k = _mm512_fmadd_ph(k, factor, term);
    l = _mm512_fmadd_ph(l, factor, term);
    // Chains that start alike must not be merged into one.
    __asm__ volatile("" : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f));
    __asm__ volatile("" : "+v"(g), "+v"(h), "+v"(i), "+v"(j), "+v"(k), "+v"(l));
  }
  const __m512h chain[CHAINS] = {a, b, c, d, e, f, g, h, i, j, k, l};
  *sink = 0;
  for (int n = 0; n < CHAINS; n++) {
    uint16_t lane[LANES];
    _mm512_storeu_si512(lane, _mm512_castph_si512(chain[n]));
    for (int m = 0; m < LANES; m++) *sink += value_of(lane[m]);
  }
  return 2.0 * CHAINS * LANES * (double)rounds;
}

flops_loop *flops_loop_f16(uint32_t cpu_features) {
  return cpu_features & WHY_CPU_AVX512_FP16 ? avx512_f16 : NULL;
}
#else
flops_loop *flops_loop_f16(uint32_t cpu_features) {
  (void)cpu_features;
  return NULL;
}
#endif
