// The "cuda" backend: devices, their memory, queues and marks, and the table of its kernels. nvcc
// makes the real one of it; the host compiler, with kernels/emulation first on the include path,
// the emulated one. Leaves out the kernels (one .cu an op) and how they are launched (launch.cuh).
#define CATALOG_cuda ,
#define CODE(op, name) cuda_##op##_##name
#include "catalog_rows.h"
#include "error.cuh"
#include "nvml.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef CUDA_EMULATION
#define EMULATED 1
#else
#define EMULATED 0
#endif
#ifndef WHY_CUDA_BUILD // what nvcc made it for: "CUDA 13.0, sm_80 sm_90a, PTX 9.0"
#define WHY_CUDA_BUILD "emulation"
#endif

// Allocations come in pages of 2 MiB, and modules are loaded when a kernel is first launched: to
// the last byte a device cannot be filled.
enum { KEPT_BACK = 32 << 20 };

struct cuda_device {
  int ordinal;
  bool ready; // streams and events are there
  cudaStream_t stream[WHY_QUEUES];
  cudaEvent_t event[WHY_MARKS];
};

static thread_local cudaError_t last_failure; // this thread's

static enum why_reason done(cudaError_t error) {
  if (!error) return WHY_OK;
  last_failure = error;
  cudaGetLastError(); // or a later call would report it once more
  return reason_of(error);
}

static struct cuda_device *state_of(struct why_device *d) {
  return (struct cuda_device *)d->state;
}

// ---- a device ----------------------------------------------------------------------------------

static enum why_reason device_refresh(struct why_device *d) {
  size_t free_bytes, total_bytes;
  enum why_reason reason = done(cudaMemGetInfo(&free_bytes, &total_bytes));
  size_t kept = EMULATED ? 0 : KEPT_BACK;
  if (!reason) d->facts.free_bytes = free_bytes > kept ? free_bytes - kept : 0;
  return reason;
}

static void drop_queues(struct cuda_device *s) {
  for (cudaEvent_t &event : s->event) {
    if (event) cudaEventDestroy(event);
    event = nullptr;
  }
  for (cudaStream_t &stream : s->stream) {
    if (stream) cudaStreamDestroy(stream);
    stream = nullptr;
  }
  s->ready = false;
}

static enum why_reason make_queues(struct why_device *d) {
  struct cuda_device *s = state_of(d);
  cudaError_t error = cudaSuccess;
  for (int i = 0; !error && i < WHY_QUEUES; i++)
    error = cudaStreamCreateWithFlags(&s->stream[i], cudaStreamNonBlocking);
  for (int i = 0; !error && i < WHY_MARKS; i++)
    error = cudaEventCreateWithFlags(&s->event[i], cudaEventDefault);
  enum why_reason reason = done(error);
  if (reason) {
    drop_queues(s);
    return reason;
  }
  for (int i = 0; i < WHY_QUEUES; i++) d->queue[i] = s->stream[i];
  s->ready = true;
  return WHY_OK;
}

// The first time, the context is made here; what it takes is the memory that is no longer free.
static enum why_reason device_bind(struct why_device *d) {
  struct cuda_device *s = state_of(d);
  uint64_t before = s->ready ? 0 : nvml_free_bytes(d->facts.pci);
  enum why_reason reason = done(cudaSetDevice(s->ordinal));
  if (reason || s->ready) return reason;
  reason = make_queues(d);
  if (!reason) reason = device_refresh(d);
  uint64_t after = before ? nvml_free_bytes(d->facts.pci) : 0;
  if (!reason && after && after < before) d->facts.context_bytes = before - after;
  return reason;
}

static enum why_reason device_alloc(struct why_device *, size_t bytes, enum why_memory memory,
                                    void **out) {
  *out = nullptr;
  switch (memory) {
  case WHY_DEVICE:
    return done(cudaMalloc(out, bytes));
  case WHY_PINNED_HOST:
    return done(cudaHostAlloc(out, bytes, cudaHostAllocPortable));
  case WHY_MANAGED:
    return done(cudaMallocManaged(out, bytes, cudaMemAttachGlobal));
  }
  return WHY_CALL_FAILED;
}

static void device_free(struct why_device *, enum why_memory memory, void *p) {
  done(memory == WHY_PINNED_HOST ? cudaFreeHost(p) : cudaFree(p));
}

// Rows without gaps are one long row, which has no largest pitch; others may not be further apart
// than cudaMemcpy2D takes (2 GiB on every device so far), and are then copied one by one.
static enum why_reason device_copy(struct why_device *d, int queue, void *dst, size_t dst_pitch,
                                   const void *src, size_t src_pitch, size_t row_bytes,
                                   size_t rows) {
  cudaStream_t stream = state_of(d)->stream[queue];
  if (!rows || !row_bytes) return WHY_OK;
  if (rows == 1 || (dst_pitch == row_bytes && src_pitch == row_bytes))
    return done(cudaMemcpyAsync(dst, src, rows * row_bytes, cudaMemcpyDefault, stream));
  if (dst_pitch <= INT32_MAX && src_pitch <= INT32_MAX)
    return done(cudaMemcpy2DAsync(dst, dst_pitch, src, src_pitch, row_bytes, rows,
                                  cudaMemcpyDefault, stream));
  cudaError_t error = cudaSuccess;
  for (size_t row = 0; !error && row < rows; row++)
    error = cudaMemcpyAsync((char *)dst + row * dst_pitch, (const char *)src + row * src_pitch,
                            row_bytes, cudaMemcpyDefault, stream);
  return done(error);
}

static enum why_reason device_mark(struct why_device *d, int queue, int mark) {
  struct cuda_device *s = state_of(d);
  return done(cudaEventRecord(s->event[mark], s->stream[queue]));
}

static enum why_reason device_after(struct why_device *d, int queue, int mark) {
  struct cuda_device *s = state_of(d);
  return done(cudaStreamWaitEvent(s->stream[queue], s->event[mark], 0));
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Asks at first often, then every millisecond: a wait with a deadline is for catching what hangs.
static enum why_reason device_until(struct why_device *d, int mark, double seconds) {
  cudaEvent_t event = state_of(d)->event[mark];
  if (isinf(seconds)) return done(cudaEventSynchronize(event));
  const double deadline = now() + seconds;
  struct timespec pause = {0, 10000};
  for (;;) {
    cudaError_t error = cudaEventQuery(event);
    if (error != cudaErrorNotReady) return done(error);
    if (now() >= deadline) return WHY_TIMEOUT;
    nanosleep(&pause, nullptr);
    if (pause.tv_nsec < 1000000) pause.tv_nsec *= 2;
  }
}

static double device_between(struct why_device *d, int first, int last) {
  struct cuda_device *s = state_of(d);
  float milliseconds;
  if (d->facts.emulated) return NAN;
  if (done(cudaEventElapsedTime(&milliseconds, s->event[first], s->event[last]))) return NAN;
  return 1e-3 * (double)milliseconds;
}

// ---- graphs ------------------------------------------------------------------------------------

// Only this thread is kept from what cannot be captured: others may go on.
static enum why_reason device_capture(struct why_device *d, int queue) {
  return done(cudaStreamBeginCapture(state_of(d)->stream[queue], cudaStreamCaptureModeThreadLocal));
}

static enum why_reason device_captured(struct why_device *d, int queue, void **graph) {
  cudaGraph_t nodes = nullptr;
  cudaGraphExec_t made = nullptr;
  cudaError_t error = cudaStreamEndCapture(state_of(d)->stream[queue], &nodes);
  if (!error) error = cudaGraphInstantiateWithFlags(&made, nodes, 0);
  if (nodes) cudaGraphDestroy(nodes);
  *graph = made;
  return done(error);
}

static enum why_reason device_replay(struct why_device *d, int queue, void *graph) {
  return done(cudaGraphLaunch((cudaGraphExec_t)graph, state_of(d)->stream[queue]));
}

static void device_forget(struct why_device *, void *graph) {
  done(cudaGraphExecDestroy((cudaGraphExec_t)graph));
}

static const char *device_error(struct why_device *) {
  return words_of(last_failure);
}

// ---- the backend -------------------------------------------------------------------------------

static char version[96]; // filled by open

static void write_versions(int driver) {
  int runtime = CUDART_VERSION;
  snprintf(version, sizeof version, "%s %d.%d, driver %d.%d",
           EMULATED ? "emulated CUDA" : "CUDA runtime", runtime / 1000, runtime % 1000 / 10,
           driver / 1000, driver % 1000 / 10);
}

static void write_uuid(const cudaDeviceProp *p, char *out, size_t size) {
  static const char zeros[sizeof p->uuid.bytes] = {0};
  if (!memcmp(p->uuid.bytes, zeros, sizeof zeros)) return;
  int used = snprintf(out, size, "GPU-");
  for (size_t i = 0; i < sizeof zeros; i++)
    used += snprintf(out + used, size - (size_t)used, "%s%02x",
                     i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                     (unsigned)(unsigned char)p->uuid.bytes[i]);
}

// From properties and attributes alone: neither makes a context.
static cudaError_t find_facts(int ordinal, int driver, struct why_facts *f) {
  cudaDeviceProp p;
  cudaError_t error = cudaGetDeviceProperties(&p, ordinal);
  if (error) return error;
  snprintf(f->name, sizeof f->name, "%.*s", (int)sizeof f->name - 1, p.name);
  strcpy(f->backend, "cuda");
  write_uuid(&p, f->uuid, sizeof f->uuid);
  error = cudaDeviceGetPCIBusId(f->pci, (int)sizeof f->pci, ordinal);
  if (error) return error;
  for (char *c = f->pci; *c; c++) *c = (char)tolower((unsigned char)*c); // as sysfs has it
  f->emulated = EMULATED;
  f->numa_node = -1; // the host knows, by the PCI address
  f->capability = 10 * p.major + p.minor;
  f->multiprocessors = p.multiProcessorCount;
  f->driver = driver;
  f->memory_bytes = p.totalGlobalMem;
  f->free_bytes = nvml_free_bytes(f->pci);
  if (!f->free_bytes) f->free_bytes = f->memory_bytes; // until it is bound
  f->shared_bytes = p.sharedMemPerBlockOptin;
  f->cache_bytes = (uint64_t)p.l2CacheSize;
  return cudaSuccess;
}

static enum why_reason refused(struct why_verdict *why, enum why_reason reason, double need,
                               double have, const char *note) {
  *why = {reason, need, have, note, ""};
  return reason;
}

static void backend_close(struct why_backend *b) {
  for (int i = 0; i < b->devices; i++) {
    struct cuda_device *s = state_of(&b->device[i]);
    if (s && s->ready && !cudaSetDevice(s->ordinal)) drop_queues(s);
    free(s);
  }
  free(b->device);
  b->device = nullptr;
  b->devices = 0;
}

static enum why_reason backend_open(struct why_backend *b, struct why_verdict *why) {
  int driver = 0, count = 0;
  cudaError_t error = cudaDriverGetVersion(&driver);
  write_versions(driver);
  if (error) return refused(why, WHY_NO_DRIVER, 0, 0, words_of(error));
  if (!driver) return refused(why, WHY_NO_DRIVER, 0, 0, "no CUDA driver answers");
  // A driver serves every runtime of its own major version (CUDA Compatibility, "Minor Version").
  const int least = CUDART_VERSION / 1000 * 1000;
  if (driver < least) {
    refused(why, WHY_DRIVER_OLD, least, driver, "versions as the driver counts them");
    why->cause = "driver-too-old";
    return WHY_DRIVER_OLD;
  }
  error = cudaGetDeviceCount(&count);
  if (error == cudaErrorNoDevice || (!error && count == 0))
    return refused(why, WHY_NO_DEVICE, 0, 0, words_of(cudaErrorNoDevice));
  if (error) {
    enum why_reason reason = done(error);
    return refused(why, reason, 0, 0, words_of(error));
  }
  b->device = (struct why_device *)calloc((size_t)count, sizeof *b->device);
  if (!b->device) return refused(why, WHY_ALLOC_FAILED, 0, 0, "out of host memory");
  for (int i = 0; i < count; i++) {
    struct why_device *d = &b->device[b->devices++];
    struct cuda_device *s = (struct cuda_device *)calloc(1, sizeof *s);
    d->state = s;
    error = s ? find_facts(i, driver, &d->facts) : cudaErrorMemoryAllocation;
    if (error) {
      backend_close(b);
      enum why_reason reason = done(error);
      return refused(why, reason, 0, 0, words_of(error));
    }
    s->ordinal = i;
    d->bind = device_bind;
    d->refresh = device_refresh;
    d->alloc = device_alloc;
    d->free = device_free;
    d->copy = device_copy;
    d->mark = device_mark;
    d->after = device_after;
    d->until = device_until;
    d->between = device_between;
    d->error = device_error;
    d->capture = device_capture;
    d->captured = device_captured;
    d->replay = device_replay;
    d->forget = device_forget;
  }
  return refused(why, WHY_OK, 0, 0, "");
}

extern "C" {
WHY_API extern struct why_backend whycpu_backend;
struct why_backend whycpu_backend = {WHY_ABI,      "cuda",        WHY_CUDA_BUILD, version,
                                     backend_open, backend_close, nullptr,        nullptr,
                                     catalog_find, nullptr,       nullptr,        0};
}
