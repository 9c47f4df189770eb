// A libnvidia-ml.so.1 for tests: the calls that sensors.c makes, answered for one GPU by a
// scenario, the text of the file that FAKE_NVML names, read at each call: lines of "key number"
// with
//   mhz 1755  milliwatts 350000  celsius 41  reasons 0x4  millijoules 12345  init 0
// `milliwatts_clock 1`: millijoules rise with time, by milliwatts, in steps of 20 ms. A key that is
// not there makes its call answer 3, "not supported". FAKE_NVML_OLD: without what came later.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))
enum { NOT_SUPPORTED = 3, NOT_FOUND = 6 };

EXPORT int fake_nvml_opened; // nvmlInit_v2 without nvmlShutdown

static int device;

// 0 and the number, or NOT_SUPPORTED.
static int ask(const char *key, double *out) {
  const char *path = getenv("FAKE_NVML");
  char line[128], name[64];
  FILE *file = path ? fopen(path, "re") : NULL;
  int answer = NOT_SUPPORTED;
  while (file && fgets(line, sizeof line, file)) {
    int end = 0;
    if (sscanf(line, "%63s%n", name, &end) != 1 || strcmp(name, key) != 0) continue;
    *out = strtod(line + end, NULL);
    answer = 0;
  }
  if (file) fclose(file);
  return answer;
}

static int whole(const char *key, unsigned *out) {
  double value;
  int answer = ask(key, &value);
  if (!answer) *out = (unsigned)value;
  return answer;
}

EXPORT int nvmlInit_v2(void) {
  double value = 0;
  if (ask("init", &value) || value == 0) fake_nvml_opened++;
  return (int)value;
}

EXPORT int nvmlShutdown(void) {
  fake_nvml_opened--;
  return 0;
}

EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char *pci, void **out) {
  *out = &device;
  return strcmp(pci, "0000:65:00.0") ? NOT_FOUND : 0;
}

EXPORT int nvmlDeviceGetClockInfo(void *of, int type, unsigned *out) {
  return of != &device || type != 1 ? NOT_SUPPORTED : whole("mhz", out);
}

EXPORT int nvmlDeviceGetPowerUsage(void *of, unsigned *out) {
  return of != &device ? NOT_SUPPORTED : whole("milliwatts", out);
}

EXPORT int nvmlDeviceGetTemperature(void *of, int sensor, unsigned *out) {
  return of != &device || sensor ? NOT_SUPPORTED : whole("celsius", out);
}

static int reasons(unsigned long long *out) {
  double value;
  int answer = ask("reasons", &value);
  if (!answer) *out = (unsigned long long)value;
  return answer;
}

#ifdef FAKE_NVML_OLD
EXPORT int nvmlDeviceGetCurrentClocksThrottleReasons(void *of, unsigned long long *out) {
  return of != &device ? NOT_SUPPORTED : reasons(out);
}
#else
EXPORT int nvmlDeviceGetCurrentClocksEventReasons(void *of, unsigned long long *out) {
  return of != &device ? NOT_SUPPORTED : reasons(out);
}

EXPORT int nvmlDeviceGetTotalEnergyConsumption(void *of, unsigned long long *out) {
  double value, rises = 0, milliwatts = 0;
  struct timespec t;
  if (of != &device || ask("millijoules", &value)) return NOT_SUPPORTED;
  clock_gettime(CLOCK_MONOTONIC, &t);
  long long steps = ((long long)t.tv_sec * 1000 + t.tv_nsec / 1000000) / 20;
  if (!ask("milliwatts_clock", &rises) && rises > 0 && !ask("milliwatts", &milliwatts))
    value += (double)steps * 0.02 * milliwatts;
  *out = (unsigned long long)value;
  return 0;
}
#endif
