// The reader of gpu.json. A recorded answer is somebody's file: each value is looked at on its own,
// and one that cannot be is not known.
#include "gpu_json.h"
#include "json.h"
#include <limits.h>
#include <string.h>

const char *const gpu_compute_mode_names[] = {NULL, "default", "exclusive-thread", "prohibited",
                                              "exclusive-process"};
const char *const gpu_fabric_names[] = {NULL, "not-supported", "not-started", "in-progress",
                                        "completed"};

struct gpu gpu_none(const char *path) {
  return (struct gpu){.path = path, .why = "", .nvml_why = "", .nvml_version = "", .cuda_why = ""};
}

// ---- values ------------------------------------------------------------------------------------

static const struct why_json *get(const struct why_json *object, const char *key,
                                  enum why_json_kind kind) {
  const struct why_json *value = why_json_get(object, key);
  return value && value->kind == kind ? value : NULL;
}

// A whole number from 0 on.
static bool get_bytes(const struct why_json *object, const char *key, uint64_t *out) {
  const struct why_json *value = get(object, key, WHY_JSON_NUMBER);
  if (!value || !value->whole || (value->negative && value->magnitude)) return false;
  *out = value->magnitude;
  return true;
}

static bool get_int(const struct why_json *object, const char *key, int *out) {
  const struct why_json *value = get(object, key, WHY_JSON_NUMBER);
  if (!value || !value->whole || value->magnitude > INT_MAX) return false;
  *out = value->negative ? -(int)value->magnitude : (int)value->magnitude;
  return true;
}

// A count: `unknown` where it is not said, or negative.
static int get_count(const struct why_json *object, const char *key, int unknown) {
  int count;
  return get_int(object, key, &count) && count >= 0 ? count : unknown;
}

static enum known get_flag(const struct why_json *object, const char *key) {
  const struct why_json *value = get(object, key, WHY_JSON_BOOL);
  return !value ? UNKNOWN : value->truth ? YES : NO;
}

// `otherwise` where there is no such text.
static const char *get_text(struct arena *arena, const struct why_json *object, const char *key,
                            const char *otherwise) {
  const struct why_json *value = get(object, key, WHY_JSON_STRING);
  return value ? arena_copy(arena, value->text, strlen(value->text)) : otherwise;
}

// The place of a text in a list of names whose first is "not known"; 0.
static int get_name(const struct why_json *object, const char *key, const char *const *name,
                    int names) {
  const struct why_json *value = get(object, key, WHY_JSON_STRING);
  for (int i = 1; value && i < names; i++)
    if (!strcmp(value->text, name[i])) return i;
  return 0;
}

static int get_compute_mode(const struct why_json *object) {
  return get_name(object, "compute_mode", gpu_compute_mode_names, COMPUTE_EXCLUSIVE_PROCESS + 1);
}

// 90 of "9.0"; 0.
static int get_capability(const struct why_json *object) {
  const struct why_json *value = get(object, "compute_capability", WHY_JSON_STRING);
  const char *at = value ? value->text : "";
  int major = 0;
  for (; *at >= '0' && *at <= '9' && major < 100; at++) major = major * 10 + (*at - '0');
  bool good = major > 0 && major < 100 && at[0] == '.' && at[1] >= '0' && at[1] <= '9' && !at[2];
  return good ? major * 10 + (at[1] - '0') : 0;
}

// ---- NVML --------------------------------------------------------------------------------------

static struct nvml_device read_nvml_device(struct arena *arena, const struct why_json *from,
                                           int place) {
  struct nvml_device device = {.index = get_count(from, "index", place),
                               .uuid = get_text(arena, from, "uuid", ""),
                               .name = get_text(arena, from, "name", ""),
                               .capability = get_capability(from),
                               .compute_mode = (enum compute_mode)get_compute_mode(from),
                               .processes = get_count(from, "processes", -1),
                               .mig_instances = get_count(from, "mig_instances", -1),
                               .ecc_uncorrected = -1,
                               .remap_pending = get_flag(from, "remap_pending"),
                               .remap_failure = get_flag(from, "remap_failure"),
                               .retired_pending = get_flag(from, "retired_pending"),
                               .virtualization = get_text(arena, from, "virtualization", ""),
                               .vgpu_type = get_text(arena, from, "vgpu_type", ""),
                               .licensed = get_flag(from, "licensed"),
                               .confidential = get_flag(from, "confidential_compute"),
                               .confidential_ready = get_flag(from, "cc_ready"),
                               .multiprocessors = get_count(from, "multiprocessors", 0)};
  static const char *const mig[] = {NULL, "disabled", "enabled"};
  device.mig = (enum known)get_name(from, "mig_mode", mig, 3);
  device.fabric = (enum fabric)get_name(from, "fabric_state", gpu_fabric_names, FABRIC_DONE + 1);
  get_int(from, "error", &device.error);
  uint64_t errors;
  if (get_bytes(from, "ecc_uncorrected_volatile", &errors))
    device.ecc_uncorrected = errors > INT64_MAX ? INT64_MAX : (int64_t)errors;
  get_bytes(from, "memory_total", &device.total_bytes);
  device.memory = get_bytes(from, "memory_free", &device.free_bytes) ? YES : UNKNOWN;
  return device;
}

static void read_nvml(struct arena *arena, const struct why_json *from, struct gpu *gpu) {
  gpu->nvml_known |= get_int(from, "init", &gpu->nvml_init);
  gpu->nvml_why = get_text(arena, from, "why", gpu->nvml_why);
  gpu->nvml_version = get_text(arena, from, "driver_version", gpu->nvml_version);
  const struct why_json *list = get(from, "devices", WHY_JSON_ARRAY);
  if (!list) return;
  struct nvml_device *device = arena_give(arena, GPU_ANSWERS * sizeof *device);
  const struct why_json *at = list->first;
  gpu->nvmls = 0;
  for (int place = 0; at && place < GPU_ANSWERS; at = at->next, place++)
    if (at->kind == WHY_JSON_OBJECT) device[gpu->nvmls++] = read_nvml_device(arena, at, place);
  gpu->nvml = device;
}

// ---- CUDA --------------------------------------------------------------------------------------

// By its place in the list, so one that is no object is a device of which nothing is known.
static struct cuda_device read_cuda_device(struct arena *arena, const struct why_json *from) {
  struct cuda_device device = {.name = ""};
  if (from->kind != WHY_JSON_OBJECT) return device;
  device.name = get_text(arena, from, "name", "");
  device.capability = get_capability(from);
  device.context_known =
      get_int(from, "context", &device.context) || get_int(from, "error", &device.context);
  device.multiprocessors = get_count(from, "multiprocessors", 0);
  device.compute_mode = get_compute_mode(from);
  return device;
}

static void read_cuda(struct arena *arena, const struct why_json *from, struct gpu *gpu) {
  gpu->cuda_known |= get_int(from, "init", &gpu->cuda_init);
  gpu->cuda_why = get_text(arena, from, "why", gpu->cuda_why);
  gpu->cuda_version_known |= get_int(from, "driver_version", &gpu->cuda_version);
  int count = get_count(from, "device_count", -1);
  if (count >= 0) gpu->cuda_count = count;
  gpu->cuda_count_known |= count >= 0;
  const struct why_json *list = get(from, "devices", WHY_JSON_ARRAY);
  if (!list) return;
  struct cuda_device *device = arena_give(arena, GPU_ANSWERS * sizeof *device);
  const struct why_json *at = list->first;
  for (gpu->cudas = 0; at && gpu->cudas < GPU_ANSWERS; at = at->next)
    device[gpu->cudas++] = read_cuda_device(arena, at);
  gpu->cuda = device;
}

bool gpu_json_read(struct arena *arena, const char *text, size_t length, struct gpu *gpu,
                   struct why_error *error) {
  struct why_json_document document;
  enum why_reason reason = why_json_parse(text, length, &document, error);
  const struct why_json *root = document.root;
  if (reason == WHY_OK && root->kind != WHY_JSON_OBJECT) {
    *error = (struct why_error){
        .text = "expected an object", .line = root->line, .column = root->column};
    reason = WHY_BAD_INPUT;
  }
  if (reason == WHY_OK) {
    // One that names no number is of no schema that is known.
    if (why_json_get(root, "schema") && !get_int(root, "schema", &gpu->schema)) gpu->schema = -1;
    const struct why_json *nvml = get(root, "nvml", WHY_JSON_OBJECT);
    const struct why_json *cuda = get(root, "cuda", WHY_JSON_OBJECT);
    if (nvml) read_nvml(arena, nvml, gpu);
    if (cuda) read_cuda(arena, cuda, gpu);
  }
  why_json_free(&document);
  return reason == WHY_OK;
}

void gpu_judge(struct arena *arena, struct gpu *gpu) {
  bool some = gpu->nvml_known || gpu->nvml || gpu->cuda_known || gpu->cuda ||
              gpu->cuda_version_known || gpu->cuda_count_known;
  gpu->known = some ? YES : UNKNOWN;
  if (some) return;
  const char *both = *gpu->nvml_why && *gpu->cuda_why ? "; " : "";
  gpu->why = arena_print(arena, "%s%s%s", gpu->nvml_why, both, gpu->cuda_why);
  if (!*gpu->why) gpu->why = "it holds no answers";
}
