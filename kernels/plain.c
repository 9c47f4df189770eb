// The plain backend: linked into the host library, so always there. It brings the host as a device
// whose queues are synchronous: a copy has ended when it returns, a mark is a time of day. The
// kernels are in plain_gemm.c and plain_softmax*.c. Leaves out what the host is made of (name,
// cores, caches), which the machine fills in.
#define _GNU_SOURCE
#define CATALOG_plain ,
#define CODE(op, name) plain_##op##_##name
#include "catalog_rows.h"
#include "machine.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Thread_local double marks[WHY_MARKS];
static _Thread_local int last_error;

static enum why_reason bind(struct why_device *device) {
  (void)device;
  return WHY_OK;
}

// What programs can still take without swapping: MemAvailable, in KiB.
static enum why_reason refresh(struct why_device *device) {
  const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
  device->facts.memory_bytes = (uint64_t)pages * (uint64_t)page_bytes;
  device->facts.free_bytes = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)page_bytes;
  FILE *file = fopen("/proc/meminfo", "re");
  if (file == NULL) return WHY_OK; // free pages will do
  char line[128];
  unsigned long long kib;
  while (fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) device->facts.free_bytes = kib * 1024;
  fclose(file);
  return WHY_OK;
}

static enum why_reason allocate(struct why_device *device, size_t bytes, enum why_memory memory,
                                void **out) {
  (void)device;
  (void)memory; // one memory serves all
  last_error = posix_memalign(out, 64, bytes > 0 ? bytes : 1);
  if (last_error == 0) return WHY_OK;
  *out = NULL;
  return WHY_ALLOC_FAILED;
}

static void release(struct why_device *device, enum why_memory memory, void *data) {
  (void)device;
  (void)memory;
  free(data);
}

static enum why_reason copy(struct why_device *device, int queue, void *dst, size_t dst_pitch,
                            const void *src, size_t src_pitch, size_t row_bytes, size_t rows_) {
  (void)device;
  (void)queue;
  if (row_bytes == dst_pitch && row_bytes == src_pitch) {
    row_bytes *= rows_;
    rows_ = 1;
  }
  for (size_t row = 0; row < rows_ && row_bytes > 0; row++)
    memcpy((char *)dst + row * dst_pitch, (const char *)src + row * src_pitch, row_bytes);
  return WHY_OK;
}

static enum why_reason mark(struct why_device *device, int queue, int index) {
  (void)device;
  (void)queue;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  marks[index] = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
  return WHY_OK;
}

static enum why_reason after(struct why_device *device, int queue, int index) {
  (void)device;
  (void)queue;
  (void)index;
  return WHY_OK;
}

static enum why_reason until(struct why_device *device, int index, double seconds) {
  (void)device;
  (void)index;
  (void)seconds;
  return WHY_OK;
}

static double between(struct why_device *device, int first, int last) {
  (void)device;
  return marks[last] - marks[first];
}

static const char *error_words(struct why_device *device) {
  (void)device;
  const char *words = last_error != 0 ? strerrordesc_np(last_error) : NULL;
  return words != NULL ? words : "";
}

static struct why_device host = {
    .facts = {.name = "CPU", .backend = "host", .host = 1, .numa_node = -1},
    .bind = bind,
    .refresh = refresh,
    .alloc = allocate,
    .free = release,
    .copy = copy,
    .mark = mark,
    .after = after,
    .until = until,
    .between = between,
    .error = error_words};

static enum why_reason open_backend(struct why_backend *backend, struct why_verdict *why) {
  (void)why;
  backend->device = &host;
  backend->devices = 1;
  return refresh(&host);
}

static void close_backend(struct why_backend *backend) {
  backend->device = NULL;
  backend->devices = 0;
}

struct why_backend why_plain_backend = {.abi = WHY_ABI,
                                        .name = "plain",
#ifdef __clang__
                                        .build = "clang " __clang_version__ "",
#else
                                        .build = "gcc " __VERSION__,
#endif
                                        .version = "",
                                        .open = open_backend,
                                        .close = close_backend,
                                        .find = catalog_find};
