// Rows of f16 or bf16 to float and back, with a stride on the 16-bit side. Blocks of a fixed length
// let the compiler use vectors at -O2 where the stride is 1.
#ifndef WHY_CONVERT_ROWS_H
#define WHY_CONVERT_ROWS_H
#include "convert.h"
#include "whycpu.h"

enum { CONVERT_BLOCK = 16 };

#define CONVERT_ROW(name, from_type, to_type, convert)                                             \
  static inline void name(const from_type *restrict from, int64_t from_stride, int64_t count,      \
                          to_type *restrict to, int64_t to_stride) {                               \
    int64_t i = 0;                                                                                 \
    if (from_stride == 1 && to_stride == 1)                                                        \
      for (; i + CONVERT_BLOCK <= count; i += CONVERT_BLOCK)                                       \
        for (int j = 0; j < CONVERT_BLOCK; j++) to[i + j] = convert(from[i + j]);                  \
    for (; i < count; i++) to[i * to_stride] = convert(from[i * from_stride]);                     \
  }
CONVERT_ROW(widen_bf16_row, uint16_t, float, bf16_to_float)
CONVERT_ROW(widen_f16_row, uint16_t, float, f16_to_float)
CONVERT_ROW(narrow_bf16_row, float, uint16_t, float_to_bf16)
CONVERT_ROW(narrow_f16_row, float, uint16_t, float_to_f16)
#undef CONVERT_ROW

static inline void widen_row(enum why_type type, const uint16_t *from, int64_t stride,
                             int64_t count, float *to) {
  (type == WHY_F16 ? widen_f16_row : widen_bf16_row)(from, stride, count, to, 1);
}

static inline void narrow_row(enum why_type type, const float *from, int64_t count, uint16_t *to,
                              int64_t stride) {
  (type == WHY_F16 ? narrow_f16_row : narrow_bf16_row)(from, 1, count, to, stride);
}

#endif
