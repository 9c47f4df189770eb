// Where the plug-ins are.
#define _GNU_SOURCE // dladdr
#include "machine.h"
#include <dlfcn.h>
#include <string.h>

// "whycpu" beside the library, or program, that this code is in.
enum why_reason why_plugin_folder(char *out, size_t size) {
  Dl_info info;
  if (!dladdr((void *)(uintptr_t)why_plugin_folder, &info) || !info.dli_fname)
    return WHY_CALL_FAILED;
  const char *slash = strrchr(info.dli_fname, '/');
  int length = slash ? (int)(slash - info.dli_fname) : 1;
  int written = snprintf(out, size, "%.*s/whycpu", length, slash ? info.dli_fname : ".");
  return written >= 0 && (size_t)written < size ? WHY_OK : WHY_BAD_INPUT;
}
