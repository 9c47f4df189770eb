// Memory that must not be read before it is written, or not be touched at all.
#include "emulation.h"

namespace emu {

void undefine(void *p, size_t bytes) {
  EMU_SHOW(p, bytes);
  memset(p, 0xff, bytes);
#ifdef EMU_MSAN
  __msan_allocated_memory(p, bytes);
#endif
}

// Read as 16, 32 or 64-bit floating point it is NaN, and no result that went wrong looks like it.
static unsigned char guard_byte(const unsigned char *p) {
  return (uintptr_t)p % 2 ? 0xff : 0xa5;
}

void guard_set(unsigned char *p, size_t bytes) {
  EMU_SHOW(p, bytes);
  for (size_t i = 0; i < bytes; i++) p[i] = guard_byte(p + i);
  EMU_HIDE(p, bytes);
}

size_t guard_damage(unsigned char *p, size_t bytes) {
  size_t i = 0;
  EMU_SHOW(p, bytes);
  while (i < bytes && p[i] == guard_byte(p + i)) i++;
  EMU_HIDE(p, bytes);
  return i;
}

} // namespace emu
