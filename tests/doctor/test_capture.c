// A capture: a diagnosis of it says what one of the machine says, it takes what the probes looked
// at and not more, and nothing that is a secret.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "in_root.h"
#include "tree.h"
#include <cmocka.h>

static char dir[TREE_PATH], machine[TREE_PATH + 32], copy[TREE_PATH + 32];

static int begin(void **state) {
  (void)state;
  tree_begin(dir);
  snprintf(machine, sizeof machine, "%s/machine", dir);
  snprintf(copy, sizeof copy, "%s/copy", dir);
  tree_folder(dir, "machine");
  return 0;
}

static int end(void **state) {
  (void)state;
  close_root();
  tree_end(dir);
  return 0;
}

static void captures(const char *from, const char *to, int *unread) {
  struct why_error error;
  int files;
  enum why_reason reason =
      why_capture(&(struct why_doctor){.root = from}, to, &files, unread, &error);
  if (reason != WHY_OK) fail_msg("%s", error.text);
  assert_true(files > 3);
}

static void opens(const char *path) {
  if (open_root(path) != WHY_OK) fail_msg("%s", refused.text);
}

static const char *text_of(const char *path) {
  struct text text = root_text(root, ROOT_TEXT, "%s", path);
  if (text.there != THERE) fail_msg("%s: %d", path, text.there);
  return text.text;
}

// ---- the same diagnosis ------------------------------------------------------------------------

// A machine with a GPU whose driver is newer than its library, and a PyTorch.
static void make_machine(void) {
  const char *m = machine;
  tree_file(m, "proc/version", "Linux version 5.15.0-91-generic (gcc) #101-Ubuntu SMP\n");
  tree_file(m, "proc/sys/kernel/osrelease", "5.15.0-91-generic\n");
  tree_file(m, "proc/modules", "nvidia_uvm 1 0 - Live 0x0\nnvidia 1 1 nvidia_uvm, Live 0x0\n");
  tree_file(m, "proc/devices", "Character devices:\n195 nvidia\n510 nvidia-uvm\n");
  tree_file(m, "proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC\n");
  tree_file(m, "sys/module/nvidia/version", "550.54.14\n");
  tree_folder(m, "sys/module/nvidia_uvm");
  static const char pci[] = "sys/devices/pci0000:00/0000:01:00.0";
  static const char *const says[][2] = {{"vendor", "0x10de\n"},
                                        {"device", "0x2330\n"},
                                        {"class", "0x030200\n"},
                                        {"current_link_width", "16\n"},
                                        {"max_link_width", "16\n"}};
  char path[256];
  for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
    snprintf(path, sizeof path, "%s/%s", pci, says[i][0]);
    tree_file(m, path, says[i][1]);
  }
  snprintf(path, sizeof path, "%s/driver", pci);
  tree_link(m, path, "../../../bus/pci/drivers/nvidia");
  tree_link(m, "sys/bus/pci/devices/0000:01:00.0", "../../../devices/pci0000:00/0000:01:00.0");
  tree_folder(m, "sys/bus/pci/drivers/nvidia");
  tree_link(m, "lib", "usr/lib");
  tree_file(m, "usr/lib/x86_64-linux-gnu/libcuda.so.545.23.08", "no library");
  tree_link(m, "usr/lib/x86_64-linux-gnu/libcuda.so.1", "libcuda.so.545.23.08");
  tree_file(m, "usr/lib/x86_64-linux-gnu/libsecret.so", "not looked at");
  tree_file(m, "etc/containerd/config.toml", "[nvidia]\npassword = \"hunter2\"\n");
  tree_file(m, "var/log/apt/history.log",
            "Requested-By: somebody (1000)\nUpgrade: nvidia-driver-550:amd64 (1, 2)\n");
  tree_file(m, "opt/venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
  tree_file(m, "usr/bin/python3.11", "no program");
  tree_link(m, "opt/venv/bin/python", "/usr/bin/python3.11");
  static const char site[] = "opt/venv/lib/python3.11/site-packages";
  snprintf(path, sizeof path, "%s/torch-2.5.1.dist-info/METADATA", site);
  tree_file(m, path, "Name: torch\nVersion: 2.5.1\n");
  snprintf(path, sizeof path, "%s/torch/version.py", site);
  tree_file(m, path, "__version__ = '2.5.1+cu124'\ncuda: Optional[str] = '12.4'\n");
  snprintf(path, sizeof path, "%s/mine/__init__.py", site);
  tree_file(m, path, "not looked at");
  tree_file(m, ".whycpu/nodes",
            "/dev/nvidia0 c 0666 0 0 195 0\n/dev/nvidiactl c 0666 0 0 195 255 open=EPERM\n"
            "/dev/nvidia-uvm c 0600 0 44 510 0 open=EACCES\n");
  tree_file(m, ".whycpu/env",
            "PATH=/opt/venv/bin:/usr/bin\nVIRTUAL_ENV=/opt/venv\nAWS_SECRET_ACCESS_KEY=hunter2\n"
            "KUBERNETES_SERVICE_HOST=set\nCUDA_VISIBLE_DEVICES=0\n");
  tree_file(m, ".whycpu/process",
            "uid=1000\ngid=1000\ngroups=27,1000\ncwd=/home/u\n"
            "as_limit=unlimited\n");
  tree_file(m, ".whycpu/kmsg",
            "[    3.250000] NVRM: loading NVIDIA UNIX x86_64 Kernel Module\n"
            "[    4.000000] somebody's USB stick is a secret\n");
  tree_file(m, ".whycpu/gpu.json", "{\"nvml\": {\"init\": 18}, \"cuda\": {\"init\": 803}}\n");
  tree_file(m, ".whycpu/unread", "/proc/1/environ\n/root\n");
}

static void same_check(const char *framework, const struct why_finding *a,
                       const struct why_finding *b, bool words) {
  if (a->result != b->result)
    fail_msg("%s: %s: %s (%s) and %s (%s)", framework, a->cause->id, why_result_name(a->result),
             a->why, why_result_name(b->result), b->why);
  assert_int_equal(a->root, b->root);
  if (!words) return;
  assert_string_equal(a->why, b->why);
  assert_string_equal(a->need, b->need);
  assert_string_equal(a->have, b->have);
  assert_int_equal(a->evidences, b->evidences);
  for (int i = 0; i < a->evidences; i++) {
    assert_string_equal(a->evidence[i].path, b->evidence[i].path);
    assert_string_equal(a->evidence[i].text, b->evidence[i].text);
  }
}

// `words`: to the word. Without, of this machine: what changes from one moment to the next may
// differ, and what is known of this program itself, which no snapshot has.
static void same_diagnoses(const char *from, const char *to, bool words) {
  for (int i = 0; i < why_framework_count(); i++) {
    struct why_error error;
    struct why_diagnosis *a, *b;
    const char *framework = i ? why_framework_name(i) : NULL;
    assert_int_equal(
        why_diagnose(&(struct why_doctor){.root = from, .framework = framework}, &a, &error), 0);
    assert_int_equal(
        why_diagnose(&(struct why_doctor){.root = to, .framework = framework}, &b, &error), 0);
    if (words || i) assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->checks, b->checks);
    for (int j = 0; j < a->checks; j++)
      if (words || i || a->check[j].cause->level < WHY_LEVEL_BUILD)
        same_check(why_framework_name(i), &a->check[j], &b->check[j], words);
    why_diagnosis_free(a);
    why_diagnosis_free(b);
  }
}

static void test_of_a_snapshot(void **state) {
  (void)state;
  int unread;
  make_machine();
  captures(machine, copy, &unread);
  same_diagnoses(machine, copy, true);
  opens(copy);
  assert_string_equal(text_of("/.whycpu/version"), "1\n");
  assert_string_equal(text_of("/.whycpu/nodes"), "/dev/nvidia0 c 0666 0 0 195 0\n"
                                                 "/dev/nvidiactl c 0666 0 0 195 255 open=EPERM\n"
                                                 "/dev/nvidia-uvm c 0600 0 44 510 0 open=EACCES\n");
  assert_string_equal(text_of("/.whycpu/process"), "uid=1000\ngid=1000\ngroups=27,1000\n"
                                                   "cwd=/home/u\nas_limit=unlimited\n");
  assert_string_equal(text_of("/.whycpu/env"),
                      "PATH=/opt/venv/bin:/usr/bin\nVIRTUAL_ENV=/opt/venv\n"
                      "KUBERNETES_SERVICE_HOST=set\nCUDA_VISIBLE_DEVICES=0\n");
  assert_string_equal(text_of("/.whycpu/kmsg"),
                      "[    3.250000] NVRM: loading NVIDIA UNIX x86_64 Kernel Module\n");
  assert_string_equal(text_of("/lib/../../sys/bus/pci/devices/0000:01:00.0/vendor"), "0x10de\n");
  assert_int_equal(root_link(root, "/sys/bus/pci/devices/0000:01:00.0").there, THERE);
  assert_int_equal(root_stat(root, NULL, "/usr/lib/x86_64-linux-gnu/libsecret.so"), ABSENT);
  assert_int_equal(root_text(root, 9, "/proc/1/environ").there, UNREAD);
}

static void test_as_an_archive(void **state) {
  (void)state;
  int unread;
  struct why_error error;
  char archive[TREE_PATH + 32];
  snprintf(archive, sizeof archive, "%s/copy.tar.gz", dir);
  make_machine();
  enum why_reason reason =
      why_capture(&(struct why_doctor){.root = machine}, archive, &(int){0}, &unread, &error);
  if (strstr(error.text, "without libarchive")) skip();
  if (reason != WHY_OK) fail_msg("%s", error.text);
  same_diagnoses(machine, archive, true);
  struct stat stat_of;
  assert_int_equal(stat(archive, &stat_of), 0);
  assert_true(stat_of.st_size < 20000);
  assert_int_equal(stat_of.st_mode & 077, 0); // for nobody else, until its owner says so
}

static void test_of_this_machine(void **state) {
  (void)state;
  int unread;
  captures(NULL, copy, &unread);
  same_diagnoses(NULL, copy, false);
}

// ---- what is taken -----------------------------------------------------------------------------

static void test_plan(void **state) {
  (void)state;
  tree_file(machine, "proc/version", "Linux");
  tree_file(machine, "usr/lib/a/read", "0123456789");
  tree_file(machine, "usr/lib/a/met", "x");
  tree_file(machine, "usr/lib/b/met", "x");
  tree_file(machine, "usr/lib/hidden", "x");
  tree_link(machine, "lib", "usr/lib");
  tree_link(machine, "usr/lib/c", "/usr/lib/./b");
  tree_file(machine, ".whycpu/unread", "/root\n");
  opens(machine);
  struct looks looks = {.arena = &arena};
  root_watch(root, looks_add, &looks);
  root_text(root, 4, "/lib/a/read");
  root_text(root, 2, "/usr/lib/a/read");
  root_names(root, "*e*", "/lib/a");
  root_names(root, "[abc]", "/lib");
  root_stat(root, NULL, "/lib/c/none");
  root_stat(root, NULL, "/root/x");
  root_watch(root, NULL, NULL);
  struct plan plan = plan_of(root, &arena, &looks, 0);
  static const struct item expected[] = {
      {.path = "/lib", .target = "usr/lib", .kind = ITEM_LINK, .seen = true},
      {.path = "/root", .kind = ITEM_UNREAD}, // the machine is a snapshot, too
      {.path = "/root/x", .kind = ITEM_UNREAD},
      {.path = "/usr/lib", .kind = ITEM_FOLDER, .seen = true},
      {.path = "/usr/lib/a", .kind = ITEM_FOLDER, .seen = true},
      {.path = "/usr/lib/a/met", .kind = ITEM_FILE},
      {.path = "/usr/lib/a/read", .kind = ITEM_FILE, .text = true, .seen = true, .most = 4},
      {.path = "/usr/lib/b", .kind = ITEM_FOLDER, .seen = true},
      {.path = "/usr/lib/c", .target = "/usr/lib/./b", .kind = ITEM_LINK, .seen = true},
  };
  for (int i = 0; i < plan.count; i++) {
    const struct item *got = &plan.item[i], *want = &expected[i];
    if (i >= (int)(sizeof expected / sizeof *expected)) fail_msg("%s", got->path);
    assert_string_equal(got->path, want->path);
    assert_int_equal(got->kind, want->kind);
    if (got->text != want->text || got->parts != want->parts || got->seen != want->seen ||
        got->most != want->most)
      fail_msg("%s: %d %d %d %zu", got->path, got->text, got->parts, got->seen, got->most);
    assert_string_equal(got->target ? got->target : "", want->target ? want->target : "");
  }
  assert_int_equal(plan.count, sizeof expected / sizeof *expected);
}

static void test_environment(void **state) {
  (void)state;
  static const char *const allowed[] = {
      "CUDA_VISIBLE_DEVICES", "CUDA_HOME",     "PATH",      "HOME",
      "NVIDIA_REQUIRE_CUDA",  "JAX_PLATFORMS", "container", "XLA_PYTHON_CLIENT_PREALLOCATE",
      "GGML_CUDA_NO_PINNED"};
  static const char *const not [] = {
      "AWS_SECRET_ACCESS_KEY", "HF_TOKEN",   "USER", "CUDA",          "PATHS",
      "OMP_NUM_THREADS",       "XCUDA_HOME", "",     "SSH_AUTH_SOCK", "OPENAI_API_KEY",
      "NVIDIA_API_KEY",        "cuda_home"};
  for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
    if (!capture_env_allowed(allowed[i])) fail_msg("%s", allowed[i]);
  for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
    if (capture_env_allowed(not [i])) fail_msg("%s", not [i]);
  assert_string_equal(capture_env_value("KUBERNETES_SERVICE_HOST", "10.0.0.1"), "set");
  assert_string_equal(capture_env_value("KUBERNETES_SERVICE_HOST", ""), "");
  assert_string_equal(capture_env_value("PATH", "/usr/bin"), "/usr/bin");
}

static void keeps(const char *path, const char *text, size_t length, const char *kept,
                  size_t kept_length) {
  char copied[256];
  memcpy(copied, text, length);
  assert_true(capture_keep(path, copied, &length));
  assert_int_equal(length, kept_length);
  assert_memory_equal(copied, kept, kept_length);
}

static void test_what_is_kept(void **state) {
  (void)state;
#define KEEPS(path, text, kept) keeps(path, text, sizeof(text) - 1, kept, sizeof(kept) - 1)
  KEEPS("/etc/hostname", "password\n", "password\n");
  KEEPS("/proc/1/environ", "A=1\0CUDA_HOME=/c\0TOKEN=x\0container=docker", // not ended
        "CUDA_HOME=/c\0container=docker");
  KEEPS("/proc/1/environ", "", "");
  KEEPS("/var/log/apt/history.log", "Requested-By: me\nInstall: NVIDIA-x\n\n",
        "Install: NVIDIA-x\n");
  KEEPS("/etc/containerd/config.toml", "nvidia\n  Password = 1\nurl = https://a:b@c\nend",
        "nvidia\nend");
#undef KEEPS
  size_t length = 1;
  assert_false(capture_keep("/proc/77/cmdline", (char[]){"x"}, &length));
  assert_false(capture_keep("/var/log/syslog", (char[]){"x"}, &length));
  assert_true(capture_keeps_whole("/proc/cmdline"));
  assert_false(capture_keeps_whole("/proc/77/environ"));
}

// ---- where it goes -----------------------------------------------------------------------------

static void refuses(const char *from, const char *to, const char *words) {
  struct why_error error;
  int files = -1, unread = -1;
  enum why_reason reason =
      why_capture(&(struct why_doctor){.root = from}, to, &files, &unread, &error);
  assert_int_equal(reason, WHY_BAD_INPUT);
  if (!strstr(error.text, words)) fail_msg("\"%s\" in \"%s\"", words, error.text);
  assert_int_equal(files, 0);
}

static void test_targets(void **state) {
  (void)state;
  int unread;
  make_machine();
  tree_file(dir, "full/file", "x");
  tree_folder(dir, "empty");
  char path[TREE_PATH + 32];
  snprintf(path, sizeof path, "%s/full", dir);
  refuses(machine, path, "it is there, and not empty; a new folder or a name that ends in .tar.gz");
  snprintf(path, sizeof path, "%s/full/file", dir);
  refuses(machine, path, "Not a directory; a new folder");
  snprintf(path, sizeof path, "%s/none/copy", dir);
  refuses(machine, path, "No such file or directory; a new folder");
  refuses(path, copy, "No such file or directory; a folder or a .tar.gz");
  assert_int_equal(access(copy, F_OK), -1); // nothing was begun
  snprintf(path, sizeof path, "%s/empty", dir);
  captures(machine, path, &unread);
  same_diagnoses(machine, path, true);
}

static void test_processes(void **state) {
  (void)state;
  struct why_error error;
  int files, unread;
  make_machine();
  struct why_doctor request = {.root = machine, .pid = 1};
  assert_int_equal(why_capture(&request, copy, &files, &unread, &error), WHY_BAD_INPUT);
  assert_string_equal(error.text, "process 1: a snapshot has no processes");
  request = (struct why_doctor){.pid = 1 << 29};
  assert_int_equal(why_capture(&request, copy, &files, &unread, &error), WHY_BAD_INPUT);
  assert_string_equal(error.text, "process 536870912: there is none");
  request.pid = (int)getpid();
  assert_int_equal(why_capture(&request, copy, &files, &unread, &error), WHY_OK);
  opens(copy);
  char number[16];
  snprintf(number, sizeof number, "%d", (int)getpid());
  assert_string_equal(root_link(root, "/proc/self").text, number);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_of_a_snapshot), TEST(test_as_an_archive), TEST(test_of_this_machine),
      TEST(test_plan),          TEST(test_environment),   TEST(test_what_is_kept),
      TEST(test_targets),       TEST(test_processes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
