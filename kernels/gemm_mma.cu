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
#include "mma.cuh"

// Two neighbours in a row of c; `paired`: they may be one load and one store.
template <class T, class C>
__device__ inline void write_two(const gemm<T, C> &g, unsigned row, unsigned col, bool paired,
                                 float x, float y) {
  if (paired && col + 1 < g.n) {
    C *c = g.c + row * g.c_row + col;
    x *= g.alpha;
    y *= g.alpha;
    if (g.beta != 0) {
      pack<C, 2> old = load<C, 2>(c);
      x += g.beta * widen(old.at[0]);
      y += g.beta * widen(old.at[1]);
    }
    store<C, 2>(c, {{narrow<C>(x), narrow<C>(y)}});
  } else {
    if (col < g.n) gemm_write(g, row, col, x);
    if (col + 1 < g.n) gemm_write(g, row, col + 1, y);
  }
}

struct wide { // what may move in more than one element at a time
  bool a, b, c;
};

template <class T, class C, bool A_K_LAST, bool B_K_LAST>
__global__ void __launch_bounds__(THREADS, 2) gemm_mma(const gemm<T, C> g, const wide can) {
  constexpr unsigned A_WORDS = layout<A_K_LAST>::words, B_WORDS = layout<B_K_LAST>::words;
  __shared__ __align__(16) uint32_t tiles[2 * A_WORDS + 2 * B_WORDS];
  static_assert(sizeof tiles >= STAGE_BYTES, "the sums go through it at the end");
  auto as = [&](unsigned half) { return half ? tiles + A_WORDS : tiles; };
  auto bs = [&](unsigned half) { return as(0) + 2 * A_WORDS + (half ? B_WORDS : 0); };
  corner tile = gemm_corner(g, TILE, TILE);
  source<T> a = {g.a + tile.row * g.a_row, g.a_row, g.a_col, g.m - tile.row, g.k, can.a};
  source<T> b = {g.b + tile.col * g.b_col, g.b_col, g.b_row, g.n - tile.col, g.k, can.b};
  unsigned y = threadIdx.x / 64 * 64, x = threadIdx.x / 32 % 2 * 64; // the warp's corner in it
  bool busy = tile.row + y < g.m && tile.col + x < g.n;              // else it only helps to fetch

  uint4 next_a[4], next_b[4];
  float sum[4][8][4] = {};
  fetch<A_K_LAST>(next_a, a, 0);
  fetch<B_K_LAST>(next_b, b, 0);
  keep<A_K_LAST>(as(0), next_a);
  keep<B_K_LAST>(bs(0), next_b);
  __syncthreads();
  for (unsigned p = 0, half = 0; p < g.k; p += DEPTH, half ^= 1) {
    bool more = p + DEPTH < g.k;
    if (more) {
      fetch<A_K_LAST>(next_a, a, p + DEPTH);
      fetch<B_K_LAST>(next_b, b, p + DEPTH);
    }
    if (busy) multiply<A_K_LAST, B_K_LAST>(sum, as(half), y, bs(half), x, T());
    if (more) { // into the half which nobody reads since the last barrier
      keep<A_K_LAST>(as(half ^ 1), next_a);
      keep<B_K_LAST>(bs(half ^ 1), next_b);
    }
    __syncthreads();
  }

  each_two(sum, (float *)tiles, [&](unsigned row, unsigned col, float first, float second) {
    row += tile.row + y;
    if (row < g.m) write_two(g, row, tile.col + x + col, can.c, first, second);
  });
}

// Lines that start at multiples of 16 bytes, elements of which are neighbours.
template <class T> static bool whole(const T *at, int64_t unit, int64_t line) {
  return unit == 1 && line % 8 == 0 && (uintptr_t)at % 16 == 0;
}

template <class T, class C> static enum why_reason mma(struct why_call *call) {
  gemm<T, C> g = gemm_of<T, C>(call);
  bool a_last = g.a_col == 1, b_last = g.b_row == 1;
  wide can = {};
  can.a = a_last ? whole(g.a, g.a_col, g.a_row) : whole(g.a, g.a_row, g.a_col);
  can.b = b_last ? whole(g.b, g.b_row, g.b_col) : whole(g.b, g.b_col, g.b_row);
  can.c = g.c_row % 2 == 0 && (uintptr_t)g.c % sizeof(pack<C, 2>) == 0;
  auto kernel = a_last ? (b_last ? gemm_mma<T, C, true, true> : gemm_mma<T, C, true, false>)
                       : (b_last ? gemm_mma<T, C, false, true> : gemm_mma<T, C, false, false>);
  return launch(call, kernel, gemm_blocks(g, TILE, TILE), THREADS, 0, g, can);
}

static enum why_reason run_mma(struct why_call *call) {
  switch (call->problem->type) {
  case WHY_F16:
    return gemm_wide_c(call) ? mma<f16, float>(call) : mma<f16, f16>(call);
  case WHY_BF16:
    return gemm_wide_c(call) ? mma<bf16, float>(call) : mma<bf16, bf16>(call);
  default:
    return refuse(call, WHY_TYPE, "");
  }
}

extern "C" {
const struct why_code cuda_gemm_mma = {run_mma, nullptr, nullptr};
}
