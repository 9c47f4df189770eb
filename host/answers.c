// What libraries said about problems, found again within the time of a decision: a hash table over
// kernel, device and problem. Asking the library is done elsewhere (consult).
#include "machine.h"
#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 29;
}

// -0.0 and 0.0 ask the same.
static uint64_t bits(double real) {
  uint64_t word;
  real += 0.0;
  memcpy(&word, &real, sizeof word);
  return word;
}

// NULL: the answer that holds for every problem.
static uint64_t hash_of(int kernel, int device, const struct why_problem *problem) {
  uint64_t hash = mix((uint64_t)kernel << 32 | (uint32_t)device, 1);
  if (!problem) return hash;
  hash = mix(hash, (uint64_t)problem->type << 8 | problem->math);
  for (int i = 0; i < problem->op->params; i++)
    hash = mix(hash, problem->op->param[i].kind == WHY_REAL ? bits(problem->real[i])
                                                            : (uint64_t)problem->value[i]);
  return hash;
}

static bool same_question(const struct why_answer *answer, int kernel, int device,
                          const struct why_problem *problem) {
  if (answer->kernel != kernel || answer->device != device || answer->any != !problem) return false;
  return !problem || why_problem_same(&answer->problem, problem);
}

// A yes holds for any budget that its workspace fits; a no for any that is not larger than the one
// it was said to; an answer for every problem for any budget, as it takes what workspace there is.
// The closest to the budget asked about wins.
static bool holds(const struct why_answer *answer, uint64_t budget) {
  if (answer->any || answer->most_bytes == budget) return true;
  return answer->verdict.reason == WHY_OK ? answer->workspace_bytes <= budget
                                          : answer->most_bytes >= budget;
}

static bool closer(const struct why_answer *a, const struct why_answer *than, uint64_t budget) {
  if (!than) return true;
  if ((a->most_bytes == budget) != (than->most_bytes == budget)) return a->most_bytes == budget;
  if ((a->verdict.reason == WHY_OK) != (than->verdict.reason == WHY_OK))
    return a->verdict.reason == WHY_OK;
  return a->workspace_bytes > than->workspace_bytes;
}

static const struct why_answer *find(const struct why_machine *machine, int kernel, int device,
                                     const struct why_problem *problem, uint64_t budget) {
  const struct why_answer *best = NULL;
  uint64_t mask = (uint64_t)machine->answer_places - 1;
  uint64_t at = hash_of(kernel, device, problem) & mask;
  for (; machine->answer_index[at]; at = (at + 1) & mask) {
    const struct why_answer *answer = &machine->answer[machine->answer_index[at] - 1];
    if (same_question(answer, kernel, device, problem) && holds(answer, budget) &&
        closer(answer, best, budget))
      best = answer;
  }
  return best;
}

const struct why_answer *why_answer_find(const struct why_machine *machine, int kernel, int device,
                                         const struct why_problem *problem, uint64_t most_bytes) {
  if (!machine->answers) return NULL;
  const struct why_answer *own = find(machine, kernel, device, problem, most_bytes);
  return own ? own : find(machine, kernel, device, NULL, most_bytes);
}

static void enter(struct why_machine *machine, int place) {
  const struct why_answer *answer = &machine->answer[place];
  uint64_t mask = (uint64_t)machine->answer_places - 1;
  uint64_t at =
      hash_of(answer->kernel, answer->device, answer->any ? NULL : &answer->problem) & mask;
  while (machine->answer_index[at]) at = (at + 1) & mask;
  machine->answer_index[at] = place + 1;
}

// Room for one more; the table stays at most half full.
static enum why_reason grow(struct why_machine *machine) {
  if (machine->answers < machine->answer_capacity) return WHY_OK;
  int capacity = machine->answer_capacity ? 2 * machine->answer_capacity : 64;
  struct why_answer *answer = realloc(machine->answer, (size_t)capacity * sizeof *machine->answer);
  if (!answer) return WHY_ALLOC_FAILED;
  machine->answer = answer;
  int *index = calloc((size_t)capacity * 2, sizeof *index);
  if (!index) return WHY_ALLOC_FAILED;
  free(machine->answer_index);
  machine->answer_index = index;
  machine->answer_places = capacity * 2;
  machine->answer_capacity = capacity;
  for (int i = 0; i < machine->answers; i++) enter(machine, i);
  return WHY_OK;
}

// What was said to the same question with the same budget; NULL: nothing.
static struct why_answer *same_answer(const struct why_machine *machine,
                                      const struct why_answer *to) {
  if (!machine->answers) return NULL;
  const struct why_problem *problem = to->any ? NULL : &to->problem;
  uint64_t mask = (uint64_t)machine->answer_places - 1;
  uint64_t at = hash_of(to->kernel, to->device, problem) & mask;
  for (; machine->answer_index[at]; at = (at + 1) & mask) {
    struct why_answer *answer = &machine->answer[machine->answer_index[at] - 1];
    if (answer->most_bytes == to->most_bytes &&
        same_question(answer, to->kernel, to->device, problem))
      return answer;
  }
  return NULL;
}

enum why_reason why_answer_add(struct why_machine *machine, const struct why_answer *added) {
  struct why_answer answer = *added;
  answer.verdict.note = why_intern(machine, added->verdict.note);
  answer.verdict.cause = why_intern(machine, added->verdict.cause);
  if (strcmp(answer.verdict.note, added->verdict.note) != 0 ||
      strcmp(answer.verdict.cause, added->verdict.cause) != 0)
    return WHY_ALLOC_FAILED;
  struct why_answer *old = same_answer(machine, &answer);
  if (old) {
    *old = answer;
    return WHY_OK;
  }
  enum why_reason reason = grow(machine);
  if (reason != WHY_OK) return reason;
  machine->answer[machine->answers] = answer;
  enter(machine, machine->answers++);
  return WHY_OK;
}
