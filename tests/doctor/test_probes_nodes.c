// Device nodes: a snapshot's list, good, odd and hostile.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probing.h"
#include <cmocka.h>

static struct nodes *probe(struct probing *p, const char *list) {
  if (list) tree_file(p->dir, ".whycpu/nodes", list);
  struct facts *f = probing_facts(p);
  probe_nodes(f);
  return &f->nodes;
}

static void no_list_is_unknown(void **state) {
  struct nodes *nodes = probe(*state, NULL);
  assert_int_equal(nodes->known, UNKNOWN);
  assert_string_equal(nodes->path, "/.whycpu/nodes");
  nodes = probe(*state, "# nothing here\n");
  assert_int_equal(nodes->known, YES);
  assert_int_equal(nodes->count, 0);
}

static void lines_are_read(void **state) {
  struct probing *p = *state;
  struct nodes *nodes = probe(p, "/dev/nvidia0 c 0666 0 0 195 0\n"
                                 "/dev/nvidiactl\tc 20660 0 44 195 255 open=EACCES # a comment\r\n"
                                 "/dev/nvidia-uvm c 666 1000 1000 510 0 open=1\n"
                                 "/dev/dri/renderD128 c 660 0 110 226 128 open=EWHATEVER\n"
                                 "/dev/sda b 660 0 6 8 0 open=0\n");
  assert_int_equal(nodes->count, 5);
  const struct node *node = node_of(&p->facts, "/dev/nvidia0");
  assert_non_null(node);
  assert_int_equal(node->opens, YES);
  assert_int_equal(node->mode, 0666);
  assert_int_equal(node->major, 195);
  node = node_of(&p->facts, "/dev/nvidiactl");
  assert_int_equal(node->opens, NO);
  assert_int_equal(node->open_error, EACCES);
  assert_int_equal(node->mode, 0660);
  assert_int_equal(node->gid, 44);
  assert_int_equal(node->minor, 255);
  assert_int_equal(nodes->node[2].open_error, EPERM);
  assert_int_equal(nodes->node[3].opens, NO);
  assert_int_equal(nodes->node[3].open_error, 0);
  assert_int_equal(nodes->node[4].opens, YES);
  assert_int_equal(nodes->node[4].type, 'b');
  assert_null(node_of(&p->facts, "/dev/nvidia1"));
}

static void bad_lines_are_passed_over(void **state) {
  struct nodes *nodes =
      probe(*state, "/dev/a\n/dev/b c\n/dev/c x 666 0 0 1 1\n/dev/d c 999 0 0 1 1\n"
                    "dev/e c 666 0 0 1 1\n/dev/f c 666 -1 0 1 1\n"
                    "/dev/g c 666 0 0 99999999999 1\n\n   \n"
                    "/dev/h c 666 0 0 1\n/dev/ok c 666 0 0 1 1\n/dev/i c 666 0 0");
  assert_int_equal(nodes->known, YES);
  assert_int_equal(nodes->count, 1);
  assert_string_equal(nodes->node[0].path, "/dev/ok");
}

static void too_many_are_not_all(void **state) {
  struct probing *p = *state;
  static const char line[] = "/dev/nvidia0 c 0666 0 0 195 0\n";
  enum { COUNT = 5000 };
  char *text = calloc(COUNT, sizeof line);
  assert_non_null(text);
  for (int i = 0; i < COUNT; i++) memcpy(text + (size_t)i * (sizeof line - 1), line, sizeof line);
  struct nodes *nodes = probe(p, text);
  free(text);
  assert_int_equal(nodes->count, 4096);
  assert_int_equal(nodes->known, UNKNOWN);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, probing_begin, probing_end)
  static const struct CMUnitTest tests[] = {TEST(no_list_is_unknown), TEST(lines_are_read),
                                            TEST(bad_lines_are_passed_over),
                                            TEST(too_many_are_not_all)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
