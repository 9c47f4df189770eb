// Emptying caches of what a request is to find in memory.
#ifndef WHY_COLD_H
#define WHY_COLD_H
#include "whycpu.h"

// Out of every cache of the machine that is coherent with this core, private and shared.
void why_flush(const void *data, uint64_t bytes);
// Fills the device's cache with something else. *scratch is made when it is NULL, twice the cache
// in size; free it as WHY_DEVICE. Ends when the copy has. WHY_OK, or what the device answered.
enum why_reason why_flush_device(struct why_device *, void **scratch);
#endif
