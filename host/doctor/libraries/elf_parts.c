// Which parts of a file the others read, by letting them read it: a capture takes these.
#include "elf.h"
#ifdef WHY_HAVE_LIBELF
#include "elf_file.h"
#include <stdlib.h>

static int by_offset(const void *a, const void *b) {
  const struct elf_part *x = a, *y = b;
  return (x->offset > y->offset) - (x->offset < y->offset);
}

static int join(struct elf_part *part, int parts) {
  int kept = 0;
  for (int i = 1; i < parts; i++) {
    uint64_t end = part[kept].offset + part[kept].length, to = part[i].offset + part[i].length;
    if (part[i].offset > end)
      part[++kept] = part[i];
    else if (to > end)
      part[kept].length = to - part[kept].offset;
  }
  return parts ? kept + 1 : 0;
}

bool elf_parts(int file, struct arena *arena, const struct elf_part **part, int *parts) {
  bool there[ELF_ARCHES];
  struct elf_file open = {.noting = true};
  *part = NULL;
  *parts = 0;
  bool known = elf_file_open(&open, file, arena);
  if (known) {
    elf_file_say(&open);
    elf_file_arches(&open, there);
  }
  elf_file_close(&open);
  if (!known) return false;
  qsort(open.part, (size_t)open.parts, sizeof *open.part, by_offset);
  *parts = join(open.part, open.parts);
  *part = open.part;
  return true;
}
#endif
