// The walk over a streamed plan's parts, and the different problems among them. See parts.h.
#include "parts.h"

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static void place(struct why_walk *w, int cut, int64_t index) {
  int64_t part = w->parts->extent[cut];
  w->index[cut] = index;
  w->first[cut] = index * part;
  w->extent[cut] = least(part, w->problem->op->extent(w->problem, cut) - w->first[cut]);
}

void why_walk_start(struct why_walk *w, const struct why_problem *p,
                    const struct why_parts *parts) {
  *w = (struct why_walk){.problem = p, .parts = parts, .moved = ~0u};
  for (int cut = 0; cut < p->op->cuts; cut++) place(w, cut, 0);
}

bool why_walk_next(struct why_walk *w) {
  const struct why_op *op = w->problem->op;
  const unsigned char *order = op->order[w->parts->order];
  w->moved = 0;
  for (int depth = op->cuts - 1; depth >= 0; depth--) {
    int cut = order[depth];
    int64_t count = why_parts_along(w->problem, w->parts, cut);
    if (count > 1) w->moved |= 1u << cut;
    if (w->index[cut] + 1 < count) {
      place(w, cut, w->index[cut] + 1);
      return true;
    }
    place(w, cut, 0);
  }
  return false;
}

bool why_walk_changes(const struct why_walk *w, int operand) {
  bool first = w->moved == ~0u;
  return first || w->moved & w->problem->op->sliced(w->problem, operand);
}

bool why_walk_leaves(const struct why_walk *w, int operand) {
  struct why_walk next = *w;
  return !why_walk_next(&next) || why_walk_changes(&next, operand);
}

// ---- the problems ------------------------------------------------------------------------------

enum { EDGE = 64, CLASSES = 2 * EDGE + 1 }; // positions at either end that may differ from the rest

static void part_at(const struct why_walk *w, struct why_problem *out) {
  struct why_tensor whole[WHY_OPERANDS] = {0}, slice[WHY_OPERANDS];
  w->problem->op->part(w->problem, whole, w->first, w->extent, out, slice);
}

// The positions along one cut whose parts differ, the others' positions being the first. The one in
// the middle comes first.
static int positions(const struct why_walk *start, int cut, int64_t *out) {
  struct why_problem seen[CLASSES], part;
  int64_t count = why_parts_along(start->problem, start->parts, cut);
  int found = 0;
  for (int64_t i = -1; i < count; i++) {
    if (i == EDGE && count - EDGE > EDGE) i = count - EDGE;
    int64_t index = i < 0 ? count / 2 : i;
    struct why_walk w = *start;
    place(&w, cut, index);
    part_at(&w, &part);
    bool known = false;
    for (int j = 0; j < found && !known; j++) known = why_problem_same(&seen[j], &part);
    if (known) continue;
    seen[found] = part;
    out[found++] = index;
  }
  return found;
}

int why_parts_problems(const struct why_problem *p, const struct why_parts *parts,
                       struct why_problem *out, int most) {
  struct why_walk w;
  int64_t at[WHY_CUTS][CLASSES] = {{0}};
  int classes[WHY_CUTS], problems = 0;
  why_walk_start(&w, p, parts);
  for (int cut = 0; cut < WHY_CUTS; cut++)
    classes[cut] = cut < p->op->cuts ? positions(&w, cut, at[cut]) : 1;
  for (int i = 0; i < classes[0]; i++)
    for (int j = 0; j < classes[1]; j++)
      for (int k = 0; k < classes[2] && problems < most; k++) {
        if (p->op->cuts > 0) place(&w, 0, at[0][i]);
        if (p->op->cuts > 1) place(&w, 1, at[1][j]);
        if (p->op->cuts > 2) place(&w, 2, at[2][k]);
        struct why_problem *part = &out[problems];
        part_at(&w, part);
        bool known = false;
        for (int n = 0; n < problems && !known; n++) known = why_problem_same(&out[n], part);
        problems += !known;
      }
  return problems;
}

int why_parts_text(const struct why_problem *p, const struct why_parts *parts, char *out,
                   size_t size) {
  size_t at = 0;
  if (size) *out = 0;
  for (int cut = 0; cut < p->op->cuts; cut++)
    at += (size_t)snprintf(at < size ? out + at : NULL, at < size ? size - at : 0, "%s%s=%lld",
                           cut ? " " : "", p->op->cut[cut].name, (long long)parts->extent[cut]);
  return (int)at;
}
