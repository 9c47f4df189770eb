// NVIDIA's functions on the PCI bus, as sysfs shows them.
#include "slice.h"
#include "tables.h"
#include <string.h>

enum {
  FUNCTIONS_MOST = 8192,
  GPUS_MOST = 256,
  WIDTH_MOST = 32, // lanes; one that does not answer says 63
  NVIDIA = 0x10de,
  CLASS_VGA = 0x0300,
  CLASS_3D = 0x0302,    // data-centre cards
  CLASS_BRIDGE = 0x0680 // NVIDIA's are NVSwitches
};
static const struct {
  unsigned vendor;
  const char *name;
} other_vendors[] = {{0x1002, "an AMD"}, {0x8086, "an Intel"}};

struct function {
  const char *folder, *address;
};

// A small number in a file of a function. `known`, where given, becomes NO where it was not read.
static uint64_t number_in(struct facts *f, const struct function *function, const char *name,
                          int base, enum known *known) {
  struct text text = root_text(f->root, 64, "%s/%s/%s", function->folder, function->address, name);
  uint64_t number;
  if (slice_number(slice_trim(slice_text(&text)), base, UINT32_MAX, &number)) return number;
  if (known && text.there != ABSENT) *known = NO;
  return 0;
}

static int width_in(struct facts *f, const struct function *function, const char *name) {
  uint64_t width = number_in(f, function, name, 10, NULL);
  return width <= WIDTH_MOST ? (int)width : 0;
}

// Its configuration space as the bus answers: all ones where nothing does.
static enum known config_gone(const struct text *config) {
  if (config->there == UNREAD || (config->there == THERE && config->length < 4)) return UNKNOWN;
  return config->there == THERE && !memcmp(config->text, "\xff\xff\xff\xff", 4) ? YES : NO;
}

static struct text driver_of(struct facts *f, const struct function *function) {
  struct text driver = root_link(f->root, "%s/%s/driver", function->folder, function->address);
  if (driver.there != THERE) return driver;
  const char *slash = strrchr(driver.text, '/');
  if (slash) driver.text = slash + 1;
  driver.length = strlen(driver.text);
  return driver;
}

static void add_gpu(struct facts *f, const struct function *function, unsigned class) {
  struct pci *pci = &f->pci;
  struct text config = root_text(f->root, 64, "%s/%s/config", function->folder, function->address);
  struct pci_device gpu = {
      .address = function->address,
      .device = (unsigned)number_in(f, function, "device", 16, &pci->complete),
      .class = class,
      .driver = driver_of(f, function),
      .resource = root_text(f->root, 4096, "%s/%s/resource", function->folder, function->address),
      .config_gone = config_gone(&config),
      .config_path = config.path,
      .link_width = width_in(f, function, "current_link_width"),
      .link_width_most = width_in(f, function, "max_link_width"),
      .name = "",
      .chip = "",
      .family = ""};
  struct pci_row row;
  if (table_pci(gpu.device, &row)) {
    gpu.name = row.name;
    gpu.chip = row.chip;
    gpu.family = row.arch;
    gpu.capability = row.capability;
    gpu.last_branch = row.last_branch;
    gpu.gsp = row.gsp ? YES : NO;
  }
  if (pci->gpus == GPUS_MOST) {
    pci->complete = NO;
    return;
  }
  struct pci_device *list = arena_more(f->arena, pci->gpu, pci->gpus, sizeof *list);
  list[pci->gpus++] = gpu;
  pci->gpu = list;
}

static void look_at(struct facts *f, const struct function *function) {
  struct pci *pci = &f->pci;
  unsigned vendor = (unsigned)number_in(f, function, "vendor", 16, &pci->complete);
  unsigned class = (unsigned)number_in(f, function, "class", 16, &pci->complete);
  unsigned kind = class >> 8;
  pci->functions++;
  if (vendor == NVIDIA) {
    if (kind == CLASS_VGA || kind == CLASS_3D) add_gpu(f, function, class);
    pci->switches += kind == CLASS_BRIDGE;
    return;
  }
  for (size_t i = 0; i < sizeof other_vendors / sizeof *other_vendors; i++)
    if (class >> 16 == 3 && vendor == other_vendors[i].vendor && !*pci->others)
      pci->others = arena_print(f->arena, "%s GPU at %s", other_vendors[i].name, function->address);
}

void probe_pci(struct facts *f) {
  struct pci *pci = &f->pci;
  pci->others = "";
  pci->bus = root_names(f->root, "*", "/sys/bus/pci/devices");
  // Without sysfs nothing is known of a bus: of this machine, for a snapshot says what it left out.
  if (pci->bus.there == ABSENT && root_live(f->root) &&
      root_stat(f->root, NULL, "/sys/bus") != THERE)
    pci->bus.there = UNREAD;
  pci->complete = pci->bus.there == UNREAD ? NO : YES;
  for (int i = 0; i < pci->bus.count && i < FUNCTIONS_MOST; i++) {
    struct function function = {pci->bus.path, pci->bus.name[i]};
    look_at(f, &function);
  }
  if (pci->bus.count > FUNCTIONS_MOST) pci->complete = NO;
}
