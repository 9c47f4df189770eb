// Deferred queues: what makes an operation run, what an event stands for, and that an order which
// nothing asks for does not come about under every seed.
#include "emulation_test.h"

enum { SEEDS = 32 };

struct event {
  cudaEvent_t e;
  event() { assert_cuda(cudaSuccess, cudaEventCreateWithFlags(&e, cudaEventDefault)); }
  event(const event &) = delete;
  ~event() { cudaEventDestroy(e); }
};

static void record(const event &e, const stream &s) {
  assert_cuda(cudaSuccess, cudaEventRecord(e.e, s.s));
}
static void wait_for(const stream &s, const event &e) {
  assert_cuda(cudaSuccess, cudaStreamWaitEvent(s.s, e.e));
}
static void synchronize(const stream &s) {
  assert_cuda(cudaSuccess, cudaStreamSynchronize(s.s));
}

// What has run, in its order: a letter an operation.
static char trace[64];
static size_t traced;

static void note(void *letter) {
  trace[traced++] = *(const char *)letter;
  trace[traced] = 0;
}
static void put(const stream &s, const char *letter) {
  assert_int_equal(0, emu_call(s.s, note, (void *)letter, nullptr));
}
static void expect(const char *wanted) {
  assert_string_equal(wanted, trace);
}

// ---- what makes it run -------------------------------------------------------------------------

static cudaError_t poll(cudaError_t (*query)(void)) {
  for (int i = 0; i < 100; i++)
    if (cudaError_t error = query()) {
      if (error != cudaErrorNotReady) return error;
    } else {
      return cudaSuccess;
    }
  return cudaErrorNotReady;
}

static stream *first, *second; // for the calls below
static event *marked;

static void what_waits_makes_it_run(void **) {
  static const struct {
    cudaError_t (*call)(void);
    const char *run;
  } rows[] = {
      {[] { return cudaStreamSynchronize(first->s); }, "ab"},
      {[] { return cudaEventSynchronize(marked->e); }, "a"},
      {[] { return cudaDeviceSynchronize(); }, "abc"},
      {[] { return poll([] { return cudaStreamQuery(first->s); }); }, "ab"},
      {[] { return poll([] { return cudaEventQuery(marked->e); }); }, "a"},
      {[] { return cudaStreamSynchronize(second->s); }, "c"},
      {[] {
         cudaError_t error = cudaStreamDestroy(second->s);
         second->s = nullptr;
         return error;
       },
       "c"},
      {[] {
         void *p = nullptr;
         cudaError_t error = cudaMalloc(&p, 1);
         expect("");
         return error ? error : cudaFree(p);
       },
       "abc"},
      {[] {
         void *p = nullptr;
         cudaError_t error = cudaHostAlloc(&p, 1, cudaHostAllocDefault);
         expect("");
         return error ? error : cudaFreeHost(p);
       },
       "abc"},
      {[] { // what asks for nothing
         size_t left, total;
         event other;
         cudaError_t error = cudaMemGetInfo(&left, &total);
         if (!error) error = cudaEventRecord(other.e, second->s);
         if (!error) error = cudaStreamWaitEvent(second->s, marked->e);
         return error ? error : cudaEventSynchronize(event().e);
       },
       ""},
      {[] { // the null stream is one of its own
         char byte = 0, to;
         cudaError_t error = cudaMemcpy(&to, &byte, 1, cudaMemcpyDefault);
         return error ? error : cudaStreamSynchronize(nullptr);
       },
       ""},
  };
  for (auto row : rows) {
    first = new stream;
    second = new stream;
    marked = new event;
    traced = 0;
    *trace = 0;
    put(*first, "a");
    record(*marked, *first);
    put(*first, "b");
    put(*second, "c");
    expect("");
    assert_cuda(cudaSuccess, row.call());
    expect(row.run);
    delete marked;
    delete first;
    delete second;
  }
}

// A copy reads and writes its memory, ordinary memory too, when it runs.
static void copies_run_late(void **) {
  char from[3] = {1, 2, 3}, to[3] = {0};
  stream s;
  on_device<char> p(3);
  assert_cuda(cudaSuccess, cudaMemcpyAsync(p.data, from, 3, cudaMemcpyDefault, s.s));
  assert_cuda(cudaSuccess, cudaMemcpyAsync(to, p.data, 3, cudaMemcpyDefault, s.s));
  assert_cuda(cudaSuccess, cudaMemsetAsync(p.data, 0, 3, s.s));
  from[1] = 9;
  assert_int_equal(0, to[0]);
  synchronize(s);
  assert_int_equal(1, to[0]);
  assert_int_equal(9, to[1]);
  assert_int_equal(0, p.read()[2]);
}

// ---- what an event stands for ------------------------------------------------------------------

static void a_wait_is_for_the_latest_record_so_far(void **) {
  stream a, b, c;
  event e;
  put(a, "a");
  record(e, a);
  put(a, "A");
  wait_for(b, e);
  put(b, "b");
  put(c, "c");
  record(e, c); // b still waits for a
  synchronize(b);
  expect("ab");
  assert_cuda(cudaSuccess, cudaEventSynchronize(e.e));
  expect("abc");
  synchronize(a);
  expect("abcA");
}

static void a_wait_for_nothing_is_none(void **) {
  stream a, b;
  event e;
  wait_for(b, e); // never recorded: later records do not count
  put(b, "b");
  put(a, "a");
  record(e, a);
  synchronize(b);
  expect("b");
}

static void waits_reach_through(void **) {
  stream a, b, c;
  {
    event d, e; // gone before anything has run
    put(a, "a");
    record(d, a);
    wait_for(b, d);
    put(b, "b");
    record(e, b);
    wait_for(c, e);
  }
  put(c, "c");
  put(a, "A");
  synchronize(c);
  expect("abc");
}

static void a_query_tells_and_a_loop_of_them_ends(void **) {
  enum { MANY = 1000 };
  stream s;
  event e, never;
  float milliseconds;
  int queries = 1;
  for (int i = 0; i < MANY; i++) wait_for(s, never);
  for (int i = 0; i < MANY; i++)
    assert_int_equal(0, emu_call(
                            s.s, [](void *) {}, nullptr, nullptr));
  record(e, s);
  assert_cuda(cudaSuccess, cudaEventQuery(never.e));
  assert_cuda(cudaErrorNotReady, cudaEventElapsedTime(&milliseconds, e.e, e.e));
  assert_cuda(cudaErrorNotReady, cudaEventQuery(e.e));
  assert_cuda(cudaErrorNotReady, cudaStreamQuery(s.s));
  while (cudaError_t error = cudaEventQuery(e.e)) {
    assert_cuda(cudaErrorNotReady, error);
    assert_true(++queries < 100);
  }
  assert_cuda(cudaSuccess, cudaEventElapsedTime(&milliseconds, e.e, e.e));
  assert_cuda(cudaSuccess, cudaStreamQuery(s.s));
  assert_cuda(cudaSuccess, cudaGetLastError()); // not ready is no error
}

static void streams_and_events_are_checked(void **) {
  cudaStream_t stream;
  cudaEvent_t first, second;
  float milliseconds = -1;
  on_device<char> p(10);
  assert_cuda(cudaErrorNotSupported, cudaStreamCreateWithFlags(&stream, cudaStreamDefault));
  assert_cuda(cudaSuccess, cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  assert_cuda(cudaSuccess, cudaEventCreateWithFlags(&first, cudaEventDefault));
  assert_cuda(cudaSuccess, cudaEventCreateWithFlags(&second, cudaEventDefault));
  assert_cuda(cudaSuccess, cudaEventRecord(first, stream));
  assert_cuda(cudaErrorInvalidResourceHandle, cudaEventElapsedTime(&milliseconds, first, second));
  assert_cuda(cudaSuccess, cudaMemsetAsync(p.data, 0, 10, stream));
  assert_cuda(cudaSuccess, cudaStreamWaitEvent(stream, first, 0));
  assert_cuda(cudaSuccess, cudaEventRecord(second, stream));
  assert_cuda(cudaSuccess, cudaEventSynchronize(second));
  assert_cuda(cudaSuccess, cudaEventQuery(second));
  assert_cuda(cudaSuccess, cudaStreamQuery(stream));
  assert_cuda(cudaSuccess, cudaEventElapsedTime(&milliseconds, first, second));
  assert_true(milliseconds >= 0);
  assert_cuda(cudaSuccess, cudaEventDestroy(first));
  assert_cuda(cudaErrorInvalidResourceHandle, cudaEventRecord(first, stream));
  assert_cuda(cudaErrorInvalidResourceHandle, cudaStreamWaitEvent(stream, first, 0));
  assert_cuda(cudaErrorInvalidResourceHandle, cudaEventDestroy(first));
  assert_cuda(cudaSuccess, cudaEventDestroy(second));
  assert_cuda(cudaSuccess, cudaStreamDestroy(stream));
  assert_cuda(cudaErrorInvalidResourceHandle, cudaMemsetAsync(p.data, 0, 10, stream));
  assert_cuda(cudaErrorInvalidResourceHandle, cudaStreamSynchronize(stream));
  assert_cuda(cudaErrorInvalidResourceHandle, cudaStreamQuery(stream));
  assert_cuda(cudaErrorInvalidResourceHandle, cudaStreamDestroy(stream));
  assert_int_not_equal(0, emu_call(stream, note, nullptr, nullptr));
}

// ---- orders that nothing asks for --------------------------------------------------------------

__global__ void twice(int *out, const int *in, int n) {
  int i = (int)threadIdx.x;
  if (i < n) out[i] = 2 * in[i] + 1;
}
static void launch_twice(const stream &s, int *out, const int *in, int n) {
  cudaLaunchConfig_t config = {};
  config.gridDim = 1;
  config.blockDim = 32;
  config.stream = s.s;
  assert_cuda(cudaSuccess, cudaLaunchKernelEx(&config, twice, out, in, n));
}

static bool right(const int *got, int n) {
  for (int i = 0; i < n; i++)
    if (got[i] != 2 * (i + 1) + 1) return false;
  return true;
}

// A copy in on one stream, the kernel on another; the host waits for the kernel's alone.
static bool hands_over(bool with_wait) {
  enum { N = 8 };
  int in[N], out[N] = {0};
  stream copies, work;
  event there;
  const std::vector<int> zeros(N);
  on_device<int> a(zeros), b(zeros);
  for (int i = 0; i < N; i++) in[i] = i + 1;
  assert_cuda(cudaSuccess, cudaMemcpyAsync(a.data, in, sizeof in, cudaMemcpyDefault, copies.s));
  record(there, copies);
  if (with_wait) wait_for(work, there);
  launch_twice(work, b.data, a.data, N);
  assert_cuda(cudaSuccess, cudaMemcpyAsync(out, b.data, sizeof out, cudaMemcpyDefault, work.s));
  synchronize(work);
  return right(out, N);
}

// Parts of a vector through two buffers a side: copied in, worked on and copied out on three
// streams, with four waits a part.
enum { READ, COPIED_IN, COPIED_OUT, WORKED, WAITS };
static bool streams_through(unsigned waits) {
  enum { PARTS = 6, LENGTH = 3, N = PARTS * LENGTH };
  const size_t bytes = LENGTH * sizeof(int);
  int in[N], out[N] = {0};
  stream copy_in, work, copy_out;
  event full[2], worked[2], empty[2]; // of each buffer
  const std::vector<int> zeros(LENGTH);
  on_device<int> a0(zeros), a1(zeros), b0(zeros), b1(zeros);
  int *const a[] = {a0.data, a1.data}, *const b[] = {b0.data, b1.data};
  for (int i = 0; i < N; i++) in[i] = i + 1;
  for (int part = 0; part < PARTS; part++) {
    const int i = part % 2;
    int *from = in + (ptrdiff_t)part * LENGTH, *to = out + (ptrdiff_t)part * LENGTH;
    if (waits >> READ & 1) wait_for(copy_in, worked[i]); // the part before last has been read
    assert_cuda(cudaSuccess, cudaMemcpyAsync(a[i], from, bytes, cudaMemcpyDefault, copy_in.s));
    record(full[i], copy_in);
    if (waits >> COPIED_IN & 1) wait_for(work, full[i]);
    if (waits >> COPIED_OUT & 1) wait_for(work, empty[i]);
    launch_twice(work, b[i], a[i], LENGTH);
    record(worked[i], work);
    if (waits >> WORKED & 1) wait_for(copy_out, worked[i]);
    assert_cuda(cudaSuccess, cudaMemcpyAsync(to, b[i], bytes, cudaMemcpyDefault, copy_out.s));
    record(empty[i], copy_out);
  }
  synchronize(copy_out);
  return right(out, N);
}

static void a_missing_wait_shows(void **) {
  const unsigned all = (1u << WAITS) - 1;
  int wrong[WAITS + 1] = {0};
  for (unsigned seed = 0; seed < SEEDS; seed++) {
    emu_seed(seed);
    assert_true(hands_over(true));
    assert_true(streams_through(all));
    wrong[WAITS] += !hands_over(false);
    for (int wait = 0; wait < WAITS; wait++) wrong[wait] += !streams_through(all & ~(1u << wait));
  }
  print_message("wrong under so many of %d seeds: %d with two streams, %d %d %d %d with three\n",
                SEEDS, wrong[WAITS], wrong[READ], wrong[COPIED_IN], wrong[COPIED_OUT],
                wrong[WORKED]);
  for (int count : wrong) assert_in_range(count, SEEDS / 4, SEEDS);
}

// The host fills a buffer again before the copy from it has run, or only after asking for the copy.
static bool host_keeps_off(bool waits, bool late) {
  int value = late ? 0 : 1;
  stream s;
  const std::vector<int> zero(1);
  on_device<int> p(zero);
  assert_cuda(cudaSuccess, cudaMemcpyAsync(p.data, &value, sizeof value, cudaMemcpyDefault, s.s));
  if (waits) synchronize(s);
  value = late ? 1 : 2;
  synchronize(s);
  return p.read()[0] == 1;
}

static void a_hasty_host_shows(void **) {
  int early = 0, late = 0;
  for (unsigned seed = 0; seed < SEEDS; seed++) {
    emu_seed(seed);
    assert_true(host_keeps_off(true, false));
    early += !host_keeps_off(false, false);
    late += !host_keeps_off(false, true);
  }
  assert_in_range(early, SEEDS / 4, SEEDS);
  assert_in_range(late, SEEDS / 4, SEEDS);
}

static void a_seed_is_an_order(void **) {
  char before[SEEDS][sizeof trace];
  int orders = 0;
  for (int round = 0; round < 2; round++)
    for (unsigned seed = 0; seed < SEEDS; seed++) {
      emu_seed(seed);
      traced = 0;
      {
        stream a, b, c;
        for (int i = 0; i < 4; i++) {
          put(a, "a");
          put(b, "b");
          put(c, "c");
        }
        assert_cuda(cudaSuccess, cudaDeviceSynchronize());
      }
      assert_int_equal(12, traced);
      if (round) assert_string_equal(before[seed], trace);
      bool fresh = true;
      for (unsigned other = 0; other < seed; other++) fresh = fresh && strcmp(before[other], trace);
      orders += fresh;
      strcpy(before[seed], trace);
    }
  assert_string_equal("aaaabbbbcccc", before[0]);
  assert_true(orders >= SEEDS); // in two rounds: half of them are different
}

// ---- what goes wrong ---------------------------------------------------------------------------

static int released;
static void release(void *) {
  released++;
}

static void a_lost_device_drops_its_queues(void **) {
  stream a, b;
  event e;
  put(a, "a");
  released = 0;
  assert_int_equal(0, emu_call(a.s, note, (void *)"d", release));
  record(e, a);
  wait_for(b, e);
  put(b, "b");
  assert_int_equal(released, 0);
  emu_lose_device();
  assert_int_equal(released, 1);
  assert_cuda(cudaErrorDevicesUnavailable, cudaStreamSynchronize(b.s));
  assert_cuda(cudaErrorDevicesUnavailable, cudaStreamQuery(b.s));
  assert_cuda(cudaErrorDevicesUnavailable, cudaEventSynchronize(e.e));
  assert_cuda(cudaErrorDevicesUnavailable, cudaEventQuery(e.e));
  assert_cuda(cudaErrorDevicesUnavailable, cudaDeviceSynchronize());
  assert_int_not_equal(0, emu_call(a.s, note, nullptr, release));
  assert_int_equal(released, 2);
  emu_reset();
  put(b, "c");
  assert_cuda(cudaSuccess, cudaDeviceSynchronize());
  assert_cuda(cudaSuccess, cudaEventSynchronize(e.e)); // nothing is left to wait for
  expect("c");
}

static void forbidden(void *) {
  cudaDeviceSynchronize();
}
static bool calls_from_inside(void) {
  stream s;
  put(s, "a");
  emu_call(s.s, forbidden, nullptr, nullptr);
  put(s, "b");
  return !cudaStreamSynchronize(s.s);
}

// Ordinary memory is given back, and its bytes are then pinned memory: allocators take them again
// for the same size or for smaller ones.
static bool memory_changes_hands(void) {
  enum { SIZE = 100000, SMALL = 500, MANY = 100, GUARD = 256 };
  void *whole, *pinned;
  stream s;
  on_device<char> p(SIZE);
  if (posix_memalign(&whole, GUARD, SIZE)) return true;
  memset(whole, 1, SIZE);
  if (cudaMemcpyAsync(p.data, whole, SIZE, cudaMemcpyDefault, s.s)) return true;
  free(whole);
  for (int i = 0; i < MANY; i++)
    if (cudaHostAlloc(&pinned, i ? SMALL : SIZE - 2 * GUARD, cudaHostAllocDefault)) return true;
  return !cudaStreamSynchronize(s.s);
}

static void misuse_ends_it(void **) {
  assert_true(caught(calls_from_inside, "an operation of a stream waits for the device"));
  assert_true(caught(memory_changes_hands, "after its memory was freed or allocated anew"));
}

static int reset(void **) {
  whycpu_emulate(1 << 20, 90);
  emu_seed(0);
  cudaGetLastError();
  traced = 0;
  *trace = 0;
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(what_waits_makes_it_run, reset),
      cmocka_unit_test_setup(copies_run_late, reset),
      cmocka_unit_test_setup(a_wait_is_for_the_latest_record_so_far, reset),
      cmocka_unit_test_setup(a_wait_for_nothing_is_none, reset),
      cmocka_unit_test_setup(waits_reach_through, reset),
      cmocka_unit_test_setup(a_query_tells_and_a_loop_of_them_ends, reset),
      cmocka_unit_test_setup(streams_and_events_are_checked, reset),
      cmocka_unit_test_setup(a_missing_wait_shows, reset),
      cmocka_unit_test_setup(a_hasty_host_shows, reset),
      cmocka_unit_test_setup(a_seed_is_an_order, reset),
      cmocka_unit_test_setup(a_lost_device_drops_its_queues, reset),
      cmocka_unit_test_setup(misuse_ends_it, reset),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
