// bf16 and f16 bit patterns to and from float, in plain integer and float operations, so that the
// result is the same on every CPU: widening is exact, narrowing rounds to nearest even, overflow
// becomes infinity, denormals are kept (of f16 too) and a NaN stays a quiet NaN of the same sign.
// They assume the default rounding mode and that denormals are not flushed. Leaves out CUDA's own
// conversions.
#ifndef WHY_CONVERT_H
#define WHY_CONVERT_H
#include <stdint.h>
#include <string.h>

static inline uint32_t float_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline float bf16_to_float(uint16_t bits) {
  return float_of_bits((uint32_t)bits << 16);
}

static inline uint16_t float_to_bf16(float value) {
  const uint32_t bits = float_bits(value);
  const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1); // carries into infinity by itself
  const uint32_t nan = bits | 0x400000;
  return (uint16_t)(((bits & 0x7fffffff) > 0x7f800000 ? nan : rounded) >> 16);
}

static inline float f16_to_float(uint16_t bits) {
  const uint32_t magnitude = (uint32_t)(bits & 0x7fff) << 13;
  // Read as a float, the exponent is 112 too small: for denormals too, so a product mends both.
  const uint32_t finite = float_bits(float_of_bits(magnitude) * 0x1p112f);
  const uint32_t quiet = (bits & 0x3ff) != 0 ? 0x400000 : 0;
  const uint32_t special = magnitude | 0x7f800000 | quiet;
  const uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
  return float_of_bits(sign | (magnitude >= 0x0f800000 ? special : finite));
}

static inline uint16_t float_to_f16(float value) {
  const uint32_t bits = float_bits(value), magnitude = bits & 0x7fffffff;
  // 2^-14 and up: move the exponent and round away 13 bits.
  const uint32_t normal = (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13;
  // Below: in [0.5, 1) floats lie 2^-24 apart, the step of f16's denormals, so the sum rounds.
  const uint32_t small = float_bits(float_of_bits(magnitude) + 0.5f) - 0x3f000000;
  const uint32_t nan = 0x7e00 | (magnitude >> 13 & 0x3ff);
  uint32_t half = magnitude < 0x38800000 ? small : normal;
  half = magnitude >= 0x477ff000 ? 0x7c00 : half; // 65520: half-way beyond the largest, 65504
  half = magnitude > 0x7f800000 ? nan : half;
  return (uint16_t)(bits >> 16 & 0x8000) | (uint16_t)half;
}

#endif
