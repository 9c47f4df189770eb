// See device.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "device.h"
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct fake_memory fake_memory;

static enum why_reason device_call(void) {
  return ++fake_memory.calls == fake_memory.fail_at ? WHY_DEVICE_LOST : WHY_OK;
}

int fake_device_contains(const void *data, size_t bytes) {
  for (int i = 0; i < FAKE_BLOCKS; i++) {
    const char *first = fake_memory.block[i].data;
    if (first && (const char *)data >= first &&
        (const char *)data + bytes <= first + fake_memory.block[i].bytes)
      return 1;
  }
  return 0;
}

static enum why_reason bind_device(struct why_device *device) {
  (void)device;
  fake_memory.binds++;
  return device_call();
}

static enum why_reason copy(struct why_device *device, int queue, void *dst, size_t dst_pitch,
                            const void *src, size_t src_pitch, size_t row_bytes, size_t rows) {
  (void)device;
  assert_int_equal(queue, WHY_WORK);
  if (device_call()) return WHY_DEVICE_LOST;
  assert_true(fake_device_contains(dst, (rows - 1) * dst_pitch + row_bytes));
  for (size_t i = 0; i < rows; i++)
    memcpy((char *)dst + i * dst_pitch, (const char *)src + i * src_pitch, row_bytes);
  fake_memory.copies++;
  return WHY_OK;
}

static enum why_reason mark(struct why_device *device, int queue, int which) {
  (void)device;
  assert_int_equal(queue, WHY_WORK);
  assert_in_range(which, 0, WHY_MARKS - 1);
  fake_memory.mark[which] = fake_memory.now ? fake_memory.now() : NAN;
  return device_call();
}

static enum why_reason until(struct why_device *device, int which, double seconds) {
  (void)device, (void)which, (void)seconds;
  return device_call();
}

static double between(struct why_device *device, int first, int last) {
  (void)device;
  return fake_memory.mark[last] - fake_memory.mark[first];
}

static const char *error(struct why_device *device) {
  (void)device;
  return "the device said no";
}

static int stream;
struct why_device fake_device = {
    .bind = bind_device,
    .copy = copy,
    .mark = mark,
    .until = until,
    .between = between,
    .error = error,
    .queue = {&stream, &stream, &stream},
};

void *fake_device_alloc(size_t bytes) {
  for (int i = 0; i < FAKE_BLOCKS; i++)
    if (!fake_memory.block[i].data) {
      fake_memory.block[i].data = aligned_alloc(256, (bytes + 255) / 256 * 256);
      assert_non_null(fake_memory.block[i].data);
      fake_memory.block[i].bytes = bytes;
      return fake_memory.block[i].data;
    }
  fail_msg("more than %d blocks", FAKE_BLOCKS);
  return NULL;
}

void fake_device_free(void) {
  for (int i = 0; i < FAKE_BLOCKS; i++) {
    free(fake_memory.block[i].data);
    fake_memory.block[i].data = NULL;
  }
}

void fake_device_clear(double (*clock)(void)) {
  fake_device_free();
  memset(&fake_memory, 0, sizeof fake_memory);
  fake_memory.now = clock;
}
