// Asking this machine's driver. Its libraries may hang, crash, print and fork, so child processes
// enter them, one for NVML and one for CUDA at the same time, and each is given up after a while.
#ifndef WHY_ASK_H
#define WHY_ASK_H
#include "facts.h"

struct ask_limits {
  double seconds;          // for each child; 0: 10
  const char *cuda, *nvml; // what to load; NULL: libcuda.so.1, libnvidia-ml.so.1
};

// Every device is asked about, so the children do not see CUDA_VISIBLE_DEVICES and its kin: what
// the environment selects is judged by other rules. All else in it is as it is here.
void ask_driver(struct arena *, const struct ask_limits *, struct gpu *);
#endif
