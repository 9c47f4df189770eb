// Emptying caches, line by line on the host and by volume on a device. See cold.h. Leaves out the
// TLBs, which stay as they are.
//
// On the host flushing is exact whatever the cache's size, sharing and replacement, and costs no
// more than the operands are large. Buffers rotated over twice the last level would: 520 MiB for
// each request on a server with 260 MiB of it, most of which belongs to its other tenants.
#include "cold.h"
#include <math.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { LINE_BYTES = 64 };

void why_flush(const void *data, uint64_t bytes) {
#ifdef __SSE2__
  const char *line = data, *end = line + bytes;
  line -= (uintptr_t)line % LINE_BYTES;
  for (; line < end; line += LINE_BYTES) _mm_clflush(line);
  _mm_mfence();
#else
  (void)data, (void)bytes; // no instruction for it
#endif
}

enum why_reason why_flush_device(struct why_device *device, void **scratch) {
  enum { MARK = 0 }; // free between rounds
  size_t half = device->facts.cache_bytes;
  enum why_reason r = WHY_OK;
  if (!half || device->facts.host || device->facts.emulated) return WHY_OK;
  if (!*scratch) r = device->alloc(device, 2 * half, WHY_DEVICE, scratch);
  if (!r)
    r = device->copy(device, WHY_WORK, *scratch, half, (const char *)*scratch + half, half, half,
                     1);
  if (!r) r = device->mark(device, WHY_WORK, MARK);
  if (!r) r = device->until(device, MARK, INFINITY);
  return r;
}
