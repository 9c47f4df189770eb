// An ELF file that is open: libelf has its headers, and what libelf would read whole is read here a
// piece at a time. Which pieces were read can be noted, so that a capture takes the same.
#ifndef WHY_ELF_FILE_H
#define WHY_ELF_FILE_H
#include "elf.h"
#include <gelf.h>

struct elf_file {
  int file;
  struct arena *arena;
  uint64_t size;
  const char *why; // what is wrong with it; "" while nothing is
  Elf *elf;
  GElf_Ehdr header;
  size_t segments, sections, section_names;
  bool noting; // set by who wants the pieces
  struct elf_part *part;
  int parts, room;
};

// False: `why` says why not. Either way elf_file_close.
bool elf_file_open(struct elf_file *, int file, struct arena *);
void elf_file_close(struct elf_file *); // leaves `file` open
// All of the bytes, or false.
bool elf_file_bytes(struct elf_file *, uint64_t offset, void *out, size_t length);
void elf_file_note(struct elf_file *, uint64_t offset, uint64_t length);
// What elf_read says, but for the file's own `there`.
struct elf elf_file_say(struct elf_file *);
// Where the next section with CUDA code lies, from section *at on, which is moved past it.
bool elf_file_fatbin(struct elf_file *, size_t *at, uint64_t *offset, uint64_t *length);

enum { ELF_ARCHES = 2000 }; // an architecture is below 1000, and as PTX below this
bool elf_file_arches(struct elf_file *, bool there[ELF_ARCHES]);
#endif
