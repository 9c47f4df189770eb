// Any bytes as a shared library. One that is read is read from its parts alone as well, and must
// say the same.
#include "elf.h"
#include "elf_writer.h"
#include "root.h"
#include "tree.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static char dir[TREE_PATH];

static void end(void) {
  tree_end(dir);
}

static void save_seeds(const char *folder) {
  unsigned char bytes[ELF_PLAN_MOST], fatbin[512];
  size_t entries = elf_fatbin_entry(fatbin, 16, 2, 80, 8);
  entries = elf_fatbin_entry(fatbin, entries, 1, 90, 8);
  elf_fatbin_header(fatbin, entries - 16);
  for (int i = 0; i < 8; i++) {
    struct elf_plan plan = {.elf_class = i & 1 ? 32 : 64,
                            .big = i & 2,
                            .soname = "liba.so.1",
                            .rpath = "$ORIGIN",
                            .runpath = "/b",
                            .needed = {"libb.so"},
                            .of = "libb.so",
                            .version = "B_1"};
    if (i & 4) plan.fatbin = fatbin, plan.fatbin_length = entries;
    char name[16];
    snprintf(name, sizeof name, "%d.so", i);
    tree_bytes(folder, name, bytes, elf_write(&plan, bytes));
  }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  tree_begin(dir);
  tree_folder(dir, "/usr");
  atexit(end);
  if (getenv("FUZZ_SEEDS")) save_seeds(getenv("FUZZ_SEEDS"));
  return 0;
}

static void must_agree(const struct elf *a, const struct elf *b) {
  if (a->elf_class != b->elf_class || a->machine != b->machine || a->neededs != b->neededs ||
      a->versions != b->versions || a->fatbin != b->fatbin || strcmp(a->soname, b->soname) != 0 ||
      strcmp(a->rpath, b->rpath) != 0 || strcmp(a->runpath, b->runpath) != 0)
    abort();
  for (int i = 0; i < a->neededs; i++)
    if (strcmp(a->needed[i], b->needed[i]) != 0) abort();
  for (int i = 0; i < a->versions; i++)
    if (strcmp(a->version[i], b->version[i]) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  jmp_buf full;
  struct arena arena = {.full = &full};
  struct root *root;
  struct why_error error;
  if (setjmp(full)) abort(); // what one file may take is bounded
  if (root_open(dir, &arena, &root, &error) != WHY_OK) abort();
  tree_bytes(dir, "/a.so", bytes, length);
  const int *arch, *again;
  int count, arches, parts;
  const struct elf_part *part;
  struct elf elf = elf_read(root, &arena, "/a.so");
  bool known = elf_architectures(root, &arena, "/a.so", &arch, &count);
  int file = root_file(root, "/a.so");
  bool whole = elf_parts(file, &arena, &part, &parts);
  close(file);
  if (elf.elf_class && !whole) abort();
  if (elf.elf_class) {
    uint8_t *copy = calloc(1, length);
    if (!copy) abort();
    for (int i = 0; i < parts; i++)
      memcpy(copy + part[i].offset, bytes + part[i].offset, part[i].length);
    tree_bytes(dir, "/a.so", copy, length);
    free(copy);
    struct elf other = elf_read(root, &arena, "/a.so");
    must_agree(&elf, &other);
    bool same = elf_architectures(root, &arena, "/a.so", &again, &arches);
    if (same != known || arches != count ||
        (count && memcmp(arch, again, (size_t)count * sizeof *arch) != 0))
      abort();
  }
  root_close(root);
  arena_free(&arena);
  return 0;
}
