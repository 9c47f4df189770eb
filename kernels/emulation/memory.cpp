// Device, managed and pinned memory. What the device holds is counted to the byte against its
// budget; each allocation starts unreadable and has guard bytes on both sides, which are checked
// when it is freed and whenever the host waits for the device.
#include "emulation.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace emu {

enum place { ON_DEVICE, ON_HOST, ON_BOTH };
static const char *const place_name[] = {"device", "pinned host", "managed"};

struct allocation {
  unsigned char *data;
  size_t bytes;
  enum place where;
  uint64_t serial; // from 1, never used again
};
// By address. No std::map: its balancing is in libstdc++, where MSan does not see it.
static std::vector<allocation> live;
static uint64_t used, peak, host_bytes, allocations;
static uint64_t copied_bytes[2]; // from device memory to host memory, and the other way

static uint64_t free_bytes(void) { // the budget may have shrunk since
  return used < gpu.memory_bytes ? gpu.memory_bytes - used : 0;
}

// The first allocation that starts after p.
static auto after(const void *p) {
  return std::upper_bound(
      live.begin(), live.end(), (uintptr_t)p,
      [](uintptr_t address, const allocation &a) { return address < (uintptr_t)a.data; });
}

static void check_guard(const allocation &a) {
  size_t past = guard_damage(a.data + a.bytes, GUARD);
  size_t before = guard_damage(a.data - GUARD, GUARD);
  if (past == GUARD && before == GUARD) return;
  fprintf(stderr,
          "cuda emulation: %s memory was written %zu bytes %s of an allocation of %zu bytes\n",
          place_name[a.where], past < GUARD ? past + 1 : GUARD - before,
          past < GUARD ? "past the end" : "before the start", a.bytes);
  abort();
}

void check_guards(void) {
  for (const allocation &a : live) check_guard(a);
}

static cudaError_t allocate(void **out, size_t bytes, enum place where) {
  std::lock_guard<std::recursive_mutex> held(lock);
  if (!out) return refuse(cudaErrorInvalidValue);
  *out = nullptr;
  if (cudaError_t error = fault(EMU_ALLOC, cudaErrorMemoryAllocation)) return refuse(error);
  if (breaks_captures()) return refuse(cudaErrorStreamCaptureUnsupported);
  if (!bytes) return cudaSuccess;
  if (where != ON_HOST && bytes > free_bytes()) return refuse(cudaErrorMemoryAllocation);
  void *block;
  if (bytes > SIZE_MAX - 2 * GUARD || posix_memalign(&block, GUARD, bytes + 2 * GUARD))
    return refuse(cudaErrorMemoryAllocation);
  allocation a = {(unsigned char *)block + GUARD, bytes, where, ++allocations};
  undefine(a.data, bytes);
  guard_set(a.data - GUARD, GUARD);
  guard_set(a.data + bytes, GUARD);
  live.insert(after(a.data), a);
  (where == ON_HOST ? host_bytes : used) += bytes;
  if (used > peak) peak = used;
  *out = a.data;
  return cudaSuccess;
}

// Once all that may use it has run. A lost device gives its memory back too, and says that it is
// lost.
static cudaError_t release(void *p, bool host) {
  std::lock_guard<std::recursive_mutex> held(lock);
  if (!p) return refuse(gpu.lost);
  if (breaks_captures()) return refuse(cudaErrorStreamCaptureUnsupported);
  drain();
  auto next = after(p);
  if (next == live.begin()) return refuse(cudaErrorInvalidValue);
  const allocation a = *std::prev(next);
  if (a.data != p || (a.where == ON_HOST) != host) return refuse(cudaErrorInvalidValue);
  check_guard(a);
  (host ? host_bytes : used) -= a.bytes;
  live.erase(std::prev(next));
  EMU_SHOW(a.data - GUARD, a.bytes + 2 * GUARD); // the allocator's again
  free(a.data - GUARD);
  return refuse(gpu.lost);
}

// The allocation whose bytes or guards [p, p + bytes) touches; nullptr: ordinary host memory.
static const allocation *touched(const void *p, size_t bytes) {
  uintptr_t first = (uintptr_t)p;
  auto next = after(p);
  if (next != live.begin()) {
    const allocation *a = &*std::prev(next);
    if (first - (uintptr_t)a->data < a->bytes + GUARD) return a;
  }
  return next != live.end() && (uintptr_t)next->data - first < bytes + GUARD ? &*next : nullptr;
}

// May one side of a copy be these bytes, which its direction says are on the device or the host?
// `any`: the direction is inferred.
static bool allowed(const void *p, size_t bytes, bool on_device, bool any) {
  const allocation *a = touched(p, bytes);
  if (!a) return any || !on_device;
  uintptr_t place = (uintptr_t)p - (uintptr_t)a->data; // huge when p lies before it
  if (place > a->bytes || bytes > a->bytes - place) return false;
  return any || a->where == ON_BOTH || (a->where == ON_DEVICE) == on_device;
}

static cudaError_t check_copy(const void *to, const void *from, size_t to_bytes, size_t from_bytes,
                              cudaMemcpyKind kind) {
  if (cudaError_t error = fault(EMU_COPY, cudaErrorUnknown)) return error;
  if (!to_bytes || !from_bytes) return cudaSuccess;
  bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  bool any = kind == cudaMemcpyDefault;
  return to && from && allowed(to, to_bytes, to_device, any) &&
                 allowed(from, from_bytes, from_device, any)
             ? cudaSuccess
             : cudaErrorInvalidValue;
}

struct side { // of a copy
  const void *p;
  size_t bytes;
};

static uint64_t serial_of(side s) { // 0: ordinary host memory
  const allocation *a = touched(s.p, s.bytes);
  return a ? a->serial : 0;
}

static void check_still(side s, uint64_t serial) {
  if (serial_of(s) == serial) return;
  fprintf(stderr,
          "cuda emulation: a copy of %zu bytes runs after its memory was freed or allocated anew\n",
          s.bytes);
  abort();
}

static void count_copied(side to, side from, size_t bytes) {
  const allocation *a = touched(to.p, to.bytes), *b = touched(from.p, from.bytes);
  const bool to_host = !a || a->where == ON_HOST, from_host = !b || b->where == ON_HOST;
  if (to_host && b && b->where == ON_DEVICE) copied_bytes[0] += bytes;
  if (from_host && a && a->where == ON_DEVICE) copied_bytes[1] += bytes;
}

// `bytes` are those that `work` moves: the sides may have gaps.
static cudaError_t enqueue_copy(cudaStream_t stream, side to, side from, size_t bytes,
                                const std::function<void()> &work) {
  const uint64_t to_serial = serial_of(to), from_serial = serial_of(from);
  cudaError_t error = enqueue(stream, [=] {
    check_still(to, to_serial);
    check_still(from, from_serial);
    work();
  });
  if (!error) count_copied(to, from, bytes);
  return error;
}

void reset_copied(void) {
  copied_bytes[0] = copied_bytes[1] = 0;
}

} // namespace emu

using namespace emu;

extern "C" {
uint64_t emu_used_bytes(void) {
  std::lock_guard<std::recursive_mutex> held(lock);
  return used;
}
uint64_t emu_peak_bytes(void) {
  std::lock_guard<std::recursive_mutex> held(lock);
  return peak;
}
uint64_t emu_host_bytes(void) {
  std::lock_guard<std::recursive_mutex> held(lock);
  return host_bytes;
}
void emu_reset_peak(void) {
  std::lock_guard<std::recursive_mutex> held(lock);
  peak = used;
}
uint64_t emu_copied_bytes(int to_device) {
  std::lock_guard<std::recursive_mutex> held(lock);
  return copied_bytes[to_device != 0];
}
int emu_contains(const void *p, size_t bytes) {
  std::lock_guard<std::recursive_mutex> held(lock);
  return allowed(p, bytes, true, false);
}
}

cudaError_t cudaMalloc(void **p, size_t bytes) {
  return allocate(p, bytes, ON_DEVICE);
}
cudaError_t cudaHostAlloc(void **p, size_t bytes, unsigned) {
  return allocate(p, bytes, ON_HOST);
}
cudaError_t cudaMallocManaged(void **p, size_t bytes, unsigned) {
  return allocate(p, bytes, ON_BOTH);
}
cudaError_t cudaFree(void *p) {
  return release(p, false);
}
cudaError_t cudaFreeHost(void *p) {
  return release(p, true);
}

cudaError_t cudaMemGetInfo(size_t *unused, size_t *total) {
  std::lock_guard<std::recursive_mutex> held(lock);
  if (gpu.lost) return refuse(gpu.lost);
  *total = gpu.memory_bytes;
  *unused = free_bytes();
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  std::lock_guard<std::recursive_mutex> held(lock);
  cudaError_t error = check_copy(to, from, bytes, bytes, kind);
  if (error || !bytes) return refuse(error);
  return enqueue_copy(stream, {to, bytes}, {from, bytes}, bytes, [=] { memmove(to, from, bytes); });
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  std::lock_guard<std::recursive_mutex> held(lock);
  if (width > to_pitch || width > from_pitch || to_pitch > INT32_MAX || from_pitch > INT32_MAX)
    return refuse(cudaErrorInvalidPitchValue);
  const size_t to_bytes = height ? (height - 1) * to_pitch + width : 0;
  const size_t from_bytes = height ? (height - 1) * from_pitch + width : 0;
  cudaError_t error = check_copy(to, from, to_bytes, from_bytes, kind);
  if (error || !width || !height) return refuse(error);
  return enqueue_copy(stream, {to, to_bytes}, {from, from_bytes}, width * height, [=] {
    for (size_t row = 0; row < height; row++)
      memmove((char *)to + row * to_pitch, (const char *)from + row * from_pitch, width);
  });
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t stream) {
  std::lock_guard<std::recursive_mutex> held(lock);
  cudaError_t error = check_copy(p, p, bytes, bytes, cudaMemcpyDeviceToDevice);
  if (error || !bytes) return refuse(error);
  return enqueue_copy(stream, {p, bytes}, {p, bytes}, 0, [=] { memset(p, value, bytes); });
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
  cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind);
  return error ? error : cudaStreamSynchronize(nullptr);
}
cudaError_t cudaMemset(void *p, int value, size_t bytes) {
  cudaError_t error = cudaMemsetAsync(p, value, bytes);
  return error ? error : cudaStreamSynchronize(nullptr);
}
