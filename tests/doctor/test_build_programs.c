// Builds that are no Python package: llama.cpp, Ollama, any CUDA program.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "building.h"
#include <cmocka.h>

static struct facts *probe(struct probing *p, enum framework framework, const char *program) {
  return build_facts(p, framework, program);
}

// ---- llama.cpp ---------------------------------------------------------------------------------

static void python_package_of_llama(void **state) {
  struct probing *p = *state;
  assert_int_equal(probe(p, FRAMEWORK_LLAMA_CPP, NULL)->build.found, NO);
  package(p, "llama_cpp_python", "0.3.2", "");
  stand_in(p, SITE "/llama_cpp/lib", "libllama.so");
  stand_in(p, SITE "/llama_cpp/lib", "libggml-base.so");
  struct facts *f = probe(p, FRAMEWORK_LLAMA_CPP, NULL);
  assert_int_equal(f->build.found, YES);
  assert_string_equal(f->build.version, "0.3.2");
  assert_string_equal(f->build.where, VENV "/bin/python");
  assert_int_equal(f->build.cuda_build, NO);
  stand_in(p, SITE "/llama_cpp/lib", "libggml-cuda.so");
  f = probe(p, FRAMEWORK_LLAMA_CPP, NULL);
  assert_int_equal(f->build.cuda_build, YES);
  assert_int_equal(f->build.libraries_known, UNKNOWN); // it cannot be read
}

static void folders_of_llama(void **state) {
  struct probing *p = *state;
  static const char *const folder[] = {"/srv/l", "/srv/l/build/bin",
                                       "/srv/l/node_modules/@node-llama-cpp/linux-x64-cuda/bins/x",
                                       "/usr/lib/x86_64-linux-gnu"};
  process(p, "cwd=/srv/l\n");
  assert_int_equal(probe(p, FRAMEWORK_LLAMA_CPP, NULL)->build.found, UNKNOWN);
  for (size_t i = 0; i < sizeof folder / sizeof *folder; i++) {
    stand_in(p, folder[i], "libggml.so.0");
    struct facts *f = probe(p, FRAMEWORK_LLAMA_CPP, NULL);
    assert_int_equal(f->build.found, YES);
    assert_string_equal(f->build.where, folder[i]);
    assert_int_equal(f->build.cuda_build, NO);
    stand_in(p, folder[i], "libggml-cuda.so.0");
    assert_int_equal(probe(p, FRAMEWORK_LLAMA_CPP, NULL)->build.cuda_build, YES);
    tree_remove(p->dir, folder[i]);
  }
}

static void program_of_llama(void **state) {
  struct probing *p = *state;
  static const char program[] = "/opt/l/bin/llama-cli";
  assert_int_equal(probe(p, FRAMEWORK_LLAMA_CPP, program)->build.found, NO);
  tree_file(p->dir, program, "no usable GPU found");
  assert_int_equal(probe(p, FRAMEWORK_LLAMA_CPP, program)->build.cuda_build, NO);
  enum { LENGTH = (256 << 10) + 7 }; // the word lies across two pieces that are read
  char *bytes = calloc(1, LENGTH);
  assert_non_null(bytes);
  memcpy(bytes + LENGTH - 14, "ggml_cuda_init", 14);
  tree_bytes(p->dir, program, bytes, LENGTH);
  free(bytes);
  assert_int_equal(probe(p, FRAMEWORK_LLAMA_CPP, program)->build.cuda_build, YES);
  tree_file(p->dir, program, "");
  assert_int_equal(probe(p, FRAMEWORK_LLAMA_CPP, program)->build.cuda_build, UNKNOWN);
  bytes = calloc(1, LENGTH); // a snapshot with the headers alone
  assert_non_null(bytes);
  tree_bytes(p->dir, program, bytes, LENGTH);
  free(bytes);
  assert_int_equal(probe(p, FRAMEWORK_LLAMA_CPP, program)->build.cuda_build, UNKNOWN);
  stand_in(p, "/opt/l/lib", "libggml.so");
  assert_int_equal(probe(p, FRAMEWORK_LLAMA_CPP, program)->build.cuda_build, NO);
}

static void libraries_of_llama(void **state) {
  struct probing *p = *state;
  library(p, "/opt/l/libggml-cuda.so",
          &(struct elf_plan){.runpath = "$ORIGIN",
                             .needed = {"libcudart.so.12", "libcublas.so.12", "libcuda.so.1"}});
  stand_in(p, "/usr/local/cuda-12.4/lib64", "libcudart.so.12.4.127");
  tree_link(p->dir, "/usr/lib/x86_64-linux-gnu/libcudart.so.12",
            "/usr/local/cuda-12.4/lib64/libcudart.so.12.4.127");
  stand_in(p, "/usr/lib/x86_64-linux-gnu", "libcublas.so.11");
  process(p, "cwd=/opt/l\n");
  if (!elf_is_read(p)) skip();
  struct facts *f = probe(p, FRAMEWORK_LLAMA_CPP, NULL);
  assert_int_equal(f->build.cuda_build, YES);
  assert_int_equal(f->build.cuda, 12040); // the runtime that it gets where it was built
  assert_int_equal(f->build.libraries_known, YES);
  assert_int_equal(f->build.count, 2); // libcuda is the driver's
  assert_string_equal(needs(f, "libcublas.so.12")->other_major,
                      "/usr/lib/x86_64-linux-gnu/libcublas.so.11");
}

// ---- Ollama ------------------------------------------------------------------------------------

static void folders_of_ollama(void **state) {
  struct probing *p = *state;
  assert_int_equal(probe(p, FRAMEWORK_OLLAMA, NULL)->build.found, UNKNOWN);
  tree_file(p->dir, "/usr/bin/ollama", "x");
  struct facts *f = probe(p, FRAMEWORK_OLLAMA, NULL);
  assert_int_equal(f->build.found, YES);
  assert_int_equal(f->build.cuda_build, NO);
  assert_int_equal(f->build.least_capability, 50);
  stand_in(p, "/usr/lib/ollama", "libggml-base.so");
  assert_int_equal(probe(p, FRAMEWORK_OLLAMA, NULL)->build.cuda_build, NO);
  stand_in(p, "/usr/lib/ollama/cuda_v12", "libggml-cuda.so");
  stand_in(p, "/usr/lib/ollama/cuda_v12", "libcudart.so.12.8.90");
  stand_in(p, "/usr/lib/ollama/cuda_v13", "libggml-cuda.so");
  f = probe(p, FRAMEWORK_OLLAMA, NULL);
  assert_int_equal(f->build.cuda_build, YES);
  assert_string_equal(f->build.path, "/usr/lib/ollama/cuda_v12/libggml-cuda.so");
  assert_int_equal(f->build.cuda, 12080);
}

static void older_ollama(void **state) {
  struct probing *p = *state;
  stand_in(p, "/usr/local/lib/ollama/runners/cuda_v11", "ollama_llama_server");
  struct facts *f = probe(p, FRAMEWORK_OLLAMA, NULL);
  assert_int_equal(f->build.cuda_build, YES);
  assert_int_equal(f->build.cuda, 11000);
  tree_file(p->dir, ".whycpu/unread", "/usr/local/lib/ollama\n");
  tree_remove(p->dir, "/usr/local/lib/ollama");
  tree_file(p->dir, "/usr/local/bin/ollama", "x");
  assert_int_equal(probe(p, FRAMEWORK_OLLAMA, NULL)->build.cuda_build, UNKNOWN);
}

// ---- any program -------------------------------------------------------------------------------

static void program_uses_cuda(void **state) {
  struct probing *p = *state;
  static const char program[] = "/opt/app/saxpy";
  unsigned char fatbin[512];
  size_t entries = elf_fatbin_entry(fatbin, 16, 2, 80, 8);
  entries = elf_fatbin_entry(fatbin, entries, 1, 90, 8);
  elf_fatbin_header(fatbin, entries - 16);
  assert_int_equal(probe(p, FRAMEWORK_CUDA, NULL)->build.found, UNKNOWN);
  assert_int_equal(probe(p, FRAMEWORK_CUDA, program)->build.found, NO);
  library(p, program, &(struct elf_plan){.needed = {"libc.so.6", "libcudart.so.11.0"}});
  if (!elf_is_read(p)) skip();
  struct facts *f = probe(p, FRAMEWORK_CUDA, program);
  assert_int_equal(f->build.found, YES);
  assert_int_equal(f->build.cuda_build, YES);
  assert_int_equal(f->build.cuda, 11000);
  assert_int_equal(needs(f, "libcudart.so.11.0")->got.there, ABSENT);

  library(p, program, // the runtime is inside: nothing is needed
          &(struct elf_plan){.needed = {"libc.so.6"}, .fatbin = fatbin, .fatbin_length = entries});
  f = probe(p, FRAMEWORK_CUDA, program);
  assert_int_equal(f->build.cuda_build, YES);
  assert_int_equal(f->build.count, 0);
  has_archs(f, 2, 80, ARCH_PTX + 90);
}

static void program_does_not_use_cuda(void **state) {
  struct probing *p = *state;
  static const char program[] = "/opt/app/tool";
  library(p, program, &(struct elf_plan){.runpath = "$ORIGIN", .needed = {"libown.so"}});
  library(p, "/opt/app/libown.so", &(struct elf_plan){.soname = "libown.so"});
  if (!elf_is_read(p)) skip();
  assert_int_equal(probe(p, FRAMEWORK_CUDA, program)->build.cuda_build, NO);
  library(p, "/opt/app/libown.so",
          &(struct elf_plan){.soname = "libown.so", .needed = {"libcudart.so.12"}});
  struct facts *f = probe(p, FRAMEWORK_CUDA, program);
  assert_int_equal(f->build.cuda_build, YES);
  assert_string_equal(f->build.cuda_path, "/opt/app/libown.so");
  library(p, "/opt/app/libown.so", &(struct elf_plan){.soname = "libown.so"});
  library(p, program, &(struct elf_plan){.soname = "it may load libcuda.so by itself"});
  assert_int_equal(probe(p, FRAMEWORK_CUDA, program)->build.cuda_build, UNKNOWN);
  tree_file(p->dir, program, "#!/bin/sh\n");
  f = probe(p, FRAMEWORK_CUDA, program);
  assert_int_equal(f->build.found, YES);
  assert_int_equal(f->build.cuda_build, UNKNOWN);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, building_begin, probing_end)
  const struct CMUnitTest tests[] = {
      TEST(python_package_of_llama), TEST(folders_of_llama),          TEST(program_of_llama),
      TEST(libraries_of_llama),      TEST(folders_of_ollama),         TEST(older_ollama),
      TEST(program_uses_cuda),       TEST(program_does_not_use_cuda),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
