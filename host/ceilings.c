// The ceilings that a machine holds: kept in the order in which they were added, each once.
#include "machine.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int why_machine_ceilings(const struct why_machine *machine) {
  return machine->ceilings;
}

const struct why_ceiling *why_machine_ceiling(const struct why_machine *machine, int index) {
  return &machine->ceiling[index];
}

static bool same(const struct why_ceiling *a, const struct why_ceiling *b) {
  return a->device == b->device && a->threads == b->threads && a->bytes == b->bytes &&
         !strcmp(a->name, b->name);
}

enum why_reason why_machine_ceiling_add(struct why_machine *machine,
                                        const struct why_ceiling *ceiling) {
  if (ceiling->device < 0 || ceiling->device >= machine->devices || ceiling->threads < 0 ||
      !*ceiling->name || !*ceiling->unit || !(ceiling->value > 0) || !isfinite(ceiling->value))
    return WHY_BAD_INPUT;
  for (int i = 0; i < machine->ceilings; i++)
    if (same(&machine->ceiling[i], ceiling)) {
      machine->ceiling[i] = *ceiling;
      return WHY_OK;
    }
  if (machine->ceilings == machine->ceiling_capacity) {
    int capacity = machine->ceiling_capacity ? 2 * machine->ceiling_capacity : 64;
    struct why_ceiling *more = realloc(machine->ceiling, (size_t)capacity * sizeof *more);
    if (!more) return WHY_ALLOC_FAILED;
    machine->ceiling = more;
    machine->ceiling_capacity = capacity;
  }
  machine->ceiling[machine->ceilings++] = *ceiling;
  return WHY_OK;
}
