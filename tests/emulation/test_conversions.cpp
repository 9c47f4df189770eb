// 16-bit floating point against double: every 16-bit value, every boundary between two of them,
// and a few million floats. The conversions have one body for the host and one for a GPU: the first
// is compared with IEEE 754's definition, the second, in a kernel, with the first.
#include "gpu/device_test.h"
#include "ptx.cuh"
#include <math.h>

// Each number to the format's bits, and the value of each pattern of bits.
template <bool BF16> __global__ void narrow(uint16_t *out, const uint32_t *in, unsigned n) {
  unsigned at = blockIdx.x * blockDim.x + threadIdx.x;
  for (; at < n; at += gridDim.x * blockDim.x) {
    float x = __uint_as_float(in[at]);
    out[at] = BF16 ? bf16_from(x) : f16_from(x);
  }
}
template <bool BF16> __global__ void widen(float *out) {
  unsigned at = blockIdx.x * blockDim.x + threadIdx.x;
  out[at] = BF16 ? bf16_to((uint16_t)at) : f16_to((uint16_t)at);
}

struct format {
  uint16_t (*from)(float);
  float (*to)(uint16_t);
  void (*narrow)(uint16_t *, const uint32_t *, unsigned);
  void (*widen)(float *);
  int fraction, least; // bits; the exponent of the smallest normal number
  double largest;      // finite value
};
static const format bf16 = {bf16_from, bf16_to, narrow<true>, widen<true>, 7, -126, 0x1.fep127};
static const format f16 = {f16_from, f16_to, narrow<false>, widen<false>, 10, -14, 65504};
enum { PATTERNS = 65536, FLOATS = 4000000, BLOCK = 256 };

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
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

// Floats next to each value and next to each boundary between two of them; then others.
static std::vector<uint32_t> floats(const format &f) {
  std::vector<uint32_t> all;
  for (unsigned bits = 0; bits < PATTERNS; bits++) {
    double value = value_of(f, bits);
    if (isnan(value)) continue;
    double next = value_of(f, (bits & 0x7fff) < 0x7fff ? bits + 1 : bits);
    uint32_t here = bits_of((float)value), middle = bits_of((float)((value + next) / 2));
    for (uint32_t shift = 0; shift < 5; shift++) {
      all.push_back(here + shift - 2);
      all.push_back(middle + shift - 2);
    }
  }
  uint32_t bits = 1;
  for (int i = 0; i < FLOATS; i++) all.push_back(bits = bits * 1664525u + 1013904223u);
  return all;
}

static void check_host(const format &f) {
  for (unsigned bits = 0; bits < PATTERNS; bits++) {
    double wanted = value_of(f, bits), value = (double)f.to((uint16_t)bits);
    assert_int_equal(isnan(wanted) ? 0x7fff : bits, f.from(f.to((uint16_t)bits)));
    if (isnan(wanted) ? !isnan(value) : value != wanted || signbit(value) != signbit(wanted))
      fail_msg("%04x became %a, not %a", bits, value, wanted);
  }
  for (uint32_t bits : floats(f)) check_from(f, bits);
}

// Every bit as on the host; a NaN's own bits are not said for the wider type.
static void check_device(const format &f) {
  std::vector<uint32_t> in = floats(f);
  on_device<uint32_t> from(in);
  on_device<uint16_t> narrowed(in.size());
  on_device<float> widened(PATTERNS);
  assert_cuda(cudaSuccess, start(f.narrow, 64, BLOCK, 0, narrowed.data, from.data, in.size()));
  assert_cuda(cudaSuccess, start(f.widen, PATTERNS / BLOCK, BLOCK, 0, widened.data));
  std::vector<uint16_t> got = narrowed.read();
  for (size_t i = 0; i < in.size(); i++) {
    uint16_t wanted = f.from(float_of(in[i]));
    if (got[i] != wanted) fail_msg("%08x became %04x, not %04x", in[i], got[i], wanted);
  }
  std::vector<float> values = widened.read();
  for (unsigned bits = 0; bits < PATTERNS; bits++) {
    float wanted = f.to((uint16_t)bits), value = values[bits];
    if (isnan(wanted) ? !isnan(value) : bits_of(value) != bits_of(wanted))
      fail_msg("%04x became %a, not %a", bits, (double)value, (double)wanted);
  }
}

static void on_the_host_bf16_is_exact(void **) {
  check_host(bf16);
}
static void on_the_host_f16_is_exact(void **) {
  check_host(f16);
}
static void a_kernel_converts_bf16_as_the_host(void **) {
  check_device(bf16);
}
static void a_kernel_converts_f16_as_the_host(void **) {
  check_device(f16);
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
      cmocka_unit_test(known_values),
      cmocka_unit_test(on_the_host_bf16_is_exact),
      cmocka_unit_test(on_the_host_f16_is_exact),
      cmocka_unit_test(a_kernel_converts_bf16_as_the_host),
      cmocka_unit_test(a_kernel_converts_f16_as_the_host),
  };
  if (int skipped = without_gpu()) return skipped;
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
