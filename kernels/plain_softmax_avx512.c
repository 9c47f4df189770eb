// softmax avx512: sixteen lanes.
#include "plain_softmax.h"
#include <immintrin.h>
#include <math.h>

#define INSTRUCTIONS "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"
#define TARGET __attribute__((target(INSTRUCTIONS)))
#define SIMD static inline __attribute__((always_inline, target(INSTRUCTIONS)))

enum { LANES = 16 };
typedef __m512 vf;

SIMD vf vf_set(float x) {
  return _mm512_set1_ps(x);
}
SIMD vf vf_add(vf a, vf b) {
  return _mm512_add_ps(a, b);
}
SIMD vf vf_sub(vf a, vf b) {
  return _mm512_sub_ps(a, b);
}
SIMD vf vf_mul(vf a, vf b) {
  return _mm512_mul_ps(a, b);
}
SIMD vf vf_max(vf a, vf b) {
  return _mm512_max_ps(a, b);
}
SIMD vf vf_fma(vf a, vf b, vf c) {
  return _mm512_fmadd_ps(a, b, c);
}
SIMD vf vf_bound(vf x) {
  return _mm512_max_ps(_mm512_set1_ps(-110), x);
} // NaNs stay
SIMD vf vf_times_power(vf e, vf n, vf t, vf x) {
  (void)t;
  (void)x;
  return _mm512_scalef_ps(e, n);
}

SIMD float vf_top(vf a) {
  return _mm512_reduce_max_ps(a);
}
SIMD float vf_total(vf a) {
  return _mm512_reduce_add_ps(a);
}

SIMD vf vf_load(const float *from) {
  return _mm512_loadu_ps(from);
}
SIMD void vf_store(float *to, vf a) {
  _mm512_storeu_ps(to, a);
}
SIMD void vf_bypass(float *to, vf a) {
  _mm512_stream_ps(to, a);
}
SIMD vf vf_load_bf16(const uint16_t *from) {
  const __m512i bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
}
// As float_to_bf16() in convert.h.
SIMD __m256i to_bf16(vf a) {
  const __m512i bits = _mm512_castps_si512(a), one = _mm512_set1_epi32(1);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
  const __mmask16 nan = _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
  const __m512i chosen = _mm512_mask_blend_epi32(nan, rounded, quiet);
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(chosen, 16));
}
SIMD void vf_store_bf16(uint16_t *to, vf a) {
  _mm256_storeu_si256((__m256i *)to, to_bf16(a));
}
SIMD void vf_bypass_bf16(uint16_t *to, vf a) {
  _mm256_stream_si256((__m256i *)to, to_bf16(a));
}
SIMD void bypass_fence(void) {
  _mm_sfence();
}

#include "plain_softmax_rows.h"

static enum why_reason run(struct why_call *call) {
  return softmax_run(call, softmax_f32, softmax_bf16);
}

const struct why_code plain_softmax_avx512 = {.run = run};
