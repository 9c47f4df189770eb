// The driver's libraries, as the process asked about would get them. See facts.h.
#define _GNU_SOURCE // memmem
#include "facts.h"
#include "resolve.h"
#include "tables.h"
#include <string.h>

// NVIDIA's drivers had higher numbers already when CUDA came. WSL2 and Jetson name the library
// libcuda.so.1.1, which says nothing of the driver.
enum { FIRST_DRIVER = 90, APT_LINES = 16 };

static void drop_other_numbers(struct library *library) {
  if (library->version && version_major(library->version) < FIRST_DRIVER) library->version = "";
}

static struct library find(struct search *search, const char *name) {
  struct library got = search_library(search, name, NULL, NULL, false);
  if (got.there == ABSENT) {
    struct library of_any_class = search_library(search, name, NULL, NULL, true);
    if (of_any_class.there == THERE) got = of_any_class;
  }
  drop_other_numbers(&got);
  return got;
}

static void find_others(struct facts *facts, struct search *search) {
  struct user_driver *driver = &facts->driver;
  const struct library *all;
  int count = search_every(search, "libcuda.so.1", &all);
  struct library *other = arena_give(facts->arena, (size_t)count * sizeof *other);
  for (int i = 0; i < count; i++) {
    if (driver->cuda.there == THERE && !strcmp(all[i].real, driver->cuda.real)) continue;
    other[driver->other_cudas] = all[i];
    drop_other_numbers(&other[driver->other_cudas++]);
  }
  driver->other_cuda = other;
}

// ---- is anything of a driver installed ---------------------------------------------------------

// These come with other packages: NVIDIA's container toolkit, and the distribution's own for EGL.
static bool is_of_driver(const char *name) {
  static const char begin[] = "libnvidia-";
  static const char *const others[] = {"container", "egl-"};
  if (strncmp(name, begin, sizeof begin - 1) != 0 || !strstr(name, ".so")) return false;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (!strncmp(name + sizeof begin - 1, others[i], strlen(others[i]))) return false;
  return true;
}

static enum known find_package(struct facts *facts, const struct search *search) {
  static const char *const folders[] = {"/usr/lib/x86_64-linux-gnu",
                                        "/usr/lib/aarch64-linux-gnu",
                                        "/lib/x86_64-linux-gnu",
                                        "/lib/aarch64-linux-gnu",
                                        "/usr/lib64",
                                        "/lib64",
                                        "/usr/lib",
                                        "/lib"};
  enum known known = search->cache.there == UNREAD ? UNKNOWN : NO;
  for (int i = 0; i < search->cache.entries; i++) {
    const struct ld_entry *entry = &search->cache.entry[i];
    if (is_of_driver(entry->name) && root_stat(facts->root, NULL, "%s", entry->path) == THERE)
      return YES;
  }
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    struct names names = root_names(facts->root, "libnvidia-*.so*", "%s", folders[i]);
    if (names.there == UNREAD) known = UNKNOWN;
    for (int k = 0; k < names.count; k++)
      if (is_of_driver(names.name[k])) return YES;
  }
  return known;
}

// ---- what apt did to it ------------------------------------------------------------------------

// The last lines that name nvidia, from a text's end back.
static struct text read_history(struct facts *facts) {
  struct text log = root_text(facts->root, ROOT_TEXT, "/var/log/apt/history.log"), out = log;
  if (log.there != THERE) return log;
  char *kept = arena_give(facts->arena, log.length + 2);
  size_t used = log.length + 1; // kept + used is what there is, up to the NUL
  const char *end = log.text + log.length;
  for (int lines = 0; end > log.text && lines < APT_LINES;) {
    const char *line = end;
    while (line > log.text && line[-1] != '\n') line--;
    size_t length = (size_t)(end - line);
    if (memmem(line, length, "nvidia", strlen("nvidia"))) {
      if (lines++) kept[--used] = '\n';
      used -= length;
      memcpy(kept + used, line, length);
    }
    end = line > log.text ? line - 1 : line;
  }
  out.text = kept + used;
  out.length = log.length + 1 - used;
  return out;
}

// What a program told to go through an MPS daemon talks to.
static void find_mps(struct facts *facts) {
  struct user_driver *driver = &facts->driver;
  const char *folder = env_of(facts, "CUDA_MPS_PIPE_DIRECTORY");
  if (!folder) return;
  driver->mps_path = arena_print(facts->arena, "%s/control", folder);
  enum there there = root_stat(facts->root, NULL, "%s", driver->mps_path);
  driver->mps_control = there == THERE ? YES : there == ABSENT ? NO : UNKNOWN;
}

void probe_driver(struct facts *facts) {
  struct user_driver *driver = &facts->driver;
  struct search search;
  search_begin(&search, facts);
  driver->cuda = find(&search, "libcuda.so.1");
  driver->nvml = find(&search, "libnvidia-ml.so.1");
  driver->ptxjit = find(&search, "libnvidia-ptxjitcompiler.so.1");
  find_others(facts, &search);
  driver->cuda_package = find_package(facts, &search);
  driver->apt_history = read_history(facts);
  enum there wsl = root_stat(facts->root, NULL, "/usr/lib/wsl/lib/libcuda.so.1");
  driver->wsl_cuda = wsl == THERE ? YES : wsl == ABSENT ? NO : UNKNOWN;
  find_mps(facts);
}
