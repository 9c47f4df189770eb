// What the nvidia module says below /proc/driver/nvidia: its version, and the GPUs that it has.
#include "probe_kernel.h"
#include <string.h>

enum { GPUS_MOST = 256 };

// "550.54.14", "570.158", "96.43.23".
static bool is_version(struct slice word) {
  size_t digits = 0, first = 0;
  int points = 0;
  for (size_t i = 0; i < word.length; i++) {
    if (word.at[i] == '.' && digits) {
      if (!points++) first = digits;
      digits = 0;
    } else if (word.at[i] >= '0' && word.at[i] <= '9') {
      digits++;
    } else {
      return false;
    }
  }
  return digits && points && points < 4 && first >= 2 && first <= 4;
}

// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC 2024", or
// "... UNIX Open Kernel Module for x86_64  570.158.01  Release Build  ..."
static const char *version_in(struct arena *arena, struct slice line) {
  bool after = false;
  for (struct slice word; (word = slice_word(&line)).length;) {
    if (after && is_version(word)) return slice_copy(arena, word);
    after |= slice_is(word, "Module");
  }
  return "";
}

void kernel_version(struct facts *f) {
  struct kernel *k = &f->kernel;
  k->nvrm = root_text(f->root, 4096, "/proc/driver/nvidia/version");
  k->version = "";
  struct slice rest = slice_text(&k->nvrm), line;
  while (slice_line(&rest, &line)) {
    if (!slice_begins(line, "NVRM version:")) continue;
    k->open = slice_has(line, "Open Kernel Module") ? YES : NO;
    k->version = version_in(f->arena, line);
    k->version_path = k->nvrm.path;
    break;
  }
  if (*k->version) return;
  struct text text = root_text(f->root, 256, "/sys/module/nvidia/version");
  struct slice version = slice_trim(slice_text(&text));
  if (!is_version(version)) return;
  k->version = slice_copy(f->arena, version);
  k->version_path = text.path;
}

static struct proc_gpu read_gpu(struct facts *f, const char *address) {
  struct text text = root_text(f->root, 4096, "/proc/driver/nvidia/gpus/%s/information", address);
  struct proc_gpu gpu = {
      .address = address, .path = text.path, .model = "", .uuid = "", .minor = -1};
  struct slice rest = slice_text(&text), line, key, value;
  uint64_t minor;
  while (slice_line(&rest, &line)) {
    if (!slice_split(line, ':', &key, &value)) continue;
    value = slice_trim(value);
    if (slice_is(key, "Model")) gpu.model = slice_show(f->arena, value, 128);
    if (slice_is(key, "GPU UUID")) gpu.uuid = slice_show(f->arena, value, 128);
    if (slice_is(key, "Device Minor") && slice_number(value, 10, INT32_MAX, &minor))
      gpu.minor = (int)minor;
    if (slice_is(key, "GPU Excluded") || slice_is(key, "Blacklisted"))
      gpu.excluded = slice_is(value, "Yes") ? YES : NO;
  }
  gpu.never_initialised = strchr(gpu.uuid, '?') != NULL;
  return gpu;
}

void kernel_gpus(struct facts *f) {
  struct kernel *k = &f->kernel;
  k->gpu_names = root_names(f->root, "*", "/proc/driver/nvidia/gpus");
  int count = k->gpu_names.count < GPUS_MOST ? k->gpu_names.count : GPUS_MOST;
  struct proc_gpu *gpu = arena_give(f->arena, (size_t)count * sizeof *gpu);
  for (int i = 0; i < count; i++) gpu[i] = read_gpu(f, k->gpu_names.name[i]);
  k->gpu = gpu;
  k->gpus = count;
}
