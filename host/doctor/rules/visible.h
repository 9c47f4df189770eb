// CUDA_VISIBLE_DEVICES as the driver reads it: entries from the left, each an index or the unique
// beginning of a UUID; the first that names no device, or one that was named before, hides itself
// and all that follow. [CUDA C programming guide, environment variables]
#ifndef WHY_VISIBLE_H
#define WHY_VISIBLE_H
#include "facts.h"

struct visible {
  enum known known;       // could it be told
  const char *value;      // NULL: it is not set, everything is visible
  int index[GPU_ANSWERS]; // places in gpu.nvml (or of the GPUs, where NVML did not answer)
  int count;              // of devices that are visible
  bool mig;               // it names MIG instances, which are not looked up
  const char *wrong;      // the first entry that names none; NULL
  const char *because;    // "there are 2 GPUs", "it was named before", "no GPU has such a UUID"
};
struct visible visible_read(const struct facts *);
int gpus_there(const struct facts *); // as NVML, CUDA, the module or the PCI bus count them; 0
#endif
