// Rules of device files: /dev/nvidia*.
#include "access.h"
#include "judge.h"
#include <errno.h>
#include <string.h>

// Where the question does not arise, or cannot be answered. False: it has been said.
static bool asked(const struct facts *f, struct finding *o) {
  if (f->scope.platform == PLATFORM_WSL1) {
    say_na(o, "WSL 1 has no GPU");
    return false;
  }
  if (f->nodes.known == YES) return true;
  if (cuda_sees(f))
    say_ok(o, "cuInit succeeds");
  else
    say_unknown(o, "which device files there are is not known");
  return false;
}

enum why_result rule_device_nodes_missing(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  if (in_container(f)) return say_na(o, "in a container they come from its engine");
  bool wsl = f->scope.platform == PLATFORM_WSL2;
  if (!wsl && !without_pci(f) && f->kernel.nvidia == NO) return say_na(o, "no driver is loaded");
  const char *lacks = !gpu_nodes(f)                   ? "/dev/nvidia0"
                      : without_pci(f)                ? NULL
                      : !node_of(f, "/dev/nvidiactl") ? "/dev/nvidiactl"
                                                      : NULL;
  if (lacks && wsl) lacks = "/dev/dxg";
  if (lacks && f->scope.platform == PLATFORM_JETSON) lacks = "/dev/nvmap";
  if (!lacks) return say_ok(o, "the GPU's device files are there");
  if (cuda_sees(f)) return say_ok(o, "cuInit succeeds");
  if (!without_pci(f) && f->kernel.nvidia == UNKNOWN)
    return say_unknown(o, "whether the nvidia module is loaded is not known");
  say_evidence(o, f->nodes.path, "no %s", lacks);
  if (f->kernel.nvidia == YES && f->kernel.nvidia_path)
    say_evidence(o, f->kernel.nvidia_path, "nvidia is loaded");
  if (f->kernel.params.there == THERE && strstr(f->kernel.params.text, "ModifyDeviceFiles: 0"))
    say_evidence(o, f->kernel.params.path, "ModifyDeviceFiles: 0");
  say_need(o, "%s", lacks);
  say_have(o, "none");
  return say_fail(o, "%s is not there", lacks);
}

enum why_result rule_uvm_device_missing(const struct facts *f, struct finding *o) {
  if (without_pci(f)) return say_na(o, "%s has no /dev/nvidia-uvm", platform_name(f));
  if (!asked(f, o)) return o->result;
  if (!gpu_nodes(f)) return say_na(o, "no device file of a GPU is there");
  if (node_of(f, "/dev/nvidia-uvm")) return say_ok(o, "/dev/nvidia-uvm is there");
  if (cuda_sees(f)) return say_ok(o, "cuInit succeeds");
  say_evidence(o, f->nodes.path, "/dev/nvidia0 and no /dev/nvidia-uvm");
  say_need(o, "/dev/nvidia-uvm");
  say_have(o, "none");
  return say_fail(o, "/dev/nvidia-uvm is not there");
}

enum why_result rule_uvm_device_major_mismatch(const struct facts *f, struct finding *o) {
  if (without_pci(f)) return say_na(o, "%s has no /dev/nvidia-uvm", platform_name(f));
  if (!asked(f, o)) return o->result;
  const struct node *uvm = node_of(f, "/dev/nvidia-uvm");
  if (!uvm) return say_na(o, "/dev/nvidia-uvm is not there");
  if (!f->kernel.uvm_major) {
    if (cuda_sees(f)) return say_ok(o, "cuInit succeeds");
    if (f->kernel.devices.there == THERE) return say_na(o, "/proc/devices has no nvidia-uvm");
    return say_unknown(o, "the major number of nvidia-uvm is not known: /proc/devices");
  }
  if (uvm->major == f->kernel.uvm_major) return say_ok(o, "its major number is %d", uvm->major);
  say_evidence(o, uvm->path, "major %d", uvm->major);
  say_evidence(o, f->kernel.devices.path, "nvidia-uvm %d", f->kernel.uvm_major);
  if (f->container.cdi_uvm_major == uvm->major)
    say_evidence(o, f->container.cdi_path, "gives nvidia-uvm major %d", uvm->major);
  say_need(o, "major %d", f->kernel.uvm_major);
  say_have(o, "major %d", uvm->major);
  return say_fail(o, "/dev/nvidia-uvm has major %d, the driver %d", uvm->major,
                  f->kernel.uvm_major);
}

enum why_result rule_device_permission_denied(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  const struct node *denied = NULL, *untold = NULL;
  for (int i = 0; i < f->nodes.count; i++) {
    const struct node *node = &f->nodes.node[i];
    if (!is_in_the_way(f, node)) continue;
    enum known permits = mode_permits(f, node);
    bool refused = node->opens == NO && (node->open_error == EACCES || node->open_error == EPERM);
    if (permits == NO && node->opens != YES && !denied) denied = node;
    if (refused && permits != YES && !denied) denied = node;
    if (refused && permits == YES && !in_container(f) && !denied) denied = node;
    if (node->opens == UNKNOWN && permits == UNKNOWN) untold = node;
  }
  if (!denied) {
    if (!gpu_nodes(f)) return say_na(o, "no device file of a GPU is there");
    if (untold && !cuda_sees(f))
      return say_unknown(o, "whether the process may open %s is not known", untold->path);
    return say_ok(o, "the process may open them");
  }
  say_evidence(o, denied->path, "mode %04o, owner %lld, group %lld", denied->mode & 07777,
               (long long)denied->uid, (long long)denied->gid);
  if (f->process.known == YES)
    say_evidence(o, f->process.path, "uid %lld, gid %lld, %d further groups",
                 (long long)f->process.uid, (long long)f->process.gid, f->process.groups);
  say_need(o, "to be in group %lld, or mode 0666", (long long)denied->gid);
  say_have(o, "mode %04o, and not in that group", denied->mode & 07777);
  return say_fail(o, "the process may not open %s", denied->path);
}
