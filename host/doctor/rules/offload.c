#include "offload.h"
#include <stdlib.h>
#include <string.h>

static int number_after(const char *line, const char *key) {
  const char *at = strstr(line, key);
  return at ? atoi(at + strlen(key)) : -1;
}

// llama.cpp: "offloaded 5/37 layers to GPU".
static bool of_llama(const char *line, struct offload *out) {
  const char *slash = strchr(line, '/');
  if (!strstr(line, " layers to GPU") || !slash) return false;
  out->done = number_after(line, "offloaded ");
  out->all = atoi(slash + 1);
  return out->done >= 0;
}

// Ollama: "layers.requested=-1 layers.model=81 layers.offload=44 ... memory.available="[22.0
// GiB]"".
static bool of_ollama(const char *line, struct offload *out) {
  out->done = number_after(line, "layers.offload=");
  out->all = number_after(line, "layers.model=");
  if (out->done < 0) return false;
  out->counted = strstr(line, "memory.available=");
  out->requested = number_after(line, "layers.requested=") != 0;
  return true;
}

// ollama ps: "48%/52% CPU/GPU".
static bool of_ollama_ps(const char *line, struct offload *out) {
  const char *end = strstr(line, "% CPU/GPU"), *slash = end;
  while (slash && slash > line && *slash != '/') slash--;
  if (!slash || *slash != '/') return false;
  out->done = atoi(slash + 1);
  out->all = 100;
  return true;
}

static bool asks(const char *line) {
  bool names = strstr(line, "n_gpu_layers") || strstr(line, "gpu-layers");
  return names && (number_after(line, "= ") > 0 || strstr(line, "= -1"));
}

struct offload offload_read(const struct facts *f) {
  static bool (*const reader[])(const char *, struct offload *) = {of_llama, of_ollama,
                                                                   of_ollama_ps};
  struct offload last = {.line = NULL, .done = -1};
  bool requested = false;
  for (int i = 0; i < f->log.owns; i++) {
    requested |= asks(f->log.own[i]);
    for (size_t j = 0; j < sizeof reader / sizeof reader[0]; j++) {
      struct offload found = {.line = f->log.own[i]};
      if (!reader[j](f->log.own[i], &found) || found.all <= 0) continue;
      last = found;
      break;
    }
  }
  last.requested |= requested;
  return last;
}
