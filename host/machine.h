// What a machine is made of, for the files of host/ only. whycpu.h has the public part.
#ifndef WHY_MACHINE_H
#define WHY_MACHINE_H
#include "whycpu.h"
#include <stdbool.h>

enum { WHY_DEVICES = 32, WHY_SLOTS = 8, WHY_KERNELS = 64 }; // more than the catalog has; asserted

// A backend's place, filled or not. Its verdict says why its kernels cannot run here.
struct why_slot {
  const char *name;            // as in the catalog; static
  struct why_backend *backend; // NULL: not opened, or absent
  bool tried;                  // opened, or found absent; in a replayed machine always
  struct why_verdict verdict;  // WHY_OK once it is open
  char build[96], version[96]; // the backend's own words, "" where absent
  bool lacks[WHY_KERNELS];     // by place in the catalog: find() does not know it
  const struct why_code *code[WHY_KERNELS];
  void *state[WHY_DEVICES]; // what attach() made, by device
  bool attached[WHY_DEVICES];
};

// What a library said about a problem: kept, so that deciding stays pure and replays elsewhere.
struct why_answer {
  int kernel, device; // places in the catalog and in the machine
  bool any;           // holds for every problem ("*" in the file)
  struct why_problem problem;
  uint64_t most_bytes; // the workspace budget it was asked with
  uint64_t workspace_bytes;
  struct why_verdict verdict;
};

struct why_machine {
  char name[64];
  char host[64]; // the machine whose host its GPUs are to be taken into; "": it has its own
  bool replayed;
  char provenance[16], time[32], commit[48], source[512]; // of a replayed machine's facts
  struct why_options options;
  char library_dir[4096], root[4096];
  struct why_facts facts[WHY_DEVICES];
  // The figures that fitted costs are relative to, where they are others than those in `facts`.
  struct why_facts model[WHY_DEVICES];
  bool modelled[WHY_DEVICES];
  struct why_machine *recorded;           // the calibration that is taken over, owned; NULL: none
  char stale[256];                        // what of it could not be
  struct why_device *device[WHY_DEVICES]; // NULL: replayed
  bool lost[WHY_DEVICES], seen[WHY_DEVICES]; // seen: its memory, after its context was made
  int devices;
  struct why_slot slot[WHY_SLOTS];
  int slots;
  struct why_answer *answer;
  int answers, answer_capacity;
  int *answer_index, answer_places; // open addressing over `answer`: place + 1, 0 where empty
  struct why_fit *fit;
  int *fit_next, fit_first[WHY_KERNELS]; // chains by place in the catalog: place in `fit` + 1
  int fits, fit_capacity;
  struct why_ceiling *ceiling;
  int ceilings, ceiling_capacity;
  char **note; // interned
  int notes, note_capacity;
};

// Which slot a kernel's code, and its device, come from: by place in the catalog. Built once.
struct why_place {
  int code, device;
};
const struct why_place *why_places(void);
enum {
#define BACKEND(name) WHY_SLOT_##name,
#include "catalog.def"
  WHY_SLOT_COUNT
};

struct why_machine *why_machine_new(void); // empty, its slots named; NULL when out of memory
const char *why_intern(struct why_machine *, const char *text);             // "" when out of memory
int why_kernel_find(const char *op, const char *backend, const char *name); // -1: none
int why_kernel_place(const struct why_kernel *);

// problem.c: the same op, types and params.
bool why_problem_same(const struct why_problem *, const struct why_problem *);

// plugins.c: where the plug-ins are, unless why_options says.
enum why_reason why_plugin_folder(char *out, size_t size);

// load.c: opens a slot's library once; fills its verdict, code and devices.
enum why_reason why_load(struct why_machine *, int slot);
enum why_reason why_attach(struct why_machine *, int slot, int device,
                           struct why_verdict *); // once a device; the words where it fails
void why_unload(struct why_machine *);            // for why_close

// adopt.c: takes over what the calibration has on devices from `first` on, and on a slot's kernels.
void why_adopt_devices(struct why_machine *, int first);
void why_adopt_fits(struct why_machine *, int slot);

// topology.c: the host as device 0, and binding.
void why_topology_host(struct why_facts *);
int why_topology_numa_of_pci(const char *pci);  // -1: not known
enum why_reason why_topology_bind(int threads); // why_bind
enum why_reason why_topology_pin(int threads);  // why_pin

// job.c: the times of one more round.
void why_times_add(struct why_times *sum, const struct why_times *);

// decide.c: left out by the request itself, before anything is looked at.
bool why_excluded(const struct why_kernel *, const struct why_request *);

// answers.c: the answer to this problem when asked with this much workspace allowed, or one that
// holds for any problem; NULL: it was never asked.
const struct why_answer *why_answer_find(const struct why_machine *, int kernel, int device,
                                         const struct why_problem *, uint64_t most_bytes);
// Takes its own copy, notes too; replaces what was said to the same question. WHY_OK or
// WHY_ALLOC_FAILED.
enum why_reason why_answer_add(struct why_machine *, const struct why_answer *);

// The plain backend is linked in.
extern struct why_backend why_plain_backend;
#endif
