// Rules of the kernel's half of the driver: is a module there that serves this GPU, and loaded.
#include "judge.h"
#include <string.h>
#include <strings.h>

// Where the question does not arise. False: it has been said.
static bool asked(const struct facts *f, struct finding *o) {
  if (without_pci(f)) {
    say_na(o, "%s has no nvidia module", platform_name(f));
    return false;
  }
  if (!f->pci.gpus && !driver_found_gpu(f) && f->kernel.nvidia != YES) {
    if (f->pci.bus.there == UNREAD)
      say_unknown(o, "whether there is a GPU is not known: %s", f->pci.bus.path);
    else
      say_na(o, "no GPU is on the bus");
    return false;
  }
  return true;
}

static bool loaded(const struct facts *f, struct finding *o) {
  if (f->kernel.nvidia == YES) {
    if (f->kernel.nvidia_path) say_evidence(o, f->kernel.nvidia_path, "nvidia is loaded");
    say_ok(o, "the nvidia module is loaded");
  } else if (nvml_sees(f) || cuda_sees(f)) {
    say_ok(o, "the driver answers");
  } else if (f->kernel.nvidia == UNKNOWN) {
    say_unknown(o, "whether the nvidia module is loaded is not known: /proc/modules");
  } else {
    return false;
  }
  return true;
}

// ---- is a driver here, for this kernel ---------------------------------------------------------

enum why_result rule_driver_not_installed(const struct facts *f, struct finding *o) {
  if (!asked(f, o) || loaded(f, o)) return o->result;
  if (f->kernel.files) {
    say_evidence(o, f->kernel.file[0].path, "a module of the driver");
    return say_ok(o, "a driver is installed");
  }
  if (f->kernel.sources == YES)
    return say_ok(o, "a driver is installed: %s", f->kernel.source_path);
  if (f->driver.cuda.there == THERE)
    return say_ok(o, "a driver is installed: %s", f->driver.cuda.path);
  if (f->driver.cuda_package == YES) return say_ok(o, "libraries of a driver are installed");
  if (f->driver.cuda.there == UNREAD || f->kernel.modules.there == UNREAD)
    return say_unknown(o, "whether a driver is installed is not known: %s",
                       f->driver.cuda.there == UNREAD ? "libcuda.so.1" : f->kernel.modules.path);
  say_evidence(o, "/proc/modules", "no nvidia");
  say_evidence(o, f->kernel.modules.path, "no nvidia.ko of any kernel");
  say_evidence(o, "libcuda.so.1", "in none of the folders that a program looks in");
  say_need(o, "an NVIDIA driver");
  say_have(o, "none");
  if (in_container(f)) say_fix(o, "install the NVIDIA driver on the host of this container");
  return say_fail(o, "no NVIDIA driver is installed");
}

static bool nouveau(const struct pci_device *gpu) {
  return gpu->driver.there == THERE &&
         (!strcmp(gpu->driver.text, "nouveau") || !strncasecmp(gpu->driver.text, "nova", 4));
}

enum why_result rule_nouveau_bound(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  int held = 0, unread = 0;
  for (int i = 0; i < f->pci.gpus; i++) {
    const struct pci_device *gpu = &f->pci.gpu[i];
    if (nouveau(gpu) && !held++) say_evidence(o, gpu->driver.path, "leads to %s", gpu->driver.text);
    unread += gpu->driver.there == UNREAD;
  }
  bool by_module = unread && f->kernel.nouveau == YES && f->kernel.nvidia == NO;
  if (f->kernel.nouveau == YES && f->kernel.nouveau_path)
    say_evidence(o, f->kernel.nouveau_path, "nouveau is loaded");
  if ((held && (held == f->pci.gpus || !cuda_works(f))) || by_module) {
    say_need(o, "driver nvidia");
    say_have(o, "driver nouveau");
    return say_fail(o, "nouveau holds the GPU");
  }
  if (held) return say_ok(o, "nouveau holds one GPU; another works");
  if (f->kernel.nouveau == NO) return say_ok(o, "nouveau is not loaded");
  if (driver_found_gpu(f)) return say_ok(o, "the driver has found a GPU");
  if (unread || (!f->pci.gpus && f->pci.bus.there == UNREAD))
    return say_unknown(o, "which driver holds the GPU is not known");
  return say_ok(o, "nouveau does not hold the GPU");
}

// The kernel's words on a module that it let in, and that found nothing to serve.
static const char *refused_gpu(const struct facts *f) {
  return kernel_says(f,
                     "not supported by open|is not supported by the|requires use of the NVIDIA open"
                     "|Open nvidia.ko is only ready|legacy GPU|NVIDIA Legacy drivers"
                     "|None of the NVIDIA devices were initialized|RmInitAdapter failed"
                     "|No NVIDIA GPU found|No NVIDIA devices probed|probe routine");
}

enum why_result rule_secure_boot_blocks_module(const struct facts *f, struct finding *o) {
  if (!asked(f, o) || loaded(f, o)) return o->result;
  const char *line = kernel_says(f, "Key was rejected|Loading of unsigned module|"
                                    "unsigned module loading is restricted|Required key not");
  if (line) say_evidence(o, f->log.path, "%s", line);
  if (f->kernel.secure_boot == YES)
    say_evidence(o, f->kernel.secure_boot_path, "%s", f->kernel.secure_boot_text);
  if (!line && f->kernel.file_here == NO) return say_na(o, "no module is there for this kernel");
  if (!line && f->kernel.blacklisted == YES) return say_na(o, "nobody tries to load it");
  if (!line && refused_gpu(f)) return say_ok(o, "the kernel let the module in");
  if (!line && f->kernel.file_here == UNKNOWN)
    return say_unknown(o, "whether a module is there for this kernel is not known");
  if (!line && f->kernel.secure_boot == UNKNOWN)
    return say_unknown(o, "/sys/firmware/efi/efivars/SecureBoot-* is not known");
  if (!line && f->kernel.secure_boot == NO) return say_ok(o, "Secure Boot is off");
  say_need(o, "a module signed with a key that this machine trusts, or Secure Boot off");
  say_have(o, "Secure Boot on, and a module that is not loaded");
  return say_fail(o, "Secure Boot is on, and the module for this kernel is not loaded");
}

enum why_result rule_kernel_module_missing(const struct facts *f, struct finding *o) {
  if (!asked(f, o) || loaded(f, o)) return o->result;
  if (in_container(f)) return say_na(o, "a container does not see its host's modules");
  const char *release = f->scope.release.there == THERE ? f->scope.release.text : "";
  if (f->kernel.file_here == YES) return say_ok(o, "a module is there for this kernel");
  if (f->kernel.file_here == UNKNOWN)
    return say_unknown(o, "whether a module is there for this kernel is not known: %s",
                       *release ? f->kernel.modules.path : f->scope.release.path);
  const struct module_file *other = f->kernel.files ? &f->kernel.file[0] : NULL;
  if (other) say_evidence(o, other->path, "a module for another kernel");
  if (f->kernel.sources == YES) say_evidence(o, f->kernel.source_path, "its sources");
  if (f->kernel.headers == NO)
    say_evidence(o, f->kernel.headers_path, "the headers of this kernel are not there");
  if (!other && f->kernel.sources != YES && f->driver.cuda.there != THERE &&
      f->driver.cuda_package != YES)
    return say_na(o, "no driver is installed");
  say_need(o, "nvidia.ko for %s", *release ? release : "the running kernel");
  say_have(o, other ? "one for %s" : "none%s", other ? other->release : "");
  if (f->kernel.headers == NO && f->kernel.sources == YES)
    say_fix(o, "install the headers of kernel %s, then dkms autoinstall", release);
  return say_fail(o, "no nvidia.ko for %s", *release ? release : "the running kernel");
}

// ---- does this driver serve this GPU -----------------------------------------------------------

// The version of the driver that is loaded, or else of the one that is installed.
static const char *branch_of(const struct facts *f, const char **path) {
  const char *version = driver_version(f, path);
  if (*version) return version;
  if (f->kernel.sources == YES && f->kernel.source_path) {
    *path = f->kernel.source_path;
    const char *name = strstr(f->kernel.source_path, "nvidia-");
    const char *dkms = strstr(f->kernel.source_path, "dkms/nvidia/");
    if (dkms) return dkms + strlen("dkms/nvidia/");
    if (name) return name + strlen("nvidia-");
  }
  return "";
}

enum why_result rule_driver_does_not_support_gpu(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  const char *path, *version = branch_of(f, &path);
  int branch = version_major(version), refused = 0;
  for (int i = 0; i < f->pci.gpus && branch > 0; i++) {
    const struct pci_device *gpu = &f->pci.gpu[i];
    struct arch_row arch = {0};
    bool known = gpu->capability && table_arch(gpu->capability, &arch);
    bool late = gpu->last_branch && branch > gpu->last_branch;
    bool early = known && arch.first_driver && branch < arch.first_driver;
    if ((late || early) && !refused++) {
      say_evidence(o, path, "version %s", version);
      say_evidence(o, gpu->driver.path, "10de:%04x %s", gpu->device, gpu->name);
      say_need(o, late ? "a driver up to branch %d" : "a driver from branch %d on",
               late ? gpu->last_branch : arch.first_driver);
      say_have(o, "%s", version);
      say_fix(o,
              late ? "install the driver of branch %d, the last that serves this GPU"
                   : "install a driver of branch %d or later, the first that serves this GPU",
              late ? gpu->last_branch : arch.first_driver);
    }
  }
  const char *line =
      kernel_says(f, "in this system is not supported by the|ignoring the legacy GPU|"
                     "Legacy drivers");
  if (line && strstr(line, "not supported by open")) line = NULL;
  if (line) say_evidence(o, f->log.path, "%s", line);
  if (refused && (refused == f->pci.gpus || !cuda_works(f)) && !nvml_sees(f))
    return say_fail(o, "driver %s does not serve the GPU", version);
  if (line && !driver_found_gpu(f))
    return say_fail(o, "the kernel's log says that the driver does not serve the GPU");
  if (refused) return say_ok(o, "the driver answers for a GPU all the same");
  if (driver_found_gpu(f)) return say_ok(o, "the driver has found a GPU");
  if (f->kernel.nvidia == NO) return say_na(o, "no driver is loaded");
  if (branch < 0) return say_unknown(o, "the driver's version is not known");
  return say_ok(o, "branch %d serves it", branch);
}

// How many GPUs the open module cannot serve, or can only it serve.
static int count_gsp(const struct facts *f, bool lacks) {
  int count = 0;
  for (int i = 0; i < f->pci.gpus; i++) {
    const struct pci_device *gpu = &f->pci.gpu[i];
    struct arch_row arch = {0};
    bool before = gpu->gsp == NO || (gpu->capability && gpu->capability < 75);
    bool only_open = gpu->capability && table_arch(gpu->capability, &arch) && arch.open_required;
    count += lacks ? before : only_open;
  }
  return count;
}

enum why_result rule_open_kmod_unsupported_gpu(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  const char *line = kernel_says(f, "not supported by open|Open nvidia.ko is only ready for use");
  int before = count_gsp(f, true);
  bool open = f->kernel.open == YES;
  if (line) say_evidence(o, f->log.path, "%s", line);
  if (open) say_evidence(o, f->kernel.nvrm.path, "%.120s", f->kernel.nvrm.text);
  bool table = open && before && (before == f->pci.gpus || !cuda_works(f));
  if (table || (line && !nvml_sees(f))) {
    say_need(o, "the proprietary module, or a GPU of Turing or later");
    say_have(o, "the open module and %s", gpu_name(f));
    if (line && strstr(line, "only ready for use"))
      say_fix(o,
              "options nvidia NVreg_OpenRmEnableUnsupportedGpus=1 in /etc/modprobe.d, or a newer "
              "driver");
    return say_fail(o, "the open module does not serve the GPU");
  }
  if (nvml_sees(f) || cuda_sees(f)) return say_ok(o, "the driver answers for a GPU");
  if (f->kernel.nvidia == NO) return say_na(o, "no driver is loaded");
  if (f->kernel.open == UNKNOWN && before == f->pci.gpus && before)
    return say_unknown(o, "which kernel module it is, is not known: /proc/driver/nvidia/version");
  return say_ok(o, open ? "the open module serves it" : "not the open module");
}

enum why_result rule_open_kmod_required(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  const char *line = kernel_says(f, "requires use of the NVIDIA open");
  int only = count_gsp(f, false);
  if (line) say_evidence(o, f->log.path, "%s", line);
  bool table = f->kernel.open == NO && only && (only == f->pci.gpus || !cuda_works(f));
  if (table) say_evidence(o, f->kernel.nvrm.path, "%.120s", f->kernel.nvrm.text);
  if (table || (line && !nvml_sees(f))) {
    say_need(o, "the open kernel module");
    say_have(o, "the proprietary one, and %s", gpu_name(f));
    return say_fail(o, "the GPU needs the open kernel module");
  }
  if (nvml_sees(f) || cuda_sees(f)) return say_ok(o, "the driver answers for a GPU");
  if (f->kernel.nvidia == NO) return say_na(o, "no driver is loaded");
  if (f->kernel.open == UNKNOWN && only)
    return say_unknown(o, "which kernel module it is, is not known: /proc/driver/nvidia/version");
  return say_ok(o, "not the proprietary module for such a GPU");
}

// ---- is it loaded, and did it start the GPU ----------------------------------------------------

enum why_result rule_driver_not_loaded(const struct facts *f, struct finding *o) {
  if (!asked(f, o) || loaded(f, o)) return o->result;
  const char *line = refused_gpu(f);
  if (line) {
    say_evidence(o, f->log.path, "%s", line);
    return say_na(o, "it was loaded, and found no GPU that it serves");
  }
  say_evidence(o, "/proc/modules", "no nvidia");
  if (f->kernel.blacklisted == YES)
    say_evidence(o, f->kernel.blacklist_path, "%s", f->kernel.blacklist_line);
  if (in_container(f)) {
    if (f->driver.cuda.there != THERE) return say_na(o, "no driver is installed");
    say_fix(o, "load the module on the host of this container: modprobe nvidia");
  } else {
    if (f->kernel.file_here == NO) return say_na(o, "no module is there for this kernel");
    if (f->kernel.file_here == UNKNOWN)
      return say_unknown(o, "whether a module is there for this kernel is not known");
  }
  if (f->kernel.blacklisted == YES && !in_container(f))
    say_fix(o, "take that line out of %s, then modprobe nvidia", f->kernel.blacklist_path);
  say_need(o, "the nvidia module loaded");
  say_have(o, "a module that nobody loaded");
  return say_fail(o, "the nvidia module is not loaded");
}

enum why_result rule_gpu_init_failed(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  const char *line = kernel_says(f, "RmInitAdapter failed|rm_init_adapter failed|cannot bootstrap|"
                                    "Failed to load firmware nvidia|request_mem_region failed");
  int silent = 0;
  for (int i = 0; i < f->kernel.gpus; i++) silent += f->kernel.gpu[i].never_initialised;
  bool none = f->gpu.nvml_known && f->gpu.nvml_init == 0 && f->gpu.nvmls == 0;
  if (line) say_evidence(o, f->log.path, "%s", line);
  if (silent) say_evidence(o, f->kernel.gpu[0].path, "its UUID is question marks");
  if (none) say_evidence(o, "nvmlDeviceGetCount_v2", "0 devices");
  if (nvml_sees(f) || cuda_sees(f)) return say_ok(o, "the driver answers for a GPU");
  if (line || (silent && none)) {
    say_need(o, "a GPU that starts");
    say_have(o, line ? "%s" : "none that answers%s", line ? line : "");
    return say_fail(o, "the driver could not start the GPU");
  }
  if (f->kernel.nvidia == NO) return say_na(o, "no driver is loaded");
  return say_ok(o, "nothing says that starting it failed");
}

enum why_result rule_gpu_excluded(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  int excluded = 0, unread = 0;
  for (int i = 0; i < f->kernel.gpus; i++) {
    if (f->kernel.gpu[i].excluded == YES && !excluded++)
      say_evidence(o, f->kernel.gpu[i].path, "GPU Excluded: Yes");
    unread += f->kernel.gpu[i].excluded == UNKNOWN;
  }
  if (excluded && (excluded == f->kernel.gpus || !cuda_works(f))) {
    say_need(o, "a GPU that is not excluded");
    say_have(o, "%d of %d excluded", excluded, f->kernel.gpus);
    return say_fail(o, "the driver leaves the GPU out, as it was told");
  }
  if (nvml_sees(f) || cuda_sees(f)) return say_ok(o, "the driver answers for a GPU");
  if (f->kernel.nvidia == NO) return say_na(o, "no driver is loaded");
  if (f->kernel.gpu_names.there == UNREAD)
    return say_unknown(o, "%s is not known", f->kernel.gpu_names.path);
  return say_ok(o, "none is excluded");
}

enum why_result rule_uvm_not_loaded(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  if (cuda_sees(f)) return say_ok(o, "cuInit succeeds");
  if (f->kernel.nvidia == NO) return say_na(o, "no driver is loaded");
  if (f->kernel.uvm == YES) return say_ok(o, "nvidia_uvm is loaded");
  if (f->kernel.uvm == UNKNOWN)
    return say_unknown(o, "whether nvidia_uvm is loaded is not known: /proc/modules");
  say_evidence(o, f->kernel.nvidia_path ? f->kernel.nvidia_path : "/proc/modules",
               "nvidia is loaded, nvidia_uvm is not");
  say_need(o, "the module nvidia_uvm");
  say_have(o, "only nvidia");
  if (in_container(f)) say_fix(o, "on the host of this container: nvidia-modprobe -u -c=0");
  return say_fail(o, "nvidia_uvm is not loaded");
}

enum why_result rule_uvm_hmm_kaslr(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  const char *line = kernel_says(f, "devmem_alloc_pagemap");
  if (!line || !strstr(line, "err -34")) return say_ok(o, "nothing says so");
  say_evidence(o, f->log.path, "%s", line);
  if (cuda_works(f)) return say_ok(o, "CUDA works all the same");
  if (f->scope.release.there == THERE && f->kernel.cmdline.there == THERE &&
      strstr(f->kernel.cmdline.text, "nokaslr"))
    return say_ok(o, "the kernel was booted with nokaslr");
  if (f->kernel.cmdline.there == THERE)
    say_evidence(o, f->kernel.cmdline.path, "%.200s", f->kernel.cmdline.text);
  say_need(o, "room for device memory in the kernel's address space");
  say_have(o, "none, where the kernel was placed");
  return say_fail(o, "nvidia_uvm found no room for device memory");
}
