// A device's ceilings: the link to the host both ways, its own copy, and what a call costs, all
// through its function table and by its own clock. Leaves out arithmetic: that is found by running
// products.
#include "ceilings.h"
#include "clock.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REPEATS = 9, SMALL_REPEATS = 101, BUFFER_MOST = 256 << 20, BUFFER_LEAST = 1 << 20 };

struct buffers {
  size_t bytes;
  void *host, *first, *second; // pinned; two on the device
};

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *sample, int count) {
  qsort(sample, (size_t)count, sizeof *sample, by_value);
  return sample[count / 2];
}

static void release(struct why_device *device, struct buffers *b) {
  if (b->second != NULL) device->free(device, WHY_DEVICE, b->second);
  if (b->first != NULL) device->free(device, WHY_DEVICE, b->first);
  if (b->host != NULL) device->free(device, WHY_PINNED_HOST, b->host);
  memset(b, 0, sizeof *b);
}

// The largest of 256, 128, ... MiB of which all three can be had.
static enum why_reason allocate(struct why_device *device, struct buffers *b) {
  enum why_reason reason = WHY_ALLOC_FAILED;
  for (size_t bytes = BUFFER_MOST; bytes >= BUFFER_LEAST; bytes /= 2) {
    *b = (struct buffers){.bytes = bytes};
    reason = device->alloc(device, bytes, WHY_PINNED_HOST, &b->host);
    if (reason == WHY_OK) reason = device->alloc(device, bytes, WHY_DEVICE, &b->first);
    if (reason == WHY_OK) reason = device->alloc(device, bytes, WHY_DEVICE, &b->second);
    if (reason == WHY_OK) break;
    release(device, b);
    if (reason != WHY_ALLOC_FAILED) break;
  }
  return reason;
}

// Median seconds of a copy by the device's clock, after one that does not count.
static enum why_reason time_copy(struct why_device *device, int queue, void *dst, const void *src,
                                 size_t bytes, double *seconds) {
  double sample[REPEATS];
  enum why_reason reason = WHY_OK;
  for (int i = -1; i < REPEATS && reason == WHY_OK; i++) {
    reason = device->mark(device, queue, 0);
    if (reason == WHY_OK) reason = device->copy(device, queue, dst, bytes, src, bytes, bytes, 1);
    if (reason == WHY_OK) reason = device->mark(device, queue, 1);
    if (reason == WHY_OK) reason = device->until(device, 1, INFINITY);
    if (reason == WHY_OK && i >= 0) sample[i] = device->between(device, 0, 1);
  }
  if (reason == WHY_OK) *seconds = median(sample, REPEATS);
  return reason;
}

// From the call to the host's knowing that a byte has arrived, by the host's clock.
static enum why_reason time_byte(struct why_device *device, const struct buffers *b,
                                 double *seconds) {
  double sample[SMALL_REPEATS];
  enum why_reason reason = WHY_OK;
  for (int i = -1; i < SMALL_REPEATS && reason == WHY_OK; i++) {
    const double start = seconds_now();
    reason = device->copy(device, WHY_COPY_IN, b->first, 1, b->host, 1, 1, 1);
    if (reason == WHY_OK) reason = device->mark(device, WHY_COPY_IN, 1);
    if (reason == WHY_OK) reason = device->until(device, 1, INFINITY);
    if (i >= 0) sample[i] = seconds_now() - start;
  }
  if (reason == WHY_OK) *seconds = median(sample, SMALL_REPEATS);
  return reason;
}

// What the queue needs for an entry that does nothing: from one mark to the next.
static enum why_reason time_mark(struct why_device *device, double *seconds) {
  double sample[SMALL_REPEATS];
  enum why_reason reason = WHY_OK;
  for (int i = -1; i < SMALL_REPEATS && reason == WHY_OK; i++) {
    reason = device->mark(device, WHY_WORK, 0);
    if (reason == WHY_OK) reason = device->mark(device, WHY_WORK, 1);
    if (reason == WHY_OK) reason = device->until(device, 1, INFINITY);
    if (reason == WHY_OK && i >= 0) sample[i] = device->between(device, 0, 1);
  }
  if (reason == WHY_OK) *seconds = median(sample, SMALL_REPEATS);
  return reason;
}

enum why_reason ceilings_device(struct why_device *device, struct why_facts *figures) {
  struct buffers b = {0};
  double in, out, own, byte, call;
  enum why_reason reason = device->bind(device);
  if (reason == WHY_OK) reason = time_mark(device, &call);
  if (reason != WHY_OK || isnan(call)) return reason;
  reason = allocate(device, &b);
  if (reason != WHY_OK) return reason;
  uint32_t state = 1;
  for (size_t i = 0; i < b.bytes; i += sizeof state) { // zeros might be cheaper to move
    state = state * 1664525 + 1013904223;
    memcpy((char *)b.host + i, &state, sizeof state);
  }
  reason = time_copy(device, WHY_COPY_IN, b.first, b.host, b.bytes, &in);
  if (reason == WHY_OK) reason = time_copy(device, WHY_WORK, b.second, b.first, b.bytes, &own);
  if (reason == WHY_OK) reason = time_copy(device, WHY_COPY_OUT, b.host, b.second, b.bytes, &out);
  if (reason == WHY_OK) reason = time_byte(device, &b, &byte);
  if (reason == WHY_OK) {
    figures->in_bps = (double)b.bytes / in;
    figures->out_bps = (double)b.bytes / out;
    figures->memory_bps = 2 * (double)b.bytes / own;
    figures->latency_seconds = byte;
    figures->launch_seconds = call;
    strcpy(figures->provenance, "measured");
  }
  release(device, &b);
  return reason;
}
