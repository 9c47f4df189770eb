// JAX's builds: the plug-in and its versions, and jaxlibs that had CUDA in them.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "building.h"
#include <cmocka.h>

static struct facts *probe(struct probing *p) {
  return build_facts(p, FRAMEWORK_JAX, NULL);
}

static const char asks[] =
    "Requires-Dist: jax-cuda12-pjrt==0.6.1\n"
    "Requires-Dist: nvidia-cuda-runtime-cu12>=12.1.105; extra == \"with-cuda\"\n"
    "Requires-Dist: nvidia-cudnn-cu12<10.0,>=9.8; extra == \"with-cuda\"\n";

static void plugin_brings_cuda(void **state) {
  struct probing *p = *state;
  package(p, "jax", "0.6.1", "");
  package(p, "jaxlib", "0.6.1", "");
  package(p, "jax_cuda12_plugin", "0.6.1", asks);
  package(p, "jax_cuda12_pjrt", "0.6.1", "");
  wheels_12(p, "9.10.1.4", "");
  struct facts *f = probe(p);
  assert_int_equal(f->build.found, YES);
  assert_string_equal(f->build.version, "0.6.1");
  assert_int_equal(f->build.plugin, YES);
  assert_int_equal(f->build.cuda_build, YES);
  assert_int_equal(f->build.cuda, 12010);
  assert_int_equal(f->build.runtime_least, 12010);
  assert_int_equal(f->build.runtime, 12040);
  assert_int_equal(f->build.cudnn, 90800);
  assert_int_equal(f->build.cudnn_got, 91001);
  assert_int_equal(f->build.libraries_known, YES);
  assert_int_equal(needs(f, "libcupti.so.12")->got.there, THERE);
  assert_int_equal(needs(f, "libcusparse.so.12")->got.there, THERE);
  assert_int_equal(needs(f, "libnvJitLink.so.12")->got.there, THERE);
}

static void plugin_has_two_parts_of_one_version(void **state) {
  struct probing *p = *state;
  package(p, "jaxlib", "0.6.1", "");
  struct facts *f = probe(p);
  assert_int_equal(f->build.plugin, NO);
  assert_int_equal(f->build.cuda_build, UNKNOWN); // the plug-in decides
  assert_string_equal(f->build.plugin_text,
                      "no jax_cuda12_plugin and no jax_cuda13_plugin is installed");
  package(p, "jax_cuda12_plugin", "0.6.1", asks);
  f = probe(p);
  assert_int_equal(f->build.plugin, NO);
  assert_string_equal(f->build.plugin_text, "jax_cuda12_plugin is there without jax_cuda12_pjrt");
  package(p, "jax_cuda12_pjrt", "0.5.3", "");
  f = probe(p);
  assert_int_equal(f->build.plugin, NO);
  assert_string_equal(f->build.plugin_text, "jax_cuda12_pjrt 0.5.3 with jaxlib 0.6.1");
  assert_int_equal(f->build.count, 0);
  tree_remove(p->dir, SITE "/jax_cuda12_pjrt-0.5.3.dist-info");
  package(p, "jax_cuda12_pjrt", "0.6.1.post1", ""); // JAX compares the numbers in front
  assert_int_equal(probe(p)->build.plugin, YES);
}

static void one_whole_plugin_is_enough(void **state) {
  struct probing *p = *state;
  package(p, "jaxlib", "0.9.0", "");
  package(p, "jax_cuda12_plugin", "0.6.1", "");
  package(p, "jax_cuda12_pjrt", "0.6.1", "");
  package(p, "jax_cuda13_plugin", "0.9.0",
          "Requires-Dist: nvidia-cuda-runtime>=13.0.48\nRequires-Dist: "
          "nvidia-cudnn-cu13<10.0,>=9.12.0.46\n");
  package(p, "jax_cuda13_pjrt", "0.9.0", "");
  stand_in(p, SITE "/nvidia/cu13/lib", "libcudart.so.13");
  package(p, "nvidia_cuda_runtime", "13.0.48", "");
  struct facts *f = probe(p);
  assert_int_equal(f->build.plugin, YES);
  assert_int_equal(f->build.cuda, 13000);
  assert_int_equal(f->build.cudnn, 91200);
  assert_int_equal(f->build.runtime, 13000);
  assert_int_equal(needs(f, "libcublas.so.13")->got.there, ABSENT);
}

static void older_jaxlib_has_it_inside(void **state) {
  struct probing *p = *state;
  static const struct {
    const char *version;
    int cuda, cudnn;
  } row[] = {{"0.4.7+cuda11.cudnn82", 11010, 80200},
             {"0.4.23+cuda12.cudnn89", 12000, 80900},
             {"0.1.71+cuda111", 11010, 0},
             {"0.3.0+cuda11.cudnn805", 11010, 80500},
             {"0.1.60+cuda110", 11000, 0}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    package(p, "jaxlib", row[i].version, "");
    struct facts *f = probe(p);
    assert_int_equal(f->build.plugin, YES);
    assert_int_equal(f->build.cuda_build, YES);
    assert_int_equal(f->build.cuda, row[i].cuda);
    assert_int_equal(f->build.cudnn, row[i].cudnn);
    assert_false(needs_any(f, "libcupti.so.12"));
    char path[TREE_PATH];
    snprintf(path, sizeof path, SITE "/jaxlib-%s.dist-info", row[i].version);
    tree_remove(p->dir, path);
  }
}

static void systems_cudnn_has_its_version_in_its_name(void **state) {
  struct probing *p = *state;
  package(p, "jaxlib", "0.4.7+cuda11.cudnn86", "");
  stand_in(p, "/usr/lib/x86_64-linux-gnu", "libcudnn.so.8.5.0");
  tree_link(p->dir, "/usr/lib/x86_64-linux-gnu/libcudnn.so.8", "libcudnn.so.8.5.0");
  struct facts *f = probe(p);
  assert_int_equal(f->build.cudnn, 80600);
  assert_int_equal(f->build.cudnn_got, 80500);
  assert_string_equal(f->build.cudnn_path, "/usr/lib/x86_64-linux-gnu/libcudnn.so.8");
}

static void unread_packages_are_unknown(void **state) {
  struct probing *p = *state;
  package(p, "jaxlib", "0.6.1", "");
  tree_file(p->dir, ".whycpu/unread", SITE "\n");
  struct facts *f = probe(p);
  assert_int_equal(f->build.plugin, UNKNOWN);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, building_begin, probing_end)
  const struct CMUnitTest tests[] = {
      TEST(plugin_brings_cuda),
      TEST(plugin_has_two_parts_of_one_version),
      TEST(one_whole_plugin_is_enough),
      TEST(older_jaxlib_has_it_inside),
      TEST(systems_cudnn_has_its_version_in_its_name),
      TEST(unread_packages_are_unknown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
