// The parts of probe_kernel.c that are files of their own. Each fills its fields of facts.kernel.
#ifndef WHY_PROBE_KERNEL_H
#define WHY_PROBE_KERNEL_H
#include "slice.h"

void kernel_version(struct facts *);      // probe_nvrm.c: nvrm, version, open
void kernel_gpus(struct facts *);         // probe_nvrm.c: gpu_names, gpu
void kernel_module_files(struct facts *); // probe_module_files.c: modules, file, file_here
void kernel_sources(struct facts *);      // probe_module_files.c: sources, headers
void kernel_signing(struct facts *);      // probe_signing.c: secure_boot, lockdown
void kernel_blacklist(struct facts *);    // probe_modprobe.c: blacklisted
void kernel_fabric(struct facts *);       // probe_fabric.c
#endif
