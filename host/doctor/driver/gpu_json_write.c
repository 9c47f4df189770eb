// The writer of gpu.json: what is not known is left out.
#include "gpu_json.h"
#include "json.h"

static void put_text(struct why_json_writer *to, const char *key, const char *text) {
  if (*text) why_json_text(to, key, text);
}

static void put_flag(struct why_json_writer *to, const char *key, enum known value) {
  if (value) why_json_bool(to, key, value == YES);
}

static void put_name(struct why_json_writer *to, const char *key, const char *name) {
  if (name) why_json_text(to, key, name);
}

static void put_capability(struct why_json_writer *to, int capability) {
  char text[16];
  snprintf(text, sizeof text, "%d.%d", capability / 10, capability % 10);
  if (capability) why_json_text(to, "compute_capability", text);
}

static void put_count(struct why_json_writer *to, const char *key, int64_t count) {
  if (count >= 0) why_json_whole(to, key, count);
}

static void put_nvml_device(struct why_json_writer *to, const struct nvml_device *device) {
  why_json_begin(to, NULL, '{');
  why_json_whole(to, "index", device->index);
  if (device->error) why_json_whole(to, "error", device->error);
  put_text(to, "uuid", device->uuid);
  put_text(to, "name", device->name);
  put_capability(to, device->capability);
  if (device->total_bytes) why_json_bytes(to, "memory_total", device->total_bytes);
  if (device->memory == YES) why_json_bytes(to, "memory_free", device->free_bytes);
  put_name(to, "compute_mode", gpu_compute_mode_names[device->compute_mode]);
  put_count(to, "processes", device->processes);
  put_name(to, "mig_mode", device->mig ? (device->mig == YES ? "enabled" : "disabled") : NULL);
  put_count(to, "mig_instances", device->mig_instances);
  put_count(to, "ecc_uncorrected_volatile", device->ecc_uncorrected);
  put_flag(to, "remap_pending", device->remap_pending);
  put_flag(to, "remap_failure", device->remap_failure);
  put_flag(to, "retired_pending", device->retired_pending);
  put_name(to, "fabric_state", gpu_fabric_names[device->fabric]);
  put_text(to, "virtualization", device->virtualization);
  put_text(to, "vgpu_type", device->vgpu_type);
  put_flag(to, "licensed", device->licensed);
  put_flag(to, "confidential_compute", device->confidential);
  put_flag(to, "cc_ready", device->confidential_ready);
  if (device->multiprocessors) why_json_whole(to, "multiprocessors", device->multiprocessors);
  why_json_end(to, '}');
}

static void put_cuda_device(struct why_json_writer *to, const struct cuda_device *device) {
  why_json_begin(to, NULL, '{');
  put_text(to, "name", device->name);
  put_capability(to, device->capability);
  if (device->context_known) why_json_whole(to, "context", device->context);
  if (device->multiprocessors) why_json_whole(to, "multiprocessors", device->multiprocessors);
  put_name(to, "compute_mode", gpu_compute_mode_names[device->compute_mode]);
  why_json_end(to, '}');
}

static void put_nvml(struct why_json_writer *to, const struct gpu *gpu) {
  why_json_begin(to, "nvml", '{');
  if (gpu->nvml_known) why_json_whole(to, "init", gpu->nvml_init);
  put_text(to, "why", gpu->nvml_why);
  put_text(to, "driver_version", gpu->nvml_version);
  if (gpu->nvml) {
    why_json_begin(to, "devices", '[');
    for (int i = 0; i < gpu->nvmls; i++) put_nvml_device(to, &gpu->nvml[i]);
    why_json_end(to, ']');
  }
  why_json_end(to, '}');
}

static void put_cuda(struct why_json_writer *to, const struct gpu *gpu) {
  why_json_begin(to, "cuda", '{');
  if (gpu->cuda_known) why_json_whole(to, "init", gpu->cuda_init);
  put_text(to, "why", gpu->cuda_why);
  if (gpu->cuda_version_known) why_json_whole(to, "driver_version", gpu->cuda_version);
  if (gpu->cuda_count_known) why_json_whole(to, "device_count", gpu->cuda_count);
  if (gpu->cuda) {
    why_json_begin(to, "devices", '[');
    for (int i = 0; i < gpu->cudas; i++) put_cuda_device(to, &gpu->cuda[i]);
    why_json_end(to, ']');
  }
  why_json_end(to, '}');
}

void gpu_json_write(FILE *file, const struct gpu *gpu) {
  struct why_json_writer to = {.file = file};
  why_json_begin(&to, NULL, '{');
  if (gpu->nvml_known || gpu->nvml || *gpu->nvml_why || *gpu->nvml_version) put_nvml(&to, gpu);
  if (gpu->cuda_known || gpu->cuda || *gpu->cuda_why || gpu->cuda_version_known ||
      gpu->cuda_count_known)
    put_cuda(&to, gpu);
  why_json_end(&to, '}');
}
