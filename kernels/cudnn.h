// What the files of backend "cudnn" share: types, failures in the library's words, and what each op
// answers to ask().
#ifndef WHY_CUDNN_H
#define WHY_CUDNN_H
#include "whycpu.h"
#include <cudnn_ops.h>

extern const cudnnDataType_t cudnn_type[WHY_TYPE_COUNT];

// Fills the verdict; returns the reason. A NULL note is "".
enum why_reason cudnn_fail(struct why_verdict *, enum why_reason, const char *note);
// The reason for a status, with cuDNN's words for this thread's last failure: to be called before
// anything else of the library is. The words stay until the next failure on this thread.
enum why_reason cudnn_refuse(struct why_verdict *, cudnnStatus_t);

// Support and workspace of one op: why_backend.ask for it, the device bound already. Any reason.
typedef enum why_reason cudnn_ask(cudnnHandle_t, const struct why_problem *, uint64_t most_bytes,
                                  uint64_t *workspace_bytes, struct why_verdict *);
cudnn_ask cudnn_conv2d_ask, cudnn_softmax_ask;
#endif
