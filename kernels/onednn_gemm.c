// gemm as oneDNN's matmul: transposes and leading dimensions are strides, alpha scales the product,
// beta is a sum with what c holds. oneDNN 2 knows bf16, accumulated in f32 and stored as bf16 or
// f32, and no f16.
#include "onednn.h"

static const char lacking[] = "oneDNN has no matrix product of this type and form";

static dnnl_status_t scales(const struct why_problem *problem, dnnl_primitive_attr_t attributes) {
  const float alpha = (float)problem->real[GEMM_ALPHA], beta = (float)problem->real[GEMM_BETA];
  dnnl_status_t status = dnnl_success;
  if (alpha != 1) status = dnnl_primitive_attr_set_output_scales(attributes, 1, 0, &alpha);
  if (status || beta == 0) return status;
  dnnl_post_ops_t after;
  status = dnnl_post_ops_create(&after);
  if (status) return status;
  status = dnnl_post_ops_append_sum(after, beta);
  if (!status) status = dnnl_primitive_attr_set_post_ops(attributes, after);
  dnnl_post_ops_destroy(after);
  return status;
}

enum why_reason onednn_gemm(dnnl_engine_t engine, const struct why_problem *problem,
                            const struct why_tensor *operand, struct onednn_design *out,
                            struct why_verdict *why) {
  *out = (struct onednn_design){
      .operands = 3,
      .argument = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
      .outputs = 1 << GEMM_C,
      .once = ONEDNN_NONE,
  };
  dnnl_primitive_attr_t attributes;
  dnnl_status_t status = dnnl_primitive_attr_create(&attributes);
  if (status) return onednn_check(why, status, lacking);
  dnnl_matmul_desc_t described;
  for (int i = GEMM_A; i <= GEMM_C && !status; i++)
    status = onednn_matrix(&operand[i], &out->given[i]);
  if (!status)
    status = dnnl_matmul_desc_init(&described, &out->given[GEMM_A], &out->given[GEMM_B], NULL,
                                   &out->given[GEMM_C]);
  if (!status) status = scales(problem, attributes);
  enum why_reason reason = onednn_check(why, status, lacking);
  if (!reason)
    reason = onednn_primitive(engine, &described, attributes, lacking, &out->primitive, why);
  dnnl_primitive_attr_destroy(attributes);
  return reason;
}
