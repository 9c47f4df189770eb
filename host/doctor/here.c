// The doctor for this process. The bus is looked at first, for a machine without a GPU needs no
// more. Then the driver is asked here, in this process, whose backend enters it next anyway. Only
// when it does not answer well is the whole machine looked at, for the cause.
#include "here.h"
#include "diagnose.h"
#include "gather.h"
#include "probe_process.h"
#include "rule.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- the driver, asked here --------------------------------------------------------------------

enum { CUDA_NO_DEVICE = 100 };
struct answer {
  bool loaded;
  int version, init, count, error; // error: of cuDeviceGetCount
  char words[256]; // "cuInit: CUDA_ERROR_NO_DEVICE (100), no CUDA-capable device..."
};

// From the CUDA driver API, which is stable: calls return a CUresult, 0 being success.
struct driver {
  int (*init)(unsigned flags);
  int (*version)(int *);
  int (*count)(int *);
  int (*error_name)(int, const char **);
  int (*error_string)(int, const char **);
};

static void say(const struct driver *driver, const char *call, int error, struct answer *answer) {
  const char *name = NULL, *text = NULL;
  if (driver->error_name) driver->error_name(error, &name);
  if (driver->error_string) driver->error_string(error, &text);
  snprintf(answer->words, sizeof answer->words, "%s: %s (%d)%s%s", call, name ? name : "error",
           error, text ? ", " : "", text ? text : "");
}

// Asked before any CUDA runtime library is loaded, because the static runtime says "driver version
// is insufficient" for a driver that is not there at all. Never closed: CUDA does not survive it.
static void ask_here(struct answer *answer) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *error = dlerror();
    snprintf(answer->words, sizeof answer->words, "%s",
             error ? error : "libcuda.so.1 does not load");
    return;
  }
  struct driver driver = {0};
  *(void **)&driver.init = dlsym(library, "cuInit");
  *(void **)&driver.version = dlsym(library, "cuDriverGetVersion");
  *(void **)&driver.count = dlsym(library, "cuDeviceGetCount");
  *(void **)&driver.error_name = dlsym(library, "cuGetErrorName");
  *(void **)&driver.error_string = dlsym(library, "cuGetErrorString");
  if (!driver.init || !driver.version || !driver.count) {
    snprintf(answer->words, sizeof answer->words,
             "libcuda.so.1 has no cuInit, cuDriverGetVersion or cuDeviceGetCount");
    return;
  }
  answer->loaded = true;
  driver.version(&answer->version); // answers without cuInit
  answer->init = driver.init(0);
  if (!answer->init) answer->error = driver.count(&answer->count);
  if (answer->init)
    say(&driver, "cuInit", answer->init, answer);
  else if (answer->error)
    say(&driver, "cuDeviceGetCount", answer->error, answer);
  else if (answer->count <= 0)
    snprintf(answer->words, sizeof answer->words, "cuDeviceGetCount: 0 devices");
}

// ---- the machine -------------------------------------------------------------------------------

// What was heard here stands, whatever a child process heard.
static void take_answer(struct facts *f, const struct answer *answer) {
  if (!root_live(f->root)) process_own(f); // whatever the root, the process is this one
  if (!answer->loaded) return;
  struct gpu *gpu = &f->gpu;
  gpu->known = YES;
  gpu->cuda_known = gpu->cuda_version_known = true;
  gpu->cuda_version = answer->version;
  gpu->cuda_init = answer->init;
  gpu->cuda_count_known = !answer->init && !answer->error;
  gpu->cuda_count = answer->count;
  if (f->driver.cuda.there != THERE)
    f->driver.cuda = (struct library){.there = THERE,
                                      .name = "libcuda.so.1",
                                      .path = "libcuda.so.1",
                                      .real = "libcuda.so.1",
                                      .version = "",
                                      .how = "dlopen"};
}

// A line of the rule that found the cause, after the system's own words.
static void add(char *note, size_t size, const char *words, const char *why) {
  snprintf(note, size, "%s%s%s", words, *words && *why ? "; " : "", why);
}

static enum why_reason bus(struct facts *f, char *note, size_t size, const char **cause) {
  struct finding found = {.arena = f->arena, .why = "", .need = "", .have = "", .fix = ""};
  probe_process(f, &(struct ask){0});
  probe_scope(f);
  probe_pci(f);
  bool none = rule_no_nvidia_gpu(f, &found) == WHY_RESULT_FAIL;
  if (none) *cause = why_cause_find("no-nvidia-gpu")->id;
  add(note, size, "", found.why);
  return none ? WHY_NO_HARDWARE : WHY_OK;
}

static enum why_reason driver(struct facts *f, const struct answer *answer, char *note, size_t size,
                              const char **cause) {
  *f = (struct facts){.arena = f->arena, .root = f->root};
  gather(f, &(struct ask){.machine_only = true});
  take_answer(f, answer);
  const struct why_diagnosis *d = diagnose(f);
  const struct why_finding *root = d->verdict == WHY_GPU_UNUSED ? &d->check[d->found[0]] : NULL;
  if (root) *cause = root->cause->id;
  add(note, size, answer->words, root ? root->why : "");
  // A driver that is whole and lists no device, or one whose other half is not there.
  bool whole =
      !root || root->cause->level == WHY_LEVEL_STATE || root->cause->level == WHY_LEVEL_SELECTION;
  bool none = answer->init == CUDA_NO_DEVICE || !answer->init;
  return answer->loaded && none && whole ? WHY_NO_DEVICE : WHY_NO_DRIVER;
}

struct work {
  const char *plugin;
  struct arena arena;
  int *driver;
  char *note;
  size_t size;
  const char **cause;
};

static struct facts *facts_of(struct root *root, struct work *work) {
  struct facts *f = arena_give(&work->arena, sizeof *f);
  f->arena = &work->arena;
  f->root = root;
  return f;
}

static enum why_reason look_for_gpu(struct root *root, void *to) {
  struct work *work = to;
  struct facts *f = facts_of(root, work);
  enum why_reason reason = bus(f, work->note, work->size, work->cause);
  if (reason != WHY_OK) return reason;
  struct answer answer = {0};
  ask_here(&answer);
  *work->driver = answer.version;
  if (answer.loaded && !answer.init && !answer.error && answer.count > 0) return WHY_OK;
  return driver(f, &answer, work->note, work->size, work->cause);
}

static enum why_reason look_at_plugin(struct root *root, void *to) {
  struct work *work = to;
  struct facts *f = facts_of(root, work);
  struct ask ask = {.framework = FRAMEWORK_CUDA, .program = work->plugin};
  f->framework = ask.framework;
  probe_process(f, &ask);
  probe_scope(f);
  probe_build(f, &ask);
  const struct why_diagnosis *d = diagnose(f);
  for (int i = 0; i < d->founds && !**work->cause; i++) {
    const struct why_finding *found = &d->check[d->found[i]];
    if (found->cause->level == WHY_LEVEL_LIBRARIES) *work->cause = found->cause->id;
  }
  return WHY_OK;
}

enum why_reason here_gpu(const char *root, int *driver_version, char *note, size_t size,
                         const char **cause) {
  struct why_error error = {0};
  struct work work = {.driver = driver_version, .note = note, .size = size, .cause = cause};
  *driver_version = 0;
  *cause = "";
  note[0] = 0;
  enum why_reason reason = root_within(root, &work.arena, &error, look_for_gpu, &work);
  arena_free(&work.arena);
  if (reason != WHY_BAD_INPUT && reason != WHY_ALLOC_FAILED) return reason;
  // It could not be looked at; what is not known to be there is not used.
  snprintf(note, size, "%s", *error.text ? error.text : why_sentence(reason));
  return WHY_NO_DRIVER;
}

const char *here_plugin(const char *path) {
  const char *cause = "";
  struct why_error error;
  struct work work = {.plugin = path, .cause = &cause};
  root_within("/", &work.arena, &error, look_at_plugin, &work);
  arena_free(&work.arena);
  return cause;
}
