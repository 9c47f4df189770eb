// Allocations that fail when a test says so. The linker sends those of the test's program through
// these (--wrap); one source of the program includes this and defines allocation_fails().
#pragma once
#include <stdbool.h>
#include <stddef.h>

static bool allocation_fails(void); // asked once before each

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
char *__real_strdup(const char *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
char *__wrap_strdup(const char *);

void *__wrap_malloc(size_t size) {
  return allocation_fails() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size) {
  return allocation_fails() ? NULL : __real_calloc(count, size);
}
void *__wrap_realloc(void *p, size_t size) {
  return allocation_fails() ? NULL : __real_realloc(p, size);
}
char *__wrap_strdup(const char *text) {
  return allocation_fails() ? NULL : __real_strdup(text);
}
