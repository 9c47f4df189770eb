// Loading a backend: the hardware and the driver first, where it brings a GPU, then its shared
// library, opened once a process and never closed (CUDA, OpenBLAS and OpenMP do not survive it).
// Whatever goes wrong becomes the slot's verdict; nothing here is a failure of the program.
#include "here.h"
#include "machine.h"
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The words from configure time for what was not built, where the build found something missing.
static const struct {
  const char *name, *words;
} absent[] = {
#define ABSENT(name, words) {#name, words},
#if __has_include("absent.def")
#include "absent.def"
#endif
#undef ABSENT
    {NULL, NULL},
};

// A backend is one object in the process, and machines may share it: it is opened for the first
// and closed after the last.
static struct {
  struct why_backend *backend;
  int users;
} users[WHY_SLOTS];
static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;

static int *users_of(struct why_backend *backend) {
  for (int i = 0; i < WHY_SLOTS; i++) {
    if (!users[i].backend) users[i].backend = backend;
    if (users[i].backend == backend) return &users[i].users;
  }
  return NULL; // more libraries than slots: different folders in one process
}

static enum why_reason set_verdict(struct why_machine *machine, struct why_slot *slot,
                                   struct why_verdict verdict) {
  verdict.note = why_intern(machine, verdict.note);
  verdict.cause = why_intern(machine, verdict.cause);
  slot->verdict = verdict;
  return verdict.reason;
}

// ---- the library -------------------------------------------------------------------------------

static const char *absent_words(const char *name) {
  for (int i = 0; absent[i].name; i++)
    if (!strcmp(absent[i].name, name)) return absent[i].words;
  return NULL;
}

// The slot whose devices this one's kernels run on: -1 for the host or its own.
static int devices_from(int slot) {
  for (int i = 0; i < why_kernel_count(); i++) {
    const struct why_place *place = &why_places()[i];
    if (place->code == slot && place->device != slot && place->device != WHY_SLOT_plain)
      return place->device;
  }
  return -1;
}

static bool is_for_gpus(int slot) {
  return slot == WHY_SLOT_cuda || devices_from(slot) == WHY_SLOT_cuda;
}

// Sets what the emulated devices of the next open() are like.
typedef void emulate_function(uint64_t bytes, int capability);

// What libraries read once, when they come in; what the user has set stays.
static void tell_libraries(const struct why_machine *machine) {
  // Workers that spin after their work for long, as OpenMP's would by default, take the cores from
  // the next backend's. Asleep they take 20 to 100 us to wake in a virtual machine, more than many
  // a call. So GNU's and OpenBLAS's stay awake for about half a millisecond: so many pauses, and
  // two to this power of cycles.
  setenv("OMP_WAIT_POLICY", "passive", 0);
  setenv("GOMP_SPINCOUNT", "10000", 0);
  setenv("OPENBLAS_THREAD_TIMEOUT", "20", 0);
  // OpenBLAS knows CPUs by their model numbers and takes one that came after it for the oldest that
  // it has: 0.3.21 takes an Emerald Rapids (family 6, model 207) for a Prescott without AVX, and
  // runs at a fifth of its speed. Every OpenBLAS with kernels for AVX-512 has them under this name.
  if (machine->facts[0].cpu_features & WHY_CPU_AVX512) setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
}

// The backend in the slot's library, or NULL with the slot's verdict.
static struct why_backend *find_library(struct why_machine *machine, struct why_slot *slot,
                                        emulate_function **emulate, struct why_verdict *verdict) {
  bool emulated = machine->options.emulate_bytes && !strcmp(slot->name, "cuda");
  char path[sizeof machine->library_dir + 64];
  snprintf(path, sizeof path, "%s/libwhycpu-%s%s.so", machine->library_dir, slot->name,
           emulated ? "-emulated" : "");
  verdict->reason = WHY_BACKEND_ABSENT;
  tell_libraries(machine);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *loader = dlerror();
    bool missing = access(path, F_OK) != 0 && errno == ENOENT;
    const char *words = missing && !emulated ? absent_words(slot->name) : NULL;
    verdict->note = why_intern(machine, words ? words : loader);
    if (is_for_gpus((int)(slot - machine->slot)) && !emulated)
      verdict->cause = missing ? "framework-cpu-only-build" : here_plugin(path);
    return NULL;
  }
  struct why_backend *backend = dlsym(library, WHY_BACKEND_SYMBOL);
  if (!backend) {
    verdict->note = why_intern(machine, dlerror());
    return NULL;
  }
  int abi;
  memcpy(&abi, backend, sizeof abi); // of another version only this much is known
  if (abi != WHY_ABI) {
    *verdict = (struct why_verdict){WHY_BACKEND_ABI, WHY_ABI, abi, why_intern(machine, path), ""};
    return NULL;
  }
  if (emulated) {
    *(void **)emulate = dlsym(library, "whycpu_emulate");
    if (!*emulate) {
      verdict->note = why_intern(machine, dlerror());
      return NULL;
    }
  }
  *verdict = (struct why_verdict){.note = "", .cause = ""};
  return backend;
}

// A second machine shares the devices that the first one opened, emulated ones as they are.
static void open_backend(struct why_backend *backend, emulate_function *emulate,
                         const struct why_options *options, struct why_verdict *verdict) {
  *verdict = (struct why_verdict){.note = "", .cause = ""};
  pthread_mutex_lock(&users_lock);
  int *count = users_of(backend);
  if (!count || *count == 0) {
    if (emulate) emulate(options->emulate_bytes, options->emulate_capability);
    verdict->reason = backend->open(backend, verdict);
  }
  if (count && verdict->reason == WHY_OK) ++*count;
  pthread_mutex_unlock(&users_lock);
}

static void close_backend(struct why_backend *backend) {
  pthread_mutex_lock(&users_lock);
  int *count = users_of(backend);
  if ((!count || --*count == 0) && backend->close) backend->close(backend);
  pthread_mutex_unlock(&users_lock);
}

// ---- what it brings ----------------------------------------------------------------------------

static void register_devices(struct why_machine *machine, struct why_backend *backend) {
  for (int i = 0; i < backend->devices && machine->devices < WHY_DEVICES; i++) {
    struct why_device *device = &backend->device[i];
    int place = machine->devices++;
    struct why_facts *facts = &machine->facts[place];
    if (place == 0) {
      why_topology_host(&device->facts);
    } else if (device->facts.pci[0]) {
      device->facts.numa_node = why_topology_numa_of_pci(device->facts.pci);
    }
    *facts = device->facts;
    machine->device[place] = device;
  }
}

static void register_kernels(struct why_slot *slot, int place) {
  for (int i = 0; i < why_kernel_count(); i++) {
    if (why_places()[i].code != place) continue;
    const struct why_kernel *kernel = why_kernel_at(i);
    slot->code[i] = slot->backend->find(kernel->op, kernel->name);
    slot->lacks[i] = !slot->code[i];
  }
}

static enum why_reason load(struct why_machine *machine, int place, bool without_device) {
  struct why_slot *slot = &machine->slot[place];
  if (slot->tried) return slot->verdict.reason;
  int needs = devices_from(place);
  if (needs >= 0 && load(machine, needs, without_device) != WHY_OK && !without_device)
    return WHY_OK; // its kernels carry the reason of the devices; opening would cost for nothing
  slot->tried = true;

  struct why_backend *backend = &why_plain_backend;
  emulate_function *emulate = NULL;
  struct why_verdict verdict = {.note = "", .cause = ""};
  char note[1024] = "";
  if (place == WHY_SLOT_cuda && !machine->options.emulate_bytes) {
    int driver;
    verdict.reason = here_gpu(machine->root, &driver, note, sizeof note, &verdict.cause);
    verdict.note = note;
    if (verdict.reason != WHY_OK) return set_verdict(machine, slot, verdict);
  }
  if (place != WHY_SLOT_plain) backend = find_library(machine, slot, &emulate, &verdict);
  if (!backend) return set_verdict(machine, slot, verdict);
  snprintf(slot->build, sizeof slot->build, "%s", backend->build ? backend->build : "");
  open_backend(backend, emulate, &machine->options, &verdict);
  snprintf(slot->version, sizeof slot->version, "%s", backend->version ? backend->version : "");
  if (verdict.reason == WHY_DRIVER_OLD) verdict.cause = "driver-too-old";
  if (verdict.reason != WHY_OK) return set_verdict(machine, slot, verdict);
  if (place == WHY_SLOT_cuda && backend->devices == 0) {
    close_backend(backend);
    verdict.reason = WHY_NO_DEVICE;
    return set_verdict(machine, slot, verdict);
  }
  slot->backend = backend;
  int devices = machine->devices;
  register_devices(machine, backend);
  register_kernels(slot, place);
  why_adopt_devices(machine, devices);
  why_adopt_fits(machine, place);
  return set_verdict(machine, slot, verdict);
}

enum why_reason why_load(struct why_machine *machine, int slot) {
  return load(machine, slot, false);
}

void why_open_all(struct why_machine *machine) {
  for (int i = 0; i < machine->slots; i++) load(machine, i, true);
}

enum why_reason why_attach(struct why_machine *machine, int place, int device,
                           struct why_verdict *why) {
  struct why_slot *slot = &machine->slot[place];
  if (slot->attached[device]) return WHY_OK;
  if (!slot->backend || !machine->device[device]) return WHY_BACKEND_ABSENT;
  enum why_reason reason = WHY_OK;
  if (slot->backend->attach)
    reason =
        slot->backend->attach(slot->backend, machine->device[device], &slot->state[device], why);
  slot->attached[device] = reason == WHY_OK;
  return reason;
}

// Libraries before the devices that they hold memory on: the catalog names a device's backend
// before those that use its devices.
void why_unload(struct why_machine *machine) {
  for (int i = machine->slots - 1; i >= 0; i--) {
    struct why_slot *slot = &machine->slot[i];
    if (!slot->backend) continue;
    for (int j = 0; j < machine->devices; j++)
      if (slot->attached[j] && slot->backend->detach)
        slot->backend->detach(slot->backend, machine->device[j], slot->state[j]);
    close_backend(slot->backend);
  }
}
