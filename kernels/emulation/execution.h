// How a block runs on the CPU. One block at a time, on one thread of the operating system. Each
// CUDA thread is a fiber that runs until a barrier, a warp-wide operation or its end, so it gets as
// far ahead of its neighbours as the program allows: a missing barrier shows.
//
// A kernel that no device could run (lanes that meet in different operations, a barrier that some
// thread never reaches, an instruction that the capability lacks) ends the process, with the place.
#pragma once
#include "vector_types.h"
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace emu {

struct async_copy { // cp.async: asked for, not landed
  void *to;
  const void *from;
  unsigned bytes, group;
};
enum { ASYNC_COPIES = 64 }; // that one thread may have under way

enum fiber_state { READY, AT_BARRIER, IN_WARP, ENDED };

struct fiber { // one CUDA thread
  uint3 thread;
  unsigned index, warp, lane;
  enum fiber_state state;
  void *saved;         // stack pointer
  void *stack;         // its lowest usable byte
  void *fake;          // ASan's shadow of it
  uint64_t in[4];      // operands of the warp operation under way
  uint64_t out[4];     // its results
  unsigned kind, mask; // which operation, of which lanes
  const char *file;    // where it waits
  int line;
  async_copy copy[ASYNC_COPIES];
  unsigned copies, groups; // under way; committed so far
};

enum warp_kind {
  SYNC,
  SHUFFLE,
  BALLOT,
  MMA_BF16,
  MMA_F16
}; // lanes that meet must have come for the same

extern fiber *self;
extern unsigned char *dynamic_shared;

// Waits for all threads of the block that have not ended.
void sync_block(const char *file, int line);

// Waits for the lanes of `mask`. The last to come runs `operation` on the warp's 32 fibers.
typedef void warp_operation(fiber *warp, unsigned mask);
void sync_warp(unsigned mask, warp_kind, warp_operation *, const char *file, int line);

[[noreturn]] void fail(const char *what, const char *file, int line);

// Traps where the device asked for has not got the instruction.
void need(int capability, const char *instruction, const char *file, int line);

// cp.async: a copy lands only when its thread waits for it, the latest that the ISA allows.
void copy_begin(void *to, const void *from, unsigned bytes, const char *file, int line);
void copy_commit(void);
void copy_wait(unsigned most_groups); // until at most so many groups are under way

// Static shared memory: a guard lies before each declaration. See shared.cpp.
struct shared_guard {
  unsigned char byte[64];
};
void shared_declared(shared_guard *, const char *file, int line);

template <class T> uint64_t to_bits(T value) {
  static_assert(sizeof(T) <= sizeof(uint64_t), "a shuffled value has at most 8 bytes");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  return bits;
}
template <class T> T from_bits(uint64_t bits) {
  T value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

uint64_t shuffle(unsigned mask, uint64_t value, unsigned source, const char *file, int line);
uint32_t ballot(unsigned mask, bool vote, const char *file, int line);

// d(16,8) += a(16,16) b(16,8) by the 32 lanes of a warp; fragments as kernels/ptx.cuh has them.
void mma_m16n8k16(float *d, const uint32_t *a, const uint32_t *b, warp_kind,
                  float (*value)(uint16_t), const char *file, int line);

} // namespace emu
