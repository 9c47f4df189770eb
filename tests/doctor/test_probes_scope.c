// Where are we: WSL, Jetson, containers, virtual machines, and what is left open.
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "probing.h"
#include <cmocka.h>

static struct scope *probe(struct probing *p) {
  struct facts *f = probing_facts(p);
  probe_process(f, &(struct ask){0});
  probe_scope(f);
  return &f->scope;
}

#define UBUNTU                                                                                     \
  "Linux version 5.15.0-91-generic (buildd@lcy02-amd64-045) (gcc (Ubuntu 11.4.0) 11.4.0) #101\n"

static void linux_itself(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, "proc/version", UBUNTU);
  tree_file(p->dir, ".whycpu/nodes", "/dev/nvidia0 c 0666 0 0 195 0\n");
  struct scope *s = probe(p);
  assert_int_equal(s->platform_known, YES);
  assert_int_equal(s->platform, PLATFORM_LINUX);
  assert_string_equal(s->release.text, "5.15.0-91-generic");
  assert_string_equal(s->release.path, "/proc/version");
  assert_int_equal(s->arch, ARCH_X86_64);
  assert_int_equal(s->container, NO);
  assert_string_equal(s->virtual, "");
  tree_file(p->dir, "proc/sys/kernel/osrelease", "5.15.0-92-generic\n");
  assert_string_equal(probe(p)->release.text, "5.15.0-92-generic");
}

static void nothing_is_unknown(void **state) {
  struct probing *p = *state;
  struct scope *s = probe(p);
  assert_int_equal(s->platform_known, UNKNOWN);
  assert_int_equal(s->arch, ARCH_UNKNOWN);
  assert_string_equal(s->virtual, "");
  tree_file(p->dir, "proc/modules", "");
  assert_int_equal(probe(p)->platform_known, YES);
  tree_file(p->dir, ".whycpu/unread", "/proc/version\n");
  assert_int_equal(probe(p)->platform_known, UNKNOWN);
  tree_file(p->dir, ".whycpu/unread", "/proc/1/cgroup\n");
  assert_int_equal(probe(p)->container, UNKNOWN); // no environment either
  tree_file(p->dir, ".whycpu/env", "A=b\n");
  assert_int_equal(probe(p)->container, NO);
  tree_file(p->dir, ".whycpu/unread", "/.dockerenv\n");
  assert_int_equal(probe(p)->container, UNKNOWN);
}

static void windows_subsystems(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, "proc/version",
            "Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com) "
            "(gcc version 5.4.0 (GCC) ) #488-Microsoft\n");
  tree_file(p->dir, ".whycpu/nodes", "");
  assert_int_equal(probe(p)->platform, PLATFORM_WSL1);
  tree_file(p->dir, "run/WSL/1_interop", ""); // WSL1 has that too
  assert_int_equal(probe(p)->platform, PLATFORM_WSL1);
  tree_file(p->dir, ".whycpu/nodes", "/dev/dxg c 0666 0 0 10 63\n");
  assert_int_equal(probe(p)->platform, PLATFORM_WSL2);
  assert_string_equal(p->facts.scope.platform_path, "/dev/dxg");
  tree_file(p->dir, ".whycpu/nodes", "");
  tree_file(p->dir, "proc/version", "Linux version 5.15.146.1-microsoft-standard-WSL2 (root@65c7)");
  assert_int_equal(probe(p)->platform, PLATFORM_WSL2);
  tree_file(p->dir, "proc/version", "Linux version 6.1.0-custom (me@home)");
  assert_int_equal(probe(p)->platform, PLATFORM_WSL2); // by /run/WSL
  tree_file(p->dir, ".dockerenv", "");
  assert_int_equal(probe(p)->container, YES);
  assert_int_equal(p->facts.scope.platform, PLATFORM_WSL2);
  tree_remove(p->dir, "run/WSL");
  tree_file(p->dir, "proc/version", "Linux version 5.15.0-1041-azure (buildd@x)");
  assert_int_equal(probe(p)->platform, PLATFORM_LINUX);
}

static void jetson_boards(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, ".whycpu/nodes", "");
  tree_file(p->dir, "proc/version", "Linux version 5.10.104 (buildbrain@mobile-u64)\n");
  tree_file(p->dir, "etc/nv_tegra_release", "# R35 (release), REVISION: 4.1\nmore\n");
  struct scope *s = probe(p);
  assert_int_equal(s->platform, PLATFORM_JETSON);
  assert_int_equal(s->arch, ARCH_AARCH64);
  assert_string_equal(s->platform_text, "# R35 (release), REVISION: 4.1");
  tree_remove(p->dir, "etc");
  assert_int_equal(probe(p)->platform, PLATFORM_LINUX);
  tree_bytes(p->dir, "proc/device-tree/compatible", "nvidia,p3701\0nvidia,tegra234\0", 29);
  assert_int_equal(probe(p)->platform, PLATFORM_JETSON);
  assert_string_equal(p->facts.scope.platform_text, "nvidia,p3701 nvidia,tegra234");
  tree_remove(p->dir, "proc/device-tree");
  tree_file(p->dir, "proc/sys/kernel/osrelease", "5.10.104-tegra\n");
  assert_int_equal(probe(p)->platform, PLATFORM_JETSON);
  tree_file(p->dir, "proc/sys/kernel/osrelease", "5.10.104\n");
  tree_file(p->dir, ".whycpu/nodes", "/dev/nvhost-gpu c 0660 0 44 504 1\n");
  assert_int_equal(probe(p)->platform, PLATFORM_JETSON);
  // Its board support package on a workstation makes no Jetson.
  tree_file(p->dir, "etc/nv_tegra_release", "# R35\n");
  tree_file(p->dir, ".whycpu/nodes", "");
  tree_file(p->dir, "proc/sys/kernel/osrelease", "6.5.6-300.fc39.x86_64\n");
  assert_int_equal(probe(p)->platform, PLATFORM_LINUX);
}

static void containers(void **state) {
  static const struct {
    const char *file, *text, *kind;
  } rows[] = {
      {".dockerenv", "", "docker"},
      {"run/.containerenv", "engine=\"podman\"\n", "podman"},
      {".singularity.d/env/x", "", "apptainer"},
      {"dev/lxd/sock", "", "lxc"},
      {"run/systemd/container", "systemd-nspawn\n", "systemd-nspawn"},
      {"proc/1/cgroup", "12:devices:/kubepods/burstable/pod1\n", "kubernetes"},
      {"proc/1/cgroup", "12:pids:/\n0::/docker/1234\n", "docker"},
      {"proc/1/cgroup", "0::/lxc.payload.a\n", "lxc"},
      {".whycpu/env", "PATH=/bin\ncontainer=oci\n", "oci"},
      {".whycpu/env", "KUBERNETES_SERVICE_HOST=10.0.0.1\n", "kubernetes"},
      {"proc/1/cgroup", "0::/init.scope\n", NULL},
      {"run/systemd/container", "wsl\n", NULL},
      {".whycpu/env", "container=\n", NULL},
  };
  struct probing *p = *state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    tree_file(p->dir, rows[i].file, rows[i].text);
    struct scope *s = probe(p);
    assert_int_equal(s->container, rows[i].kind ? YES : NO);
    assert_string_equal(s->container_kind, rows[i].kind ? rows[i].kind : "");
    if (rows[i].kind) assert_non_null(s->container_path);
    tree_remove(p->dir, rows[i].file);
    tree_remove(p->dir, ".singularity.d");
    tree_remove(p->dir, "dev");
  }
  tree_bytes(p->dir, "proc/1/environ", "PATH=/bin\0container=lxc\0", 24);
  assert_string_equal(probe(p)->container_kind, "lxc");
}

static void virtual_machines(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, "sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
  tree_file(p->dir, "sys/class/dmi/id/product_name", "p4d.24xlarge\n");
  assert_string_equal(probe(p)->virtual, "Amazon EC2");
  tree_file(p->dir, "sys/class/dmi/id/product_name", "g4dn.metal\n");
  assert_string_equal(probe(p)->virtual, "");
  tree_file(p->dir, "proc/cpuinfo", "vendor_id : GenuineIntel\nflags : fpu hypervisor lahf_lm\n");
  assert_string_equal(probe(p)->virtual, "Amazon EC2");
  tree_file(p->dir, "sys/class/dmi/id/sys_vendor", "Somebody\n");
  assert_string_equal(probe(p)->virtual, "a hypervisor");
  assert_int_equal(p->facts.scope.arch, ARCH_X86_64);
  tree_file(p->dir, "sys/class/dmi/id/sys_vendor", "QEMU\n");
  assert_string_equal(probe(p)->virtual, "KVM");
  tree_file(p->dir, "proc/cpuinfo", "flags : fpu\n");
  assert_string_equal(probe(p)->virtual, "");
  tree_file(p->dir, "proc/cpuinfo", "CPU implementer : 0x41\n");
  assert_int_equal(probe(p)->arch, ARCH_AARCH64);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, probing_begin, probing_end)
  static const struct CMUnitTest tests[] = {TEST(linux_itself),       TEST(nothing_is_unknown),
                                            TEST(windows_subsystems), TEST(jetson_boards),
                                            TEST(containers),         TEST(virtual_machines)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
