// JAX: jaxlib is for the CPU; CUDA comes with two more packages, of the same version, or (before
// 0.4.26) in a jaxlib whose version says so: 0.4.7+cuda11.cudnn82.
#include "build.h"
#include <stdlib.h>
#include <string.h>

// ---- versions ----------------------------------------------------------------------------------

// The numbers that two versions begin with, as JAX compares them: 0.6.1 and 0.6.1.post1 are one.
static bool same_version(const char *a, const char *b) {
  size_t x = strspn(a, "0123456789."), y = strspn(b, "0123456789.");
  while (x && a[x - 1] == '.') x--;
  while (y && b[y - 1] == '.') y--;
  return x == y && !strncmp(a, b, x);
}

// "cuda11", "cuda111": 11000, 11010. "cudnn82", "cudnn805": 80200, 80500.
static void read_old(struct builder *b, const struct distribution *d, const char *mark) {
  struct build *build = b->build;
  int cuda = version_major(mark + strlen("+cuda"));
  // Without a minor version it is one of the later ones: "cuda110" came first, then "cuda11".
  if (cuda == 11)
    build->cuda = 11010;
  else if (cuda > 0 && cuda < 1000)
    build->cuda = cuda < 100 ? cuda * 1000 : cuda / 10 * 1000 + cuda % 10 * 10;
  const char *cudnn = strstr(mark, "cudnn");
  int number = cudnn ? version_major(cudnn + strlen("cudnn")) : 0;
  if (number >= 80 && number < 1000) {
    build->cudnn = number < 100 ? number / 10 * 10000 + number % 10 * 100
                                : number / 100 * 10000 + number % 100 * 100;
    build->cudnn_from = d->path;
  }
  build->plugin = YES;
  build->plugin_path = d->path;
  build->plugin_text = arena_print(b->arena, "jaxlib %s has CUDA in it", d->version);
}

// ---- the plug-in -------------------------------------------------------------------------------

struct plugin {
  struct distribution plugin, pjrt;
};

// NO with its words, or YES.
static enum known judge(struct builder *b, const struct distribution *jaxlib,
                        const struct plugin *p, int major) {
  struct build *build = b->build;
  const struct distribution *part[] = {&p->plugin, &p->pjrt};
  static const char *const name[] = {"plugin", "pjrt"};
  for (int i = 0; i < 2; i++) {
    if (part[i]->there == UNREAD) return UNKNOWN;
    if (part[i]->there != THERE) {
      build->plugin_path = part[!i]->path;
      build->plugin_text = arena_print(b->arena, "jax_cuda%d_%s is there without jax_cuda%d_%s",
                                       major, name[!i], major, name[i]);
      return NO;
    }
  }
  for (int i = 0; i < 2; i++)
    if (!same_version(part[i]->version, jaxlib->version)) {
      build->plugin_path = part[i]->path;
      build->plugin_text = arena_print(b->arena, "jax_cuda%d_%s %s with jaxlib %s", major, name[i],
                                       part[i]->version, jaxlib->version);
      return NO;
    }
  build->plugin_path = p->plugin.path;
  build->plugin_text = arena_print(b->arena, "jax_cuda%d_plugin %s", major, p->plugin.version);
  return YES;
}

// Fills in what the plug-in's METADATA says of CUDA; the major version of CUDA, 0 without a
// plug-in.
static int find_plugin(struct builder *b, const struct distribution *jaxlib, struct plugin *out) {
  struct build *build = b->build;
  bool any = false, unread = false;
  for (int major = 13; major >= 11; major--) {
    struct plugin p = {
        python_distribution(b->facts, &b->python,
                            arena_print(b->arena, "jax-cuda%d-plugin", major)),
        python_distribution(b->facts, &b->python, arena_print(b->arena, "jax-cuda%d-pjrt", major))};
    unread |= p.plugin.there == UNREAD || p.pjrt.there == UNREAD;
    if (p.plugin.there != THERE && p.pjrt.there != THERE) continue;
    if (any && build->plugin == YES) continue;
    any = true;
    build->plugin = judge(b, jaxlib, &p, major);
    *out = p;
    if (build->plugin == YES) return major;
  }
  if (any) return 0;
  build->plugin = unread ? UNKNOWN : NO;
  build->plugin_path = jaxlib->path;
  build->plugin_text = "no jax_cuda12_plugin and no jax_cuda13_plugin is installed";
  return 0;
}

// "nvidia-cudnn-cu12>=9.8": by the plug-in's METADATA, or that of jaxlib or jax.
static const char *pinned(struct builder *b, const struct distribution *const *of, const char *name,
                          int major, const char **from) {
  for (; *of; of++) {
    const char *rest =
        python_requires(b->facts, *of, arena_print(b->arena, "%s-cu%d", name, major));
    if (!rest) rest = python_requires(b->facts, *of, name);
    const char *version = rest ? required_version(b->arena, rest) : "";
    if (!*version) continue;
    *from = arena_print(b->arena, "%s/METADATA", (*of)->path);
    return version;
  }
  return "";
}

static void read_pins(struct builder *b, const struct distribution *const *of, int major) {
  struct build *build = b->build;
  const char *from = "";
  const char *runtime = pinned(b, of, "nvidia-cuda-runtime", major, &from);
  build->runtime_least = cuda_number(runtime);
  if (!build->cuda || build->cuda % 1000 == 0)
    build->cuda = build->runtime_least / 1000 == major ? build->runtime_least : major * 1000;
  const char *cudnn = pinned(b, of, "nvidia-cudnn", major, &from);
  if (!*cudnn || build->cudnn) return;
  build->cudnn = cudnn_version(cudnn);
  build->cudnn_from = from;
}

// ---- libraries ---------------------------------------------------------------------------------

// Conda's builds are for what conda installs beside them, which can be an older cuDNN than the
// packages on PyPI ask for.
static void take_conda_cudnn(struct builder *b, const struct asker *asker) {
  const char *made, *name = table_cudnn_soname(b->build->cudnn);
  struct distribution conda = python_conda(b->facts, &b->python, "jaxlib", &made);
  const char *older = table_cudnn_soname(b->build->cudnn - 10000);
  if (conda.there != THERE || !name || !older) return;
  if (search_asked(&b->search, name, asker, false).there != ABSENT) return;
  if (search_asked(&b->search, older, asker, false).there == THERE) build_needs(b, older, asker);
}

static void read_libraries(struct builder *b, const char *site, int major, bool old) {
  static const char *const loads[] = {"cudart", "cufft", "cublas", "cusparse", "cusolver"};
  struct build *build = b->build;
  const char *path =
      old ? arena_print(b->arena, "%s/jaxlib/xla_extension.so", site)
          : arena_print(b->arena, "%s/jax_plugins/xla_cuda%d/xla_cuda_plugin.so", site, major);
  const char *known = build_wheel_path(b->arena, site);
  struct asker asker = build_asker(b, path, known, "");
  take_conda_cudnn(b, &asker);
  if (!build->count) build_needs_known(b, (const char *[]){"cudnn"}, 1, &asker);
  build_needs_known(b, loads, (int)(sizeof loads / sizeof *loads), &asker);
  if (!old) build_needs_known(b, (const char *[]){"cupti"}, 1, &asker);
  build->libraries_known = YES;
  build_scan(b, path);
}

void build_jax(struct builder *b) {
  static const char *const names[] = {"jaxlib", NULL};
  struct build *build = b->build;
  struct distribution jaxlib = build_distribution(b, names);
  struct distribution jax = python_distribution(b->facts, &b->python, "jax");
  build_found(b, &jaxlib, NULL, ABSENT);
  if (build->found != YES) return;
  struct plugin plugin = {0};
  const char *mark = strstr(build->version, "+cuda");
  int major = 0;
  if (mark) {
    read_old(b, &jaxlib, mark);
    major = build->cuda / 1000;
  } else {
    major = find_plugin(b, &jaxlib, &plugin);
  }
  if (build->plugin != YES) return;
  build_is_cuda(b, YES, build->plugin_path, build->plugin_text);
  const struct distribution *of[] = {mark ? &jaxlib : &plugin.plugin, &jaxlib, &jax, NULL};
  read_pins(b, of, major);
  read_libraries(b, mark ? jaxlib.site : plugin.pjrt.site, major, mark != NULL);
}
