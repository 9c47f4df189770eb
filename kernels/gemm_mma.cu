// c(m,n) = alpha a(m,k) b(k,n) + beta c(m,n) in f16 and bf16 on the tensor cores of sm_80 and
// later, products added up in f32, each element of c rounded once.
//
// A block of 4 warps takes a tile of c of 128 x 128, a warp 64 x 64 of it: 4 x 8 of the 16 x 8
// tiles that one mma.sync makes from 16 of k. The block walks along k by 32; the next pair of tiles
// is read from memory during the arithmetic. For each step of 16 a warp reads 4 KiB of shared
// memory and makes 32 mma of them.
//
// Any m, n, k, any strides. Eight elements are one load where they are neighbours in memory, their
// address is a multiple of 16 bytes and all are inside; else they are read one by one, zeros beyond
// the edges.
//
// Left out: wgmma and the copy engine of sm_90, several tiles of k in flight, splitting k among
// blocks where c has few tiles.
#include "gemm.cuh"

constexpr unsigned TILE = 128, DEPTH = 32, THREADS = 128;

// A tile of an operand in shared memory, as mma wants it: words of two neighbours in k. `along` is
// the axis shared with c, `deep` counts words of k. Where k is contiguous in memory, the words of a
// line follow each other; else (K_LAST false) the lines of a word of k do. Both pads put the 32
// words that a warp reads at once, 8 along and 4 deep, into 32 banks: 20 along + deep and
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

// A thread's share of a tile on its way through registers: 4 times 8 elements.
template <bool K_LAST, class T>
__device__ inline void fetch(uint4 (&held)[4], const source<T> &from, unsigned p) {
#pragma unroll
  for (unsigned i = 0; i < 4; i++) {
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

template <bool K_LAST> __device__ inline void keep(uint32_t *tile, const uint4 (&held)[4]) {
  using L = layout<K_LAST>;
#pragma unroll
  for (unsigned i = 0; i < 4; i += K_LAST ? 1 : 2) {
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

// Two neighbours in a row of c; `paired`: they may be one load and one store.
template <class T>
__device__ inline void write_two(const gemm<T> &g, unsigned row, unsigned col, bool paired, float x,
                                 float y) {
  if (paired && col + 1 < g.n) {
    T *c = g.c + row * g.c_row + col;
    x *= g.alpha;
    y *= g.alpha;
    if (g.beta != 0) {
      pack<T, 2> old = load<T, 2>(c);
      x += g.beta * widen(old.at[0]);
      y += g.beta * widen(old.at[1]);
    }
    store<T, 2>(c, {{narrow<T>(x), narrow<T>(y)}});
  } else {
    if (col < g.n) gemm_write(g, row, col, x);
    if (col + 1 < g.n) gemm_write(g, row, col + 1, y);
  }
}

struct wide { // what may move in more than one element at a time
  bool a, b, c;
};

// Which words of a and b each lane holds, and which elements of c: PTX ISA, "Matrix Fragments for
// mma.m16n8k16 with floating point type".
template <class T, bool A_K_LAST, bool B_K_LAST>
__global__ void __launch_bounds__(THREADS, 2) gemm_mma(const gemm<T> g, const wide can) {
  using A = layout<A_K_LAST>;
  using B = layout<B_K_LAST>;
  __shared__ __align__(16) uint32_t as[2][A::words];
  __shared__ __align__(16) uint32_t bs[2][B::words];
  corner tile = gemm_corner(g, TILE, TILE);
  source<T> a = {g.a + tile.row * g.a_row, g.a_row, g.a_col, g.m - tile.row, g.k, can.a};
  source<T> b = {g.b + tile.col * g.b_col, g.b_col, g.b_row, g.n - tile.col, g.k, can.b};
  unsigned warp = threadIdx.x / 32, group = threadIdx.x % 32 / 4, place = threadIdx.x % 4;
  unsigned y = warp / 2 * 64, x = warp % 2 * 64;        // the warp's corner in the tile
  bool busy = tile.row + y < g.m && tile.col + x < g.n; // else it only helps to fetch

  uint4 next_a[4], next_b[4];
  float sum[4][8][4] = {};
  fetch<A_K_LAST>(next_a, a, 0);
  fetch<B_K_LAST>(next_b, b, 0);
  keep<A_K_LAST>(as[0], next_a);
  keep<B_K_LAST>(bs[0], next_b);
  __syncthreads();
  for (unsigned p = 0, half = 0; p < g.k; p += DEPTH, half ^= 1) {
    bool more = p + DEPTH < g.k;
    if (more) {
      fetch<A_K_LAST>(next_a, a, p + DEPTH);
      fetch<B_K_LAST>(next_b, b, p + DEPTH);
    }
    const uint32_t *left = &as[half][(y + group) * A::along + place * A::deep];
    const uint32_t *right = &bs[half][(x + group) * B::along + place * B::deep];
    if (busy) {
#pragma unroll
      for (unsigned d = 0; d < DEPTH / 2; d += 8) { // words of k: 16 elements
        uint32_t fa[4][4], fb[2];
#pragma unroll
        for (unsigned i = 0; i < 4; i++)
#pragma unroll
          for (unsigned r = 0; r < 4; r++)
            fa[i][r] = left[(16 * i + r % 2 * 8) * A::along + (d + r / 2 * 4) * A::deep];
#pragma unroll
        for (unsigned j = 0; j < 8; j++) {
#pragma unroll
          for (unsigned r = 0; r < 2; r++) fb[r] = right[8 * j * B::along + (d + r * 4) * B::deep];
#pragma unroll
          for (unsigned i = 0; i < 4; i++) mma(sum[i][j], fa[i], fb, T());
        }
      }
    }
    if (more) { // into the half which nobody reads since the last barrier
      keep<A_K_LAST>(as[half ^ 1], next_a);
      keep<B_K_LAST>(bs[half ^ 1], next_b);
    }
    __syncthreads();
  }

#pragma unroll
  for (unsigned i = 0; i < 4; i++)
#pragma unroll
    for (int h = 0; h < 2; h++) {
      unsigned row = tile.row + y + 16 * i + 8 * h + group;
      if (row >= g.m) continue;
#pragma unroll
      for (unsigned j = 0; j < 8; j++)
        write_two(g, row, tile.col + x + 8 * j + 2 * place, can.c, sum[i][j][h + h],
                  sum[i][j][h + h + 1]);
    }
}

// Lines that start at multiples of 16 bytes, elements of which are neighbours.
template <class T> static bool whole(const T *at, int64_t unit, int64_t line) {
  return unit == 1 && line % 8 == 0 && (uintptr_t)at % 16 == 0;
}

template <class T> static enum why_reason mma(struct why_call *call) {
  gemm<T> g = gemm_of<T>(call);
  bool a_last = g.a_col == 1, b_last = g.b_row == 1;
  wide can = {};
  can.a = a_last ? whole(g.a, g.a_col, g.a_row) : whole(g.a, g.a_row, g.a_col);
  can.b = b_last ? whole(g.b, g.b_row, g.b_col) : whole(g.b, g.b_col, g.b_row);
  can.c = g.c_row % 2 == 0 && (uintptr_t)g.c % 4 == 0;
  auto kernel = a_last ? (b_last ? gemm_mma<T, true, true> : gemm_mma<T, true, false>)
                       : (b_last ? gemm_mma<T, false, true> : gemm_mma<T, false, false>);
  return launch(call, kernel, gemm_blocks(g, TILE, TILE), THREADS, 0, g, can);
}

static enum why_reason run_mma(struct why_call *call) {
  switch (call->problem->type) {
  case WHY_F16:
    return mma<f16>(call);
  case WHY_BF16:
    return mma<bf16>(call);
  default:
    return refuse(call, WHY_TYPE, "");
  }
}

extern "C" {
const struct why_code cuda_gemm_mma = {run_mma, nullptr, nullptr};
}
