// The machine: opened, closed and looked at. Hardware and driver are probed, and plug-ins loaded,
// in load.c when a slot is first needed; files are read and written in machine_file.c.
#define _GNU_SOURCE // dladdr
#include "machine.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static const char *const slot_names[] = {
#define BACKEND(name) #name,
#include "catalog.def"
};

const char *why_intern(struct why_machine *machine, const char *text) {
  if (!text || !*text) return "";
  for (int i = 0; i < machine->notes; i++)
    if (!strcmp(machine->note[i], text)) return machine->note[i];
  if (machine->notes == machine->note_capacity) {
    int capacity = machine->note_capacity ? 2 * machine->note_capacity : 16;
    char **note = realloc(machine->note, (size_t)capacity * sizeof *note);
    if (!note) return "";
    machine->note = note;
    machine->note_capacity = capacity;
  }
  char *copy = strdup(text);
  if (!copy) return "";
  machine->note[machine->notes++] = copy;
  return copy;
}

struct why_machine *why_machine_new(void) {
  struct why_machine *machine = calloc(1, sizeof *machine);
  if (!machine) return NULL;
  machine->slots = WHY_SLOT_COUNT;
  for (int i = 0; i < machine->slots; i++) {
    machine->slot[i].name = slot_names[i];
    machine->slot[i].verdict = (struct why_verdict){.note = "", .cause = ""};
  }
  return machine;
}

static enum why_reason take_options(struct why_machine *machine,
                                    const struct why_options *options) {
  if (options) machine->options = *options;
  if (options && options->commit)
    snprintf(machine->commit, sizeof machine->commit, "%s", options->commit);
  machine->options.commit = machine->commit;
  const char *root = machine->options.root ? machine->options.root : "/";
  const char *folder = machine->options.library_dir;
  if (strlen(root) >= sizeof machine->root) return WHY_BAD_INPUT;
  strcpy(machine->root, root);
  machine->options.root = machine->root;
  machine->options.library_dir = machine->library_dir;
  if (!machine->options.emulate_capability) machine->options.emulate_capability = 90;
  if (!folder) return why_plugin_folder(machine->library_dir, sizeof machine->library_dir);
  if (strlen(folder) >= sizeof machine->library_dir) return WHY_BAD_INPUT;
  strcpy(machine->library_dir, folder);
  return WHY_OK;
}

enum why_reason why_open(const struct why_options *options, struct why_machine **out) {
  *out = NULL;
  struct why_machine *machine = why_machine_new();
  if (!machine) return WHY_ALLOC_FAILED;
  struct utsname node;
  if (uname(&node) == 0) snprintf(machine->name, sizeof machine->name, "%.63s", node.nodename);
  enum why_reason reason = take_options(machine, options);
  if (reason == WHY_OK) reason = why_load(machine, WHY_SLOT_plain); // brings device 0, the host
  if (reason != WHY_OK) {
    why_close(machine);
    return reason;
  }
  *out = machine;
  return WHY_OK;
}

void why_close(struct why_machine *machine) {
  if (!machine) return;
  why_unload(machine);
  why_close(machine->recorded);
  for (int i = 0; i < machine->notes; i++) free(machine->note[i]);
  free(machine->note);
  free(machine->ceiling);
  free(machine->answer);
  free(machine->answer_index);
  free(machine->fit);
  free(machine->fit_next);
  free(machine);
}

const char *why_machine_name(const struct why_machine *machine) {
  return machine->name;
}

const char *why_machine_source(const struct why_machine *machine) {
  return machine->source;
}

const char *why_machine_host(const struct why_machine *machine) {
  return machine->host;
}

int why_machine_replayed(const struct why_machine *machine) {
  return machine->replayed;
}

int why_machine_devices(const struct why_machine *machine) {
  return machine->devices;
}

const struct why_facts *why_machine_device(const struct why_machine *machine, int index) {
  return &machine->facts[index];
}

struct why_device *why_machine_live(struct why_machine *machine, int index) {
  return machine->device[index];
}

void why_machine_figures(struct why_machine *machine, int index, const struct why_facts *from) {
  struct why_facts *facts = &machine->facts[index];
  facts->in_bps = from->in_bps;
  facts->out_bps = from->out_bps;
  facts->memory_bps = from->memory_bps;
  facts->cache_bps = from->cache_bps;
  facts->core_cache_bps = from->core_cache_bps;
  facts->latency_seconds = from->latency_seconds;
  facts->launch_seconds = from->launch_seconds;
  memcpy(facts->flops, from->flops, sizeof facts->flops);
  strcpy(facts->provenance, "measured");
}

int why_machine_backends(const struct why_machine *machine) {
  return machine->slots;
}

void why_machine_backend(const struct why_machine *machine, int index,
                         struct why_backend_info *out) {
  const struct why_slot *slot = &machine->slot[index];
  *out = (struct why_backend_info){slot->name, slot->build, slot->version, slot->verdict};
}

enum why_reason why_bind(int threads) {
  return why_topology_bind(threads);
}

enum why_reason why_pin(int threads) {
  return why_topology_pin(threads);
}
