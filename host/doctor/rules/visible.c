#include "visible.h"
#include "judge.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int gpus_there(const struct facts *f) {
  if (f->gpu.nvmls) return f->gpu.nvmls;
  if (f->kernel.gpus) return f->kernel.gpus;
  if (f->gpu.cuda_count_known && f->gpu.cuda_count > 0) return f->gpu.cuda_count;
  return f->pci.gpus;
}

static const char *uuid_of(const struct facts *f, int i) {
  if (f->gpu.nvmls) return i < f->gpu.nvmls ? f->gpu.nvml[i].uuid : NULL;
  return i < f->kernel.gpus ? f->kernel.gpu[i].uuid : NULL;
}

// The one GPU whose UUID begins so: its place; -1: none or several; -2: a UUID is not known.
static int by_uuid(const struct facts *f, const char *entry, size_t length, int gpus) {
  int found = -1, matches = 0;
  for (int i = 0; i < gpus; i++) {
    const char *uuid = uuid_of(f, i);
    if (!uuid || !*uuid || strchr(uuid, '?')) return -2;
    if (strncasecmp(uuid, entry, length) != 0) continue;
    found = i;
    matches++;
  }
  return matches == 1 ? found : -1;
}

// What one entry names: a place; -1 with the reason; -2 where it cannot be told.
static int named(const struct facts *f, const char *entry, size_t length, int gpus,
                 struct visible *v) {
  if (!strncasecmp(entry, "GPU-", 4)) {
    v->because = "no one GPU has a UUID that begins so";
    return by_uuid(f, entry, length, gpus);
  }
  char *end;
  long index = strtol(entry, &end, 10);
  v->because = "it is neither an index nor a UUID";
  if (end == entry || end > entry + length) return -1;
  v->because = gpus == 1 ? "there is one GPU, 0" : arena_print(f->arena, "there are %d GPUs", gpus);
  if (index < 0) v->because = "a negative index names none";
  return index >= 0 && index < gpus ? (int)index : -1;
}

struct visible visible_read(const struct facts *f) {
  struct visible v = {.known = f->process.env_known == YES ? YES : UNKNOWN};
  int gpus = gpus_there(f);
  gpus = gpus > GPU_ANSWERS ? GPU_ANSWERS : gpus;
  v.value = env_of(f, "CUDA_VISIBLE_DEVICES");
  if (!v.value) {
    for (v.count = 0; v.count < gpus; v.count++) v.index[v.count] = v.count;
    return v;
  }
  for (const char *at = v.value;;) {
    at += strspn(at, " \t");
    size_t length = strcspn(at, ",");
    if (!strncasecmp(at, "MIG-", 4)) {
      v.mig = true;
      return v;
    }
    if (length == 0 && !v.count) return v; // empty: none
    int place = named(f, at, length, gpus, &v);
    for (int i = 0; i < v.count; i++)
      if (place >= 0 && v.index[i] == place) place = -3;
    if (place == -2) v.known = UNKNOWN;
    if (place == -3) {
      v.because = "it names a GPU for the second time";
      v.count = 0; // one named twice hides them all
    }
    if (place < 0) {
      v.wrong = arena_copy(f->arena, at, length);
      return v;
    }
    v.index[v.count++] = place;
    if (v.count == GPU_ANSWERS || !at[length]) return v;
    at += length + 1;
  }
}

int visible_gpus(const struct facts *f, const struct nvml_device *out[GPU_ANSWERS]) {
  struct visible v = visible_read(f);
  int count = 0;
  if (v.known == YES && v.value && !v.mig && v.count) {
    for (int i = 0; i < v.count; i++)
      if (v.index[i] < f->gpu.nvmls) out[count++] = &f->gpu.nvml[v.index[i]];
    return count;
  }
  for (int i = 0; i < f->gpu.nvmls && i < GPU_ANSWERS; i++) out[count++] = &f->gpu.nvml[i];
  return count;
}
