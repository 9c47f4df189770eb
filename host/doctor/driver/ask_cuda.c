// What is asked of libcuda, in a child process. Its calls and numbers are CUDA's stable driver API.
#include "ask_page.h"
#include <dlfcn.h>

enum { MAJOR = 75, MINOR = 76, COMPUTE_MODE = 20, MULTIPROCESSORS = 16 }; // attributes
enum { NOT_INITIALIZED = 3, NOT_FOUND = 500 };

static int ask_number(struct ask_page *page, void *library, const char *name, int *out) {
  int (*call)(int *) = (int (*)(int *))ask_find(page, library, name);
  return call ? call(out) : NOT_FOUND;
}

static bool attribute(struct ask_page *page, void *library, int device, int which, int *out) {
  int (*call)(int *, int, int) =
      (int (*)(int *, int, int))ask_find(page, library, "cuDeviceGetAttribute");
  return call && !call(out, which, device);
}

static void ask_device(struct ask_page *page, void *library, int place) {
  struct cuda_device *answer = &page->cuda[place];
  answer->name = page->name[place];
  int device = 0, major = 0, minor = 0, mode = -1, multiprocessors = 0;
  int (*get)(int *, int) = (int (*)(int *, int))ask_find(page, library, "cuDeviceGet");
  int error = get ? get(&device, place) : NOT_FOUND;
  if (error) { // without the device there is no context on it either
    answer->context_known = true;
    answer->context = error;
    return;
  }
  int (*name)(char *, int, int) =
      (int (*)(char *, int, int))ask_find(page, library, "cuDeviceGetName");
  if (name && name(page->name[place], sizeof page->name[place] - 1, device))
    page->name[place][0] = 0;
  if (attribute(page, library, device, MAJOR, &major) &&
      attribute(page, library, device, MINOR, &minor) && major > 0 && major < 100 && minor >= 0 &&
      minor < 10)
    answer->capability = major * 10 + minor;
  if (attribute(page, library, device, MULTIPROCESSORS, &multiprocessors) && multiprocessors > 0)
    answer->multiprocessors = multiprocessors;
  if (attribute(page, library, device, COMPUTE_MODE, &mode) && mode >= 0 &&
      mode < COMPUTE_EXCLUSIVE_PROCESS)
    answer->compute_mode = mode + COMPUTE_DEFAULT;
}

static void ask_context(struct ask_page *page, void *library, int place) {
  int device = 0;
  int (*get)(int *, int) = (int (*)(int *, int))ask_find(page, library, "cuDeviceGet");
  if (!get || get(&device, place)) return;
  any_function *release = ask_find(page, library, "cuDevicePrimaryCtxRelease_v2");
  if (!release) release = ask_find(page, library, "cuDevicePrimaryCtxRelease");
  void *context = NULL;
  int (*retain)(void **, int) =
      (int (*)(void **, int))ask_find(page, library, "cuDevicePrimaryCtxRetain");
  if (!retain) return;
  page->cuda[place].context = retain(&context, device);
  page->cuda[place].context_known = true;
  answered(page);
  asking(page, "cuDevicePrimaryCtxRelease");
  if (release && !page->cuda[place].context) ((int (*)(int))release)(device);
}

static void ask_devices(struct ask_page *page, void *library) {
  struct gpu *gpu = &page->gpu;
  int error = ask_number(page, library, "cuDeviceGetCount", &gpu->cuda_count);
  gpu->cuda_count_known = !error && gpu->cuda_count >= 0;
  if (!gpu->cuda_count_known) {
    snprintf(page->why, sizeof page->why, "cuDeviceGetCount returned %d, %d devices", error,
             gpu->cuda_count);
    return;
  }
  gpu->cuda = page->cuda;
  for (int i = 0; i < gpu->cuda_count && i < GPU_ANSWERS; i++) {
    ask_device(page, library, i);
    gpu->cudas = i + 1;
    answered(page);
  }
  ask_wait_to_go(page);
  // One that works proves the driver; each takes up to half a second, and there may be many.
  for (int i = 0; i < gpu->cudas && i < ASK_CONTEXTS; i++) {
    ask_context(page, library, i);
    if (page->cuda[i].context_known && !page->cuda[i].context) return;
  }
}

void ask_cuda(struct ask_page *page, const char *name) {
  struct gpu *gpu = &page->gpu;
  gpu->cuda_why = page->why;
  bool entered = dlopen(name, RTLD_NOW | RTLD_NOLOAD); // by the parent, before this child was made
  void *library = ask_open(page, name);
  if (!library) return;
  // The version is answered without cuInit.
  gpu->cuda_version_known = !ask_number(page, library, "cuDriverGetVersion", &gpu->cuda_version);
  answered(page);
  int (*init)(unsigned) = (int (*)(unsigned))ask_find(page, library, "cuInit");
  if (!init) {
    snprintf(page->why, sizeof page->why, "it has no cuInit");
    return;
  }
  gpu->cuda_init = init(0);
  if (entered && gpu->cuda_init == NOT_INITIALIZED) { // CUDA does not survive a fork
    snprintf(page->why, sizeof page->why, "this process has entered CUDA before it was asked");
    return;
  }
  gpu->cuda_known = true;
  answered(page);
  if (!gpu->cuda_init) ask_devices(page, library);
}
