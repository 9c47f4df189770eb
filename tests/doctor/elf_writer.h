// Makes small ELF files: what a doctor reads of one, and no code.
#ifndef ELF_WRITER_H
#define ELF_WRITER_H
#include <stdbool.h>
#include <stddef.h>

struct elf_plan {
  int elf_class;                        // 0: 64
  int machine;                          // 0: x86-64
  bool big;                             // big-endian
  const char *soname, *rpath, *runpath; // NULL: none
  const char *needed[8];                // up to the first NULL
  const char *of, *version;             // it asks this version of that library; NULL: of none
  const void *fatbin;                   // what its section .nv_fatbin has; NULL: it has none
  size_t fatbin_length;
  bool bare; // no section headers
};
enum { ELF_PLAN_MOST = 16384 };
// The file's length.
size_t elf_write(const struct elf_plan *, unsigned char out[ELF_PLAN_MOST]);

// Appends to a fatbin: an entry of `length` bytes of code; then elf_fatbin puts its header before
// the entries. Return the new length.
size_t elf_fatbin_entry(unsigned char *out, size_t at, int kind, int arch, size_t length);
size_t elf_fatbin_header(unsigned char *out, size_t entries); // 16 bytes, for so many after it
#endif
