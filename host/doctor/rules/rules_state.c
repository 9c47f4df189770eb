// Rules of the GPUs' state, as NVML and CUDA tell it.
#include "judge.h"
#include "visible.h"
#include <string.h>

static bool nvml_told(const struct facts *f) {
  return f->gpu.nvml_known && f->gpu.nvml_init == 0 && f->gpu.nvmls > 0;
}

// Ends a rule that found nothing wrong: it is fine where every visible GPU says so or a context was
// made; else not known.
static enum why_result fine(const struct facts *f, struct finding *o, gpu_test *says,
                            const char *words) {
  if (cuda_works(f)) return say_ok(o, "a context was made");
  if (f->gpu.nvml_known && f->gpu.nvml_init != 0) return say_na(o, "NVML does not answer");
  struct share told = share_of(f, says);
  if (nvml_told(f) && told.of == told.all) return say_ok(o, "%s", words);
  if (f->gpu.nvml_known && !nvml_told(f)) return say_na(o, "NVML lists no GPU");
  if (f->driver.nvml.there == ABSENT && !f->gpu.nvml_known)
    return say_na(o, "libnvidia-ml.so.1 is not there to ask");
  return say_unknown(o, f->gpu.nvml_known ? "NVML did not say" : "NVML's answers are not known");
}

static bool made(const struct facts *f, int error) {
  for (int i = 0; i < f->gpu.cudas; i++)
    if (f->gpu.cuda[i].context_known && f->gpu.cuda[i].context == error) return true;
  return f->gpu.cuda_known && f->gpu.cuda_init == error;
}

static void call_evidence(const struct facts *f, struct finding *o, int error) {
  bool init = f->gpu.cuda_known && f->gpu.cuda_init == error;
  say_evidence(o, init ? "cuInit" : "cuDevicePrimaryCtxRetain", "%s",
               error_words(f, "CUDA", error));
}

enum why_result rule_suspend_resume_uvm(const struct facts *f, struct finding *o) {
  if (without_pci(f)) return say_na(o, "%s has no nvidia_uvm", platform_name(f));
  if (cuda_sees(f)) return say_ok(o, "cuInit succeeds");
  if (driver_known_absent(f)) return say_na(o, "there is no driver to ask");
  if (!f->gpu.cuda_known) return say_na(o, "what cuInit returns is not known");
  if (f->gpu.cuda_init != 999) return say_ok(o, "nothing points to a sleep of the machine");
  const char *line = kernel_says(f, "PM: suspend exit|PM: resume|PM: hibernation");
  if (!line) return say_ok(o, "nothing points to a sleep of the machine");
  call_evidence(f, o, 999);
  say_evidence(o, f->log.path, "%s", line);
  if (f->kernel.params.there == THERE &&
      strstr(f->kernel.params.text, "PreserveVideoMemoryAllocations: 0"))
    say_evidence(o, f->kernel.params.path, "PreserveVideoMemoryAllocations: 0");
  say_need(o, "nvidia_uvm loaded again after the machine slept");
  say_have(o, "the one from before");
  return say_fail(o, "the machine has slept since the driver was loaded, and cuInit returns 999");
}

// ---- NVSwitch machines -------------------------------------------------------------------------

static bool fabric_waits(const struct nvml_device *device) {
  return device->fabric == FABRIC_NOT_STARTED || device->fabric == FABRIC_IN_PROGRESS;
}

static bool confidential(const struct nvml_device *device) {
  return device->confidential == YES && device->confidential_ready == NO;
}

static bool confidential_told(const struct nvml_device *device) {
  return device->confidential == NO ||
         (device->confidential == YES && device->confidential_ready == YES);
}

static bool fabric_told(const struct nvml_device *device) {
  return device->fabric == FABRIC_NONE || device->fabric == FABRIC_DONE;
}

enum why_result rule_fabric_manager_not_running(const struct facts *f, struct finding *o) {
  struct share waits = share_of(f, fabric_waits), cc = share_of(f, confidential);
  const char *path, *driver = driver_version(f, &path), *fabric = f->kernel.fabric_version;
  bool said = made(f, 802), sxm = strstr(gpu_name(f), "SXM") || strstr(gpu_name(f), "HGX");
  bool switched = f->pci.switches > 0 || waits.of || (said && (sxm || gpus_there(f) >= 8));
  if (cc.of) return say_na(o, "confidential computing is what waits");
  if (!switched) return say_na(o, "no NVSwitch is here");
  bool stopped = f->kernel.fabric_installed == NO || f->kernel.fabric_running == NO;
  bool other = fabric && *fabric && *driver && version_compare(fabric, driver) != 0;
  bool proof = waits.of || said || (f->pci.switches && (stopped || other) && !in_container(f));
  if (proof && !(cuda_works(f) && !waits.of && !said && !other)) {
    if (f->pci.switches) say_evidence(o, "/sys/bus/pci/devices", "%d NVSwitches", f->pci.switches);
    if (said) call_evidence(f, o, 802);
    if (waits.of) say_evidence(o, "NVML", "GPU %d: fabric not completed", waits.first->index);
    if (f->kernel.fabric_installed == NO)
      say_evidence(o, "/usr/bin/nv-fabricmanager", "is not there");
    else if (f->kernel.fabric_running == NO)
      say_evidence(o, f->kernel.fabric_path, "is installed and not running");
    if (other) say_evidence(o, f->kernel.fabric_path, "version %s", fabric);
    say_need(o, *driver ? "nvidia-fabricmanager %s, running" : "nvidia-fabricmanager, running%s",
             driver);
    say_have(o, "%s", f->kernel.fabric_installed == NO ? "none" : other ? fabric : "not running");
    return say_fail(o, "the fabric manager has not set up the NVSwitches");
  }
  return fine(f, o, fabric_told, "the fabric is set up");
}

enum why_result rule_cc_not_ready(const struct facts *f, struct finding *o) {
  struct share cc = share_of(f, confidential);
  if (cc.of && (cc.of == cc.all || cc.first_visible)) {
    if (made(f, 802)) call_evidence(f, o, 802);
    say_evidence(o, "nvmlSystemGetConfComputeGpusReadyState", "not accepting work");
    say_need(o, "GPUs that have been declared ready");
    say_have(o, "confidential computing on, not ready");
    return say_fail(o, "confidential computing waits for the GPUs to be declared ready");
  }
  struct share told = share_of(f, confidential_told);
  if (told.of != told.all && told.all && !cuda_works(f)) {
    bool on = false;
    for (int i = 0; i < f->gpu.nvmls; i++) on |= f->gpu.nvml[i].confidential == YES;
    if (!on && !made(f, 802)) return say_ok(o, "nothing says that it is on");
  }
  return fine(f, o, confidential_told, "confidential computing is off, or ready");
}

// ---- MIG and compute mode ----------------------------------------------------------------------

static bool empty_mig(const struct nvml_device *device) {
  return device->mig == YES && device->mig_instances == 0;
}

static bool mig_told(const struct nvml_device *device) {
  return device->mig == NO || device->mig_instances > 0;
}

enum why_result rule_mig_enabled_no_instance(const struct facts *f, struct finding *o) {
  struct share empty = share_of(f, empty_mig);
  bool sees_none = f->gpu.cuda_known && !cuda_sees(f);
  if (empty.of && (empty.of == empty.all || sees_none)) {
    say_evidence(o, "nvmlDeviceGetMigMode", "GPU %d: enabled", empty.first->index);
    say_evidence(o, "nvmlDeviceGetMaxMigDeviceCount", "GPU %d: no instance", empty.first->index);
    if (f->gpu.cuda_known && f->gpu.cuda_init)
      say_evidence(o, "cuInit", "%s", error_words(f, "CUDA", f->gpu.cuda_init));
    say_need(o, "a MIG instance, or MIG off");
    say_have(o, "MIG on and no instance, on %d of %d GPUs", empty.of, empty.all);
    return say_fail(o, "MIG is on, and no instance has been made");
  }
  return fine(f, o, mig_told, "MIG is off, or has instances");
}

static bool restricted(const struct nvml_device *device) {
  return device->compute_mode == COMPUTE_PROHIBITED ||
         device->compute_mode == COMPUTE_EXCLUSIVE_THREAD;
}

static bool mode_told(const struct nvml_device *device) {
  return device->compute_mode == COMPUTE_DEFAULT;
}

enum why_result rule_compute_mode_restricted(const struct facts *f, struct finding *o) {
  struct share share = share_of(f, restricted);
  if (share.of && (share.of == share.all || share.first_visible)) {
    bool none = share.first->compute_mode == COMPUTE_PROHIBITED;
    say_evidence(o, "nvmlDeviceGetComputeMode", "GPU %d: %s", share.first->index,
                 none ? "prohibited" : "exclusive-thread");
    say_need(o, "compute mode default");
    say_have(o, "%s", none ? "prohibited" : "exclusive-thread");
    return say_fail(o, "the GPU's compute mode is %s", none ? "prohibited" : "exclusive-thread");
  }
  if (cuda_works(f)) return say_ok(o, "a context was made");
  for (int i = 0; i < f->gpu.nvmls; i++)
    if (f->gpu.nvml[i].compute_mode == COMPUTE_EXCLUSIVE_PROCESS)
      return say_ok(o, "it takes one process");
  return fine(f, o, mode_told, "compute mode default");
}

static bool busy(const struct nvml_device *device) {
  return device->compute_mode == COMPUTE_EXCLUSIVE_PROCESS && device->processes > 0;
}

static bool free_told(const struct nvml_device *device) {
  return device->compute_mode == COMPUTE_DEFAULT ||
         (device->compute_mode == COMPUTE_EXCLUSIVE_PROCESS && device->processes == 0);
}

enum why_result rule_compute_mode_exclusive_busy(const struct facts *f, struct finding *o) {
  struct share share = share_of(f, busy);
  bool said = made(f, 46), mps = f->driver.mps_control == YES;
  if (!mps &&
      ((share.of && (share.of == share.all || share.first_visible)) || (said && !cuda_works(f)))) {
    if (share.of)
      say_evidence(o, "nvmlDeviceGetComputeMode", "GPU %d: exclusive-process, with %d on it",
                   share.first->index, share.first->processes);
    if (said) call_evidence(f, o, 46);
    say_need(o, "a GPU that no other process has to itself");
    say_have(o, share.of ? "compute mode exclusive-process and a process on it"
                         : "a GPU that is busy or unavailable");
    return say_fail(o, "another process has the GPU to itself");
  }
  if (share_of(f, restricted).of) return say_na(o, "its compute mode takes no process");
  return fine(f, o, free_told, "free for this process");
}

enum why_result rule_mps_unreachable(const struct facts *f, struct finding *o) {
  bool said = made(f, 805) || made(f, 807);
  if (said) {
    call_evidence(f, o, made(f, 805) ? 805 : 807);
  } else if (!f->driver.mps_path) {
    if (f->process.env_known != YES && !cuda_works(f))
      return say_unknown(o, "the environment is not known");
    return say_na(o, "CUDA_MPS_PIPE_DIRECTORY is not set");
  } else if (f->driver.mps_control == UNKNOWN) {
    return say_unknown(o, "%s is not known", f->driver.mps_path);
  } else if (f->driver.mps_control == YES) {
    return say_ok(o, "%s is there", f->driver.mps_path);
  }
  if (f->driver.mps_path)
    say_evidence(o, f->driver.mps_path, f->driver.mps_control == YES ? "is there" : "is not there");
  say_need(o, "an MPS daemon that answers");
  say_have(o, "none");
  return say_fail(o, "CUDA is told to go through an MPS daemon that does not answer");
}

// ---- errors and virtual GPUs -------------------------------------------------------------------

static bool spoilt(const struct nvml_device *device) {
  return device->ecc_uncorrected > 0 || device->remap_pending == YES ||
         device->remap_failure == YES || device->retired_pending == YES || device->error == 16;
}

static bool sound(const struct nvml_device *device) {
  return device->ecc_uncorrected == 0 && device->remap_pending != YES && !spoilt(device);
}

enum why_result rule_gpu_reset_required(const struct facts *f, struct finding *o) {
  struct share share = share_of(f, spoilt);
  const char *line = kernel_says(f, "): 48,|): 63,|): 64,|): 94,|): 95,|): 119,|): 120,");
  bool said = made(f, 214);
  if (share.of) {
    const struct nvml_device *d = share.first;
    say_evidence(o, "NVML",
                 "GPU %d: %lld uncorrected errors, rows to be remapped: %s, remapping failed: %s, "
                 "pages to be retired: %s",
                 d->index, (long long)(d->ecc_uncorrected > 0 ? d->ecc_uncorrected : 0),
                 d->remap_pending == YES ? "yes" : "no", d->remap_failure == YES ? "yes" : "no",
                 d->retired_pending == YES ? "yes" : "no");
  }
  if (said) call_evidence(f, o, 214);
  if (line) say_evidence(o, f->log.path, "%s", line);
  if ((share.of && (share.of == share.all || share.first_visible || !cuda_works(f))) ||
      (said && !cuda_works(f)) || (line && !cuda_works(f))) {
    say_need(o, "a GPU without errors");
    say_have(o, "one that waits for a reset");
    return say_fail(o, "the GPU has had an error that only a reset clears");
  }
  return fine(f, o, sound, "no errors");
}

static bool no_compute(const struct nvml_device *device) {
  if (!device->virtualization || strcmp(device->virtualization, "vgpu") != 0) return false;
  size_t length = device->vgpu_type ? strlen(device->vgpu_type) : 0;
  char profile = length ? device->vgpu_type[length - 1] : 0;
  return profile == 'B' || profile == 'A' || device->licensed == NO;
}

static bool is_vgpu(const struct nvml_device *device) {
  return device->virtualization && !strcmp(device->virtualization, "vgpu");
}

static bool compute_told(const struct nvml_device *device) {
  return device->virtualization && *device->virtualization && !no_compute(device);
}

enum why_result rule_vgpu_no_compute(const struct facts *f, struct finding *o) {
  struct share share = share_of(f, no_compute);
  if (share.of && (share.of == share.all || share.first_visible)) {
    bool licence = share.first->licensed == NO;
    say_evidence(o, "nvmlDeviceGetVirtualizationMode", "GPU %d: vgpu %s%s", share.first->index,
                 share.first->vgpu_type ? share.first->vgpu_type : "",
                 licence ? ", not licensed" : "");
    say_need(o, "a licensed vGPU of a Q or C profile");
    say_have(o, "%s%s", share.first->vgpu_type ? share.first->vgpu_type : "",
             licence ? " without a licence" : "");
    return say_fail(o, "this virtual GPU does not run CUDA");
  }
  return fine(f, o, compute_told, "not such a virtual GPU");
}

enum why_result rule_vgpu_feature_blocked(const struct facts *f, struct finding *o) {
  struct share share = share_of(f, is_vgpu);
  if (!share.of) return say_ok(o, "not a virtual GPU, or not known");
  say_evidence(o, "nvmlDeviceGetVirtualizationMode", "GPU %d: vgpu %s", share.first->index,
               share.first->vgpu_type ? share.first->vgpu_type : "");
  say_need(o, "nothing, until a call says: operation not supported");
  say_have(o, "a virtual GPU");
  return say_fail(o, "a virtual GPU: some calls may be switched off");
}
