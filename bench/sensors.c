// NVML by dlopen. See sensors.h. Types, names and bits are those of nvml.h, which has them all
// since CUDA 8; the functions' answers are 0 for well.
#include "sensors.h"
#include <dlfcn.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLOCK_SM = 1, TEMPERATURE_GPU = 0 };

typedef int reads_number(void *, unsigned *);
typedef int reads_one_of(void *, int, unsigned *);
typedef int reads_long(void *, unsigned long long *);

struct sensors {
  void *library, *device;
  int (*shutdown)(void);
  reads_one_of *clock, *temperature; // MHz, degrees Celsius
  reads_number *power;               // mW
  reads_long *reasons, *energy;      // bits, mJ
};

// Idle (1), application clocks (2) and display clocks (0x100) are settings, not trouble.
static const struct {
  uint64_t bit;
  const char *name;
} throttle[] = {
    // clang-format off
    {0x04, "sw-power-cap"},
    {0x08, "hw-slowdown"},
    {0x10, "sync-boost"},
    {0x20, "sw-thermal"},
    {0x40, "hw-thermal"},
    {0x80, "hw-power-brake"},
    // clang-format on
};
enum { THROTTLES = sizeof throttle / sizeof throttle[0] };

// ISO C has no conversion from an object's address to a function's; POSIX has this. Left alone, and
// false, where the library does not have it.
static bool find(void *library, const char *name, void *function) {
  void *at = dlsym(library, name);
  if (at) memcpy(function, &at, sizeof at);
  return at;
}

struct sensors *sensors_open(const char *pci) {
  int (*init)(void), (*handle)(const char *, void **);
  void *library = *pci ? dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL) : NULL;
  if (!library) return NULL;
  struct sensors *s = calloc(1, sizeof *s);
  if (!s || !find(library, "nvmlInit_v2", &init) || !find(library, "nvmlShutdown", &s->shutdown) ||
      !find(library, "nvmlDeviceGetHandleByPciBusId_v2", &handle) || init())
    goto none;
  if (handle(pci, &s->device)) {
    s->shutdown();
    goto none;
  }
  s->library = library;
  find(library, "nvmlDeviceGetClockInfo", &s->clock);
  find(library, "nvmlDeviceGetPowerUsage", &s->power);
  find(library, "nvmlDeviceGetTemperature", &s->temperature);
  find(library, "nvmlDeviceGetTotalEnergyConsumption", &s->energy);
  // The second is its name before CUDA 12.2.
  if (!find(library, "nvmlDeviceGetCurrentClocksEventReasons", &s->reasons))
    find(library, "nvmlDeviceGetCurrentClocksThrottleReasons", &s->reasons);
  return s;
none:
  free(s);
  dlclose(library);
  return NULL;
}

void sensors_close(struct sensors *s) {
  if (!s) return;
  s->shutdown();
  dlclose(s->library);
  free(s);
}

void sensors_read(const struct sensors *s, struct sensed *out) {
  unsigned value;
  unsigned long long bits;
  *out = (struct sensed){NAN, NAN, NAN, 0};
  if (s->clock && !s->clock(s->device, CLOCK_SM, &value)) out->hz = 1e6 * value;
  if (s->power && !s->power(s->device, &value)) out->watts = 1e-3 * value;
  if (s->temperature && !s->temperature(s->device, TEMPERATURE_GPU, &value)) out->celsius = value;
  if (!s->reasons || s->reasons(s->device, &bits)) return;
  for (int i = 0; i < THROTTLES; i++) out->throttle |= bits & throttle[i].bit;
}

double sensors_joules(const struct sensors *s) {
  unsigned long long millijoules;
  if (!s->energy || s->energy(s->device, &millijoules)) return NAN;
  return 1e-3 * (double)millijoules;
}

int sensors_throttle(uint64_t bits, char *out, size_t size) {
  int used = 0;
  if (size) *out = 0;
  for (int i = 0; i < THROTTLES; i++)
    if (bits & throttle[i].bit)
      used += snprintf((size_t)used < size ? out + used : NULL,
                       (size_t)used < size ? size - (size_t)used : 0, "%s%s", used ? " " : "",
                       throttle[i].name);
  return used;
}
