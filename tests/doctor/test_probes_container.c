// What container engines have been told of GPUs.
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "probing.h"
#include <cmocka.h>

static struct container *probe(struct probing *p) {
  struct facts *f = probing_facts(p);
  probe_process(f, &(struct ask){0});
  probe_container(f);
  return &f->container;
}

static void nothing_is_there(void **state) {
  struct probing *p = *state;
  struct container *c = probe(p);
  assert_int_equal(c->toolkit, NO);
  assert_int_equal(c->engine, NO);
  assert_int_equal(c->runtime, NO);
  assert_int_equal(c->cdi, NO);
  assert_int_equal(c->no_cgroups, NO);
  assert_int_equal(c->selinux_enforcing, NO);
  assert_int_equal(c->devices_list.there, ABSENT);
  tree_file(p->dir, ".whycpu/unread", "/etc\n/usr/bin\n/sys/fs\n");
  c = probe(p);
  assert_int_equal(c->toolkit, UNKNOWN);
  assert_int_equal(c->engine, UNKNOWN);
  assert_int_equal(c->runtime, UNKNOWN);
  assert_int_equal(c->cdi, UNKNOWN);
  assert_int_equal(c->no_cgroups, UNKNOWN);
  assert_int_equal(c->selinux_enforcing, UNKNOWN);
}

static void settings_name_the_runtime(void **state) {
  static const struct {
    const char *file, *text;
    enum known known;
  } rows[] = {
      {"etc/docker/daemon.json",
       "{\"runtimes\": {\"nvidia\": {\"path\": \"nvidia-container-runtime\"}}}", YES},
      {"etc/docker/daemon.json", "{\"registry-mirrors\": [\"https://nvidia.example\"]}", NO},
      {"etc/containerd/config.toml", "[plugins.x.runtimes.nvidia]\n", YES},
      {"etc/containerd/config.toml", "  # [plugins.x.runtimes.nvidia]\n", NO},
      {"usr/share/containers/oci/hooks.d/oci-nvidia-hook.json", "{\"path\": \"nvidia\"}", YES}};
  struct probing *p = *state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    tree_file(p->dir, rows[i].file, rows[i].text);
    struct container *c = probe(p);
    assert_int_equal(c->runtime, rows[i].known);
    if (rows[i].known == YES) assert_string_equal(c->runtime_path + 1, rows[i].file);
    tree_remove(p->dir, rows[i].file);
  }
}

static void cdi_specifications(void **state) {
  static const struct {
    const char *file, *text;
    int major;
  } rows[] = {
      {"etc/cdi/nvidia.yaml",
       "---\ncdiVersion: 0.5.0\nkind: nvidia.com/gpu\ncontainerEdits:\n  deviceNodes:\n"
       "  - path: /dev/nvidiactl\n    major: 195\n  - path: /dev/nvidia-uvm\n    type: c\n"
       "    major: 510\n  - path: /dev/nvidia-uvm-tools\n    major: 511\n",
       510},
      {"etc/cdi/nvidia.yml",
       "kind: \"nvidia.com/gpu\"\n- hostPath: /dev/nvidia-uvm\n  major: 507\n"
       "  path: '/dev/nvidia-uvm'\n",
       507},
      {"var/run/cdi/nvidia.json",
       "{\"kind\": \"nvidia.com/gpu\", \"deviceNodes\": [{\"path\": \"/dev/nvidia0\", \"major\": "
       "195}, {\"major\": 509, \"path\": \"/dev/nvidia-uvm\"}]}",
       509},
      {"run/cdi/nvidia.json",
       "{\n \"kind\": \"nvidia.com/gpu\",\n \"deviceNodes\": [\n {\n \"path\": "
       "\"/dev/nvidia-uvm\"\n },\n {\n \"major\": 1\n }\n ]\n}\n",
       0},
      {"etc/cdi/nvidia.yaml", "kind: nvidia.com/gpu\n- path: /dev/nvidia-uvm\n  major: -3\n", 0},
  };
  struct probing *p = *state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    tree_file(p->dir, rows[i].file, rows[i].text);
    struct container *c = probe(p);
    assert_int_equal(c->cdi, YES);
    assert_string_equal(c->cdi_path + 1, rows[i].file);
    assert_int_equal(c->cdi_uvm_major, rows[i].major);
    tree_remove(p->dir, rows[i].file);
  }
  tree_file(p->dir, "etc/cdi/other.yaml", "kind: amd.com/gpu\n");
  tree_file(p->dir, "etc/cdi/readme", "kind: nvidia.com/gpu\n");
  assert_int_equal(probe(p)->cdi, NO);
}

static void the_rest(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, "usr/bin/nvidia-ctk", "");
  tree_file(p->dir, "usr/bin/podman", "");
  tree_file(p->dir, "etc/nvidia-container-runtime/config.toml",
            "[nvidia-container-cli]\n#no-cgroups = true\n  no-cgroups = true # rootless\n");
  tree_file(p->dir, "sys/fs/selinux/enforce", "1");
  tree_file(p->dir, "sys/fs/cgroup/devices/devices.list", "c 195:* m\n");
  struct container *c = probe(p);
  assert_string_equal(c->toolkit_path, "/usr/bin/nvidia-ctk");
  assert_string_equal(c->engine_path, "/usr/bin/podman");
  assert_int_equal(c->no_cgroups, YES);
  assert_int_equal(c->selinux_enforcing, YES);
  assert_string_equal(c->devices_list.text, "c 195:* m\n");
  tree_file(p->dir, "etc/nvidia-container-runtime/config.toml", "#no-cgroups = true\n");
  assert_int_equal(probe(p)->no_cgroups, NO);
  tree_remove(p->dir, "sys");
  tree_file(p->dir, "proc/self/attr/current", "system_u:system_r:container_t:s0:c1,c2\n");
  assert_int_equal(probe(p)->selinux_enforcing, UNKNOWN);
  tree_file(p->dir, "proc/self/attr/current", "docker-default (enforce)\n");
  assert_int_equal(probe(p)->selinux_enforcing, NO);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, probing_begin, probing_end)
  static const struct CMUnitTest tests[] = {TEST(nothing_is_there), TEST(settings_name_the_runtime),
                                            TEST(cdi_specifications), TEST(the_rest)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
