// Rules of containers: what the engine was told, and what it passed in.
#include "access.h"
#include "judge.h"
#include <errno.h>
#include <string.h>

static bool inside(const struct facts *f, struct finding *o) {
  if (f->scope.container == YES) {
    say_evidence(o, f->scope.container_path, "%s", f->scope.container_text);
    return true;
  }
  if (f->scope.container == UNKNOWN && !cuda_sees(f))
    say_unknown(o, "whether this is a container is not known");
  else
    say_na(o, "not in a container");
  return false;
}

enum why_result rule_container_runtime_not_configured(const struct facts *f, struct finding *o) {
  const char *line = framework_says(f, "unresolvable CDI devices|could not select device driver");
  if (!line) return say_na(o, "no container engine complains");
  say_evidence(o, f->log.own_path, "%s", line);
  bool cdi_asked = strstr(line, "CDI");
  const struct container *c = &f->container;
  if (cdi_asked ? c->cdi == YES : c->runtime == YES || c->toolkit == YES)
    return say_ok(o, "it is configured now: %s",
                  cdi_asked           ? c->cdi_path
                  : c->runtime == YES ? c->runtime_path
                                      : c->toolkit_path);
  if (cdi_asked ? c->cdi == UNKNOWN : c->runtime == UNKNOWN)
    return say_unknown(o, "the engine's configuration is not known");
  if (c->toolkit == NO) say_evidence(o, "/usr/bin/nvidia-ctk", "is not there");
  if (c->cdi == NO) say_evidence(o, "/etc/cdi", "no specification for nvidia.com/gpu");
  if (c->runtime == NO) say_evidence(o, "/etc/docker/daemon.json", "no runtime nvidia");
  say_need(o, cdi_asked ? "a CDI specification for nvidia.com/gpu"
                        : "nvidia-container-toolkit and its runtime");
  say_have(o, "none");
  return say_fail(o, "the container engine does not know how to give a container a GPU");
}

enum why_result rule_container_no_gpu(const struct facts *f, struct finding *o) {
  if (!inside(f, o)) return o->result;
  if (f->nodes.known != YES) {
    if (cuda_sees(f)) return say_ok(o, "cuInit succeeds");
    return say_unknown(o, "which device files there are is not known");
  }
  if (gpu_nodes(f)) return say_ok(o, "it has the GPU's device files");
  if (!without_pci(f) && !f->pci.gpus && f->pci.complete == YES)
    return say_na(o, "its host has no GPU");
  const char *asked = env_of(f, "NVIDIA_VISIBLE_DEVICES");
  say_evidence(o, f->nodes.path, "no /dev/nvidia0%s",
               f->scope.platform == PLATFORM_WSL2 ? ", no /dev/dxg" : "");
  if (f->kernel.nvidia == YES && f->kernel.nvidia_path)
    say_evidence(o, f->kernel.nvidia_path, "the host has the nvidia module loaded");
  if (f->process.env_known == YES)
    say_evidence(o, f->process.env_path, "NVIDIA_VISIBLE_DEVICES %s%s",
                 asked ? "is " : "is not set", asked ? asked : "");
  say_need(o, "the GPU's device files inside the container");
  say_have(o, "none");
  if (!strcmp(f->scope.container_kind, "kubernetes"))
    say_fix(o, "ask for nvidia.com/gpu: 1 in the pod's resources, with the nvidia runtime class");
  if (!strcmp(f->scope.container_kind, "podman"))
    say_fix(o, "start it with --device nvidia.com/gpu=all");
  return say_fail(o, "this container (%s) was given no GPU", f->scope.container_kind);
}

enum why_result rule_container_driver_caps(const struct facts *f, struct finding *o) {
  if (!inside(f, o)) return o->result;
  if (f->driver.cuda.there == THERE) return say_ok(o, "it has libcuda.so.1");
  if (f->nodes.known == YES && !gpu_nodes(f)) return say_na(o, "it has no GPU");
  if (f->driver.nvml.there == ABSENT) return say_na(o, "it has none of the driver's libraries");
  if (f->driver.cuda.there == UNREAD || f->driver.nvml.there == UNREAD)
    return say_unknown(o, "which of the driver's libraries it has is not known");
  const char *caps = env_of(f, "NVIDIA_DRIVER_CAPABILITIES");
  if (f->process.env_known != YES) return say_unknown(o, "the environment is not known");
  if (caps && (strstr(caps, "compute") || strstr(caps, "all")))
    return say_ok(o, "compute was asked for");
  say_evidence(o, f->driver.nvml.path, "is there");
  say_evidence(o, "libcuda.so.1", "is in none of the folders that a program looks in");
  say_evidence(o, f->process.env_path, "NVIDIA_DRIVER_CAPABILITIES %s%s",
               caps ? "is " : "is not set", caps ? caps : "");
  say_need(o, "NVIDIA_DRIVER_CAPABILITIES with compute");
  say_have(o, "%s", caps ? caps : "not set");
  return say_fail(o, "the container was not given libcuda.so.1");
}

enum why_result rule_container_cgroup_lost(const struct facts *f, struct finding *o) {
  if (!inside(f, o)) return o->result;
  const struct node *node = closed_node(f, EPERM);
  if (!node) {
    if (f->nodes.known != YES && !cuda_sees(f))
      return say_unknown(o, "whether the device files open is not known");
    return say_ok(o, "no device file is refused by the control group");
  }
  say_evidence(o, node->path, "mode %04o, and opening it gives EPERM", node->mode & 07777);
  if (f->container.devices_list.there == THERE)
    say_evidence(o, f->container.devices_list.path, "%.200s", f->container.devices_list.text);
  if (f->container.no_cgroups == YES) {
    say_evidence(o, f->container.no_cgroups_path, "no-cgroups = true");
    say_fix(o, "set no-cgroups = false in %s for rootful docker, and recreate the container",
            f->container.no_cgroups_path);
  }
  say_need(o, "leave to open %s", node->path);
  say_have(o, "EPERM");
  return say_fail(o, "the control group refuses %s", node->path);
}

enum why_result rule_container_selinux_denied(const struct facts *f, struct finding *o) {
  if (!inside(f, o)) return o->result;
  const struct node *node = closed_node(f, EACCES);
  if (!node) {
    if (f->nodes.known != YES && !cuda_sees(f))
      return say_unknown(o, "whether the device files open is not known");
    return say_ok(o, "no device file is refused beyond its mode");
  }
  say_evidence(o, node->path, "mode %04o, and opening it gives EACCES", node->mode & 07777);
  if (f->container.selinux_enforcing == NO) return say_ok(o, "SELinux does not enforce");
  bool labelled = f->process.label.there == THERE && strstr(f->process.label.text, "container_t");
  if (labelled) say_evidence(o, f->process.label.path, "%s", f->process.label.text);
  if (f->container.selinux_enforcing == UNKNOWN && !labelled)
    return say_unknown(o, "whether SELinux enforces is not known");
  if (f->container.selinux_enforcing == YES) say_evidence(o, "/sys/fs/selinux/enforce", "1");
  say_need(o, "leave to open %s", node->path);
  say_have(o, "EACCES");
  return say_fail(o, "SELinux refuses %s", node->path);
}
