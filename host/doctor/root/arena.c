#include "arena.h"
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
  struct arena_block *next;
  size_t size;
  alignas(max_align_t) unsigned char bytes[];
};
enum { BLOCK = 64 << 10 };

void *arena_give(struct arena *arena, size_t bytes) {
  size_t align = alignof(max_align_t), rounded = (bytes + align - 1) / align * align;
  if (!arena->block || arena->block->size - arena->used < rounded) {
    size_t size = rounded > BLOCK ? rounded : BLOCK;
    if (rounded < bytes || size > ARENA_MOST - arena->total) longjmp(*arena->full, 1);
    struct arena_block *block = calloc(1, sizeof *block + size);
    if (!block) longjmp(*arena->full, 1);
    *block = (struct arena_block){.next = arena->block, .size = size};
    arena->block = block;
    arena->used = 0;
    arena->total += size;
  }
  void *given = arena->block->bytes + arena->used;
  arena->used += rounded;
  return given;
}

const char *arena_copy(struct arena *arena, const char *text, size_t length) {
  char *copy = arena_give(arena, length + 1);
  memcpy(copy, text, length);
  return copy;
}

const char *arena_vprint(struct arena *arena, const char *format, va_list list) {
  va_list again;
  va_copy(again, list);
  int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  if (length < 0) return "";
  char *text = arena_give(arena, (size_t)length + 1);
  vsnprintf(text, (size_t)length + 1, format, list);
  return text;
}

const char *arena_print(struct arena *arena, const char *format, ...) {
  va_list list;
  va_start(list, format);
  const char *text = arena_vprint(arena, format, list);
  va_end(list);
  return text;
}

void arena_free(struct arena *arena) {
  while (arena->block) {
    struct arena_block *next = arena->block->next;
    free(arena->block);
    arena->block = next;
  }
  arena->used = arena->total = 0;
}
