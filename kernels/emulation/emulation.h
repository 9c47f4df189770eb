// What the files of the emulation know of each other. Kernels and tests do not include it.
#pragma once
#include "control.h"
#include "cuda_runtime.h"
#include "sanitizers.h"
#include <mutex>

namespace emu {

enum { SHARED_UNASKED = 48 << 10 }; // bytes of shared memory that a block gets without asking

struct device {
  uint64_t memory_bytes;
  int capability;
  size_t shared_bytes; // a block, at most
  unsigned seed;
  unsigned chance;  // of the order of queues: its state; 0: starts anew from the seed
  cudaError_t lost; // sticky
};
extern device gpu;
extern std::recursive_mutex lock; // the emulated device serves one call at a time

// Memory that was never written: NaN in every format, or as MSan keeps it. (guards.cpp)
void undefine(void *p, size_t bytes);

// control.cpp
cudaError_t refuse(cudaError_t); // notes it for cudaGetLastError on this thread
// Counts a call. `injected` if this one is to fail; the device's own error where it is lost.
cudaError_t fault(enum emu_kind, cudaError_t injected);

// guards.cpp: bytes beside memory that nobody may read or write
constexpr size_t GUARD = 256;
void guard_set(unsigned char *, size_t bytes);
size_t guard_damage(unsigned char *, size_t bytes); // the first byte that changed; `bytes`: none

// memory.cpp
void check_guards(void); // of all allocations
void reset_copied(void); // what emu_copied_bytes() counts

// shared.cpp: static shared memory, of all kernels in this library or program
void shared_begin(void);                  // before a launch
void shared_end_block(void);              // after each block
void shared_end(void);                    // after a launch
size_t shared_static(const void *kernel); // what it declares, in bytes

// queues.cpp
cudaError_t enqueue(cudaStream_t, const std::function<void()> &work);
void drain(void);                // runs all that is in any queue
void drop(void);                 // forgets it instead
cudaStream_t find(cudaStream_t); // the null stream's object for nullptr; nullptr: none such

// graphs.cpp
bool keep(cudaStream_t, const std::function<void()> &work); // true: the stream captures it
// What may not be done while a stream, or while any, captures: true, and the capture is broken.
bool breaks_capture(cudaStream_t);
bool breaks_captures(void);

// The next 32 random bits (xorshift, Marsaglia 2003). A state of 0 would stay 0.
static inline unsigned xorshift(unsigned *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  return *state ^= *state << 5;
}

// fibers.cpp: runs `thread` once for each thread of the grid.
void run(dim3 grid, dim3 block, size_t dynamic_bytes, const std::function<void()> &thread);

} // namespace emu
