// The linker's cache: both forms and the one inside the other; broken ones; this machine's, which
// must be what ldconfig prints.
#include "opened.h"
#include "resolve.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct bytes {
  char at[4096];
  size_t length;
};

static void put(struct bytes *bytes, uint32_t value) {
  for (int i = 0; i < 4; i++) bytes->at[bytes->length++] = (char)(value >> 8 * i);
}

static void put_text(struct bytes *bytes, const char *text, size_t length) {
  memcpy(bytes->at + bytes->length, text, length);
  bytes->length += length;
}

static const struct {
  const char *name, *path;
  int flags;
} rows[] = {
    {"libcuda.so.1", "/lib/x86_64-linux-gnu/libcuda.so.1", 0x0303},
    {"libcuda.so.1", "/lib/i386-linux-gnu/libcuda.so.1", 0x0003},
    {"liba.so", "/opt/lib/liba.so", 0x0a03},
};

static size_t put_strings(struct bytes *bytes, int count) {
  size_t from = bytes->length;
  for (int i = 0; i < count; i++) {
    put_text(bytes, rows[i].name, strlen(rows[i].name) + 1);
    put_text(bytes, rows[i].path, strlen(rows[i].path) + 1);
  }
  return bytes->length - from;
}

static void put_entries(struct bytes *bytes, int count, int words, uint32_t strings) {
  for (int i = 0; i < count; i++) {
    put(bytes, (uint32_t)rows[i].flags);
    put(bytes, strings);
    strings += (uint32_t)strlen(rows[i].name) + 1;
    put(bytes, strings);
    strings += (uint32_t)strlen(rows[i].path) + 1;
    for (int k = 3; k < words; k++) put(bytes, 0);
  }
}

static void put_old(struct bytes *bytes, int count, bool strings) {
  put_text(bytes, "ld.so-1.7.0", 12);
  put(bytes, (uint32_t)count);
  put_entries(bytes, count, 3, 0);
  if (strings) put_strings(bytes, count);
}

static void put_new(struct bytes *bytes, int count, unsigned order) {
  put_text(bytes, "glibc-ld.so.cache1.1", 20);
  put(bytes, (uint32_t)count);
  put(bytes, 0);
  put(bytes, order);
  for (int i = 0; i < 4; i++) put(bytes, 0);
  put_entries(bytes, count, 6, 48 + 24 * (uint32_t)count);
  put_strings(bytes, count);
}

static void is_all(struct ld_cache cache, int count) {
  assert_string_equal(cache.why, "");
  assert_int_equal(cache.there, THERE);
  assert_int_equal(cache.entries, count);
  for (int i = 0; i < count; i++) {
    assert_string_equal(cache.entry[i].name, rows[i].name);
    assert_string_equal(cache.entry[i].path, rows[i].path);
    assert_int_equal(cache.entry[i].flags, rows[i].flags);
  }
}

static void each_form(void **state) {
  (void)state;
  for (int count = 0; count <= 3; count++) {
    struct bytes new = {.length = 0}, old = {.length = 0};
    put_new(&new, count, 2);
    is_all(ld_cache_parse(&here.arena, new.at, new.length), count);
    put_old(&old, count, true);
    is_all(ld_cache_parse(&here.arena, old.at, old.length), count);
    for (int align = 4; align <= 8; align += 4) {
      struct bytes both = {.length = 0};
      put_old(&both, count, false);
      while (both.length % (size_t)align) both.at[both.length++] = 0;
      size_t from = both.length;
      put_new(&both, 3, 0);
      assert_true(from < both.length);
      is_all(ld_cache_parse(&here.arena, both.at, both.length), 3);
    }
  }
  struct bytes big = {.length = 0}; // says big-endian, which no cache of such a machine is
  put_new(&big, 3, 3);
  is_all(ld_cache_parse(&here.arena, big.at, big.length), 3);
}

static void what_is_no_cache(void **state) {
  (void)state;
  struct bytes bytes = {.length = 0};
  put_new(&bytes, 3, 2);
  for (size_t cut = 0; cut < bytes.length; cut++) {
    char *exact = malloc(cut + 1); // so that a read behind the end is seen
    memcpy(exact, bytes.at, cut);
    exact[cut] = 'x';
    struct ld_cache cache = ld_cache_parse(&here.arena, exact, cut);
    assert_int_equal(cache.there, ABSENT);
    assert_true(*cache.why);
    free(exact);
  }
  memset(bytes.at + 20, 0xff, 4);
  assert_int_equal(ld_cache_parse(&here.arena, bytes.at, bytes.length).there, ABSENT);
  bytes = (struct bytes){.length = 0};
  put_old(&bytes, 3, true);
  for (size_t cut = 0; cut < bytes.length; cut++)
    assert_int_equal(ld_cache_parse(&here.arena, bytes.at, cut).there, ABSENT);
}

static void flipped(void **state) {
  (void)state;
  srand(11);
  for (int i = 0; i < 5000; i++) {
    struct bytes bytes = {.length = 0};
    if (i % 2) put_old(&bytes, 3, false);
    put_new(&bytes, 3, 2);
    for (int flips = 1 + rand() % 3; flips; flips--)
      bytes.at[(size_t)rand() % bytes.length] = (char)rand();
    struct ld_cache cache = ld_cache_parse(&here.arena, bytes.at, bytes.length);
    for (int k = 0; k < cache.entries; k++)
      assert_true(strlen(cache.entry[k].name) + strlen(cache.entry[k].path) < bytes.length * 2);
  }
}

static void of_a_root(void **state) {
  (void)state;
  assert_int_equal(ld_cache_read(here.root, &here.arena).there, ABSENT);
  struct bytes bytes = {.length = 0};
  put_new(&bytes, 3, 2);
  tree_bytes(here.dir, "/etc/ld.so.cache", bytes.at, bytes.length);
  is_all(ld_cache_read(here.root, &here.arena), 3);
  tree_file(here.dir, "/etc/ld.so.cache", "nothing of the kind");
  struct ld_cache cache = ld_cache_read(here.root, &here.arena);
  assert_int_equal(cache.there, ABSENT);
  assert_string_equal(cache.why, "it is no cache of glibc's");
}

static void the_same_as_ldconfig(void **state) {
  (void)state;
  struct opened machine;
  opened_begin(&machine);
  opened_root(&machine, "/");
  struct ld_cache cache = ld_cache_read(machine.root, &machine.arena);
  char line[4096];
  int at = 0;
  FILE *output = popen("PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null", "r");
  while (output && fgets(line, sizeof line, output)) {
    char *path = strstr(line, " => "), *name = line + strspn(line, "\t ");
    if (!path) continue;
    path += 4;
    path[strcspn(path, "\n")] = 0;
    name[strcspn(name, " ")] = 0;
    if (cache.there != THERE) break;
    assert_true(at < cache.entries);
    assert_string_equal(cache.entry[at].name, name);
    assert_string_equal(cache.entry[at++].path, path);
  }
  bool ran = output && pclose(output) == 0;
  if (at) assert_int_equal(at, cache.entries);
  opened_end(&machine);
  if (!ran || !at) {
    print_message("no ldconfig here, or no cache\n");
    skip();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(each_form, begin, end),
      cmocka_unit_test_setup_teardown(what_is_no_cache, begin, end),
      cmocka_unit_test_setup_teardown(flipped, begin, end),
      cmocka_unit_test_setup_teardown(of_a_root, begin, end),
      cmocka_unit_test(the_same_as_ldconfig),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
