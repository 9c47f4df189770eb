// The kernel's half of the driver: modules, versions, GPUs, blacklists, Secure Boot, fabric
// manager.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "probing.h"
#include <cmocka.h>

static struct kernel *probe(struct probing *p) {
  struct facts *f = probing_facts(p);
  probe_process(f, &(struct ask){0});
  probe_scope(f);
  probe_kernel(f);
  return &f->kernel;
}

static void modules_are_listed(void **state) {
  struct probing *p = *state;
  struct kernel *k = probe(p);
  assert_int_equal(k->nvidia, UNKNOWN);
  assert_int_equal(k->nouveau, UNKNOWN);
  assert_string_equal(k->version, "");
  tree_file(p->dir, "proc/modules",
            "nvidia_uvm 1 0 - Live 0x0\nnvidia 54 2 nvidia_uvm, Live 0x0\nnvidiafb 1 0\n");
  k = probe(p);
  assert_int_equal(k->nvidia, YES);
  assert_string_equal(k->nvidia_path, "/proc/modules");
  assert_int_equal(k->uvm, YES);
  assert_int_equal(k->nouveau, NO);
  tree_file(p->dir, "proc/modules", "nvidiafb 1 0\nnova_core 1 0\n");
  k = probe(p);
  assert_int_equal(k->nvidia, NO);
  assert_int_equal(k->nouveau, YES);
  assert_string_equal(k->nouveau_path, "/proc/modules");
}

static void folders_stand_in_for_the_list(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, "sys/module/nvidia/initstate", "live\n");
  tree_file(p->dir, "sys/module/nvidia/version", "570.133.20\n");
  tree_file(p->dir, "sys/module/nouveau/initstate", "coming\n");
  struct kernel *k = probe(p);
  assert_int_equal(k->nvidia, YES);
  assert_string_equal(k->nvidia_path, "/sys/module/nvidia");
  assert_int_equal(k->nouveau, NO);
  assert_int_equal(k->uvm, NO);
  assert_string_equal(k->version, "570.133.20");
  assert_string_equal(k->version_path, "/sys/module/nvidia/version");
  assert_int_equal(k->open, UNKNOWN);
  tree_remove(p->dir, "sys");
  tree_file(p->dir, ".whycpu/unread", "/proc/modules\n/sys/module\n");
  assert_int_equal(probe(p)->nvidia, UNKNOWN);
  tree_file(p->dir, "proc/driver/nvidia/version", "NVRM version: whatever\n");
  assert_int_equal(probe(p)->nvidia, YES);
}

static void version_lines(void **state) {
  static const struct {
    const char *text, *version;
    enum known open;
  } rows[] = {
      {"NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC 2024\n"
       "GCC version:  gcc version 12.3.0\n",
       "550.54.14", NO},
      {"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.158.01  Release Build  "
       "(dvs-builder@U22)  Mon Jun 2\n",
       "570.158.01", YES},
      {"NVRM version: NVIDIA UNIX x86_64 Kernel Module  352.63  Sat Nov  7 21:25:42 PST 2015\n",
       "352.63", NO},
      {"NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  580.65.06  Release", "580.65.06",
       YES},
      {"NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.\n", "", NO},
      {"NVRM version: NVIDIA UNIX x86_64 Kernel Module  5505050.1 .5 5.5 ...\n", "", NO},
      {"NVRM version: 550.54.14\n", "", NO},
      {"GCC version: Module 12.3.0\n", "", UNKNOWN},
      {"", "", UNKNOWN}};
  struct probing *p = *state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    tree_file(p->dir, "proc/driver/nvidia/version", rows[i].text);
    struct kernel *k = probe(p);
    assert_string_equal(k->version, rows[i].version);
    assert_int_equal(k->open, rows[i].open);
  }
}

static void gpus_and_devices(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, "proc/driver/nvidia/gpus/0000:03:00.0/information",
            "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 1\nGPU UUID: \t GPU-1234\n"
            "Bus Location: \t 0000:03:00.0\nDevice Minor: \t 1\nGPU Excluded:\t No\n");
  tree_file(p->dir, "proc/driver/nvidia/gpus/0000:04:00.0/information",
            "Model\nGPU UUID: \t GPU-\?\?\?\?-\?\?\nDevice Minor: \t x\nGPU Excluded:\t Yes\n");
  tree_file(p->dir, "proc/devices",
            "Character devices:\n  1 mem\n195 nvidia\n510 nvidia-uvm\n\nBlock devices:\n"
            "511 nvidia-uvm\n");
  struct kernel *k = probe(p);
  assert_int_equal(k->gpus, 2);
  assert_string_equal(k->gpu[0].model, "NVIDIA H100 80GB HBM3");
  assert_string_equal(k->gpu[0].uuid, "GPU-1234");
  assert_int_equal(k->gpu[0].minor, 1);
  assert_int_equal(k->gpu[0].excluded, NO);
  assert_false(k->gpu[0].never_initialised);
  assert_int_equal(k->gpu[1].minor, -1);
  assert_int_equal(k->gpu[1].excluded, YES);
  assert_true(k->gpu[1].never_initialised);
  assert_string_equal(k->gpu[1].model, "");
  assert_int_equal(k->uvm_major, 510);
}

static void blacklists(void **state) {
  static const struct {
    const char *file, *text, *line;
  } rows[] = {
      {"etc/modprobe.d/a.conf", "# blacklist nvidia\nblacklist nvidia-drm\nblacklist nouveau\n",
       NULL},
      {"etc/modprobe.d/a.conf", "  blacklist \t nvidia \n", "blacklist \t nvidia"},
      {"etc/modprobe.d/a.conf", "install nvidia /bin/false\n", "install nvidia /bin/false"},
      {"usr/lib/modprobe.d/a.conf", "install nvidia true", "install nvidia true"},
      {"etc/modprobe.d/a.conf", "install nvidia modprobe -i nvidia-current $CMDLINE_OPTS\n", NULL},
      {"etc/modprobe.d/a.conf", "alias nvidia off\n", "alias nvidia off"},
      {"etc/modprobe.d/readme", "blacklist nvidia\n", NULL},
      {"proc/cmdline", "root=/dev/sda1 modprobe.blacklist=nouveau,nvidia quiet\n",
       "modprobe.blacklist=nouveau,nvidia"},
      {"proc/cmdline", "module_blacklist=nvidia\n", "module_blacklist=nvidia"},
      {"proc/cmdline", "module_blacklist=nvidia,nouveau\n", "module_blacklist=nvidia,nouveau"},
      {"proc/cmdline", "module_blacklist=nouveau,nvidiafb x=nvidia\n", NULL}};
  struct probing *p = *state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    tree_file(p->dir, rows[i].file, rows[i].text);
    struct kernel *k = probe(p);
    assert_int_equal(k->blacklisted, rows[i].line ? YES : NO);
    if (rows[i].line) {
      char shown[64];
      strcpy(shown, rows[i].line);
      for (char *at = shown; *at; at++)
        if (*at == '\t') *at = ' ';
      assert_string_equal(k->blacklist_line, shown);
    }
    tree_remove(p->dir, rows[i].file);
  }
  tree_file(p->dir, "usr/lib/modprobe.d/a.conf", "blacklist nvidia\n");
  tree_link(p->dir, "etc/modprobe.d/a.conf", "/dev/null"); // hides that one
  assert_int_equal(probe(p)->blacklisted, NO);
  tree_file(p->dir, ".whycpu/unread", "/etc/modprobe.d\n");
  tree_remove(p->dir, "etc");
  tree_remove(p->dir, "usr");
  assert_int_equal(probe(p)->blacklisted, UNKNOWN);
}

#define EFI "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static void secure_boot(void **state) {
  struct probing *p = *state;
  assert_int_equal(probe(p)->secure_boot, NO);
  tree_file(p->dir, ".dockerenv", ""); // is not shown the folder
  assert_int_equal(probe(p)->secure_boot, UNKNOWN);
  tree_remove(p->dir, ".dockerenv");
  tree_file(p->dir, ".whycpu/unread", "/" EFI "\n");
  assert_int_equal(probe(p)->secure_boot, UNKNOWN);
  tree_remove(p->dir, ".whycpu/unread");
  tree_bytes(p->dir, EFI, "\6\0\0\0\1", 5);
  assert_int_equal(probe(p)->secure_boot, YES);
  tree_bytes(p->dir, EFI, "\6\0\0\0\0", 5);
  assert_int_equal(probe(p)->secure_boot, NO);
  tree_bytes(p->dir, EFI, "\6\0\0\0", 4);
  assert_int_equal(probe(p)->secure_boot, UNKNOWN);
  tree_remove(p->dir, EFI);
  assert_int_equal(probe(p)->secure_boot, UNKNOWN);
  tree_file(p->dir, "sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  struct kernel *k = probe(p);
  assert_int_equal(k->secure_boot, YES);
  assert_string_equal(k->secure_boot_text, "none [integrity] confidentiality");
  tree_file(p->dir, "sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
  assert_int_equal(probe(p)->secure_boot, UNKNOWN);
  tree_file(p->dir, "sys/module/module/parameters/sig_enforce", "Y\n");
  assert_int_equal(probe(p)->secure_boot, YES);
}

static void fabric_manager(void **state) {
  struct probing *p = *state;
  struct kernel *k = probe(p);
  assert_int_equal(k->fabric_installed, NO);
  assert_int_equal(k->fabric_running, NO);
  tree_file(p->dir, "usr/bin/nv-fabricmanager", "");
  tree_file(p->dir, "var/lib/dpkg/status",
            "Package: a\nVersion: 1\n\nPackage: nvidia-fabricmanager-550\nStatus: install ok\n"
            "Version: 550.90.07-1\n\nPackage: b\nVersion: 2\n");
  k = probe(p);
  assert_int_equal(k->fabric_installed, YES);
  assert_int_equal(k->fabric_running, NO);
  assert_string_equal(k->fabric_version, "550.90.07");
  tree_file(p->dir, "var/log/fabricmanager.log",
            "[Feb 01 2024 10:11:12] [INFO] Fabric Manager version is : 535.1.2\n"
            "[Feb 02 2024 10:11:12] [INFO] Fabric Manager version is : 550.54.14\nmore: 1\n");
  tree_file(p->dir, "run/nvidia-fabricmanager/nv-fabricmanager.pid", "1234\n");
  k = probe(p);
  assert_int_equal(k->fabric_running, YES);
  assert_string_equal(k->fabric_version, "550.54.14");
  tree_remove(p->dir, "var/log");
  tree_remove(p->dir, "usr");
  enum { LONG = 200 << 10 };
  char *text = malloc(LONG + 1);
  assert_non_null(text);
  memset(text, 'x', LONG);
  strcpy(text + LONG - 60, "\nPackage: nvidia-fabricmanager-1\nVersion: 1.2");
  tree_file(p->dir, "var/lib/dpkg/status", text);
  free(text);
  k = probe(p);
  assert_int_equal(k->fabric_installed, YES); // it runs
  assert_string_equal(k->fabric_version, ""); // its line has no end
  tree_file(p->dir, ".dockerenv", "");
  tree_remove(p->dir, "run");
  assert_int_equal(probe(p)->fabric_running, UNKNOWN);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, probing_begin, probing_end)
  static const struct CMUnitTest tests[] = {
      TEST(modules_are_listed), TEST(folders_stand_in_for_the_list),
      TEST(version_lines),      TEST(gpus_and_devices),
      TEST(blacklists),         TEST(secure_boot),
      TEST(fabric_manager)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
