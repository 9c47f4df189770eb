// A root opened by its name, for tests of roots themselves: with an arena, and with what it was
// refused for.
#ifndef IN_ROOT_H
#define IN_ROOT_H
#include "root.h"
#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static jmp_buf arena_is_full;
static struct root *root;
static struct why_error refused;

static inline enum why_reason open_root(const char *path) {
  arena = (struct arena){.full = &arena_is_full};
  if (setjmp(arena_is_full)) {
    fprintf(stderr, "the arena is full\n");
    exit(1);
  }
  return root_open(path, &arena, &root, &refused);
}

static inline void close_root(void) {
  root_close(root);
  root = NULL;
  arena_free(&arena);
}
#endif
