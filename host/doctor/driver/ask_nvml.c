// What is asked of libnvidia-ml, in a child process: its calls, numbers and structs are NVML's.
#include "ask_page.h"
#include <assert.h>
#include <limits.h>
#include <string.h>

enum { // what calls return, and that a library has no such function
  MISSING = -1,
  NOT_SUPPORTED = 3,
  NOT_FOUND = 6,
  TOO_SMALL = 7,
  NO_LIBRARY = 12,
  FUNCTION_NOT_FOUND = 13,
  LOST = 15,
  NEEDS_RESET = 16,
  UNKNOWN_ERROR = 999
};

struct memory {
  unsigned long long total, free, used;
};
struct fabric_info {
  unsigned char cluster[16];
  int status;
  unsigned clique;
  unsigned char state;
};
struct confidential_state {
  unsigned environment, feature, tools;
};
struct licenses {
  int supported;
  unsigned count;
  struct {
    int code;
    unsigned licensed;
    char info[128], product[128];
    unsigned enabled, year;
    unsigned short month, day, hour, minute, second;
    unsigned char status;
  } feature[3];
};
static_assert(sizeof(struct memory) == 24, "NVML's");
static_assert(sizeof(struct fabric_info) == 28, "NVML's");
static_assert(sizeof(struct confidential_state) == 12, "NVML's");
static_assert(sizeof(struct licenses) == 860, "NVML's");

struct nvml {
  struct ask_page *page;
  void *library, *device;
  struct nvml_device *answer;
};

// ---- calls by their shape ----------------------------------------------------------------------

// What it returned; a device that is lost, or has to be reset, says so in whatever is asked first.
static int note(struct nvml *nvml, int error) {
  if ((error == LOST || error == NEEDS_RESET) && !nvml->answer->error) nvml->answer->error = error;
  return error;
}

static int ask_unsigned(struct nvml *nvml, const char *name, unsigned *out) {
  int (*call)(void *, unsigned *) =
      (int (*)(void *, unsigned *))ask_find(nvml->page, nvml->library, name);
  return call ? note(nvml, call(nvml->device, out)) : MISSING;
}

static int ask_two(struct nvml *nvml, const char *name, unsigned *first, unsigned *second) {
  int (*call)(void *, unsigned *, unsigned *) =
      (int (*)(void *, unsigned *, unsigned *))ask_find(nvml->page, nvml->library, name);
  return call ? note(nvml, call(nvml->device, first, second)) : MISSING;
}

static int ask_struct(struct nvml *nvml, const char *name, void *out) {
  int (*call)(void *, void *) = (int (*)(void *, void *))ask_find(nvml->page, nvml->library, name);
  return call ? note(nvml, call(nvml->device, out)) : MISSING;
}

static void ask_text(struct nvml *nvml, const char *name, char *out, unsigned size) {
  int (*call)(void *, char *, unsigned) =
      (int (*)(void *, char *, unsigned))ask_find(nvml->page, nvml->library, name);
  int error = call ? note(nvml, call(nvml->device, out, size - 1)) : MISSING;
  if (error) out[0] = 0;
  if (error == UNKNOWN_ERROR && !nvml->answer->error) nvml->answer->error = error;
}

// That a device does not have what a question is about is an answer: no.
static enum known flag(int error, unsigned value) {
  return error == NOT_SUPPORTED ? NO : error ? UNKNOWN : value ? YES : NO;
}

// So is that the driver is older than what the question is about.
static enum known flag_or_older(int error, unsigned value) {
  return error == MISSING ? NO : flag(error, value);
}

// ---- a device ----------------------------------------------------------------------------------

static void ask_processes(struct nvml *nvml) {
  static const char *const names[] = {"nvmlDeviceGetComputeRunningProcesses_v3",
                                      "nvmlDeviceGetComputeRunningProcesses_v2",
                                      "nvmlDeviceGetComputeRunningProcesses"};
  for (int i = 0; i < 3; i++) {
    unsigned count = 0; // so no process is described, only how many there are
    int (*call)(void *, unsigned *, void *) =
        (int (*)(void *, unsigned *, void *))ask_find(nvml->page, nvml->library, names[i]);
    if (!call) continue;
    int error = note(nvml, call(nvml->device, &count, NULL));
    if ((!error || error == TOO_SMALL) && count <= INT_MAX) nvml->answer->processes = (int)count;
    return;
  }
}

static void ask_mig(struct nvml *nvml) {
  unsigned mode = 0, pending = 0, most = 0;
  int error = ask_two(nvml, "nvmlDeviceGetMigMode", &mode, &pending);
  nvml->answer->mig = flag_or_older(error, mode);
  if (nvml->answer->mig != YES) {
    nvml->answer->mig_instances = nvml->answer->mig == NO ? 0 : -1;
    return;
  }
  if (ask_unsigned(nvml, "nvmlDeviceGetMaxMigDeviceCount", &most)) return;
  int (*get)(void *, unsigned, void **) = (int (*)(void *, unsigned, void **))ask_find(
      nvml->page, nvml->library, "nvmlDeviceGetMigDeviceHandleByIndex");
  int count = get ? 0 : -1;
  for (unsigned i = 0; get && i < most && i < GPU_ANSWERS; i++) {
    void *instance = NULL;
    error = get(nvml->device, i, &instance);
    if (error && error != NOT_FOUND) count = -1;
    if (count < 0) break;
    count += !error;
  }
  nvml->answer->mig_instances = count;
}

static void ask_health(struct nvml *nvml) {
  struct nvml_device *answer = nvml->answer;
  struct ask_page *page = nvml->page;
  unsigned long long errors = 0;
  int (*ecc)(void *, int, int, unsigned long long *) =
      (int (*)(void *, int, int, unsigned long long *))ask_find(page, nvml->library,
                                                                "nvmlDeviceGetTotalEccErrors");
  int error =
      ecc ? note(nvml, ecc(nvml->device, 1, 0, &errors)) : MISSING; // uncorrected, since load
  if (!error && errors <= INT64_MAX) answer->ecc_uncorrected = (int64_t)errors;
  if (error == NOT_SUPPORTED) answer->ecc_uncorrected = 0;

  unsigned corrected = 0, uncorrected = 0, pending = 0, failure = 0;
  int (*rows)(void *, unsigned *, unsigned *, unsigned *, unsigned *) =
      (int (*)(void *, unsigned *, unsigned *, unsigned *, unsigned *))ask_find(
          page, nvml->library, "nvmlDeviceGetRemappedRows");
  error =
      rows ? note(nvml, rows(nvml->device, &corrected, &uncorrected, &pending, &failure)) : MISSING;
  answer->remap_pending = flag(error, pending);
  answer->remap_failure = flag(error, failure);
  unsigned retired = 0;
  error = ask_unsigned(nvml, "nvmlDeviceGetRetiredPagesPendingStatus", &retired);
  answer->retired_pending = flag(error, retired);
}

static void ask_fabric(struct nvml *nvml) {
  struct fabric_info info = {.state = UCHAR_MAX};
  int error = ask_struct(nvml, "nvmlDeviceGetGpuFabricInfo", &info);
  if (error == NOT_SUPPORTED) nvml->answer->fabric = FABRIC_NONE;
  if (error || info.state > FABRIC_DONE - FABRIC_NONE) return;
  enum fabric state = (enum fabric)(FABRIC_NONE + info.state);
  if (state == FABRIC_DONE && info.status) return; // it is over, and went wrong: no name for that
  nvml->answer->fabric = state;
}

// The type of a virtual GPU ends its name: "GRID V100D-32C", "NVIDIA A40-48C".
static void ask_virtual(struct nvml *nvml) {
  static const char *const names[] = {"none", "passthrough", "vgpu", "host-vgpu", "host-vsga"};
  struct nvml_device *answer = nvml->answer;
  unsigned mode = 0;
  int error = ask_unsigned(nvml, "nvmlDeviceGetVirtualizationMode", &mode);
  if (error || mode >= sizeof names / sizeof *names) return;
  answer->virtualization = names[mode];
  if (mode != 2) return;
  const char *space = strrchr(answer->name, ' ');
  answer->vgpu_type = space ? space + 1 : answer->name;
  struct licenses licenses = {0};
  error = ask_struct(nvml, "nvmlDeviceGetGridLicensableFeatures_v4", &licenses);
  if (error || !licenses.supported || !licenses.count || licenses.count > 3) return;
  answer->licensed = NO;
  for (unsigned i = 0; i < licenses.count; i++)
    if (licenses.feature[i].licensed) answer->licensed = YES;
}

static void ask_device(struct nvml *nvml, int index) {
  struct ask_page *page = nvml->page;
  struct nvml_device *answer = nvml->answer;
  ask_text(nvml, "nvmlDeviceGetUUID", page->uuid[index], sizeof page->uuid[index]);
  ask_text(nvml, "nvmlDeviceGetName", page->name[index], sizeof page->name[index]);
  unsigned major = 0, minor = 0, mode = UINT_MAX;
  int error = ask_two(nvml, "nvmlDeviceGetCudaComputeCapability", &major, &minor);
  if (!error && major > 0 && major < 100 && minor < 10)
    answer->capability = (int)(major * 10 + minor);
  struct memory memory = {0};
  error = ask_struct(nvml, "nvmlDeviceGetMemoryInfo", &memory);
  if (error == UNKNOWN_ERROR && !answer->error) answer->error = error;
  answer->memory = error ? UNKNOWN : YES;
  answer->total_bytes = error ? 0 : memory.total;
  answer->free_bytes = error ? 0 : memory.free;
  error = ask_unsigned(nvml, "nvmlDeviceGetComputeMode", &mode);
  if (!error && mode < COMPUTE_EXCLUSIVE_PROCESS)
    answer->compute_mode = (enum compute_mode)(COMPUTE_DEFAULT + mode);
  ask_processes(nvml);
  ask_mig(nvml);
  ask_health(nvml);
  ask_fabric(nvml);
  ask_virtual(nvml);
}

// ---- all of them -------------------------------------------------------------------------------

static void ask_confidential(struct ask_page *page, void *library, enum known *on,
                             enum known *ready) {
  struct confidential_state state = {0};
  unsigned accepts = 0;
  int (*get)(void *) = (int (*)(void *))ask_find(page, library, "nvmlSystemGetConfComputeState");
  int error = get ? get(&state) : MISSING;
  *on = state.feature > 1 ? UNKNOWN : flag_or_older(error, state.feature);
  int (*can)(unsigned *) =
      (int (*)(unsigned *))ask_find(page, library, "nvmlSystemGetConfComputeGpusReadyState");
  if (*on == YES && can && !can(&accepts)) *ready = accepts ? YES : NO;
}

static void ask_devices(struct ask_page *page, void *library) {
  struct gpu *gpu = &page->gpu;
  unsigned count = 0;
  int (*counts)(unsigned *) = (int (*)(unsigned *))ask_find(page, library, "nvmlDeviceGetCount_v2");
  int error = counts ? counts(&count) : FUNCTION_NOT_FOUND;
  if (error) {
    snprintf(page->why, sizeof page->why, "nvmlDeviceGetCount_v2 returned %d", error);
    return;
  }
  enum known on = UNKNOWN, ready = UNKNOWN;
  ask_confidential(page, library, &on, &ready);
  gpu->nvml = page->nvml;
  for (unsigned i = 0; i < count && i < GPU_ANSWERS; i++) {
    struct nvml nvml = {.page = page, .library = library, .answer = &page->nvml[i]};
    *nvml.answer = (struct nvml_device){.index = (int)i,
                                        .uuid = page->uuid[i],
                                        .name = page->name[i],
                                        .processes = -1,
                                        .mig_instances = -1,
                                        .ecc_uncorrected = -1,
                                        .virtualization = "",
                                        .vgpu_type = "",
                                        .confidential = on,
                                        .confidential_ready = ready};
    int (*get)(unsigned, void **) =
        (int (*)(unsigned, void **))ask_find(page, library, "nvmlDeviceGetHandleByIndex_v2");
    error = get ? get(i, &nvml.device) : MISSING;
    if (error > 0) nvml.answer->error = error;
    if (!error) ask_device(&nvml, (int)i);
    gpu->nvmls = (int)i + 1;
    answered(page);
  }
}

void ask_nvml(struct ask_page *page, const char *name) {
  struct gpu *gpu = &page->gpu;
  gpu->nvml_why = page->why;
  void *library = ask_open(page, name);
  if (!library) { // NVML's own number for that
    gpu->nvml_known = true;
    gpu->nvml_init = NO_LIBRARY;
    return;
  }
  int (*init)(void) = (int (*)(void))ask_find(page, library, "nvmlInit_v2");
  if (!init) init = (int (*)(void))ask_find(page, library, "nvmlInit");
  gpu->nvml_init = init ? init() : FUNCTION_NOT_FOUND;
  gpu->nvml_known = true;
  answered(page);
  if (gpu->nvml_init) return;
  int (*version)(char *, unsigned) =
      (int (*)(char *, unsigned))ask_find(page, library, "nvmlSystemGetDriverVersion");
  if (version && !version(page->version, sizeof page->version - 1))
    gpu->nvml_version = page->version;
  answered(page);
  ask_devices(page, library);
}
