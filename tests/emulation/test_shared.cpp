// Shared memory: undefined at the start of each block, guarded, and limited as on the hardware.
#include "emulation_test.h"
#include "ptx.cuh"
#include <math.h>

// ---- undefined ---------------------------------------------------------------------------------

// Reads what an earlier block left, if anything does; then leaves something.
template <class T> __global__ void stale_template(T *out) {
  __shared__ T kept[3], other;
  out[2 * blockIdx.x] = kept[2];
  out[2 * blockIdx.x + 1] = other;
  kept[2] = other = 1;
}
__global__ void stale_plain(float *out) {
  __shared__ float kept[3];
  out[2 * blockIdx.x] = kept[1];
  kept[1] = 1;
  float *asked = smem_dynamic<float>();
  out[2 * blockIdx.x + 1] = asked[1];
  asked[1] = 1;
}

enum { BLOCKS = 4 };

template <class T, class K> static bool finds_numbers(K kernel) {
  on_device<T> to(2 * BLOCKS);
  if (start(kernel, BLOCKS, 1, 64, to.data)) return false;
  for (T x : to.read())
    if (isnan(x)) return false;
  return true;
}

// Under MSan the child ends, else all of it is NaN.
static void a_stale_value_is_never_seen(void **) {
  assert_true(caught([] { return finds_numbers<float>(stale_template<float>); }));
  assert_true(caught([] { return finds_numbers<double>(stale_template<double>); }));
  assert_true(caught([] { return finds_numbers<float>(stale_plain); }));
#ifndef EMU_MSAN
  on_device<float> a(2 * BLOCKS), b(2 * BLOCKS);
  assert_cuda(cudaSuccess, ran(start(stale_template<float>, BLOCKS, 1, 0, a.data)));
  assert_cuda(cudaSuccess, ran(start(stale_plain, BLOCKS, 1, 64, b.data)));
  for (float x : a.read()) assert_true(isnan(x));
  for (float x : b.read()) assert_true(isnan(x));
#endif
}

// ---- overruns ----------------------------------------------------------------------------------

// What is written is read again, or a compiler leaves the array away.
template <int SIZE> __global__ void write_static(int at, int *out) {
  __shared__ int first[SIZE];
  __shared__ int second[SIZE];
  int *p = at < 1000 ? first : second;
  p[at % 1000] = 7;
  *out = first[at % SIZE] + second[at % SIZE];
}
__global__ void write_plain(int at, int *out) {
  __shared__ int only[32];
  int *p = only;
  p[at] = 7;
  *out = only[at % 32];
}
__global__ void write_dynamic(int at, int *out) {
  smem_dynamic<int>()[at] = 7;
  *out = smem_dynamic<int>()[0];
}

template <class K> static bool writes(K kernel, int at) {
  on_device<int> out(1);
  return !ran(start(kernel, 2, 1, 128, at, out.data));
}
template <int AT> static bool writes_static(void) {
  return writes(write_static<32>, AT);
}
template <int AT> static bool writes_plain(void) {
  return writes(write_plain, AT);
}
template <int AT> static bool writes_dynamic(void) {
  return writes(write_dynamic, AT);
}

static void an_overrun_ends_it(void **) {
  const char *words = "shared memory was written";
  assert_false(caught(writes_static<31>));
  assert_true(caught(writes_static<32>, words));
  assert_false(caught(writes_static<1031>));
  assert_true(caught(writes_static<1032>, words));
  assert_false(caught(writes_plain<31>));
  assert_true(caught(writes_plain<32>, words));
  assert_false(caught(writes_dynamic<31>));
  assert_true(caught(writes_dynamic<32>, words));
}

// ---- limits ------------------------------------------------------------------------------------

__global__ void uses_dynamic(void) {
  smem_dynamic<char>()[0] = 1;
}
template <int KIB> __global__ void uses_both(void) {
  __shared__ char fixed[KIB << 10];
  fixed[threadIdx.x] = 1;
  smem_dynamic<char>()[0] = fixed[threadIdx.x];
}
__global__ void empty(void) {}

static void shared_memory_has_the_hardware_s_limits(void **) {
  // Table "Technical Specifications per Compute Capability" of the CUDA C++ Programming Guide.
  static const struct {
    int capability, most_kib;
  } rows[] = {{75, 64}, {80, 163}, {86, 99}, {89, 99}, {90, 227}, {100, 227}, {120, 99}};
  const cudaFuncAttribute most = cudaFuncAttributeMaxDynamicSharedMemorySize;
  for (auto row : rows) {
    whycpu_emulate(1 << 20, row.capability);
    int kib = row.most_kib << 10, asked = 0;
    assert_cuda(cudaSuccess, cudaFuncSetAttribute(uses_dynamic, most, 0));
    assert_cuda(cudaSuccess, ran(start(uses_dynamic, 1, 32, 48 << 10)));
    assert_cuda(cudaErrorInvalidValue, start(uses_dynamic, 1, 32, (48 << 10) + 1));
    assert_cuda(cudaErrorInvalidValue, cudaFuncSetAttribute(uses_dynamic, most, kib + 1));
    assert_cuda(cudaSuccess, cudaFuncSetAttribute(uses_dynamic, most, kib));
    assert_cuda(cudaSuccess, ran(start(uses_dynamic, 1, 32, (size_t)kib)));
    assert_cuda(cudaErrorInvalidValue, start(uses_dynamic, 1, 32, (size_t)kib + 1));
    assert_cuda(cudaSuccess,
                cudaDeviceGetAttribute(&asked, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
    assert_int_equal(kib, asked);
  }
}

static void what_a_kernel_declares_counts(void **) {
  const cudaFuncAttribute most = cudaFuncAttributeMaxDynamicSharedMemorySize;
  assert_cuda(cudaSuccess, ran(start(uses_both<40>, 1, 32, 8 << 10)));
  assert_cuda(cudaErrorInvalidValue, start(uses_both<40>, 1, 32, (8 << 10) + 1));
  assert_cuda(cudaSuccess, ran(start(uses_both<30>, 1, 32, 18 << 10)));
  assert_cuda(cudaErrorInvalidValue, start(uses_both<30>, 1, 32, (18 << 10) + 1));
  assert_cuda(cudaErrorInvalidValue, cudaFuncSetAttribute(uses_both<40>, most, (187 << 10) + 1));
  assert_cuda(cudaSuccess, cudaFuncSetAttribute(uses_both<40>, most, 187 << 10));
  assert_cuda(cudaSuccess, ran(start(uses_both<40>, 1, 32, 187 << 10)));
}

static void blocks_and_grids_have_limits(void **) {
  assert_cuda(cudaSuccess, ran(start(empty, 1, 1024, 0)));
  assert_cuda(cudaSuccess, ran(start(empty, 1, dim3(1, 1024), 0)));
  assert_cuda(cudaSuccess, ran(start(empty, 1, dim3(1, 16, 64), 0)));
  assert_cuda(cudaErrorInvalidConfiguration, start(empty, 1, 1025, 0));
  assert_cuda(cudaErrorInvalidConfiguration, start(empty, 1, dim3(1, 1025), 0));
  assert_cuda(cudaErrorInvalidConfiguration, start(empty, 1, dim3(1, 1, 65), 0));
  assert_cuda(cudaErrorInvalidConfiguration, start(empty, 1, dim3(32, 33), 0));
  assert_cuda(cudaErrorInvalidConfiguration, start(empty, 1, 0, 0));
  assert_cuda(cudaErrorInvalidConfiguration, start(empty, 0, 1, 0));
  assert_cuda(cudaSuccess, ran(start(empty, dim3(1, 65535), 1, 0)));
  assert_cuda(cudaErrorInvalidConfiguration, start(empty, dim3(1, 65536), 1, 0));
  assert_cuda(cudaErrorInvalidConfiguration, start(empty, dim3(1, 1, 65536), 1, 0));
  assert_cuda(cudaErrorInvalidConfiguration, start(empty, 0x80000000u, 1, 0));
}

static int reset(void **) {
  whycpu_emulate(1 << 20, 90);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_stale_value_is_never_seen, reset),
      cmocka_unit_test_setup(an_overrun_ends_it, reset),
      cmocka_unit_test_setup(shared_memory_has_the_hardware_s_limits, reset),
      cmocka_unit_test_setup(what_a_kernel_declares_counts, reset),
      cmocka_unit_test_setup(blocks_and_grids_have_limits, reset),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
