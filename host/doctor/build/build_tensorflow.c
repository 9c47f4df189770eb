// TensorFlow: build_info.py says what it was built for; libtensorflow_framework loads CUDA's
// libraries with dlopen, so its search path counts and no other.
#include "build.h"
#include <stdlib.h>
#include <string.h>

enum { INFO = 64 << 10, ARCHS = 64 };

// Packages that are one thing by their name, where build_info.py does not tell.
static const struct {
  const char *name;
  enum known cuda;
} package[] = {{"tensorflow", UNKNOWN},    {"tensorflow-gpu", YES},  {"tensorflow-cpu", NO},
               {"tensorflow-cpu-aws", NO}, {"tensorflow-intel", NO}, {"tf-nightly", UNKNOWN},
               {"tf-nightly-gpu", YES},    {"tf-nightly-cpu", NO},   {"nvidia-tensorflow", YES}};
enum { PACKAGES = sizeof package / sizeof *package };

// "11.2" of "64_112" too, as Windows builds have it: 11020.
static int cuda_of(const char *text) {
  if (!strncmp(text, "64_", 3) && strlen(text) >= 5) {
    int value = atoi(text + 3);
    return value >= 80 && value < 1000 ? value / 10 * 1000 + value % 10 * 10 : 0;
  }
  return cuda_number(text);
}

static void read_architectures(struct builder *b, const struct text *info) {
  struct build *build = b->build;
  struct value list = python_value(b->arena, info, "cuda_compute_capabilities");
  if (list.kind != VALUE_LIST) return;
  int *arch = arena_give(b->arena, ARCHS * sizeof *arch), count = 0;
  for (int i = 0; i < list.items; i++) count = build_architecture(list.item[i], arch, count, ARCHS);
  if (!count) return;
  build->archs_known = YES;
  build->arch = arch;
  build->archs = count;
  build->archs_path = info->path;
}

// Whether it could be read.
static enum there read_info(struct builder *b, const char *path) {
  struct build *build = b->build;
  struct text info = root_text(b->root, INFO, "%s", path);
  struct value is = python_value(b->arena, &info, "is_cuda_build");
  if (is.kind == VALUE_WORD && (!strcmp(is.text, "True") || !strcmp(is.text, "False")))
    build_is_cuda(b, *is.text == 'T' ? YES : NO, path,
                  arena_print(b->arena, "is_cuda_build is %s", is.text));
  struct value cuda = python_value(b->arena, &info, "cuda_version");
  if (cuda.kind != VALUE_TEXT) cuda = python_value(b->arena, &info, "cuda_version_number");
  struct value cudnn = python_value(b->arena, &info, "cudnn_version");
  if (cudnn.kind != VALUE_TEXT) cudnn = python_value(b->arena, &info, "cudnn_version_number");
  build->cuda = cuda_of(cuda.text);
  build->cudnn = cudnn_version(cudnn.text + (strncmp(cudnn.text, "64_", 3) ? 0 : 3));
  if (build->cudnn) build->cudnn_from = path;
  read_architectures(b, &info);
  return info.there;
}

// build_info.py has majors only; the tested configuration of this version has the rest, as far as
// the two agree.
static void complete(struct builder *b, const char *name) {
  struct build *build = b->build;
  struct tensorflow_row row = {0};
  bool pypi = strcmp(name, "nvidia-tensorflow") != 0;
  if (!pypi || !table_tensorflow(build->version, &row)) return;
  if (!build->cuda || (build->cuda % 1000 == 0 && build->cuda / 1000 == row.cuda / 1000))
    build->cuda = row.cuda;
  bool same = build->cuda / 1000 == row.cuda / 1000;
  if (same && (!build->cudnn || build->cudnn == row.cudnn / 10000 * 10000)) {
    build->cudnn = row.cudnn;
    build->cudnn_from = "the configuration that this version was tested with";
  }
  if (build->archs_known != YES && row.arch && build->cuda == row.cuda) {
    build->archs_known = YES;
    build->arch = row.arch;
    build->archs = row.archs;
    build->archs_path = "the wheel on PyPI";
  }
}

// Where there is no build_info.py that tells.
static void guess(struct builder *b, const struct distribution *d, const char *conda) {
  const char *name = d->there == THERE ? d->name : "";
  for (int i = 0; i < PACKAGES; i++)
    if (!strcmp(package[i].name, name) && package[i].cuda != UNKNOWN)
      build_is_cuda(b, package[i].cuda, d->path, arena_print(b->arena, "the package %s", name));
  if (*conda) return; // its name says nothing of what is inside
  if (strcmp(name, "tensorflow") != 0 || b->build->windows == YES) return;
  if (b->facts->scope.arch == ARCH_AARCH64)
    build_is_cuda(b, NO, d->path, "the package tensorflow is for the CPU on aarch64");
  else if (b->facts->scope.arch == ARCH_X86_64 && version_compare(b->build->version, "2.1") >= 0)
    build_is_cuda(b, YES, d->path, "the package tensorflow is for GPUs since 2.1");
}

// What it looks at besides: GPUs with fewer multiprocessors are left out.
static void read_minimum(struct builder *b) {
  struct build *build = b->build;
  for (int i = 0; i < build->archs; i++) {
    int capability = build->arch[i] % ARCH_PTX;
    if (!build->least_capability || capability < build->least_capability)
      build->least_capability = capability;
  }
  const char *least = env_of(b->facts, "TF_MIN_GPU_MULTIPROCESSOR_COUNT");
  build->least_multiprocessors = 8;
  if (!least) return;
  int value = version_major(least);
  if (value >= 0) build->least_multiprocessors = value;
}

// The search path of its wheels, where the library itself is not there to be read. With 2.14 came
// the packages nvidia-*; in 2.16 all but the runtime's are missing from the one file that counts.
static const char *known_path(struct builder *b, const char *site, bool conda) {
  const char *version = b->build->version;
  if (conda) return arena_print(b->arena, "%s/lib", b->python.prefix);
  if (!*version || version_compare(version, "2.14") < 0) return "";
  if (version_compare(version, "2.16") >= 0 && version_compare(version, "2.17") < 0)
    return arena_print(b->arena, "%s/nvidia/cuda_runtime/lib", site);
  return build_wheel_path(b->arena, site);
}

static void read_libraries(struct builder *b, const char *site, bool conda) {
  static const char *const loads[] = {"cudart", "cublas", "cufft", "cusolver", "cusparse", "cudnn"};
  struct build *build = b->build;
  if (!build->cuda || !build->cudnn) return;
  enum there there;
  const char *path = build_file(b, "tensorflow/libtensorflow_framework.so.2", &there);
  if (!path) path = build_file(b, "tensorflow_core/libtensorflow_framework.so.2", &there);
  if (!path) path = arena_print(b->arena, "%s/tensorflow/libtensorflow_framework.so.2", site);
  struct asker asker = build_asker(b, path, "", known_path(b, site, conda));
  build_needs_known(b, loads, (int)(sizeof loads / sizeof *loads), &asker);
  if (build->cuda >= 11000) build_needs_known(b, (const char *[]){"cublasLt"}, 1, &asker);
  if (version_compare(build->version, "2.14") < 0) // after that nobody asks for it
    build_needs_known(b, (const char *[]){"curand"}, 1, &asker);
  build->libraries_known = YES;
}

void build_tensorflow(struct builder *b) {
  static const char *const names[] = {"tensorflow",     "tensorflow-gpu",     "nvidia-tensorflow",
                                      "tensorflow-cpu", "tensorflow-cpu-aws", "tf-nightly",
                                      "tf-nightly-gpu", "tf-nightly-cpu",     NULL};
  struct build *build = b->build;
  struct distribution d = build_distribution(b, names);
  struct distribution intel = python_distribution(b->facts, &b->python, "tensorflow-intel");
  const char *conda;
  struct distribution base = python_conda(b->facts, &b->python, "tensorflow-base", &conda);
  enum there there, old;
  const char *below = "tensorflow/python/platform/build_info.py",
             *path = build_file(b, below, &there);
  if (!path) {
    below = "tensorflow_core/python/platform/build_info.py";
    path = build_file(b, below, &old);
    if (path || old == UNREAD) there = old;
  }
  if (d.there != THERE && intel.there == THERE) d = intel;
  if (d.there != THERE && base.there == THERE) d = base;
  build_found(b, &d, path, there);
  if (build->found != YES) return;
  bool windows = intel.there == THERE;
  for (int i = 0; i < b->python.sites; i++)
    windows |= strstr(b->python.site[i], "/Lib/site-packages") != NULL;
  build->windows = windows ? YES : NO;
  if (path) there = read_info(b, path);
  if (build->cuda_build == UNKNOWN && there != UNREAD) guess(b, &d, conda);
  if (build->cuda_build == NO) return;
  complete(b, d.name);
  read_minimum(b);
  if (build->cuda_build != YES || windows) return;
  read_libraries(b, build_site(b, path, below, &d), base.there == THERE);
}
