// Python environments as files: which folders an interpreter imports from, and which it does not.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "building.h"
#include <cmocka.h>

static struct facts *with_process(struct probing *p) {
  struct facts *f = probing_facts(p);
  probe_process(f, &(struct ask){0});
  return f;
}

static struct python find(struct probing *p, const char *interpreter) {
  return python_find(with_process(p), interpreter);
}

static void has_sites(const struct python *python, int count, ...) {
  va_list list;
  va_start(list, count);
  for (int i = 0; i < count && i < python->sites; i++)
    assert_string_equal(python->site[i], va_arg(list, const char *));
  va_end(list);
  assert_int_equal(python->sites, count);
}

// ---- folders -----------------------------------------------------------------------------------

static void venv_has_its_own_packages(void **state) {
  struct probing *p = *state;
  tree_folder(p->dir, VENV "/lib/python3.9/site-packages"); // left over
  tree_folder(p->dir, "/home/u/.local/lib/python3.11/site-packages");
  tree_link(p->dir, VENV "/lib64", "lib");
  struct python python = find(p, NULL);
  assert_string_equal(python.interpreter, VENV "/bin/python");
  assert_string_equal(python.prefix, VENV);
  assert_string_equal(python.version, "3.11");
  assert_int_equal(python.complete, YES);
  has_sites(&python, 1, SITE);
}

static void venv_can_have_the_systems_too(void **state) {
  struct probing *p = *state;
  tree_file(
      p->dir, VENV "/pyvenv.cfg",
      "home = /usr/bin\r\ninclude-system-site-packages = true\r\nversion_info = 3.11.2.final\r\n");
  tree_folder(p->dir, "/home/u/.local/lib/python3.11/site-packages");
  tree_folder(p->dir, "/usr/lib/python3/dist-packages");
  tree_folder(p->dir, "/usr/local/lib/python3.11/dist-packages");
  tree_folder(p->dir, "/usr/local/lib/python3.12/dist-packages");
  struct python python = find(p, NULL);
  has_sites(&python, 4, SITE, "/home/u/.local/lib/python3.11/site-packages",
            "/usr/local/lib/python3.11/dist-packages", "/usr/lib/python3/dist-packages");
}

static void system_python_has_two_prefixes(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, "/usr/bin/python3.10", "");
  tree_link(p->dir, "/usr/bin/python3", "python3.10");
  tree_link(p->dir, "/bin", "usr/bin");
  tree_folder(p->dir, "/usr/lib/python3/dist-packages");
  tree_folder(p->dir, "/usr/local/lib/python3.10/dist-packages");
  tree_folder(p->dir, "/usr/local/lib/python3.12/dist-packages");
  tree_folder(p->dir, "/home/u/.local/lib/python3.10/site-packages");
  struct python python = find(p, "/bin/python3");
  assert_string_equal(python.version, "3.10");
  assert_string_equal(python.prefix, "/usr");
  has_sites(&python, 3, "/home/u/.local/lib/python3.10/site-packages",
            "/usr/local/lib/python3.10/dist-packages", "/usr/lib/python3/dist-packages");
  environment(p, "PYTHONNOUSERSITE=1\nPYTHONPATH=/srv/x:relative::/srv/none\n");
  tree_folder(p->dir, "/srv/x");
  python = find(p, "/usr/bin/python3.10");
  has_sites(&python, 3, "/srv/x", "/usr/local/lib/python3.10/dist-packages",
            "/usr/lib/python3/dist-packages");
}

static void link_leads_to_another_prefix(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, "/opt/py/bin/python3.12", "");
  tree_folder(p->dir, "/opt/py/lib/python3.12/site-packages");
  tree_folder(p->dir, "/usr/local/lib/python3.12/site-packages");
  tree_link(p->dir, "/usr/local/bin/python", "/opt/py/bin/python3.12");
  struct python python = find(p, "/usr/local/bin/python");
  assert_string_equal(python.prefix, "/opt/py");
  has_sites(&python, 1, "/opt/py/lib/python3.12/site-packages");
}

static void interpreter_may_be_missing(void **state) {
  struct probing *p = *state;
  tree_folder(p->dir, "/opt/conda/envs/a/lib/python3.9/site-packages");
  tree_folder(p->dir, "/opt/conda/envs/a/lib/python3.10/site-packages");
  struct python python = find(p, "/opt/conda/envs/a/bin/python3.10");
  has_sites(&python, 1, "/opt/conda/envs/a/lib/python3.10/site-packages");
  python = find(p, "/opt/conda/envs/a/bin/python");
  assert_int_equal(python.sites, 2);
  assert_int_equal(python.complete, YES);
  python = find(p, "/opt/conda/envs/a"); // the folder itself
  assert_string_equal(python.prefix, "/opt/conda/envs/a");
  python = find(p, "/nowhere/bin/python");
  assert_int_equal(python.sites, 0);
  assert_int_equal(python.complete, YES);
}

static void windows_has_another_layout(void **state) {
  struct probing *p = *state;
  tree_folder(p->dir, "/mnt/c/Python310/Lib/site-packages");
  struct python python = find(p, "/mnt/c/Python310/python.exe");
  has_sites(&python, 1, "/mnt/c/Python310/Lib/site-packages");
  tree_folder(p->dir, "/mnt/c/v/Lib/site-packages");
  tree_file(p->dir, "/mnt/c/v/pyvenv.cfg", "home = C:\\Python310\n");
  python = find(p, "/mnt/c/v/Scripts/python.exe");
  has_sites(&python, 1, "/mnt/c/v/Lib/site-packages");
}

static void environment_names_one(void **state) {
  struct probing *p = *state;
  process(p, "");
  tree_folder(p->dir, "/opt/conda/lib/python3.12/site-packages");
  environment(p, "VIRTUAL_ENV=" VENV "\nCONDA_PREFIX=/opt/conda\n");
  assert_string_equal(find(p, NULL).prefix, VENV);
  environment(p, "CONDA_PREFIX=/opt/conda\n");
  assert_string_equal(find(p, NULL).prefix, "/opt/conda");
  environment(p, "");
  assert_string_equal(find(p, NULL).interpreter, ""); // none anywhere
  tree_link(p->dir, "/usr/local/bin/python", "gone");
  assert_string_equal(find(p, NULL).interpreter, "/usr/local/bin/python");
  tree_file(p->dir, "/usr/local/bin/python3", "");
  assert_string_equal(find(p, NULL).interpreter, "/usr/local/bin/python3");
}

static void unread_is_not_absent(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, ".whycpu/unread", SITE "\n");
  struct facts *f = with_process(p);
  struct python python = python_find(f, NULL);
  assert_int_equal(python_distribution(f, &python, "torch").there, UNREAD);
  tree_remove(p->dir, SITE);
  assert_int_equal(find(p, NULL).complete, UNKNOWN);
  tree_remove(p->dir, ".whycpu/unread");
  assert_int_equal(find(p, NULL).complete, YES);
  tree_remove(p->dir, ".whycpu/env"); // PYTHONPATH could be anything
  assert_int_equal(find(p, NULL).complete, UNKNOWN);
  environment(p, "");
  assert_int_equal(find(p, "/home/u/.pyenv/shims/python").complete, UNKNOWN);
}

static void others_are_found(void **state) {
  struct probing *p = *state;
  static const char *const place[] = {"/opt/conda",         "/opt/conda/envs/gpu",
                                      "/home/u/work/.venv", "/home/u/.virtualenvs/x",
                                      "/root/miniconda3",   "/usr/local"};
  for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
    char path[TREE_PATH];
    snprintf(path, sizeof path, "%s/lib/python3.10/site-packages", place[i]);
    tree_folder(p->dir, path);
  }
  struct facts *f = with_process(p);
  struct python python = python_find(f, NULL);
  const struct python *other;
  int count = python_others(f, &python, &other);
  for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
    int found = 0;
    for (int k = 0; k < count; k++) found += !strcmp(other[k].prefix, place[i]);
    if (found != 1) fail_msg("%s is there %d times", place[i], found);
  }
  for (int k = 0; k < count; k++) assert_string_not_equal(other[k].prefix, VENV);
}

// ---- distributions -----------------------------------------------------------------------------

static struct distribution of(struct probing *p, const char *name) {
  struct facts *f = with_process(p);
  struct python python = python_find(f, NULL);
  return python_distribution(f, &python, name);
}

static void names_are_compared_as_installers_do(void **state) {
  struct probing *p = *state;
  package(p, "jax_cuda12_plugin", "0.6.1", "");
  package(p, "Jax", "0.6.1.post1", "");
  tree_folder(p->dir, SITE "/Old.Package-1.0-py3.7.egg-info");
  tree_folder(p->dir, SITE "/two-1.9.dist-info");
  tree_folder(p->dir, SITE "/two-1.10.dist-info");
  tree_folder(p->dir, SITE "/~orch-2.0.dist-info"); // left of an uninstallation
  tree_folder(p->dir, SITE "/torch-nothing.dist-info");
  assert_string_equal(of(p, "jax-cuda12.plugin").version, "0.6.1");
  assert_string_equal(of(p, "jax").version, "0.6.1.post1");
  assert_string_equal(of(p, "old_package").version, "1.0");
  assert_string_equal(of(p, "two").version, "1.10");
  assert_int_equal(of(p, "torch").there, ABSENT);
  assert_int_equal(of(p, "cuda12-plugin").there, ABSENT);
  assert_string_equal(of(p, "jax").path, SITE "/Jax-0.6.1.post1.dist-info");
}

static void metadata_asks_for_versions(void **state) {
  struct probing *p = *state;
  package(p, "torch", "2.5.1",
          "Requires-Dist: nvidia-cudnn-cu12-extra==1\nRequires-Dist:Nvidia_CuDNN.cu12 (==9.1.0.70) "
          "; x\n"
          "Requires-Dist: jinja2\n");
  struct facts *f = with_process(p);
  struct python python = python_find(f, NULL);
  struct distribution d = python_distribution(f, &python, "torch");
  assert_string_equal(python_requires(f, &d, "nvidia-cudnn-cu12"), " (==9.1.0.70) ; x");
  assert_string_equal(python_requires(f, &d, "jinja2"), "");
  assert_null(python_requires(f, &d, "nvidia-cudnn-cu1"));
  assert_null(python_requires(f, &d, "nvidia-cublas-cu12"));
  package(p, "none", "1", ""); // what follows the header does not count
  f = with_process(p);
  python = python_find(f, NULL);
  d = python_distribution(f, &python, "none");
  assert_null(python_requires(f, &d, "nvidia-cudnn-cu12"));
}

static void conda_records_its_packages(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, VENV "/conda-meta/pytorch-1.9.0-py3.8_cpu_0.json", "{}");
  tree_file(p->dir, VENV "/conda-meta/pytorch-mutex-1.0-cpu.json", "{}");
  struct facts *f = with_process(p);
  struct python python = python_find(f, NULL);
  const char *build;
  struct distribution d = python_conda(f, &python, "pytorch", &build);
  assert_int_equal(d.there, THERE);
  assert_string_equal(d.version, "1.9.0");
  assert_string_equal(build, "py3.8_cpu_0");
  assert_int_equal(python_conda(f, &python, "cpuonly", &build).there, ABSENT);
  assert_string_equal(build, "");
}

static void many_are_cheap(void **state) {
  struct probing *p = *state;
  for (int i = 0; i < 500; i++) {
    char path[TREE_PATH];
    snprintf(path, sizeof path, SITE "/package_%d-1.%d.dist-info", i, i);
    tree_folder(p->dir, path);
  }
  struct facts *f = with_process(p);
  struct python python = python_find(f, NULL);
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < 10; i++)
    assert_string_equal(python_distribution(f, &python, "package-499").version, "1.499");
  clock_gettime(CLOCK_MONOTONIC, &end);
  double seconds =
      (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
  if (seconds > 1.0) fail_msg("%.3f s for ten", seconds); // 100 ms each, with sanitizers too
}

static void hostile_names_harm_nothing(void **state) {
  struct probing *p = *state;
  char name[TREE_PATH], path[TREE_PATH + 64];
  memset(name, 'a', 200);
  snprintf(name + 190, sizeof name - 190, "-1.dist-info");
  snprintf(path, sizeof path, SITE "/%s", name);
  tree_folder(p->dir, path);
  tree_folder(p->dir, SITE "/torch-1\xff\xfe\n\x01.dist-info");
  tree_link(p->dir, SITE "/torch-2.dist-info", "torch-2.dist-info");
  memset(name, 'a', 300);
  name[300] = 0;
  assert_int_equal(of(p, name).there, ABSENT);
  assert_int_equal(of(p, "torch").there, THERE);
  struct facts *f = with_process(p);
  struct python python = python_find(f, NULL);
  struct distribution d = python_distribution(f, &python, "torch");
  assert_null(python_requires(f, &d, "x"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, building_begin, probing_end)
  const struct CMUnitTest tests[] = {
      TEST(venv_has_its_own_packages),
      TEST(venv_can_have_the_systems_too),
      TEST(system_python_has_two_prefixes),
      TEST(link_leads_to_another_prefix),
      TEST(interpreter_may_be_missing),
      TEST(windows_has_another_layout),
      TEST(environment_names_one),
      TEST(unread_is_not_absent),
      TEST(others_are_found),
      TEST(names_are_compared_as_installers_do),
      TEST(metadata_asks_for_versions),
      TEST(conda_records_its_packages),
      TEST(many_are_cheap),
      TEST(hostile_names_harm_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
