// What the lanes of a warp do together, and copies that land later.
#include "emulation.h"

namespace emu {

uint64_t shuffle(unsigned mask, uint64_t value, unsigned source, const char *file, int line) {
  self->in[0] = value;
  self->in[1] = source;
  warp_operation *exchange = [](fiber *warp, unsigned lanes) {
    for (unsigned lane = 0; lane < 32; lane++) {
      if (!(lanes >> lane & 1)) continue;
      uint64_t from = warp[lane].in[1];
      if (!(lanes >> from & 1))
        fail("a shuffle reads a lane outside its mask", warp[lane].file, warp[lane].line);
      warp[lane].out[0] = warp[from].in[0];
    }
  };
  sync_warp(mask, SHUFFLE, exchange, file, line);
  return self->out[0];
}

uint32_t ballot(unsigned mask, bool vote, const char *file, int line) {
  self->in[0] = vote;
  warp_operation *count = [](fiber *warp, unsigned lanes) {
    uint64_t votes = 0;
    for (unsigned lane = 0; lane < 32; lane++)
      if (lanes >> lane & 1) votes |= warp[lane].in[0] << lane;
    for (unsigned lane = 0; lane < 32; lane++)
      if (lanes >> lane & 1) warp[lane].out[0] = votes;
  };
  sync_warp(mask, BALLOT, count, file, line);
  return (uint32_t)self->out[0];
}

struct fragments {
  float *d;
  const uint32_t *a, *b;
  float (*value)(uint16_t);
};

static void multiply(fiber *warp, unsigned lanes) {
  if (lanes != ~0u) fail("mma needs a whole warp", warp->file, warp->line);
  float a[16][16], b[16][8];
  for (int lane = 0; lane < 32; lane++) {
    const fragments &f = *(const fragments *)warp[lane].in[0];
    int g = lane / 4, t = lane % 4;
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < 4; i++)
        a[g + 8 * (i % 2)][2 * t + 8 * (i / 2) + half] = f.value((uint16_t)(f.a[i] >> 16 * half));
      for (int i = 0; i < 2; i++)
        b[2 * t + 8 * i + half][g] = f.value((uint16_t)(f.b[i] >> 16 * half));
    }
  }
  for (int lane = 0; lane < 32; lane++) {
    const fragments &f = *(const fragments *)warp[lane].in[0];
    for (int i = 0; i < 4; i++)
      for (int k = 0; k < 16; k++)
        f.d[i] += a[lane / 4 + 8 * (i / 2)][k] * b[k][2 * (lane % 4) + i % 2];
  }
}

void mma_m16n8k16(float *d, const uint32_t *a, const uint32_t *b, warp_kind kind,
                  float (*value)(uint16_t), const char *file, int line) {
  fragments f = {d, a, b, value};
  self->in[0] = (uint64_t)&f;
  sync_warp(~0u, kind, multiply, file, line);
}

void copy_begin(void *to, const void *from, unsigned bytes, const char *file, int line) {
  if ((uintptr_t)to % bytes || (uintptr_t)from % bytes)
    fail("an asynchronous copy is not aligned to its size", file, line);
  if (self->copies == ASYNC_COPIES)
    fail("more asynchronous copies under way than the emulation keeps", file, line);
  self->copy[self->copies++] = {to, from, bytes, self->groups};
}

void copy_commit(void) {
  self->groups++;
}

void copy_wait(unsigned most_groups) {
  unsigned kept = 0;
  for (unsigned i = 0; i < self->copies; i++) {
    async_copy c = self->copy[i];
    if (c.group + most_groups >= self->groups)
      self->copy[kept++] = c;
    else
      memcpy(c.to, c.from, c.bytes);
  }
  self->copies = kept;
}

} // namespace emu
