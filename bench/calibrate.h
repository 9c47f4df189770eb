// The cost model fitted to this machine: the problems of the calibration suite, by every kernel
// that can run them, with one thread and with all.
#ifndef BENCH_CALIBRATE_H
#define BENCH_CALIBRATE_H
#include "whycpu.h"

struct calibration {
  int fits, points; // made; measured
  int cut;          // problems that there was no time for
};
// Within about `seconds`. The machine's figures have to be measured before (figures_measure): the
// fits are relative to them. STATUS_OK, or the status to return, its line printed.
int calibrate(struct why_machine *, double seconds, struct calibration *);
#endif
