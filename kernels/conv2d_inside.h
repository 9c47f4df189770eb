// Which outputs of a convolution read inside the image, along one of its two dims.
#ifndef WHY_CONV2D_INSIDE_H
#define WHY_CONV2D_INSIDE_H
#include <stdint.h>

struct conv2d_inside {
  int64_t first, last; // [first, last); equal where there is none
};

// The outputs i of [from, to), 0 <= from <= to, for which i * stride + offset lies in [0, in).
// offset: of the filter's element from the start of its window, less the padding.
static inline struct conv2d_inside conv2d_inside(int64_t offset, int64_t stride, int64_t in,
                                                 int64_t from, int64_t to) {
  struct conv2d_inside range = {from, to};
  const int64_t first = offset < 0 ? (stride - 1 - offset) / stride : 0;
  const int64_t last = offset < in ? (in - offset + stride - 1) / stride : 0;
  if (range.last > last) range.last = last;
  if (range.first < first) range.first = first;
  if (range.last < range.first) range.last = range.first;
  return range;
}

#endif
