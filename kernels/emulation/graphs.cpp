// Graphs: what a stream is given while it captures is kept, and run in that order as one operation
// of the stream that the graph is launched in.
//
// Left out: several streams in one capture, joined by events, so that recording and waiting break
// it; graphs made node by node, updated, or within each other.
#include <memory> // before emulation.h, which gives __noinline__ another meaning

#include "emulation.h"
#include <algorithm>
#include <vector>

using emu::gpu;
using emu::refuse;
typedef std::lock_guard<std::recursive_mutex> guard;
typedef std::vector<std::function<void()>> nodes;

struct CUgraph_st {
  nodes work;
};
struct CUgraphExec_st {
  std::shared_ptr<const nodes> work; // of launches in a stream too, when this is gone
};
struct capture {
  cudaStream_t stream;
  nodes work;
  bool broken;
};

static std::vector<capture> captures;
static std::vector<cudaGraph_t> graphs;
static std::vector<cudaGraphExec_t> executables;

static std::vector<capture>::iterator capture_of(cudaStream_t stream) {
  return std::find_if(captures.begin(), captures.end(),
                      [=](const capture &c) { return c.stream == stream; });
}
template <class T> static cudaError_t destroy(std::vector<T> &all, T one) {
  auto at = std::find(all.begin(), all.end(), one);
  if (at == all.end()) return refuse(cudaErrorInvalidValue);
  delete one;
  all.erase(at);
  return refuse(gpu.lost);
}

bool emu::keep(cudaStream_t stream, const std::function<void()> &work) {
  auto at = capture_of(stream);
  if (at == captures.end()) return false;
  at->work.push_back(work);
  return true;
}

bool emu::breaks_capture(cudaStream_t stream) {
  auto at = capture_of(stream);
  if (at == captures.end()) return false;
  at->broken = true;
  return true;
}

bool emu::breaks_captures(void) {
  for (capture &c : captures) c.broken = true;
  return !captures.empty();
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  guard held(emu::lock);
  if (cudaError_t error = emu::fault(EMU_QUEUE, cudaErrorUnknown)) return refuse(error);
  cudaStream_t queue = emu::find(stream);
  if (!queue) return refuse(cudaErrorInvalidResourceHandle);
  if (!stream || capture_of(queue) != captures.end()) // the null stream cannot
    return refuse(cudaErrorStreamCaptureUnsupported);
  captures.push_back({queue, {}, false});
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
  guard held(emu::lock);
  *graph = nullptr;
  auto at = capture_of(stream);
  if (at == captures.end()) return refuse(cudaErrorInvalidValue);
  const capture ended = *at;
  captures.erase(at);
  if (cudaError_t error = emu::fault(EMU_QUEUE, cudaErrorUnknown)) return refuse(error);
  if (ended.broken) return refuse(cudaErrorStreamCaptureInvalidated);
  graphs.push_back(*graph = new CUgraph_st{ended.work});
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *out, cudaGraph_t graph,
                                          unsigned long long flags) {
  guard held(emu::lock);
  *out = nullptr;
  if (cudaError_t error = emu::fault(EMU_QUEUE, cudaErrorUnknown)) return refuse(error);
  if (flags || std::find(graphs.begin(), graphs.end(), graph) == graphs.end())
    return refuse(cudaErrorInvalidValue);
  executables.push_back(*out = new CUgraphExec_st{std::make_shared<const nodes>(graph->work)});
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  guard held(emu::lock);
  if (cudaError_t error = emu::fault(EMU_LAUNCH, cudaErrorUnknown)) return refuse(error);
  if (std::find(executables.begin(), executables.end(), graph) == executables.end())
    return refuse(cudaErrorInvalidValue);
  if (emu::breaks_capture(stream)) return refuse(cudaErrorStreamCaptureUnsupported);
  const std::shared_ptr<const nodes> all = graph->work;
  return emu::enqueue(stream, [=] {
    for (const auto &work : *all) work();
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  guard held(emu::lock);
  return destroy(graphs, graph);
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  guard held(emu::lock);
  return destroy(executables, graph);
}
