// The GPUs of one machine in the host of another. Each kernel is of one side: what runs on the host
// comes from the host's machine, with its backend's verdict and the libraries' answers.
#include "machine.h"
#include <math.h>
#include <string.h>

static bool bad(struct why_error *error, const char *text) {
  *error = (struct why_error){0};
  snprintf(error->text, sizeof error->text, "%s", text);
  return false;
}

static bool fit(const struct why_machine *gpus, const struct why_machine *host,
                struct why_error *error) {
  if (*host->host) return bad(error, "the machine whose host is wanted has none of its own");
  if (gpus->devices < 2) return bad(error, "there is no GPU in it to put into another host");
  if (strcmp(gpus->provenance, "published") != 0 || strcmp(host->provenance, "published") != 0)
    return bad(error, "only published figures can be put together: what was measured holds for the "
                      "machine that it was measured on");
  return true;
}

// Does this slot's code run on the host?
static bool slot_on_host(int slot) {
  const struct why_place *place = why_places();
  int kernel = 0;
  while (kernel < why_kernel_count() && place[kernel].code != slot) kernel++;
  return kernel < why_kernel_count() && why_kernel_on_host(why_kernel_at(kernel));
}

// Interned texts belong to a machine. False: out of memory.
static bool own(struct why_machine *machine, const char **text) {
  const char *copy = why_intern(machine, *text);
  bool well = *copy || !**text;
  *text = copy;
  return well;
}

static bool take_slots(struct why_machine *machine, const struct why_machine *gpus,
                       const struct why_machine *host) {
  for (int i = 0; i < machine->slots; i++) {
    struct why_slot *slot = &machine->slot[i];
    *slot = slot_on_host(i) ? host->slot[i] : gpus->slot[i];
    if (!own(machine, &slot->verdict.note) || !own(machine, &slot->verdict.cause)) return false;
  }
  return true;
}

static bool take_answers(struct why_machine *machine, const struct why_machine *from,
                         bool of_the_host) {
  for (int i = 0; i < from->answers; i++)
    if (why_kernel_on_host(why_kernel_at(from->answer[i].kernel)) == of_the_host &&
        why_answer_add(machine, &from->answer[i]) != WHY_OK)
      return false;
  return true;
}

static double slower(double gpu, double slot) {
  return slot > 0 ? fmin(gpu, slot) : gpu;
}

static void take_devices(struct why_machine *machine, const struct why_machine *gpus,
                         const struct why_machine *host) {
  machine->devices = gpus->devices;
  machine->facts[0] = host->facts[0];
  for (int i = 1; i < gpus->devices; i++) {
    struct why_facts *facts = &machine->facts[i];
    *facts = gpus->facts[i];
    facts->in_bps = slower(facts->in_bps, host->facts[0].in_bps);
    facts->out_bps = slower(facts->out_bps, host->facts[0].out_bps);
  }
}

enum why_reason why_compose(const struct why_machine *gpus, const struct why_machine *host,
                            const char *name, struct why_machine **out, struct why_error *error) {
  *out = NULL;
  if (!fit(gpus, host, error)) return WHY_BAD_INPUT;
  struct why_machine *machine = why_machine_new();
  if (!machine) return WHY_ALLOC_FAILED;
  machine->replayed = true;
  snprintf(machine->name, sizeof machine->name, "%s", name);
  strcpy(machine->provenance, "published");
  strcpy(machine->time, gpus->time);
  int used = snprintf(machine->source, sizeof machine->source, "%.200s", gpus->source);
  snprintf(machine->source + used, sizeof machine->source - (size_t)used,
           "%sIn the host of %.60s: %.200s", used ? " " : "", host->name, host->source);
  take_devices(machine, gpus, host);
  if (!take_slots(machine, gpus, host) || !take_answers(machine, gpus, false) ||
      !take_answers(machine, host, true)) {
    why_close(machine);
    return WHY_ALLOC_FAILED;
  }
  *out = machine;
  return WHY_OK;
}
