// The texts that Python packages have, on any bytes: build_info.py, version.py, METADATA,
// pyvenv.cfg. What comes out of them is of bounded length and has no control characters.
#include "python_text.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const char *const seed[] = {
    "x = OrderedDict([('cuda_compute_capabilities', ['sm_50', 'compute_90']), ('cuda', '12.3'), "
    "('is_cuda_build', True)])\n",
    "build_info = {'cuda': '64_101', \"is_cuda_build\": False}\n",
    "from typing import Optional\n\n__all__ = ['cuda', 'hip']\ncuda: Optional[str] = '12.4'\n",
    "Metadata-Version: 2.1\nRequires-Dist: cuda (==9.1.0.70) ; x\nRequires-Dist: "
    "cuda<10,>=9\n\nx\n",
    "home = /usr/bin\r\ninclude-system-site-packages = true\r\nversion = 3.11.2\r\n",
};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  const char *folder = getenv("FUZZ_SEEDS");
  for (size_t i = 0; folder && i < sizeof seed / sizeof *seed; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%zu.txt", folder, i);
    FILE *file = fopen(path, "we");
    if (!file) continue;
    fputs(seed[i], file);
    fclose(file);
  }
  return 0;
}

static void is_clean(const char *text) {
  size_t length = strlen(text);
  if (length > 4096) abort();
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const char *const name[] = {"cuda", "is_cuda_build", "cuda_compute_capabilities", "home",
                                     "include-system-site-packages"};
  struct arena arena = {0};
  jmp_buf full;
  char *copy = malloc(length + 1); // of just this length, so that a step outside is seen
  if (!copy) return 0;
  memcpy(copy, bytes, length);
  copy[length] = 0;
  struct text text = {.there = THERE, .path = "", .text = copy, .length = length};
  arena.full = &full;
  if (setjmp(full)) abort();
  for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
    struct value value = python_value(&arena, &text, name[i]);
    is_clean(value.text);
    for (int k = 0; k < value.items; k++) is_clean(value.item[k]);
    const char *config = config_value(&arena, &text, name[i]);
    const char *rest = metadata_requires(&arena, &text, name[i]);
    if (config) is_clean(config);
    if (!rest) continue;
    is_clean(rest);
    is_clean(required_version(&arena, rest));
  }
  same_distribution(copy, length, "cuda");
  arena_free(&arena);
  free(copy);
  return 0;
}
