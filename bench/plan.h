// What machines would take for a list of problems, under a ladder of budgets of device memory, and
// whether that meets a goal. Everything is decided and predicted, nothing is run.
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H
#include "goal.h"
#include "options.h"
#include "suite.h"

enum plan_place { PLAN_GPU, PLAN_PARTS, PLAN_CPU, PLAN_NOWHERE, PLAN_PLACES }; // parts: on a GPU
enum { PLAN_RUNGS = 72, PLAN_ASKED = 4096 };

struct plan_farthest {           // the problem that is farthest from the goal
  const struct suite_case *item; // NULL: there is none
  double miss;                   // goal_miss; of goals of all problems only: its seconds
  enum plan_place place;
  struct why_candidate chosen; // of PLAN_NOWHERE: zeroes
  struct why_verdict fallback; // why on no GPU; WHY_OK on one
};

struct plan_cell {         // one machine under one budget
  uint64_t device_bytes;   // 0: it has no GPU
  int64_t problems, holds; // of these, that meet the goals of a problem
  bool serves;
  int64_t count[PLAN_PLACES];
  double seconds[PLAN_PLACES];
  double total_seconds, slowest_seconds; // each problem once; NAN: one has no prediction
  int64_t fallback[WHY_REASON_COUNT];    // of those that are on no GPU
  struct plan_farthest farthest;
};

struct plan_machine {
  char name[128], asked[PLAN_ASKED]; // as shown; as asked for, perhaps by the path of its file
  struct why_machine *machine;
  int rungs;                         // 1 without a GPU
  struct plan_cell cell[PLAN_RUNGS]; // rising memory; the last: all that its GPU has free
};

struct plan {
  const struct options *options; // its first policy, transfer, thread and iteration count
  const struct suite *suite;
  int suites;
  struct goals goals;
  double share; // of the problems that must meet a goal, up to 1
  struct plan_machine *machine;
  int machines;
};

// Gives a machine the rungs of a list of budgets, or of powers of two from 64 MiB; `listed` 0.
void plan_ladder(struct plan_machine *, const struct amount *list, int listed);
// One rung more, where it is not there already. False: there is no GPU, or no room.
bool plan_rung(struct plan_machine *, uint64_t device_bytes);
// Decides all. Under the policy auto more memory is never slower. 0 or an errno.
int plan_run(struct plan *);

// Does this mean that machine? As it is shown, or was asked for.
bool plan_named(const struct plan_machine *, const char *name);
// The least budget that serves; NULL: none does.
const struct plan_cell *plan_least(const struct plan_machine *);
// The cell of this budget, or of all memory where the machine has less. NULL: it has no such rung.
const struct plan_cell *plan_at(const struct plan_machine *, uint64_t device_bytes);
const struct why_facts *plan_device(const struct plan_machine *); // its first GPU, else its host
// "measured", "published", or "no": what the predictions rest on.
const char *plan_figures(const struct plan_machine *);
#endif
