// y(rows,cols) = exp(x - top) / sum, for each row: top its largest element, sum that of the exp.
// Elements f32 or bf16, arithmetic in f32. The columns of x and y are neighbours; rows have
// strides.
//
//   warp    a warp takes a row, and needs no barrier
//   online  a block takes a row; top and sum in one pass: x is read twice, y written once
//   block   a block takes a row and keeps it in shared memory: x is read once, y written once
//
// As the formula has it, a row with NaN or +inf, or with nothing but -inf, is NaN throughout.
#include "launch.cuh"
#include "number.cuh"
#include "ops/ops.h"
#include <math.h>

template <class T> struct rows_of {
  const T *x;
  T *y;
  unsigned rows, cols;  // below 2^31
  int64_t x_row, y_row; // strides in elements
};

__device__ static inline float warp_max(float v) {
  for (int lane = 16; lane > 0; lane /= 2) v = fmaxf(v, __shfl_xor_sync(~0u, v, lane));
  return v;
}

__device__ static inline float warp_sum(float v) {
  for (int lane = 16; lane > 0; lane /= 2) v += __shfl_xor_sync(~0u, v, lane);
  return v;
}

// ---- warp --------------------------------------------------------------------------------------
// A block has 4 warps, each takes a row, each lane every 32nd element of it. Three passes over x,
// the last two from the cache while rows are short. Any length.

constexpr unsigned ROWS_A_BLOCK = 4;

template <class T> __global__ void __launch_bounds__(128) softmax_warp(const rows_of<T> r) {
  unsigned row = blockIdx.x * ROWS_A_BLOCK + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (row >= r.rows) return; // the whole warp
  const T *x = r.x + row * r.x_row;
  T *y = r.y + row * r.y_row;
  float top = -INFINITY, sum = 0;
  for (unsigned i = lane; i < r.cols; i += 32) top = fmaxf(top, widen(x[i]));
  top = warp_max(top);
  for (unsigned i = lane; i < r.cols; i += 32) sum += expf(widen(x[i]) - top);
  float scale = 1 / warp_sum(sum);
  for (unsigned i = lane; i < r.cols; i += 32) y[i] = narrow<T>(expf(widen(x[i]) - top) * scale);
}

// ---- online ------------------------------------------------------------------------------------
// A block takes a row. Each thread keeps the largest element so far and the sum of exp(x - it);
// when a larger one comes, the sum is rescaled. Threads, then warps, combine in the same way. A
// second pass writes. W elements move at a time, 128 bits where rows start at multiples of 16
// bytes. Any length.

// exp(x - top), and 1 for x = top, which may be -inf when nothing larger has come yet.
__device__ static inline float weight(float x, float top) {
  return x == top ? 1 : expf(x - top);
}

struct partial {
  float top, sum; // of exp(x - top) over the elements seen
};

__device__ static inline partial combine(partial p, partial q) {
  float top = fmaxf(p.top, q.top);
  return {top, p.sum * weight(p.top, top) + q.sum * weight(q.top, top)};
}

__device__ static inline partial warp_combine(partial p) {
  for (int lane = 16; lane > 0; lane /= 2)
    p = combine(p, {__shfl_xor_sync(~0u, p.top, lane), __shfl_xor_sync(~0u, p.sum, lane)});
  return p;
}

// Every warp combines what all warps left, so that all threads have the result after one barrier.
__device__ static inline partial block_combine(partial p) {
  __shared__ partial left[32];
  unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  p = warp_combine(p);
  if (lane == 0) left[warp] = p;
  __syncthreads();
  return warp_combine(lane < blockDim.x / 32 ? left[lane] : partial{-INFINITY, 0});
}

template <int W, class T> __device__ inline partial add(partial p, const pack<T, W> &x) {
  float top = p.top;
#pragma unroll
  for (int i = 0; i < W; i++) top = fmaxf(top, widen(x.at[i]));
  float sum = p.sum * weight(p.top, top);
#pragma unroll
  for (int i = 0; i < W; i++) sum += weight(widen(x.at[i]), top);
  return {top, sum};
}

template <class T, int W>
__global__ void __launch_bounds__(1024) softmax_online(const rows_of<T> r) {
  const T *x = r.x + blockIdx.x * r.x_row;
  T *y = r.y + blockIdx.x * r.y_row;
  unsigned packs = r.cols / W, rest = packs * W; // and the last few one by one
  partial p = {-INFINITY, 0};
#pragma unroll 4
  for (unsigned i = threadIdx.x; i < packs; i += blockDim.x) p = add(p, load<T, W>(x + i * W));
  for (unsigned i = rest + threadIdx.x; i < r.cols; i += blockDim.x) p = add(p, load<T, 1>(x + i));
  p = block_combine(p);

  float scale = 1 / (p.sum + (p.top - p.top)); // NaN where top is infinite
#pragma unroll 4
  for (unsigned i = threadIdx.x; i < packs; i += blockDim.x) {
    pack<T, W> from = load<T, W>(x + i * W), to;
#pragma unroll
    for (int j = 0; j < W; j++) to.at[j] = narrow<T>(expf(widen(from.at[j]) - p.top) * scale);
    store<T, W>(y + i * W, to);
  }
  for (unsigned i = rest + threadIdx.x; i < r.cols; i += blockDim.x)
    y[i] = narrow<T>(expf(widen(x[i]) - p.top) * scale);
}

// ---- block -------------------------------------------------------------------------------------
// A block takes a row, reads it once and keeps it in shared memory as f32. A thread only ever
// touches the elements that it read itself, so the two reductions are the only barriers. cols x 4
// bytes of shared memory; with what the reductions take, up to 1 KiB more after alignment.

__device__ static inline float block_max(float v) {
  __shared__ float left[32];
  v = warp_max(v);
  if (threadIdx.x % 32 == 0) left[threadIdx.x / 32] = v;
  __syncthreads();
  return warp_max(threadIdx.x % 32 < blockDim.x / 32 ? left[threadIdx.x % 32] : -INFINITY);
}

__device__ static inline float block_sum(float v) {
  __shared__ float left[32];
  v = warp_sum(v);
  if (threadIdx.x % 32 == 0) left[threadIdx.x / 32] = v;
  __syncthreads();
  return warp_sum(threadIdx.x % 32 < blockDim.x / 32 ? left[threadIdx.x % 32] : 0);
}

template <class T, int W>
__global__ void __launch_bounds__(1024) softmax_block(const rows_of<T> r) {
  const T *x = r.x + blockIdx.x * r.x_row;
  T *y = r.y + blockIdx.x * r.y_row;
  unsigned packs = r.cols / W, rest = packs * W;
  // A pack is kept in pieces of 128 bits, the first pieces of all packs, then the second: so the
  // pieces that a warp moves at once are neighbours, and lie in different banks.
  constexpr int PIECES = (W + 3) / 4, PIECE = W / PIECES;
  float *kept = smem_dynamic<float>();
  auto place = [&](unsigned i, int piece) { return kept + (size_t)PIECE * (piece * packs + i); };

  float top = -INFINITY;
#pragma unroll 4
  for (unsigned i = threadIdx.x; i < packs; i += blockDim.x) {
    pack<T, W> from = load<T, W>(x + i * W);
#pragma unroll
    for (int piece = 0; piece < PIECES; piece++) {
      pack<float, PIECE> part;
#pragma unroll
      for (int j = 0; j < PIECE; j++) {
        part.at[j] = widen(from.at[piece * PIECE + j]);
        top = fmaxf(top, part.at[j]);
      }
      store<float, PIECE>(place(i, piece), part);
    }
  }
  for (unsigned i = rest + threadIdx.x; i < r.cols; i += blockDim.x) {
    kept[i] = widen(x[i]);
    top = fmaxf(top, kept[i]);
  }
  top = block_max(top);

  float sum = 0;
  for (unsigned i = threadIdx.x; i < packs; i += blockDim.x)
#pragma unroll
    for (int piece = 0; piece < PIECES; piece++) {
      pack<float, PIECE> part = load<float, PIECE>(place(i, piece));
#pragma unroll
      for (int j = 0; j < PIECE; j++) sum += part.at[j] = expf(part.at[j] - top);
      store<float, PIECE>(place(i, piece), part);
    }
  for (unsigned i = rest + threadIdx.x; i < r.cols; i += blockDim.x)
    sum += kept[i] = expf(kept[i] - top);
  float scale = 1 / block_sum(sum);

  for (unsigned i = threadIdx.x; i < packs; i += blockDim.x) {
    pack<T, W> to;
#pragma unroll
    for (int piece = 0; piece < PIECES; piece++) {
      pack<float, PIECE> part = load<float, PIECE>(place(i, piece));
#pragma unroll
      for (int j = 0; j < PIECE; j++) to.at[piece * PIECE + j] = narrow<T>(part.at[j] * scale);
    }
    store<T, W>(y + i * W, to);
  }
  for (unsigned i = rest + threadIdx.x; i < r.cols; i += blockDim.x)
    y[i] = narrow<T>(kept[i] * scale);
}

// ---- launches ----------------------------------------------------------------------------------

template <class T> static rows_of<T> rows(const struct why_call *call) {
  const struct why_tensor *x = &call->operand[SOFTMAX_X], *y = &call->operand[SOFTMAX_Y];
  rows_of<T> r = {};
  r.x = (const T *)x->data;
  r.y = (T *)y->data;
  r.rows = (unsigned)x->dim[0];
  r.cols = (unsigned)x->dim[1];
  r.x_row = x->stride[0];
  r.y_row = y->stride[0];
  return r;
}

template <class T> static bool aligned(const rows_of<T> &r) {
  int64_t pitches = r.rows > 1 ? r.x_row | r.y_row : 0;
  return ((uintptr_t)r.x | (uintptr_t)r.y) % 16 == 0 && pitches % (16 / (int64_t)sizeof(T)) == 0;
}

// About 16 elements a thread, 64 to 1024 threads.
static int threads_for(unsigned cols) {
  int threads = 64;
  while (threads < 1024 && (int64_t)threads * 16 < cols) threads *= 2;
  return threads;
}

template <class T> static enum why_reason warp(struct why_call *call) {
  rows_of<T> r = rows<T>(call);
  int64_t blocks = ((int64_t)r.rows + ROWS_A_BLOCK - 1) / ROWS_A_BLOCK;
  return launch(call, softmax_warp<T>, blocks, ROWS_A_BLOCK * 32, 0, r);
}

template <class T> static enum why_reason online(struct why_call *call) {
  rows_of<T> r = rows<T>(call);
  auto kernel = aligned(r) ? softmax_online<T, 16 / sizeof(T)> : softmax_online<T, 1>;
  return launch(call, kernel, r.rows, threads_for(r.cols), 0, r);
}

template <class T> static enum why_reason block(struct why_call *call) {
  rows_of<T> r = rows<T>(call);
  auto kernel = aligned(r) ? softmax_block<T, 16 / sizeof(T)> : softmax_block<T, 1>;
  return launch(call, kernel, r.rows, threads_for(r.cols), r.cols * sizeof(float), r);
}

static enum why_reason run_warp(struct why_call *call) {
  switch (call->problem->type) {
  case WHY_F32:
    return warp<float>(call);
  case WHY_BF16:
    return warp<bf16>(call);
  default:
    return refuse(call, WHY_TYPE, "");
  }
}

static enum why_reason run_online(struct why_call *call) {
  switch (call->problem->type) {
  case WHY_F32:
    return online<float>(call);
  case WHY_BF16:
    return online<bf16>(call);
  default:
    return refuse(call, WHY_TYPE, "");
  }
}

static enum why_reason run_block(struct why_call *call) {
  switch (call->problem->type) {
  case WHY_F32:
    return block<float>(call);
  case WHY_BF16:
    return block<bf16>(call);
  default:
    return refuse(call, WHY_TYPE, "");
  }
}

extern "C" {
const struct why_code cuda_softmax_warp = {run_warp, nullptr, nullptr};
const struct why_code cuda_softmax_online = {run_online, nullptr, nullptr};
const struct why_code cuda_softmax_block = {run_block, nullptr, nullptr};
}
