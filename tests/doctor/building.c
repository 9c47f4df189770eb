#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "building.h"
#include "elf.h"
#include <cmocka.h>

int building_begin(void **state) {
  if (probing_begin(state)) return -1;
  struct probing *p = *state;
  process(p, "python=" VENV "/bin/python\n");
  environment(p, "");
  tree_file(p->dir, VENV "/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
  tree_file(p->dir, "/proc/version", "Linux version 6.1.0-32-amd64 (x) #1 SMP\n");
  tree_folder(p->dir, SITE);
  tree_folder(p->dir, "/usr/lib/x86_64-linux-gnu");
  tree_folder(p->dir, "/lib64");
  tree_file(p->dir, "/lib64/ld-linux-x86-64.so.2", "");
  return 0;
}

void process(struct probing *p, const char *lines) {
  char text[1024];
  snprintf(text, sizeof text, "uid=1000\ngid=1000\ngroups=\n%s", lines);
  tree_file(p->dir, ".whycpu/process", text);
}

void environment(struct probing *p, const char *lines) {
  char text[1024];
  snprintf(text, sizeof text, "HOME=/home/u\nPATH=/usr/local/bin:/usr/bin\n%s", lines);
  tree_file(p->dir, ".whycpu/env", text);
}

struct facts *build_facts(struct probing *p, enum framework framework, const char *program) {
  struct facts *f = probing_facts(p);
  struct ask ask = {.framework = framework, .program = program};
  f->framework = framework;
  probe_process(f, &ask);
  probe_scope(f);
  if (!f->scope.arch) f->scope.arch = ARCH_X86_64;
  probe_build(f, &ask);
  return f;
}

void package(struct probing *p, const char *name, const char *version, const char *requires) {
  char path[TREE_PATH], text[4096];
  snprintf(path, sizeof path, SITE "/%s-%s.dist-info/METADATA", name, version);
  snprintf(text, sizeof text, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n%s\n%s\n", name,
           version, requires, "Requires-Dist: nvidia-cudnn-cu12==1.2.3");
  tree_file(p->dir, path, text);
}

void stand_in(struct probing *p, const char *folder, const char *name) {
  char path[2 * TREE_PATH];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  tree_file(p->dir, path, "");
}

void wheels_12(struct probing *p, const char *cudnn, const char *without) {
  static const struct {
    const char *folder, *name, *version, *library[2];
  } wheel[] = {
      {"cuda_runtime", "nvidia_cuda_runtime_cu12", "12.4.127", {"libcudart.so.12"}},
      {"cublas", "nvidia_cublas_cu12", "12.4.5.8", {"libcublas.so.12", "libcublasLt.so.12"}},
      {"cufft", "nvidia_cufft_cu12", "11.2.1.3", {"libcufft.so.11"}},
      {"curand", "nvidia_curand_cu12", "10.3.5.147", {"libcurand.so.10"}},
      {"cusolver", "nvidia_cusolver_cu12", "11.6.1.9", {"libcusolver.so.11"}},
      {"cusparse", "nvidia_cusparse_cu12", "12.3.1.170", {"libcusparse.so.12"}},
      {"nvjitlink", "nvidia_nvjitlink_cu12", "12.4.127", {"libnvJitLink.so.12"}},
      {"cuda_cupti", "nvidia_cuda_cupti_cu12", "12.4.127", {"libcupti.so.12"}},
      {"cudnn", "nvidia_cudnn_cu12", "", {""}},
  };
  char cudnn_name[32], folder[TREE_PATH / 2];
  snprintf(cudnn_name, sizeof cudnn_name, "libcudnn.so.%c", cudnn[0]);
  for (size_t i = 0; i < sizeof wheel / sizeof *wheel; i++) {
    if (strstr(without, wheel[i].folder)) continue;
    bool is_cudnn = !*wheel[i].version;
    package(p, wheel[i].name, is_cudnn ? cudnn : wheel[i].version, "");
    snprintf(folder, sizeof folder, SITE "/nvidia/%s/lib", wheel[i].folder);
    for (int k = 0; k < 2 && wheel[i].library[k]; k++)
      stand_in(p, folder, is_cudnn ? cudnn_name : wheel[i].library[k]);
  }
}

void library(struct probing *p, const char *path, const struct elf_plan *plan) {
  unsigned char bytes[ELF_PLAN_MOST];
  tree_bytes(p->dir, path, bytes, elf_write(plan, bytes));
}

bool elf_is_read(struct probing *p) {
  library(p, "/tmp/one.so", &(struct elf_plan){.soname = "one.so"});
  struct facts *f = probing_facts(p);
  return elf_read(f->root, f->arena, "/tmp/one.so").elf_class == 64;
}

bool needs_any(const struct facts *f, const char *name) {
  for (int i = 0; i < f->build.count; i++)
    if (!strcmp(f->build.needed[i].name, name)) return true;
  return false;
}

const struct needed *needs(const struct facts *f, const char *name) {
  for (int i = 0; i < f->build.count; i++)
    if (!strcmp(f->build.needed[i].name, name)) return &f->build.needed[i];
  fail_msg("%s is not needed", name);
  return NULL;
}

void has_archs(const struct facts *f, int count, ...) {
  va_list list;
  assert_int_equal(f->build.archs_known, YES);
  assert_int_equal(f->build.archs, count);
  va_start(list, count);
  for (int i = 0; i < count; i++) {
    int want = va_arg(list, int), found = 0;
    for (int k = 0; k < f->build.archs; k++) found += f->build.arch[k] == want;
    if (found != 1) fail_msg("%d is there %d times", want, found);
  }
  va_end(list);
}
