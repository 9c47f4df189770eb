// softmax through cudnnSoftmaxForward, in both of its modes. A row is an image of `cols` channels
// and one pixel: mode INSTANCE normalises all of an image, mode CHANNEL the channels of each pixel,
// so that both compute the same here, by kernels of their own. Which is faster depends on the
// length of the rows, and CHANNEL, whose threads go along the pixels, is slow on long ones; hence
// two kernels.
#include "cudnn.h"
#include "ops/ops.h"
#include <stdlib.h>

struct plan {
  cudnnTensorDescriptor_t tensor[2]; // by operand
};

static void clear(struct plan *plan) {
  for (int i = SOFTMAX_X; i <= SOFTMAX_Y; i++) {
    if (plan->tensor[i]) cudnnDestroyTensorDescriptor(plan->tensor[i]);
    plan->tensor[i] = NULL;
  }
}

// To be cleared, also after a failure.
static enum why_reason describe(const struct why_problem *problem, struct plan *plan,
                                struct why_verdict *why) {
  if (problem->math < WHY_MATH_F32)
    return cudnn_fail(why, WHY_TYPE, "cudnnSoftmaxForward accumulates in f32");
  for (int i = SOFTMAX_X; i <= SOFTMAX_Y; i++) {
    struct why_tensor t = {0};
    problem->op->shape(problem, i, &t);
    const int64_t rows = t.dim[0], cols = t.dim[1], ld = t.stride[0];
    // "The total size of a tensor including the potential padding between dimensions is limited to
    // 2 Giga-elements" (cuDNN, cudnnSetTensor4dDescriptorEx).
    if (rows > INT32_MAX || ld > INT32_MAX || rows * ld > INT32_MAX)
      return cudnn_fail(why, WHY_LIBRARY, "cuDNN's tensors have fewer than 2^31 elements");
    enum why_reason reason = cudnn_refuse(why, cudnnCreateTensorDescriptor(&plan->tensor[i]));
    if (reason) return reason;
    const cudnnStatus_t status = cudnnSetTensor4dDescriptorEx(
        plan->tensor[i], cudnn_type[problem->type], (int)rows, (int)cols, 1, 1, (int)ld, 1, 1, 1);
    if (status) return cudnn_refuse(why, status);
  }
  return WHY_OK;
}

// The library has no question for this: it takes the tensors or does not, and needs no workspace.
enum why_reason cudnn_softmax_ask(cudnnHandle_t handle, const struct why_problem *problem,
                                  uint64_t most_bytes, uint64_t *workspace_bytes,
                                  struct why_verdict *why) {
  (void)handle, (void)most_bytes, (void)workspace_bytes;
  struct plan plan = {0};
  enum why_reason reason = describe(problem, &plan, why);
  clear(&plan);
  return reason;
}

static void softmax_release(struct why_call *call) {
  clear(call->plan);
  free(call->plan);
  call->plan = NULL;
}

static enum why_reason softmax_prepare(struct why_call *call) {
  call->plan = calloc(1, sizeof(struct plan));
  if (!call->plan) return cudnn_fail(call->why, WHY_ALLOC_FAILED, "host memory for the plan");
  enum why_reason reason = call->device->bind(call->device);
  if (reason) cudnn_fail(call->why, reason, call->device->error(call->device));
  if (!reason) reason = describe(call->problem, call->plan, call->why);
  if (reason) softmax_release(call);
  return reason;
}

// ACCURATE takes the maximum of a row away before it exponentiates.
static enum why_reason forward(const struct why_call *call, cudnnSoftmaxMode_t mode) {
  static const float one = 1, zero = 0;
  const struct plan *plan = call->plan;
  const struct why_tensor *operand = call->operand;
  return cudnn_refuse(call->why,
                      cudnnSoftmaxForward(call->state, CUDNN_SOFTMAX_ACCURATE, mode, &one,
                                          plan->tensor[SOFTMAX_X], operand[SOFTMAX_X].data, &zero,
                                          plan->tensor[SOFTMAX_Y], operand[SOFTMAX_Y].data));
}

static enum why_reason run_instance(struct why_call *call) {
  return forward(call, CUDNN_SOFTMAX_MODE_INSTANCE);
}

static enum why_reason run_channel(struct why_call *call) {
  return forward(call, CUDNN_SOFTMAX_MODE_CHANNEL);
}

extern const struct why_code cudnn_softmax_instance, cudnn_softmax_channel;
const struct why_code cudnn_softmax_instance = {run_instance, softmax_prepare, softmax_release};
const struct why_code cudnn_softmax_channel = {run_channel, softmax_prepare, softmax_release};
