// A device's ceilings: the link to the host both ways, its own copies, and what an entry in a queue
// costs, all through its function table. Copies are timed by the device's clock, from a mark before
// them to one behind; latencies by the host's. Leaves out arithmetic and launches of kernels: those
// are found by running products.
//
// Not both directions at once from memory that is not pinned: a copy of it is made by the calling
// thread, by way of the driver's own pinned buffers, so that two of them follow one another.
#include "ceilings.h"
#include "statistics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REPEATS_LEAST = 4, REPEATS_MOST = 50, SMALL_REPEATS = 101, IN_CACHE = 32 };
static const size_t most_bytes = 256 << 20, least_bytes = 1 << 20, smallest_copy_bytes = 4 << 10;
static const double copy_seconds = 0.03; // that repeats of one copy take, the first two apart

struct bench {
  struct why_device *device;
  ceilings_clock *now;
  struct ceilings *out;
  size_t bytes; // of each buffer
  bool all;
  char *pinned_in, *pinned_out, *pageable, *first, *second; // the last two on the device
};

struct transfer {
  int queue;
  void *dst;
  const void *src;
  int times; // one behind the other
};

static void release(struct bench *b) {
  struct why_device *d = b->device;
  if (b->second != NULL) d->free(d, WHY_DEVICE, b->second);
  if (b->first != NULL) d->free(d, WHY_DEVICE, b->first);
  if (b->pinned_out != NULL) d->free(d, WHY_PINNED_HOST, b->pinned_out);
  if (b->pinned_in != NULL) d->free(d, WHY_PINNED_HOST, b->pinned_in);
  free(b->pageable);
  b->pinned_in = b->pinned_out = b->pageable = b->first = b->second = NULL;
}

static enum why_reason allocate_one(struct bench *b, enum why_memory memory, char **out) {
  void *data = NULL;
  const enum why_reason reason = b->device->alloc(b->device, b->bytes, memory, &data);
  *out = reason == WHY_OK ? data : NULL;
  return reason;
}

// The largest of 256, 64, 16 ... MiB of which all can be had.
static enum why_reason allocate(struct bench *b) {
  enum why_reason reason = WHY_ALLOC_FAILED;
  for (size_t bytes = most_bytes; bytes >= least_bytes; bytes /= 4) {
    b->bytes = bytes;
    reason = allocate_one(b, WHY_PINNED_HOST, &b->pinned_in);
    if (reason == WHY_OK) reason = allocate_one(b, WHY_PINNED_HOST, &b->pinned_out);
    if (reason == WHY_OK) reason = allocate_one(b, WHY_DEVICE, &b->first);
    if (reason == WHY_OK) reason = allocate_one(b, WHY_DEVICE, &b->second);
    if (reason == WHY_OK && b->all && (b->pageable = malloc(bytes)) == NULL)
      reason = WHY_ALLOC_FAILED;
    if (reason == WHY_OK) break;
    release(b);
    if (reason != WHY_ALLOC_FAILED) break;
  }
  return reason;
}

// Zeros might be cheaper to move.
static void fill(const struct bench *b) {
  uint32_t state = 1;
  for (size_t i = 0; i < b->bytes; i += sizeof state) {
    state = state * 1664525 + 1013904223;
    memcpy(b->pinned_in + i, &state, sizeof state);
    memcpy(b->pinned_out + i, &state, sizeof state);
    if (b->pageable != NULL) memcpy(b->pageable + i, &state, sizeof state);
  }
}

// ---- timing -------------------------------------------------------------------------------------

enum { START, END }; // marks: START, then an end for each transfer

// Seconds by the device's clock from before the first to behind the last; those in other queues
// start with the first.
static enum why_reason time_once(struct why_device *d, const struct transfer *t, int transfers,
                                 size_t bytes, double *seconds) {
  enum why_reason reason = d->mark(d, t[0].queue, START);
  for (int i = 1; i < transfers && reason == WHY_OK; i++) reason = d->after(d, t[i].queue, START);
  for (int i = 0; i < transfers && reason == WHY_OK; i++) {
    for (int n = 0; n < t[i].times && reason == WHY_OK; n++)
      reason = d->copy(d, t[i].queue, t[i].dst, bytes, t[i].src, bytes, bytes, 1);
    if (reason == WHY_OK) reason = d->mark(d, t[i].queue, END + i);
  }
  *seconds = 0;
  for (int i = 0; i < transfers && reason == WHY_OK; i++) {
    reason = d->until(d, END + i, INFINITY);
    if (reason == WHY_OK) *seconds = fmax(*seconds, d->between(d, START, END + i));
  }
  return reason;
}

// The fastest of a few, after one that does not count; adds its rate, `each` bytes of it for each
// byte of a buffer.
static enum why_reason time_copies(struct bench *b, const char *name, const struct transfer *t,
                                   int transfers, size_t bytes, uint64_t worked_on, double each) {
  double best = INFINITY, spent = 0, taken;
  enum why_reason reason = time_once(b->device, t, transfers, bytes, &taken);
  for (int i = 0; i < REPEATS_MOST && reason == WHY_OK; i++) {
    reason = time_once(b->device, t, transfers, bytes, &taken);
    // A clock that stood still is too coarse for this size.
    if (reason == WHY_OK && taken > 0) best = fmin(best, taken);
    spent += taken;
    if (i + 1 >= REPEATS_LEAST && spent > copy_seconds) break;
  }
  if (reason == WHY_OK && isfinite(best))
    ceilings_add(b->out, name, "byte/s", worked_on, each * (double)bytes / best);
  return reason;
}

// The median, by the host's clock, from the call to its knowing that one byte has arrived.
static enum why_reason time_byte(struct bench *b, const char *name, int queue, void *dst,
                                 const void *src) {
  struct why_device *d = b->device;
  double sample[SMALL_REPEATS];
  enum why_reason reason = WHY_OK;
  for (int i = -1; i < SMALL_REPEATS && reason == WHY_OK; i++) {
    const double start = b->now();
    reason = d->copy(d, queue, dst, 1, src, 1, 1, 1);
    if (reason == WHY_OK) reason = d->mark(d, queue, END);
    if (reason == WHY_OK) reason = d->until(d, END, INFINITY);
    if (i >= 0) sample[i] = b->now() - start;
  }
  if (reason != WHY_OK) return reason;
  sort_rising(sample, SMALL_REPEATS);
  ceilings_add(b->out, name, "s", 1, sample[SMALL_REPEATS / 2]);
  return WHY_OK;
}

// What a queue needs for an entry that does nothing: from one mark to the next. NAN: no clock.
static enum why_reason time_mark(struct bench *b, double *seconds) {
  struct why_device *d = b->device;
  double sample[SMALL_REPEATS];
  enum why_reason reason = WHY_OK;
  for (int i = -1; i < SMALL_REPEATS && reason == WHY_OK; i++) {
    reason = d->mark(d, WHY_WORK, START);
    if (reason == WHY_OK) reason = d->mark(d, WHY_WORK, END);
    if (reason == WHY_OK) reason = d->until(d, END, INFINITY);
    if (reason == WHY_OK && i >= 0) sample[i] = d->between(d, START, END);
  }
  if (reason != WHY_OK) return reason;
  sort_rising(sample, SMALL_REPEATS);
  *seconds = sample[SMALL_REPEATS / 2];
  return WHY_OK;
}

// ---- what is measured ---------------------------------------------------------------------------

static enum why_reason time_link(struct bench *b, size_t bytes) {
  const struct transfer in = {WHY_COPY_IN, b->first, b->pinned_in, 1};
  const struct transfer out = {WHY_COPY_OUT, b->pinned_out, b->second, 1};
  const struct transfer both[] = {in, out};
  enum why_reason reason = time_copies(b, "copy-in-pinned", &in, 1, bytes, bytes, 1);
  if (reason == WHY_OK) reason = time_copies(b, "copy-out-pinned", &out, 1, bytes, bytes, 1);
  if (reason != WHY_OK || !b->all) return reason;
  const struct transfer pageable_in = {WHY_COPY_IN, b->first, b->pageable, 1};
  const struct transfer pageable_out = {WHY_COPY_OUT, b->pageable, b->second, 1};
  reason = time_copies(b, "copy-both-pinned", both, 2, bytes, bytes, 2);
  if (reason == WHY_OK)
    reason = time_copies(b, "copy-in-pageable", &pageable_in, 1, bytes, bytes, 1);
  if (reason == WHY_OK)
    reason = time_copies(b, "copy-out-pageable", &pageable_out, 1, bytes, bytes, 1);
  return reason;
}

static enum why_reason time_device(struct bench *b) {
  const struct transfer whole = {WHY_WORK, b->second, b->first, 1};
  const struct transfer small = {WHY_WORK, b->second, b->first, IN_CACHE};
  // Source and target take half of the last cache; of one this short, many in a row.
  const size_t cached = (size_t)(b->device->facts.cache_bytes / 4) / 64 * 64;
  enum why_reason reason =
      time_copies(b, "copy-device", &whole, 1, b->bytes, 2 * (uint64_t)b->bytes, 2);
  if (reason != WHY_OK || cached == 0 || cached > b->bytes / 2) return reason;
  return time_copies(b, "copy-last-cache", &small, 1, cached, 2 * (uint64_t)cached, 2.0 * IN_CACHE);
}

static enum why_reason measure(struct bench *b) {
  const struct transfer in = {WHY_WORK, b->first, b->pinned_in, 1};
  const struct transfer on = {WHY_WORK, b->second, b->first, 1};
  double taken;
  enum why_reason reason = time_once(b->device, &in, 1, b->bytes, &taken); // data in both
  if (reason == WHY_OK) reason = time_once(b->device, &on, 1, b->bytes, &taken);
  if (reason == WHY_OK) reason = time_byte(b, "latency-in", WHY_COPY_IN, b->first, b->pinned_in);
  if (reason == WHY_OK && b->all)
    reason = time_byte(b, "latency-out", WHY_COPY_OUT, b->pinned_out, b->second);
  for (size_t bytes = b->all ? smallest_copy_bytes : b->bytes;
       bytes <= b->bytes && reason == WHY_OK; bytes *= 4)
    reason = time_link(b, bytes);
  return reason == WHY_OK ? time_device(b) : reason;
}

enum why_reason ceilings_device(struct why_device *device, enum ceilings_extent extent,
                                ceilings_clock *now, struct ceilings *out) {
  struct ceilings found = {.count = 0};
  struct bench b = {.device = device, .now = now, .out = &found, .all = extent == CEILINGS_ALL};
  double mark;
  enum why_reason reason = device->bind(device);
  if (reason == WHY_OK) reason = time_mark(&b, &mark);
  if (reason != WHY_OK || isnan(mark)) return reason;
  ceilings_add(&found, "launch", "s", 0, mark);
  reason = allocate(&b);
  if (reason != WHY_OK) return reason;
  fill(&b);
  reason = measure(&b);
  release(&b);
  for (int i = 0; i < found.count && reason == WHY_OK && out->count < CEILINGS_MOST; i++)
    out->ceiling[out->count++] = found.ceiling[i];
  return reason;
}
