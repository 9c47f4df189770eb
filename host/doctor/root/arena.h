// Memory that is freed at once: everything that one diagnosis reads and says.
#ifndef WHY_ARENA_H
#define WHY_ARENA_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

enum { ARENA_MOST = 48 << 20 }; // bytes in all; a hostile snapshot ends here

struct arena {
  struct arena_block *block; // the newest first
  size_t used;               // of the newest
  size_t total;              // bytes held
  jmp_buf *full;             // where to go when memory ends, or ARENA_MOST; never NULL in use
};

// Zeroed, aligned for anything, never NULL: where there is no more it jumps to `full`.
void *arena_give(struct arena *, size_t bytes);
const char *arena_copy(struct arena *, const char *text, size_t length); // with a NUL after it
const char *arena_print(struct arena *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *arena_vprint(struct arena *, const char *format, va_list);
void arena_free(struct arena *);
#endif
