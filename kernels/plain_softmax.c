// softmax loops: y = exp(x - max) / sum, each row apart, in plain C on one thread: what the formula
// becomes with libm's expf. And the driver of the vectorised kernels in plain_softmax_rows.h.
#include "plain_softmax.h"
#include "convert.h"
#include "plain_threads.h"
#include <math.h>

enum { WORTH_WAKING = 8192 }; // elements: some 10 us of work
// Output larger than this bypasses the caches. Not the last level's size: a virtual machine may
// report all of a socket's (480 MiB on two cores), and other work has its share of it. There, with
// other work running, bypassing made 64 MiB of output 1.2 to 1.5 times faster, each way set against
// oneDNN in runs of its own; a machine at rest was not measured.
enum { BYPASS_BYTES = 8 << 20 };

static enum why_reason rows_of(const struct why_call *call, struct softmax_rows *out) {
  const struct why_tensor *x = &call->operand[SOFTMAX_X], *y = &call->operand[SOFTMAX_Y];
  if ((x->stride[1] != 1 || y->stride[1] != 1) && x->dim[1] > 1) {
    call->why->note = "elements of a row must be neighbours";
    return WHY_FORM;
  }
  out->x = x->data;
  out->y = y->data;
  out->ldx = x->stride[0];
  out->ldy = y->stride[0];
  out->cols = x->dim[1];
  out->bypass = false;
  return WHY_OK;
}

static void loops_f32(void *argument, int64_t first, int64_t last) {
  const struct softmax_rows *rows = argument;
  for (int64_t i = first; i < last; i++) {
    const float *x = (const float *)rows->x + i * rows->ldx;
    float *y = (float *)rows->y + i * rows->ldy;
    float max = -INFINITY, sum = 0;
    for (int64_t j = 0; j < rows->cols; j++)
      if (x[j] > max) max = x[j];
    for (int64_t j = 0; j < rows->cols; j++) sum += y[j] = expf(x[j] - max);
    for (int64_t j = 0; j < rows->cols; j++) y[j] /= sum;
  }
}

// y cannot hold the exponentials without rounding them twice, so they are computed again.
static void loops_bf16(void *argument, int64_t first, int64_t last) {
  const struct softmax_rows *rows = argument;
  for (int64_t i = first; i < last; i++) {
    const uint16_t *x = (const uint16_t *)rows->x + i * rows->ldx;
    uint16_t *y = (uint16_t *)rows->y + i * rows->ldy;
    float max = -INFINITY, sum = 0;
    for (int64_t j = 0; j < rows->cols; j++)
      if (bf16_to_float(x[j]) > max) max = bf16_to_float(x[j]);
    for (int64_t j = 0; j < rows->cols; j++) sum += expf(bf16_to_float(x[j]) - max);
    for (int64_t j = 0; j < rows->cols; j++)
      y[j] = float_to_bf16(expf(bf16_to_float(x[j]) - max) / sum);
  }
}

static enum why_reason run(struct why_call *call) {
  struct softmax_rows rows;
  const enum why_reason reason = rows_of(call, &rows);
  if (reason != WHY_OK) return reason;
  (call->problem->type == WHY_BF16 ? loops_bf16 : loops_f32)(&rows, 0,
                                                             call->operand[SOFTMAX_X].dim[0]);
  return WHY_OK;
}

const struct why_code plain_softmax_loops = {.run = run};

enum why_reason softmax_run(struct why_call *call, softmax_range *f32, softmax_range *bf16) {
  struct softmax_rows rows;
  const enum why_reason reason = rows_of(call, &rows);
  if (reason != WHY_OK) return reason;
  const bool narrow = call->problem->type == WHY_BF16;
  const int64_t count = call->operand[SOFTMAX_X].dim[0];
  const double bytes = (double)count * (double)rows.cols * (narrow ? 2 : 4);
  rows.bypass = bytes > BYPASS_BYTES;
  const int64_t least = 1 + WORTH_WAKING / (rows.cols > 0 ? rows.cols : 1);
  const int64_t most = count / least > 1 ? count / least : 1;
  const int threads = call->threads < most ? call->threads : (int)most;
  why_parallel(threads, count, narrow ? bf16 : f32, &rows);
  return WHY_OK;
}
