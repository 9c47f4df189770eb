// PyTorch: torch/version.py says which CUDA it was built with, libtorch_cuda.so what it needs.
#include "build.h"
#include <string.h>

enum { VERSION_FILE = 16 << 10 };

// Conda's marks of a build without CUDA.
static const char *cpu_by_conda(struct builder *b, struct distribution *torch) {
  static const char *const mark[] = {"pytorch-mutex", "cpuonly"};
  const char *made;
  *torch = python_conda(b->facts, &b->python, "pytorch", &made);
  if (torch->there == THERE && strstr(made, "cpu")) return torch->path;
  for (int i = 0; i < 2; i++) {
    struct distribution d = python_conda(b->facts, &b->python, mark[i], &made);
    if (d.there == THERE && (i == 1 || !strcmp(made, "cpu"))) return d.path;
  }
  return NULL;
}

// torch/version.py, of which a `cuda` that is None or missing means the CPU.
static void read_version(struct builder *b, const char *path) {
  struct build *build = b->build;
  struct text text = root_text(b->root, VERSION_FILE, "%s", path);
  struct value version = python_value(b->arena, &text, "__version__");
  struct value cuda = python_value(b->arena, &text, "cuda");
  struct value hip = python_value(b->arena, &text, "hip");
  if (version.kind == VALUE_TEXT) build->version = version.text;
  if (cuda.kind == VALUE_TEXT) {
    build->cuda = cuda_number(cuda.text);
    build_is_cuda(b, YES, path, arena_print(b->arena, "cuda = '%s'", cuda.text));
  } else if (cuda.kind == VALUE_WORD && !strcmp(cuda.text, "None")) {
    const char *other = hip.kind == VALUE_TEXT ? "cuda = None, built for AMD's HIP" : "cuda = None";
    build_is_cuda(b, NO, path, other);
  } else if (strstr(build->version, "+cpu")) {
    build_is_cuda(b, NO, path, arena_print(b->arena, "__version__ = '%s'", build->version));
  }
}

// "cu124" after the plus sign.
static int cuda_of_version(const char *version) {
  const char *mark = strstr(version, "+cu");
  int value = mark ? version_major(mark + 3) : 0;
  return value >= 80 && value < 1000 ? value / 10 * 1000 + value % 10 * 10 : 0;
}

// Without version.py: by the version, conda's records, and by libtorch_cuda.so.
static void guess(struct builder *b, const struct distribution *d, const char *cpu,
                  enum there library, const char *path) {
  struct build *build = b->build;
  const char *version = arena_print(b->arena, "version %s", build->version);
  build->cuda = cuda_of_version(build->version);
  if (build->cuda || strstr(build->version, "+cpu")) {
    build_is_cuda(b, build->cuda ? YES : NO, d->path, version);
  } else if (cpu) {
    build_is_cuda(b, NO, cpu, "conda's build for the CPU");
  } else if (library == THERE) {
    build_is_cuda(b, YES, path, "libtorch_cuda.so is there");
    if (b->facts->scope.arch == ARCH_X86_64) build->cuda = table_torch_default_cuda(build->version);
  } else if (library == ABSENT) {
    build_is_cuda(b, NO, d->path, "there is no torch/lib/libtorch_cuda.so");
  }
}

// ---- libraries ---------------------------------------------------------------------------------

static const struct {
  const char *part, *name; // the package of the wheel that it is in
} loads[] = {{"cudart", "nvidia-cuda-runtime"}, {"cublas", "nvidia-cublas"},
             {"cublasLt", "nvidia-cublas"},     {"cufft", "nvidia-cufft"},
             {"curand", "nvidia-curand"},       {"cusolver", "nvidia-cusolver"},
             {"cusparse", "nvidia-cusparse"},   {"cudnn", "nvidia-cudnn"}};
enum { LOADS = sizeof loads / sizeof *loads };

// Does the wheel ask for the package that has a part of CUDA? Those of CUDA 13 go by one name.
static const char *asks_for(struct builder *b, const struct distribution *d, const char *name) {
  int major = b->build->cuda / 1000;
  const char *rest = python_requires(b->facts, d, arena_print(b->arena, "%s-cu%d", name, major));
  return rest ? rest : python_requires(b->facts, d, name);
}

// Some wheels bring them along in torch/lib, under names of their own.
static bool brings_its_own(struct builder *b, const char *folder) {
  struct names names = root_names(b->root, "libcu*.so*", "%s", folder);
  for (int i = 0; i < names.count; i++)
    if (!strncmp(names.name[i], "libcudart", 9) || !strncmp(names.name[i], "libcublas", 9))
      return true;
  return false;
}

// Where libtorch_cuda.so cannot be read: what its wheel asks for.
static void needs_known(struct builder *b, const struct distribution *d, bool conda,
                        const char *folder, const struct asker *asker) {
  struct build *build = b->build;
  const char *toolkit = python_requires(b->facts, d, "cuda-toolkit");
  bool all = conda || toolkit, any = false;
  for (int i = 0; i < LOADS; i++) {
    bool asked = asks_for(b, d, loads[i].name) != NULL;
    // Of CUDA 13's toolkit no cuRAND is taken.
    bool taken = all && (strcmp(loads[i].part, "curand") != 0 || build->cuda < 13000);
    if (!asked && !taken) continue;
    any = true;
    build_needs_known(b, &loads[i].part, 1, asker);
  }
  if (any || brings_its_own(b, folder) || build->cuda < 12000) {
    build->libraries_known = any || build->cuda ? YES : UNKNOWN;
    return;
  }
  for (int i = 0; i < LOADS; i++)
    if (strcmp(loads[i].part, "curand") != 0 || build->cuda < 13000)
      build_needs_known(b, &loads[i].part, 1, asker);
  build->libraries_known = YES;
}

static void read_libraries(struct builder *b, const struct distribution *d, bool conda,
                           const char *site) {
  static const char *const file[] = {"libtorch_cuda.so", "libtorch_cuda_cu.so",
                                     "libtorch_cuda_cpp.so", "libtorch_cuda_linalg.so",
                                     "libc10_cuda.so"};
  const char *folder = arena_print(b->arena, "%s/torch/lib", site);
  const char *known = conda ? arena_print(b->arena, "%s/lib", b->python.prefix)
                            : arena_print(b->arena, "%s:$ORIGIN", build_wheel_path(b->arena, site));
  for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
    const char *path = arena_print(b->arena, "%s/%s", folder, file[i]);
    struct asker asker = build_asker(b, path, known, "");
    if (i == 0 && !asker.elf.neededs) {
      needs_known(b, d, conda, folder, &asker);
      return;
    }
    build_needs_of(b, &asker);
  }
  b->build->libraries_known = YES;
}

// The cuDNN that its wheel asks for, or that this version is built with.
static void read_cudnn(struct builder *b, const struct distribution *d) {
  struct build *build = b->build;
  const char *pin = asks_for(b, d, "nvidia-cudnn");
  struct torch_row row = {0};
  bool aarch64 = b->facts->scope.arch == ARCH_AARCH64;
  if (pin && (build->cudnn = cudnn_version(required_version(b->arena, pin)))) {
    build->cudnn_from = arena_print(b->arena, "%s/METADATA", d->path);
    return;
  }
  if (!table_torch(build->version, build->cuda, aarch64, &row) || !row.cudnn) return;
  build->cudnn = row.cudnn;
  build->cudnn_from = "PyTorch's own table of releases";
}

static void read_architectures(struct builder *b, const char *folder) {
  struct build *build = b->build;
  struct torch_row row = {0};
  // Before 2.0 the kernels are in a library of their own.
  static const char *const file[] = {"libtorch_cuda_cu.so", "libtorch_cuda.so"};
  for (int i = 0; i < 2; i++) build_scan(b, arena_print(b->arena, "%s/%s", folder, file[i]));
  if (build->archs_known == YES) return;
  bool aarch64 = b->facts->scope.arch == ARCH_AARCH64;
  if (!table_torch(build->version, build->cuda, aarch64, &row) || !row.archs) return;
  build->archs_known = YES;
  build->arch = row.arch;
  build->archs = row.archs;
  build->archs_path = "PyTorch's own table of releases";
}

void build_torch(struct builder *b) {
  static const char *const names[] = {"torch", NULL};
  struct build *build = b->build;
  struct distribution d = build_distribution(b, names), conda;
  const char *cpu = cpu_by_conda(b, &conda);
  enum there there, library;
  const char *path = build_file(b, "torch/version.py", &there);
  const char *cuda = build_file(b, "torch/lib/libtorch_cuda.so", &library);
  if (d.there != THERE && conda.there == THERE) d = conda;
  build_found(b, &d, path, there);
  if (build->found != YES) return;
  if (path) read_version(b, path);
  if (build->cuda_build == UNKNOWN) guess(b, &d, cpu, library, cuda);
  if (build->cuda_build != YES) return;
  if (!build->cuda) build->cuda = cuda_of_version(build->version);
  const char *site = build_site(b, path, "torch/version.py", &d);
  read_cudnn(b, &d);
  read_architectures(b, arena_print(b->arena, "%s/torch/lib", site));
  read_libraries(b, &d, conda.there == THERE, site);
}
