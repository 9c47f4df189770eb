// Rules of what only shows while the program runs: its own log, and the GPU's memory.
#include "judge.h"
#include "offload.h"
#include <inttypes.h>
#include <string.h>

enum { LITTLE_MEMORY = 500 }; // MiB: what a context and a framework's libraries take

static bool crowded(const struct nvml_device *device) {
  return device->memory == YES && device->free_bytes < (uint64_t)LITTLE_MEMORY << 20;
}

enum why_result rule_gpu_memory_full(const struct facts *f, struct finding *o) {
  struct share share = share_of(f, crowded);
  bool said = false;
  for (int i = 0; i < f->gpu.cudas; i++)
    said |= f->gpu.cuda[i].context_known && f->gpu.cuda[i].context == 2;
  if ((share.of && share.of == share.all) || (said && !cuda_works(f))) {
    if (share.of)
      say_evidence(o, "nvmlDeviceGetMemoryInfo", "GPU %d: %" PRIu64 " MiB free of %" PRIu64 " MiB",
                   share.first->index, share.first->free_bytes >> 20,
                   share.first->total_bytes >> 20);
    if (said) say_evidence(o, "cuDevicePrimaryCtxRetain", "%s", error_words(f, "CUDA", 2));
    if (share.of && share.first->processes > 0)
      say_evidence(o, "nvmlDeviceGetComputeRunningProcesses", "%d", share.first->processes);
    say_need(o, "%d MiB or more for a context and the framework", LITTLE_MEMORY);
    say_have(o, share.of ? "%" PRIu64 " MiB free" : "too little",
             share.of ? share.first->free_bytes >> 20 : 0);
    return say_fail(o, "nearly all of the GPU's memory is taken");
  }
  if (!f->gpu.nvmls) return say_na(o, "NVML lists no GPU");
  for (int i = 0; i < f->gpu.nvmls; i++)
    if (f->gpu.nvml[i].memory != YES && !cuda_works(f))
      return say_unknown(o, "how much memory is free is not known");
  return say_ok(o, "enough is free for a context");
}

// ---- what was asked for, and what of it went there ---------------------------------------------

static bool runs_layers(const struct facts *f) {
  return f->framework == FRAMEWORK_LLAMA_CPP || f->framework == FRAMEWORK_OLLAMA;
}

static enum why_result no_word(const struct facts *f, struct finding *o) {
  return say_ok(o, f->log.own_known == YES ? "its log does not say so"
                                           : "nothing says so: its log is not here");
}

static enum why_result no_layers(const struct facts *f, struct finding *o) {
  struct offload offload = offload_read(f);
  const char *line =
      offload.done == 0 && !offload.counted && !offload.requested ? offload.line : NULL;
  if (!offload.line) line = framework_says(f, "n_gpu_layers = 0|n_gpu_layers=0");
  if (!line) return no_word(f, o);
  say_evidence(o, f->log.own_path, "%s", line);
  say_need(o, "layers on the GPU: n_gpu_layers=-1, --gpu-layers 99");
  say_have(o, "none");
  say_fix(o, "ask for them: n_gpu_layers=-1 in llama-cpp-python, --gpu-layers 99 for llama.cpp");
  return say_fail(o, "no layers were asked for on the GPU");
}

static enum why_result no_provider(const struct facts *f, struct finding *o) {
  const char *line = framework_says(f, "get_providers()");
  if (!line || !strstr(line, "CPUExecutionProvider") || strstr(line, "CUDAExecutionProvider"))
    return no_word(f, o);
  say_evidence(o, f->log.own_path, "%s", line);
  say_need(o, "providers=['CUDAExecutionProvider', 'CPUExecutionProvider']");
  say_have(o, "the CPU's provider only");
  say_fix(o,
          "pass providers=['CUDAExecutionProvider', 'CPUExecutionProvider'] to InferenceSession");
  return say_fail(o, "the session was given no provider for the GPU");
}

enum why_result rule_app_not_asked_for_gpu(const struct facts *f, struct finding *o) {
  if (runs_layers(f)) return no_layers(f, o);
  if (f->framework == FRAMEWORK_ONNXRUNTIME) return no_provider(f, o);
  return say_na(o, "what the program asks for is in its code");
}

static const char *layers_text(const struct facts *f, const struct offload *offload) {
  return arena_print(f->arena, "%d of %d", offload->done, offload->all);
}

enum why_result rule_memory_too_small(const struct facts *f, struct finding *o) {
  struct offload offload = offload_read(f);
  if (!runs_layers(f)) return say_na(o, "asked of llama.cpp and Ollama only");
  if (offload.done != 0 || !(offload.counted || offload.requested)) return no_word(f, o);
  say_evidence(o, f->log.own_path, "%s", offload.line);
  say_need(o, "memory for at least one layer");
  say_have(o, "%s layers", layers_text(f, &offload));
  return say_fail(o, "no layer fits into the GPU's free memory");
}

enum why_result rule_memory_too_small_partial(const struct facts *f, struct finding *o) {
  struct offload offload = offload_read(f);
  if (!runs_layers(f)) return say_na(o, "asked of llama.cpp and Ollama only");
  if (offload.done <= 0 || offload.done >= offload.all) return no_word(f, o);
  say_evidence(o, f->log.own_path, "%s", offload.line);
  say_need(o, "memory for all of the model");
  say_have(o, "%s layers", layers_text(f, &offload));
  return say_fail(o, "%s layers are on the GPU, the rest on the CPU", layers_text(f, &offload));
}

enum why_result rule_op_has_no_gpu_kernel(const struct facts *f, struct finding *o) {
  if (f->framework != FRAMEWORK_TENSORFLOW && f->framework != FRAMEWORK_ONNXRUNTIME)
    return say_na(o, "asked of TensorFlow and ONNX Runtime only");
  const char *line = framework_says(
      f, "Force fallback to CPU execution|no supported kernel for GPU|"
         "no registered OpKernel for GPU|Could not satisfy explicit device specification");
  if (!line) return no_word(f, o);
  say_evidence(o, f->log.own_path, "%s", line);
  say_need(o, "a GPU kernel of that operation");
  say_have(o, "none in this framework");
  return say_fail(o, "an operation has no GPU kernel");
}
