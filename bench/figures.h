// The figures that predictions rest on, measured on this machine and stored in it.
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H
#include "ceilings.h"

// The host, then every device that is no emulation: ceilings_host, ceilings_device, launches, and
// arithmetic by a large product in each type through the fastest kernel there is for it.
// CEILINGS_FEW takes 2 to 4 s for the host and some seconds a device, CEILINGS_ALL up to 12 and
// about 10. What could not be measured stays as it was. WHY_OK, or why a device could not be used.
enum why_reason figures_measure(struct why_machine *, enum ceilings_extent);

// launch-latency and launch-interval of a device by a product of one element; nothing is added
// where no kernel of the device can, or where it is emulated.
enum why_reason figures_launches(struct why_machine *, int device, ceilings_clock *now,
                                 struct ceilings *);
#endif
