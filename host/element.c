// Elements of any storage type as double. See element.h.
#include "element.h"
#include <float.h>
#include <math.h>
#include <string.h>

// By its bits as a float, which has 112 more in its exponent's bias and 13 more bits of fraction.
static double f16_to_double(uint16_t h) {
  uint32_t magnitude = h & 0x7fffu, sign = (h & 0x8000u) << 16;
  uint32_t bits = (magnitude << 13) + (magnitude < 0x7c00 ? 112u << 23 : 0x7f800000u - (31u << 23));
  bits |= sign;
  float normal;
  memcpy(&normal, &bits, sizeof normal);
  if (magnitude >= 0x400) return (double)normal;
  double size = (double)magnitude * 0x1p-24;
  return sign ? -size : size;
}

static double bf16_to_double(uint16_t h) {
  uint32_t bits = (uint32_t)h << 16;
  float f;
  memcpy(&f, &bits, sizeof f);
  return (double)f;
}

// Rounds once, from double: least is the exponent of the smallest normal number, digits the bits of
// the fraction.
static uint16_t half_from_double(double x, int digits, int least, int most) {
  uint16_t sign = signbit(x) ? 0x8000 : 0;
  uint16_t infinity = (uint16_t)((most - least + 2) << digits);
  if (isnan(x)) return (uint16_t)(sign | infinity | 1 << (digits - 1));
  x = fabs(x);
  if (isinf(x) || x == 0) return x == 0 ? sign : sign | infinity;
  int exponent;
  frexp(x, &exponent);
  exponent = exponent - 1 < least ? least : exponent - 1;
  double fraction = nearbyint(ldexp(x, digits - exponent)); // in units of the last place
  double bits = fraction + ldexp(exponent - least, digits);
  return sign | (bits >= infinity ? infinity : (uint16_t)bits);
}

void why_slice_along(struct why_tensor *t, int dim, int64_t first, int64_t length) {
  t->dim[dim] = length;
  t->data = (char *)t->data + (size_t)(first * t->stride[dim]) * why_type_bytes(t->type);
}

double why_smallest_normal(enum why_type type) {
  return type == WHY_F64 ? DBL_MIN : type == WHY_F16 ? 0x1p-14 : (double)FLT_MIN;
}

double why_store_rounding(enum why_type type) {
  return type == WHY_F16 ? 0x1p-11 : type == WHY_BF16 ? 0x1p-8 : 0;
}

double why_element(const struct why_tensor *t, int64_t i) {
  switch (t->type) {
  case WHY_F64:
    return ((const double *)t->data)[i];
  case WHY_F32:
    return (double)((const float *)t->data)[i];
  case WHY_F16:
    return f16_to_double(((const uint16_t *)t->data)[i]);
  case WHY_BF16:
    return bf16_to_double(((const uint16_t *)t->data)[i]);
  default:
    return NAN;
  }
}

void why_element_set(const struct why_tensor *t, int64_t i, double x) {
  switch (t->type) {
  case WHY_F64:
    ((double *)t->data)[i] = x;
    break;
  case WHY_F32:
    ((float *)t->data)[i] = (float)x;
    break;
  case WHY_F16:
    ((uint16_t *)t->data)[i] = half_from_double(x, 10, -14, 15);
    break;
  case WHY_BF16:
    ((uint16_t *)t->data)[i] = half_from_double(x, 7, -126, 127);
    break;
  default:
    break;
  }
}

// The loops that a check spends its time in. clang 14 and the sanitizers do without the clones.
#if defined __x86_64__ && !defined __clang__ && !defined __SANITIZE_ADDRESS__ &&                   \
    !defined __SANITIZE_THREAD__
#define FAST __attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3")))
#else
#define FAST
#endif

FAST void why_elements(const struct why_tensor *t, int64_t offset, int64_t stride, int64_t n,
                       double *restrict out) {
  switch (t->type) {
  case WHY_F64: {
    const double *x = (const double *)t->data + offset;
    for (int64_t j = 0; j < n; j++) out[j] = x[j * stride];
    break;
  }
  case WHY_F32: {
    const float *x = (const float *)t->data + offset;
    for (int64_t j = 0; j < n; j++) out[j] = (double)x[j * stride];
    break;
  }
  case WHY_F16: {
    const uint16_t *x = (const uint16_t *)t->data + offset;
    for (int64_t j = 0; j < n; j++) out[j] = f16_to_double(x[j * stride]);
    break;
  }
  case WHY_BF16: {
    const uint16_t *x = (const uint16_t *)t->data + offset;
    for (int64_t j = 0; j < n; j++) out[j] = bf16_to_double(x[j * stride]);
    break;
  }
  default:
    for (int64_t j = 0; j < n; j++) out[j] = NAN;
  }
}

FAST void why_accumulate(int64_t n, double x, const double *restrict y, double *restrict sum,
                         double *restrict size) {
  double positive = fabs(x);
  for (int64_t j = 0; j < n; j++) {
    sum[j] += x * y[j];
    size[j] += positive * fabs(y[j]);
  }
}

// Many sums at a time, so that they vectorise without reordering by the compiler and do not wait
// for one another.
FAST void why_dot(int64_t n, const double *restrict x, const double *restrict y, double *sum,
                  double *size) {
  enum { LANES = 32 };
  double sums[LANES] = {0}, sizes[LANES] = {0};
  int64_t j = 0;
  for (; j + LANES <= n; j += LANES)
    for (int l = 0; l < LANES; l++) {
      double product = x[j + l] * y[j + l];
      sums[l] += product;
      sizes[l] += fabs(product);
    }
  for (; j < n; j++) {
    sums[0] += x[j] * y[j];
    sizes[0] += fabs(x[j] * y[j]);
  }
  if (n >= LANES) // else only the first was used
    for (int l = 1; l < LANES; l++) {
      sums[0] += sums[l];
      sizes[0] += sizes[l];
    }
  *sum = sums[0];
  *size = sizes[0];
}
