// softmax portable: four lanes of SSE2, which every x86-64 has.
#include "plain_softmax.h"
#include <emmintrin.h>
#include <math.h>

#define TARGET
#define SIMD static inline __attribute__((always_inline))

enum { LANES = 4 };
typedef __m128 vf;

SIMD vf vf_set(float x) {
  return _mm_set1_ps(x);
}
SIMD vf vf_add(vf a, vf b) {
  return _mm_add_ps(a, b);
}
SIMD vf vf_sub(vf a, vf b) {
  return _mm_sub_ps(a, b);
}
SIMD vf vf_mul(vf a, vf b) {
  return _mm_mul_ps(a, b);
}
SIMD vf vf_max(vf a, vf b) {
  return _mm_max_ps(a, b);
}
SIMD vf vf_fma(vf a, vf b, vf c) {
  return _mm_add_ps(_mm_mul_ps(a, b), c);
}
// All bits set where e^x does not round to 0, and for NaNs.
SIMD vf not_zero(vf x) {
  return _mm_cmpnlt_ps(x, _mm_set1_ps(-104));
}
SIMD vf vf_bound(vf x) {
  return _mm_and_ps(not_zero(x), x);
}
// e times 2^n: n + 32, from the low bits of t, goes into the exponent, which stays normal; the
// product then rounds a small result once.
SIMD vf vf_times_power(vf e, vf n, vf t, vf x) {
  (void)n;
  const __m128i exponent = _mm_slli_epi32(_mm_castps_si128(t), 23);
  const __m128i bits = _mm_add_epi32(_mm_castps_si128(e), exponent);
  const vf value = _mm_mul_ps(_mm_castsi128_ps(bits), _mm_set1_ps(0x1p-32f));
  return _mm_and_ps(not_zero(x), value);
}

SIMD float vf_top(vf a) {
  a = _mm_max_ps(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(_mm_max_ss(a, _mm_shuffle_ps(a, a, 1)));
}
SIMD float vf_total(vf a) {
  a = _mm_add_ps(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(_mm_add_ss(a, _mm_shuffle_ps(a, a, 1)));
}

SIMD vf vf_load(const float *from) {
  return _mm_loadu_ps(from);
}
SIMD void vf_store(float *to, vf a) {
  _mm_storeu_ps(to, a);
}
SIMD void vf_bypass(float *to, vf a) {
  _mm_stream_ps(to, a);
}
SIMD vf vf_load_bf16(const uint16_t *from) {
  const __m128i half = _mm_loadl_epi64((const __m128i *)from);
  return _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), half));
}
// As float_to_bf16() in convert.h.
SIMD void vf_store_bf16(uint16_t *to, vf a) {
  const __m128i bits = _mm_castps_si128(a), one = _mm_set1_epi32(1);
  const __m128i odd = _mm_and_si128(_mm_srli_epi32(bits, 16), one);
  const __m128i rounded = _mm_add_epi32(_mm_add_epi32(bits, _mm_set1_epi32(0x7fff)), odd);
  const __m128i quiet = _mm_or_si128(bits, _mm_set1_epi32(0x400000));
  const __m128i nan = _mm_castps_si128(_mm_cmpunord_ps(a, a));
  const __m128i chosen = _mm_or_si128(_mm_and_si128(nan, quiet), _mm_andnot_si128(nan, rounded));
  const __m128i high = _mm_srai_epi32(chosen, 16); // signed, so that packing never saturates
  _mm_storel_epi64((__m128i *)to, _mm_packs_epi32(high, high));
}
// SSE2 has no 8-byte store past the caches.
SIMD void vf_bypass_bf16(uint16_t *to, vf a) {
  vf_store_bf16(to, a);
}
SIMD void bypass_fence(void) {
  _mm_sfence();
}

#include "plain_softmax_rows.h"

static enum why_reason run(struct why_call *call) {
  return softmax_run(call, softmax_f32, softmax_bf16);
}

const struct why_code plain_softmax_portable = {.run = run};
