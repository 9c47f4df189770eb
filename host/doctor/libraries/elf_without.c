// What is known of ELF files where there is no libelf.
#include "elf.h"
#ifndef WHY_HAVE_LIBELF
struct elf elf_read(struct root *root, struct arena *arena, const char *path) {
  (void)arena;
  return (struct elf){.there = root_stat(root, NULL, "%s", path),
                      .why = "built without libelf",
                      .soname = "",
                      .rpath = "",
                      .runpath = ""};
}

bool elf_architectures(struct root *root, struct arena *arena, const char *path, const int **arch,
                       int *arches) {
  (void)root, (void)arena, (void)path;
  *arch = NULL;
  *arches = 0;
  return false;
}

bool elf_parts(int file, struct arena *arena, const struct elf_part **part, int *parts) {
  (void)file, (void)arena;
  *part = NULL;
  *parts = 0;
  return false;
}
#endif
