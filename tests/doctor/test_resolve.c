// Which file a process would get: each step of the linker's search hides the next; what cannot be
// looked at makes the answer unknown, unless something earlier has it.
#include "elf_writer.h"
#include "opened.h"
#include "resolve.h"
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct opened here;
static bool reads_elf; // false: built without libelf

static int begin(void **state) {
  (void)state;
  opened_begin(&here);
  return 0;
}

static int end(void **state) {
  (void)state;
  opened_end(&here);
  return 0;
}

static void put(const char *path, const struct elf_plan *plan) {
  unsigned char bytes[ELF_PLAN_MOST];
  tree_bytes(here.dir, path, bytes, elf_write(plan, bytes));
}

static void put_plain(const char *path) {
  put(path, &(struct elf_plan){.soname = "x"});
}

static struct search start(const char *library_path) {
  if (!here.root) opened_root(&here, NULL);
  struct variable variable = {"LD_LIBRARY_PATH", library_path};
  struct facts facts = {.arena = &here.arena, .root = here.root};
  facts.scope.arch = ARCH_X86_64;
  facts.process.env_known = YES;
  facts.process.env = &variable;
  facts.process.envs = library_path != NULL;
  struct search search;
  search_begin(&search, &facts);
  search.library_path = library_path;
  return search;
}

static void is_found(struct library got, const char *path, const char *how) {
  assert_int_equal(got.there, THERE);
  assert_string_equal(got.path, path);
  assert_string_equal(got.how, how);
}

// A cache of glibc's with one library in it.
static void put_cache(const char *name, const char *path, int flags) {
  char bytes[1024] = "glibc-ld.so.cache1.1\1";
  size_t names = 48 + 24, paths = names + strlen(name) + 1;
  bytes[48] = (char)(flags & 0xff);
  bytes[49] = (char)(flags >> 8);
  bytes[52] = (char)names;
  bytes[56] = (char)paths;
  memcpy(bytes + names, name, strlen(name) + 1);
  memcpy(bytes + paths, path, strlen(path) + 1);
  tree_bytes(here.dir, "/etc/ld.so.cache", bytes, paths + strlen(path) + 1);
}

// ---- the order ---------------------------------------------------------------------------------

static void each_step_hides_the_next(void **state) {
  (void)state;
  if (!reads_elf) skip();
  const char *from = "/opt/app/lib/libapp.so";
  put(from, &(struct elf_plan){.rpath = "$ORIGIN/../rpath"});
  put("/opt/new/lib/libapp.so",
      &(struct elf_plan){.rpath = "/opt/app/rpath", .runpath = "/runpath"});
  static const char *const places[] = {"/opt/app/rpath", "/env", "/runpath", "/cached", "/usr/lib"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    char path[64];
    snprintf(path, sizeof path, "%s/liba.so.1", places[i]);
    put_plain(path);
  }
  put_cache("liba.so.1", "/cached/liba.so.1", 0x0303);
  struct search search = start("/nowhere:/env");
  struct library got = search_library(&search, "liba.so.1", from, NULL, false);
  is_found(got, "/opt/app/lib/../rpath/liba.so.1", "RPATH");
  assert_string_equal(got.real, "/opt/app/rpath/liba.so.1");
  assert_int_equal(got.elf_class, 64);
  assert_int_equal(got.elf_machine, EM_X86_64);
  const char *new = "/opt/new/lib/libapp.so";
  is_found(search_library(&search, "liba.so.1", new, NULL, false), "/env/liba.so.1",
           "LD_LIBRARY_PATH");
  search = start(NULL);
  is_found(search_library(&search, "liba.so.1", new, NULL, false), "/runpath/liba.so.1", "RUNPATH");
  is_found(search_library(&search, "liba.so.1", NULL, NULL, false), "/cached/liba.so.1",
           "ld.so.cache");
  tree_remove(here.dir, "/cached/liba.so.1"); // the cache is older than that
  is_found(search_library(&search, "liba.so.1", NULL, NULL, false), "/usr/lib/liba.so.1",
           "default");
  assert_int_equal(search_library(&search, "libb.so", NULL, NULL, false).there, ABSENT);
}

static void rpath_of_the_program(void **state) {
  (void)state;
  if (!reads_elf) skip();
  put("/conda/bin/python3.11", &(struct elf_plan){.rpath = "$ORIGIN/../lib"});
  tree_link(here.dir, "/usr/bin/python", "/conda/bin/python3.11");
  put("/a/with.so", &(struct elf_plan){.runpath = "/b"});
  put("/a/without.so", &(struct elf_plan){.soname = "without.so"});
  put_plain("/conda/lib/liba.so.1");
  struct search search = start(NULL);
  search.program = "/usr/bin/python";
  is_found(search_library(&search, "liba.so.1", NULL, NULL, false), "/conda/bin/../lib/liba.so.1",
           "RPATH");
  is_found(search_library(&search, "liba.so.1", "/a/without.so", NULL, false),
           "/conda/bin/../lib/liba.so.1", "RPATH");
  assert_int_equal(search_library(&search, "liba.so.1", "/a/with.so", NULL, false).there, ABSENT);
}

static void library_path_in_pieces(void **state) {
  (void)state;
  put_plain("/home/liba.so");
  put_plain("/home/sub/libb.so");
  put_plain("/c/glibc-hwcaps/x86-64-v3/libc1.so");
  put_plain("/c/libc1.so");
  struct search search = start("/x;:sub:/c");
  search.cwd = "/home";
  is_found(search_library(&search, "liba.so", NULL, NULL, false), "/home/liba.so",
           "LD_LIBRARY_PATH");
  is_found(search_library(&search, "libb.so", NULL, NULL, false), "/home/sub/libb.so",
           "LD_LIBRARY_PATH");
  is_found(search_library(&search, "libc1.so", NULL, NULL, false),
           "/c/glibc-hwcaps/x86-64-v3/libc1.so", "LD_LIBRARY_PATH");
  search.cwd = NULL; // then `sub` could be anywhere, and the empty one is passed over
  is_found(search_library(&search, "libc1.so", NULL, NULL, false),
           "/c/glibc-hwcaps/x86-64-v3/libc1.so", "LD_LIBRARY_PATH");
  assert_int_equal(search_library(&search, "liba.so", NULL, NULL, false).there, UNREAD);
  search = start("/x:");
  assert_int_equal(search_library(&search, "liba.so", NULL, NULL, false).there, ABSENT);
}

static void tokens(void **state) {
  (void)state;
  put_plain("/opt/lib64/x86_64/liba.so");
  put_plain("/opt/$OTHER/libb.so");
  struct elf elf = {
      .why = "", .soname = "", .rpath = "", .runpath = "${ORIGIN}/$LIB/${PLATFORM}:$ORIGIN/$OTHER"};
  struct search search = start(NULL);
  is_found(search_library(&search, "liba.so", "/opt/app.so", &elf, false),
           "/opt/lib64/x86_64/liba.so", "RUNPATH");
  is_found(search_library(&search, "libb.so", "/opt/app.so", &elf, false), "/opt/$OTHER/libb.so",
           "RUNPATH");
}

// ---- what is passed over -----------------------------------------------------------------------

static void other_classes(void **state) {
  (void)state;
  if (!reads_elf) skip();
  put("/usr/lib/i386-linux-gnu/libcuda.so.1",
      &(struct elf_plan){.elf_class = 32, .machine = EM_386});
  put("/env/libcuda.so.1", &(struct elf_plan){.machine = EM_AARCH64});
  struct search search = start("/env");
  assert_int_equal(search_library(&search, "libcuda.so.1", NULL, NULL, false).there, ABSENT);
  is_found(search_library(&search, "libcuda.so.1", NULL, NULL, true), "/env/libcuda.so.1",
           "LD_LIBRARY_PATH");
  search = start(NULL);
  struct library got = search_library(&search, "libcuda.so.1", NULL, NULL, true);
  assert_int_equal(got.elf_class, 32);
  put_plain("/usr/lib/x86_64-linux-gnu/libcuda.so.1");
  search = start("/env");
  is_found(search_library(&search, "libcuda.so.1", NULL, NULL, false),
           "/usr/lib/x86_64-linux-gnu/libcuda.so.1", "default");
  search = start("/env");
  search.arch = ARCH_UNKNOWN; // then that of the first one
  is_found(search_library(&search, "libcuda.so.1", NULL, NULL, false), "/env/libcuda.so.1",
           "LD_LIBRARY_PATH");
  assert_int_equal(search.arch, ARCH_AARCH64);
  const struct library *all;
  search = start("/env");
  assert_int_equal(search_every(&search, "libcuda.so.1", &all), 3);
  assert_string_equal(all[0].path, "/env/libcuda.so.1");
  assert_string_equal(all[2].path, "/usr/lib/i386-linux-gnu/libcuda.so.1");
}

// In a snapshot that somebody wrote down, a link and a text stand for libraries.
static void stand_ins(void **state) {
  (void)state;
  tree_link(here.dir, "/usr/lib/x86_64-linux-gnu/libcuda.so.1", "libcuda.so.550.54.14");
  tree_file(here.dir, "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", "a library\n");
  tree_folder(here.dir, "/usr/lib/x86_64-linux-gnu/libfolder.so");
  struct search search = start(NULL);
  struct library got = search_library(&search, "libcuda.so.1", NULL, NULL, false);
  is_found(got, "/usr/lib/x86_64-linux-gnu/libcuda.so.1", "default");
  assert_string_equal(got.real, "/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14");
  assert_string_equal(got.version, "550.54.14");
  assert_int_equal(got.elf_class, 0);
  got = search_library(&search, "libnvidia-ml.so.1", NULL, NULL, false);
  assert_int_equal(got.there, THERE);
  assert_string_equal(got.version, "");
  assert_int_equal(search_library(&search, "libfolder.so", NULL, NULL, false).there, ABSENT);
}

static void settings_without_a_cache(void **state) {
  (void)state;
  tree_file(here.dir, "/etc/ld.so.conf", "# all\ninclude /etc/ld.so.conf.d/*.conf\n/opt/last\n");
  tree_file(here.dir, "/etc/ld.so.conf.d/ld.wsl.conf", " /usr/lib/wsl/lib # the host's");
  tree_file(here.dir, "/etc/ld.so.conf.d/loop.conf", "include ld.so.conf.d/*.conf\n");
  put_plain("/usr/lib/wsl/lib/libcuda.so.1");
  put_plain("/usr/lib/x86_64-linux-gnu/libcuda.so.1");
  put_plain("/opt/last/liba.so");
  struct search search = start(NULL);
  is_found(search_library(&search, "libcuda.so.1", NULL, NULL, false),
           "/usr/lib/wsl/lib/libcuda.so.1", "ld.so.conf");
  is_found(search_library(&search, "liba.so", NULL, NULL, false), "/opt/last/liba.so",
           "ld.so.conf");
  const struct library *all;
  assert_int_equal(search_every(&search, "libcuda.so.1", &all), 2);
  put_cache("libb.so", "/opt/libb.so", 0x0303); // where there is one, it alone counts
  search = start(NULL);
  assert_int_equal(search_library(&search, "liba.so", NULL, NULL, false).there, ABSENT);
}

// ---- what is not known -------------------------------------------------------------------------

static void unread_places(void **state) {
  (void)state;
  tree_file(here.dir, "/.whycpu/unread", "/etc/ld.so.cache\n/secret\n");
  put_plain("/env/liba.so");
  put_plain("/usr/lib/libb.so");
  struct search search = start("/env");
  is_found(search_library(&search, "liba.so", NULL, NULL, false), "/env/liba.so",
           "LD_LIBRARY_PATH");
  assert_int_equal(search_library(&search, "libb.so", NULL, NULL, false).there, UNREAD);
  search = start("/secret:/env");
  assert_int_equal(search_library(&search, "liba.so", NULL, NULL, false).there, UNREAD);
}

static void unknown_environment(void **state) {
  (void)state;
  put_plain("/usr/lib/liba.so");
  struct search search = start(NULL);
  search.library_path_known = false;
  assert_int_equal(search_library(&search, "liba.so", NULL, NULL, false).there, THERE);
  assert_int_equal(search_library(&search, "libb.so", NULL, NULL, false).there, UNREAD);
}

static void unknown_rpath(void **state) {
  (void)state;
  tree_file(here.dir, "/opt/app.so", "stands for a library\n");
  struct elf none = {.why = ""};
  struct search search = start(NULL);
  assert_int_equal(search_library(&search, "liba.so", "/opt/app.so", NULL, false).there, UNREAD);
  assert_int_equal(search_library(&search, "liba.so", "/opt/app.so", &none, false).there, ABSENT);
}

// ---- more than one -----------------------------------------------------------------------------

static void everywhere(void **state) {
  (void)state;
  put_plain("/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14");
  tree_link(here.dir, "/usr/lib/x86_64-linux-gnu/libcuda.so.1", "libcuda.so.550.54.14");
  tree_link(here.dir, "/lib", "usr/lib");
  put_plain("/usr/local/cuda-12.4/compat/libcuda.so.550.54.14");
  tree_link(here.dir, "/usr/local/cuda-12.4/compat/libcuda.so.1", "libcuda.so.550.54.14");
  tree_link(here.dir, "/usr/local/cuda", "cuda-12.4");
  put_plain("/usr/local/cuda-12.4/targets/x86_64-linux/lib/stubs/libcuda.so.1");
  const struct library *all;
  struct search search = start(NULL);
  assert_int_equal(search_every(&search, "libcuda.so.1", &all), 3);
  assert_string_equal(all[0].path, "/lib/x86_64-linux-gnu/libcuda.so.1");
  assert_string_equal(all[0].real, "/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14");
  assert_string_equal(all[1].real, "/usr/local/cuda-12.4/compat/libcuda.so.550.54.14");
  assert_string_equal(all[1].version, "550.54.14");
  assert_string_equal(all[2].real,
                      "/usr/local/cuda-12.4/targets/x86_64-linux/lib/stubs/libcuda.so.1");
}

static void what_is_missing(void **state) {
  (void)state;
  if (!reads_elf) skip();
  put("/w/cusolver/lib/libcusolver.so.11",
      &(struct elf_plan){.soname = "libcusolver.so.11",
                         .runpath = "$ORIGIN/../../cublas/lib:$ORIGIN/../../nvjitlink/lib",
                         .needed = {"libcublas.so.12", "libc.so.6", "libcusparse.so.12"}});
  put("/w/cublas/lib/libcublas.so.12",
      &(struct elf_plan){.soname = "libcublas.so.12", .needed = {"libcusolver.so.11"}});
  put("/usr/lib/libcusparse.so.12",
      &(struct elf_plan){.soname = "libcusparse.so.12", .needed = {"libnvJitLink.so.12"}});
  const char *missing = "", *by = "", *app = "/w/app.so";
  struct elf elf = {.why = "", .runpath = "/w/cusolver/lib"};
  struct search search = start(NULL);
  struct library library = search_library(&search, "libcusolver.so.11", app, &elf, false);
  assert_int_equal(library.there, THERE);
  assert_true(search_broken(&search, &library, &missing, &by));
  assert_string_equal(missing, "libnvJitLink.so.12");
  assert_string_equal(by, "/usr/lib/libcusparse.so.12");
  search.library_path_known = false; // it may be where nobody knows
  assert_false(search_broken(&search, &library, &missing, &by));
  search = start(NULL);
  put("/w/nvjitlink/lib/libnvJitLink.so.12", &(struct elf_plan){.soname = "libnvJitLink.so.12"});
  assert_true(search_broken(&search, &library, &missing, &by)); // RUNPATH is not handed down
  put("/usr/lib/libnvJitLink.so.12", &(struct elf_plan){.soname = "libnvJitLink.so.12"});
  assert_false(search_broken(&search, &library, &missing, &by));
}

static void versions(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14", "550.54.14"},
      {"libcublas.so.12.3.4.1", "12.3.4.1"},
      {"/a.so.1.2/libcudnn.so.9", ""},
      {"libcuda.so", ""},
      {"libcudart-d0da41ae.so.11.0", "11.0"},
      {"liba.so.1.2.old", "1.2"},
      {"liba.so.", ""},
      {"", ""}};
  opened_root(&here, NULL);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_string_equal(library_version(&here.arena, rows[i][0]), rows[i][1]);
}

// ---- this machine's ----------------------------------------------------------------------------

static int compare(struct search *search, const char *program) {
  char command[128], line[4096];
  int compared = 0;
  snprintf(command, sizeof command, "ldd %s 2>/dev/null", program);
  struct elf elf = elf_read(search->root, search->arena, program);
  FILE *output = elf.elf_class ? popen(command, "r") : NULL;
  while (output && fgets(line, sizeof line, output)) {
    char *name = line + strspn(line, "\t "), *path = strstr(line, " => /");
    if (!path) continue;
    *path = 0;
    path += strlen(" => ");
    path[strcspn(path, " ")] = 0;
    for (int i = 0; i < elf.neededs; i++) {
      if (strcmp(elf.needed[i], name) != 0) continue;
      struct library got = search_library(search, name, program, &elf, false);
      assert_int_equal(got.there, THERE);
      assert_string_equal(got.path, path);
      compared++;
    }
  }
  if (output) pclose(output);
  return compared;
}

static void the_same_as_ldd(void **state) {
  (void)state;
  static const char *const programs[] = {"/usr/bin/env",  "/usr/bin/bash", "/usr/bin/tar",
                                         "/usr/bin/perl", "/usr/bin/git",  "/usr/bin/curl"};
  int compared = 0;
  opened_root(&here, "/");
  struct facts facts = {.arena = &here.arena, .root = here.root};
  struct search search;
  search_begin(&search, &facts);
  search.library_path = getenv("LD_LIBRARY_PATH");
  search.library_path_known = true;
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
    compared += compare(&search, programs[i]);
  if (!compared) {
    print_message("no ldd here, or nothing to ask it for\n");
    skip();
  }
}

// ---- the driver --------------------------------------------------------------------------------

static void the_driver(void **state) {
  (void)state;
  tree_link(here.dir, "/usr/lib/x86_64-linux-gnu/libcuda.so.1", "libcuda.so.550.54.14");
  tree_link(here.dir, "/usr/local/cuda-12/compat/libcuda.so.1", "libcuda.so.560.28");
  tree_file(here.dir, "/var/log/apt/history.log",
            "Start-Date: 2024-06-01\nCommandline: apt install vim\n"
            "Upgrade: libnvidia-compute-550:amd64 (550.54.14, 550.90.07)\nEnd-Date: x\n");
  opened_root(&here, NULL);
  struct facts facts = {.arena = &here.arena, .root = here.root};
  facts.scope.arch = ARCH_X86_64;
  facts.process.env_known = YES;
  probe_driver(&facts);
  assert_int_equal(facts.driver.cuda.there, THERE);
  assert_string_equal(facts.driver.cuda.version, "550.54.14");
  assert_int_equal(facts.driver.nvml.there, ABSENT);
  assert_int_equal(facts.driver.other_cudas, 1);
  assert_string_equal(facts.driver.other_cuda[0].version, "560.28");
  assert_int_equal(facts.driver.cuda_package, NO);
  assert_string_equal(facts.driver.apt_history.text,
                      "Upgrade: libnvidia-compute-550:amd64 (550.54.14, 550.90.07)");
  tree_file(here.dir, "/usr/lib/x86_64-linux-gnu/libnvidia-container.so.1", "");
  probe_driver(&facts);
  assert_int_equal(facts.driver.cuda_package, NO);
  tree_file(here.dir, "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.550.54.14", "");
  facts.driver = (struct user_driver){0};
  probe_driver(&facts);
  assert_int_equal(facts.driver.cuda_package, YES);
}

int main(void) {
  opened_begin(&here);
  put_plain("/a.so");
  opened_root(&here, NULL);
  reads_elf = elf_read(here.root, &here.arena, "/a.so").elf_class == 64;
  if (!reads_elf) printf("built without libelf: what needs it is skipped\n");
  opened_end(&here);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(each_step_hides_the_next, begin, end),
      cmocka_unit_test_setup_teardown(rpath_of_the_program, begin, end),
      cmocka_unit_test_setup_teardown(library_path_in_pieces, begin, end),
      cmocka_unit_test_setup_teardown(tokens, begin, end),
      cmocka_unit_test_setup_teardown(other_classes, begin, end),
      cmocka_unit_test_setup_teardown(stand_ins, begin, end),
      cmocka_unit_test_setup_teardown(settings_without_a_cache, begin, end),
      cmocka_unit_test_setup_teardown(unread_places, begin, end),
      cmocka_unit_test_setup_teardown(unknown_environment, begin, end),
      cmocka_unit_test_setup_teardown(unknown_rpath, begin, end),
      cmocka_unit_test_setup_teardown(everywhere, begin, end),
      cmocka_unit_test_setup_teardown(what_is_missing, begin, end),
      cmocka_unit_test_setup_teardown(versions, begin, end),
      cmocka_unit_test_setup_teardown(the_same_as_ldd, begin, end),
      cmocka_unit_test_setup_teardown(the_driver, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
