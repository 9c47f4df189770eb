// llama.cpp: its CUDA code is in libggml-cuda.so beside its other libraries, or, where it is built
// as one piece, in libllama.so or in the program.
#include "build.h"
#include "probe_process.h"
#include <string.h>

// The first name in a folder that fits; NULL.
static const char *first_in(struct builder *b, const char *folder, const char *pattern) {
  struct names names = root_names(b->root, pattern, "%s", folder);
  return names.count ? arena_print(b->arena, "%s/%s", folder, names.name[0]) : NULL;
}

static void take(struct builder *b, const char *path) {
  struct asker asker = build_asker(b, path, "", "$ORIGIN");
  build_from_file(b, &asker);
}

// Is llama.cpp in this folder, and with CUDA?
static bool take_folder(struct builder *b, const char *folder) {
  struct build *build = b->build;
  static const char *const whole[] = {"libllama.so*", "libggml.so*", "libggml-base.so*"};
  const char *cuda = first_in(b, folder, "libggml-cuda*.so*"), *plain = NULL;
  if (cuda) {
    build_is_cuda(b, YES, cuda, "libggml-cuda.so is there");
    take(b, cuda);
  }
  for (int i = 0; i < 3 && !cuda; i++) {
    const char *path = first_in(b, folder, whole[i]);
    if (!path) continue;
    plain = path;
    struct elf elf = elf_read(b->root, b->arena, path);
    if (build_uses_cuda(&elf) != YES) continue;
    build_is_cuda(b, YES, path, "it has CUDA in it");
    take(b, path);
    cuda = path;
  }
  if (!cuda && !plain) return false;
  if (!cuda) {
    const char *text = arena_print(b->arena, "there is no libggml-cuda.so in %s", folder);
    build_is_cuda(b, NO, plain, text);
  }
  build->found = YES;
  build->where = folder;
  if (!*build->path) build->path = cuda ? cuda : plain;
  return true;
}

// ---- a program ---------------------------------------------------------------------------------

static bool take_beside(struct builder *b, const char *program, const struct elf *elf) {
  for (int i = 0; i < elf->neededs; i++) {
    const char *name = elf->needed[i];
    if (strncmp(name, "libllama", 8) != 0 && strncmp(name, "libggml", 7) != 0) continue;
    struct library got = search_library(&b->search, name, program, elf, false);
    if (got.there == THERE && take_folder(b, folder_of(b->arena, got.path))) return true;
  }
  const char *real = root_real(b->root, "%s", program).text;
  const char *folder = folder_of(b->arena, real && *real ? real : program);
  return take_folder(b, folder) || take_folder(b, arena_print(b->arena, "%s/../lib", folder));
}

static void take_program(struct builder *b, const char *program) {
  static const char *const word[] = {"ggml_cuda_init"};
  struct build *build = b->build;
  enum there there = root_stat(b->root, NULL, "%s", program);
  build->path = program;
  build->where = program;
  build->found = there == THERE ? YES : there == ABSENT ? NO : UNKNOWN;
  if (there != THERE) return;
  struct elf elf = elf_read(b->root, b->arena, program);
  if (build_uses_cuda(&elf) == YES) {
    build_is_cuda(b, YES, program, "it has CUDA in it");
    take(b, program);
    return;
  }
  if (take_beside(b, program, &elf)) return;
  enum known mentions = build_mentions(b, program, word, 1);
  if (mentions == UNKNOWN && elf.elf_class)
    mentions = NO; // it says itself that it has no such code
  build_is_cuda(b, mentions, program,
                mentions == YES  ? "it has ggml_cuda_init in it"
                : mentions == NO ? "it has no code for GPUs in it"
                                 : "");
}

// ---- where it may be ---------------------------------------------------------------------------

static bool take_python(struct builder *b) {
  static const char *const names[] = {"llama-cpp-python", NULL};
  static const char *const below[] = {"llama_cpp/lib", "llama_cpp"};
  struct build *build = b->build;
  struct distribution d = build_distribution(b, names);
  enum there there;
  const char *file = build_file(b, "llama_cpp/__init__.py", &there);
  if (d.there != THERE && !file) {
    if (b->facts->process.python) build_found(b, &d, file, there);
    return false;
  }
  build_found(b, &d, file, there);
  const char *where = b->python.interpreter;
  const char *site = d.there == THERE ? d.site : folder_of(b->arena, folder_of(b->arena, file));
  for (int i = 0; i < 2; i++)
    if (take_folder(b, arena_print(b->arena, "%s/%s", site, below[i]))) break;
  build->where = where;
  return true;
}

// node-llama-cpp has a package a kind of build.
static bool take_node(struct builder *b, const char *cwd) {
  const char *folder = arena_print(b->arena, "%s/node_modules/@node-llama-cpp", cwd);
  struct names kinds = root_names(b->root, "linux-*", "%s", folder);
  bool found = false;
  for (int i = 0; i < kinds.count && i < 16; i++) {
    const char *bins = arena_print(b->arena, "%s/%s/bins", folder, kinds.name[i]);
    struct names bin = root_names(b->root, "*", "%s", bins);
    for (int k = 0; k < bin.count && k < 16 && b->build->cuda_build != YES; k++)
      found |= take_folder(b, arena_print(b->arena, "%s/%s", bins, bin.name[k]));
  }
  const char *own = arena_print(b->arena, "%s/node_modules/node-llama-cpp/llama/localBuilds", cwd);
  struct names builds = root_names(b->root, "*", "%s", own);
  for (int i = 0; i < builds.count && i < 16 && b->build->cuda_build != YES; i++)
    found |= take_folder(b, arena_print(b->arena, "%s/%s/Release", own, builds.name[i]));
  return found;
}

static bool take_path(struct builder *b) {
  static const char *const name[] = {"llama-server", "llama-cli"};
  const char *program = environment_first(b->facts, name, 2);
  if (program) take_program(b, program);
  return program;
}

void build_llama(struct builder *b) {
  static const char *const below[] = {"", "/build/bin", "/bin", "/lib", "/build", "/build/src"};
  static const char *const system[] = {"/usr/local/lib",
                                       "/usr/lib",
                                       "/usr/lib/x86_64-linux-gnu",
                                       "/usr/lib/x86_64-linux-gnu/ggml",
                                       "/usr/lib/aarch64-linux-gnu",
                                       "/usr/lib64",
                                       "/usr/lib/llama.cpp"};
  const struct process *process = &b->facts->process;
  const char *cwd = process->cwd;
  if (process->program) {
    take_program(b, process->program);
    return;
  }
  if (process->python) {
    take_python(b);
    return;
  }
  if (cwd && cwd[0] == '/' && cwd[1]) {
    for (size_t i = 0; i < sizeof below / sizeof *below; i++)
      if (take_folder(b, arena_print(b->arena, "%s%s", cwd, below[i]))) return;
    if (take_node(b, cwd)) return;
  }
  if (take_python(b) || take_path(b)) return;
  for (size_t i = 0; i < sizeof system / sizeof *system; i++)
    if (take_folder(b, system[i])) return;
}
