// Opens an ELF file for libelf, with bounds on what libelf would hold of it.
#include "elf.h"
#ifdef WHY_HAVE_LIBELF
#include "elf_file.h"
#include <string.h>
#include <unistd.h>

enum { SEGMENTS = 512, SECTIONS = 4096, HEADER_32 = 52, HEADER_64 = 64 };

static bool wrong(struct elf_file *file, const char *why) {
  file->why = why;
  return false;
}

void elf_file_note(struct elf_file *file, uint64_t offset, uint64_t length) {
  if (!file->noting || !length) return;
  if (file->parts == file->room) {
    int room = file->room ? 2 * file->room : 64;
    struct elf_part *more = arena_give(file->arena, (size_t)room * sizeof *more);
    if (file->parts) memcpy(more, file->part, (size_t)file->parts * sizeof *more);
    file->part = more;
    file->room = room;
  }
  file->part[file->parts++] = (struct elf_part){offset, length};
}

bool elf_file_bytes(struct elf_file *file, uint64_t offset, void *out, size_t length) {
  if (offset > file->size || length > file->size - offset) return false;
  if (pread(file->file, out, length, (off_t)offset) != (ssize_t)length) return false;
  elf_file_note(file, offset, length);
  return true;
}

static uint64_t number(const unsigned char *bytes, int width, bool big) {
  uint64_t value = 0;
  for (int i = 0; i < width; i++) value = value << 8 | bytes[big ? i : width - 1 - i];
  return value;
}

// libelf makes room for every section as it opens a file: how many there are is looked at before.
static bool header_is_sane(struct elf_file *file) {
  unsigned char head[HEADER_64] = {0};
  size_t length = file->size < HEADER_64 ? (size_t)file->size : HEADER_64;
  if (!length) return wrong(file, "empty");
  if (!elf_file_bytes(file, 0, head, length)) return wrong(file, "cannot be read");
  if (length < SELFMAG || memcmp(head, ELFMAG, SELFMAG) != 0) return wrong(file, "not an ELF file");
  bool wide = head[EI_CLASS] == ELFCLASS64, big = head[EI_DATA] == ELFDATA2MSB;
  if (length < (wide ? HEADER_64 : HEADER_32)) return wrong(file, "cut short");
  if ((!wide && head[EI_CLASS] != ELFCLASS32) || (!big && head[EI_DATA] != ELFDATA2LSB))
    return wrong(file, "not an ELF file");
  uint64_t table = wide ? number(head + 40, 8, big) : number(head + 32, 4, big);
  uint64_t each = wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
  uint64_t count = number(head + (wide ? 60 : 48), 2, big);
  if (!table) return count == 0 || wrong(file, "its section headers are nowhere");
  if (!count || count > SECTIONS) return wrong(file, "more sections than a library has");
  if (table > file->size || count * each > file->size - table) return wrong(file, "cut short");
  elf_file_note(file, table, count * each);
  return true;
}

bool elf_file_open(struct elf_file *file, int descriptor, struct arena *arena) {
  struct stat status;
  file->file = descriptor;
  file->arena = arena;
  file->why = "";
  if (fstat(descriptor, &status) != 0 || status.st_size < 0) return wrong(file, "cannot be read");
  file->size = (uint64_t)status.st_size;
  if (!header_is_sane(file)) return false;
  if (elf_version(EV_CURRENT) == EV_NONE || !(file->elf = elf_begin(descriptor, ELF_C_READ, NULL)))
    return wrong(file, "libelf cannot read it");
  if (elf_kind(file->elf) != ELF_K_ELF || !gelf_getehdr(file->elf, &file->header) ||
      elf_getphdrnum(file->elf, &file->segments) != 0 ||
      elf_getshdrnum(file->elf, &file->sections) != 0)
    return wrong(file, "libelf cannot read it");
  if (elf_getshdrstrndx(file->elf, &file->section_names) != 0) file->section_names = 0;
  if (file->segments > SEGMENTS || file->sections > SECTIONS)
    return wrong(file, "more segments than a library has");
  bool wide = file->header.e_ident[EI_CLASS] == ELFCLASS64;
  uint64_t each = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr), all = file->segments * each;
  if (all && (file->header.e_phoff > file->size || all > file->size - file->header.e_phoff))
    return wrong(file, "cut short");
  elf_file_note(file, file->header.e_phoff, all);
  return true;
}

void elf_file_close(struct elf_file *file) {
  elf_end(file->elf); // of NULL too
  file->elf = NULL;
}
#endif
