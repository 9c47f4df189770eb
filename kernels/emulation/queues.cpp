// Streams and events. A stream is a queue of operations. How two streams interleave is up to the
// seed as far as events leave it open, so an order that no event asks for is not there by itself.
//
// Seed 0: nothing runs before something asks for it, and then only what that needs. Asking is to
// wait or query for an event, a stream or the device, to copy while the host waits, to free memory,
// to destroy a stream. Any other seed: the stream is chosen at random among those whose next
// operation may run, until what was asked for has run, so others get ahead or stay behind. Some
// seeds stay with one stream for long, and some run operations before anything asks for them.
//
// Left out: priorities, and the legacy stream, which would wait for all others: the null stream is
// one like them.
#include <memory> // before emulation.h, which gives __noinline__ another meaning

#include "emulation.h"
#include <algorithm>
#include <cmath>
#include <deque>
#include <time.h>
#include <vector>

using emu::find;
using emu::gpu;
using emu::refuse;
typedef std::lock_guard<std::recursive_mutex> guard;

struct operation {
  cudaStream_t stream;              // whose; it may be gone once the operation is done
  std::function<void()> work;       // none: it waits or it is recorded
  std::shared_ptr<operation> after; // of another stream, has to be done first; none: may run
  bool done = false;
  double seconds = NAN; // when it was done
  unsigned asked = 0;   // how often a query found it not done
};
typedef std::shared_ptr<operation> shared_operation;

struct CUstream_st {
  std::deque<shared_operation> pending; // oldest first
};
struct CUevent_st {
  unsigned flags;
  shared_operation recorded; // the latest; none: never
};

static CUstream_st null_stream;
static std::vector<cudaStream_t> streams = {&null_stream};
static std::vector<cudaEvent_t> events;
static bool inside; // an operation

template <class T> static bool among(const std::vector<T> &all, T one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}
template <class T> static void forget(std::vector<T> &all, T one) {
  all.erase(std::find(all.begin(), all.end(), one));
  delete one;
}
static bool known(cudaEvent_t event) {
  return among(events, event);
}
cudaStream_t emu::find(cudaStream_t stream) {
  if (!stream) return &null_stream;
  return stream != &null_stream && among(streams, stream) ? stream : nullptr;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// ---- which operation comes next ----------------------------------------------------------------

static bool may_run(cudaStream_t stream) {
  if (stream->pending.empty()) return false;
  const operation &head = *stream->pending.front();
  return !head.after || head.after->done;
}

static void run_head(cudaStream_t stream) {
  shared_operation head = stream->pending.front();
  stream->pending.pop_front();
  inside = true;
  if (head->work) head->work();
  inside = false;
  head->done = true;
  head->seconds = now();
  head->work = nullptr;
  head->after = nullptr;
}

// The stream to go on with so that an operation gets done. What an operation waits for was put in a
// queue before it: this ends.
static cudaStream_t towards(const operation *wanted) {
  while (!may_run(wanted->stream)) wanted = wanted->stream->pending.front()->after.get();
  return wanted->stream;
}

static size_t last; // the place of the stream that ran last, when shuffled

static unsigned roll(unsigned sides) {
  if (!gpu.chance) {                     // a fresh seed
    gpu.chance = gpu.seed * 2654435761u; // odd: 0 for seed 0 alone
    last = 0;
  }
  return (unsigned)((uint64_t)emu::xorshift(&gpu.chance) * sides >> 32);
}

// Any stream that may run, the last one again for 1, 2, 4, 8 or 16 operations on average; nullptr:
// there is none.
static cudaStream_t any(void) {
  const unsigned stay = 1u << gpu.seed % 5;
  const bool leave = roll(stay) == 0;
  if (!leave && last < streams.size() && may_run(streams[last])) return streams[last];
  unsigned ready = 0;
  for (size_t i = 0; i < streams.size(); i++)
    if (may_run(streams[i]) && roll(++ready) == 0) last = i;
  return ready ? streams[last] : nullptr;
}

static void step(const operation *wanted) {
  if (inside)
    emu::fail("an operation of a stream waits for the device that runs it", __FILE__, __LINE__);
  run_head(gpu.seed ? any() : towards(wanted));
}

static void force(const shared_operation &wanted) {
  while (!wanted->done) step(wanted.get());
}

static void force(cudaStream_t stream) {
  if (!stream->pending.empty()) force(shared_operation(stream->pending.back()));
}

// Each question gets further than the one before, so that asking in a loop ends soon.
static bool ask(const shared_operation &wanted) {
  if (wanted->done) return true;
  wanted->asked++;
  for (unsigned i = 0; i < wanted->asked && !wanted->done; i++) step(wanted.get());
  return wanted->done;
}

static shared_operation append(cudaStream_t stream, const std::function<void()> &work,
                               const shared_operation &after = nullptr) {
  if (inside) emu::fail("an operation of a stream calls CUDA", __FILE__, __LINE__);
  auto added = std::make_shared<operation>();
  added->stream = stream;
  added->work = work;
  added->after = after;
  stream->pending.push_back(added);
  const unsigned eager = gpu.seed ? gpu.seed / 5 % 4 : 0; // 0: not at all; 3: three operations
  while (eager && roll(4) < eager)
    if (cudaStream_t ready = any()) run_head(ready);
  return added;
}

cudaError_t emu::enqueue(cudaStream_t stream, const std::function<void()> &work) {
  if (gpu.lost) return refuse(gpu.lost);
  cudaStream_t queue = find(stream);
  if (!queue) return refuse(cudaErrorInvalidResourceHandle);
  if (!keep(queue, work)) append(queue, work);
  return cudaSuccess;
}

void emu::drain(void) {
  for (cudaStream_t stream : streams) force(stream);
}

// What waits for them, waits for nothing: the device is lost, and all is dropped.
void emu::drop(void) {
  for (cudaStream_t stream : streams) {
    for (const shared_operation &o : stream->pending) {
      o->done = true;
      o->work = nullptr;
      o->after = nullptr;
    }
    stream->pending.clear();
  }
}

int emu_call(void *stream, void (*function)(void *), void *argument, void (*release)(void *)) {
  guard held(emu::lock);
  const std::shared_ptr<void> owned(argument, [=](void *p) {
    if (release) release(p);
  });
  return emu::enqueue((cudaStream_t)stream, [=] { function(owned.get()); });
}

// ---- streams -----------------------------------------------------------------------------------

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
  guard held(emu::lock);
  if (cudaError_t error = emu::fault(EMU_QUEUE, cudaErrorUnknown)) return refuse(error);
  if (flags != cudaStreamNonBlocking) return refuse(cudaErrorNotSupported);
  streams.push_back(*stream = new CUstream_st);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  guard held(emu::lock);
  if (!stream || !find(stream)) return refuse(cudaErrorInvalidResourceHandle);
  if (emu::breaks_capture(stream)) return refuse(cudaErrorStreamCaptureUnsupported);
  force(stream);
  forget(streams, stream);
  return refuse(gpu.lost);
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  guard held(emu::lock);
  cudaStream_t queue = find(stream);
  if (!queue) return refuse(cudaErrorInvalidResourceHandle);
  if (emu::breaks_capture(queue)) return refuse(cudaErrorStreamCaptureUnsupported);
  force(queue);
  emu::check_guards();
  return refuse(gpu.lost);
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  guard held(emu::lock);
  cudaStream_t queue = find(stream);
  if (!queue) return refuse(cudaErrorInvalidResourceHandle);
  if (emu::breaks_capture(queue)) return refuse(cudaErrorStreamCaptureUnsupported);
  if (!queue->pending.empty() && !ask(shared_operation(queue->pending.back())))
    return cudaErrorNotReady;
  emu::check_guards();
  return refuse(gpu.lost);
}
cudaError_t cudaDeviceSynchronize(void) {
  guard held(emu::lock);
  if (emu::breaks_captures()) return refuse(cudaErrorStreamCaptureUnsupported);
  emu::drain();
  emu::check_guards();
  return refuse(gpu.lost);
}

// The stream waits for what is recorded now; recording the event again changes nothing.
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  guard held(emu::lock);
  if (cudaError_t error = emu::fault(EMU_QUEUE, cudaErrorUnknown)) return refuse(error);
  cudaStream_t queue = find(stream);
  if (!queue || !known(event)) return refuse(cudaErrorInvalidResourceHandle);
  if (emu::breaks_capture(queue)) return refuse(cudaErrorStreamCaptureUnsupported);
  if (event->recorded) append(queue, nullptr, event->recorded);
  return cudaSuccess;
}

// ---- events ------------------------------------------------------------------------------------

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
  guard held(emu::lock);
  if (cudaError_t error = emu::fault(EMU_QUEUE, cudaErrorUnknown)) return refuse(error);
  events.push_back(*event = new CUevent_st{flags, nullptr});
  return cudaSuccess;
}
// What waits for it goes on waiting for what was recorded.
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  guard held(emu::lock);
  if (!known(event)) return refuse(cudaErrorInvalidResourceHandle);
  forget(events, event);
  return refuse(gpu.lost);
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  guard held(emu::lock);
  if (cudaError_t error = emu::fault(EMU_QUEUE, cudaErrorUnknown)) return refuse(error);
  cudaStream_t queue = find(stream);
  if (!queue || !known(event)) return refuse(cudaErrorInvalidResourceHandle);
  if (emu::breaks_capture(queue)) return refuse(cudaErrorStreamCaptureUnsupported);
  event->recorded = append(queue, nullptr);
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  guard held(emu::lock);
  if (cudaError_t error = emu::fault(EMU_QUEUE, cudaErrorUnknown)) return refuse(error);
  if (!known(event)) return refuse(cudaErrorInvalidResourceHandle);
  if (event->recorded) force(event->recorded);
  emu::check_guards();
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  guard held(emu::lock);
  if (gpu.lost) return refuse(gpu.lost);
  if (!known(event)) return refuse(cudaErrorInvalidResourceHandle);
  if (event->recorded && !ask(event->recorded)) return cudaErrorNotReady;
  emu::check_guards();
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end) {
  guard held(emu::lock);
  if (gpu.lost) return refuse(gpu.lost);
  if (!known(start) || !known(end) || !start->recorded || !end->recorded ||
      (start->flags | end->flags) & cudaEventDisableTiming)
    return refuse(cudaErrorInvalidResourceHandle);
  if (!start->recorded->done || !end->recorded->done) return cudaErrorNotReady;
  *milliseconds = (float)(1e3 * (end->recorded->seconds - start->recorded->seconds));
  return cudaSuccess;
}
