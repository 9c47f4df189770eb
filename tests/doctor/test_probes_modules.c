// Where nvidia.ko lies, of which kernels, and what is not one; sources and headers.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "probing.h"
#include <cmocka.h>

static struct kernel *probe(struct probing *p) {
  struct facts *f = probing_facts(p);
  probe_scope(f);
  probe_kernel(f);
  return &f->kernel;
}

static int begin(void **state) {
  if (probing_begin(state)) return -1;
  struct probing *p = *state;
  tree_file(p->dir, "proc/sys/kernel/osrelease", "6.1.0-2\n");
  return 0;
}

static void files_in_known_folders(void **state) {
  static const char *const files[] = {"updates/dkms/nvidia.ko",
                                      "updates/dkms/nvidia.ko.zst",
                                      "updates/dkms/nvidia-current.ko",
                                      "extra/nvidia/nvidia.ko.xz",
                                      "extra/nvidia.ko",
                                      "weak-updates/nvidia-open/nvidia.ko",
                                      "kernel/drivers/video/nvidia.ko",
                                      "kernel/drivers/char/drm/nvidia.ko.gz",
                                      "kernel/nvidia-550/nvidia.ko",
                                      "extramodules/nvidia.ko.zst",
                                      "updates/dkms/nvidia-tesla-470.ko",
                                      "some/where/else/nvidia.ko"};
  struct probing *p = *state;
  char path[256];
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    snprintf(path, sizeof path, "lib/modules/6.1.0-2/%s", files[i]);
    tree_file(p->dir, path, "");
    struct kernel *k = probe(p);
    assert_int_equal(k->file_here, YES);
    assert_int_equal(k->files, 1);
    assert_string_equal(k->file[0].release, "6.1.0-2");
    assert_string_equal(k->file[0].path + 1, path);
    tree_remove(p->dir, "lib");
  }
}

static void others_are_none(void **state) {
  static const char *const files[] = {"updates/dkms/nvidia-drm.ko",
                                      "updates/dkms/nvidia-current-uvm.ko",
                                      "updates/dkms/nvidia_367_uvm.ko",
                                      "kernel/drivers/platform/x86/nvidia-wmi-ec-backlight.ko",
                                      "updates/nvidia.ko.sig",
                                      "updates/nvidia.kore",
                                      "updates/nvidia-",
                                      "updates/.ko"};
  struct probing *p = *state;
  char path[256];
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    snprintf(path, sizeof path, "lib/modules/6.1.0-2/%s", files[i]);
    tree_file(p->dir, path, "");
    struct kernel *k = probe(p);
    assert_int_equal(k->files, 0);
    assert_int_equal(k->file_here, NO);
  }
}

static void another_kernels_file(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, "usr/lib/modules/6.1.0-1/updates/dkms/nvidia.ko.xz", "");
  tree_link(p->dir, "lib", "usr/lib");
  struct kernel *k = probe(p);
  assert_int_equal(k->file_here, NO);
  assert_int_equal(k->files, 1);
  assert_string_equal(k->file[0].release, "6.1.0-1");
  assert_int_equal(k->headers, NO);
  assert_string_equal(k->headers_path, "/lib/modules/6.1.0-2/build");
  assert_int_equal(k->sources, NO);
  tree_file(p->dir, ".whycpu/unread", "/usr/lib/modules/6.1.0-2\n");
  assert_int_equal(probe(p)->file_here, UNKNOWN);
  tree_folder(p->dir, "usr/lib/modules/6.1.0-2");
  assert_int_equal(probe(p)->file_here, UNKNOWN);
  tree_file(p->dir, ".whycpu/unread", "/lib/modules\n/usr/lib/modules\n");
  tree_remove(p->dir, "usr");
  assert_int_equal(probe(p)->file_here, UNKNOWN);
}

static void depmods_list(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, "lib/modules/6.1.0-2/modules.dep",
            "kernel/a.ko: kernel/b.ko\nodd/place/nvidia.ko.zst: kernel/c.ko\nnonsense\n: x\n"
            "gone/nvidia.ko:\n");
  assert_int_equal(probe(p)->file_here, NO); // it lists what is not there
  tree_file(p->dir, "lib/modules/6.1.0-2/odd/place/nvidia.ko.zst", "");
  struct kernel *k = probe(p);
  assert_int_equal(k->file_here, YES);
  assert_int_equal(k->files, 1);
  assert_string_equal(k->file[0].path, "/lib/modules/6.1.0-2/odd/place/nvidia.ko.zst");
}

static void loops_and_depths_end(void **state) {
  struct probing *p = *state;
  tree_link(p->dir, "lib/modules/6.1.0-2/loop", ".");
  tree_link(p->dir, "lib/modules/6.1.0-2/twice", "loop/loop");
  tree_file(p->dir, "lib/modules/6.1.0-2/1/2/3/4/5/6/7/8/nvidia.ko", "");
  struct kernel *k = probe(p);
  assert_int_equal(k->files, 0);
  assert_int_equal(k->file_here, UNKNOWN);
}

static void sources_and_headers(void **state) {
  struct probing *p = *state;
  tree_folder(p->dir, "usr/src/nvidia-535.104.05");
  tree_folder(p->dir, "usr/src/nvidia-1000.1");
  tree_folder(p->dir, "usr/src/linux-headers-6.1.0-2");
  struct kernel *k = probe(p);
  assert_int_equal(k->sources, YES);
  assert_string_equal(k->source_path, "/usr/src/nvidia-1000.1");
  assert_int_equal(k->headers, YES);
  tree_remove(p->dir, "usr");
  tree_folder(p->dir, "var/lib/dkms/nvidia/550.54.14/6.1.0-1/x86_64");
  k = probe(p);
  assert_string_equal(k->source_path, "/var/lib/dkms/nvidia/550.54.14");
  assert_int_equal(k->headers, NO);
  tree_link(p->dir, "lib/modules/6.1.0-2/build", "/usr/src/gone");
  assert_int_equal(probe(p)->headers, NO);
  tree_folder(p->dir, "usr/src/gone");
  assert_int_equal(probe(p)->headers, YES);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, probing_end)
  static const struct CMUnitTest tests[] = {
      TEST(files_in_known_folders), TEST(others_are_none),      TEST(another_kernels_file),
      TEST(depmods_list),           TEST(loops_and_depths_end), TEST(sources_and_headers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
