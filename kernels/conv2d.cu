// Forward convolution, f32, f16 and bf16 in, added up in f32, each element of y rounded once.
// conv2d.cuh has the formula. conv2d_mma.cu goes on with tensor cores.
//
//   direct    one thread an element of y
//   implicit  a product of windows and filters: each is gathered into shared memory once a block,
//             and read from there once for a row or column of y in registers
//
// Left out: Winograd's and Fourier's ways to multiply less; splitting the taps among blocks where y
// is small; several groups in one tile, without which groups of few filters leave a tile mostly
// empty.
#include "conv2d.cuh"

// ---- direct ------------------------------------------------------------------------------------
// Threads follow the order of y in memory, a grid's length apart. In nchw a warp reads neighbouring
// columns of x and one filter; in nhwc one window and the same tap of 32 filters. Any problem.

constexpr int64_t DIRECT_BLOCKS = 4096; // enough to fill any GPU a few times

template <class T> __global__ void __launch_bounds__(256) conv2d_direct(const conv2d<T> g) {
  int64_t area = (int64_t)g.p * g.q, outputs = g.pixels * g.all;
  for (int64_t i = blockIdx.x * (int64_t)256 + threadIdx.x; i < outputs;
       i += gridDim.x * (int64_t)256) {
    int64_t filter = g.channels_last ? i % g.all : i / area % g.all;
    int64_t index = g.channels_last ? i / g.all : i / area / g.all * area + i % area;
    unsigned group = (unsigned)filter / g.group_k;
    pixel place = pixel_at(g, index);
    window v = window_at(g, group, place);
    const T *w = g.w + filter * g.w_filter;
    float sum = 0;
    for (tap at = {0, 0, 0}; at.r < g.size.r; at.r++)
      for (at.s = 0; at.s < g.size.s; at.s++) {
        at.c = 0;
        const T *x = element_at<true>(g, v, at);
        if (!x) continue;
        const T *weight = w + at.r * g.w_r + at.s * g.w_s;
        for (unsigned c = 0; c < g.size.c; c++)
          sum += widen(x[c * g.x_channel]) * widen(weight[c * g.w_channel]);
      }
    g.y[output_at(g, place) + filter * g.y_filter] = narrow<T>(sum);
  }
}

// ---- implicit ----------------------------------------------------------------------------------
// A block of 8 warps takes a tile of y of 128 windows x 32 F filters and walks along the taps by 8;
// the next pair of tiles is on its way during the arithmetic. The tile's rows are what is not
// contiguous in y: windows in nhwc, filters in nchw. With L x R for 4 x F or F x 4, a warp takes
// 8 L x 16 R of it, a thread 2 x 2 pieces of L x R. A warp gathers 8 taps of 4 windows in nhwc, and
// one tap of 32 windows in nchw, whichever are neighbours in memory. Any problem.

constexpr unsigned TAPS = 8; // how far along the taps at a time

template <class T, bool NHWC, int F>
__global__ void __launch_bounds__(256, 2)
    conv2d_implicit(const conv2d<T> g, const tap by, const bool packs) {
  constexpr unsigned FILTERS = 32 * F;
  constexpr int L = NHWC ? 4 : FILTERS / 32, R = NHWC ? FILTERS / 32 : 4;
  __shared__ __align__(16) float xs[2][TAPS][WINDOWS + 4]; // padded for the banks
  __shared__ __align__(16) float ws[2][TAPS][FILTERS + 4];
  __shared__ window windows[WINDOWS];
  __shared__ int64_t outputs[WINDOWS]; // offsets in y of the tile's first filter
  conv2d_tile tile = conv2d_tile_of(g, FILTERS);
  int64_t first = (int64_t)tile.group * g.group_k + tile.filter;
  if (threadIdx.x < WINDOWS) {
    pixel at = pixel_at(g, tile.pixel + threadIdx.x);
    windows[threadIdx.x] = window_at(g, tile.group, at);
    outputs[threadIdx.x] = output_at(g, at) + first * g.y_filter;
  }
  __syncthreads();

  // What this thread fetches: taps deep.. of windows x_at.. and of filters w_at...
  unsigned x_at = NHWC ? threadIdx.x / TAPS : threadIdx.x % WINDOWS;
  unsigned x_deep = NHWC ? threadIdx.x % TAPS : threadIdx.x / WINDOWS;
  unsigned w_at = threadIdx.x / TAPS, w_deep = threadIdx.x % TAPS;
  tap at = tap_at<NHWC>(x_deep, g.size);
  unsigned filters = g.group_k - tile.filter; // that are left
  const T *w = g.w + (first + w_at) * g.w_filter + w_deep;

  T next_x[4], next_w[F];
  auto read = [&](int64_t step) {
#pragma unroll
    for (unsigned i = 0; i < 4; i++) {
      const T *x = element_at<NHWC>(g, windows[x_at + (NHWC ? 32 * i : 0)], at);
      next_x[i] = x ? *x : T{};
      if (!NHWC) advance<NHWC>(at, by, g.size);
    }
    if (NHWC) advance<NHWC>(at, by, g.size);
    bool there = step + w_deep < g.depth;
#pragma unroll
    for (unsigned i = 0; i < F; i++)
      next_w[i] = there && w_at + 32 * i < filters ? w[32 * i * g.w_filter] : T{};
    w += TAPS;
  };
  auto keep = [&](int half) {
#pragma unroll
    for (unsigned i = 0; i < 4; i++)
      xs[half][x_deep + (NHWC ? 0 : 2 * i)][x_at + (NHWC ? 32 * i : 0)] = widen(next_x[i]);
#pragma unroll
    for (unsigned i = 0; i < F; i++) ws[half][w_deep][w_at + 32 * i] = widen(next_w[i]);
  };

  // What it computes: rows y.. and y + 4 L.., columns x.. and x + 8 R.. of the tile.
  unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  unsigned y = warp / 2 * 8 * L + lane / 8 * L, x = warp % 2 * 16 * R + lane % 8 * R;
  float sum[2][2][L][R] = {};
  read(0);
  keep(0);
  __syncthreads();
  int half = 0;
  for (int64_t step = 0; step < g.depth; step += TAPS, half ^= 1) {
    bool more = step + TAPS < g.depth;
    if (more) read(step + TAPS);
#pragma unroll
    for (unsigned i = 0; i < TAPS; i++) {
      const float *rows = NHWC ? xs[half][i] : ws[half][i];
      const float *cols = NHWC ? ws[half][i] : xs[half][i];
      pack<float, L> left[2];
      pack<float, R> right[2];
#pragma unroll
      for (int h = 0; h < 2; h++) {
        left[h] = load<float, L>(&rows[y + h * 4 * L]);
        right[h] = load<float, R>(&cols[x + h * 8 * R]);
      }
#pragma unroll
      for (int h = 0; h < 2; h++)
#pragma unroll
        for (int r = 0; r < L; r++)
#pragma unroll
          for (int v = 0; v < 2; v++)
#pragma unroll
            for (int s = 0; s < R; s++) sum[h][v][r][s] += left[h].at[r] * right[v].at[s];
    }
    if (more) keep(half ^ 1); // which nobody reads since the last barrier
    __syncthreads();
  }

  unsigned pixels = (unsigned)min((int64_t)WINDOWS, g.pixels - tile.pixel); // that are left
  unsigned row_end = NHWC ? pixels : filters, col_end = NHWC ? filters : pixels;
#pragma unroll
  for (int h = 0; h < 2; h++)
#pragma unroll
    for (int r = 0; r < L; r++) {
      unsigned row = y + h * 4 * L + r;
      if (row >= row_end) return;
#pragma unroll
      for (int v = 0; v < 2; v++) {
        unsigned col = x + v * 8 * R;
        if (col >= col_end) continue;
        pack<T, R> value;
#pragma unroll
        for (int s = 0; s < R; s++) value.at[s] = narrow<T>(sum[h][v][r][s]);
        if (packs) { // the others are inside as well, and neighbours
          store<T, R>(
              g.y + (NHWC ? outputs[row] + col * g.y_filter : outputs[col] + row * g.y_filter),
              value);
          continue;
        }
#pragma unroll
        for (int s = 0; s < R; s++)
          if (col + s < col_end)
            g.y[NHWC ? outputs[row] + (col + s) * g.y_filter
                     : outputs[col + s] + row * g.y_filter] = value.at[s];
      }
    }
}

// ---- launches ----------------------------------------------------------------------------------

template <class T> static enum why_reason direct(struct why_call *call) {
  conv2d<T> g = conv2d_of<T>(call);
  int64_t blocks = min(DIRECT_BLOCKS, (g.pixels * g.all + 255) / 256);
  return launch(call, conv2d_direct<T>, blocks, 256, 0, g);
}

template <class T> static enum why_reason implicit(struct why_call *call) {
  conv2d<T> g = conv2d_of<T>(call);
  bool narrow = conv2d_narrow(call, g);
  // From one read to a thread's next: all taps of a step, or the second next of its own.
  tap by = g.channels_last ? tap_at<true>(TAPS, g.size) : tap_at<false>(2, g.size);
  auto kernel = g.channels_last
                    ? (narrow ? conv2d_implicit<T, true, 2> : conv2d_implicit<T, true, 4>)
                    : (narrow ? conv2d_implicit<T, false, 2> : conv2d_implicit<T, false, 4>);
  return launch(call, kernel, conv2d_blocks(g, narrow ? 64 : 128), 256, 0, g, by,
                conv2d_stores(g, 4));
}

static enum why_reason run_direct(struct why_call *call) {
  switch (call->problem->type) {
  case WHY_F32:
    return direct<float>(call);
  case WHY_F16:
    return direct<f16>(call);
  case WHY_BF16:
    return direct<bf16>(call);
  default:
    return refuse(call, WHY_TYPE, "");
  }
}

static enum why_reason run_implicit(struct why_call *call) {
  switch (call->problem->type) {
  case WHY_F32:
    return implicit<float>(call);
  case WHY_F16:
    return implicit<f16>(call);
  case WHY_BF16:
    return implicit<bf16>(call);
  default:
    return refuse(call, WHY_TYPE, "");
  }
}

extern "C" {
const struct why_code cuda_conv2d_direct = {run_direct, nullptr, nullptr};
const struct why_code cuda_conv2d_implicit = {run_implicit, nullptr, nullptr};
}
