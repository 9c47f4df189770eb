// softmax along the rows for oneDNN. Of rows with gaps between them it has its reference only.
#include "onednn.h"

static const char lacking[] = "oneDNN has no softmax of this type and these strides";

enum why_reason onednn_softmax(dnnl_engine_t engine, const struct why_problem *problem,
                               const struct why_tensor *operand, struct onednn_design *out,
                               struct why_verdict *why) {
  // Of bf16 it stores the exponentials before it divides: rounded twice, more than the op allows.
  if (problem->type == WHY_BF16)
    return onednn_fail(why, WHY_LIBRARY, "oneDNN has no softmax of bf16 that rounds only once");
  *out = (struct onednn_design){.operands = 2,
                                .argument = {DNNL_ARG_SRC, DNNL_ARG_DST},
                                .outputs = 1 << SOFTMAX_Y,
                                .once = ONEDNN_NONE};
  dnnl_softmax_v2_desc_t described;
  dnnl_status_t status = onednn_matrix(&operand[SOFTMAX_X], &out->given[SOFTMAX_X]);
  if (!status) status = onednn_matrix(&operand[SOFTMAX_Y], &out->given[SOFTMAX_Y]);
  if (!status)
    status =
        dnnl_softmax_v2_forward_desc_init(&described, dnnl_forward_inference, dnnl_softmax_accurate,
                                          &out->given[SOFTMAX_X], &out->given[SOFTMAX_Y], 1);
  if (status) return onednn_check(why, status, lacking);
  return onednn_primitive(engine, &described, NULL, lacking, &out->primitive, why);
}
