// The PCI bus: NVIDIA's display controllers and bridges among other functions.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "probing.h"
#include <cmocka.h>

static struct pci *probe(struct probing *p) {
  struct facts *f = probing_facts(p);
  probe_pci(f);
  return &f->pci;
}

static void put(struct probing *p, const char *address, const char *file, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "sys/bus/pci/devices/%s/%s", address, file);
  tree_file(p->dir, path, text);
}

static void function(struct probing *p, const char *address, const char *vendor, const char *device,
                     const char *class) {
  put(p, address, "vendor", vendor);
  put(p, address, "device", device);
  put(p, address, "class", class);
}

static void gpus_are_told_from_the_rest(void **state) {
  struct probing *p = *state;
  function(p, "0000:00:00.0", "0x8086\n", "0x1237\n", "0x060000\n");
  function(p, "0000:00:02.0", "0x8086\n", "0x1111\n", "0x030000\n");
  function(p, "0000:01:00.0", "0x10de\n", "0x2330\n", "0x030200\n");
  function(p, "0000:01:00.1", "0x10de\n", "0x22ba\n", "0x040300\n");
  function(p, "0000:02:00.0", "10DE", "2330", "030000");
  function(p, "0000:03:00.0", "0x10de\n", "0x22a3\n", "0x068000\n");
  put(p, "0000:01:00.0", "resource", "0x1 0x2 0x3\n0x0 0x0 0x0\n");
  put(p, "0000:01:00.0", "current_link_width", "8\n");
  put(p, "0000:01:00.0", "max_link_width", "16\n");
  tree_link(p->dir, "sys/bus/pci/devices/0000:01:00.0/driver",
            "../../../../bus/pci/drivers/vfio-pci");
  tree_bytes(p->dir, "sys/bus/pci/devices/0000:01:00.0/config", "\xff\xff\xff\xff\xff\xff", 6);
  tree_bytes(p->dir, "sys/bus/pci/devices/0000:02:00.0/config", "\xde\x10\x30\x23", 4);
  put(p, "0000:02:00.0", "current_link_width", "63\n");
  struct pci *pci = probe(p);
  assert_int_equal(pci->bus.there, THERE);
  assert_int_equal(pci->complete, YES);
  assert_int_equal(pci->functions, 6);
  assert_int_equal(pci->gpus, 2);
  assert_int_equal(pci->switches, 1);
  assert_string_equal(pci->others, "an Intel GPU at 0000:00:02.0");
  const struct pci_device *gpu = pci->gpu;
  assert_string_equal(gpu[0].address, "0000:01:00.0");
  assert_int_equal(gpu[0].device, 0x2330);
  assert_int_equal(gpu[0].class, 0x030200);
  assert_string_equal(gpu[0].driver.text, "vfio-pci");
  assert_int_equal(gpu[0].config_gone, YES);
  assert_int_equal(gpu[0].link_width, 8);
  assert_int_equal(gpu[0].link_width_most, 16);
  assert_int_equal(gpu[0].resource.there, THERE);
  assert_int_equal(gpu[0].capability, 90);
  assert_int_equal(gpu[0].gsp, YES);
  assert_int_equal(gpu[1].device, 0x2330);
  assert_int_equal(gpu[1].driver.there, ABSENT);
  assert_int_equal(gpu[1].config_gone, NO);
  assert_int_equal(gpu[1].link_width, 0);
}

static void what_was_not_read_is_said(void **state) {
  struct probing *p = *state;
  assert_int_equal(probe(p)->bus.there, ABSENT);
  tree_file(p->dir, ".whycpu/unread", "/sys\n");
  assert_int_equal(probe(p)->bus.there, UNREAD);
  assert_int_equal(p->facts.pci.complete, NO);
  tree_file(p->dir, ".whycpu/unread",
            "/sys/bus/pci/devices/0000:01:00.0/class\n"
            "/sys/bus/pci/devices/0000:02:00.0/config\n"
            "/sys/bus/pci/devices/0000:02:00.0/driver\n");
  put(p, "0000:01:00.0", "vendor", "0x10de\n");
  function(p, "0000:02:00.0", "0x10de\n", "0xfffe\n", "0x030000\n");
  struct pci *pci = probe(p);
  assert_int_equal(pci->complete, NO);
  assert_int_equal(pci->gpus, 1);
  assert_int_equal(pci->gpu[0].config_gone, UNKNOWN);
  assert_int_equal(pci->gpu[0].driver.there, UNREAD);
  assert_string_equal(pci->gpu[0].name, "");
  assert_int_equal(pci->gpu[0].gsp, UNKNOWN);
}

static void odd_files_do_no_harm(void **state) {
  struct probing *p = *state;
  function(p, "a", "0x10de0000000000000\n", "", "0x");
  function(p, "b", "", "-1", "0x030000");
  function(p, "c", "0x10de", "what", "0x030000\n");
  tree_file(p->dir, "sys/bus/pci/devices/d", "a file");
  struct pci *pci = probe(p);
  assert_int_equal(pci->gpus, 1);
  assert_int_equal(pci->gpu[0].device, 0);
  assert_int_equal(pci->complete, NO);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, probing_begin, probing_end)
  static const struct CMUnitTest tests[] = {TEST(gpus_are_told_from_the_rest),
                                            TEST(what_was_not_read_is_said),
                                            TEST(odd_files_do_no_harm)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
