// Elements of any storage type as double: what references and checks read operands through.
#ifndef WHY_ELEMENT_H
#define WHY_ELEMENT_H
#include "whycpu.h"

// The element at this many elements from data.
double why_element(const struct why_tensor *, int64_t offset);
// n elements from `offset` on, `stride` apart, into out.
void why_elements(const struct why_tensor *, int64_t offset, int64_t stride, int64_t n,
                  double *out);
// Rounds to the tensor's type, to nearest even.
void why_element_set(const struct why_tensor *, int64_t offset, double value);
// sum[j] += x y[j], size[j] += |x y[j]|.
void why_accumulate(int64_t n, double x, const double *y, double *sum, double *size);
// *sum = sum of x[j] y[j], *size = sum of |x[j] y[j]|.
void why_dot(int64_t n, const double *x, const double *y, double *sum, double *size);

// Narrows a tensor to the slice [first, first + length) along one dim.
void why_slice_along(struct why_tensor *, int dim, int64_t first, int64_t length);

// Below the smallest normal number rounding is absolute, so every scale starts from it.
double why_smallest_normal(enum why_type);
// Half a unit in the last place of a result that was computed in a wider type: 0 for f32 and f64.
double why_store_rounding(enum why_type);

#endif
