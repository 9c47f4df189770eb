// c(m,n) = alpha a(m,k) b(k,n) + beta c(m,n), from the simplest kernel to one that keeps the
// arithmetic units busy, each adding one idea. gemm_mma.cu goes on with tensor cores.
//
//   naive     one thread an element of c
//   tiled     + each element of a and b is read once a block, into shared memory
//   register  + each element in shared memory is read once for a row or column of c in registers
//   vector    + 128 bits a load, and the next tiles are on their way during the arithmetic
#include "gemm.cuh"

// ---- naive -------------------------------------------------------------------------------------
// A block takes 8 x 32 elements of c, a thread one: its warp reads one row of a and 32 columns of
// b. Every product needs two elements from memory or a cache. Any m, n, k, any strides.

template <class T, class C> __global__ void __launch_bounds__(256) gemm_naive(const gemm<T, C> g) {
  corner tile = gemm_corner(g, 8, 32);
  unsigned row = tile.row + threadIdx.x / 32, col = tile.col + threadIdx.x % 32;
  if (row >= g.m || col >= g.n) return;
  const T *a = g.a + row * g.a_row, *b = g.b + col * g.b_col;
  sum_of<T> sum = 0;
  for (unsigned p = 0; p < g.k; p++) sum += widen(a[p * g.a_col]) * widen(b[p * g.b_row]);
  gemm_write(g, row, col, sum);
}

// ---- tiled -------------------------------------------------------------------------------------
// A block takes 32 x 32 elements of c, a thread one, and walks along k by 32: it copies a 32 x 32
// tile of a and one of b into shared memory, zeros beyond the edges, and multiplies them there.
// Each element is read from memory once for 32 products. A product still needs two reads of shared
// memory, and that is now the limit. Any m, n, k, any strides.

template <class T, class C> __global__ void __launch_bounds__(1024) gemm_tiled(const gemm<T, C> g) {
  constexpr unsigned TILE = 32;
  // One column more than needed, so that the elements of a column lie in different banks.
  __shared__ sum_of<T> as[TILE][TILE + 1];
  __shared__ sum_of<T> bs[TILE][TILE + 1];
  corner tile = gemm_corner(g, TILE, TILE);
  unsigned x = threadIdx.x % TILE, y = threadIdx.x / TILE;
  // A warp reads along whichever axis is contiguous.
  bool a_along = g.a_col == 1, b_along = g.b_col == 1;
  unsigned a_row = a_along ? y : x, a_col = a_along ? x : y;
  unsigned b_row = b_along ? y : x, b_col = b_along ? x : y;
  const T *a = g.a + (tile.row + a_row) * g.a_row, *b = g.b + (tile.col + b_col) * g.b_col;
  bool a_inside = tile.row + a_row < g.m, b_inside = tile.col + b_col < g.n;

  sum_of<T> sum = 0;
  for (unsigned p = 0; p < g.k; p += TILE) {
    as[a_row][a_col] = a_inside && p + a_col < g.k ? widen(a[(p + a_col) * g.a_col]) : 0;
    bs[b_row][b_col] = b_inside && p + b_row < g.k ? widen(b[(p + b_row) * g.b_row]) : 0;
    __syncthreads();
#pragma unroll
    for (unsigned i = 0; i < TILE; i++) sum += as[y][i] * bs[i][x];
    __syncthreads(); // nobody reads these tiles any more
  }
  if (tile.row + y < g.m && tile.col + x < g.n) gemm_write(g, tile.row + y, tile.col + x, sum);
}

// ---- register ----------------------------------------------------------------------------------
// A block of 16 x 16 threads takes a tile of c of 16 EDGE x 16 EDGE, a thread EDGE x EDGE elements
// of it, 16 apart, and walks along k by 8. For each step of k a thread reads EDGE elements of a and
// EDGE of b and makes EDGE^2 products of them: at EDGE = 8, 4 products a read instead of half of
// one. Any m, n, k, any strides.

constexpr unsigned DEPTH = 8; // how far along k at a time

// Copies TILE x DEPTH elements to tile[k][along], zeros beyond the edges. `along` is the axis that
// the operand shares with c, `deep` is k. A warp reads along whichever is contiguous.
template <unsigned TILE, unsigned PITCH, class T>
__device__ inline void fetch(T (*tile)[PITCH], const T *from, int64_t along_stride,
                             int64_t deep_stride, unsigned along_left, unsigned deep_left) {
  bool deep_first = deep_stride == 1;
  unsigned along = deep_first ? threadIdx.x / DEPTH : threadIdx.x % TILE;
  unsigned deep = deep_first ? threadIdx.x % DEPTH : threadIdx.x / TILE;
  unsigned along_step = deep_first ? 256 / DEPTH : 0, deep_step = deep_first ? 0 : 256 / TILE;
  from += along * along_stride + deep * deep_stride;
#pragma unroll
  for (unsigned i = 0; i < TILE * DEPTH / 256; i++) {
    tile[deep][along] = along < along_left && deep < deep_left ? *from : 0;
    along += along_step;
    deep += deep_step;
    from += along_step * along_stride + deep_step * deep_stride;
  }
}

template <class T, int EDGE>
__global__ void __launch_bounds__(256, 2) gemm_register(const gemm<T> g) {
  constexpr unsigned TILE = 16 * EDGE, PITCH = TILE + 16 / sizeof(T); // padded for the banks
  __shared__ T as[DEPTH][PITCH];
  __shared__ T bs[DEPTH][PITCH];
  corner tile = gemm_corner(g, TILE, TILE);
  unsigned x = threadIdx.x % 16, y = threadIdx.x / 16;
  const T *a = g.a + tile.row * g.a_row, *b = g.b + tile.col * g.b_col;

  T sum[EDGE][EDGE] = {};
  for (unsigned p = 0; p < g.k; p += DEPTH) {
    fetch<TILE>(as, a + p * g.a_col, g.a_row, g.a_col, g.m - tile.row, g.k - p);
    fetch<TILE>(bs, b + p * g.b_row, g.b_col, g.b_row, g.n - tile.col, g.k - p);
    __syncthreads();
#pragma unroll
    for (unsigned i = 0; i < DEPTH; i++) {
      T left[EDGE], right[EDGE];
#pragma unroll
      for (int r = 0; r < EDGE; r++) left[r] = as[i][y + 16 * r];
#pragma unroll
      for (int s = 0; s < EDGE; s++) right[s] = bs[i][x + 16 * s];
#pragma unroll
      for (int r = 0; r < EDGE; r++)
#pragma unroll
        for (int s = 0; s < EDGE; s++) sum[r][s] += left[r] * right[s];
    }
    __syncthreads();
  }
#pragma unroll
  for (int r = 0; r < EDGE; r++) {
    unsigned row = tile.row + y + 16 * r;
    if (row >= g.m) return;
#pragma unroll
    for (int s = 0; s < EDGE; s++) {
      unsigned col = tile.col + x + 16 * s;
      if (col < g.n) gemm_write(g, row, col, sum[r][s]);
    }
  }
}

// ---- vector ------------------------------------------------------------------------------------
// W elements fill 128 bits. A block of 8 warps takes a tile of c of 32 W x 32 W, a warp 8 W x 16 W
// of it, a thread 2 x 2 pieces of W x W. Three things are new: each load, from memory and from
// shared memory, moves 128 bits; a is transposed on the way into shared memory, so that a thread's
// rows are neighbours there; and there are two pairs of tiles, so that the next is read from memory
// during the arithmetic, and one barrier a step is enough.
//
// a and b untransposed; k, n and the leading dimensions multiples of W, addresses of 16 bytes.

template <class T, int W> __global__ void __launch_bounds__(256, 2) gemm_vector(const gemm<T> g) {
  constexpr unsigned TILE = 32 * W;
  __shared__ __align__(16) T as[2][DEPTH][TILE + W];
  __shared__ __align__(16) T bs[2][DEPTH][TILE];
  corner tile = gemm_corner(g, TILE, TILE);
  unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  // What this thread fetches: W elements of a row of a, and of a row of b.
  unsigned a_row = threadIdx.x / (DEPTH / W), a_col = threadIdx.x % (DEPTH / W) * W;
  unsigned b_row = threadIdx.x / 32, b_col = threadIdx.x % 32 * W;
  bool a_inside = tile.row + a_row < g.m, b_inside = tile.col + b_col < g.n;
  const T *a = g.a + (tile.row + a_row) * g.a_row + a_col;
  const T *b = g.b + b_row * g.b_row + tile.col + b_col;
  // What it computes: rows y.. and y + 4 W.., columns x.. and x + 8 W.. of the tile.
  unsigned y = warp / 2 * 8 * W + lane / 8 * W, x = warp % 2 * 16 * W + lane % 8 * W;

  pack<T, W> next_a, next_b;
  auto read = [&](unsigned p) {
    next_a = a_inside && p + a_col < g.k ? load<T, W>(a + p) : pack<T, W>{};
    next_b = b_inside && p + b_row < g.k ? load<T, W>(b + p * g.b_row) : pack<T, W>{};
  };
  auto keep = [&](int half) {
#pragma unroll
    for (int i = 0; i < W; i++) as[half][a_col + i][a_row] = next_a.at[i];
    store<T, W>(&bs[half][b_row][b_col], next_b);
  };

  T sum[2][2][W][W] = {};
  read(0);
  keep(0);
  __syncthreads();
  for (unsigned p = 0, half = 0; p < g.k; p += DEPTH, half ^= 1) {
    bool more = p + DEPTH < g.k;
    if (more) read(p + DEPTH);
#pragma unroll
    for (unsigned i = 0; i < DEPTH; i++) {
      pack<T, W> left[2], right[2];
#pragma unroll
      for (int h = 0; h < 2; h++) {
        left[h] = load<T, W>(&as[half][i][y + h * 4 * W]);
        right[h] = load<T, W>(&bs[half][i][x + h * 8 * W]);
      }
#pragma unroll
      for (int h = 0; h < 2; h++)
#pragma unroll
        for (int r = 0; r < W; r++)
#pragma unroll
          for (int v = 0; v < 2; v++)
#pragma unroll
            for (int s = 0; s < W; s++) sum[h][v][r][s] += left[h].at[r] * right[v].at[s];
    }
    if (more) keep(half ^ 1); // which nobody reads since the last barrier
    __syncthreads();
  }

#pragma unroll
  for (int h = 0; h < 2; h++)
#pragma unroll
    for (int r = 0; r < W; r++) {
      unsigned row = tile.row + y + h * 4 * W + r;
      if (row >= g.m) return;
#pragma unroll
      for (int v = 0; v < 2; v++) {
        unsigned col = tile.col + x + v * 8 * W;
        if (col >= g.n) continue;
        T *c = g.c + row * g.c_row + col;
        pack<T, W> out;
#pragma unroll
        for (int s = 0; s < W; s++) out.at[s] = g.alpha * sum[h][v][r][s];
        if (g.beta != 0) {
          pack<T, W> old = load<T, W>(c);
#pragma unroll
          for (int s = 0; s < W; s++) out.at[s] += g.beta * old.at[s];
        }
        store<T, W>(c, out);
      }
    }
}

// ---- launches ----------------------------------------------------------------------------------

template <class T, class C = T> static enum why_reason naive(struct why_call *call) {
  gemm<T, C> g = gemm_of<T, C>(call);
  return launch(call, gemm_naive<T, C>, gemm_blocks(g, 8, 32), 256, 0, g);
}

template <class T, class C = T> static enum why_reason tiled(struct why_call *call) {
  gemm<T, C> g = gemm_of<T, C>(call);
  return launch(call, gemm_tiled<T, C>, gemm_blocks(g, 32, 32), 1024, 0, g);
}

template <class T, int EDGE> static enum why_reason registers(struct why_call *call) {
  gemm<T> g = gemm_of<T>(call);
  return launch(call, gemm_register<T, EDGE>, gemm_blocks(g, 16 * EDGE, 16 * EDGE), 256, 0, g);
}

template <class T> static enum why_reason vector(struct why_call *call) {
  constexpr int W = 16 / sizeof(T);
  gemm<T> g = gemm_of<T>(call);
  if (g.a_col != 1 || g.b_col != 1)
    return refuse(call, WHY_FORM, "gemm_vector reads a and b along unit strides");
  bool multiple =
      g.k % W == 0 && g.n % W == 0 && g.a_row % W == 0 && g.b_row % W == 0 && g.c_row % W == 0;
  bool aligned = ((uintptr_t)g.a | (uintptr_t)g.b | (uintptr_t)g.c) % 16 == 0;
  if (!multiple || !aligned)
    return refuse(call, WHY_MULTIPLE, "gemm_vector moves 16 bytes at a time", W);
  return launch(call, gemm_vector<T, W>, gemm_blocks(g, 32 * W, 32 * W), 256, 0, g);
}

static enum why_reason run_naive(struct why_call *call) {
  switch (call->problem->type) {
  case WHY_F64:
    return naive<double>(call);
  case WHY_F32:
    return naive<float>(call);
  case WHY_F16:
    return gemm_wide_c(call) ? naive<f16, float>(call) : naive<f16>(call);
  case WHY_BF16:
    return gemm_wide_c(call) ? naive<bf16, float>(call) : naive<bf16>(call);
  default:
    return refuse(call, WHY_TYPE, "");
  }
}

static enum why_reason run_tiled(struct why_call *call) {
  switch (call->problem->type) {
  case WHY_F64:
    return tiled<double>(call);
  case WHY_F32:
    return tiled<float>(call);
  case WHY_F16:
    return gemm_wide_c(call) ? tiled<f16, float>(call) : tiled<f16>(call);
  case WHY_BF16:
    return gemm_wide_c(call) ? tiled<bf16, float>(call) : tiled<bf16>(call);
  default:
    return refuse(call, WHY_TYPE, "");
  }
}

static enum why_reason run_register(struct why_call *call) {
  switch (call->problem->type) {
  case WHY_F64:
    return registers<double, 4>(call);
  case WHY_F32:
    return registers<float, 8>(call);
  default:
    return refuse(call, WHY_TYPE, "");
  }
}

static enum why_reason run_vector(struct why_call *call) {
  switch (call->problem->type) {
  case WHY_F64:
    return vector<double>(call);
  case WHY_F32:
    return vector<float>(call);
  default:
    return refuse(call, WHY_TYPE, "");
  }
}

extern "C" {
const struct why_code cuda_gemm_naive = {run_naive, nullptr, nullptr};
const struct why_code cuda_gemm_tiled = {run_tiled, nullptr, nullptr};
const struct why_code cuda_gemm_register = {run_register, nullptr, nullptr};
const struct why_code cuda_gemm_vector = {run_vector, nullptr, nullptr};
}
