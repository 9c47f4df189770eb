// See emulation.h.
#define _GNU_SOURCE
#include "emulation.h"
#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Copies the path of the emulated plug-in.
static int look(struct dl_phdr_info *object, size_t size, void *path) {
  (void)size;
  if (!strstr(object->dlpi_name, "libwhycpu-cuda-emulated.so")) return 0;
  snprintf(path, PATH_MAX, "%s", object->dlpi_name);
  return 1;
}

void *fake_emulation(const char *name) {
  char path[PATH_MAX];
  void *library = NULL, *found = NULL;
  if (dl_iterate_phdr(look, path)) library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
  if (library) {
    found = dlsym(library, name);
    dlclose(library); // the plug-in's loader keeps it
  }
  return found;
}

bool fake_enqueue(void *stream, void (*function)(void *), void *argument) {
  int (*enqueue)(void *, void (*)(void *), void *, void (*)(void *));
  *(void **)&enqueue = fake_emulation("emu_call");
  if (enqueue) return enqueue(stream, function, argument, free) == 0;
  function(argument);
  free(argument);
  return true;
}
