// Archives of snapshots: what is in one is found as in a folder, what would lead out of it or fill
// the disk is refused in a line, and nothing is left behind.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "in_root.h"
#include "tar.h"
#include "tree.h"
#include <cmocka.h>

static char dir[TREE_PATH], path[TREE_PATH + 32];
static struct tar tar;

static int begin(void **state) {
  (void)state;
  tree_begin(dir);
  snprintf(path, sizeof path, "%s/snapshot.tar.gz", dir);
  setenv("TMPDIR", dir, 1);
  if (dir[0] != '/') { // a folder of the current one: TMPDIR is absolute
    char full[TREE_PATH];
    if (!getcwd(full, sizeof full)) return 1;
    strncat(full, dir + 1, sizeof full - strlen(full) - 1);
    setenv("TMPDIR", full, 1);
  }
  tar_text(&tar, "etc/hostname", "inside\n");
  return 0;
}

static int end(void **state) {
  (void)state;
  close_root();
  unsetenv("TMPDIR");
  tar_free(&tar);
  int left = 0;
  DIR *list = opendir(dir);
  for (const struct dirent *entry; (entry = readdir(list));)
    left += strncmp(entry->d_name, "whycpu-", 7) == 0;
  closedir(list);
  tree_end(dir);
  if (left) fprintf(stderr, "%d folders are left\n", left);
  return left;
}

static void opens(void) {
  tar_end(&tar);
  tar_write_gzip(&tar, path, 0);
  if (open_root(path) != WHY_OK) fail_msg("%s", refused.text);
}

static void refuses(const char *words) {
  assert_int_equal(open_root(path), WHY_BAD_INPUT);
  assert_null(root);
  if (!strstr(refused.text, words)) fail_msg("\"%s\" in \"%s\"", words, refused.text);
  if (strchr(refused.text, '\n')) fail_msg("two lines: %s", refused.text);
  arena_free(&arena);
}

static void refuses_tar(const char *words) {
  tar_end(&tar);
  tar_write_gzip(&tar, path, 0);
  refuses(words);
}

static void says(const char *file, const char *expected) {
  struct text text = root_text(root, ROOT_TEXT, "%s", file);
  if (text.there != THERE) fail_msg("%s: %d", file, text.there);
  assert_string_equal(text.text, expected);
}

// ---- what is in one ----------------------------------------------------------------------------

static void test_members(void **state) {
  (void)state;
  tar_member(&tar, '5', "./usr/", "", "", 0);
  tar_text(&tar, "./usr/lib/a", "relative");
  tar_text(&tar, "/usr/lib//b", "absolute");
  tar_text(&tar, "usr/./lib/c", "first");
  tar_text(&tar, "usr/lib/c", "second");
  tar_member(&tar, '2', "lib", "/usr/lib", "", 0);
  tar_member(&tar, '2', "usr/out", "../../../../etc/passwd", "", 0);
  tar_member(&tar, '1', "usr/same", "./usr/lib/a", "", 0);
  tar_member(&tar, '3', "dev/null", "", "", 0);
  tar_member(&tar, '6', "run/pipe", "", "", 0);
  tar_text(&tar, "usr/\xff\xfe", "bytes");
  tar_member(&tar, '2', "usr/was-link", "lib/a", "", 0);
  tar_text(&tar, "usr/was-link", "file");
  tar_member(&tar, '5', "usr/was-folder", "", "", 0);
  tar_text(&tar, "usr/was-folder", "file");
  tar_text(&tar, "usr/was-file", "file");
  tar_member(&tar, '5', "usr/was-file", "", "", 0);
  tar_text(&tar, "usr/was-file/a", "below");
  opens();
  says("/etc/hostname", "inside\n");
  says("/usr/lib/a", "relative");
  says("/lib/b", "absolute");
  says("/usr/lib/c", "second");
  says("/usr/same", "relative");
  says("/usr/\xff\xfe", "bytes");
  says("/usr/was-link", "file");
  says("/usr/lib/a", "relative"); // it was not written through the link
  says("/usr/was-folder", "file");
  says("/usr/was-file/a", "below");
  assert_int_equal(root_text(root, 9, "/usr/out").there, ABSENT);
  assert_int_equal(root_stat(root, NULL, "/dev/null"), ABSENT);
  assert_int_equal(root_stat(root, NULL, "/run/pipe"), ABSENT);
  assert_string_equal(root_said(root), path);
  assert_false(root_live(root));
}

static void test_plain_tar(void **state) {
  (void)state;
  tar_end(&tar);
  tar_write(&tar, path);
  assert_int_equal(open_root(path), WHY_OK);
  says("/etc/hostname", "inside\n");
}

static void test_a_folder_above(void **state) {
  (void)state;
  tar_free(&tar);
  tar_text(&tar, "snap/.whycpu/version", "1\n");
  tar_text(&tar, "snap/usr/a", "a");
  tar_member(&tar, '2', "snap/lib", "/usr", "", 0);
  opens();
  says("/lib/a", "a");
  says("/.whycpu/version", "1\n");
}

// A header of GNU's old sparse form: a file of a terabyte with one byte at its end.
static void test_holes(void **state) {
  (void)state;
  char byte[512] = "x";
  tar_member(&tar, 'S', "usr/large", "", byte, 1);
  char *head = tar.bytes + tar.length - 1024;
  snprintf(head + 386, 12, "%011llo", (1ull << 30) - 1);
  snprintf(head + 398, 12, "%011o", 1);
  snprintf(head + 483, 12, "%011llo", 1ull << 30);
  memcpy(head + 257, "ustar  ", 8);
  memset(head + 148, ' ', 8);
  unsigned sum = 0;
  for (int i = 0; i < 512; i++) sum += (unsigned char)head[i];
  snprintf(head + 148, 8, "%06o", sum);
  opens();
  struct stat stat;
  assert_int_equal(root_stat(root, &stat, "/usr/large"), THERE);
  assert_int_equal(stat.st_size, 1 << 30);
  assert_true(stat.st_blocks < 100);
}

static void test_names_in_utf8(void **state) {
  (void)state;
  static const char record[] = "30 path=home/j\xc3\xbcrgen/\xe7\x8c\xab/file\n";
  assert_int_equal(strlen(record), 30);
  tar_member(&tar, 'x', "pax", "", record, strlen(record));
  tar_text(&tar, "short", "long");
  opens();
  says("/home/j\xc3\xbcrgen/\xe7\x8c\xab/file", "long");
}

// ---- what is refused ---------------------------------------------------------------------------

static void test_climbing(void **state) {
  (void)state;
  tar_text(&tar, "usr/../../outside", "x");
  refuses_tar("usr/../../outside climbs out with ..");
}

static void test_climbing_hard_link(void **state) {
  (void)state;
  tar_member(&tar, '1', "usr/passwd", "../../../etc/passwd", "", 0);
  refuses_tar("which climbs out with ..");
}

static void test_hard_link_to_nothing(void **state) {
  (void)state;
  tar_member(&tar, '1', "usr/passwd", "/etc/passwd", "", 0);
  refuses_tar("etc/passwd, which the archive does not have");
}

static void test_hard_link_through_link(void **state) {
  (void)state;
  tar_member(&tar, '2', "usr/out", "/etc", "", 0);
  tar_member(&tar, '1', "usr/passwd", "usr/out/passwd", "", 0);
  refuses_tar("below a link or a file");
}

static void test_through_link(void **state) {
  (void)state;
  char out[TREE_PATH + 32];
  snprintf(out, sizeof out, "%s/outside", dir);
  tree_folder(dir, "outside");
  tar_member(&tar, '2', "usr/out", out[0] == '/' ? out : "../../outside", "", 0);
  tar_text(&tar, "usr/out/file", "x");
  refuses_tar("below a link or a file");
  snprintf(out, sizeof out, "%s/outside/file", dir);
  assert_int_equal(access(out, F_OK), -1);
}

static void test_below_file(void **state) {
  (void)state;
  tar_text(&tar, "etc/hostname/file", "x");
  refuses_tar("below a link or a file");
}

static void test_folder_in_the_way(void **state) {
  (void)state;
  tar_text(&tar, "etc", "x");
  refuses_tar("etc: Directory not empty");
}

static void test_no_machine(void **state) {
  (void)state;
  tar_free(&tar);
  tar_text(&tar, "a/b", "x");
  tar_text(&tar, "c/d", "x");
  refuses_tar("nothing of a machine");
  tar_free(&tar);
  refuses_tar("nothing of a machine");
}

static void test_other_version(void **state) {
  (void)state;
  tar_text(&tar, ".whycpu/version", "7\n");
  refuses_tar("a snapshot of format 7; this whycpu reads 1");
}

static void test_control_characters(void **state) {
  (void)state;
  tar_text(&tar, "usr/\x1b[2J\n/../x", "x");
  refuses_tar("usr/?[2J?/../x climbs out");
}

static void test_cut_short(void **state) {
  (void)state;
  static char much[100000];
  tar_member(&tar, '0', "usr/much", "", much, sizeof much);
  tar_end(&tar);
  for (size_t cut = 1; cut < tar.length + 28; cut += cut < 20 ? 1 : 997) {
    tar_write_gzip(&tar, path, cut);
    refuses(cut > tar.length + 26 ? "neither" : "damaged");
  }
}

static void test_damaged(void **state) {
  (void)state;
  static const char head[] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
  tar_free(&tar);
  tar_raw(&tar, head, sizeof head);
  for (int i = 0; i < 4000; i++) tar_raw(&tar, &(char){(char)(i * 7 + i / 3)}, 1);
  tar_write(&tar, path);
  refuses("damaged");
  tar_free(&tar);
  for (int i = 0; i < 4000; i++) tar_raw(&tar, "no tar at all ", 14);
  tar_write_gzip(&tar, path, 0);
  refuses("damaged, or no archive of a snapshot");
}

static void test_deep(void **state) {
  (void)state;
  char name[100] = "";
  for (int i = 0; i < 49; i++) strcat(name, "a/");
  char longer[512];
  int length = snprintf(longer, sizeof longer, "    path=%s%s%s%s\n", name, name, name, name);
  char number[8];
  snprintf(number, sizeof number, "%d", length);
  memcpy(longer, number, 3);
  tar_member(&tar, 'x', "pax", "", longer, (size_t)length);
  tar_text(&tar, "short", "x");
  refuses_tar("deeper than a snapshot goes");
}

// ---- what would fill memory or the disk --------------------------------------------------------

static void test_long_header(void **state) {
  (void)state;
  char *much = calloc(1, 3 << 20);
  assert_non_null(much);
  tar_member(&tar, 'L', "././@LongLink", "", much, 3 << 20);
  free(much);
  tar_text(&tar, "usr/a", "x");
  refuses_tar("damaged");
}

static void test_long_map(void **state) {
  (void)state;
  // A sparse file of GNU's form 1.0, whose map is content: ten million holes.
  static const char record[] = "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
                               "30 GNU.sparse.realsize=1000000\n";
  tar_member(&tar, 'x', "pax", "", record, strlen(record));
  struct tar map = {0};
  tar_raw(&map, "5000000\n", 8);
  for (int i = 0; i < 1000000; i++) tar_raw(&map, "1\n1\n", 4);
  tar_member(&tar, '0', "usr/a", "", map.bytes, map.length);
  tar_free(&map);
  refuses_tar("longer than 1 MiB");
}

static void test_bomb(void **state) {
  (void)state;
  enum { MEGABYTES = 300 };
  tar_member(&tar, '0', "usr/zeros", "", "", 0);
  char *head = tar.bytes + tar.length - 512;
  snprintf(head + 124, 12, "%011llo", (unsigned long long)MEGABYTES << 20);
  memset(head + 148, ' ', 8);
  unsigned sum = 0;
  for (int i = 0; i < 512; i++) sum += (unsigned char)head[i];
  snprintf(head + 148, 8, "%06o", sum);
  tar_write_gzip(&tar, path, 0);
  FILE *file = fopen(path, "abe");
  unsigned char zeros[16 << 10];
  size_t length = gzip_zeros(zeros);
  assert_non_null(file);
  for (int i = 0; i < MEGABYTES; i++) assert_int_equal(fwrite(zeros, 1, length, file), length);
  fclose(file);
  refuses("unpacks to more than 256 MiB");
}

static bool has_libarchive(void) {
  char here[TREE_PATH];
  tree_begin(here);
  snprintf(path, sizeof path, "%s/a.tar", here);
  tar_text(&tar, "etc/a", "");
  tar_end(&tar);
  tar_write(&tar, path);
  bool has = open_root(path) == WHY_OK || !strstr(refused.text, "without libarchive");
  close_root();
  tar_free(&tar);
  tree_end(here);
  return has;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
  printf("SKIP: libarchive is not built with MemorySanitizer, which finds it at fault\n");
  return 77;
#endif
#endif
  if (!has_libarchive()) {
    printf("SKIP: built without libarchive\n");
    return 77;
  }
  const struct CMUnitTest tests[] = {
      TEST(test_members),
      TEST(test_plain_tar),
      TEST(test_a_folder_above),
      TEST(test_holes),
      TEST(test_names_in_utf8),
      TEST(test_climbing),
      TEST(test_climbing_hard_link),
      TEST(test_hard_link_to_nothing),
      TEST(test_hard_link_through_link),
      TEST(test_through_link),
      TEST(test_below_file),
      TEST(test_folder_in_the_way),
      TEST(test_no_machine),
      TEST(test_other_version),
      TEST(test_control_characters),
      TEST(test_cut_short),
      TEST(test_damaged),
      TEST(test_deep),
      TEST(test_long_header),
      TEST(test_long_map),
      TEST(test_bomb),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
