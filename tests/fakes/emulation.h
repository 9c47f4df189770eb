// How a fake library reaches the emulated device, where its plug-in is loaded: it is loaded
// locally, so every object of the process is asked.
#ifndef WHY_FAKE_EMULATION_H
#define WHY_FAKE_EMULATION_H
#include <stdbool.h>

// A function that the emulated plug-in exports; NULL: it is not loaded, or has none of that name.
void *fake_emulation(const char *name);
// Has the stream run function(argument) when it comes to it; at once without an emulated device.
// The argument is freed after it, also where the stream refuses (false).
bool fake_enqueue(void *stream, void (*function)(void *), void *argument);
#endif
