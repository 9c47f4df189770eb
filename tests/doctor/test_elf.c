// What is read of an ELF file: of written ones all that was written; of broken ones nothing that
// hurts; of this machine's programs the same as readelf says.
#include "elf.h"
#include "elf_writer.h"
#include "opened.h"
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct opened here;

static int begin(void **state) {
  (void)state;
  opened_begin(&here);
  opened_root(&here, NULL);
  return 0;
}

static int end(void **state) {
  (void)state;
  opened_end(&here);
  return 0;
}

static struct elf read_back(const unsigned char *bytes, size_t length) {
  tree_bytes(here.dir, "/a.so", bytes, length);
  return elf_read(here.root, &here.arena, "/a.so");
}

static const struct elf_plan full_plan = {
    .soname = "liba.so.1",
    .rpath = "$ORIGIN/old",
    .runpath = "$ORIGIN/../nvidia/cublas/lib:/opt/lib",
    .needed = {"libcudart.so.12", "libc.so.6"},
    .of = "libnvJitLink.so.12",
    .version = "__nvJitLinkComplete_12_4",
};

static void what_was_written(void **state) {
  (void)state;
  static const struct {
    int elf_class, machine;
    bool big, bare;
  } kinds[] = {{64, EM_X86_64, false, false},
               {64, EM_AARCH64, false, true},
               {32, EM_386, false, false},
               {32, EM_PPC, true, false},
               {64, EM_S390, true, true}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    unsigned char bytes[ELF_PLAN_MOST];
    struct elf_plan plan = full_plan;
    plan.elf_class = kinds[i].elf_class;
    plan.machine = kinds[i].machine;
    plan.big = kinds[i].big;
    plan.bare = kinds[i].bare;
    struct elf elf = read_back(bytes, elf_write(&plan, bytes));
    assert_string_equal(elf.why, "");
    assert_int_equal(elf.there, THERE);
    assert_int_equal(elf.elf_class, kinds[i].elf_class);
    assert_int_equal(elf.machine, kinds[i].machine);
    assert_string_equal(elf.soname, "liba.so.1");
    assert_string_equal(elf.rpath, "$ORIGIN/old");
    assert_string_equal(elf.runpath, "$ORIGIN/../nvidia/cublas/lib:/opt/lib");
    assert_int_equal(elf.neededs, 2);
    assert_string_equal(elf.needed[0], "libcudart.so.12");
    assert_string_equal(elf.needed[1], "libc.so.6");
    assert_int_equal(elf.versions, 1);
    assert_string_equal(elf.version[0], "libnvJitLink.so.12:__nvJitLinkComplete_12_4");
    assert_false(elf.fatbin);
  }
}

static void what_is_no_elf_file(void **state) {
  (void)state;
  unsigned char bytes[ELF_PLAN_MOST];
  struct elf_plan plan = {.soname = "liba.so.1"};
  size_t length = elf_write(&plan, bytes);
  struct elf elf = elf_read(here.root, &here.arena, "/none.so");
  assert_int_equal(elf.there, ABSENT);
  elf = read_back(bytes, 0);
  assert_int_equal(elf.there, THERE);
  assert_int_equal(elf.elf_class, 0);
  assert_string_equal(elf.why, "empty");
  elf = read_back((const unsigned char *)"/* GNU ld script */", 19);
  assert_int_equal(elf.there, THERE);
  assert_string_equal(elf.why, "not an ELF file");
  elf = read_back(bytes, length - 1);
  assert_int_equal(elf.elf_class, 0);
  assert_string_equal(elf.why, "cut short");
  elf = read_back(bytes, 40);
  assert_string_equal(elf.why, "cut short");
}

// A name that has no end within bounds is not read as one; one that is long is.
static void long_names(void **state) {
  (void)state;
  unsigned char bytes[ELF_PLAN_MOST];
  char text[4000];
  memset(text, 'a', sizeof text);
  text[sizeof text - 1] = 0;
  struct elf_plan plan = {.runpath = text, .needed = {"libb.so"}};
  struct elf elf = read_back(bytes, elf_write(&plan, bytes));
  assert_int_equal(elf.elf_class, 64);
  assert_string_equal(elf.runpath, text);
}

static size_t make_fatbin(unsigned char *fatbin) {
  size_t total = 0;
  for (int container = 0; container < 2; container++) {
    unsigned char *at = fatbin + total;
    size_t entries = 16;
    entries = elf_fatbin_entry(at, entries, 2, container ? 80 : 75, 40);
    entries = elf_fatbin_entry(at, entries, 2, 90, 24);
    entries = elf_fatbin_entry(at, entries, 1, 90, 8);
    entries = elf_fatbin_entry(at, entries, 8, 70, 8); // of another kind
    elf_fatbin_header(at, entries - 16);
    total += entries;
    memset(fatbin + total, 0, 8); // aligns the next
    total += 8;
  }
  return total;
}

static void architectures(void **state) {
  (void)state;
  unsigned char bytes[ELF_PLAN_MOST], fatbin[4096];
  struct elf_plan plan = full_plan;
  plan.fatbin = fatbin;
  plan.fatbin_length = make_fatbin(fatbin);
  const int *arch, expected[] = {75, 80, 90, 1090};
  int count;
  struct elf elf = read_back(bytes, elf_write(&plan, bytes));
  assert_int_equal(elf.elf_class, 64);
  assert_true(elf.fatbin);
  assert_true(elf_architectures(here.root, &here.arena, "/a.so", &arch, &count));
  assert_int_equal(count, 4);
  assert_memory_equal(arch, expected, sizeof expected);
  plan.fatbin_length -= 16; // the last entry ends outside
  read_back(bytes, elf_write(&plan, bytes));
  assert_false(elf_architectures(here.root, &here.arena, "/a.so", &arch, &count));
  plan.fatbin = NULL;
  read_back(bytes, elf_write(&plan, bytes));
  assert_false(elf_architectures(here.root, &here.arena, "/a.so", &arch, &count));
  assert_false(elf_architectures(here.root, &here.arena, "/none.so", &arch, &count));
}

// A copy of nothing but the parts says the same as the file.
static void parts(void **state) {
  (void)state;
  unsigned char bytes[ELF_PLAN_MOST], copy[ELF_PLAN_MOST] = {0}, fatbin[4096];
  struct elf_plan plan = full_plan;
  plan.fatbin = fatbin;
  plan.fatbin_length = make_fatbin(fatbin);
  size_t length = elf_write(&plan, bytes), taken = 0;
  read_back(bytes, length);
  const struct elf_part *part;
  const int *arch;
  int count, arches;
  int file = root_file(here.root, "/a.so");
  assert_true(file >= 0);
  assert_true(elf_parts(file, &here.arena, &part, &count));
  close(file);
  for (int i = 0; i < count; i++) {
    assert_true(part[i].length > 0 && part[i].offset + part[i].length <= length);
    if (i) assert_true(part[i - 1].offset + part[i - 1].length < part[i].offset);
    memcpy(copy + part[i].offset, bytes + part[i].offset, part[i].length);
    taken += part[i].length;
  }
  assert_true(taken < length);
  struct elf elf = read_back(copy, length);
  assert_int_equal(elf.elf_class, 64);
  assert_string_equal(elf.runpath, plan.runpath);
  assert_string_equal(elf.soname, plan.soname);
  assert_int_equal(elf.neededs, 2);
  assert_string_equal(elf.needed[1], "libc.so.6");
  assert_int_equal(elf.versions, 1);
  assert_true(elf_architectures(here.root, &here.arena, "/a.so", &arch, &arches));
  assert_int_equal(arches, 4);
}

static void look(const unsigned char *bytes, size_t length) {
  const int *arch;
  int count;
  const struct elf_part *part;
  read_back(bytes, length);
  elf_architectures(here.root, &here.arena, "/a.so", &arch, &count);
  int file = root_file(here.root, "/a.so");
  elf_parts(file, &here.arena, &part, &count);
  close(file);
  root_close(here.root);
  arena_free(&here.arena);
  opened_root(&here, NULL);
}

static void broken_files(void **state) {
  (void)state;
  unsigned char bytes[ELF_PLAN_MOST], fatbin[4096];
  for (int wide = 0; wide < 2; wide++) {
    struct elf_plan plan = full_plan;
    plan.elf_class = wide ? 64 : 32;
    plan.fatbin = fatbin;
    plan.fatbin_length = make_fatbin(fatbin);
    size_t length = elf_write(&plan, bytes);
    for (size_t cut = 0; cut < length; cut++) look(bytes, cut);
    srand(7);
    for (int i = 0; i < 1500; i++) {
      unsigned char other[ELF_PLAN_MOST];
      memcpy(other, bytes, length);
      for (int flips = 1 + rand() % 4; flips; flips--)
        other[(size_t)rand() % length] = (unsigned char)rand();
      look(other, length);
    }
  }
}

// ---- this machine's ----------------------------------------------------------------------------

static bool compare(struct root *root, struct arena *arena, const char *path) {
  char command[256], line[4096];
  snprintf(command, sizeof command, "readelf -dW %s 2>/dev/null", path);
  struct elf elf = elf_read(root, arena, path);
  FILE *output = elf.elf_class ? popen(command, "r") : NULL;
  if (!output) return false;
  int neededs = 0;
  while (fgets(line, sizeof line, output)) {
    char *name = strchr(line, '[');
    if (!strstr(line, "(NEEDED)") || !name) continue;
    name[strcspn(name, "]")] = 0;
    assert_true(neededs < elf.neededs);
    assert_string_equal(elf.needed[neededs++], name + 1);
  }
  if (pclose(output) != 0) return false; // there is no readelf
  assert_int_equal(neededs, elf.neededs);
  return true;
}

static void the_same_as_readelf(void **state) {
  (void)state;
  static const char *const programs[] = {"/usr/bin/env",  "/usr/bin/bash", "/usr/bin/tar",
                                         "/usr/bin/perl", "/usr/bin/git",  "/usr/bin/curl"};
  int compared = 0;
  struct opened machine;
  opened_begin(&machine);
  opened_root(&machine, "/");
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
    compared += compare(machine.root, &machine.arena, programs[i]);
  opened_end(&machine);
  if (!compared) {
    print_message("no readelf here, or no program to read\n");
    skip();
  }
}

int main(void) {
  opened_begin(&here);
  opened_root(&here, NULL);
  tree_file(here.dir, "/a.so", "");
  struct elf elf = elf_read(here.root, &here.arena, "/a.so");
  bool without = !strcmp(elf.why, "built without libelf");
  if (without) printf("built without libelf: no ELF file is read\n");
  opened_end(&here);
  if (without) return 77;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_was_written, begin, end),
      cmocka_unit_test_setup_teardown(what_is_no_elf_file, begin, end),
      cmocka_unit_test_setup_teardown(long_names, begin, end),
      cmocka_unit_test_setup_teardown(architectures, begin, end),
      cmocka_unit_test_setup_teardown(parts, begin, end),
      cmocka_unit_test_setup_teardown(broken_files, begin, end),
      cmocka_unit_test(the_same_as_readelf),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
