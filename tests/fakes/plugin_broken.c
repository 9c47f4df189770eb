// Plug-ins that must not get as far as open(): of another ABI, of which only the first number may
// be read; without the symbol; and needing a library that is not there.
#include "whycpu.h"

#define EXPORT __attribute__((visibility("default")))

#ifdef FAKE_OTHER_ABI
EXPORT const int whycpu_backend = WHY_ABI + 1;
#endif

#ifdef FAKE_NEEDS_GONE
int gone(void);
EXPORT int needs_gone(void) {
  return gone();
}
#endif

#ifdef FAKE_GONE
EXPORT int gone(void) {
  return 0;
}
#endif

#ifdef FAKE_NO_SYMBOL
EXPORT int something_else;
#endif
