// GPUs: by their PCI ids, and by their compute capability.
#include "table_bytes.h"
#include "table_rows.h"
#include "tables.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct pci_line {
  unsigned device;
  struct pci_row row;
} pci[2048];
static struct arch_line {
  int capability;
  struct arch_row row;
} arch[64];
static int pcis, archs;
static pthread_once_t once = PTHREAD_ONCE_INIT;

// An empty cell is a branch that has no end yet.
static int branch(const char *cell) {
  return *cell ? version_major(cell) : 0;
}

static void load_pci(void) {
  struct csv_rows csv =
      table_rows_open(table_gpu_pci_cc, table_gpu_pci_cc_length,
                      "pci_device_id,name,chip,arch,compute_capability,last_driver_branch,"
                      "gsp_open_kmod_capable,source");
  char *cell[8];
  while (ROOM(pci, pcis) && csv_rows_next(&csv, cell, 8) == 8)
    pci[pcis++] = (struct pci_line){.device = (unsigned)strtoul(cell[0], NULL, 16),
                                    .row = {.name = cell[1],
                                            .chip = cell[2],
                                            .arch = cell[3],
                                            .capability = capability_number(cell[4]),
                                            .last_branch = branch(cell[5]),
                                            .gsp = !strcmp(cell[6], "yes")}};
}

static void load_arch(void) {
  struct csv_rows csv =
      table_rows_open(table_arch_support, table_arch_support_length,
                      "arch,capability,chips,first_toolkit,first_driver,last_toolkit,"
                      "last_branch,open_module,note,source");
  char *cell[10];
  while (ROOM(arch, archs) && csv_rows_next(&csv, cell, 10) == 10)
    arch[archs++] = (struct arch_line){.capability = capability_number(cell[1]),
                                       .row = {.arch = cell[0],
                                               .first_driver = branch(cell[4]),
                                               .last_branch = branch(cell[6]),
                                               .last_toolkit = cell[5],
                                               .open_required = !strcmp(cell[7], "required")}};
}

static void load(void) {
  load_pci();
  load_arch();
}

bool table_pci(unsigned device, struct pci_row *row) {
  pthread_once(&once, load);
  for (int i = 0; i < pcis; i++)
    if (pci[i].device == device) {
      *row = pci[i].row;
      return true;
    }
  return false;
}

bool table_arch(int capability, struct arch_row *row) {
  pthread_once(&once, load);
  for (int i = 0; i < archs; i++)
    if (arch[i].capability == capability) {
      *row = arch[i].row;
      return true;
    }
  return false;
}
