// How a streamed plan is cut: the sizes of its parts, what they hold and copy, and the walk over
// them. Pure.
#ifndef WHY_PARTS_H
#define WHY_PARTS_H
#include "decide.h"

enum { WHY_PART_PROBLEMS = 64 }; // more different parts than this are not looked at beforehand
enum { WHY_STAGES_IN = 3, WHY_STAGES_OUT = 2 }; // staging buffers of a device's queues

// What sizing parts rests on: a kernel, its costs, and the figures of both sides.
struct why_parts_basis {
  const struct why_kernel *kernel;
  const struct why_facts *host, *device;
  struct why_cost cost;
};
// The sizes that take least time by the law of PERFORMANCE.md and the cost model among those that
// fit `device_bytes` with the kernel's workspace beside them and `pinned_bytes` of staging.
// WHY_OK, WHY_UNCUTTABLE, or WHY_PINNED and WHY_DEVICE_MEMORY with the least that would do.
enum why_reason why_parts_choose(const struct why_case *, const struct why_parts_basis *,
                                 uint64_t device_bytes, uint64_t pinned_bytes, struct why_parts *,
                                 struct why_verdict *);

int64_t why_parts_along(const struct why_problem *, const struct why_parts *, int cut); // how many
// Buffers of an operand, and the bytes of one: enough for any part.
int why_parts_buffers(const struct why_problem *, const struct why_parts *, int operand);
uint64_t why_parts_buffer_bytes(const struct why_problem *, const struct why_parts *, int operand);
uint64_t why_parts_device_bytes(const struct why_problem *,
                                const struct why_parts *); // all of them
uint64_t why_parts_pinned_bytes(const struct why_parts *);

// What one call takes with these parts; NAN where figures lack. seconds: overlapped; terms: of one
// part's work.
struct why_parts_times {
  double in, work, out, seconds;
  struct why_terms terms;
};
struct why_parts_times why_parts_predict(const struct why_problem *, const struct why_parts *,
                                         const struct why_parts_basis *);

// ---- the walk ----------------------------------------------------------------------------------

struct why_walk { // one part of all
  const struct why_problem *problem;
  const struct why_parts *parts;
  int64_t index[WHY_CUTS], first[WHY_CUTS], extent[WHY_CUTS]; // by cut
  uint32_t moved; // bit i: the index along cut i is not that of the part before
};
// The first part; all bits of `moved` are set. The problem and the parts must outlive the walk.
void why_walk_start(struct why_walk *, const struct why_problem *, const struct why_parts *);
bool why_walk_next(struct why_walk *); // false after the last part
// Is this operand's slice another than in the part before; will it be in the part after?
bool why_walk_changes(const struct why_walk *, int operand);
bool why_walk_leaves(const struct why_walk *, int operand);

// Every different problem that the parts are, at most `most`; edges and first and last parts of a
// sum differ from those between. Returns how many; the first is the one that most parts are.
int why_parts_problems(const struct why_problem *, const struct why_parts *,
                       struct why_problem *out, int most);
#endif
