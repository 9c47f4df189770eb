// Threads, barriers, warp operations and schedules: what is right runs under every schedule, and
// each mistake with them is caught under some.
#include "emulation_test.h"

// ---- barriers ----------------------------------------------------------------------------------

enum { N = 96 };

template <bool BARRIER> __global__ void reverse(int *out, const int *in) {
  __shared__ int line[N];
  line[threadIdx.x] = in[threadIdx.x];
  if (BARRIER) __syncthreads();
  out[threadIdx.x] = line[N - 1 - threadIdx.x];
}

template <bool BARRIER> static bool reverses(void) {
  std::vector<int> in(N);
  for (int i = 0; i < N; i++) in[(size_t)i] = 1000 + i;
  bool right = true;
  for (unsigned seed = 0; seed < SCHEDULES; seed++) {
    emu_seed(seed);
    on_device<int> to(N), from(in);
    assert_cuda(cudaSuccess, start(reverse<BARRIER>, 1, N, 0, to.data, from.data));
    std::vector<int> out = to.read();
    for (size_t i = 0; i < N; i++) right = right && out[i] == in[N - 1 - i];
  }
  return right;
}

// A tile is used, and the next one loaded over it: what the second barrier is for.
template <bool BARRIER> __global__ void sums(int *out, const int *in, int rounds) {
  __shared__ int line[N];
  int sum = 0;
  for (int r = 0; r < rounds; r++) {
    line[threadIdx.x] = in[r * N + (int)threadIdx.x];
    __syncthreads();
    for (int i = 0; i < N; i++) sum += line[i] * (i + 1);
    if (BARRIER) __syncthreads();
  }
  out[threadIdx.x] = sum;
}

template <bool BARRIER> static bool adds(void) {
  enum { ROUNDS = 3 };
  std::vector<int> in(ROUNDS * N);
  int wanted = 0;
  for (int i = 0; i < ROUNDS * N; i++) {
    in[(size_t)i] = i * i % 101;
    wanted += in[(size_t)i] * (i % N + 1);
  }
  bool right = true;
  for (unsigned seed = 0; seed < SCHEDULES; seed++) {
    emu_seed(seed);
    on_device<int> to(N), from(in);
    assert_cuda(cudaSuccess, start(sums<BARRIER>, 1, N, 0, to.data, from.data, (int)ROUNDS));
    for (int sum : to.read()) right = right && sum == wanted;
  }
  return right;
}

static void a_missing_barrier_shows(void **) {
  assert_false(caught(reverses<true>));
  assert_true(caught(reverses<false>));
  assert_false(caught(adds<true>));
  assert_true(caught(adds<false>));
}

__global__ void split_barrier(void) {
  if (threadIdx.x % 2)
    __syncthreads();
  else
    __syncthreads();
}
__global__ void barrier_and_warp(void) {
  if (threadIdx.x % 2) __syncthreads();
  __syncwarp();
}
__global__ void leave_early(int *out) {
  if (threadIdx.x >= 40) return;
  __syncthreads();
  out[threadIdx.x] = 1;
}

static void a_split_barrier_ends_it(void **) {
  assert_true(
      caught([] { return !ran(start(split_barrier, 1, 64, 0)); }, "meet at different barriers"));
  assert_true(caught([] { return !ran(start(barrier_and_warp, 1, 64, 0)); }, "deadlock"));
  on_device<int> out(40); // threads that have ended are not waited for
  assert_cuda(cudaSuccess, start(leave_early, 1, 64, 0, out.data));
  for (int x : out.read()) assert_int_equal(1, x);
}

// ---- warps -------------------------------------------------------------------------------------

enum { RESULTS = 12 };

__global__ void warp_operations(int *out) {
  int lane = (int)threadIdx.x % 32, *mine = out + threadIdx.x * RESULTS;
  mine[0] = __shfl_sync(~0u, lane, 5);
  mine[1] = __shfl_sync(~0u, lane, 35);
  mine[2] = __shfl_sync(~0u, lane, 3, 8);
  mine[3] = __shfl_xor_sync(~0u, lane, 16);
  mine[4] = __shfl_xor_sync(~0u, lane, 12, 8);
  mine[5] = __shfl_down_sync(~0u, lane, 7);
  mine[6] = __shfl_down_sync(~0u, lane, 3, 8);
  mine[7] = __shfl_up_sync(~0u, lane, 7);
  mine[8] = __shfl_up_sync(~0u, lane, 3, 8);
  mine[9] = (int)__ballot_sync(~0u, lane % 3 == 0);
  mine[10] = __any_sync(~0u, lane == 31) + 2 * __any_sync(~0u, lane == 99);
  mine[11] = __all_sync(~0u, lane < 32) + 2 * __all_sync(~0u, lane > 0);
}

// The guide's table: the value of a lane outside the segment is the caller's own; xor may reach
// into an earlier segment and not into a later one.
static void warp_operations_are_cuda_s(void **) {
  unsigned thirds = 0;
  for (int lane = 0; lane < 32; lane += 3) thirds |= 1u << lane;
  for (unsigned seed = 0; seed < SCHEDULES; seed++) {
    emu_seed(seed);
    on_device<int> to(64 * RESULTS);
    assert_cuda(cudaSuccess, start(warp_operations, 1, 64, 0, to.data));
    std::vector<int> out = to.read();
    for (int thread = 0; thread < 64; thread++) {
      int lane = thread % 32, first = lane / 8 * 8, flipped = lane ^ 12;
      const int wanted[RESULTS] = {
          5,
          3,
          first + 3,
          lane ^ 16,
          flipped / 8 > lane / 8 ? lane : flipped,
          lane + 7 < 32 ? lane + 7 : lane,
          lane + 3 < first + 8 ? lane + 3 : lane,
          lane >= 7 ? lane - 7 : lane,
          lane - 3 >= first ? lane - 3 : lane,
          (int)thirds,
          1,
          1,
      };
      for (int i = 0; i < RESULTS; i++)
        assert_int_equal(wanted[i], out[(size_t)(thread * RESULTS + i)]);
    }
  }
}

__global__ void shuffle_outside(int *out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_sync(0xffffu, (int)threadIdx.x, 20);
}
__global__ void not_in_mask(void) {
  __syncwarp(1);
}
__global__ void left_the_mask(int *out) {
  if (threadIdx.x < 16) return;
  out[threadIdx.x] = __shfl_xor_sync(~0u, 1, 1);
}
__global__ void different_operations(int *out) {
  if (threadIdx.x % 2)
    out[threadIdx.x] = (int)__ballot_sync(~0u, 1);
  else
    out[threadIdx.x] = __shfl_xor_sync(~0u, 1, 1);
}

template <class K> static bool runs(K kernel) {
  on_device<int> out(32);
  return !ran(start(kernel, 1, 32, 0, out.data));
}

static void a_wrong_mask_ends_it(void **) {
  assert_true(caught([] { return runs(shuffle_outside); }, "a lane outside its mask"));
  assert_true(caught([] { return !ran(start(not_in_mask, 1, 32, 0)); }, "not in its own mask"));
  assert_true(caught([] { return runs(left_the_mask); }, "deadlock"));
  assert_true(caught([] { return runs(different_operations); }, "different operations"));
}

// ---- schedules and places ----------------------------------------------------------------------

__global__ void tickets(int *out, int *next) {
  out[blockIdx.x * blockDim.x + threadIdx.x] = atomicAdd(next, 1);
}

static void seeds_shuffle_and_0_does_not(void **) {
  enum { BLOCKS = 5, THREADS = 70, ALL = BLOCKS * THREADS };
  std::vector<int> before;
  for (unsigned seed = 0; seed < 3; seed++) {
    emu_seed(seed);
    on_device<int> to(ALL), next(std::vector<int>(1));
    assert_cuda(cudaSuccess, start(tickets, BLOCKS, THREADS, 0, to.data, next.data));
    std::vector<int> out = to.read(), seen(ALL);
    for (int i = 0; i < ALL; i++) {
      int ticket = out[(size_t)i];
      assert_in_range(ticket, 0, ALL - 1);
      assert_int_equal(0, seen[(size_t)ticket]++);
      if (seed == 0) assert_int_equal(i, ticket);
    }
    assert_true(out != before);
    before = out;
  }
}

__global__ void places(int *out) {
  unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] += 1;
}

static void every_thread_runs_once(void **) {
  const dim3 grid(3, 4, 5), block(7, 5, 2);
  for (unsigned seed = 0; seed < SCHEDULES; seed++) {
    emu_seed(seed);
    on_device<int> to(std::vector<int>(3 * 4 * 5 * 7 * 5 * 2));
    assert_cuda(cudaSuccess, start(places, grid, block, 0, to.data));
    for (int times : to.read()) assert_int_equal(1, times);
  }
}

static int reset(void **) {
  whycpu_emulate(1 << 24, 90);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_missing_barrier_shows, reset),
      cmocka_unit_test_setup(a_split_barrier_ends_it, reset),
      cmocka_unit_test_setup(warp_operations_are_cuda_s, reset),
      cmocka_unit_test_setup(a_wrong_mask_ends_it, reset),
      cmocka_unit_test_setup(seeds_shuffle_and_0_does_not, reset),
      cmocka_unit_test_setup(every_thread_runs_once, reset),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
