// The kernel's half of the driver: which modules are loaded, and what they say of themselves.
#include "probe_kernel.h"
#include <string.h>

// "nvidia 54000000 10 nvidia_modeset, Live 0x..." in /proc/modules.
static bool listed(const struct text *modules, const char *name) {
  struct slice rest = slice_text(modules), line;
  while (slice_line(&rest, &line))
    if (slice_is(slice_word(&line), name)) return true;
  return false;
}

// A module that is on its way in or out has a folder too.
static enum known in_folder(struct facts *f, const char *name, const char **path) {
  enum there there = root_stat(f->root, NULL, "/sys/module/%s", name);
  if (there == THERE) {
    struct text state = root_text(f->root, 64, "/sys/module/%s/initstate", name);
    if (state.there == THERE && !slice_is(slice_trim(slice_text(&state)), "live")) return NO;
    *path = arena_print(f->arena, "/sys/module/%s", name);
    return YES;
  }
  return there == ABSENT && root_stat(f->root, NULL, "/sys/module") == THERE ? NO : UNKNOWN;
}

static enum known loaded(struct facts *f, const struct text *modules, const char *name,
                         const char **path) {
  if (listed(modules, name)) {
    *path = modules->path;
    return YES;
  }
  enum known known = in_folder(f, name, path);
  if (known == UNKNOWN && modules->there == THERE && !modules->cut) known = NO;
  return known;
}

static int find_major(const struct text *devices, const char *name) {
  struct slice rest = slice_text(devices), line;
  uint64_t number;
  while (slice_line(&rest, &line) && !slice_is(line, "Block devices:"))
    if (slice_number(slice_word(&line), 10, INT32_MAX, &number) &&
        slice_is(slice_word(&line), name))
      return (int)number;
  return 0;
}

void probe_kernel(struct facts *f) {
  struct kernel *k = &f->kernel;
  struct text modules = root_text(f->root, 256 << 10, "/proc/modules");
  k->nvidia = loaded(f, &modules, "nvidia", &k->nvidia_path);
  k->uvm = loaded(f, &modules, "nvidia_uvm", &k->uvm_path);
  k->nouveau = loaded(f, &modules, "nouveau", &k->nouveau_path);
  if (k->nouveau != YES) {
    enum known nova = loaded(f, &modules, "nova_core", &k->nouveau_path);
    if (nova != NO) k->nouveau = nova;
  }
  kernel_version(f);
  if (k->nvrm.there == THERE && k->nvidia != YES) {
    k->nvidia = YES;
    k->nvidia_path = k->nvrm.path;
  }
  kernel_gpus(f);
  k->params = root_text(f->root, 64 << 10, "/proc/driver/nvidia/params");
  k->devices = root_text(f->root, 64 << 10, "/proc/devices");
  k->uvm_major = find_major(&k->devices, "nvidia-uvm");
  k->cmdline = text_trimmed(f->arena, root_text(f->root, 16 << 10, "/proc/cmdline"));
  kernel_module_files(f);
  kernel_sources(f);
  kernel_blacklist(f);
  kernel_signing(f);
  kernel_fabric(f);
}
