// What happens on the machine while something is measured: the system took the CPU away, a
// hypervisor did, a quota did, others waited too, clocks fell, a GPU was throttled. Whoever
// measures marks its samples with it; nothing is averaged away. All of it is read beside the
// samples, none in them.
//
// Involuntary switches are read for each sample; the rest is in files that take longer to read and
// change seldom, so it is read every 10 ms and holds for all samples since the last time.
#ifndef BENCH_DISTURBANCE_H
#define BENCH_DISTURBANCE_H
#include "core_share.h"
#include "sampler.h"
#include "sensors.h"

enum disturbance { // bits of struct sample's marks
  DISTURBED_SWITCHES = 1,
  DISTURBED_STEAL = 2,
  DISTURBED_QUOTA = 4,
  DISTURBED_PRESSURE = 8,
  DISTURBED_CPU_CLOCK = 16,
  DISTURBED_GPU_CLOCK = 32,
  DISTURBED_GPU_THROTTLE = 64
};
// "switches steal": as snprintf.
int disturbance_names(uint32_t marks, char *out, size_t size);

// ---- what the files say -------------------------------------------------------------------------

enum { SIGNAL_GROUPS = 8 };
struct signal_files { // found once; under `root`, which is "" but in tests
  const char *root;   // static
  int groups;         // control groups with a cpu.stat: this process's, and those above it
  char group[SIGNAL_GROUPS][512];
};
void signals_find(const char *root, struct signal_files *);

struct signals {             // counters since some moment, and gauges. NAN: not known
  double steal_ticks, ticks; // of all CPUs
  double quota_seconds;      // that threads of the groups were kept from running
  double pressure_seconds;   // in which a runnable thread had no CPU, on the whole machine
  double cpu_hz;             // of the CPU that this thread is on
  struct sensed gpu;
};
// cpu: the one whose clock is read. gpu may be NULL.
void signals_read(const struct signal_files *, int cpu, const struct sensors *gpu,
                  struct signals *);

// ---- watching -----------------------------------------------------------------------------------

struct noticed { // over one measurement. NAN: not known
  uint32_t marks;
  int64_t switches;
  double steal_percent; // of all CPUs' time
  double quota_seconds;
  double pressure_percent;  // of the time
  double core_percent;      // of its core that the thread got: see core_share.h
  double cpu_hz;            // mean
  double gpu_hz, gpu_watts; // means
  double gpu_celsius;       // highest
  uint64_t throttle;        // all reasons seen
};

struct disturbance_watch {
  struct signal_files files;
  struct timer timer;
  const struct sensors *gpu; // of the device that is measured; NULL: none
  struct core_share core;
  struct signals first, before;
  double began, looked, cost, pressure_changed; // moments; seconds that one reading took
  double best_cpu_hz, best_gpu_hz;              // highest while this is measured
  double sum_cpu_hz, sum_gpu_hz, sum_gpu_watts;
  int cpu_readings, gpu_readings;
  int64_t switches;
  struct noticed noticed;
};
void disturbance_open(struct disturbance_watch *, const char *root, const struct timer *);
// For measurements on this GPU; NULL: on the CPU.
struct watcher disturbance_watcher(struct disturbance_watch *, const struct sensors *gpu);
// What was noticed from the watcher's begin to its last look.
void disturbance_noticed(const struct disturbance_watch *, struct noticed *);
// "switches 14, steal 3.1%, quota 20 ms": what marked samples; "": nothing did. As snprintf.
int disturbance_text(const struct noticed *, char *out, size_t size);
#endif
