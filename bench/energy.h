// Joules of a request, from counters: RAPL's for the CPU's packages, NVML's for a GPU. They count
// all that the package or device used, other processes' work and idle power too, and they tick
// slowly, so that a short request tells nothing: see energy_measure.
#ifndef BENCH_ENERGY_H
#define BENCH_ENERGY_H
#include "sampler.h"
#include "sensors.h"

enum { ENERGY_ZONES = 16 };
struct rapl { // the packages under /sys/class/powercap, read as one counter
  int zones;  // 0: there is none, or it is not readable
  struct {
    char path[600];
    double range, last; // microjoules: it wraps at range to 0
  } zone[ENERGY_ZONES];
  double joules; // since it was opened
};
// `root` is "" but in tests.
void rapl_open(struct rapl *, const char *root);
// Joules since it was opened; NAN: there is no counter. To be called before it can wrap twice, some
// ten minutes at full power.
double rapl_joules(struct rapl *);

struct energy_meter { // any counter of joules
  double (*joules)(void *to);
  void *to;
  double step_seconds; // from one new value to the next; NAN: it does not move
};
struct energy_meter energy_of_cpu(struct rapl *, const struct timer *);
struct energy_meter energy_of_gpu(struct sensors *, const struct timer *);

// Runs batches for at least 50 of the meter's steps, so that a step is under 2% of the interval.
// *joules: of one request. NAN: the meter does not move, that would take more than `most_seconds`,
// or a tenth of the time goes by between the batches. WHY_OK, or why the subject failed.
enum why_reason energy_measure(const struct energy_meter *, const struct subject *, int64_t batch,
                               const struct timer *, double most_seconds, double *joules);
#endif
