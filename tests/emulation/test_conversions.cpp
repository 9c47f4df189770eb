// 16-bit floating point against double: every 16-bit value, every boundary between two of them,
// and a few million floats.
#include "emulation_test.h"
#include "ptx.cuh"
#include <math.h>

struct format {
  uint16_t (*from)(float);
  float (*to)(uint16_t);
  int fraction, least; // bits; the exponent of the smallest normal number
  double largest;      // finite value
};
static const format bf16 = {bf16_from, bf16_to, 7, -126, 0x1.fep127};
static const format f16 = {f16_from, f16_to, 10, -14, 65504};

static float float_of(uint32_t bits) {
  return __uint_as_float(bits);
}

// What the bits mean, from IEEE 754's definition.
static double value_of(const format &f, unsigned bits) {
  unsigned size = bits & 0x7fff, exponent = size >> f.fraction;
  double fraction = size & ((1u << f.fraction) - 1), sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 0x7fffu >> f.fraction) return fraction != 0 ? (double)NAN : sign * HUGE_VAL;
  if (exponent == 0) return sign * ldexp(fraction, f.least - f.fraction);
  return sign * ldexp(fraction + (1 << f.fraction), (int)exponent - 1 + f.least - f.fraction);
}

// The nearest value of the format, ties to even. Exact: a double holds x and the step between
// values, and nearbyint() rounds ties to even.
static double nearest(const format &f, double x) {
  if (x == 0 || isinf(x)) return x;
  int exponent = ilogb(x) > f.least ? ilogb(x) : f.least;
  double step = ldexp(1, exponent - f.fraction), rounded = nearbyint(x / step) * step;
  return fabs(rounded) > f.largest ? copysign(HUGE_VAL, x) : rounded;
}

static void check_from(const format &f, uint32_t bits) {
  float x = float_of(bits);
  uint16_t got = f.from(x);
  if (isnan(x)) {
    if (got != 0x7fff) fail_msg("NaN %08x became %04x", bits, got);
    return;
  }
  double wanted = nearest(f, (double)x), value = value_of(f, got);
  if (value != wanted || signbit(value) != signbit(wanted))
    fail_msg("%a became %04x, %a, not %a", (double)x, got, value, wanted);
}

static void check_format(const format &f) {
  for (unsigned bits = 0; bits < 65536; bits++) {
    double wanted = value_of(f, bits), value = (double)f.to((uint16_t)bits);
    if (isnan(wanted)) {
      assert_true(isnan(value));
      assert_int_equal(0x7fff, f.from(f.to((uint16_t)bits)));
      continue;
    }
    if (value != wanted || signbit(value) != signbit(wanted))
      fail_msg("%04x became %a, not %a", bits, value, wanted);
    assert_int_equal(bits, f.from(f.to((uint16_t)bits)));
    // Round the value itself, and round the boundary to the next one.
    double next = value_of(f, (bits & 0x7fff) < 0x7fff ? bits + 1 : bits);
    float middle = (float)((wanted + next) / 2);
    uint32_t here = __float_as_uint((float)wanted), there = __float_as_uint(middle);
    for (uint32_t shift = 0; shift < 5; shift++) {
      check_from(f, here + shift - 2);
      check_from(f, there + shift - 2);
    }
  }
  uint32_t bits = 1;
  for (int i = 0; i < 4000000; i++) check_from(f, bits = bits * 1664525u + 1013904223u);
}

static void bf16_is_exact(void **) {
  check_format(bf16);
}
static void f16_is_exact(void **) {
  check_format(f16);
}

// A few by hand, so that the reference above is not the only witness.
static void known_values(void **) {
  assert_int_equal(0x3f80, bf16_from(1));
  assert_int_equal(0x3f80, bf16_from(1.00390625f)); // half-way, to even
  assert_int_equal(0x3f82, bf16_from(1.01171875f)); // half-way, to even
  assert_int_equal(0x7f80, bf16_from(3.4028235e38f));
  assert_int_equal(0x3c00, f16_from(1));
  assert_int_equal(0x7bff, f16_from(65519.996f));
  assert_int_equal(0x7c00, f16_from(65520));
  assert_int_equal(0x0400, f16_from(6.103515625e-05f));         // 2^-14
  assert_int_equal(0x0001, f16_from(5.9604644775390625e-08f));  // 2^-24
  assert_int_equal(0x0000, f16_from(2.98023223876953125e-08f)); // 2^-25, half-way, to even
  assert_int_equal(0x8000, f16_from(-0.0f));
  assert_true(f16_to(0x3555) == 0.333251953125f);
  assert_true(bf16_to(0xc049) == -3.140625f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bf16_is_exact),
      cmocka_unit_test(f16_is_exact),
      cmocka_unit_test(known_values),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
