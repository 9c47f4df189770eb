// A libcuda.so.1 that answers what fake_driver.h says.
#include "fake_driver.h"

EXPORT int cuInit(unsigned flags) {
  return flags ? 1 : said("cuInit", -1, 0, 0, "").returns;
}

// The driver makes contexts on what CUDA_VISIBLE_DEVICES shows, and sees no change of it.
EXPORT int cuDeviceGetCount(int *out) {
  struct said answer = said("cuDeviceGetCount", -1, getenv("CUDA_VISIBLE_DEVICES") ? 0 : 1, 0, "");
  *out = (int)answer.value;
  return answer.returns;
}

EXPORT int cuDriverGetVersion(int *out) {
  struct said answer = said("cuDriverGetVersion", -1, 12040, 0, "");
  *out = (int)answer.value;
  return answer.returns;
}

EXPORT int cuDeviceGet(int *out, int place) {
  *out = place;
  return said("cuDeviceGet", place, 0, 0, "").returns;
}

EXPORT int cuDeviceGetName(char *out, int size, int device) {
  struct said answer = said("cuDeviceGetName", device, 0, 0, "NVIDIA H100 80GB HBM3");
  return give_text(&answer, out, (unsigned)size);
}

EXPORT int cuDeviceGetAttribute(int *out, int which, int device) {
  int value = which == 75 ? 9 : which == 16 ? 132 : 0;
  char call[64];
  snprintf(call, sizeof call, "cuDeviceGetAttribute%d", which);
  struct said answer = said(call, device, (unsigned long long)value, 0, "");
  *out = (int)answer.value;
  return answer.returns;
}

EXPORT int cuDevicePrimaryCtxRetain(void **out, int device) {
  static int context;
  *out = &context;
  FILE *file = fopen(context_file(), "we");
  if (file) fclose(file);
  return said("cuDevicePrimaryCtxRetain", device, 0, 0, "").returns;
}

EXPORT int cuDevicePrimaryCtxRelease_v2(int device) {
  return said("cuDevicePrimaryCtxRelease", device, 0, 0, "").returns;
}
