// Machines known by name: those with published figures (share/whycpu/machines) and those that were
// recorded (share/whycpu/recorded, from results/*/machine.json).
//
//   l4             the recorded one of that name or with the same GPU, else the published one
//   published/l4   recorded/NAME     the one or the other
//   l4@pcie3       the GPU of the one in the host of the other, from published figures
//   PATH           a machine file
#ifndef BENCH_MACHINES_H
#define BENCH_MACHINES_H
#include "whycpu.h"

// STATUS_OK, or the status to return, its line printed. `said`: what a line begins with that
// refuses the name, such as "--machine l4".
int machine_open(const char *said, const char *name, struct why_machine **);

enum { MACHINE_NAMES = 256 };
// The names of all, sorted; "published/l4" where a recorded one is preferred to it, "recorded/..."
// of those that were recorded. Their number; pass it to data_free.
int machine_names(char *name[MACHINE_NAMES]);

// The published figures of the GPU that this machine has, its host's perhaps missing. NULL: there
// are none, or no GPU, or its figures were not measured.
struct why_machine *machine_published(const struct why_machine *);

// The first GPU of a machine; -1: it has none.
int machine_gpu(const struct why_machine *);
#endif
