// Which architectures CUDA code in a file is for. nvcc puts it into a section as containers, one
// after the other; a container has entries of machine code or PTX, each with a header that says
// what it is for and how long it is, so that the code itself is never read.
#include "elf.h"
#ifdef WHY_HAVE_LIBELF
#include "elf_file.h"
#include "facts.h"
#include <string.h>
#include <time.h>
#include <unistd.h>

static const uint64_t container = 0xba55ed50; // how one begins
enum {
  CONTAINER_HEADER = 16, // its number, version, length of this header; length of the rest
  ENTRY_HEADER = 32,     // of an entry, what is looked at
  ENTRY_PTX = 1,
  ENTRY_CUBIN = 2,
  STEPS = 1000000,
  SECONDS = 2,
};

static uint64_t number(const unsigned char *bytes, int width) {
  uint64_t value = 0;
  while (width--) value = value << 8 | bytes[width];
  return value;
}

bool elf_file_fatbin(struct elf_file *file, size_t *at, uint64_t *offset, uint64_t *length) {
  GElf_Shdr names, section;
  Elf_Scn *scn = elf_getscn(file->elf, file->section_names);
  if (!file->section_names || !scn || !gelf_getshdr(scn, &names)) return false;
  while (*at < file->sections) {
    char name[sizeof "__nv_relfatbin"] = "";
    if (!(scn = elf_getscn(file->elf, (*at)++)) || !gelf_getshdr(scn, &section)) continue;
    if (section.sh_type != SHT_PROGBITS || section.sh_name >= names.sh_size) continue;
    uint64_t left = names.sh_size - section.sh_name, from = names.sh_offset + section.sh_name;
    if (from < names.sh_offset) continue;
    if (!elf_file_bytes(file, from, name, left < sizeof name ? (size_t)left : sizeof name))
      continue;
    name[sizeof name - 1] = 0;
    if (strcmp(name, ".nv_fatbin") != 0 && strcmp(name, "__nv_relfatbin") != 0) continue;
    *offset = section.sh_offset;
    *length = section.sh_size;
    return true;
  }
  return false;
}

struct walk {
  struct elf_file *file;
  bool *there;
  int steps;
  time_t until;
};

static bool too_long(struct walk *walk) {
  struct timespec now;
  if (++walk->steps > STEPS) return true;
  if (walk->steps % 1024 != 1) return false;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (!walk->until) walk->until = now.tv_sec + SECONDS;
  return now.tv_sec > walk->until;
}

static bool walk_container(struct walk *walk, uint64_t at, uint64_t end) {
  while (at < end) {
    unsigned char entry[ENTRY_HEADER];
    if (too_long(walk) || end - at < sizeof entry ||
        !elf_file_bytes(walk->file, at, entry, sizeof entry))
      return false;
    uint64_t kind = number(entry, 2), header = number(entry + 4, 4), length = number(entry + 8, 8);
    uint64_t arch = number(entry + 28, 4);
    if (header < sizeof entry || header > end - at || length > end - at - header) return false;
    if (arch && arch < ARCH_PTX && (kind == ENTRY_PTX || kind == ENTRY_CUBIN))
      walk->there[arch + (kind == ENTRY_PTX ? ARCH_PTX : 0)] = true;
    at += header + length;
  }
  return true;
}

static bool walk_section(struct walk *walk, uint64_t at, uint64_t length) {
  if (at > walk->file->size || length > walk->file->size - at) return false;
  uint64_t end = at + length;
  while (end - at >= CONTAINER_HEADER) {
    unsigned char head[CONTAINER_HEADER];
    if (too_long(walk) || !elf_file_bytes(walk->file, at, head, sizeof head)) return false;
    if (number(head, 4) != container) { // what aligns the next one
      at += 8;
      continue;
    }
    uint64_t header = number(head + 6, 2), rest = number(head + 8, 8);
    if (header < sizeof head || header > end - at || rest > end - at - header) return false;
    if (!walk_container(walk, at + header, at + header + rest)) return false;
    at += header + rest;
  }
  return true;
}

bool elf_file_arches(struct elf_file *file, bool there[ELF_ARCHES]) {
  struct walk walk = {.file = file, .there = there};
  size_t section = 0;
  uint64_t offset, length;
  memset(there, 0, ELF_ARCHES * sizeof *there);
  bool any = false;
  for (; elf_file_fatbin(file, &section, &offset, &length); any = true)
    if (!walk_section(&walk, offset, length)) return false;
  return any;
}

bool elf_architectures(struct root *root, struct arena *arena, const char *path, const int **arch,
                       int *arches) {
  bool there[ELF_ARCHES];
  struct elf_file open = {0};
  *arch = NULL;
  *arches = 0;
  int file = root_file(root, path), count = 0;
  if (file < 0) return false;
  bool known = elf_file_open(&open, file, arena) && elf_file_arches(&open, there);
  elf_file_close(&open);
  close(file);
  if (!known) return false;
  for (int i = 0; i < ELF_ARCHES; i++) count += there[i];
  int *out = arena_give(arena, (size_t)count * sizeof *out);
  for (int i = 0; i < ELF_ARCHES; i++)
    if (there[i]) out[(*arches)++] = i;
  *arch = out;
  return count > 0;
}
#endif
