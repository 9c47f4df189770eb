// Which of CUDA's libraries a framework would get: each by the search path of the file that asks
// for it, and what those need in turn.
#include "build.h"
#include <string.h>

enum { DEEP = 4 };

// ---- their names -------------------------------------------------------------------------------

static const char *const part_of_cuda[] = {
    "cudart",   "cublas",     "cublasLt",     "cufft",      "cufftw",     "curand",
    "cusolver", "cusolverMg", "cusparse",     "cusparseLt", "nvJitLink",  "nvrtc",
    "cupti",    "nccl",       "nvshmem_host", "cufile",     "nvToolsExt", "nvjpeg"};

const char *cuda_library(const char *name) {
  const char *end = strstr(name, ".so");
  if (strncmp(name, "lib", 3) != 0 || !end || (end[3] && end[3] != '.')) return NULL;
  struct slice stem = {name + 3, (size_t)(end - name) - 3};
  if (slice_is(stem, "cudnn") || slice_begins(stem, "cudnn_")) return "cudnn";
  if (slice_begins(stem, "npp")) return "npp";
  for (size_t i = 0; i < sizeof part_of_cuda / sizeof *part_of_cuda; i++)
    if (slice_is(stem, part_of_cuda[i])) return part_of_cuda[i];
  return NULL;
}

static bool is_part(const char *name, const char *part) {
  const char *library = cuda_library(name);
  return library && !strcmp(library, part);
}

// ---- what asks for them ------------------------------------------------------------------------

struct asker build_asker(struct builder *b, const char *path, const char *known_rpath,
                         const char *known_runpath) {
  struct asker asker = {.path = path, .loader = &b->program};
  asker.elf = elf_read(b->root, b->arena, path);
  if (asker.elf.elf_class) return asker;
  asker.elf.rpath = known_rpath;
  asker.elf.runpath = known_runpath;
  return asker;
}

static bool listed(const struct builder *b, const char *name) {
  for (int i = 0; i < b->build->count; i++)
    if (!strcmp(b->needed[i].name, name)) return true;
  return b->build->count == NEEDED_MOST;
}

static struct needed *list(struct builder *b, const char *name, const struct library *got) {
  struct needed *needed = &b->needed[b->build->count++];
  *needed = (struct needed){.name = name,
                            .cudnn = is_part(name, "cudnn"),
                            .got = *got,
                            .wheel_path = "",
                            .other_major = "",
                            .shadowed = "",
                            .broken = "",
                            .broken_for = ""};
  return needed;
}

static void follow(struct builder *, struct needed *, const struct asker *, int deep);

static void need(struct builder *b, const char *name, const struct asker *asker, int deep) {
  if (listed(b, name)) return;
  struct library got = search_asked(&b->search, name, asker, false);
  struct needed *needed = list(b, name, &got);
  if (got.there == THERE) follow(b, needed, asker, deep);
}

// Does a CUDA of the build's version have a library of this name?
static bool of_build(const struct builder *b, const char *name) {
  const char *part = cuda_library(name);
  const char *known = part ? table_soname(b->build->cuda, part) : NULL;
  return known && !strcmp(known, name);
}

// What a library needs. That of another CUDA's version breaks the one that asks: libcusolver.so.11
// is CUDA 11's as well as CUDA 12's, and only the latter needs libnvJitLink.so.12.
static void follow(struct builder *b, struct needed *needed, const struct asker *asker, int deep) {
  const char *path = needed->got.path;
  struct asker self = {.path = path, .loader = asker};
  if (deep == DEEP) return;
  self.elf = elf_read(b->root, b->arena, path);
  for (int i = 0; i < self.elf.neededs; i++) {
    const char *name = self.elf.needed[i];
    if (!cuda_library(name) || listed(b, name)) continue;
    struct library got = search_asked(&b->search, name, &self, false);
    if (got.there == ABSENT && !of_build(b, name)) {
      if (!*needed->broken) needed->broken = name, needed->broken_for = path;
    } else if (got.there == THERE) {
      follow(b, list(b, name, &got), &self, deep + 1);
    } else {
      list(b, name, &got);
    }
  }
  const char *link = table_soname(b->build->cuda, "nvJitLink");
  bool linking = is_part(needed->name, "cusparse") || is_part(needed->name, "cusolver");
  if (self.elf.elf_class || !link || !linking) return;
  self.elf.rpath = ""; // as the wheels have it; the toolkit's are found by the cache
  self.elf.runpath = "$ORIGIN:$ORIGIN/../../nvjitlink/lib";
  need(b, link, &self, deep + 1);
}

void build_needs(struct builder *b, const char *name, const struct asker *asker) {
  need(b, name, asker, 0);
}

int build_needs_of(struct builder *b, const struct asker *asker) {
  int count = 0;
  for (int i = 0; i < asker->elf.neededs; i++) {
    if (!cuda_library(asker->elf.needed[i])) continue;
    build_needs(b, asker->elf.needed[i], asker);
    count++;
  }
  return count;
}

void build_needs_known(struct builder *b, const char *const *library, int count,
                       const struct asker *asker) {
  for (int i = 0; i < count; i++) {
    bool cudnn = !strcmp(library[i], "cudnn");
    const char *name =
        cudnn ? table_cudnn_soname(b->build->cudnn) : table_soname(b->build->cuda, library[i]);
    if (name) build_needs(b, name, asker);
  }
}

// ---- what else lies about ----------------------------------------------------------------------

// "12.1" of "/usr/local/cuda-12.1/...": 12010; 0.
static int toolkit_of(const char *path) {
  const char *at = strstr(path, "/cuda-");
  if (!at) return 0;
  char version[16];
  at += strlen("/cuda-");
  size_t length = strspn(at, "0123456789.");
  if (!length || length >= sizeof version) return 0;
  memcpy(version, at, length);
  version[length] = 0;
  return cuda_number(version);
}

// As far as both go: 8.9.2 is not older than 8.9.2.26.
static bool older(const char *a, const char *b) {
  while (*a && *b) {
    int x = version_major(a), y = version_major(b);
    if (x != y) return x < y;
    a += strspn(a, "0123456789");
    b += strspn(b, "0123456789");
    if (*a != '.' || *b != '.') return false;
    a++, b++;
  }
  return false;
}

// Does the process get an older one than came with the framework?
static bool hides(struct builder *b, const struct library *got, const char *wheel) {
  struct text real = root_real(b->root, "%s", wheel);
  if (real.there == THERE && !strcmp(real.text, got->real)) return false;
  const char *version = wheel_version(b, wheel, got->name);
  if (*got->version && *version) return older(got->version, version);
  int toolkit = toolkit_of(got->real);
  return toolkit && b->build->cuda % 1000 && toolkit < b->build->cuda;
}

static const char *version_of(struct builder *b, const struct library *got) {
  return *got->version ? got->version : wheel_version(b, got->path, got->name);
}

static void compare_got(struct builder *b, struct needed *needed) {
  struct build *build = b->build;
  const struct library *got = &needed->got;
  if (!strcmp(got->how, "LD_LIBRARY_PATH")) {
    const char *wheel = wheel_library(b, needed->name);
    if (*wheel && hides(b, got, wheel)) needed->shadowed = wheel;
  }
  if (is_part(needed->name, "cudart") && !build->runtime) {
    build->runtime = cuda_number(version_of(b, got));
    if (!build->runtime) build->runtime = toolkit_of(got->real);
    build->runtime_path = got->path;
  }
  if (needed->cudnn && !strncmp(needed->name, "libcudnn.so", 11) && !build->cudnn_got) {
    build->cudnn_got = cudnn_version(version_of(b, got));
    build->cudnn_path = got->path;
  }
  // Something that is looked for by itself, and found, is loaded already when it is needed.
  for (int i = 0; *needed->broken && i < build->count; i++)
    if (!strcmp(b->needed[i].name, needed->broken)) needed->broken = needed->broken_for = "";
}

void build_compare(struct builder *b) {
  for (int i = 0; i < b->build->count; i++) {
    struct needed *needed = &b->needed[i];
    if (needed->got.there == THERE) compare_got(b, needed);
    if (needed->got.there != ABSENT) continue;
    const char *path = wheel_library(b, needed->name);
    if (!*path) path = stray_library(b, needed->name);
    needed->wheel_path = *path ? folder_of(b->arena, path) : "";
    needed->other_major = other_major(b, needed->name);
  }
}
