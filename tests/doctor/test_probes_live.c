// All probes of the machine itself on this one: whatever it is, they come to an end soon, and what
// they say holds together.
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "probing.h"
#include <cmocka.h>

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void this_machine(void **state) {
  struct facts *f = probing_live(*state);
  double before = seconds();
  probe_process(f, &(struct ask){0});
  probe_scope(f);
  probe_pci(f);
  probe_kernel(f);
  probe_log(f);
  probe_nodes(f);
  probe_container(f);
  double took = seconds() - before;
  print_message("%.1f ms; platform %d, arch %d, container %s, virtual '%s', %d functions, %d GPUs, "
                "%d modules, %d log lines, %d nodes\n",
                took * 1e3, f->scope.platform, f->scope.arch, f->scope.container_kind,
                f->scope.virtual, f->pci.functions, f->pci.gpus, f->kernel.files, f->log.lines,
                f->nodes.count);
  assert_true(took < 1);
  assert_int_equal(f->process.known, YES);
  assert_int_equal(f->scope.platform_known, YES);
  assert_int_not_equal(f->scope.arch, ARCH_UNKNOWN);
  assert_int_equal(f->scope.release.there, THERE);
  assert_true(f->pci.gpus <= f->pci.functions);
  assert_non_null(f->log.path);
  assert_string_equal(f->nodes.path, "/dev");
  for (int i = 0; i < f->pci.gpus; i++) assert_int_not_equal(f->pci.gpu[i].device, 0);
  for (int i = 0; i < f->nodes.count; i++) {
    assert_ptr_equal(node_of(f, f->nodes.node[i].path), &f->nodes.node[i]);
    assert_false(f->nodes.node[i].opens == YES && f->nodes.node[i].open_error);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(this_machine, probing_begin, probing_end)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
