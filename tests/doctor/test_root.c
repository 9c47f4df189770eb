// A root: what is asked for comes from inside it, whatever its links say; what is not known is told
// from what is not there; nothing but files and folders is opened.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "in_root.h"
#include "tree.h"
#include <cmocka.h>

static char dir[TREE_PATH];

static int begin(void **state) {
  (void)state;
  tree_begin(dir);
  tree_file(dir, "etc/hostname", "inside\n");
  return 0;
}

static int end(void **state) {
  (void)state;
  close_root();
  tree_end(dir);
  return 0;
}

static void open_dir(void) {
  if (open_root(dir) != WHY_OK) fail_msg("%s", refused.text);
}

static void says(const char *path, const char *expected) {
  struct text text = root_text(root, ROOT_TEXT, "%s", path);
  assert_int_equal(text.there, THERE);
  assert_string_equal(text.text, expected);
  assert_string_equal(text.path, path);
}

static void is(const char *path, enum there there) {
  struct text text = root_text(root, ROOT_TEXT, "%s", path);
  if (text.there != there) fail_msg("%s: %d", path, text.there);
  assert_string_equal(text.text, there == THERE ? text.text : "");
}

static void real_is(const char *path, enum there there, const char *expected) {
  struct text text = root_real(root, "%s", path);
  assert_int_equal(text.there, there);
  assert_string_equal(text.text, expected);
}

// ---- the walk ----------------------------------------------------------------------------------

static void test_plain_paths(void **state) {
  (void)state;
  tree_file(dir, "usr/lib/a", "a");
  open_dir();
  says("/usr/lib/a", "a");
  says("//usr/./lib//a", "a");
  says("/usr/lib/../lib/a", "a");
  is("/usr/lib/b", ABSENT);
  is("/usr/lib/a/b", ABSENT); // below a file
  is("/usr/lib", ABSENT);     // a folder is no text
  is("/nothing/../usr/lib/a", ABSENT);
  is("/usr/lib/a/../a", ABSENT);
  says("/../../etc/hostname", "inside\n");
  real_is("/usr/lib/../lib/./a", THERE, "/usr/lib/a");
  real_is("/usr/lib/none", ABSENT, "/usr/lib/none");
  real_is("/usr/none/below/../other", ABSENT, "/usr/none/other");
  real_is("/", THERE, "/");
  real_is("/usr/..", THERE, "/");
  assert_false(root_live(root));
  assert_string_equal(root_said(root), dir);
}

static void test_links(void **state) {
  (void)state;
  tree_file(dir, "usr/lib/libcuda.so.550", "real");
  tree_link(dir, "usr/lib/libcuda.so.1", "libcuda.so.550");
  tree_link(dir, "usr/lib/libcuda.so", "/usr/lib/libcuda.so.1"); // restarts at the root
  tree_link(dir, "lib", "usr/lib");
  tree_link(dir, "lib64", "./usr/../lib/.");
  tree_link(dir, "usr/up", "../../../../../../etc");
  tree_link(dir, "usr/passwd", "../../../../../../../../etc/passwd"); // there is one outside
  tree_link(dir, "usr/absolute", "/etc/passwd");
  tree_link(dir, "usr/dangling", "/usr/lib/none");
  open_dir();
  says("/lib/libcuda.so", "real");
  says("/lib64/libcuda.so", "real");
  real_is("/lib64/libcuda.so", THERE, "/usr/lib/libcuda.so.550");
  says("/usr/up/hostname", "inside\n");
  says("/lib/../up/hostname", "inside\n"); // above what the link leads to
  is("/usr/passwd", ABSENT);
  is("/usr/absolute", ABSENT);
  is("/usr/dangling", ABSENT);
  real_is("/usr/dangling", ABSENT, "/usr/lib/none");

  struct text link = root_link(root, "/lib/libcuda.so");
  assert_int_equal(link.there, THERE);
  assert_string_equal(link.text, "/usr/lib/libcuda.so.1");
  assert_int_equal(root_link(root, "/lib").there, THERE);
  assert_int_equal(root_link(root, "/usr").there, ABSENT);
  assert_int_equal(root_link(root, "/").there, ABSENT);
  assert_int_equal(root_link(root, "/none").there, ABSENT);

  struct stat stat;
  assert_int_equal(root_stat(root, &stat, "/lib"), THERE);
  assert_true(S_ISDIR(stat.st_mode));
  assert_int_equal(root_stat(root, &stat, "/lib/%s", "libcuda.so"), THERE);
  assert_int_equal(stat.st_size, 4);
  assert_int_equal(root_stat(root, NULL, "/usr/dangling"), ABSENT);
}

static void test_loops(void **state) {
  (void)state;
  tree_link(dir, "usr/self", "self");
  tree_link(dir, "usr/a", "b");
  tree_link(dir, "usr/b", "a/c");
  tree_link(dir, "usr/l0", "/etc/hostname");
  for (int i = 1; i <= 45; i++) {
    char name[32], target[32];
    snprintf(name, sizeof name, "usr/l%d", i);
    snprintf(target, sizeof target, "l%d", i - 1);
    tree_link(dir, name, target);
  }
  char wide[4000] = "";
  while (strlen(wide) < 3900) strcat(wide, "../usr/");
  strcat(wide, "wide");
  tree_link(dir, "usr/wide", wide);
  open_dir();
  is("/usr/self", ABSENT);
  is("/usr/self/more", ABSENT);
  is("/usr/b", ABSENT);
  says("/usr/l39", "inside\n"); // forty links
  is("/usr/l40", ABSENT);
  is("/usr/wide", ABSENT);
  assert_int_equal(root_link(root, "/usr/self").there, THERE);
}

static void test_long_paths(void **state) {
  (void)state;
  open_dir();
  static char path[10000];
  memset(path, 'a', sizeof path - 1);
  path[0] = '/';
  is(path, ABSENT);
  assert_int_equal(root_stat(root, NULL, "%s", path), ABSENT);
  for (size_t i = 0; i + 2 < sizeof path; i += 2) memcpy(path + i, "/a", 2);
  is(path, ABSENT);
  real_is(path, ABSENT, root_real(root, "%s", path).text);
  path[4000] = 0;
  is(path, ABSENT);
}

// ---- what is opened ----------------------------------------------------------------------------

static void test_only_files(void **state) {
  (void)state;
  char path[600];
  snprintf(path, sizeof path, "%s/etc/pipe", dir);
  assert_int_equal(mkfifo(path, 0600), 0);
  tree_link(dir, "etc/to-pipe", "pipe");
  snprintf(path, sizeof path, "%s/etc/null", dir);
  int device = mknod(path, S_IFCHR | 0600, 1 << 8 | 3);
  open_dir();
  is("/etc/pipe", ABSENT); // opening it for reading would wait for a writer
  is("/etc/to-pipe", ABSENT);
  assert_int_equal(root_file(root, "/etc/pipe"), -1);
  assert_int_equal(root_file(root, "/etc"), -1);
  assert_int_equal(root_names(root, "*", "/etc/pipe").there, ABSENT);
  assert_int_equal(root_stat(root, NULL, "/etc/pipe"), THERE);
  if (!device) is("/etc/null", ABSENT);
  int file = root_file(root, "/etc/hostname");
  char text[8] = "";
  assert_true(file >= 0);
  assert_int_equal(read(file, text, 7), 7);
  assert_string_equal(text, "inside\n");
  close(file);
}

static void test_how_much(void **state) {
  (void)state;
  char path[600];
  tree_bytes(dir, "etc/bytes", "a\0b\nc", 5);
  tree_file(dir, "etc/empty", "");
  tree_file(dir, "etc/large", "x");
  snprintf(path, sizeof path, "%s/etc/large", dir);
  assert_int_equal(truncate(path, 1 << 30), 0);
  open_dir();
  struct text text = root_text(root, ROOT_TEXT, "/etc/bytes");
  assert_int_equal(text.length, 5);
  assert_memory_equal(text.text, "a\0b\nc", 6);
  assert_false(text.cut);
  text = root_text(root, 5, "/etc/bytes");
  assert_int_equal(text.length, 5);
  assert_false(text.cut);
  text = root_text(root, 4, "/etc/bytes");
  assert_int_equal(text.length, 4);
  assert_memory_equal(text.text, "a\0b\n", 5);
  assert_true(text.cut);
  text = root_text(root, 0, "/etc/bytes");
  assert_int_equal(text.there, THERE);
  assert_true(text.cut && text.length == 0);
  text = root_text(root, 10, "/etc/empty");
  assert_int_equal(text.there, THERE);
  assert_true(!text.cut && text.length == 0);
  size_t before = arena.total;
  text = root_text(root, 100000, "/etc/large");
  assert_true(text.cut && text.length == 100000);
  assert_true(arena.total - before < 200000);
}

static void test_names(void **state) {
  (void)state;
  static const char *const made[] = {"b",       "a",        "libcudnn.so.9", "libcudnn.so.8",
                                     ".hidden", "\xff\xfe", "new\nline",     "Z"};
  for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
    char path[64];
    snprintf(path, sizeof path, "usr/lib/%s", made[i]);
    tree_file(dir, path, "");
  }
  tree_link(dir, "lib", "/usr/lib");
  tree_folder(dir, "usr/none");
  open_dir();
  struct names names = root_names(root, "*", "%s", "/lib");
  static const char *const sorted[] = {
      "Z", "a", "b", "libcudnn.so.8", "libcudnn.so.9", "new\nline", "\xff\xfe"};
  assert_int_equal(names.there, THERE);
  assert_string_equal(names.path, "/lib");
  assert_int_equal(names.count, 7);
  for (int i = 0; i < names.count; i++) assert_string_equal(names.name[i], sorted[i]);
  names = root_names(root, "libcudnn.so*", "/lib");
  assert_int_equal(names.count, 2);
  assert_string_equal(names.name[0], "libcudnn.so.8");
  names = root_names(root, ".h*", "/lib");
  assert_int_equal(names.count, 1);
  names = root_names(root, "*", "/usr/none");
  assert_true(names.there == THERE && names.count == 0);
  assert_int_equal(root_names(root, "*", "/none").there, ABSENT);
  assert_int_equal(root_names(root, "*", "/usr/lib/a").there, ABSENT);
  names = root_names(root, "*", "/");
  assert_int_equal(names.count, 3);
  assert_int_equal(root_text(root, 9, "/lib/%s", "\xff\xfe").there, THERE);
}

// ---- what is not known -------------------------------------------------------------------------

static void test_unread_list(void **state) {
  (void)state;
  tree_file(dir, ".whycpu/unread",
            "# what the capture could not read\n"
            "/proc/1/environ\n"
            "\n"
            "/root/\r\n"
            "/lib/modules//5.15\n"
            "/usr/given\n"
            "/usr/stand-in");
  tree_file(dir, "usr/given", "content");
  tree_file(dir, "usr/stand-in", "");
  tree_file(dir, "usr/lib/modules/6.1/a", "a");
  tree_folder(dir, "root");
  tree_file(dir, "root/here", "here");
  tree_link(dir, "lib", "usr/lib");
  tree_link(dir, "usr/to-root", "../root/x");
  open_dir();
  is("/proc/1/environ", UNREAD);
  is("/proc/1/environ/below", UNREAD);
  is("/proc/1", UNREAD); // for something in it is
  is("/proc/1/environment", ABSENT);
  is("/root/any/thing", UNREAD);
  is("/rooted", ABSENT);
  is("/usr/to-root", UNREAD);                    // reached through a link
  is("/usr/lib/modules/5.15/nvidia.ko", UNREAD); // the list has it through a link
  is("/lib/modules/5.15/nvidia.ko", UNREAD);
  is("/lib/modules/6.1/b", ABSENT);
  says("/lib/modules/6.1/a", "a");
  says("/usr/given", "content"); // what is there is there
  is("/usr/stand-in", UNREAD);
  assert_int_equal(root_file(root, "/usr/stand-in"), -1);
  assert_int_equal(root_stat(root, NULL, "/usr/stand-in"), THERE);
  assert_int_equal(root_stat(root, NULL, "/root"), THERE);
  assert_int_equal(root_stat(root, NULL, "/root/none"), UNREAD);
  struct names names = root_names(root, "*", "/root");
  assert_int_equal(names.there, UNREAD); // there may be more
  assert_int_equal(names.count, 1);
  assert_int_equal(root_names(root, "e*", "/proc/1").there, UNREAD);
  assert_int_equal(root_names(root, "*", "/usr/lib/modules").there, UNREAD); // lacks 5.15
  assert_int_equal(root_names(root, "6*", "/usr/lib/modules").there, THERE);
  assert_int_equal(root_names(root, "g*", "/usr").there, THERE); // has what is in the list
  real_is("/root/none", UNREAD, "/root/none");
  assert_int_equal(root_link(root, "/root/none").there, UNREAD);
}

static void test_all_unread(void **state) {
  (void)state;
  tree_file(dir, ".whycpu/unread", "/\n");
  open_dir();
  is("/proc/modules", UNREAD);
  is("/.whycpu/env", ABSENT); // of the snapshot itself
  says("/etc/hostname", "inside\n");
}

static void test_long_list(void **state) {
  (void)state;
  enum { LINES = 100000 };
  char *text = malloc(LINES * 20 + 1);
  assert_non_null(text);
  for (int i = 0; i < LINES; i++) snprintf(text + 20 * i, 21, "/usr/lib/x%09d\n", i);
  tree_file(dir, ".whycpu/unread", text);
  free(text);
  open_dir();
  is("/usr/lib/x000000001", UNREAD);
  is("/opt/none", UNREAD); // the list may go on with it
}

static void test_forbidden(void **state) {
  (void)state;
  if (geteuid() == 0) skip(); // root may read everything
  char path[600];
  tree_file(dir, "etc/secret", "secret");
  tree_file(dir, "srv/folder/file", "file");
  snprintf(path, sizeof path, "%s/etc/secret", dir);
  assert_int_equal(chmod(path, 0), 0);
  snprintf(path, sizeof path, "%s/srv/folder", dir);
  assert_int_equal(chmod(path, 0), 0);
  open_dir();
  is("/etc/secret", UNREAD);
  assert_int_equal(root_stat(root, NULL, "/etc/secret"), THERE);
  is("/srv/folder/file", UNREAD);
  assert_int_equal(root_names(root, "*", "/srv/folder").there, UNREAD);
  assert_int_equal(root_stat(root, NULL, "/srv/folder"), THERE);
  assert_int_equal(chmod(path, 0700), 0);
}

// ---- opening -----------------------------------------------------------------------------------

static void refuses(const char *path, const char *words) {
  assert_int_equal(open_root(path), WHY_BAD_INPUT);
  assert_null(root);
  if (!strstr(refused.text, words)) fail_msg("\"%s\" in \"%s\"", words, refused.text);
  if (strchr(refused.text, '\n')) fail_msg("two lines: %s", refused.text);
  arena_free(&arena);
}

static void test_refused(void **state) {
  (void)state;
  char path[600];
  tree_file(dir, "some/file", "no archive");
  snprintf(path, sizeof path, "%s/none", dir);
  refuses(path, "No such file or directory; a folder or a .tar.gz that whycpu doctor --capture");
  refuses("", "No such file or directory");
  snprintf(path, sizeof path, "%s/some/file", dir);
  refuses(path, "neither a folder nor an archive; a folder or a .tar.gz");
  refuses("/dev/null", "neither a folder nor an archive");
  snprintf(path, sizeof path, "%s/some", dir);
  refuses(path, "nothing of a machine");
}

static void test_versions(void **state) {
  (void)state;
  tree_file(dir, ".whycpu/version", "1\n");
  open_dir();
  close_root();
  tree_file(dir, ".whycpu/version", "2\n");
  refuses(dir, "a snapshot of format 2; this whycpu reads 1");
  tree_file(dir, ".whycpu/version", "1.5\n");
  refuses(dir, "a snapshot of format 1.5; this whycpu reads 1");
  tree_file(dir, ".whycpu/version", "\x1b[2J");
  refuses(dir, "a snapshot of format ?[2J;");
  tree_file(dir, ".whycpu/version", "");
  refuses(dir, "a snapshot of format (none)");
}

static void test_this_machine(void **state) {
  (void)state;
  assert_int_equal(open_root("/"), WHY_OK);
  assert_true(root_live(root));
  struct text text = root_text(root, ROOT_TEXT, "/proc/self/status"); // says that it has no bytes
  assert_int_equal(text.there, THERE);
  assert_true(text.length > 100 && strlen(text.text) == text.length);
  text = root_text(root, 10, "/proc/self/status");
  assert_true(text.cut && text.length == 10);
  assert_int_equal(root_names(root, "status", "/proc/%d", (int)getpid()).count, 1);
  assert_int_equal(root_text(root, ROOT_TEXT, "/.whycpu/env").there, ABSENT);
  char expected[32];
  snprintf(expected, sizeof expected, "/proc/%d", (int)getpid());
  real_is("/proc/self", THERE, expected);
}

// ---- watching ----------------------------------------------------------------------------------

static char watched[512];

static void watch(void *to, char kind, const char *path, size_t most) {
  assert_ptr_equal(to, watched);
  char line[64];
  snprintf(line, sizeof line, "%c %s %zu\n", kind, path, most);
  strcat(watched, line);
}

static void test_watching(void **state) {
  (void)state;
  open_dir();
  root_watch(root, watch, watched);
  root_text(root, 7, "/etc/hostname");
  root_names(root, "host*", "/etc");
  root_stat(root, NULL, "/none");
  root_link(root, "/etc");
  root_real(root, "/etc/x");
  assert_int_equal(root_file(root, "/none"), -1);
  root_watch(root, NULL, NULL);
  root_text(root, 7, "/etc/hostname");
  assert_string_equal(watched, "t /etc/hostname 7\nn /etc/host* 0\ns /none 0\nl /etc 0\n"
                               "s /etc/x 0\nf /none 0\n");
}

// Five hundred packages, looked at as the search for one does: fast enough to be asked at will.
static void test_speed(void **state) {
  (void)state;
  for (int i = 0; i < 500; i++) {
    char path[128];
    snprintf(path, sizeof path, "opt/venv/lib/python3.11/site-packages/p%d-1.dist-info/METADATA",
             i);
    tree_file(dir, path, "Name: p\nVersion: 1\n");
  }
  open_dir();
  struct timespec from, to;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
  static const char site[] = "/opt/venv/lib/python3.11/site-packages";
  struct names names = root_names(root, "*.dist-info", "%s", site);
  assert_int_equal(names.count, 500);
  for (int i = 0; i < names.count; i++) {
    root_stat(root, NULL, "%s/%s", site, names.name[i]);
    root_text(root, 4096, "%s/%s/METADATA", site, names.name[i]);
    root_stat(root, NULL, "%s/%s/RECORD", site, names.name[i]);
  }
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
  double seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
  printf("500 packages, 1500 looks: %.1f ms\n", 1e3 * seconds);
  assert_true(seconds < 0.5); // a tenth of it on an idle machine; sanitizers are slow
}

// ---- work in a root
// ------------------------------------------------------------------------------

static enum why_reason reads(struct root *in, void *to) {
  *(bool *)to = root_text(in, 64, "/proc/here").there == THERE;
  return WHY_OK;
}

static enum why_reason takes_all(struct root *in, void *to) {
  struct arena *own = to;
  while (in) arena_give(own, 1 << 20);
  return WHY_OK;
}

static void test_within(void **state) {
  (void)state;
  struct arena own = {0};
  struct why_error error;
  bool there = false;
  tree_file(dir, "proc/here", "x");
  assert_int_equal(root_within(dir, &own, &error, reads, &there), WHY_OK);
  assert_true(there);
  assert_int_equal(root_within(dir, &own, &error, takes_all, &own), WHY_ALLOC_FAILED);
  arena_free(&own);
  assert_int_equal(root_within("/nowhere/at all", &own, &error, reads, &there), WHY_BAD_INPUT);
  arena_free(&own);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_within),      TEST(test_plain_paths), TEST(test_links),        TEST(test_loops),
      TEST(test_long_paths),  TEST(test_only_files),  TEST(test_how_much),     TEST(test_names),
      TEST(test_unread_list), TEST(test_all_unread),  TEST(test_long_list),    TEST(test_forbidden),
      TEST(test_refused),     TEST(test_versions),    TEST(test_this_machine), TEST(test_watching),
      TEST(test_speed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
