// Where are we: Linux itself, WSL or a Jetson, and for which processor.
#define _GNU_SOURCE // memmem, strcasestr
#include "probe_scope.h"
#include "probe_nodes.h"
#include "resolve.h"
#include <string.h>
#include <sys/utsname.h>

// Says what the platform is, and by what.
static void settle(struct facts *f, enum platform platform, const char *path, const char *text) {
  f->scope.platform = platform;
  f->scope.platform_known = YES;
  f->scope.platform_path = path;
  f->scope.platform_text = text;
}

// Without a file of its own it is in "Linux version 4.4.0-19041-Microsoft (...) ...".
static void release_from_version(struct facts *f) {
  struct scope *s = &f->scope;
  struct slice rest = slice_text(&s->version);
  if (s->release.there == THERE || !slice_begins(rest, "Linux version ")) return;
  slice_word(&rest), slice_word(&rest);
  struct slice word = slice_word(&rest);
  s->release = (struct text){.there = THERE,
                             .path = s->version.path,
                             .text = slice_copy(f->arena, word),
                             .length = word.length};
}

static bool find_wsl(struct facts *f) {
  struct scope *s = &f->scope;
  struct slice release = slice_text(&s->release);
  const struct text *from = s->version.there == THERE ? &s->version : &s->release;
  const struct node *dxg = node_of(f, "/dev/dxg");
  if (dxg) {
    settle(f, PLATFORM_WSL2, dxg->path, "the GPU of Windows");
  } else if (slice_begins(release, "4.4.0-") && slice_ends(release, "-Microsoft")) {
    settle(f, PLATFORM_WSL1, from->path, from->text);
  } else if (strcasestr(s->version.text, "microsoft-standard") || strstr(s->version.text, "WSL2") ||
             strcasestr(s->release.text, "microsoft-standard") || strstr(s->release.text, "WSL2")) {
    settle(f, PLATFORM_WSL2, from->path, from->text);
  } else if (root_stat(f->root, NULL, "/run/WSL") == THERE) {
    settle(f, PLATFORM_WSL2, "/run/WSL", "there");
  } else {
    return false;
  }
  return true;
}

static bool find_jetson(struct facts *f) {
  static const char *const trees[] = {"compatible", "model"};
  struct scope *s = &f->scope;
  if (s->tegra.there == THERE) {
    struct slice rest = slice_text(&s->tegra), line = rest;
    slice_line(&rest, &line);
    settle(f, PLATFORM_JETSON, s->tegra.path, slice_show(f->arena, line, 128));
    return true;
  }
  for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
    struct text text = root_text(f->root, 4096, "/proc/device-tree/%s", trees[i]);
    struct slice tree = slice_text(&text); // strings, each ended by a NUL
    if (!slice_has(tree, "nvidia,tegra") && !slice_has(tree, "NVIDIA Jetson")) continue;
    settle(f, PLATFORM_JETSON, text.path, slice_show(f->arena, slice_trim(tree), 128));
    return true;
  }
  if (slice_has(slice_text(&s->release), "-tegra")) {
    settle(f, PLATFORM_JETSON, s->release.path, s->release.text);
    return true;
  }
  const struct node *node = nodes_beginning(f, "/dev/nvhost-");
  if (!node) node = node_of(f, "/dev/nvmap");
  if (node) settle(f, PLATFORM_JETSON, node->path, "a device of Tegra");
  return node != NULL;
}

// Plain Linux, where nothing says otherwise, and enough was seen that would have.
static void find_linux(struct facts *f) {
  struct scope *s = &f->scope;
  static const char *const others[] = {"/proc/modules", "/sys/bus/pci/devices"};
  if (s->version.there == THERE) {
    settle(f, PLATFORM_LINUX, s->version.path, s->version.text);
  } else if (s->release.there == THERE) {
    settle(f, PLATFORM_LINUX, s->release.path, s->release.text);
  } else if (s->version.there == ABSENT) {
    const char *path = NULL;
    if (any_there(f->root, others, sizeof others / sizeof *others, &path) == YES)
      settle(f, PLATFORM_LINUX, path, "there");
    else if (f->nodes.known == YES)
      settle(f, PLATFORM_LINUX, f->nodes.path, "neither /dev/dxg nor a device of Tegra");
  }
}

static enum arch arch_in(struct slice text) {
  static const struct {
    const char *word;
    enum arch arch;
  } words[] = {{"x86_64", ARCH_X86_64},
               {"amd64", ARCH_X86_64},
               {"x86-64", ARCH_X86_64},
               {"aarch64", ARCH_AARCH64},
               {"arm64", ARCH_AARCH64}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (slice_has(text, words[i].word)) return words[i].arch;
  return ARCH_UNKNOWN;
}

static enum arch arch_of_program(struct facts *f, const char *path) {
  return path ? arch_of_machine(elf_read(f->root, f->arena, path).machine) : ARCH_UNKNOWN;
}

// From what is built for it, then from what only mentions it: a kernel may be built elsewhere.
static enum arch find_arch(struct facts *f) {
  struct text nvrm = root_text(f->root, 4096, "/proc/driver/nvidia/version");
  enum arch arch = arch_in(slice_text(&nvrm));
  if (!arch) arch = arch_in(slice_text(&f->scope.release));
  if (!arch) arch = arch_of_program(f, "/bin/sh");
  if (!arch) arch = arch_of_program(f, f->process.python);
  struct utsname name;
  if (!arch && root_live(f->root) && !uname(&name)) arch = arch_in(slice_of(name.machine));
  if (!arch) {
    struct text cpu = root_text(f->root, 4096, "/proc/cpuinfo");
    if (slice_has(slice_text(&cpu), "vendor_id")) arch = ARCH_X86_64;
    if (slice_has(slice_text(&cpu), "CPU implementer")) arch = ARCH_AARCH64;
  }
  return arch ? arch : arch_in(slice_text(&f->scope.version));
}

void probe_scope(struct facts *f) {
  struct scope *s = &f->scope;
  nodes_read(f);
  s->version = text_trimmed(f->arena, root_text(f->root, 4096, "/proc/version"));
  s->release = text_trimmed(f->arena, root_text(f->root, 4096, "/proc/sys/kernel/osrelease"));
  release_from_version(f);
  s->tegra = root_text(f->root, 4096, "/etc/nv_tegra_release");
  s->arch = find_arch(f);
  // An x86-64 machine with that file has somebody's board support package in it.
  if (!find_wsl(f) && (s->arch == ARCH_X86_64 || !find_jetson(f))) find_linux(f);
  if (s->platform == PLATFORM_JETSON) s->arch = ARCH_AARCH64;
  scope_container(f);
  scope_virtual(f);
}
