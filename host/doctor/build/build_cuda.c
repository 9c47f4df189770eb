// Any program: does it use CUDA, by itself or by a library that it is linked with.
#include "build.h"
#include <string.h>

enum { LIBRARIES = 64 };

// The first of the libraries that the program is linked with, and of theirs, that uses CUDA.
static bool linked(struct builder *b, const struct asker *program, struct asker *out,
                   bool *unsure) {
  struct asker *asker = arena_give(b->arena, LIBRARIES * sizeof *asker);
  const char *name[LIBRARIES] = {""};
  int count = 1;
  asker[0] = *program;
  for (int at = 0; at < count; at++)
    for (int i = 0; i < asker[at].elf.neededs && count < LIBRARIES; i++) {
      bool seen = false;
      for (int k = 0; k < count; k++) seen |= !strcmp(name[k], asker[at].elf.needed[i]);
      if (seen) continue;
      struct library got = search_asked(&b->search, asker[at].elf.needed[i], &asker[at], false);
      if (got.there == UNREAD) *unsure = true;
      if (got.there != THERE) continue;
      name[count] = asker[at].elf.needed[i];
      asker[count] = (struct asker){
          .path = got.path, .elf = elf_read(b->root, b->arena, got.path), .loader = &asker[at]};
      if (build_uses_cuda(&asker[count].elf) == YES) {
        *out = asker[count];
        return true;
      }
      count++;
    }
  return false;
}

void build_cuda(struct builder *b) {
  // What a program loads by itself once it runs cannot be seen but for the name.
  static const char *const word[] = {"libcuda.so", "libcudart.so", "cuInit"};
  struct build *build = b->build;
  const char *program = b->facts->process.program;
  if (!program) return; // the machine is all that is asked about
  enum there there = root_stat(b->root, NULL, "%s", program);
  build->path = build->where = program;
  build->found = there == THERE ? YES : there == ABSENT ? NO : UNKNOWN;
  if (there != THERE) return;
  struct asker asker = {.path = program, .elf = b->program.elf}, library;
  enum known uses = build_uses_cuda(&asker.elf);
  bool unsure = false;
  if (uses == YES) {
    build_is_cuda(b, YES, program, "it has CUDA in it");
    build_from_file(b, &asker);
    return;
  }
  if (uses == UNKNOWN) return; // a script, or not there to be read
  if (linked(b, &asker, &library, &unsure)) {
    build_is_cuda(b, YES, library.path, "the program is linked with it");
    build_from_file(b, &library);
    return;
  }
  if (!unsure && build_mentions(b, program, word, 3) == NO)
    build_is_cuda(b, NO, program, "it is linked with nothing of CUDA's and has no code for GPUs");
}
