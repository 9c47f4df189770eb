// Graphs: nothing of a capture runs by itself, all of it does at each launch, in its order; and
// what may not be done meanwhile breaks it.
#include "emulation_test.h"

static void add(int *out, int value) {
  if (threadIdx.x == 0 && blockIdx.x == 0) *out = 10 * *out + value;
}

static cudaError_t launch(const stream &to, int *out, int value) {
  cudaLaunchConfig_t config = {};
  config.gridDim = config.blockDim = dim3(2);
  config.stream = to.s;
  return cudaLaunchKernelEx(&config, add, out, value);
}

static void begin(const stream &s) {
  assert_cuda(cudaSuccess, cudaStreamBeginCapture(s.s, cudaStreamCaptureModeThreadLocal));
}

static cudaGraphExec_t end(const stream &s) {
  cudaGraph_t graph;
  cudaGraphExec_t made;
  assert_cuda(cudaSuccess, cudaStreamEndCapture(s.s, &graph));
  assert_cuda(cudaSuccess, cudaGraphInstantiateWithFlags(&made, graph, 0));
  assert_cuda(cudaSuccess, cudaGraphDestroy(graph)); // the other is whole without it
  return made;
}

static void it_runs_when_it_is_launched(void **) {
  stream s, other;
  on_device<int> p(1);
  assert_cuda(cudaSuccess, cudaMemset(p.data, 0, sizeof(int)));
  assert_cuda(cudaSuccess, launch(s, p.data, 1)); // before the capture: not of it
  begin(s);
  int value = 2;
  assert_cuda(cudaSuccess, launch(s, p.data, value));
  value = 9; // arguments are those of the call
  assert_cuda(cudaSuccess, launch(s, p.data, 3));
  cudaGraphExec_t graph = end(s);
  assert_cuda(cudaSuccess, cudaStreamSynchronize(s.s));
  assert_int_equal(1, p.read()[0]);
  assert_cuda(cudaSuccess, cudaGraphLaunch(graph, other.s)); // of any stream
  assert_cuda(cudaSuccess, launch(other, p.data, 4));
  assert_cuda(cudaSuccess, cudaGraphLaunch(graph, other.s));
  assert_cuda(cudaSuccess, cudaGraphExecDestroy(graph)); // what was launched runs all the same
  assert_cuda(cudaErrorInvalidValue, cudaGraphLaunch(graph, other.s));
  assert_cuda(cudaErrorInvalidValue, cudaGraphExecDestroy(graph));
  assert_cuda(cudaSuccess, cudaStreamSynchronize(other.s));
  assert_int_equal(123423, p.read()[0]);
}

static void copies_are_captured_too(void **) {
  stream s;
  on_device<int> p(1);
  int from = 5, to = 0;
  begin(s);
  assert_cuda(cudaSuccess, cudaMemcpyAsync(p.data, &from, sizeof from, cudaMemcpyDefault, s.s));
  assert_cuda(cudaSuccess, launch(s, p.data, 1));
  assert_cuda(cudaSuccess, cudaMemcpyAsync(&to, p.data, sizeof to, cudaMemcpyDefault, s.s));
  cudaGraphExec_t graph = end(s);
  for (from = 7; from < 9; from++) { // read when it runs
    assert_cuda(cudaSuccess, cudaGraphLaunch(graph, s.s));
    assert_cuda(cudaSuccess, cudaStreamSynchronize(s.s));
    assert_int_equal(10 * from + 1, to);
  }
  assert_cuda(cudaSuccess, cudaGraphExecDestroy(graph));
}

static stream *capturing;
static cudaEvent_t event;

static void what_would_wait_breaks_it(void **) {
  static cudaError_t (*const calls[])(void) = {
      [] { return cudaStreamSynchronize(capturing->s); },
      [] { return cudaStreamQuery(capturing->s); },
      [] { return cudaStreamDestroy(capturing->s); },
      [] { return cudaDeviceSynchronize(); },
      [] { return cudaEventRecord(event, capturing->s); },
      [] { return cudaStreamWaitEvent(capturing->s, event); },
      [] {
        void *p;
        return cudaMalloc(&p, 1);
      },
      [] { return cudaFree(capturing); }, // whatever it is
  };
  assert_cuda(cudaSuccess, cudaEventCreateWithFlags(&event, cudaEventDefault));
  for (auto call : calls) {
    stream s;
    cudaGraph_t graph = (cudaGraph_t)&s;
    capturing = &s;
    begin(s);
    assert_cuda(cudaErrorStreamCaptureUnsupported, call());
    assert_cuda(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(s.s, &graph));
    assert_null(graph);
    assert_cuda(cudaSuccess, cudaStreamSynchronize(s.s)); // an ordinary stream again
  }
  assert_cuda(cudaSuccess, cudaEventDestroy(event));
}

static void what_is_none_is_refused(void **) {
  stream s;
  cudaGraph_t graph;
  cudaGraphExec_t made;
  assert_cuda(cudaErrorStreamCaptureUnsupported,
              cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeThreadLocal));
  assert_cuda(cudaErrorInvalidValue, cudaStreamEndCapture(s.s, &graph));
  assert_cuda(cudaErrorInvalidValue, cudaGraphDestroy((cudaGraph_t)&s));
  assert_cuda(cudaErrorInvalidValue, cudaGraphInstantiateWithFlags(&made, (cudaGraph_t)&s, 0));
  begin(s);
  assert_cuda(cudaErrorStreamCaptureUnsupported,
              cudaStreamBeginCapture(s.s, cudaStreamCaptureModeThreadLocal));
  cudaGraphExec_t empty = end(s);
  assert_cuda(cudaSuccess, cudaGraphLaunch(empty, s.s));
  begin(s);
  assert_cuda(cudaErrorStreamCaptureUnsupported, cudaGraphLaunch(empty, s.s)); // no child graphs
  assert_cuda(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(s.s, &graph));
  assert_cuda(cudaSuccess, cudaGraphExecDestroy(empty));
}

// The first and last call of each kind that a fault can be put before.
static void faults_reach_it(void **) {
  stream s;
  cudaGraph_t graph;
  cudaGraphExec_t made;
  emu_fail(EMU_QUEUE, 1);
  assert_cuda(cudaErrorUnknown, cudaStreamBeginCapture(s.s, cudaStreamCaptureModeThreadLocal));
  begin(s);
  emu_fail(EMU_QUEUE, 1);
  assert_cuda(cudaErrorUnknown, cudaStreamEndCapture(s.s, &graph));
  assert_cuda(cudaSuccess, cudaStreamSynchronize(s.s)); // it has ended even so
  begin(s);
  assert_cuda(cudaSuccess, cudaStreamEndCapture(s.s, &graph));
  emu_fail(EMU_QUEUE, 1);
  assert_cuda(cudaErrorUnknown, cudaGraphInstantiateWithFlags(&made, graph, 0));
  assert_cuda(cudaSuccess, cudaGraphInstantiateWithFlags(&made, graph, 0));
  emu_fail(EMU_LAUNCH, 1);
  assert_cuda(cudaErrorUnknown, cudaGraphLaunch(made, s.s));
  assert_cuda(cudaSuccess, cudaGraphExecDestroy(made));
  assert_cuda(cudaSuccess, cudaGraphDestroy(graph));
}

static int clean(void **) {
  emu_reset();
  return 0;
}

int main() {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(it_runs_when_it_is_launched, clean),
      cmocka_unit_test_teardown(copies_are_captured_too, clean),
      cmocka_unit_test_teardown(what_would_wait_breaks_it, clean),
      cmocka_unit_test_teardown(what_is_none_is_refused, clean),
      cmocka_unit_test_teardown(faults_reach_it, clean),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
