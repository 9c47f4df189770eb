// softmax avx2: eight lanes, with fused multiply-add.
#include "plain_softmax.h"
#include <immintrin.h>
#include <math.h>

#define TARGET __attribute__((target("avx2,fma")))
#define SIMD static inline __attribute__((always_inline, target("avx2,fma")))

enum { LANES = 8 };
typedef __m256 vf;

SIMD vf vf_set(float x) {
  return _mm256_set1_ps(x);
}
SIMD vf vf_add(vf a, vf b) {
  return _mm256_add_ps(a, b);
}
SIMD vf vf_sub(vf a, vf b) {
  return _mm256_sub_ps(a, b);
}
SIMD vf vf_mul(vf a, vf b) {
  return _mm256_mul_ps(a, b);
}
SIMD vf vf_max(vf a, vf b) {
  return _mm256_max_ps(a, b);
}
SIMD vf vf_fma(vf a, vf b, vf c) {
  return _mm256_fmadd_ps(a, b, c);
}
// All bits set where e^x does not round to 0, and for NaNs.
SIMD vf not_zero(vf x) {
  return _mm256_cmp_ps(x, _mm256_set1_ps(-104), _CMP_NLT_UQ);
}
SIMD vf vf_bound(vf x) {
  return _mm256_and_ps(not_zero(x), x);
}
// e times 2^n: n + 32, from the low bits of t, goes into the exponent, which stays normal; the
// product then rounds a small result once.
SIMD vf vf_times_power(vf e, vf n, vf t, vf x) {
  (void)n;
  const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(t), 23);
  const __m256i bits = _mm256_add_epi32(_mm256_castps_si256(e), exponent);
  const vf value = _mm256_mul_ps(_mm256_castsi256_ps(bits), _mm256_set1_ps(0x1p-32f));
  return _mm256_and_ps(not_zero(x), value);
}

SIMD float vf_top(vf a) {
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_shuffle_ps(half, half, 1)));
}
SIMD float vf_total(vf a) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}

SIMD vf vf_load(const float *from) {
  return _mm256_loadu_ps(from);
}
SIMD void vf_store(float *to, vf a) {
  _mm256_storeu_ps(to, a);
}
SIMD void vf_bypass(float *to, vf a) {
  _mm256_stream_ps(to, a);
}
SIMD vf vf_load_bf16(const uint16_t *from) {
  const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)from));
  return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
}
// As float_to_bf16() in convert.h.
SIMD __m128i to_bf16(vf a) {
  const __m256i bits = _mm256_castps_si256(a), one = _mm256_set1_epi32(1);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), one);
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256 nan = _mm256_cmp_ps(a, a, _CMP_UNORD_Q);
  const __m256 chosen =
      _mm256_blendv_ps(_mm256_castsi256_ps(rounded), _mm256_castsi256_ps(quiet), nan);
  const __m256i high = _mm256_srli_epi32(_mm256_castps_si256(chosen), 16);
  return _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
}
SIMD void vf_store_bf16(uint16_t *to, vf a) {
  _mm_storeu_si128((__m128i *)to, to_bf16(a));
}
SIMD void vf_bypass_bf16(uint16_t *to, vf a) {
  _mm_stream_si128((__m128i *)to, to_bf16(a));
}
SIMD void bypass_fence(void) {
  _mm_sfence();
}

#include "plain_softmax_rows.h"

static enum why_reason run(struct why_call *call) {
  return softmax_run(call, softmax_f32, softmax_bf16);
}

const struct why_code plain_softmax_avx2 = {.run = run};
