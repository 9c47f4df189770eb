// ONNX Runtime: two distributions write the same folder, and what is in it then is the last one's.
#include "build.h"
#include <string.h>

static const char provider[] = "onnxruntime/capi/libonnxruntime_providers_cuda.so";

// The versions in the names of the libraries that the provider needs.
static void read_versions(struct builder *b, const struct asker *asker) {
  struct build *build = b->build;
  for (int i = 0; i < asker->elf.neededs; i++) {
    const char *name = asker->elf.needed[i], *at = strstr(name, ".so.");
    const char *part = cuda_library(name);
    int major = at ? version_major(at + 4) : -1;
    if (!part || major <= 0) continue;
    if (!strcmp(part, "cudart") && !build->cuda) build->cuda = major * 1000;
    if (!strcmp(part, "cudnn")) {
      build->cudnn = major * 10000;
      build->cudnn_from = asker->path;
    }
  }
}

static void read_tables(struct builder *b) {
  struct build *build = b->build;
  struct onnxruntime_row row;
  if (!table_onnxruntime(build->version, &row)) return;
  if (!build->cuda) build->cuda = row.cuda_major * 1000;
  if (build->cudnn || build->cuda / 1000 != row.cuda_major) return;
  build->cudnn = row.cudnn_major * 10000;
  build->cudnn_from = "ONNX Runtime's own table of releases";
}

static void read_libraries(struct builder *b, const char *path) {
  static const char *const loads[] = {"cublasLt", "cublas", "cudnn", "curand", "cufft", "cudart"};
  struct build *build = b->build;
  struct asker asker = build_asker(b, path, "", "$ORIGIN");
  bool read = asker.elf.elf_class && asker.elf.neededs;
  if (read) read_versions(b, &asker);
  if (!read) read_tables(b);
  if (read)
    build_needs_of(b, &asker);
  else
    build_needs_known(b, loads, (int)(sizeof loads / sizeof *loads), &asker);
  build->libraries_known = read || (build->cuda && build->cudnn) ? YES : UNKNOWN;
  build_scan(b, path);
}

void build_onnxruntime(struct builder *b) {
  struct build *build = b->build;
  struct distribution gpu = python_distribution(b->facts, &b->python, "onnxruntime-gpu");
  struct distribution cpu = python_distribution(b->facts, &b->python, "onnxruntime");
  enum there there, library;
  const char *path = build_file(b, "onnxruntime/__init__.py", &there);
  const char *cuda = build_file(b, provider, &library);
  const struct distribution *d = gpu.there == THERE || cpu.there != THERE ? &gpu : &cpu;
  struct distribution both = *d;
  if (gpu.there == ABSENT && cpu.there == UNREAD) both.there = UNREAD;
  build_found(b, &both, path, there);
  if (build->found != YES) return;
  if (both.there == THERE) build->path = both.path;
  if (gpu.there == THERE && cpu.there == THERE) {
    build->shadowed = YES;
    build->shadow_path = cpu.path;
  } else if (gpu.there == ABSENT || cpu.there == ABSENT) {
    build->shadowed = NO;
  }
  if (cuda) {
    build_is_cuda(b, YES, cuda, "the CUDA provider is there");
  } else if (library == ABSENT && build->shadowed != YES) { // else nobody knows whose folder it is
    const char *where = both.there == THERE ? both.path : path;
    build_is_cuda(b, NO, where, "there is no libonnxruntime_providers_cuda.so");
  }
  if (build->cuda_build != YES) return;
  const char *site = build_site(b, cuda, provider, &both);
  const char *below = "onnxruntime/capi/build_and_package_info.py";
  struct text info = root_text(b->root, 16 << 10, "%s/%s", site, below);
  struct value version = python_value(b->arena, &info, "cuda_version");
  if (version.kind == VALUE_TEXT) build->cuda = cuda_number(version.text);
  read_libraries(b, cuda);
}
