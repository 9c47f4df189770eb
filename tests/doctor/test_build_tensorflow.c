// TensorFlow's builds: what build_info.py of each time says, and where its libraries are looked
// for.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "building.h"
#include <cmocka.h>

#define INFO SITE "/tensorflow/python/platform/build_info.py"
#define FRAMEWORK SITE "/tensorflow/libtensorflow_framework.so.2"

static struct facts *probe(struct probing *p) {
  return build_facts(p, FRAMEWORK_TENSORFLOW, NULL);
}

static void info_of(struct probing *p, const char *cuda, const char *cudnn, const char *archs) {
  char text[1024];
  snprintf(
      text, sizeof text,
      "import collections\n\nbuild_info = collections.OrderedDict([('cpu_compiler', '/x/clang'), "
      "('cuda_compute_capabilities', [%s]), ('cuda_version', '%s'), ('cudnn_version', '%s'), "
      "('is_cuda_build', True), ('is_rocm_build', False)])\n",
      archs, cuda, cudnn);
  tree_file(p->dir, INFO, text);
}

// ---- the build ---------------------------------------------------------------------------------

static void list_of_pairs_is_read(void **state) {
  struct probing *p = *state;
  package(p, "tensorflow", "2.17.0", "");
  info_of(p, "12.3", "8", "'sm_50', 'sm_60', 'compute_90'");
  struct facts *f = probe(p);
  assert_int_equal(f->build.found, YES);
  assert_string_equal(f->build.path, INFO);
  assert_string_equal(f->build.where, VENV "/bin/python");
  assert_string_equal(f->build.version, "2.17.0");
  assert_int_equal(f->build.cuda_build, YES);
  assert_int_equal(f->build.windows, NO);
  assert_int_equal(f->build.cuda, 12030);
  assert_int_equal(f->build.cudnn, 80900);    // as this version was tested
  has_archs(f, 4, 50, 60, 90, ARCH_PTX + 90); // compute_90 is both, as the wheels have it
  assert_int_equal(f->build.least_capability, 50);
  assert_int_equal(f->build.least_multiprocessors, 8);
  environment(p, "TF_MIN_GPU_MULTIPROCESSOR_COUNT=2\n");
  assert_int_equal(probe(p)->build.least_multiprocessors, 2);
}

static void older_forms_are_read(void **state) {
  struct probing *p = *state;
  package(p, "tensorflow", "2.2.0", "");
  tree_file(p->dir, INFO,
            "is_rocm_build = False\nis_cuda_build = True\n\ncuda_version_number = '10'\n"
            "cudnn_version_number = '7'\n");
  struct facts *f = probe(p);
  assert_int_equal(f->build.cuda_build, YES);
  assert_int_equal(f->build.cuda, 10010);
  assert_int_equal(f->build.cudnn, 70600);
  assert_int_equal(f->build.archs_known, UNKNOWN);
  needs(f, "libcudart.so.10.1");
  needs(f, "libcurand.so.10");
  needs(f, "libcudnn.so.7");
  assert_false(needs_any(f, "libcublasLt.so.10"));
  tree_file(p->dir, INFO,
            "build_info = {'cuda_version': '11.0', 'cudnn_version': '8', 'is_cuda_build': "
            "True, 'cuda_compute_capabilities': ['3.5', '7.0']}\n");
  f = probe(p);
  assert_int_equal(f->build.cuda, 11000);
  assert_int_equal(f->build.cudnn, 80000); // not as 2.2 was tested: this is another build
  has_archs(f, 4, 35, 70, ARCH_PTX + 35, ARCH_PTX + 70);
  needs(f, "libcusolver.so.10");
}

static void build_info_is_trusted_over_names(void **state) {
  struct probing *p = *state;
  package(p, "tensorflow", "2.15.0", "");
  tree_file(p->dir, VENV "/conda-meta/tensorflow-base-2.15.0-cuda120py311h43b5e44_1.json", "{}");
  tree_file(p->dir, INFO, "build_info = collections.OrderedDict([('is_cuda_build', False)])\n");
  struct facts *f = probe(p);
  assert_int_equal(f->build.cuda_build, NO);
  assert_string_equal(f->build.cuda_path, INFO);
  assert_int_equal(f->build.count, 0);
}

static void names_tell_without_build_info(void **state) {
  struct probing *p = *state;
  static const struct {
    const char *name, *version;
    enum known cuda;
  } row[] = {{"tensorflow", "2.10.0", YES},
             {"tensorflow_cpu", "2.16.1", NO},
             {"tensorflow_gpu", "1.15.0", YES},
             {"tensorflow", "1.15.0", UNKNOWN},
             {"tensorflow_intel", "2.12.0", NO}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    package(p, row[i].name, row[i].version, "");
    struct facts *f = probe(p);
    assert_int_equal(f->build.found, YES);
    if (f->build.cuda_build != row[i].cuda)
      fail_msg("%s %s: %d", row[i].name, row[i].version, f->build.cuda_build);
    char path[TREE_PATH];
    snprintf(path, sizeof path, SITE "/%s-%s.dist-info", row[i].name, row[i].version);
    tree_remove(p->dir, path);
  }
}

static void unread_build_info_is_unknown(void **state) {
  struct probing *p = *state;
  package(p, "tensorflow", "2.17.0", "");
  tree_file(p->dir, ".whycpu/unread", INFO "\n");
  struct facts *f = probe(p);
  assert_int_equal(f->build.found, YES);
  assert_int_equal(f->build.cuda_build, UNKNOWN);
  assert_int_equal(f->build.libraries_known, UNKNOWN);
}

static void windows_is_told(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, "/mnt/c/py/Lib/site-packages/tensorflow_intel-2.12.0.dist-info/METADATA", "");
  tree_file(p->dir, "/mnt/c/py/Lib/site-packages/tensorflow-2.12.0.dist-info/METADATA", "");
  process(p, "python=/mnt/c/py/python.exe\n");
  struct facts *f = probe(p);
  assert_int_equal(f->build.found, YES);
  assert_int_equal(f->build.windows, YES);
  assert_string_equal(f->build.version, "2.12.0");
  assert_int_equal(f->build.count, 0);
}

static void absence_names_who_has_it(void **state) {
  struct probing *p = *state;
  struct facts *f = probe(p);
  assert_int_equal(f->build.found, NO);
  assert_string_equal(f->build.elsewhere, "");
  tree_file(p->dir,
            "/home/u/miniconda3/envs/tf/lib/python3.10/site-packages/"
            "tensorflow-2.15.0.dist-info/METADATA",
            "");
  f = probe(p);
  assert_int_equal(f->build.found, NO);
  assert_string_equal(f->build.elsewhere, "/home/u/miniconda3/envs/tf");
  tree_remove(p->dir, ".whycpu/env");
  assert_int_equal(probe(p)->build.found, UNKNOWN);
}

// ---- libraries ---------------------------------------------------------------------------------

static void search_path_is_known_by_version(void **state) {
  struct probing *p = *state;
  static const struct {
    const char *version, *cuda, *cudnn;
    bool runtime, all;
  } row[] = {{"2.13.0", "12.2", "8", false, false},
             {"2.15.1", "12.2", "8", true, true},
             {"2.16.1", "12.3", "8", true, false},
             {"2.17.0", "12.3", "8", true, true},
             {"2.18.0", "12.5.1", "9", true, true}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    package(p, "tensorflow", row[i].version, "");
    info_of(p, row[i].cuda, row[i].cudnn, "'sm_50'");
    wheels_12(p, *row[i].cudnn == '8' ? "8.9.7.29" : "9.3.0.75", "");
    struct facts *f = probe(p);
    const struct needed *cublas = needs(f, "libcublas.so.12"),
                        *cudart = needs(f, "libcudart.so.12");
    assert_int_equal(cudart->got.there, row[i].runtime ? THERE : ABSENT);
    assert_int_equal(cublas->got.there, row[i].all ? THERE : ABSENT);
    assert_string_equal(cublas->wheel_path, row[i].all ? "" : SITE "/nvidia/cublas/lib");
    assert_int_equal(f->build.libraries_known, YES);
    assert_int_equal(f->build.runtime, row[i].runtime ? 12040 : 0);
    assert_int_equal(f->build.cudnn_got, !row[i].all ? 0 : *row[i].cudnn == '8' ? 80907 : 90300);
    char path[TREE_PATH];
    snprintf(path, sizeof path, SITE "/tensorflow-%s.dist-info", row[i].version);
    tree_remove(p->dir, path);
    tree_remove(p->dir, SITE "/nvidia_cudnn_cu12-8.9.7.29.dist-info");
  }
}

static void file_that_loads_decides(void **state) {
  struct probing *p = *state;
  package(p, "tensorflow", "2.21.0", "");
  info_of(p, "12.5.1", "9", "'sm_60'");
  wheels_12(p, "9.3.0.75", "");
  library(p, SITE "/tensorflow/libtensorflow_cc.so.2",
          &(struct elf_plan){.runpath = "$ORIGIN/../nvidia/cusolver/lib"});
  library(
      p, FRAMEWORK,
      &(struct elf_plan){.runpath = "$ORIGIN/../nvidia/cublas/lib:$ORIGIN/../nvidia/cudnn/lib"});
  if (!elf_is_read(p)) skip();
  struct facts *f = probe(p);
  assert_int_equal(needs(f, "libcublas.so.12")->got.there, THERE);
  assert_int_equal(needs(f, "libcudnn.so.9")->got.there, THERE);
  const struct needed *cusolver = needs(f, "libcusolver.so.11");
  assert_int_equal(cusolver->got.there, ABSENT);
  assert_string_equal(cusolver->wheel_path, SITE "/nvidia/cusolver/lib");
}

static void libraries_of_another_version_are_told(void **state) {
  struct probing *p = *state;
  package(p, "tensorflow", "2.8.0", "");
  info_of(p, "11.2", "8", "'sm_35'");
  stand_in(p, "/usr/lib/x86_64-linux-gnu", "libcudnn.so.7.6.5");
  tree_link(p->dir, "/usr/lib/x86_64-linux-gnu/libcudnn.so.7", "libcudnn.so.7.6.5");
  stand_in(p, "/usr/local/cuda-11.2/lib64", "libcudart.so.11.0");
  stand_in(p, VENV "/lib", "libcublas.so.11");
  stand_in(p, "/usr/lib/x86_64-linux-gnu", "libcufft.so.10");
  struct facts *f = probe(p);
  const struct needed *cudnn = needs(f, "libcudnn.so.8");
  assert_int_equal(cudnn->got.there, ABSENT);
  assert_true(cudnn->cudnn);
  assert_string_equal(cudnn->other_major, "/usr/lib/x86_64-linux-gnu/libcudnn.so.7");
  assert_string_equal(cudnn->wheel_path, "");
  assert_string_equal(needs(f, "libcudart.so.11.0")->wheel_path, "/usr/local/cuda-11.2/lib64");
  assert_string_equal(needs(f, "libcublas.so.11")->wheel_path, VENV "/lib");
  assert_int_equal(needs(f, "libcufft.so.10")->got.there, THERE);
  assert_string_equal(needs(f, "libcusparse.so.11")->other_major, "");
}

// libcusolver.so.11 is CUDA 11's and CUDA 12's; only the latter's needs libnvJitLink.so.12.
static void library_of_another_cuda_is_broken(void **state) {
  struct probing *p = *state;
  static const char solver[] = "/usr/lib/x86_64-linux-gnu/libcusolver.so.11";
  package(p, "tensorflow", "2.11.0", "");
  info_of(p, "11.2", "8", "'sm_35'");
  library(p, solver,
          &(struct elf_plan){.soname = "libcusolver.so.11",
                             .needed = {"libc.so.6", "libcublas.so.11", "libnvJitLink.so.12"}});
  if (!elf_is_read(p)) skip();
  struct facts *f = probe(p);
  const struct needed *needed = needs(f, "libcusolver.so.11");
  assert_int_equal(needed->got.there, THERE);
  assert_string_equal(needed->broken, "libnvJitLink.so.12");
  assert_string_equal(needed->broken_for, solver);
  assert_false(needs_any(f, "libnvJitLink.so.12"));
  stand_in(p, "/usr/lib/x86_64-linux-gnu", "libnvJitLink.so.12");
  assert_string_equal(needs(probe(p), "libcusolver.so.11")->broken, "");
}

static void hostile_files_harm_nothing(void **state) {
  struct probing *p = *state;
  package(p, "tensorflow", "99999999999999999999.1", "");
  enum { LENGTH = 10 << 20 };
  char *bytes = malloc(LENGTH);
  assert_non_null(bytes);
  memset(bytes, '(', LENGTH);
  memcpy(bytes, "x=[('cuda_compute_capabilities', ['sm_-1','sm_99999999999','compute_','x'])", 76);
  tree_bytes(p->dir, INFO, bytes, LENGTH);
  free(bytes);
  struct facts *f = probe(p);
  assert_int_equal(f->build.found, YES);
  assert_int_equal(f->build.archs_known, UNKNOWN);
  tree_file(p->dir, INFO,
            "is_cuda_build = True\ncuda_version = '999.9'\ncudnn_version = '9999'\n\xff");
  f = probe(p);
  assert_int_equal(f->build.cuda_build, YES);
  assert_int_equal(f->build.libraries_known, UNKNOWN);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, building_begin, probing_end)
  const struct CMUnitTest tests[] = {
      TEST(list_of_pairs_is_read),
      TEST(older_forms_are_read),
      TEST(build_info_is_trusted_over_names),
      TEST(names_tell_without_build_info),
      TEST(unread_build_info_is_unknown),
      TEST(windows_is_told),
      TEST(absence_names_who_has_it),
      TEST(search_path_is_known_by_version),
      TEST(file_that_loads_decides),
      TEST(libraries_of_another_version_are_told),
      TEST(library_of_another_cuda_is_broken),
      TEST(hostile_files_harm_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
