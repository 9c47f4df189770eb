// conv2d loops: the sum of host/ops/ops.h in plain C on one thread, in f32 for every type. A strip
// of a row of y is summed in a small array, so that the inner loop is along whichever of x's dims
// is contiguous: along the row in nchw, down the channels in nhwc. What lies in the padding is
// left out of the loops, not multiplied by zero. Leaves out all blocking for caches and registers:
// openblas_conv2d.c has that.
#include "conv2d_inside.h"
#include "convert.h"
#include "ops/ops.h"

enum { STRIP = 256 }; // columns of y: their sums stay in L1

// A strip [left, right) of the row (n, p) of y, filter k.
struct strip {
  int64_t n, p, k, left, right;
};

#define SAME(x) (x)

// clang-format off
#define CONV2D_LOOPS(name, type, widen, narrow)                                                    \
  static void name##_strip(const struct conv2d_view *g, const struct why_tensor *xt,               \
                           const struct why_tensor *wt, const struct why_tensor *yt,               \
                           const struct strip *at) {                                               \
    float sum[STRIP] = {0};                                                                        \
    const int64_t x_step = g->stride_w * xt->stride[2];                                            \
    const int64_t x_channel = xt->stride[3], w_channel = wt->stride[3];                            \
    const type *image = (const type *)xt->data + at->n * xt->stride[0] +                           \
                        at->k / g->group_k * g->group_c * x_channel;                               \
    for (int64_t r = 0; r < g->r; r++) {                                                           \
      const int64_t h = at->p * g->stride_h - g->pad_top + r * g->dilation_h;                      \
      if (h < 0 || h >= g->h) continue;                                                            \
      for (int64_t s = 0; s < g->s; s++) {                                                         \
        const int64_t offset = s * g->dilation_w - g->pad_left;                                    \
        const struct conv2d_inside q =                                                             \
            conv2d_inside(offset, g->stride_w, g->w, at->left, at->right);                         \
        if (q.first == q.last) continue;                                                           \
        const type *x = image + h * xt->stride[1] +                                                \
                        (q.first * g->stride_w + offset) * xt->stride[2];                          \
        const type *w = (const type *)wt->data + at->k * wt->stride[0] + r * wt->stride[1] +       \
                        s * wt->stride[2];                                                         \
        float *out = sum + (q.first - at->left);                                                   \
        const int64_t count = q.last - q.first;                                                    \
        if (x_channel == 1) {                                                                      \
          for (int64_t i = 0; i < count; i++, x += x_step) {                                       \
            float dot = 0;                                                                         \
            for (int64_t c = 0; c < g->group_c; c++) dot += widen(x[c]) * widen(w[c * w_channel]); \
            out[i] += dot;                                                                         \
          }                                                                                        \
        } else {                                                                                   \
          for (int64_t c = 0; c < g->group_c; c++, x += x_channel) {                               \
            const float weight = widen(w[c * w_channel]);                                          \
            if (x_step == 1)                                                                       \
              for (int64_t i = 0; i < count; i++) out[i] += widen(x[i]) * weight;                  \
            else                                                                                   \
              for (int64_t i = 0; i < count; i++) out[i] += widen(x[i * x_step]) * weight;         \
          }                                                                                        \
        }                                                                                          \
      }                                                                                            \
    }                                                                                              \
    type *y = (type *)yt->data + at->n * yt->stride[0] + at->p * yt->stride[1] +                   \
              at->left * yt->stride[2] + at->k * yt->stride[3];                                    \
    for (int64_t i = 0; i < at->right - at->left; i++) y[i * yt->stride[2]] = narrow(sum[i]);      \
  }                                                                                                \
  static void name(const struct conv2d_view *g, const struct why_tensor *operand) {                \
    struct strip at;                                                                               \
    for (at.n = 0; at.n < g->n; at.n++)                                                            \
      for (at.k = 0; at.k < g->k; at.k++)                                                          \
        for (at.p = 0; at.p < g->p; at.p++)                                                        \
          for (at.left = 0; at.left < g->q; at.left = at.right) {                                  \
            at.right = g->q - at.left < STRIP ? g->q : at.left + STRIP;                            \
            name##_strip(g, &operand[CONV2D_X], &operand[CONV2D_WEIGHT], &operand[CONV2D_Y], &at); \
          }                                                                                        \
  }
CONV2D_LOOPS(loops_f32,  float,    SAME,          SAME)
CONV2D_LOOPS(loops_f16,  uint16_t, f16_to_float,  float_to_f16)
CONV2D_LOOPS(loops_bf16, uint16_t, bf16_to_float, float_to_bf16)
// clang-format on

static enum why_reason run(struct why_call *call) {
  const struct conv2d_view g = conv2d_view(call->problem);
  switch (call->problem->type) {
  case WHY_F32:
    loops_f32(&g, call->operand);
    return WHY_OK;
  case WHY_F16:
    loops_f16(&g, call->operand);
    return WHY_OK;
  case WHY_BF16:
    loops_bf16(&g, call->operand);
    return WHY_OK;
  default:
    return WHY_TYPE;
  }
}

const struct why_code plain_conv2d_loops = {.run = run};
