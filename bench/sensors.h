// What a GPU's sensors say, asked of the driver's management library (NVML): clock, power,
// temperature, why it is slowed down, energy. Opened at run time, with prototypes of our own: what
// an older driver has no function for is not known.
#ifndef BENCH_SENSORS_H
#define BENCH_SENSORS_H
#include <stddef.h>
#include <stdint.h>

struct sensors; // of one GPU
struct sensed { // NAN: not known
  double hz, watts, celsius;
  uint64_t throttle; // why it runs slower than it could: bits, as sensors_throttle names them
};

// `pci` as "0000:65:00.0". NULL where NVML is not there, or does not know the device.
struct sensors *sensors_open(const char *pci);
void sensors_close(struct sensors *);
void sensors_read(const struct sensors *, struct sensed *);
// That it used since the driver was loaded; NAN: it has no counter.
double sensors_joules(const struct sensors *);
// "sw-power-cap hw-thermal": as snprintf.
int sensors_throttle(uint64_t bits, char *out, size_t size);
#endif
