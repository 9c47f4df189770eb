// ONNX Runtime's builds: two distributions in one folder, and what the provider needs.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "building.h"
#include <cmocka.h>

#define PROVIDER SITE "/onnxruntime/capi/libonnxruntime_providers_cuda.so"

static struct facts *probe(struct probing *p) {
  return build_facts(p, FRAMEWORK_ONNXRUNTIME, NULL);
}

static void provider_decides(void **state) {
  struct probing *p = *state;
  package(p, "onnxruntime", "1.20.1", "");
  struct facts *f = probe(p);
  assert_int_equal(f->build.found, YES);
  assert_int_equal(f->build.cuda_build, NO);
  assert_int_equal(f->build.shadowed, NO);
  tree_remove(p->dir, SITE "/onnxruntime-1.20.1.dist-info");
  package(p, "onnxruntime_gpu", "1.20.1", "");
  stand_in(p, SITE "/onnxruntime/capi", "libonnxruntime_providers_cuda.so");
  f = probe(p);
  assert_int_equal(f->build.cuda_build, YES);
  assert_int_equal(f->build.cuda, 12000);
  assert_int_equal(f->build.cudnn, 90000);
  assert_int_equal(f->build.libraries_known, YES);
  needs(f, "libcublasLt.so.12");
  assert_int_equal(needs(f, "libcudnn.so.9")->got.there, ABSENT);
}

static void two_at_once_are_told(void **state) {
  struct probing *p = *state;
  package(p, "onnxruntime", "1.20.1", "");
  package(p, "onnxruntime_gpu", "1.20.1", "");
  struct facts *f = probe(p);
  assert_int_equal(f->build.shadowed, YES);
  assert_string_equal(f->build.shadow_path, SITE "/onnxruntime-1.20.1.dist-info");
  assert_int_equal(f->build.cuda_build, UNKNOWN); // nobody knows whose files these are
  stand_in(p, SITE "/onnxruntime/capi", "libonnxruntime_providers_cuda.so");
  assert_int_equal(probe(p)->build.shadowed, YES);
}

static void wheels_are_not_looked_into(void **state) {
  struct probing *p = *state;
  package(p, "onnxruntime_gpu", "1.22.0", "");
  stand_in(p, SITE "/onnxruntime/capi", "libonnxruntime_providers_cuda.so");
  wheels_12(p, "9.1.0.70", "");
  struct facts *f = probe(p);
  assert_int_equal(needs(f, "libcudnn.so.9")->got.there, ABSENT);
  assert_string_equal(needs(f, "libcudnn.so.9")->wheel_path, SITE "/nvidia/cudnn/lib");
  environment(p, "LD_LIBRARY_PATH=" SITE "/nvidia/cudnn/lib\n");
  f = probe(p);
  assert_int_equal(needs(f, "libcudnn.so.9")->got.there, THERE);
  assert_string_equal(needs(f, "libcudnn.so.9")->shadowed, "");
  assert_int_equal(f->build.cudnn_got, 90100);
}

static void needs_are_read(void **state) {
  struct probing *p = *state;
  package(p, "onnxruntime_gpu", "1.20.1", "");
  tree_file(p->dir, SITE "/onnxruntime/capi/build_and_package_info.py",
            "package_name = 'onnxruntime-gpu'\ncuda_version = '11.8'\n");
  library(p, PROVIDER,
          &(struct elf_plan){.needed = {"libcublasLt.so.11", "libcudart.so.11.0", "libcudnn.so.8",
                                        "libcudnn_ops.so.8", "libc.so.6"}});
  stand_in(p, "/usr/lib/x86_64-linux-gnu", "libcublasLt.so.12");
  if (!elf_is_read(p)) skip();
  struct facts *f = probe(p);
  assert_int_equal(f->build.cuda, 11080);
  assert_int_equal(f->build.cudnn, 80000);
  assert_int_equal(f->build.count, 4);
  assert_true(needs(f, "libcudnn_ops.so.8")->cudnn);
  assert_string_equal(needs(f, "libcublasLt.so.11")->other_major,
                      "/usr/lib/x86_64-linux-gnu/libcublasLt.so.12");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, building_begin, probing_end)
  const struct CMUnitTest tests[] = {
      TEST(provider_decides),
      TEST(two_at_once_are_told),
      TEST(wheels_are_not_looked_into),
      TEST(needs_are_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
