// Forward convolution in f16 and bf16 on the tensor cores of sm_80 and later, products added up in
// f32, each element of y rounded once. conv2d.cuh has the formula, mma.cuh the arithmetic.
//
// A block of 4 warps takes a tile of y of 128 windows x FILTERS filters (64 or 128), a warp a
// quarter of it, and walks along the taps by 32. The tile's rows are what is not contiguous in y:
// windows in nhwc, filters in nchw.
//
//   chunks  nhwc, channels of a group a multiple of 8: eight channels of a tap are one copy of 16
//           bytes from memory to shared memory, two steps ahead of the arithmetic
//   gather  anything else: a thread gathers the taps of one window one by one, so that a warp reads
//           32 neighbouring windows at a time; one step ahead, through registers
//
// Left out: wgmma and the copy engine of sm_90; splitting the taps among blocks where y is small;
// several groups in one tile.
#include "conv2d.cuh"
#include "mma.cuh"

constexpr unsigned LINE = layout<true>::along; // words from one line of a tile to the next
constexpr unsigned STEPS = 3;                  // steps that shared memory holds, of `chunks`

// Writes a warp's sums: rows from `row` on, columns from `col` on of the block's tile, of which
// filters and windows below their ends are there. `outputs` are the offsets of the windows in y.
template <bool NHWC, class T, unsigned L, unsigned R>
__device__ inline void conv2d_write(const conv2d<T> &g, const float (&sum)[L][R][4], float *stage,
                                    unsigned row, unsigned col, unsigned row_end, unsigned col_end,
                                    const int64_t *outputs, bool paired) {
  each_two(sum, stage, [&](unsigned line, unsigned at, float first, float second) {
    line += row;
    at += col;
    if (line >= row_end || at >= col_end) return;
    T *to = g.y + (NHWC ? outputs[line] + at * g.y_filter : outputs[at] + line * g.y_filter);
    if (paired) {
      store<T, 2>(to, {{narrow<T>(first), narrow<T>(second)}});
      return;
    }
    *to = narrow<T>(first);
    if (++at < col_end)
      g.y[NHWC ? outputs[line] + at * g.y_filter : outputs[at] + line * g.y_filter] =
          narrow<T>(second);
  });
}

// ---- chunks ------------------------------------------------------------------------------------
// A thread copies 8 taps of 4 windows and of FILTERS / 32 filters a step; 4 threads the 32 taps of
// one. nhwc, group_c a multiple of 8, x and w at multiples of 16 bytes.

template <class T, unsigned FILTERS>
__global__ void __launch_bounds__(THREADS, 2)
    conv2d_mma_chunks(const conv2d<T> g, const tap by, const bool paired) {
  constexpr int64_t APART = (int64_t)32 * LINE;                // words between a thread's lines
  constexpr int64_t X_WORDS = (int64_t)WINDOWS * LINE;         // of the windows of a step
  constexpr int64_t WORDS = X_WORDS + (int64_t)FILTERS * LINE; // of a step
  static_assert(STEPS * WORDS * sizeof(uint32_t) >= STAGE_BYTES,
                "the sums go through it at the end");
  uint32_t *shared = smem_dynamic<uint32_t>();
  __shared__ int64_t outputs[WINDOWS];
  __shared__ window windows[WINDOWS];
  conv2d_tile tile = conv2d_tile_of(g, FILTERS);
  int64_t first = (int64_t)tile.group * g.group_k + tile.filter;
  pixel mine = pixel_at(g, tile.pixel + threadIdx.x);
  windows[threadIdx.x] = window_at(g, tile.group, mine);
  outputs[threadIdx.x] = output_at(g, mine) + first * g.y_filter;
  __syncthreads();

  unsigned line = threadIdx.x / 4, place = threadIdx.x % 4 * 8;
  unsigned filters = g.group_k - tile.filter; // that are left
  window from[4];
#pragma unroll
  for (unsigned i = 0; i < 4; i++) from[i] = windows[line + 32 * i];
  const T *w = g.w + (first + line) * g.w_filter + place;
  tap at = tap_at<true>(place, g.size);
  auto copy = [](uint32_t *to, const T *what) { // null: zeros
    if (what)
      copy_async_16(to, what);
    else
      *(uint4 *)to = {};
  };
  auto fetch_step = [&](int64_t deep, uint32_t *step) {
    uint32_t *to = &step[line * LINE + place / 2];
#pragma unroll
    for (unsigned i = 0; i < 4; i++) copy(&to[i * APART], element_at<true>(g, from[i], at));
#pragma unroll
    for (unsigned i = 0; i < FILTERS / 32; i++) {
      bool inside = line + 32 * i < filters && deep + place < g.depth;
      copy(&to[(4 + i) * APART], inside ? w + deep + 32 * i * g.w_filter : nullptr);
    }
    advance<true>(at, by, g.size);
  };

  constexpr unsigned L = 4, R = FILTERS / 16;
  unsigned row = threadIdx.x / 64 * 64, col = threadIdx.x / 32 % 2 * (FILTERS / 2);
  float sum[L][R][4] = {};
  for (int64_t s = 0; s < STEPS - 1; s++) {
    if (s * DEPTH < g.depth) fetch_step(s * DEPTH, &shared[s * WORDS]);
    copy_async_commit(); // one a step, empty or not, so that counting them tells which have landed
  }
  unsigned now = 0, later = STEPS - 1; // of the steps in shared memory: this, and the one to fetch
  for (int64_t deep = 0; deep < g.depth; deep += DEPTH) {
    copy_async_wait<STEPS - 2>();
    __syncthreads(); // this step has landed for all, and nobody reads the one before any more
    int64_t ahead = deep + (int64_t)DEPTH * (STEPS - 1);
    if (ahead < g.depth) fetch_step(ahead, &shared[later * WORDS]);
    copy_async_commit();
    const uint32_t *xs = &shared[now * WORDS];
    if (col < filters) multiply<true, true>(sum, xs, row, xs + X_WORDS, col, T());
    now = now + 1 == STEPS ? 0 : now + 1;
    later = later + 1 == STEPS ? 0 : later + 1;
  }
  unsigned pixels = (unsigned)min((int64_t)WINDOWS, g.pixels - tile.pixel);
  __syncthreads(); // nobody reads the last step any more
  conv2d_write<true>(g, sum, (float *)shared, row, col, pixels, filters, outputs, paired);
}

// ---- gather ------------------------------------------------------------------------------------
// A thread gathers the 32 taps of one window a step, and 8 taps of FILTERS / 32 filters, those in
// one load where they are aligned. Any problem.

template <class T, bool NHWC, unsigned FILTERS>
__global__ void __launch_bounds__(THREADS, 2)
    conv2d_mma_gather(const conv2d<T> g, const bool w_whole, const bool paired) {
  __shared__ __align__(16) uint32_t xs[2][WINDOWS * LINE];
  __shared__ __align__(16) uint32_t ws[2][FILTERS * LINE];
  static_assert(sizeof xs >= STAGE_BYTES, "the sums go through it at the end");
  __shared__ int64_t outputs[WINDOWS];
  conv2d_tile tile = conv2d_tile_of(g, FILTERS);
  int64_t first = (int64_t)tile.group * g.group_k + tile.filter;
  pixel mine = pixel_at(g, tile.pixel + threadIdx.x);
  outputs[threadIdx.x] = output_at(g, mine) + first * g.y_filter;
  window from = window_at(g, tile.group, mine);
  unsigned filters = g.group_k - tile.filter; // that are left
  const T *w = g.w + first * g.w_filter;
  tap at = {0, 0, 0}, one = tap_at<NHWC>(1, g.size);

  uint4 next_x[4], next_w[FILTERS / 32];
  auto read = [&](int64_t deep) {
#pragma unroll
    for (unsigned i = 0; i < 4; i++) {
      uint32_t word[4] = {};
#pragma unroll
      for (unsigned e = 0; e < 8; e++) {
        const T *x = element_at<NHWC>(g, from, at);
        if (x) word[e / 2] |= (uint32_t)x->bits << 16 * (e % 2);
        advance<NHWC>(at, one, g.size);
      }
      next_x[i] = {word[0], word[1], word[2], word[3]};
    }
    unsigned left = (unsigned)min((int64_t)DEPTH, g.depth - deep);
    fetch<true>(next_w, source<T>{w + deep, g.w_filter, 1, filters, left, w_whole}, 0);
  };
  auto keep_step = [&](int half) {
#pragma unroll
    for (unsigned i = 0; i < 4; i++) *(uint4 *)&xs[half][threadIdx.x * LINE + 4 * i] = next_x[i];
    keep<true>(ws[half], next_w);
  };

  constexpr unsigned L = NHWC ? 4 : FILTERS / 32, R = NHWC ? FILTERS / 16 : 8;
  unsigned row = threadIdx.x / 64 * 16 * L, col = threadIdx.x / 32 % 2 * 8 * R;
  bool busy = (NHWC ? col : row) < filters; // else it only helps to fetch
  float sum[L][R][4] = {};
  read(0);
  keep_step(0);
  __syncthreads();
  int half = 0;
  for (int64_t deep = 0; deep < g.depth; deep += DEPTH, half ^= 1) {
    bool more = deep + DEPTH < g.depth;
    if (more) read(deep + DEPTH);
    if (busy)
      multiply<true, true>(sum, NHWC ? xs[half] : ws[half], row, NHWC ? ws[half] : xs[half], col,
                           T());
    if (more) keep_step(half ^ 1); // which nobody reads since the last barrier
    __syncthreads();
  }
  unsigned pixels = (unsigned)min((int64_t)WINDOWS, g.pixels - tile.pixel);
  conv2d_write<NHWC>(g, sum, (float *)xs, row, col, NHWC ? pixels : filters,
                     NHWC ? filters : pixels, outputs, paired);
}

// ---- launches ----------------------------------------------------------------------------------

template <class T, unsigned FILTERS> static enum why_reason mma_with(struct why_call *call) {
  conv2d<T> g = conv2d_of<T>(call);
  int64_t blocks = conv2d_blocks(g, FILTERS);
  bool paired = conv2d_stores(g, 2), x_aligned = (uintptr_t)g.x % 16 == 0;
  bool w_whole = (uintptr_t)g.w % 16 == 0 && g.depth % 8 == 0;
  if (g.channels_last && g.size.c % 8 == 0 && x_aligned && w_whole) {
    size_t bytes = sizeof(uint32_t) * STEPS * (WINDOWS + FILTERS) * LINE;
    return launch(call, conv2d_mma_chunks<T, FILTERS>, blocks, THREADS, bytes, g,
                  tap_at<true>(DEPTH, g.size), paired);
  }
  auto kernel =
      g.channels_last ? conv2d_mma_gather<T, true, FILTERS> : conv2d_mma_gather<T, false, FILTERS>;
  return launch(call, kernel, blocks, THREADS, 0, g, w_whole, paired);
}

template <class T> static enum why_reason mma(struct why_call *call) {
  return conv2d_narrow(call, conv2d_of<T>(call)) ? mma_with<T, 64>(call) : mma_with<T, 128>(call);
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
const struct why_code cuda_conv2d_mma = {run_mma, nullptr, nullptr};
}
