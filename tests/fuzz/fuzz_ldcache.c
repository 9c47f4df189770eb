// Any bytes as /etc/ld.so.cache.
#include "resolve.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void save(const char *name, const char *bytes, size_t length) {
  char path[4096];
  const char *folder = getenv("FUZZ_SEEDS");
  if (!folder) return;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "we");
  if (!file) abort();
  fwrite(bytes, 1, length, file);
  fclose(file);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  // One library by each form: its strings begin where the entries end.
  static const char strings[] = "libcuda.so.1\0/lib/libcuda.so.1";
  static const char old[16 + 12] = "ld.so-1.7.0\0\1\0\0\0\3\3\0\0\0\0\0\0\015";
  static const char new[48 + 24] = "glibc-ld.so.cache1.1\1";
  char both[32 + sizeof new + sizeof strings] = {0};
  char *at = both + 32;
  memcpy(both, old, sizeof old);
  memcpy(at, new, sizeof new);
  at[48] = at[49] = 3;
  at[52] = sizeof new;
  at[56] = sizeof new + 13;
  memcpy(at + sizeof new, strings, sizeof strings);
  save("both", both, sizeof both);
  save("new", at, sizeof both - 32);
  memcpy(both + sizeof old, strings, sizeof strings);
  save("old", both, sizeof old + sizeof strings);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static struct arena arena;
  jmp_buf full;
  arena.full = &full;
  if (setjmp(full)) abort(); // 65,536 entries fit
  struct ld_cache cache = ld_cache_parse(&arena, (const char *)bytes, length);
  for (int i = 0; i < cache.entries; i++)
    if (strlen(cache.entry[i].name) + strlen(cache.entry[i].path) > 2 * length) abort();
  arena_free(&arena);
  return 0;
}
