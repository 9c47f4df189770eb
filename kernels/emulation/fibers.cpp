// Fibers, barriers and schedules: how the threads of a block take turns on one CPU.
#include "emulation.h"
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <sys/mman.h>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emu {

fiber *self;
unsigned char *dynamic_shared;

enum { MOST_THREADS = 1024, LANES = 32, WARPS = MOST_THREADS / LANES };
#ifdef EMU_ASAN
enum { STACK_BYTES = 256 << 10 };
#else
enum { STACK_BYTES = 64 << 10 };
#endif
enum { GUARD_PAGE = 4096 };

static fiber fibers[MOST_THREADS], host;
static const std::function<void()> *body;
static unsigned threads, alive, at_barrier; // in the block; not yet ended; waiting
static unsigned ready[WARPS];               // a bit a lane
static unsigned arrived[WARPS];             // lanes inside the warp operation under way
static unsigned chance;                     // state of the shuffle; 0: none

// ---- switching ---------------------------------------------------------------------------------

// Saves what the ABI of x86-64 keeps over a call, and changes stacks. A system call less than
// swapcontext(), which is 30 times slower.
extern "C" __attribute__((visibility("hidden"))) void emu_switch(void **save, void *load);
asm(R"(
.text
.globl emu_switch
.hidden emu_switch
.type emu_switch, @function
emu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emu_switch, .-emu_switch
)");

#ifdef EMU_ASAN
static const void *host_stack;
static size_t host_bytes;

static void before_switch(fiber *from, fiber *to, bool ended) {
  __sanitizer_start_switch_fiber(ended ? nullptr : &from->fake,
                                 to == &host ? host_stack : to->stack,
                                 to == &host ? host_bytes : (size_t)STACK_BYTES);
}
static void after_switch(void *fake, bool from_host) {
  const void *bottom;
  size_t bytes;
  __sanitizer_finish_switch_fiber(fake, &bottom, &bytes);
  if (!from_host) return;
  host_stack = bottom;
  host_bytes = bytes;
}
#else
static void before_switch(fiber *, fiber *, bool) {}
static void after_switch(void *, bool) {}
#endif

static fiber *came_from;

static void go(fiber *to, bool ended = false) {
  fiber *from = self;
  came_from = from;
  self = to;
  threadIdx = to->thread;
  before_switch(from, to, ended);
  emu_switch(&from->saved, to->saved);
  after_switch(from->fake, came_from == &host);
}

// ---- what went wrong ---------------------------------------------------------------------------

static void print_block(void) {
  static const char *const doing[] = {"ready", "at a block barrier", "at a warp operation",
                                      "ended"};
  fprintf(stderr, "block (%u,%u,%u):\n", blockIdx.x, blockIdx.y, blockIdx.z);
  for (unsigned first = 0, i = 1; i <= threads; i++) {
    const fiber &a = fibers[first], &b = fibers[i % MOST_THREADS];
    if (i < threads && a.state == b.state && a.file == b.file && a.line == b.line) continue;
    fprintf(stderr, "  threads %u-%u %s", first, i - 1, doing[a.state]);
    if (a.file && a.state != ENDED) fprintf(stderr, " %s:%d", a.file, a.line);
    fputc('\n', stderr);
    first = i;
  }
}

void fail(const char *what, const char *file, int line) {
  fprintf(stderr, "cuda emulation: %s at %s:%d", what, file, line);
  if (self && self != &host) {
    fprintf(stderr, ", thread %u, ", self->index);
    print_block();
  } else {
    fputc('\n', stderr);
  }
  abort();
}

void need(int capability, const char *instruction, const char *file, int line) {
  if (gpu.capability >= capability) return;
  char text[96];
  snprintf(text, sizeof text, "%s needs sm_%d, the device is sm_%d", instruction, capability,
           gpu.capability);
  fail(text, file, line);
}

// ---- scheduling --------------------------------------------------------------------------------

static unsigned roll(void) {
  return xorshift(&chance);
}

static void wake(fiber *f) {
  f->state = READY;
  ready[f->warp] |= 1u << f->lane;
}

static void wait_as(enum fiber_state state, const char *file, int line) {
  self->state = state;
  self->file = file;
  self->line = line;
  ready[self->warp] &= ~(1u << self->lane);
}

// The next thread to run: without shuffling one of this warp, so that a warp operation ends soon.
static fiber *next(unsigned warp) {
  unsigned warps = (threads + LANES - 1) / LANES, first = chance && warps ? roll() % warps : warp;
  for (unsigned k = 0; k < warps; k++) {
    unsigned w = (first + k) % warps, lanes = ready[w];
    if (!lanes) continue;
    if (chance) {
      unsigned above = lanes & (~0u << (roll() % LANES));
      if (above) lanes = above;
    }
    return &fibers[w * LANES + (unsigned)__builtin_ctz(lanes)];
  }
  return nullptr;
}

static void run_others(void) { // until this fiber is woken and chosen
  fiber *f = next(self->warp);
  if (!f) fail("deadlock", self->file, self->line);
  if (f != self) go(f);
}

// All threads have to come to the same __syncthreads(): CUDA C++ Programming Guide,
// "Synchronization Functions".
static void open_barrier(void) {
  const fiber *first = nullptr;
  for (unsigned i = 0; i < threads; i++) {
    if (fibers[i].state != AT_BARRIER) continue;
    if (!first) first = &fibers[i];
    if (fibers[i].line != first->line || strcmp(fibers[i].file, first->file))
      fail("threads of a block meet at different barriers", first->file, first->line);
  }
  for (unsigned i = 0; i < threads; i++)
    if (fibers[i].state == AT_BARRIER) wake(&fibers[i]);
  at_barrier = 0;
}

void sync_block(const char *file, int line) {
  wait_as(AT_BARRIER, file, line);
  if (++at_barrier == alive) open_barrier();
  run_others();
}

void sync_warp(unsigned mask, warp_kind kind, warp_operation *operation, const char *file,
               int line) {
  unsigned first = self->warp * LANES, lanes = min(threads - first, (unsigned)LANES);
  if (lanes < LANES) mask &= (1u << lanes) - 1;
  if (!(mask >> self->lane & 1)) fail("a lane is not in its own mask", file, line);
  self->kind = kind;
  self->mask = mask;
  wait_as(IN_WARP, file, line);
  arrived[self->warp] |= 1u << self->lane;
  if ((arrived[self->warp] & mask) == mask) {
    fiber *warp = &fibers[first];
    for (unsigned lane = 0; lane < LANES; lane++)
      if ((mask >> lane & 1) && (warp[lane].kind != kind || warp[lane].mask != mask))
        fail("lanes of a warp meet in different operations", file, line);
    operation(warp, mask);
    arrived[self->warp] &= ~mask;
    for (unsigned lane = 0; lane < LANES; lane++)
      if (mask >> lane & 1) wake(&warp[lane]);
  }
  run_others();
}

// ---- a block -----------------------------------------------------------------------------------

static void thread_main(void) {
  after_switch(nullptr, came_from == &host);
  (*body)();
  wait_as(ENDED, nullptr, 0);
  if (--alive && at_barrier == alive) open_barrier(); // hardware waits for live threads only
  fiber *f = next(self->warp);
  if (!f && alive) fail("deadlock: the other threads wait for one that ended", __FILE__, __LINE__);
  go(f ? f : &host, true);
  __builtin_unreachable();
}

static void prepare(fiber *f, unsigned index) {
  dim3 d = blockDim;
  f->thread = {index % d.x, index / d.x % d.y, index / (d.x * d.y)};
  f->index = index;
  f->warp = index / LANES;
  f->lane = index % LANES;
  f->file = nullptr;
  f->copies = f->groups = 0;
  if (!f->stack) {
    void *p = mmap(nullptr, STACK_BYTES + GUARD_PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED || mprotect(p, GUARD_PAGE, PROT_NONE))
      fail("no memory for a thread's stack", __FILE__, __LINE__);
    f->stack = (char *)p + GUARD_PAGE;
  }
  EMU_NEW_STACK(f->stack, (size_t)STACK_BYTES);
  void **top = (void **)((char *)f->stack + STACK_BYTES);
  *--top = nullptr; // the ABI wants rsp + 8 to be a multiple of 16 at a function's entry
  *--top = (void *)thread_main;
  for (int saved = 0; saved < 6; saved++) *--top = nullptr;
  f->saved = top;
  wake(f);
}

static void run_block(size_t dynamic_bytes) {
  if (posix_memalign((void **)&dynamic_shared, 1024, dynamic_bytes + GUARD))
    fail("no memory for dynamic shared memory", __FILE__, __LINE__);
  undefine(dynamic_shared, dynamic_bytes);
  guard_set(dynamic_shared + dynamic_bytes, GUARD);
  memset(ready, 0, sizeof ready);
  memset(arrived, 0, sizeof arrived);
  alive = threads;
  at_barrier = 0;
  for (unsigned i = 0; i < threads; i++) prepare(&fibers[i], i);
  go(next(0));
  shared_end_block();
  if (guard_damage(dynamic_shared + dynamic_bytes, GUARD) < GUARD)
    fail("dynamic shared memory was written past its end", __FILE__, __LINE__);
  EMU_SHOW(dynamic_shared, dynamic_bytes + GUARD); // the allocator's again
  free(dynamic_shared);
}

void run(dim3 grid, dim3 block, size_t dynamic_bytes, const std::function<void()> &thread) {
  self = &host;
  body = &thread;
  gridDim = grid;
  blockDim = block;
  threads = block.x * block.y * block.z;
  chance = gpu.seed;
  shared_begin();
  // Blocks in any order: by a step that has no factor in common with their number.
  uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z, step = 1, place = 0;
  if (chance) {
    place = roll() % blocks;
    do step = roll() % blocks + 1;
    while (std::gcd(step, blocks) != 1);
  }
  for (uint64_t i = 0; i < blocks; i++, place = (place + step) % blocks) {
    blockIdx = {(unsigned)(place % grid.x), (unsigned)(place / grid.x % grid.y),
                (unsigned)(place / grid.x / grid.y)};
    run_block(dynamic_bytes);
  }
  shared_end();
  self = nullptr;
}

} // namespace emu
