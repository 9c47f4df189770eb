// The instructions of ptx.cuh, on a GPU and under emulation: what mma computes from the fragments
// that the PTX ISA describes, when asynchronous copies land, where dynamic shared memory lies.
// Under emulation also what a GPU would not survive: that a mistake, or a device without them,
// traps.
#include "gpu/device_test.h"
#include "ptx.cuh"
#ifdef CUDA_EMULATION
#include "emulation_test.h"
#else
enum { SCHEDULES = 1 };
#endif

enum { M = 16, N = 8, K = 16, LANES = 32 };

// ---- mma ---------------------------------------------------------------------------------------

template <bool BF16> __global__ void multiply(float *d, const uint32_t *a, const uint32_t *b) {
  unsigned lane = threadIdx.x;
  if (BF16)
    mma_m16n8k16_bf16(d + 4 * lane, a + 4 * lane, b + 2 * lane);
  else
    mma_m16n8k16_f16(d + 4 * lane, a + 4 * lane, b + 2 * lane);
}

// The formulas of the PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type", for
// the values a0..a7, b0..b3 and c0..c3 of a lane. (PTX ISA 9.0, 9.7.14.5.8)
static int a_row(int lane, int i) {
  return (0 <= i && i < 2) || (4 <= i && i < 6) ? lane >> 2 : (lane >> 2) + 8;
}
static int a_col(int lane, int i) {
  return (lane % 4) * 2 + (i & 1) + (i >= 4 ? 8 : 0);
}
static int b_row(int lane, int i) {
  return (lane % 4) * 2 + (i & 1) + (i >= 2 ? 8 : 0);
}
static int b_col(int lane, int) {
  return lane >> 2;
}
static int c_row(int lane, int i) {
  return i < 2 ? lane >> 2 : (lane >> 2) + 8;
}
static int c_col(int lane, int i) {
  return (lane % 4) * 2 + (i & 1);
}

// Whole numbers that both types hold and whose sums are exact, different in every place.
static int a_at(int row, int k) {
  return (row * 7 + k * 3) % 31 - 15;
}
static int b_at(int k, int col) {
  return (k * 5 + col * 11) % 29 - 14;
}
static int c_at(int row, int col) {
  return row * N + col;
}

template <bool BF16> static void check_multiply(void) {
  auto bits = [](int x) { return BF16 ? bf16_from((float)x) : f16_from((float)x); };
  std::vector<uint32_t> a(4 * LANES), b(2 * LANES);
  std::vector<float> c(4 * LANES);
  for (int lane = 0; lane < LANES; lane++) {
    for (int i = 0; i < 8; i++)
      a[(size_t)(4 * lane + i / 2)] |= (uint32_t)bits(a_at(a_row(lane, i), a_col(lane, i)))
                                       << 16 * (i % 2);
    for (int i = 0; i < 4; i++)
      b[(size_t)(2 * lane + i / 2)] |= (uint32_t)bits(b_at(b_row(lane, i), b_col(lane, i)))
                                       << 16 * (i % 2);
    for (int i = 0; i < 4; i++)
      c[(size_t)(4 * lane + i)] = (float)c_at(c_row(lane, i), c_col(lane, i));
  }
  for (unsigned seed = 0; seed < SCHEDULES; seed++) {
#ifdef CUDA_EMULATION
    emu_seed(seed);
#endif
    on_device<uint32_t> left(a), right(b);
    on_device<float> result(c);
    assert_cuda(cudaSuccess,
                start(multiply<BF16>, 1, LANES, 0, result.data, left.data, right.data));
    std::vector<float> d = result.read();
    for (int lane = 0; lane < LANES; lane++)
      for (int i = 0; i < 4; i++) {
        int row = c_row(lane, i), col = c_col(lane, i), sum = c_at(row, col);
        for (int k = 0; k < K; k++) sum += a_at(row, k) * b_at(k, col);
        assert_int_equal(sum, (int)d[(size_t)(4 * lane + i)]);
      }
  }
}

static void mma_takes_the_isa_s_fragments(void **) {
  need_capability(80);
  check_multiply<true>();
  check_multiply<false>();
}

#ifdef CUDA_EMULATION
template <int CAPABILITY, bool BF16, int THREADS> static bool multiplies(void) {
  whycpu_emulate(1 << 20, CAPABILITY);
  on_device<uint32_t> a(std::vector<uint32_t>(4 * LANES)), b(std::vector<uint32_t>(2 * LANES));
  on_device<float> d(std::vector<float>(4 * LANES));
  return !ran(start(multiply<BF16>, 1, THREADS, 0, d.data, a.data, b.data));
}

static void mma_needs_its_capability_and_a_warp(void **) {
  assert_false(caught(multiplies<80, true, LANES>));
  assert_false(caught(multiplies<120, false, LANES>));
  assert_true(caught(multiplies<75, true, LANES>, "bf16 needs sm_80, the device is sm_75"));
  assert_true(caught(multiplies<75, false, LANES>, "f16 needs sm_80, the device is sm_75"));
  assert_true(caught(multiplies<90, true, LANES - 1>, "needs a whole warp"));
}
#endif

// ---- asynchronous copies -----------------------------------------------------------------------

enum { GROUPS = 3 };

// Each thread loads a pack in each of three groups and waits until `left` of them are under way.
template <int LEFT> __global__ void load(float4 *out, const float4 *in) {
  __shared__ float4 line[GROUPS * LANES];
  for (int g = 0; g < GROUPS; g++) {
    int place = g * LANES + (int)threadIdx.x;
    copy_async_16(&line[place], &in[place]);
    copy_async_commit();
  }
  if (LEFT < GROUPS) copy_async_wait<LEFT>();
  for (int g = 0; g < GROUPS; g++) {
    int place = g * LANES + (int)threadIdx.x;
    out[place] = line[place];
  }
}

template <int LEFT> static bool landed(int group) {
  std::vector<float4> in(GROUPS * LANES);
  for (size_t i = 0; i < in.size(); i++) in[i] = make_float4((float)i, 1, 2, 3);
  on_device<float4> from(in), to(in.size());
  assert_cuda(cudaSuccess, start(load<LEFT>, 1, LANES, 0, to.data, from.data));
  std::vector<float4> out = to.read();
  bool right = true;
  for (size_t i = (size_t)group * LANES; i < (size_t)(group + 1) * LANES; i++)
    right = right && out[i].x == in[i].x && out[i].w == in[i].w;
  return right;
}

// All but the last groups that were not waited for. Under emulation those land as late as the ISA
// allows; under MSan, reading one that has not landed ends the child.
static void a_copy_lands_when_it_is_waited_for(void **) {
  need_capability(80);
  assert_true(landed<0>(0) && landed<0>(1) && landed<0>(2));
  assert_true(landed<1>(0) && landed<1>(1));
  assert_true(landed<2>(0));
#ifdef CUDA_EMULATION
  assert_true(caught([] { return landed<1>(2); }));
  assert_true(caught([] { return landed<2>(1); }));
  assert_true(caught([] { return landed<GROUPS>(0); }));
#endif
}

#ifdef CUDA_EMULATION
__global__ void load_misaligned(const float *in) {
  __shared__ float4 line;
  copy_async_16(&line, in + 1);
}
static bool misaligned(void) {
  on_device<float> in(8);
  return !ran(start(load_misaligned, 1, 1, 0, in.data));
}
static bool on_turing(void) {
  whycpu_emulate(1 << 20, 75);
  return landed<0>(0);
}

static void a_copy_needs_alignment_and_its_capability(void **) {
  assert_true(caught(misaligned, "not aligned to its size"));
  assert_true(caught(on_turing, "cp.async needs sm_80, the device is sm_75"));
}
#endif

// ---- dynamic shared memory ---------------------------------------------------------------------

enum { OWN = 3, THREADS = 128 };

// Fills all that the launch asked for, then writes it out turned round, so that each word comes
// from another thread; after it what the block declared itself, and how far off 1024 bytes the
// memory is.
__global__ void turn(uint32_t *out, unsigned words) {
  __shared__ uint32_t own[OWN];
  uint32_t *asked = smem_dynamic<uint32_t>();
  if (threadIdx.x < OWN) own[threadIdx.x] = ~threadIdx.x;
  for (unsigned i = threadIdx.x; i < words; i += THREADS) asked[i] = i + 1;
  __syncthreads();
  for (unsigned i = threadIdx.x; i < words; i += THREADS) out[i] = asked[words - 1 - i];
  if (threadIdx.x < OWN) out[words + threadIdx.x] = own[threadIdx.x];
  if (threadIdx.x == 0) out[words + OWN] = (uint32_t)(reinterpret_cast<uintptr_t>(asked) % 1024);
}

static void check_dynamic(size_t bytes) {
  unsigned words = (unsigned)(bytes / sizeof(uint32_t));
  on_device<uint32_t> to(words + OWN + 1);
  assert_cuda(cudaSuccess,
              cudaFuncSetAttribute(turn, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes));
  assert_cuda(cudaSuccess, start(turn, 1, THREADS, bytes, to.data, words));
  std::vector<uint32_t> out = to.read();
  for (unsigned i = 0; i < words; i++) assert_int_equal(words - i, out[i]);
  for (unsigned i = 0; i < OWN; i++) assert_int_equal(~i, out[words + i]);
  assert_int_equal(0, out[words + OWN]);
}

// From a word to all that there is, beside what the block declares itself.
static void dynamic_memory_is_all_there_and_aligned(void **) {
  size_t most = (size_t)attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin) - 1024;
  for (size_t bytes : {sizeof(uint32_t), (size_t)1000, (size_t)48 << 10, most})
    check_dynamic(bytes);
}

static int reset(void **) {
#ifdef CUDA_EMULATION
  whycpu_emulate(1 << 20, 90);
#endif
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(mma_takes_the_isa_s_fragments, reset),
      cmocka_unit_test_setup(a_copy_lands_when_it_is_waited_for, reset),
      cmocka_unit_test_setup(dynamic_memory_is_all_there_and_aligned, reset),
#ifdef CUDA_EMULATION
      cmocka_unit_test_setup(mma_needs_its_capability_and_a_warp, reset),
      cmocka_unit_test_setup(a_copy_needs_alignment_and_its_capability, reset),
#endif
  };
  if (int skipped = without_gpu()) return skipped;
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
