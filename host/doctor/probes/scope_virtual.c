// Is this a virtual machine, and whose: its board says so. Bare machines of a cloud bear the same
// maker's name, but no hypervisor shows itself to their processors.
#include "probe_scope.h"

static const struct {
  const char *maker, *product, *name; // beginnings; "" any
} makers[] = {{"QEMU", "", "KVM"},
              {"Red Hat", "KVM", "KVM"},
              {"Red Hat", "RHEV", "KVM"},
              {"oVirt", "", "KVM"},
              {"", "Standard PC (", "KVM"},
              {"", "KVM", "KVM"},
              {"VMware", "", "VMware"},
              {"Amazon EC2", "", "Amazon EC2"},
              {"Google", "Google Compute Engine", "Google Compute Engine"},
              {"Microsoft Corporation", "Virtual Machine", "Hyper-V"},
              {"innotek", "", "VirtualBox"},
              {"Oracle Corporation", "VirtualBox", "VirtualBox"},
              {"Xen", "", "Xen"},
              {"Parallels", "", "Parallels"},
              {"OpenStack", "", "OpenStack"},
              {"DigitalOcean", "", "DigitalOcean"},
              {"Alibaba Cloud", "", "Alibaba Cloud"},
              {"Tencent Cloud", "", "Tencent Cloud"},
              {"Nutanix", "AHV", "Nutanix"}};

static bool hypervisor_flag(struct facts *f, bool *known) {
  struct text cpu = root_text(f->root, 16 << 10, "/proc/cpuinfo");
  struct slice rest = slice_text(&cpu), line;
  while (slice_line(&rest, &line)) {
    if (!slice_begins(line, "flags")) continue;
    *known = true;
    for (struct slice word; (word = slice_word(&line)).length;)
      if (slice_is(word, "hypervisor")) return true;
    return false;
  }
  return false;
}

void scope_virtual(struct facts *f) {
  struct text vendor = root_text(f->root, 256, "/sys/class/dmi/id/sys_vendor");
  struct text product = root_text(f->root, 256, "/sys/class/dmi/id/product_name");
  bool known = false, hypervisor = hypervisor_flag(f, &known);
  f->scope.virtual = hypervisor ? "a hypervisor" : "";
  if (!hypervisor && (known || slice_ends(slice_trim(slice_text(&product)), ".metal"))) return;
  for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
    if (slice_begins(slice_text(&vendor), makers[i].maker) &&
        slice_begins(slice_text(&product), makers[i].product)) {
      f->scope.virtual = makers[i].name;
      return;
    }
}
