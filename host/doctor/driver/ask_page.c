// The child's end of what it shares with its parent.
#include "ask_page.h"
#include "gpu_json.h"
#include <dlfcn.h>
#include <time.h>

void asking(struct ask_page *page, const char *call) {
  snprintf(page->call, sizeof page->call, "%s", call);
}

void *ask_open(struct ask_page *page, const char *name) {
  asking(page, "dlopen");
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *words = dlerror();
    snprintf(page->why, sizeof page->why, "%s", words ? words : "it does not load");
  }
  return library;
}

any_function *ask_find(struct ask_page *page, void *library, const char *name) {
  any_function *found;
  *(void **)&found = dlsym(library, name);
  asking(page, name);
  return found;
}

// Into the text that the parent is not pointed at, so one that is cut off by a crash is not seen.
void answered(struct ask_page *page) {
  int next = atomic_load(&page->ready) == 1;
  FILE *file = fmemopen(page->text[next], ASK_TEXT, "w");
  if (!file) return;
  gpu_json_write(file, &page->gpu);
  bool good = !fflush(file) && !ferror(file);
  long length = ftell(file);
  fclose(file);
  if (!good || length < 0) return;
  page->length[next] = (size_t)length;
  atomic_store(&page->ready, next + 1);
}

void ask_wait_to_go(struct ask_page *page) {
  asking(page, "waiting for NVML's answers");
  const struct timespec nap = {.tv_nsec = 1000000};
  for (int i = 0; i < (int)(page->seconds * 500) && !atomic_load(&page->go); i++)
    nanosleep(&nap, NULL);
}
