// PyTorch's builds: version.py, conda's records, what its wheel asks for, and what hides it.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "building.h"
#include <cmocka.h>

#define VERSION SITE "/torch/version.py"
#define LIB SITE "/torch/lib"
#define ASKS(name, version)                                                                        \
  "Requires-Dist: nvidia-" name "-cu12 (==" version ") ; platform_system == \"Linux\"\n"

static const char asks[] = ASKS("cuda-runtime", "12.4.127") ASKS("cudnn", "9.1.0.70")
    ASKS("cublas", "12.4.5.8") ASKS("cusparse", "12.3.1.170");

static struct facts *probe(struct probing *p) {
  return build_facts(p, FRAMEWORK_PYTORCH, NULL);
}

static void version_py(struct probing *p, const char *version, const char *cuda) {
  char text[512];
  snprintf(
      text, sizeof text,
      "from typing import Optional\n\n__all__ = ['__version__', 'debug', 'cuda', 'hip']\n"
      "__version__ = '%s'\ndebug = False\ncuda: Optional[str] = %s\nhip: Optional[str] = None\n",
      version, cuda);
  tree_file(p->dir, VERSION, text);
}

static void version_py_is_read(void **state) {
  struct probing *p = *state;
  package(p, "torch", "2.5.1", asks);
  version_py(p, "2.5.1+cu124", "'12.4'");
  wheels_12(p, "9.1.0.70", "");
  struct facts *f = probe(p);
  assert_int_equal(f->build.found, YES);
  assert_string_equal(f->build.path, VERSION);
  assert_string_equal(f->build.version, "2.5.1+cu124");
  assert_int_equal(f->build.cuda_build, YES);
  assert_int_equal(f->build.cuda, 12040);
  assert_int_equal(f->build.cudnn, 90100);
  assert_string_equal(f->build.cudnn_from, SITE "/torch-2.5.1.dist-info/METADATA");
  has_archs(f, 7, 50, 60, 70, 75, 80, 86, 90);
  assert_int_equal(f->build.libraries_known, YES);
  assert_int_equal(needs(f, "libcudnn.so.9")->got.there, THERE);
  assert_int_equal(needs(f, "libnvJitLink.so.12")->got.there, THERE);
  assert_false(needs_any(f, "libcufft.so.11")); // its wheel does not ask for it
  assert_int_equal(f->build.runtime, 12040);
  assert_int_equal(f->build.cudnn_got, 90100);
}

static void builds_for_the_cpu_are_told(void **state) {
  struct probing *p = *state;
  static const struct {
    const char *version, *cuda, *text;
  } row[] = {{"2.5.1+cpu", "None", "cuda = None"},
             {"2.5.1", "None", "cuda = None"}, // as PyPI has it for aarch64
             {"2.5.1+cpu", "", "__version__ = '2.5.1+cpu'"}};
  package(p, "torch", "2.5.1", "");
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    version_py(p, row[i].version, row[i].cuda);
    struct facts *f = probe(p);
    assert_int_equal(f->build.cuda_build, NO);
    assert_string_equal(f->build.cuda_text, row[i].text);
    assert_int_equal(f->build.count, 0);
  }
  tree_file(p->dir, VERSION, "__version__ = '2.5.1+rocm6.2'\ncuda = None\nhip = '6.2.41133'\n");
  assert_string_equal(probe(p)->build.cuda_text, "cuda = None, built for AMD's HIP");
}

static void conda_and_names_tell_without_it(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, VENV "/conda-meta/pytorch-1.9.0-py3.8_cpu_0.json", "{}");
  struct facts *f = probe(p);
  assert_int_equal(f->build.found, YES);
  assert_string_equal(f->build.version, "1.9.0");
  assert_int_equal(f->build.cuda_build, NO);
  tree_remove(p->dir, VENV "/conda-meta");
  tree_file(p->dir, VENV "/conda-meta/pytorch-2.1.0-py3.11_0.json", "{}");
  tree_file(p->dir, VENV "/conda-meta/pytorch-mutex-1.0-cpu.json", "{}");
  assert_int_equal(probe(p)->build.cuda_build, NO);
  tree_remove(p->dir, VENV "/conda-meta");
  package(p, "torch", "2.3.0+cu118", "");
  f = probe(p);
  assert_int_equal(f->build.cuda_build, YES);
  assert_int_equal(f->build.cuda, 11080);
  tree_remove(p->dir, SITE "/torch-2.3.0+cu118.dist-info");
  package(p, "torch", "2.3.0", "");
  assert_int_equal(probe(p)->build.cuda_build, NO); // without libtorch_cuda.so
  stand_in(p, LIB, "libtorch_cuda.so");
  f = probe(p);
  assert_int_equal(f->build.cuda_build, YES);
  assert_int_equal(f->build.cuda, 12010); // what PyPI has of 2.3
  tree_file(p->dir, ".whycpu/unread", VERSION "\n" LIB "/libtorch_cuda.so\n");
  tree_remove(p->dir, LIB "/libtorch_cuda.so");
  assert_int_equal(probe(p)->build.cuda_build, UNKNOWN);
}

static void what_it_needs_is_read(void **state) {
  struct probing *p = *state;
  package(p, "torch", "2.9.0", "");
  version_py(p, "2.9.0+cu130", "'13.0'");
  library(p, LIB "/libtorch_cuda.so",
          &(struct elf_plan){.rpath = "$ORIGIN/../../nvidia/cu13/lib:$ORIGIN",
                             .needed = {"libc10_cuda.so", "libcudart.so.13", "libcudnn.so.9",
                                        "libcudart-e409450e.so.11.0", "libc.so.6"}});
  library(p, LIB "/libtorch_cuda_linalg.so",
          &(struct elf_plan){.rpath = "$ORIGIN/../../nvidia/cu13/lib",
                             .needed = {"libcusolver.so.12", "libcudart.so.13"}});
  stand_in(p, SITE "/nvidia/cu13/lib", "libcudart.so.13");
  stand_in(p, SITE "/nvidia/cudnn/lib", "libcudnn.so.9");
  package(p, "nvidia_cuda_runtime", "13.0.48", "");
  if (!elf_is_read(p)) skip();
  struct facts *f = probe(p);
  assert_int_equal(f->build.count,
                   3); // what it brings along under names of its own is not asked for
  assert_int_equal(needs(f, "libcudart.so.13")->got.there, THERE);
  assert_int_equal(needs(f, "libcusolver.so.12")->got.there, ABSENT);
  assert_string_equal(needs(f, "libcudnn.so.9")->wheel_path, SITE "/nvidia/cudnn/lib");
  assert_int_equal(f->build.runtime, 13000);
}

static void libraries_that_came_along_are_enough(void **state) {
  struct probing *p = *state;
  package(p, "torch", "1.10.0+cu113", "");
  tree_file(p->dir, VERSION, "__version__ = '1.10.0+cu113'\ncuda = '11.3'\n");
  stand_in(p, LIB, "libtorch_cuda.so");
  stand_in(p, LIB, "libcudart-a7b20f20.so.11.0");
  struct facts *f = probe(p);
  assert_int_equal(f->build.libraries_known, YES);
  assert_int_equal(f->build.count, 0);
}

static void conda_has_its_libraries_in_lib(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, VENV "/conda-meta/pytorch-2.1.0-py3.11_cuda12.1_cudnn8.9.2_0.json", "{}");
  version_py(p, "2.1.0", "'12.1'");
  stand_in(p, VENV "/lib", "libcudart.so.12.1.105");
  tree_link(p->dir, VENV "/lib/libcudart.so.12", "libcudart.so.12.1.105");
  struct facts *f = probe(p);
  assert_int_equal(needs(f, "libcudart.so.12")->got.there, THERE);
  assert_int_equal(f->build.runtime, 12010);
  assert_int_equal(needs(f, "libcublas.so.12")->got.there, ABSENT);
}

// What the linker does: RPATH goes before LD_LIBRARY_PATH, RUNPATH after it.
static void older_library_hides_the_wheels(void **state) {
  struct probing *p = *state;
  static const char toolkit[] = "/usr/local/cuda-12.1/targets/x86_64-linux/lib";
  char path[TREE_PATH];
  package(p, "torch", "2.5.1", asks);
  version_py(p, "2.5.1+cu124", "'12.4'");
  wheels_12(p, "9.1.0.70", "");
  tree_link(p->dir, "/usr/local/cuda-12.1/lib64", "targets/x86_64-linux/lib");
  stand_in(p, toolkit, "libnvJitLink.so.12.1.105");
  snprintf(path, sizeof path, "%s/libnvJitLink.so.12", toolkit);
  tree_link(p->dir, path, "libnvJitLink.so.12.1.105");
  stand_in(p, toolkit, "libcudart.so.12");
  environment(p, "LD_LIBRARY_PATH=/usr/local/cuda-12.1/lib64:\n");
  struct facts *f = probe(p);
  const struct needed *link = needs(f, "libnvJitLink.so.12");
  assert_string_equal(link->got.how, "LD_LIBRARY_PATH");
  assert_string_equal(link->shadowed, SITE "/nvidia/nvjitlink/lib/libnvJitLink.so.12");
  assert_string_equal(needs(f, "libcudart.so.12")->got.how, "RPATH");
  assert_string_equal(needs(f, "libcudart.so.12")->shadowed, "");

  tree_remove(p->dir, path); // no version in its name: its folder's counts
  stand_in(p, toolkit, "libnvJitLink.so.12");
  assert_string_not_equal(needs(probe(p), "libnvJitLink.so.12")->shadowed, "");

  tree_remove(p->dir, "/usr/local/cuda-12.1"); // a newer one hides it and does no harm
  stand_in(p, "/opt/cuda-12.6/lib64", "libnvJitLink.so.12");
  environment(p, "LD_LIBRARY_PATH=/opt/cuda-12.6/lib64\n");
  link = needs(probe(p), "libnvJitLink.so.12");
  assert_string_equal(link->got.how, "LD_LIBRARY_PATH");
  assert_string_equal(link->shadowed, "");

  stand_in(p, "/opt/some/lib64", "libnvJitLink.so.12"); // of no known version
  environment(p, "LD_LIBRARY_PATH=/opt/some/lib64\n");
  assert_string_equal(needs(probe(p), "libnvJitLink.so.12")->shadowed, "");
}

static void missing_wheel_is_missed(void **state) {
  struct probing *p = *state;
  package(p, "torch", "2.5.1", asks);
  version_py(p, "2.5.1+cu124", "'12.4'");
  wheels_12(p, "9.1.0.70", "nvjitlink cudnn");
  stand_in(p, "/usr/lib/x86_64-linux-gnu", "libcudnn.so.8");
  struct facts *f = probe(p);
  assert_int_equal(needs(f, "libcudnn.so.9")->got.there, ABSENT);
  assert_string_equal(needs(f, "libcudnn.so.9")->other_major,
                      "/usr/lib/x86_64-linux-gnu/libcudnn.so.8");
  assert_int_equal(needs(f, "libnvJitLink.so.12")->got.there, ABSENT);
  assert_string_equal(needs(f, "libcusparse.so.12")->broken, "");
  assert_int_equal(f->build.cudnn_got, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, building_begin, probing_end)
  const struct CMUnitTest tests[] = {
      TEST(version_py_is_read),
      TEST(builds_for_the_cpu_are_told),
      TEST(conda_and_names_tell_without_it),
      TEST(what_it_needs_is_read),
      TEST(libraries_that_came_along_are_enough),
      TEST(conda_has_its_libraries_in_lib),
      TEST(older_library_hides_the_wheels),
      TEST(missing_wheel_is_missed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
