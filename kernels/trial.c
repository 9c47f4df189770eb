// See trial.h. Everything is in queue WHY_WORK; calls neither the CUDA runtime nor the driver.
#include "trial.h"
#include "convert.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

enum {
  LAUNCHES = 5,         // timed launches of a way, after one to warm up
  BLOCK_BYTES = 1 << 20 // random data copied at a time
};
static const double long_seconds = 0.02; // one timed launch of that length is enough

static enum why_reason fail(const struct why_call *call, enum why_reason reason, const char *note) {
  *call->why = (struct why_verdict){.reason = reason, .note = note ? note : "", .cause = ""};
  return reason;
}

static enum why_reason device_failed(const struct why_call *call, enum why_reason reason) {
  return reason ? fail(call, reason, call->device->error(call->device)) : WHY_OK;
}

// By xorshift.
static void random_fill(void *block, size_t bytes, enum why_type type) {
  static const size_t element[WHY_TYPE_COUNT] = {8, 4, 2, 2};
  uint32_t state = 2463534242u;
  for (size_t i = 0; i < bytes / element[type]; i++) {
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    const double value = (int32_t)state * 0x1p-31;
    if (type == WHY_F64) ((double *)block)[i] = value;
    if (type == WHY_F32) ((float *)block)[i] = (float)value;
    if (type == WHY_F16) ((uint16_t *)block)[i] = float_to_f16((float)value);
    if (type == WHY_BF16) ((uint16_t *)block)[i] = float_to_bf16((float)value);
  }
}

// Made once and never given back: after a failure nothing may be there to wait with for the copies
// that still read it.
static _Alignas(64) unsigned char random_block[WHY_TYPE_COUNT][BLOCK_BYTES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_blocks(void) {
  for (int type = 0; type < WHY_TYPE_COUNT; type++)
    random_fill(random_block[type], BLOCK_BYTES, (enum why_type)type);
}

enum why_reason trial_fill(const struct why_call *call, const struct trial_rows *input, int n) {
  struct why_device *device = call->device;
  const void *block = random_block[call->problem->type];
  enum why_reason reason = WHY_OK;
  pthread_once(&once, make_blocks);
  for (int i = 0; i < n; i++) {
    const size_t bytes = input[i].bytes, rows = input[i].rows, pitch = input[i].pitch;
    const size_t width = bytes < BLOCK_BYTES ? bytes : BLOCK_BYTES, most = BLOCK_BYTES / width;
    for (size_t row = 0; row < rows && !reason; row += most)
      for (size_t at = 0; at < bytes && !reason; at += width)
        reason = device->copy(device, WHY_WORK, (char *)input[i].data + row * pitch + at, pitch,
                              block, width, bytes - at < width ? bytes - at : width,
                              rows - row < most ? rows - row : most);
  }
  return device_failed(call, reason);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// The median time of n launches.
static enum why_reason time_launches(const struct why_call *call, trial_launch *launch,
                                     const void *way, int n, double *seconds, int *status) {
  struct why_device *device = call->device;
  enum why_reason reason = device->mark(device, WHY_WORK, 0);
  int done = 0;
  while (done < n && !reason && !(*status = launch(call, way)))
    reason = device->mark(device, WHY_WORK, ++done);
  if (!reason) reason = device->until(device, done, INFINITY);
  if (reason || *status) return device_failed(call, reason);
  double sample[LAUNCHES];
  for (int i = 0; i < n; i++) sample[i] = device->between(device, i, i + 1);
  qsort(sample, (size_t)n, sizeof *sample, by_value);
  *seconds = sample[n / 2];
  return WHY_OK;
}

enum why_reason trial_time(const struct why_call *call, trial_launch *launch, const void *way,
                           double best, double *seconds, int *status) {
  *seconds = NAN;
  *status = 0;
  // The first launch loads the kernel.
  enum why_reason reason = time_launches(call, launch, way, 1, seconds, status);
  if (call->untimed) *seconds = NAN;
  if (reason || *status || isnan(*seconds)) return reason;
  reason = time_launches(call, launch, way, 1, seconds, status);
  if (reason || *status || *seconds > 2 * best || *seconds > long_seconds) return reason;
  return time_launches(call, launch, way, LAUNCHES, seconds, status);
}
