// Ollama: a folder a version of CUDA beside its other libraries, from which it takes what the
// driver can run.
#include "build.h"
#include "probe_process.h"
#include <string.h>

enum { LEAST_CAPABILITY = 50 };

struct runner {
  const char *path; // of libggml-cuda.so
  int cuda;
};

// libcudart.so.12.8.90 beside it has the whole version; DT_NEEDED and the folder have its major.
static int cuda_in(struct builder *b, const char *folder, const char *name, const char *path) {
  struct names names = root_names(b->root, "libcudart.so.*", "%s", folder);
  for (int i = 0; i < names.count; i++) {
    int cuda = cuda_number(names.name[i] + strlen("libcudart.so."));
    if (cuda % 1000 || strchr(names.name[i] + strlen("libcudart.so."), '.')) return cuda;
  }
  struct elf elf = elf_read(b->root, b->arena, path);
  int cuda = build_cuda_of(&elf);
  const char *mark = strstr(name, "cuda_v");
  if (!cuda && mark) cuda = version_major(mark + strlen("cuda_v")) * 1000;
  return cuda > 0 ? cuda : 0;
}

// Of two, the newer that the driver can run; without a driver's word the one that asks for less.
static bool better(const struct builder *b, const struct runner *a, const struct runner *than) {
  if (!than->path) return true;
  int driver = b->facts->gpu.cuda_version_known ? b->facts->gpu.cuda_version / 1000 : 0;
  bool runs = a->cuda / 1000 <= driver, other = than->cuda / 1000 <= driver;
  if (driver && runs != other) return runs;
  return driver && runs ? a->cuda > than->cuda : a->cuda < than->cuda;
}

static void consider(struct builder *b, const char *folder, const char *name, struct runner *best) {
  static const char *const pattern[] = {"libggml-cuda*.so*", "libggml_cuda*.so*",
                                        "ollama_llama_server"};
  for (int i = 0; i < 3; i++) {
    struct names names = root_names(b->root, pattern[i], "%s", folder);
    if (!names.count) continue;
    struct runner runner = {arena_print(b->arena, "%s/%s", folder, names.name[0]), 0};
    runner.cuda = cuda_in(b, folder, name, runner.path);
    if (better(b, &runner, best)) *best = runner;
    return;
  }
}

static void look_in(struct builder *b, const char *folder, struct runner *best, bool *unread) {
  consider(b, folder, "", best); // where a distribution puts it
  static const char *const below[] = {"", "/runners"};
  for (int i = 0; i < 2; i++) {
    struct names names = root_names(b->root, "cuda*", "%s%s", folder, below[i]);
    if (names.there == UNREAD) *unread = true;
    for (int k = 0; k < names.count && k < 16; k++)
      consider(b, arena_print(b->arena, "%s%s/%s", folder, below[i], names.name[k]), names.name[k],
               best);
  }
}

static const char *find_program(struct builder *b) {
  static const char *const usual[] = {"/usr/local/bin/ollama", "/usr/bin/ollama", "/bin/ollama"};
  if (b->facts->process.program) return b->facts->process.program;
  const char *found = environment_path(b->facts, "ollama");
  if (!found) any_there(b->root, usual, 3, &found);
  return found;
}

void build_ollama(struct builder *b) {
  struct build *build = b->build;
  const char *folder[4] = {"/usr/local/lib/ollama", "/usr/lib/ollama"}, *first = NULL;
  int folders = 2;
  const char *program = find_program(b);
  if (program) {
    const char *real = root_real(b->root, "%s", program).text;
    const char *beside = folder_of(b->arena, folder_of(b->arena, real && *real ? real : program));
    folder[folders++] = arena_print(b->arena, "%s/lib/ollama", strcmp(beside, "/") ? beside : "");
  }
  struct runner best = {0};
  bool unread = false;
  for (int i = 0; i < folders; i++) {
    enum there there = root_stat(b->root, NULL, "%s", folder[i]);
    if (there == UNREAD) unread = true;
    if (there != THERE) continue;
    if (!first) first = folder[i];
    look_in(b, folder[i], &best, &unread);
  }
  if (!first && (!program || root_stat(b->root, NULL, "%s", program) != THERE)) return;
  build->found = YES;
  build->where = first ? first : program;
  build->path = best.path ? best.path : build->where;
  build->least_capability = LEAST_CAPABILITY;
  if (!best.path) {
    const char *text =
        arena_print(b->arena, "there is no cuda_v* in %s", first ? first : folder[0]);
    if (!unread) build_is_cuda(b, NO, build->where, text);
    return;
  }
  build_is_cuda(b, YES, best.path, "it comes with CUDA");
  struct asker asker = build_asker(b, best.path, "", "");
  // It sets the search path itself when it starts what loads this.
  asker.elf.runpath = "$ORIGIN:$ORIGIN/..:$ORIGIN/../..";
  build_from_file(b, &asker);
  if (best.cuda) build->cuda = best.cuda;
}
