// Rules of what the environment and its limits let the program see; and, last of those about the
// machine, what the driver answers in the end.
#include "judge.h"
#include "visible.h"
#include <inttypes.h>
#include <string.h>
#include <strings.h>

// Values of variables that rule GPUs out. `framework`: that reads it; FRAMEWORK_COUNT: CUDA itself.
static const struct {
  const char *name;
  enum framework framework;
  const char *value; // "cpu*": begins so, in any case; "": empty
} forced[] = {
    {"CUDA_VISIBLE_DEVICES", FRAMEWORK_COUNT, ""},
    {"CUDA_VISIBLE_DEVICES", FRAMEWORK_COUNT, "-*"},
    {"CUDA_VISIBLE_DEVICES", FRAMEWORK_COUNT, "NoDevFiles"},
    {"NVIDIA_VISIBLE_DEVICES", FRAMEWORK_COUNT, "void"},
    {"NVIDIA_VISIBLE_DEVICES", FRAMEWORK_COUNT, "none"},
    {"JAX_PLATFORMS", FRAMEWORK_JAX, "cpu*"},
    {"JAX_PLATFORM_NAME", FRAMEWORK_JAX, "cpu"},
    {"OLLAMA_LLM_LIBRARY", FRAMEWORK_OLLAMA, "cpu*"},
};

static bool is(const char *value, const char *pattern) {
  size_t length = strlen(pattern);
  while (*value == ' ') value++;
  if (length && pattern[length - 1] == '*') return !strncasecmp(value, pattern, length - 1);
  return !strcasecmp(value, pattern);
}

enum why_result rule_cpu_forced_by_env(const struct facts *f, struct finding *o) {
  for (size_t i = 0; i < sizeof forced / sizeof forced[0]; i++) {
    const char *value = env_of(f, forced[i].name);
    if (forced[i].framework != FRAMEWORK_COUNT && forced[i].framework != f->framework) continue;
    if (!value || !is(value, forced[i].value)) continue;
    // Only a container's engine reads NVIDIA_VISIBLE_DEVICES, and a list may name a GPU after cpu.
    if (!strcmp(forced[i].name, "NVIDIA_VISIBLE_DEVICES") && !in_container(f)) continue;
    if (strstr(value, "cuda") || strstr(value, "gpu")) continue;
    say_evidence(o, f->process.env_path, "%s=%s", forced[i].name, value);
    say_need(o, "%s unset", forced[i].name);
    say_have(o, "%s=%s", forced[i].name, value);
    say_fix(o, "unset %s, also where the program or its service sets it", forced[i].name);
    return say_fail(o, "%s is \"%s\"", forced[i].name, value);
  }
  if (f->process.env_known != YES) return say_unknown(o, "the environment is not known");
  return say_ok(o, "no variable rules GPUs out");
}

enum why_result rule_visible_devices_invalid(const struct facts *f, struct finding *o) {
  struct visible v = visible_read(f);
  if (f->process.env_known != YES) return say_unknown(o, "the environment is not known");
  if (!v.value) return say_ok(o, "CUDA_VISIBLE_DEVICES is not set");
  say_evidence(o, f->process.env_path, "CUDA_VISIBLE_DEVICES=%s", v.value);
  if (v.mig) return say_ok(o, "it names MIG instances");
  if (is(v.value, "") || is(v.value, "-*") || is(v.value, "NoDevFiles"))
    return say_na(o, "it asks for none");
  if (v.known == UNKNOWN) return say_unknown(o, "the GPUs' UUIDs are not known");
  if (!v.wrong) return say_ok(o, "it names %d device%s", v.count, v.count == 1 ? "" : "s");
  if (v.count) {
    say_evidence(o, "CUDA_VISIBLE_DEVICES", "\"%s\" and what follows is hidden: %s", v.wrong,
                 v.because);
    return say_ok(o, "its first %d entr%s a device", v.count,
                  v.count == 1 ? "y names" : "ies name");
  }
  if (gpus_there(f) == 0) return say_na(o, "no GPU is known to compare it with");
  say_evidence(o, "CUDA_VISIBLE_DEVICES", "\"%s\": %s", v.wrong, v.because);
  say_need(o, "a first entry that names a GPU");
  say_have(o, "\"%s\": %s", v.wrong, v.because);
  return say_fail(o, "its first entry \"%s\" names no device: %s", v.wrong, v.because);
}

enum why_result rule_address_space_limit(const struct facts *f, struct finding *o) {
  if (!f->process.as_limit_known) return say_na(o, "the limits are not known");
  if (f->process.as_limit_bytes == UINT64_MAX) return say_ok(o, "the address space has no limit");
  say_evidence(o, f->process.path, "address space: %" PRIu64 " bytes", f->process.as_limit_bytes);
  bool refused = f->gpu.cuda_known && (f->gpu.cuda_init == 2 || f->gpu.cuda_init == 304);
  if (!refused && cuda_sees(f)) return say_ok(o, "cuInit succeeds all the same");
  if (!f->gpu.cuda_known) return say_unknown(o, "whether cuInit succeeds under it is not known");
  if (!refused) return say_ok(o, "cuInit does not fail for want of memory");
  say_evidence(o, "cuInit", "%s", error_words(f, "CUDA", f->gpu.cuda_init));
  say_need(o, "no limit: CUDA reserves addresses for all of the GPUs' memory");
  say_have(o, "%" PRIu64 " bytes", f->process.as_limit_bytes);
  return say_fail(o, "the address space is limited, and cuInit fails");
}

enum { OUT_OF_MEMORY = 2 };

// What the driver says is the last word on the machine: an error that no cause explains is not
// fine, and is no cause either.
enum why_result rule_driver_call_failed(const struct facts *f, struct finding *o) {
  const struct gpu *g = &f->gpu;
  if (cuda_works(f)) return say_ok(o, "cuInit succeeds, and a context was made");
  if (!g->cuda_known && f->driver.cuda.there == ABSENT)
    return say_na(o, "there is no libcuda.so.1 to ask");
  if (!g->cuda_known)
    return say_unknown(o, "%s",
                       g->cuda_why && *g->cuda_why ? g->cuda_why
                       : g->why && *g->why         ? g->why
                                                   : "the driver was not asked");
  if (g->cuda_init) {
    say_evidence(o, "cuInit", "%s", error_words(f, "CUDA", g->cuda_init));
    return say_unknown(o, "cuInit: %s", error_words(f, "CUDA", g->cuda_init));
  }
  if (!g->cuda_count_known) return say_unknown(o, "how many devices CUDA sees is not known");
  if (g->cuda_count <= 0) {
    say_evidence(o, "cuDeviceGetCount", "0 devices");
    return say_unknown(o, "CUDA sees no device");
  }
  for (int i = 0; i < g->cudas; i++) {
    if (!g->cuda[i].context_known) continue;
    const char *words = error_words(f, "CUDA", g->cuda[i].context);
    if (g->cuda[i].context == OUT_OF_MEMORY)
      return say_na(o, "a context fails for want of memory: see run time");
    say_evidence(o, "cuDevicePrimaryCtxRetain", "%s", words);
    return say_unknown(o, "no context could be made: %s", words);
  }
  return say_unknown(o, "whether a context can be made is not known");
}
