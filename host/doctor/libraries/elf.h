// What a shared library or a program says of itself, read with libelf a piece at a time: of a
// library of two gigabytes a few kilobytes. Built without libelf, nothing is known of any file.
#ifndef WHY_ELF_H
#define WHY_ELF_H
#include "root.h"

struct elf {
  enum there
      there;       // of the file itself; THERE with elf_class 0: it is no ELF file that can be read
  const char *why; // then: "empty", "not an ELF file", "cut short", "built without libelf"; ""
  int elf_class;   // 32, 64; 0
  int machine;     // EM_X86_64, EM_AARCH64, EM_386...
  const char *soname;        // ""
  const char *rpath;         // "" where there is none; not expanded
  const char *runpath;       // ""
  const char *const *needed; // DT_NEEDED, in order
  int neededs;
  const char *const *version; // of the versions that it asks of others:
                              // "libnvJitLink.so.12:__nvJitLinkComplete_12_4"
  int versions;
  bool fatbin; // it has a section .nv_fatbin or __nv_relfatbin
};
struct elf elf_read(struct root *, struct arena *, const char *path);

// The architectures in .nv_fatbin of a file: 75 for SASS, ARCH_PTX (1000) + 75 for PTX, sorted,
// each once. False: there is no such section, or it cannot be read.
bool elf_architectures(struct root *, struct arena *, const char *path, const int **arch,
                       int *archs);

// The parts of a file that elf_read (and elf_architectures) look at, for a capture: pairs of offset
// and length, sorted, apart from each other. False: it is no ELF file.
struct elf_part {
  uint64_t offset, length;
};
bool elf_parts(int file, struct arena *, const struct elf_part **, int *parts);
#endif
