// gemm loops: c(i,j) = alpha sum_p a(i,p) b(p,j) + beta c(i,j), three loops in plain C on one
// thread: what a compiler makes of the formula. A strip of a row of c is summed in a small array
// (f32 for 16-bit types, whose c may be f32 too) while p walks down b, so the inner loop runs along
// b's rows, contiguous unless b is transposed. c is read only if beta is not 0. Leaves out all
// blocking for caches and registers: openblas.c has that.
#include "convert.h"
#include "gemm_view.h"
#include <stdbool.h>

enum { STRIP = 256 }; // columns of c: the sums, and the lines of a transposed b, stay in L1

#define SAME(x) (x)

#if defined(__GNUC__) && !defined(__clang__)
// gcc 12 at -O3 warns of a temporary of its own where it vectorises the strided loop in double.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// clang-format off
#define GEMM_LOOPS(name, type, sum_type, c_type, widen, widen_c, narrow)                           \
  static void name(const struct gemm_view *av, const struct gemm_view *bv,                         \
                   const struct gemm_view *cv, sum_type alpha, sum_type beta) {                    \
    sum_type sum[STRIP];                                                                           \
    for (int64_t left = 0; left < cv->cols; left += STRIP) {                                       \
      const int64_t width = cv->cols - left < STRIP ? cv->cols - left : STRIP;                     \
      for (int64_t i = 0; i < cv->rows; i++) {                                                     \
        for (int64_t j = 0; j < width; j++) sum[j] = 0;                                            \
        for (int64_t p = 0; p < av->cols; p++) {                                                   \
          const sum_type x =                                                                       \
              widen(((const type *)av->data)[i * av->row_stride + p * av->col_stride]);            \
          const type *b = (const type *)bv->data + p * bv->row_stride + left * bv->col_stride;     \
          if (bv->col_stride == 1)                                                                 \
            for (int64_t j = 0; j < width; j++) sum[j] += x * widen(b[j]);                         \
          else                                                                                     \
            for (int64_t j = 0; j < width; j++, b += bv->col_stride) sum[j] += x * widen(*b);      \
        }                                                                                          \
        c_type *c = (c_type *)cv->data + i * cv->row_stride + left * cv->col_stride;               \
        for (int64_t j = 0; j < width; j++) sum[j] *= alpha;                                       \
        if (beta != 0)                                                                             \
          for (int64_t j = 0; j < width; j++) sum[j] += beta * widen_c(c[j * cv->col_stride]);     \
        for (int64_t j = 0; j < width; j++) c[j * cv->col_stride] = narrow(sum[j]);                \
      }                                                                                            \
    }                                                                                              \
  }
GEMM_LOOPS(loops_f64,      double,   double, double,   SAME,          SAME,          SAME)
GEMM_LOOPS(loops_f32,      float,    float,  float,    SAME,          SAME,          SAME)
GEMM_LOOPS(loops_f16,      uint16_t, float,  uint16_t, f16_to_float,  f16_to_float,  float_to_f16)
GEMM_LOOPS(loops_bf16,     uint16_t, float,  uint16_t, bf16_to_float, bf16_to_float, float_to_bf16)
GEMM_LOOPS(loops_f16_f32,  uint16_t, float,  float,    f16_to_float,  SAME,          SAME)
GEMM_LOOPS(loops_bf16_f32, uint16_t, float,  float,    bf16_to_float, SAME,          SAME)
// clang-format on

static enum why_reason run(struct why_call *call) {
  const struct gemm_view a = gemm_view(&call->operand[GEMM_A]),
                         b = gemm_view(&call->operand[GEMM_B]),
                         c = gemm_view(&call->operand[GEMM_C]);
  const double alpha = call->problem->real[GEMM_ALPHA], beta = call->problem->real[GEMM_BETA];
  const bool wide = call->operand[GEMM_C].type == WHY_F32;
  switch (call->problem->type) {
  case WHY_F64:
    loops_f64(&a, &b, &c, alpha, beta);
    return WHY_OK;
  case WHY_F32:
    loops_f32(&a, &b, &c, (float)alpha, (float)beta);
    return WHY_OK;
  case WHY_F16:
    (wide ? loops_f16_f32 : loops_f16)(&a, &b, &c, (float)alpha, (float)beta);
    return WHY_OK;
  case WHY_BF16:
    (wide ? loops_bf16_f32 : loops_bf16)(&a, &b, &c, (float)alpha, (float)beta);
    return WHY_OK;
  default:
    return WHY_TYPE;
  }
}

const struct why_code plain_gemm_loops = {.run = run};
