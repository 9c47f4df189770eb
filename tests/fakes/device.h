// A device that is the host's own memory, for plug-ins that bring none: it knows what was
// allocated, and can be made to fail. Everything runs at once.
#ifndef WHY_FAKE_DEVICE_H
#define WHY_FAKE_DEVICE_H
#include "whycpu.h"

extern struct why_device fake_device;

enum { FAKE_BLOCKS = 8 };
extern struct fake_memory {
  struct {
    char *data;
    size_t bytes;
  } block[FAKE_BLOCKS]; // what the device holds
  long calls, fail_at;  // the call that answers WHY_DEVICE_LOST; 0: none
  long binds, copies;
  double (*now)(void); // what marks record; NULL: it has no clock
  double mark[WHY_MARKS];
} fake_memory;

void *fake_device_alloc(size_t bytes); // aligned to 256 bytes
int fake_device_contains(const void *data, size_t bytes);
void fake_device_free(void);                   // all blocks
void fake_device_clear(double (*clock)(void)); // as new, all blocks freed
#endif
