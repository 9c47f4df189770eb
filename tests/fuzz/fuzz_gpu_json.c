// gpu.json out of any bytes: what is read is written, and reads back as the same text.
#include "gpu_json.h"
#include <stdlib.h>
#include <string.h>

static struct gpu read_text(struct arena *arena, const char *text, size_t length, bool *good) {
  struct gpu gpu = gpu_none("");
  struct why_error error;
  *good = gpu_json_read(arena, text, length, &gpu, &error);
  return gpu;
}

static char *write_text(const struct gpu *gpu, size_t *length) {
  char *text = NULL;
  FILE *file = open_memstream(&text, length);
  if (!file) abort();
  gpu_json_write(file, gpu);
  if (fclose(file)) abort();
  return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > GPU_JSON_MOST) return 0;
  jmp_buf full;
  struct arena arena = {.full = &full};
  if (setjmp(full)) abort(); // a file of this size cannot fill it
  bool good, again;
  struct gpu gpu = read_text(&arena, (const char *)data, size, &good);
  gpu_judge(&arena, &gpu);
  if (good) {
    size_t first_length, second_length;
    char *first = write_text(&gpu, &first_length);
    struct gpu back = read_text(&arena, first, first_length, &again);
    char *second = write_text(&back, &second_length);
    if (!again || first_length != second_length || memcmp(first, second, first_length)) abort();
    free(first);
    free(second);
  }
  arena_free(&arena);
  return 0;
}
