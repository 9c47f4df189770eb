// The figures that predictions rest on, measured on this machine and stored in it.
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H
#include "whycpu.h"

// The host with all its threads, then every device that is no emulation: copies, memory, launches,
// and arithmetic by a large product in each type through the fastest kernel there is for it. Some
// seconds a device. What could not be measured stays 0. WHY_OK, or why a device could not be used.
enum why_reason figures_measure(struct why_machine *);
#endif
