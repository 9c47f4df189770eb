// Where CUDA's libraries lie that no search path leads to: in packages of their own (nvidia/cudnn/
// lib, nvidia/cu13/lib), in conda's folder, in a toolkit.
#include "build.h"
#include <string.h>

enum { STEM = 64 };

static const struct wheel {
  const char *part;   // of CUDA
  const char *folder; // below nvidia/
  const char *name;   // of the distribution, without "-cu12"
} wheels[] = {
    {"cudart", "cuda_runtime", "nvidia-cuda-runtime"},
    {"cublas", "cublas", "nvidia-cublas"},
    {"cublasLt", "cublas", "nvidia-cublas"},
    {"cufft", "cufft", "nvidia-cufft"},
    {"curand", "curand", "nvidia-curand"},
    {"cusolver", "cusolver", "nvidia-cusolver"},
    {"cusparse", "cusparse", "nvidia-cusparse"},
    {"cudnn", "cudnn", "nvidia-cudnn"},
    {"nvJitLink", "nvjitlink", "nvidia-nvjitlink"},
    {"nvrtc", "cuda_nvrtc", "nvidia-cuda-nvrtc"},
    {"cupti", "cuda_cupti", "nvidia-cuda-cupti"},
    {"nccl", "nccl", "nvidia-nccl"},
    {"cusparseLt", "cusparselt", "nvidia-cusparselt"},
    {"nvshmem_host", "nvshmem", "nvidia-nvshmem"},
    {"cufile", "cufile", "nvidia-cufile"},
    {"nvToolsExt", "nvtx", "nvidia-nvtx"},
};
enum { WHEELS = sizeof wheels / sizeof *wheels };

static const struct wheel *wheel_of(const char *name) {
  const char *part = cuda_library(name);
  for (int i = 0; part && i < WHEELS; i++)
    if (!strcmp(wheels[i].part, part)) return &wheels[i];
  return NULL;
}

const char *build_wheel_path(struct arena *arena, const char *site) {
  const char *path = "";
  for (int i = 0; i < WHEELS; i++)
    if (!i || strcmp(wheels[i].folder, wheels[i - 1].folder) != 0)
      path = arena_print(arena, "%s%s/nvidia/%s/lib:", path, site, wheels[i].folder);
  return arena_print(arena, "%s%s/nvidia/cu13/lib", path, site);
}

// ---- folders -----------------------------------------------------------------------------------

// Those of Python packages that may have a library.
static bool in_packages(struct builder *b, const char *name, place_seen *seen, void *to) {
  const struct wheel *wheel = wheel_of(name);
  for (int i = 0; i < b->python.sites; i++) {
    const char *site = b->python.site[i];
    if (wheel && seen(to, arena_print(b->arena, "%s/nvidia/%s/lib", site, wheel->folder), "wheel"))
      return true;
    struct names whole = root_names(b->root, "cu[0-9]*", "%s/nvidia", site);
    for (int k = 0; k < whole.count && k < 16; k++)
      if (seen(to, arena_print(b->arena, "%s/nvidia/%s/lib", site, whole.name[k]), "wheel"))
        return true;
    if (seen(to, arena_print(b->arena, "%s/torch/lib", site), "wheel")) return true;
  }
  return false;
}

static bool in_conda(struct builder *b, place_seen *seen, void *to) {
  const char *prefix = b->python.prefix ? b->python.prefix : "";
  if (!*prefix || !strncmp(prefix, "/usr", 4)) return false;
  return seen(to, arena_print(b->arena, "%s/lib", prefix), "conda");
}

struct looking {
  struct builder *b;
  const char *name;
  const char *found; // ""
};

static bool is_there(void *to, const char *folder, const char *how) {
  struct looking *looking = to;
  (void)how;
  if (!folder || strstr(folder, "/stubs")) return false;
  struct root *root = looking->b->root;
  const char *path = arena_print(looking->b->arena, "%s/%s", folder, looking->name);
  bool there = root_stat(root, NULL, "%s", path) == THERE ||
               (!root_live(root) && root_link(root, "%s", path).there == THERE);
  if (there) looking->found = path;
  return there;
}

const char *wheel_library(struct builder *b, const char *name) {
  struct looking looking = {b, name, ""};
  in_packages(b, name, is_there, &looking);
  return looking.found;
}

const char *stray_library(struct builder *b, const char *name) {
  struct looking looking = {b, name, ""};
  if (!in_conda(b, is_there, &looking)) places_of_cuda(&b->search, is_there, &looking);
  return looking.found;
}

// ---- versions ----------------------------------------------------------------------------------

const char *wheel_version(struct builder *b, const char *path, const char *name) {
  const struct wheel *wheel = wheel_of(name);
  const char *inside = strstr(path, "/nvidia/");
  if (!wheel || !inside) return "";
  const char *end[] = {"", "", "-cu13", "-cu12", "-cu11"};
  if (b->build->cuda) end[0] = arena_print(b->arena, "-cu%d", b->build->cuda / 1000);
  struct text site = root_real(b->root, "%.*s", (int)(inside - path), path);
  for (size_t i = 0; i < sizeof end / sizeof *end; i++) {
    const char *full = arena_print(b->arena, "%s%s", wheel->name, end[i]);
    struct distribution d = python_distribution(b->facts, &b->python, full);
    if (d.there == THERE && !strcmp(root_real(b->root, "%s", d.site).text, site.text))
      return d.version;
  }
  return "";
}

// ---- another major -----------------------------------------------------------------------------

// The numbers after ".so.": of 10 and before the second one counts too, for libcudart.so.10.1 and
// libcudart.so.10.2 are not the same; of 11 and later it is 0.
static int number_of(const char *name) {
  const char *at = strstr(name, ".so.");
  int major = at ? version_major(at + 4) : -1;
  if (major < 0 || major > 10) return major * 100;
  const char *dot = strchr(at + 4, '.');
  int minor = dot ? version_major(dot + 1) : 0;
  return major * 100 + (minor > 0 && minor < 100 ? minor : 0);
}

static bool is_other(const char *name, const char *wanted) {
  int number = number_of(name), want = number_of(wanted);
  if (number < 0 || want < 0) return false;
  // "libcudnn.so.7.6.5" is what "libcudnn.so.7" leads to.
  return want % 100 ? number != want : number / 100 != want / 100;
}

static bool has_other(void *to, const char *folder, const char *how) {
  struct looking *looking = to;
  (void)how;
  if (!folder || strstr(folder, "/stubs")) return false;
  size_t stem = strcspn(looking->name, ".");
  const char *pattern = arena_print(looking->b->arena, "%.*s.so.[0-9]*", (int)stem, looking->name);
  struct names names = root_names(looking->b->root, pattern, "%s", folder);
  for (int i = 0; i < names.count; i++)
    if (is_other(names.name[i], looking->name)) {
      looking->found = arena_print(looking->b->arena, "%s/%s", folder, names.name[i]);
      return true;
    }
  return false;
}

static bool in_cache(struct builder *b, struct looking *looking) {
  size_t stem = strcspn(looking->name, ".") + strlen(".so.");
  const struct ld_cache *cache = &b->search.cache;
  for (int i = 0; i < cache->entries; i++) {
    const struct ld_entry *entry = &cache->entry[i];
    if (strncmp(entry->name, looking->name, stem) != 0 || !is_other(entry->name, looking->name))
      continue;
    if (root_stat(b->root, NULL, "%s", entry->path) != THERE) continue;
    looking->found = entry->path;
    return true;
  }
  return false;
}

const char *other_major(struct builder *b, const char *name) {
  struct search *search = &b->search;
  struct looking looking = {b, name, ""};
  if (strlen(name) > STEM || !strstr(name, ".so.")) return "";
  if (in_packages(b, name, has_other, &looking) || in_conda(b, has_other, &looking) ||
      (search->library_path &&
       places_of_list(search, search->library_path, true, NULL, "", has_other, &looking)) ||
      in_cache(b, &looking) || places_default(search, has_other, &looking) ||
      places_of_cuda(search, has_other, &looking))
    return looking.found;
  return "";
}
