// A libcuda.so.1 for tests: the calls that probing makes, answered from the environment at each
// call. FAKE_CU_INIT, FAKE_CU_COUNT_ERROR: results (0); FAKE_CU_VERSION (13000); FAKE_CU_COUNT (1).
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int fake_cu_inits; // calls of cuInit so far

static int number(const char *name, int otherwise) {
  const char *text = getenv(name);
  return text ? atoi(text) : otherwise;
}

EXPORT int cuInit(unsigned flags) {
  fake_cu_inits++;
  return flags ? 1 : number("FAKE_CU_INIT", 0);
}

EXPORT int cuDriverGetVersion(int *version) {
  *version = number("FAKE_CU_VERSION", 13000);
  return 0;
}

EXPORT int cuDeviceGetCount(int *count) {
  *count = number("FAKE_CU_COUNT", 1);
  return number("FAKE_CU_COUNT_ERROR", 0);
}

static const struct {
  int error;
  const char *name, *text;
} errors[] = {
    // clang-format off
    {100, "CUDA_ERROR_NO_DEVICE",              "no CUDA-capable device is detected"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
    {999, "CUDA_ERROR_UNKNOWN",                "unknown error"},
    // clang-format on
};

EXPORT int cuGetErrorName(int error, const char **out) {
  *out = NULL;
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (errors[i].error == error) *out = errors[i].name;
  return *out ? 0 : 1;
}

EXPORT int cuGetErrorString(int error, const char **out) {
  *out = NULL;
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (errors[i].error == error) *out = errors[i].text;
  return *out ? 0 : 1;
}
