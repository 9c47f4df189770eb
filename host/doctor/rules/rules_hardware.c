// Rules of the PCI bus. A fault of one GPU among several that work is no cause: it is said and
// passed over.
#include "judge.h"
#include <string.h>

// Before these rules look: is there a bus to look at, and are GPUs on it. False: it has been said.
static bool on_bus(const struct facts *f, struct finding *o) {
  if (without_pci(f)) {
    say_na(o, "under %s a GPU is not on the PCI bus", platform_name(f));
    return false;
  }
  if (f->pci.gpus) return true;
  if (driver_found_gpu(f))
    say_ok(o, "the driver has found a GPU");
  else if (f->pci.bus.there == UNREAD)
    say_unknown(o, "%s is not known", f->pci.bus.path);
  else
    say_na(o, "no GPU is on the bus");
  return false;
}

enum why_result rule_no_nvidia_gpu(const struct facts *f, struct finding *o) {
  if (without_pci(f)) return say_na(o, "under %s a GPU is not on the PCI bus", platform_name(f));
  if (f->pci.gpus) {
    say_evidence(o, f->pci.bus.path, "%s: %s", f->pci.gpu[0].address,
                 *f->pci.gpu[0].name ? f->pci.gpu[0].name : "an NVIDIA GPU");
    return say_ok(o, "%d NVIDIA GPU%s on the PCI bus", f->pci.gpus, f->pci.gpus == 1 ? "" : "s");
  }
  if (driver_found_gpu(f)) return say_ok(o, "the driver has found a GPU");
  if (kernel_says(f, "fallen off the bus"))
    return say_na(o, "the kernel's log names one that fell off the bus");
  if (f->pci.bus.there == UNREAD || f->pci.complete == NO)
    return say_unknown(o, "%s is not known", f->pci.bus.path);
  const char *found =
      f->pci.bus.there == ABSENT
          ? "is not there: this machine has no PCI bus"
          : arena_print(f->arena, "lists %d device%s, none of vendor 0x10de with class 0x03%s%s",
                        f->pci.functions, f->pci.functions == 1 ? "" : "s",
                        *f->pci.others ? "; there is " : "", f->pci.others);
  say_evidence(o, f->pci.bus.path, "%s", found);
  if (*f->scope.virtual)
    say_fix(o, "pass a GPU through to this virtual machine (%s), or choose a machine type with one",
            f->scope.virtual);
  say_need(o, "an NVIDIA GPU");
  say_have(o, "none");
  return say_fail(o, "%s %s", f->pci.bus.path, found);
}

// ---- faults of single GPUs ---------------------------------------------------------------------

// A line of `resource` is a region's start, end and flags. Regions of 64 bits take two lines, of
// which the second is always zeros; where the first region is one, the window into memory and the
// next lie at lines 2 and 4 (Hopper and later), else at 1 and 3.
enum { MEM_64 = 0x100000 }; // IORESOURCE_MEM_64 of the kernel

static const char *line_of(const char *resource, int line) {
  for (; line > 0 && *resource; line--) {
    resource += strcspn(resource, "\n");
    resource += *resource == '\n';
  }
  return resource;
}

static bool region_lost(const char *resource, int line) {
  unsigned long long start, end, flags;
  const char *text = line_of(resource, line);
  return sscanf(text, "%llx %llx %llx", &start, &end, &flags) == 3 && !start && !end && !flags;
}

static bool bar_lost(const struct pci_device *gpu) {
  unsigned long long start, end, flags;
  const char *text = gpu->resource.text;
  if (gpu->resource.there != THERE) return false;
  bool wide = sscanf(text, "%llx %llx %llx", &start, &end, &flags) == 3 && flags & MEM_64;
  return region_lost(text, wide ? 2 : 1) || region_lost(text, wide ? 4 : 3);
}

static bool gone(const struct pci_device *gpu) {
  return gpu->config_gone == YES;
}

static bool held_by_other(const struct pci_device *gpu) {
  static const char *const own[] = {"nvidia",    "nouveau",  "nova",
                                    "nova_core", "NovaCore", "nova-core"};
  if (gpu->driver.there != THERE) return false;
  for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
    if (!strcmp(gpu->driver.text, own[i])) return false;
  return true;
}

typedef bool pci_test(const struct pci_device *);
static const struct pci_device *first_with(const struct facts *f, pci_test *test, int *count) {
  const struct pci_device *first = NULL;
  *count = 0;
  for (int i = 0; i < f->pci.gpus; i++) {
    if (!test(&f->pci.gpu[i])) continue;
    if (!first) first = &f->pci.gpu[i];
    ++*count;
  }
  return first;
}

// A fault counts where all GPUs have it, or where none of the others is seen to work.
static bool counts(const struct facts *f, int faulty) {
  return faulty > 0 && (faulty == f->pci.gpus || !cuda_works(f));
}

enum why_result rule_pci_bar_unassigned(const struct facts *f, struct finding *o) {
  if (!on_bus(f, o)) return o->result;
  int faulty;
  const struct pci_device *gpu = first_with(f, bar_lost, &faulty);
  const char *line = kernel_says(f, "PCI I/O region assigned to your NVIDIA device is invalid");
  if (gpu) say_evidence(o, gpu->resource.path, "the window into its memory has no addresses");
  if (line) say_evidence(o, f->log.path, "%s", line);
  if (counts(f, faulty) || (line && !driver_found_gpu(f))) {
    say_need(o, "addresses for every region of the GPU");
    say_have(o, "a region without any");
    return say_fail(o, "a region of the GPU has no addresses");
  }
  if (gpu) return say_ok(o, "%s has a region without addresses; another GPU works", gpu->address);
  for (int i = 0; i < f->pci.gpus; i++)
    if (f->pci.gpu[i].resource.there == UNREAD && !driver_found_gpu(f))
      return say_unknown(o, "%s is not known", f->pci.gpu[i].resource.path);
  return say_ok(o, "its regions have addresses");
}

static bool lost(const struct nvml_device *device) {
  return device->error == 15;
}

enum why_result rule_gpu_fell_off_bus(const struct facts *f, struct finding *o) {
  if (without_pci(f)) return say_na(o, "under %s a GPU is not on the PCI bus", platform_name(f));
  int faulty;
  const struct pci_device *gpu = first_with(f, gone, &faulty);
  const char *line = kernel_says(f, "fallen off the bus|): 79,");
  struct share answers = share_of(f, lost);
  if (gpu) say_evidence(o, gpu->config_path, "its configuration space reads as ff");
  if (line) say_evidence(o, f->log.path, "%s", line);
  if (answers.of)
    say_evidence(o, "NVML", "GPU %d answers %s", answers.first->index, error_words(f, "NVML", 15));
  bool lone = f->pci.gpus + f->gpu.nvmls <= 2; // nothing is left to work
  if (counts(f, faulty) || (line && (lone || !cuda_works(f))) ||
      (answers.of && (answers.of == answers.all || !cuda_works(f)))) {
    say_need(o, "a GPU that answers");
    say_have(o, "one that does not");
    return say_fail(o, "%s does not answer on the bus", gpu ? gpu->address : "the GPU");
  }
  if (gpu || line) return say_ok(o, "one has fallen off the bus; another GPU works");
  if (driver_found_gpu(f)) return say_ok(o, "the driver has found a GPU");
  for (int i = 0; i < f->pci.gpus; i++)
    if (f->pci.gpu[i].config_gone == UNKNOWN)
      return say_unknown(o, "%s is not known", f->pci.gpu[i].config_path);
  if (!f->pci.gpus) return say_na(o, "no GPU is on the bus");
  return say_ok(o, "it answers on the bus");
}

enum why_result rule_gpu_bound_to_other_driver(const struct facts *f, struct finding *o) {
  if (!on_bus(f, o)) return o->result;
  int faulty;
  const struct pci_device *gpu = first_with(f, held_by_other, &faulty);
  if (gpu) say_evidence(o, gpu->driver.path, "leads to %s", gpu->driver.text);
  if (gpu && counts(f, faulty)) {
    say_need(o, "driver nvidia");
    say_have(o, "driver %s", gpu->driver.text);
    return say_fail(o, "%s is held by %s", gpu->address, gpu->driver.text);
  }
  if (gpu) return say_ok(o, "%s is held by %s; another works", gpu->address, gpu->driver.text);
  for (int i = 0; i < f->pci.gpus; i++)
    if (f->pci.gpu[i].driver.there == UNREAD && !driver_found_gpu(f))
      return say_unknown(o, "%s is not known", f->pci.gpu[i].driver.path);
  return say_ok(o, "no other driver holds it");
}

static bool narrow(const struct pci_device *gpu) {
  return gpu->link_width > 0 && gpu->link_width < gpu->link_width_most;
}

enum why_result rule_pcie_link_degraded(const struct facts *f, struct finding *o) {
  if (!on_bus(f, o)) return o->result;
  int faulty;
  const struct pci_device *gpu = first_with(f, narrow, &faulty);
  if (!gpu) return say_ok(o, "all lanes, or not known");
  say_evidence(o, arena_print(f->arena, "/sys/bus/pci/devices/%s", gpu->address),
               "current_link_width %d, max_link_width %d", gpu->link_width, gpu->link_width_most);
  say_need(o, "x%d", gpu->link_width_most);
  say_have(o, "x%d", gpu->link_width);
  return say_fail(o, "%s runs on %d of %d lanes", gpu->address, gpu->link_width,
                  gpu->link_width_most);
}
