// What the tests steer: the device that is emulated, injected faults, and errors.
#include "emulation.h"
#include <cstdlib>

namespace emu {

struct limits { // CUDA C++ Programming Guide, "Technical Specifications per Compute Capability"
  int capability;
  size_t shared_bytes; // a block, at most
};
// clang-format off
static const limits architecture[] = {
  { 75,  64 << 10}, { 80, 163 << 10}, { 86,  99 << 10}, { 87, 163 << 10}, { 89,  99 << 10},
  { 90, 227 << 10}, {100, 227 << 10}, {103, 227 << 10}, {120,  99 << 10}, {121,  99 << 10},
};
// clang-format on

// A capability that is not in the table has the limits of the one before it.
static size_t shared_bytes_of(int capability) {
  size_t bytes = architecture[0].shared_bytes;
  for (const limits &row : architecture)
    if (row.capability <= capability) bytes = row.shared_bytes;
  return bytes;
}

static unsigned long environment(const char *name) {
  const char *text = getenv(name);
  return text ? strtoul(text, nullptr, 10) : 0;
}
static unsigned seed_from_environment(void) {
  return (unsigned)environment("EMU_SEED");
}

device gpu = {(uint64_t)4 << 30, 90, shared_bytes_of(90), seed_from_environment(), 0, cudaSuccess};
std::recursive_mutex lock;

static struct {
  long count, fails_at; // fails_at 0: never
  long again;           // calls from there to the next that fails; 0: none does
} calls[EMU_KINDS];
static long until_lost; // calls; 0: it is not lost by itself

static void lose(void) {
  gpu.lost = cudaErrorDevicesUnavailable;
  drop();
}

cudaError_t fault(enum emu_kind kind, cudaError_t injected) {
  if (gpu.lost) return gpu.lost;
  auto &of = calls[kind];
  const bool fails = ++of.count == of.fails_at;
  if (fails && of.again) {
    of.fails_at += of.again;
    of.again = 0;
  }
  if (until_lost && --until_lost == 0) {
    lose();
    return gpu.lost;
  }
  return fails ? injected : cudaSuccess;
}

static void set_seed(unsigned seed) {
  gpu.seed = seed;
  gpu.chance = 0;
}

static thread_local cudaError_t last_error;

cudaError_t refuse(cudaError_t error) {
  if (error && error != cudaErrorNotReady) last_error = error;
  return error;
}

} // namespace emu

using namespace emu;

extern "C" {

void whycpu_emulate(uint64_t memory_bytes, int capability) {
  std::lock_guard<std::recursive_mutex> held(lock);
  gpu.memory_bytes = memory_bytes;
  gpu.capability = capability ? capability : 90;
  gpu.shared_bytes = shared_bytes_of(gpu.capability);
  emu_reset();
}

void emu_reset(void) {
  std::lock_guard<std::recursive_mutex> held(lock);
  for (auto &kind : calls) kind = {0, 0, 0};
  until_lost = (long)environment("EMU_LOSE_AT");
  reset_copied();
  gpu.lost = cudaSuccess;
  set_seed(seed_from_environment());
}

void emu_fail(enum emu_kind kind, long nth) {
  std::lock_guard<std::recursive_mutex> held(lock);
  calls[kind].fails_at = nth > 0 ? calls[kind].count + nth : 0;
  calls[kind].again = 0;
}

void emu_fail_again(enum emu_kind kind, long nth) {
  std::lock_guard<std::recursive_mutex> held(lock);
  calls[kind].again = nth > 0 ? nth : 0;
}

long emu_count(enum emu_kind kind) {
  std::lock_guard<std::recursive_mutex> held(lock);
  return calls[kind].count;
}

void emu_seed(unsigned seed) {
  std::lock_guard<std::recursive_mutex> held(lock);
  set_seed(seed);
}

void emu_lose_device(void) {
  std::lock_guard<std::recursive_mutex> held(lock);
  lose();
}

void emu_lose_at(long nth) {
  std::lock_guard<std::recursive_mutex> held(lock);
  until_lost = nth > 0 ? nth : 0;
}

} // extern "C"

cudaError_t cudaPeekAtLastError(void) {
  return last_error;
}
cudaError_t cudaGetLastError(void) {
  cudaError_t error = cudaPeekAtLastError();
  last_error = cudaSuccess;
  return error;
}

// clang-format off
const char *cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define X(name, number, text) case name: return #name;
    EMU_ERRORS(X)
#undef X
  }
  return "unrecognized error code";
}
const char *cudaGetErrorString(cudaError_t error) {
  switch (error) {
#define X(name, number, text) case name: return text;
    EMU_ERRORS(X)
#undef X
  }
  return "unrecognized error code";
}
// clang-format on
