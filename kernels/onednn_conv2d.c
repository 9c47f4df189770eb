// conv2d for oneDNN, direct and Winograd. Its dims are n,c,h,w; k,c,r,s, with the groups in front
// where there are any; n,k,p,q. Which layout is fast only the library knows ("any"), so weights are
// reordered while preparing, x and y in each launch where they are not stored that way already.
#include "onednn.h"
#include <string.h>

static const char no_direct[] = "oneDNN has no direct convolution for this case";
static const char no_winograd[] = "oneDNN has no Winograd convolution for this case";

// A tensor of ops.h, whose channels are its last dim, in oneDNN's order.
static dnnl_status_t channels_second(const struct why_tensor *t, dnnl_memory_desc_t *out) {
  const dnnl_dims_t dims = {t->dim[0], t->dim[3], t->dim[1], t->dim[2]};
  const dnnl_dims_t strides = {t->stride[0], t->stride[3], t->stride[1], t->stride[2]};
  return dnnl_memory_desc_init_by_strides(out, 4, dims, onednn_type(t->type), strides);
}

static dnnl_status_t weights(const struct why_tensor *t, const struct conv2d_view *g,
                             dnnl_memory_desc_t *out) {
  if (g->groups == 1) return channels_second(t, out);
  const dnnl_dims_t dims = {g->groups, g->group_k, g->group_c, g->r, g->s};
  const dnnl_dims_t strides = {g->group_k * t->stride[0], t->stride[0], t->stride[3], t->stride[1],
                               t->stride[2]};
  return dnnl_memory_desc_init_by_strides(out, 5, dims, onednn_type(t->type), strides);
}

static dnnl_status_t any(dnnl_memory_desc_t *layout) {
  const dnnl_memory_desc_t like = *layout;
  return dnnl_memory_desc_init_by_tag(layout, like.ndims, like.dims, like.data_type,
                                      dnnl_format_tag_any);
}

// The primitive with x and y as they are stored, or in whichever layout it likes best.
static enum why_reason choose(dnnl_engine_t engine, const struct conv2d_view *g,
                              dnnl_alg_kind_t algorithm, bool as_stored,
                              struct onednn_design *design, struct why_verdict *why) {
  const dnnl_dims_t strides = {g->stride_h, g->stride_w};
  const dnnl_dims_t between = {g->dilation_h - 1, g->dilation_w - 1};
  const dnnl_dims_t first = {g->pad_top, g->pad_left}, last = {g->pad_bottom, g->pad_right};
  dnnl_memory_desc_t layout[ONEDNN_OPERANDS];
  dnnl_status_t status = dnnl_success;
  for (int i = 0; i < ONEDNN_OPERANDS && !status; i++) {
    layout[i] = design->given[i];
    if (!as_stored || i == CONV2D_WEIGHT) status = any(&layout[i]);
  }
  dnnl_convolution_desc_t described;
  if (!status)
    status = dnnl_dilated_convolution_forward_desc_init(
        &described, dnnl_forward_inference, algorithm, &layout[CONV2D_X], &layout[CONV2D_WEIGHT],
        NULL, &layout[CONV2D_Y], strides, between, first, last);
  const char *lacking = algorithm == dnnl_convolution_winograd ? no_winograd : no_direct;
  if (status) return onednn_check(why, status, lacking);
  return onednn_primitive(engine, &described, NULL, lacking, &design->primitive, why);
}

// Is it a product of matrices over gathered windows, rather than a convolution?
static bool gathers(const struct onednn_design *design) {
  return strstr(onednn_implementation(design->primitive), "gemm:") != NULL;
}

// As stored, there is nothing to reorder; but of n,c,h,w the library then gathers windows for a
// product of matrices, up to half as fast as its convolution. 1 x 1 filters need no gathering.
static enum why_reason describe(dnnl_engine_t engine, const struct why_problem *problem,
                                const struct why_tensor *operand, dnnl_alg_kind_t algorithm,
                                struct onednn_design *out, struct why_verdict *why) {
  const struct conv2d_view g = conv2d_view(problem);
  *out = (struct onednn_design){
      .operands = ONEDNN_OPERANDS,
      .argument = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
      .outputs = 1 << CONV2D_Y,
      .once = CONV2D_WEIGHT,
  };
  dnnl_status_t status = channels_second(&operand[CONV2D_X], &out->given[CONV2D_X]);
  if (!status) status = channels_second(&operand[CONV2D_Y], &out->given[CONV2D_Y]);
  if (!status) status = weights(&operand[CONV2D_WEIGHT], &g, &out->given[CONV2D_WEIGHT]);
  if (status) return onednn_check(why, status, no_direct);

  enum why_reason stored = choose(engine, &g, algorithm, true, out, why);
  const bool pointwise =
      g.r == 1 && g.s == 1 && g.stride_h == 1 && g.stride_w == 1 && g.p == g.h && g.q == g.w;
  if (!stored && (pointwise || !gathers(out))) return stored;
  const dnnl_primitive_desc_t kept = out->primitive; // NULL: there is none
  out->primitive = NULL;
  enum why_reason liked = choose(engine, &g, algorithm, false, out, why);
  if (stored || (!liked && !gathers(out))) {
    dnnl_primitive_desc_destroy(kept);
    return liked;
  }
  dnnl_primitive_desc_destroy(out->primitive); // nothing that is worth reordering for
  out->primitive = kept;
  return onednn_fail(why, WHY_OK, "");
}

enum why_reason onednn_direct(dnnl_engine_t engine, const struct why_problem *problem,
                              const struct why_tensor *operand, struct onednn_design *out,
                              struct why_verdict *why) {
  return describe(engine, problem, operand, dnnl_convolution_direct, out, why);
}

enum why_reason onednn_winograd(dnnl_engine_t engine, const struct why_problem *problem,
                                const struct why_tensor *operand, struct onednn_design *out,
                                struct why_verdict *why) {
  return describe(engine, problem, operand, dnnl_convolution_winograd, out, why);
}
