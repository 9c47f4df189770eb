// What the tensor core kernels share: how a tile of an operand lies in shared memory, how it gets
// there, and the step that multiplies two tiles. A block of 4 warps takes a tile of the result, a
// warp a quarter of it, and walks along k by DEPTH. Leaves out where operands come from, beyond
// matrices with two strides, and what is done with the sums.
#pragma once
#include "number.cuh"

constexpr unsigned TILE = 128, DEPTH = 32, THREADS = 128;

// A tile of an operand in shared memory, as mma wants it: words of two neighbours in k. `along` is
// the axis shared with the result, `deep` counts words of k. Where k is contiguous in memory, the
// words of a line follow each other; else (K_LAST false) the lines of a word of k do. Both pads put
// the 32 words that a warp reads at once, 8 along and 4 deep, into 32 banks: 20 along + deep and
// along + 136 deep are all different modulo 32.
template <bool K_LAST> struct layout {
  static constexpr unsigned along = K_LAST ? DEPTH / 2 + 4 : 1;
  static constexpr unsigned deep = K_LAST ? 1 : TILE + 8;
  static constexpr unsigned words = K_LAST ? TILE * along : DEPTH / 2 * deep;
};

template <class T> struct source { // an operand, from the corner of the block's tiles on
  const T *at;
  int64_t along_stride, deep_stride;
  unsigned along_left, deep_left; // elements before the edges
  bool whole;                     // eight neighbours along the contiguous axis may be one load
};

// Eight elements `stride` apart, of which `inside` are there (or none where that is below 1).
template <class T>
__device__ inline uint4 eight(const T *at, int64_t stride, int inside, bool whole) {
  uint32_t word[4] = {};
  if (whole && inside >= 8) {
    pack<T, 8> all = load<T, 8>(at);
#pragma unroll
    for (int i = 0; i < 8; i++) word[i / 2] |= (uint32_t)all.at[i].bits << 16 * (i % 2);
  } else {
#pragma unroll
    for (int i = 0; i < 8; i++)
      if (i < inside) word[i / 2] |= (uint32_t)at[i * stride].bits << 16 * (i % 2);
  }
  return {word[0], word[1], word[2], word[3]};
}

// A thread's share of a tile on its way through registers: N times 8 elements, 4 for a whole tile,
// fewer for its first lines where K_LAST.
template <bool K_LAST, class T, unsigned N>
__device__ inline void fetch(uint4 (&held)[N], const source<T> &from, unsigned p) {
#pragma unroll
  for (unsigned i = 0; i < N; i++) {
    // Eight along k of one line; or eight lines at one k, the next k in the register after it.
    unsigned e = threadIdx.x + i / (K_LAST ? 1 : 2) * THREADS;
    unsigned along = K_LAST ? e / (DEPTH / 8) : e % (TILE / 8) * 8;
    unsigned deep = K_LAST ? e % (DEPTH / 8) * 8 : e / (TILE / 8) * 2 + i % 2;
    int lines = (int)(from.along_left - along), depth = (int)(from.deep_left - p - deep);
    const T *at =
        from.at + along * from.along_stride + (p + deep) * (K_LAST ? 1 : from.deep_stride);
    if constexpr (K_LAST)
      held[i] = eight(at, 1, lines > 0 ? depth : 0, from.whole);
    else
      held[i] = eight(at, from.along_stride, depth > 0 ? lines : 0, from.whole);
  }
}

// The low halves of two words as one word, and the high halves.
__device__ static inline uint32_t low(uint32_t x, uint32_t y) {
  return (x & 0xffff) | y << 16;
}
__device__ static inline uint32_t high(uint32_t x, uint32_t y) {
  return x >> 16 | (y & 0xffff0000);
}

template <bool K_LAST, unsigned N>
__device__ inline void keep(uint32_t *tile, const uint4 (&held)[N]) {
  using L = layout<K_LAST>;
#pragma unroll
  for (unsigned i = 0; i < N; i += K_LAST ? 1 : 2) {
    unsigned e = threadIdx.x + i / (K_LAST ? 1 : 2) * THREADS;
    if constexpr (K_LAST) {
      *(uint4 *)&tile[e / (DEPTH / 8) * L::along + e % (DEPTH / 8) * 4] = held[i];
    } else {
      uint4 x = held[i], y = held[i + 1];
      uint32_t *at = &tile[e / (TILE / 8) * L::deep + e % (TILE / 8) * 8];
      *(uint4 *)at = {low(x.x, y.x), high(x.x, y.x), low(x.y, y.y), high(x.y, y.y)};
      *(uint4 *)(at + 4) = {low(x.z, y.z), high(x.z, y.z), low(x.w, y.w), high(x.w, y.w)};
    }
  }
}

__device__ static inline void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                                  f16) {
  mma_m16n8k16_f16(d, a, b);
}
__device__ static inline void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                                  bf16) {
  mma_m16n8k16_bf16(d, a, b);
}

// sum += left right, for the part of a warp: LEFT x 16 lines of the left tile from line y on, RIGHT
// x 8 of the right one from line x on. Which words each lane holds: PTX ISA, "Matrix Fragments for
// mma.m16n8k16 with floating point type".
template <bool LEFT_K_LAST, bool RIGHT_K_LAST, class T, unsigned LEFT, unsigned RIGHT>
__device__ inline void multiply(float (&sum)[LEFT][RIGHT][4], const uint32_t *left_tile, unsigned y,
                                const uint32_t *right_tile, unsigned x, T type) {
  using A = layout<LEFT_K_LAST>;
  using B = layout<RIGHT_K_LAST>;
  unsigned group = threadIdx.x % 32 / 4, place = threadIdx.x % 4;
  const uint32_t *left = &left_tile[(y + group) * A::along + place * A::deep];
  const uint32_t *right = &right_tile[(x + group) * B::along + place * B::deep];
#pragma unroll
  for (unsigned d = 0; d < DEPTH / 2; d += 8) { // words of k: 16 elements
    uint32_t fa[LEFT][4], fb[2];
#pragma unroll
    for (unsigned i = 0; i < LEFT; i++)
#pragma unroll
      for (unsigned r = 0; r < 4; r++)
        fa[i][r] = left[(16 * i + r % 2 * 8) * A::along + (d + r / 2 * 4) * A::deep];
#pragma unroll
    for (unsigned j = 0; j < RIGHT; j++) {
#pragma unroll
      for (unsigned r = 0; r < 2; r++) fb[r] = right[8 * j * B::along + (d + r * 4) * B::deep];
#pragma unroll
      for (unsigned i = 0; i < LEFT; i++) mma(sum[i][j], fa[i], fb, type);
    }
  }
}

// What a warp's sums pass through on their way out: 16 rows of half a tile, padded.
constexpr size_t STAGE_BYTES = sizeof(float) * (THREADS / 32) * 16 * (TILE / 2 + 8);

// Calls take(row, column, x, y) for each two neighbours of a warp's sums, in an order in which the
// lanes of a warp go along rows: a lane holds them otherwise (PTX ISA, as above). They go through
// `stage`, of STAGE_BYTES, a few rows at a time; the block must be done with what was there.
template <unsigned L, unsigned R, class F>
__device__ inline void each_two(const float (&sum)[L][R][4], float *stage, F take) {
  constexpr unsigned PITCH = 8 * R + 8; // so that the words of four rows lie in different banks
  unsigned lane = threadIdx.x % 32, group = lane / 4, place = lane % 4 * 2;
  stage += (int64_t)(threadIdx.x / 32) * 16 * PITCH;
#pragma unroll
  for (unsigned i = 0; i < L; i++) {
#pragma unroll
    for (unsigned j = 0; j < R; j++)
#pragma unroll
      for (unsigned h = 0; h < 2; h++)
        store<float, 2>(&stage[(group + 8 * h) * PITCH + 8 * j + place],
                        {{sum[i][j][h + h], sum[i][j][h + h + 1]}});
    __syncwarp();
#pragma unroll 1 // it waits for memory, not for arithmetic, and unrolled it is long to compile
    for (unsigned e = lane; e < 16 * 4 * R; e += 32) {
      unsigned row = e / (4 * R), col = e % (4 * R) * 2;
      pack<float, 2> two = load<float, 2>(&stage[row * PITCH + col]);
      take(16 * i + row, col, two.at[0], two.at[1]);
    }
    __syncwarp(); // nobody reads these rows any more
  }
}
