// The process asked about: as a snapshot records it, odd and hostile records, and this process.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probing.h"
#include <cmocka.h>

static struct facts *probe(struct probing *p, struct ask ask) {
  struct facts *f = probing_facts(p);
  probe_process(f, &ask);
  return f;
}

static void nothing_recorded_is_unknown(void **state) {
  struct facts *f = probe(*state, (struct ask){0});
  assert_int_equal(f->process.known, UNKNOWN);
  assert_int_equal(f->process.env_known, UNKNOWN);
  assert_false(f->process.as_limit_known);
  assert_null(f->process.python);
  assert_null(f->process.cwd);
  assert_int_equal(f->process.root_in_user_namespace, UNKNOWN);
  assert_null(env_of(f, "PATH"));
}

static void record_is_read(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, ".whycpu/process",
            "uid=1000\r\ngid=100\n\nnonsense\n=\ngroups=4, 44,,x,4294967296,999\n"
            "python=/opt/venv/bin/python\ncwd=/home/u\nas_limit=8589934592\nuid=minus\n");
  tree_file(p->dir, ".whycpu/env",
            "PATH=/opt/venv/bin:/usr/bin\nEMPTY=\n# A=comment\nnothing\n=x\nA=b=c\nA=second\n");
  tree_bytes(p->dir, "proc/self/attr/current", "system_u:system_r:container_t:s0\0", 33);
  struct facts *f = probe(p, (struct ask){0});
  assert_int_equal(f->process.known, YES);
  assert_int_equal(f->process.uid, 1000);
  assert_int_equal(f->process.gid, 100);
  assert_int_equal(f->process.groups, 3);
  assert_int_equal(f->process.group[2], 999);
  assert_string_equal(f->process.python, "/opt/venv/bin/python");
  assert_string_equal(f->process.cwd, "/home/u");
  assert_true(f->process.as_limit_known);
  assert_int_equal(f->process.as_limit_bytes, 8589934592);
  assert_string_equal(f->process.label.text, "system_u:system_r:container_t:s0");
  assert_int_equal(f->process.env_known, YES);
  assert_int_equal(f->process.envs, 4);
  assert_string_equal(env_of(f, "EMPTY"), "");
  assert_string_equal(env_of(f, "A"), "b=c");
  assert_null(env_of(f, "#"));
  assert_int_equal(f->process.root_in_user_namespace, NO);
}

static void root_is_told_from_a_namespaces_root(void **state) {
  struct probing *p = *state;
  static const struct {
    const char *map;
    enum known inside;
  } rows[] = {{"         0          0 4294967295\n", NO},
              {"0 1000 1\n1 100000 65536\n", YES},
              {"0 0 65536\n", YES},
              {"", YES},
              {"0", UNKNOWN}};
  tree_file(p->dir, ".whycpu/process", "uid=0\ngid=0\nas_limit=unlimited\n");
  assert_int_equal(probe(p, (struct ask){0})->process.root_in_user_namespace, NO);
  assert_int_equal(p->facts.process.as_limit_bytes, UINT64_MAX);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    tree_file(p->dir, "proc/self/uid_map", rows[i].map);
    assert_int_equal(probe(p, (struct ask){0})->process.root_in_user_namespace, rows[i].inside);
  }
  tree_remove(p->dir, "proc");
  tree_file(p->dir, ".whycpu/unread", "/proc/self\n");
  assert_int_equal(probe(p, (struct ask){0})->process.root_in_user_namespace, UNKNOWN);
}

static void programs_are_found_by_path(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, ".whycpu/process", "uid=0\ngid=0\npython=/a/python\ncwd=/srv/here\n");
  tree_file(p->dir, ".whycpu/env", "PATH=relative::/opt/bin:/usr/bin\n");
  tree_file(p->dir, "usr/bin/python3", "");
  tree_file(p->dir, "usr/bin/main", "");
  tree_folder(p->dir, "opt/bin/python3");
  tree_file(p->dir, "srv/here/main", "");
  struct facts *f = probe(p, (struct ask){.python = "python3", .program = "main"});
  assert_string_equal(f->process.python, "/usr/bin/python3");
  assert_string_equal(f->process.program, "/srv/here/main");
  f = probe(p, (struct ask){.python = "bin/python", .program = "/abs"});
  assert_string_equal(f->process.python, "/srv/here/bin/python");
  assert_string_equal(f->process.program, "/abs");
  f = probe(p, (struct ask){.python = "nowhere"});
  assert_string_equal(f->process.python, "/srv/here/nowhere");
  assert_string_equal(probe(p, (struct ask){0})->process.python, "/a/python");
}

static void too_much_is_not_all(void **state) {
  struct probing *p = *state;
  enum { SIZE = 300 << 10 };
  char *text = malloc(SIZE + 1);
  assert_non_null(text);
  for (int i = 0; i < SIZE; i += 4) memcpy(text + i, "A=1\n", 4);
  text[SIZE] = 0;
  tree_file(p->dir, ".whycpu/env", text);
  struct facts *f = probe(p, (struct ask){0});
  assert_int_equal(f->process.env_known, UNKNOWN);
  assert_true(f->process.envs <= 4096);
  memcpy(text, "groups=", 7);
  for (int i = 7; i < SIZE; i++) text[i] = i % 2 ? '7' : ',';
  tree_file(p->dir, ".whycpu/process", text);
  f = probe(p, (struct ask){0});
  assert_true(f->process.groups <= 1024);
  free(text);
}

static void this_process(void **state) {
  struct facts *f = probing_live(*state);
  setenv("WHYCPU_TEST_PROBE", "a value", 1);
  struct ask ask = {.program = "./somewhere/program"};
  probe_process(f, &ask);
  assert_int_equal(f->process.known, YES);
  assert_int_equal(f->process.uid, getuid());
  assert_string_equal(env_of(f, "WHYCPU_TEST_PROBE"), "a value");
  assert_non_null(f->process.cwd);
  assert_int_equal(*f->process.program, '/');
  assert_true(f->process.as_limit_known);
}

static void another_process(void **state) {
  struct facts *f = probing_live(*state);
  struct ask ask = {.pid = getpid()};
  probe_process(f, &ask);
  assert_int_equal(f->process.known, YES);
  assert_int_equal(f->process.uid, geteuid());
  assert_int_equal(f->process.gid, getegid());
  char here[4096];
  assert_non_null(getcwd(here, sizeof here));
  assert_string_equal(f->process.cwd, here);
  assert_true(f->process.as_limit_known);
  assert_non_null(f->process.program);
  assert_non_null(strstr(f->process.program, "test_probes_process"));
  assert_int_equal(f->process.env_known, YES);
  assert_non_null(env_of(f, "PATH"));

  f = probing_live(*state);
  ask.pid = 0x7ffffff0; // above what the kernel gives
  probe_process(f, &ask);
  assert_int_equal(f->process.known, UNKNOWN);
  assert_int_equal(f->process.env_known, UNKNOWN);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, probing_begin, probing_end)
  static const struct CMUnitTest tests[] = {TEST(nothing_recorded_is_unknown),
                                            TEST(record_is_read),
                                            TEST(root_is_told_from_a_namespaces_root),
                                            TEST(programs_are_found_by_path),
                                            TEST(too_much_is_not_all),
                                            TEST(this_process),
                                            TEST(another_process)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
