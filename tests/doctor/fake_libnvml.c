// A libnvidia-ml.so.1 that answers what fake_driver.h says. FAKE_OLD: one from before MIG, fabrics,
// remapped rows and confidential computing.
#include "fake_driver.h"

static char device[256]; // a handle points to its place

static int place(const void *handle) {
  return (int)((const char *)handle - device);
}

static int give(const char *call, const void *handle, unsigned long long otherwise, unsigned *out) {
  struct said answer = said(call, handle ? place(handle) : -1, otherwise, 0, "");
  *out = (unsigned)answer.value;
  return answer.returns;
}

static int give_two(const char *call, const void *handle, unsigned first, unsigned second,
                    unsigned *to, unsigned *and) {
  struct said answer = said(call, place(handle), first, second, "");
  *to = (unsigned)answer.value;
  *and = (unsigned)answer.more;
  return answer.returns;
}

#ifdef FAKE_OLD
EXPORT int nvmlInit(void) {
  return said("nvmlInit", -1, 0, 0, "").returns;
}

EXPORT int nvmlDeviceGetComputeRunningProcesses(void *of, unsigned *count, void *out) {
  return out ? 2 : give("nvmlDeviceGetComputeRunningProcesses", of, 0, count);
}
#else
EXPORT int nvmlInit_v2(void) {
  return said("nvmlInit_v2", -1, 0, 0, "").returns;
}

EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(void *of, unsigned *count, void *out) {
  unsigned ours = access(context_file(), F_OK) == 0;
  return out || *count ? 2 : give("nvmlDeviceGetComputeRunningProcesses", of, ours, count);
}

EXPORT int nvmlDeviceGetMigMode(void *of, unsigned *mode, unsigned *pending) {
  return give_two("nvmlDeviceGetMigMode", of, 0, 0, mode, pending);
}

EXPORT int nvmlDeviceGetMaxMigDeviceCount(void *of, unsigned *out) {
  return give("nvmlDeviceGetMaxMigDeviceCount", of, 7, out);
}

// As many instances as value says.
EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(void *of, unsigned index, void **out) {
  struct said answer = said("nvmlDeviceGetMigDeviceHandleByIndex", place(of), 0, 0, "");
  *out = of;
  return answer.returns ? answer.returns : index < answer.value ? 0 : 6;
}

EXPORT int nvmlDeviceGetRemappedRows(void *of, unsigned *corrected, unsigned *uncorrected,
                                     unsigned *pending, unsigned *failure) {
  *corrected = *uncorrected = 0;
  return give_two("nvmlDeviceGetRemappedRows", of, 0, 0, pending, failure);
}

EXPORT int nvmlDeviceGetGpuFabricInfo(void *of, void *out) {
  struct {
    unsigned char cluster[16];
    int status;
    unsigned clique;
    unsigned char state;
  } info = {.clique = 0};
  struct said answer = said("nvmlDeviceGetGpuFabricInfo", place(of), 0, 0, "");
  info.state = (unsigned char)answer.value;
  info.status = (int)answer.more;
  memcpy(out, &info, sizeof info);
  return answer.returns;
}

EXPORT int nvmlDeviceGetGridLicensableFeatures_v4(void *of, void *out) {
  struct said answer = said("nvmlDeviceGetGridLicensableFeatures_v4", place(of), 1, 1, "");
  int head[4] = {(int)answer.value, (int)answer.value, 0, (int)answer.more};
  memcpy(out, head, sizeof head);
  return answer.returns;
}

EXPORT int nvmlSystemGetConfComputeState(unsigned out[3]) {
  out[0] = out[2] = 0;
  return give("nvmlSystemGetConfComputeState", NULL, 0, &out[1]);
}

EXPORT int nvmlSystemGetConfComputeGpusReadyState(unsigned *out) {
  return give("nvmlSystemGetConfComputeGpusReadyState", NULL, 1, out);
}
#endif

EXPORT int nvmlSystemGetDriverVersion(char *out, unsigned size) {
  struct said answer = said("nvmlSystemGetDriverVersion", -1, 0, 0, "550.54.14");
  return give_text(&answer, out, size);
}

EXPORT int nvmlDeviceGetCount_v2(unsigned *out) {
  return give("nvmlDeviceGetCount_v2", NULL, 1, out);
}

EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **out) {
  *out = &device[index];
  return said("nvmlDeviceGetHandleByIndex_v2", (int)index, 0, 0, "").returns;
}

EXPORT int nvmlDeviceGetUUID(void *of, char *out, unsigned size) {
  char uuid[64];
  snprintf(uuid, sizeof uuid, "GPU-00000000-0000-0000-0000-%012d", place(of));
  struct said answer = said("nvmlDeviceGetUUID", place(of), 0, 0, uuid);
  return give_text(&answer, out, size);
}

EXPORT int nvmlDeviceGetName(void *of, char *out, unsigned size) {
  struct said answer = said("nvmlDeviceGetName", place(of), 0, 0, "NVIDIA H100 80GB HBM3");
  return give_text(&answer, out, size);
}

EXPORT int nvmlDeviceGetCudaComputeCapability(void *of, unsigned *major, unsigned *minor) {
  return give_two("nvmlDeviceGetCudaComputeCapability", of, 9, 0, major, minor);
}

EXPORT int nvmlDeviceGetMemoryInfo(void *of, unsigned long long out[3]) {
  struct said answer = said("nvmlDeviceGetMemoryInfo", place(of), 85520809984u, 84000000000u, "");
  out[0] = answer.value;
  out[1] = answer.more;
  out[2] = answer.value - answer.more;
  return answer.returns;
}

EXPORT int nvmlDeviceGetComputeMode(void *of, unsigned *out) {
  return give("nvmlDeviceGetComputeMode", of, 0, out);
}

EXPORT int nvmlDeviceGetTotalEccErrors(void *of, int type, int counter, unsigned long long *out) {
  struct said answer = said("nvmlDeviceGetTotalEccErrors", place(of), 0, 0, "");
  *out = answer.value;
  return type != 1 || counter != 0 ? 2 : answer.returns;
}

EXPORT int nvmlDeviceGetRetiredPagesPendingStatus(void *of, unsigned *out) {
  return give("nvmlDeviceGetRetiredPagesPendingStatus", of, 0, out);
}

EXPORT int nvmlDeviceGetVirtualizationMode(void *of, unsigned *out) {
  return give("nvmlDeviceGetVirtualizationMode", of, 0, out);
}
