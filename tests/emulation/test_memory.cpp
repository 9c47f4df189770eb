// The device's memory: counted to the byte, undefined at first, guarded; copies that check what
// they touch; faults, counts and a lost device.
#include "emulation_test.h"
#include <math.h>

enum { BUDGET = 1000 };

// ---- accounting --------------------------------------------------------------------------------

static void the_budget_is_exact(void **) {
  void *a, *b, *c;
  size_t left, total;
  assert_cuda(cudaErrorMemoryAllocation, cudaMalloc(&a, BUDGET + 1));
  assert_null(a);
  assert_cuda(cudaSuccess, cudaMalloc(&a, BUDGET));
  assert_cuda(cudaErrorMemoryAllocation, cudaMalloc(&b, 1));
  assert_cuda(cudaSuccess, cudaMemGetInfo(&left, &total));
  assert_int_equal(0, left);
  assert_int_equal(BUDGET, total);
  assert_cuda(cudaSuccess, cudaFree(a));
  assert_cuda(cudaSuccess, cudaMalloc(&a, 600));
  assert_cuda(cudaSuccess, cudaMallocManaged(&b, 400)); // counts as well
  assert_cuda(cudaErrorMemoryAllocation, cudaMallocManaged(&c, 1));
  assert_cuda(cudaSuccess, cudaHostAlloc(&c, 5000, cudaHostAllocDefault)); // does not
  assert_int_equal(BUDGET, emu_used_bytes());
  assert_int_equal(5000, emu_host_bytes());
  assert_cuda(cudaSuccess, cudaFree(b));
  assert_int_equal(600, emu_used_bytes());
  assert_int_equal(BUDGET, emu_peak_bytes());
  emu_reset_peak();
  assert_int_equal(600, emu_peak_bytes());
  assert_cuda(cudaSuccess, cudaFree(a));
  assert_cuda(cudaSuccess, cudaFreeHost(c));
  assert_int_equal(0, emu_used_bytes() + emu_host_bytes());
}

static void a_shrunk_budget_has_nothing_left(void **) {
  void *a, *b;
  size_t left, total;
  assert_cuda(cudaSuccess, cudaMalloc(&a, 600));
  whycpu_emulate(500, 0);
  assert_cuda(cudaSuccess, cudaMemGetInfo(&left, &total));
  assert_int_equal(0, left);
  assert_int_equal(500, total);
  assert_cuda(cudaErrorMemoryAllocation, cudaMalloc(&b, 1));
  assert_cuda(cudaSuccess, cudaFree(a));
}

static void freeing_checks_what_it_is_given(void **) {
  void *device, *host;
  int local;
  assert_cuda(cudaSuccess, cudaMalloc(&device, 64));
  assert_cuda(cudaSuccess, cudaHostAlloc(&host, 64, cudaHostAllocDefault));
  assert_cuda(cudaErrorInvalidValue, cudaFree(host));
  assert_cuda(cudaErrorInvalidValue, cudaFreeHost(device));
  assert_cuda(cudaErrorInvalidValue, cudaFree(&local));
  assert_cuda(cudaErrorInvalidValue, cudaFree((char *)device + 1));
  assert_cuda(cudaSuccess, cudaFree(nullptr));
  assert_cuda(cudaSuccess, cudaFree(device));
  assert_cuda(cudaErrorInvalidValue, cudaFree(device));
  assert_cuda(cudaSuccess, cudaFreeHost(host));
  assert_int_equal(0, emu_contains(device, 1));
}

// ---- content and guards ------------------------------------------------------------------------

__global__ void read_one(float *to, const float *from) {
  *to = *from;
}
__global__ void write_at(char *p, int at) {
  p[at] = 9;
}

static bool reads_a_number(void) {
  on_device<float> to(1), from(4);
  if (start(read_one, 1, 1, 0, to.data, from.data)) return false;
  return !isnan(to.read()[0]);
}

static void it_starts_undefined(void **) {
  assert_true(caught(reads_a_number)); // MSan ends the child
#ifndef EMU_MSAN
  on_device<double> d(3);
  on_device<float> f(3);
  for (double x : d.read()) assert_true(isnan(x));
  for (float x : f.read()) assert_true(isnan(x));
#endif
}

template <int AT> static bool writes_at(void) {
  on_device<char> p(100);
  return !start(write_at, 1, 1, 0, p.data, AT) && !cudaStreamSynchronize(nullptr);
}
template <int AT> static bool writes_then_frees(void) {
  char *p;
  if (cudaMallocManaged(&p, 100)) return false;
  return !start(write_at, 1, 1, 0, p, AT) && !cudaFree(p);
}

static void a_write_outside_ends_it(void **) {
  assert_false(caught(writes_at<0>));
  assert_false(caught(writes_at<99>));
  assert_true(caught(writes_at<100>, "written 1 bytes past the end of an allocation of 100"));
  assert_true(caught(writes_at<355>, "written 256 bytes past the end"));
  assert_true(caught(writes_at<-1>, "before the start"));
  assert_true(caught(writes_at<-256>, "written 256 bytes before the start"));
  assert_false(caught(writes_then_frees<99>));
  assert_true(caught(writes_then_frees<100>, "managed memory was written 1 bytes past the end"));
}

// ---- copies ------------------------------------------------------------------------------------

static void copies_stay_inside_one_allocation(void **) {
  char host[200] = {0};
  on_device<char> p(100), q(100);
  const cudaMemcpyKind in = cudaMemcpyHostToDevice, out = cudaMemcpyDeviceToHost;
  assert_cuda(cudaSuccess, cudaMemcpy(p.data, host, 100, in));
  assert_cuda(cudaErrorInvalidValue, cudaMemcpy(p.data, host, 101, in));
  assert_cuda(cudaErrorInvalidValue, cudaMemcpy(p.data, host, 101, cudaMemcpyDefault));
  assert_cuda(cudaErrorInvalidValue, cudaMemcpy(p.data + 1, host, 100, in));
  assert_cuda(cudaErrorInvalidValue, cudaMemcpy(p.data - 1, host, 1, in));
  assert_cuda(cudaErrorInvalidValue, cudaMemcpy(p.data - 1, host, 1, cudaMemcpyDefault));
  assert_cuda(cudaErrorInvalidValue, cudaMemcpy(host, p.data + 100, 1, out));
  assert_cuda(cudaErrorInvalidValue, cudaMemcpy(p.data, host, 100, out)); // the wrong way
  assert_cuda(cudaErrorInvalidValue, cudaMemcpy(host, host + 100, 100, in));
  assert_cuda(cudaErrorInvalidValue, cudaMemcpy(p.data, nullptr, 1, cudaMemcpyDefault));
  assert_cuda(cudaErrorInvalidValue, cudaMemcpy(p.data, host, SIZE_MAX, cudaMemcpyDefault));
  assert_cuda(cudaErrorInvalidValue, cudaMemset(p.data, 1, 101));
  assert_cuda(cudaErrorInvalidValue, cudaMemset(host, 1, 1));
  assert_cuda(cudaSuccess, cudaMemset(p.data, 5, 100));
  assert_cuda(cudaSuccess, cudaMemcpy(q.data, p.data, 100, cudaMemcpyDefault));
  assert_cuda(cudaSuccess, cudaMemcpy(host, q.data, 100, cudaMemcpyDefault));
  for (int i = 0; i < 100; i++) assert_int_equal(5, host[i]);
  assert_int_equal(1, emu_contains(p.data + 40, 60));
  assert_int_equal(0, emu_contains(p.data + 40, 61));
  assert_int_equal(0, emu_contains(host, 1));
}

static void rows_are_copied_with_their_pitch(void **) {
  enum { ROWS = 5, WIDTH = 3, THERE = 7, BACK = 4 };
  unsigned char from[ROWS * WIDTH], to[ROWS * BACK] = {0};
  for (size_t i = 0; i < sizeof from; i++) from[i] = (unsigned char)(i + 1);
  on_device<unsigned char> p((ROWS - 1) * THERE + WIDTH); // no gap after the last row
  const cudaMemcpyKind any = cudaMemcpyDefault;
  assert_cuda(cudaSuccess, cudaMemset(p.data, 200, p.n));
  assert_cuda(cudaSuccess, cudaMemcpy2DAsync(p.data, THERE, from, WIDTH, WIDTH, ROWS, any));
  assert_cuda(cudaErrorInvalidValue,
              cudaMemcpy2DAsync(p.data + 1, THERE, from, WIDTH, WIDTH, ROWS, any));
  assert_cuda(cudaErrorInvalidPitchValue, cudaMemcpy2DAsync(p.data, 2, from, 3, 3, 2, any));
  std::vector<unsigned char> there = p.read();
  for (size_t i = 0; i < there.size(); i++)
    assert_int_equal(i % THERE < WIDTH ? from[i / THERE * WIDTH + i % THERE] : 200, there[i]);
  assert_cuda(cudaSuccess, cudaMemcpy2DAsync(to, BACK, p.data, THERE, WIDTH, ROWS, any));
  assert_cuda(cudaSuccess, cudaStreamSynchronize(nullptr));
  for (size_t i = 0; i < sizeof to; i++)
    assert_int_equal(i % BACK < WIDTH ? from[i / BACK * WIDTH + i % BACK] : 0, to[i]);
}

static void copied_bytes_are_counted_by_direction(void **) {
  char host[64] = {0};
  char *pinned, *managed;
  on_device<char> p(100), q(100);
  const cudaMemcpyKind any = cudaMemcpyDefault;
  assert_cuda(cudaSuccess, cudaHostAlloc(&pinned, 64, cudaHostAllocDefault));
  assert_cuda(cudaSuccess, cudaMallocManaged(&managed, 64));
  assert_cuda(cudaSuccess, cudaMemcpy(p.data, host, 64, any));
  assert_cuda(cudaSuccess, cudaMemcpyAsync(p.data, pinned, 5, any));
  assert_cuda(cudaSuccess, cudaMemcpy2DAsync(p.data, 10, host, 4, 3, 7, any)); // gaps do not count
  assert_int_equal(64 + 5 + 21, emu_copied_bytes(1)); // counted before it is done
  assert_int_equal(0, emu_copied_bytes(0));
  assert_cuda(cudaSuccess, cudaMemcpy(host, p.data, 9, any));
  assert_cuda(cudaSuccess, cudaMemcpy(pinned, p.data, 1, any));
  assert_int_equal(10, emu_copied_bytes(0));
  assert_cuda(cudaSuccess, cudaMemcpy(q.data, p.data, 30, any)); // neither way
  assert_cuda(cudaSuccess, cudaMemcpy(pinned, host, 30, any));
  assert_cuda(cudaSuccess, cudaMemcpy(managed, host, 30, any));
  assert_cuda(cudaSuccess, cudaMemcpy(p.data, managed, 30, any));
  assert_cuda(cudaSuccess, cudaMemset(p.data, 0, 100));
  assert_cuda(cudaErrorInvalidValue, cudaMemcpy(p.data, host, 101, any)); // refused
  emu_fail(EMU_COPY, 1);
  assert_cuda(cudaErrorUnknown, cudaMemcpy(p.data, host, 64, any));
  assert_int_equal(64 + 5 + 21, emu_copied_bytes(1));
  assert_int_equal(10, emu_copied_bytes(0));
  emu_reset();
  assert_int_equal(0, emu_copied_bytes(1) + emu_copied_bytes(0));
  assert_cuda(cudaSuccess, cudaFree(managed));
  assert_cuda(cudaSuccess, cudaFreeHost(pinned));
}

// ---- faults ------------------------------------------------------------------------------------

static cudaError_t allocate(char *) {
  void *p = nullptr;
  cudaError_t error = cudaMalloc(&p, 1);
  if (!error) cudaFree(p);
  return error;
}
static cudaError_t copy(char *p) {
  char byte = 0;
  return cudaMemcpy(p, &byte, 1, cudaMemcpyHostToDevice);
}
static cudaError_t launch(char *p) {
  return start(write_at, 1, 1, 0, p, 0);
}

static cudaEvent_t event;
static cudaError_t record(char *) {
  return cudaEventRecord(event);
}

static void the_nth_call_fails_once(void **) {
  static const struct {
    enum emu_kind kind;
    cudaError_t (*call)(char *);
    cudaError_t error;
  } rows[] = {{EMU_ALLOC, allocate, cudaErrorMemoryAllocation},
              {EMU_COPY, copy, cudaErrorUnknown},
              {EMU_LAUNCH, launch, cudaErrorLaunchOutOfResources},
              {EMU_QUEUE, record, cudaErrorUnknown}};
  on_device<char> p(1);
  assert_cuda(cudaSuccess, cudaEventCreateWithFlags(&event, cudaEventDefault));
  for (auto row : rows)
    for (long nth = 0; nth <= 3; nth++) {
      emu_reset();
      emu_fail(row.kind, nth);
      for (long i = 1; i <= 4; i++)
        assert_cuda(i == nth ? row.error : cudaSuccess, row.call(p.data));
      for (int kind = 0; kind < EMU_KINDS; kind++)
        assert_int_equal(kind == row.kind ? 4 : 0, emu_count((enum emu_kind)kind));
    }
  assert_cuda(cudaSuccess, cudaEventDestroy(event));
}

// The second counts from the first, and a new first one forgets it.
static void two_calls_fail(void **) {
  on_device<char> p(4);
  for (long first = 1; first <= 2; first++)
    for (long again = 0; again <= 3; again++) {
      emu_fail(EMU_COPY, 9);
      emu_fail_again(EMU_COPY, 1);
      emu_fail(EMU_COPY, first);
      emu_fail_again(EMU_COPY, again);
      for (long i = 1; i <= 6; i++) {
        bool fails = i == first || (again && i == first + again);
        assert_cuda(fails ? cudaErrorUnknown : cudaSuccess, cudaMemset(p.data, 0, 4));
      }
    }
}

static void the_environment_loses_the_device(void **) {
  on_device<char> p(4);
  setenv("EMU_LOSE_AT", "3", 1);
  emu_reset();
  unsetenv("EMU_LOSE_AT");
  for (long i = 1; i <= 4; i++)
    assert_cuda(i < 3 ? cudaSuccess : cudaErrorDevicesUnavailable, cudaMemset(p.data, 0, 4));
  emu_reset();
  assert_cuda(cudaSuccess, cudaMemset(p.data, 0, 4));
}

// Every call of a stream or an event that can fail.
static void queues_fail_too(void **) {
  cudaStream_t stream, other = nullptr;
  cudaEvent_t none = nullptr;
  assert_cuda(cudaSuccess, cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  assert_cuda(cudaSuccess, cudaEventCreateWithFlags(&event, cudaEventDefault));
  assert_cuda(cudaSuccess, cudaEventRecord(event, stream));
  assert_int_equal(3, emu_count(EMU_QUEUE));
  emu_fail(EMU_QUEUE, 1);
  assert_cuda(cudaErrorUnknown, cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking));
  assert_null(other);
  emu_fail(EMU_QUEUE, 1);
  assert_cuda(cudaErrorUnknown, cudaEventCreateWithFlags(&none, cudaEventDefault));
  assert_null(none);
  emu_fail(EMU_QUEUE, 1);
  assert_cuda(cudaErrorUnknown, cudaStreamWaitEvent(stream, event, 0));
  emu_fail(EMU_QUEUE, 1);
  assert_cuda(cudaErrorUnknown, cudaEventSynchronize(event));
  assert_cuda(cudaSuccess, cudaEventSynchronize(event));
  assert_int_equal(8, emu_count(EMU_QUEUE));
  assert_cuda(cudaSuccess, cudaEventDestroy(event));
  assert_cuda(cudaSuccess, cudaStreamDestroy(stream));
}

static void errors_are_remembered_until_asked_for(void **) {
  void *p;
  assert_cuda(cudaSuccess, cudaGetLastError());
  assert_cuda(cudaErrorMemoryAllocation, cudaMalloc(&p, BUDGET + 1));
  assert_cuda(cudaSuccess, cudaSetDevice(0));
  assert_cuda(cudaErrorMemoryAllocation, cudaPeekAtLastError());
  assert_cuda(cudaErrorMemoryAllocation, cudaGetLastError());
  assert_cuda(cudaSuccess, cudaGetLastError());
  assert_cuda(cudaErrorInvalidDevice, cudaSetDevice(1));
  assert_string_equal("cudaErrorInvalidDevice", cudaGetErrorName(cudaGetLastError()));
}

static void a_lost_device_stays_lost(void **) {
  char *p, byte;
  size_t left, total;
  cudaStream_t stream;
  const cudaError_t lost = cudaErrorDevicesUnavailable;
  assert_cuda(cudaSuccess, cudaMalloc(&p, 10));
  emu_lose_device();
  void *q;
  assert_cuda(lost, cudaMalloc(&q, 1));
  assert_cuda(lost, cudaMemcpy(&byte, p, 1, cudaMemcpyDeviceToHost));
  assert_cuda(lost, cudaMemset(p, 0, 1));
  assert_cuda(lost, start(write_at, 1, 1, 0, p, 0));
  assert_cuda(lost, cudaMemGetInfo(&left, &total));
  assert_cuda(lost, cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  assert_cuda(lost, cudaStreamSynchronize(nullptr));
  assert_cuda(lost, cudaFree(p)); // gone all the same
  assert_int_equal(0, emu_used_bytes());
  emu_reset();
  assert_cuda(cudaSuccess, cudaMalloc(&p, 10));
  assert_cuda(cudaSuccess, cudaFree(p));
}

// At a call of any kind, and from then on.
static void it_is_lost_at_the_nth_call(void **) {
  cudaError_t (*const call[])(char *) = {allocate, copy, launch, record};
  enum { CALLS = 4 };
  on_device<char> p(1);
  assert_cuda(cudaSuccess, cudaEventCreateWithFlags(&event, cudaEventDefault));
  for (long nth = 0; nth <= CALLS; nth++) {
    emu_reset();
    emu_lose_at(nth);
    for (long i = 1; i <= CALLS; i++)
      assert_cuda(nth && i >= nth ? cudaErrorDevicesUnavailable : cudaSuccess, call[i - 1](p.data));
  }
  emu_reset();
  assert_cuda(cudaSuccess, cudaEventDestroy(event));
}

static int reset(void **) {
  whycpu_emulate(BUDGET, 90);
  emu_reset_peak();
  cudaGetLastError();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(the_budget_is_exact, reset),
      cmocka_unit_test_setup(a_shrunk_budget_has_nothing_left, reset),
      cmocka_unit_test_setup(freeing_checks_what_it_is_given, reset),
      cmocka_unit_test_setup(it_starts_undefined, reset),
      cmocka_unit_test_setup(a_write_outside_ends_it, reset),
      cmocka_unit_test_setup(copies_stay_inside_one_allocation, reset),
      cmocka_unit_test_setup(rows_are_copied_with_their_pitch, reset),
      cmocka_unit_test_setup(copied_bytes_are_counted_by_direction, reset),
      cmocka_unit_test_setup(the_nth_call_fails_once, reset),
      cmocka_unit_test_setup(errors_are_remembered_until_asked_for, reset),
      cmocka_unit_test_setup(two_calls_fail, reset),
      cmocka_unit_test_setup(the_environment_loses_the_device, reset),
      cmocka_unit_test_setup(queues_fail_too, reset),
      cmocka_unit_test_setup(a_lost_device_stays_lost, reset),
      cmocka_unit_test_setup(it_is_lost_at_the_nth_call, reset),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
