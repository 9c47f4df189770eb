// What deciding and consulting share: the sizes of a request's problem, computed once.
#ifndef WHY_DECIDE_H
#define WHY_DECIDE_H
#include "cost.h"

struct why_case {
  const struct why_request *request;
  struct why_tensor operand[WHY_OPERANDS];
  struct why_work work;
  double in_bytes, out_bytes; // copied to a device and back, gaps left out
  uint64_t operand_bytes;     // all of them, gaps included
  uint64_t kept_bytes;        // the INOUT ones: kept on the host for a retry
};
// predict.c: fills the candidate's seconds and terms; NAN where figures lack. For all iterations.
void why_predict(const struct why_machine *, const struct why_case *, struct why_candidate *);
void why_case_fill(const struct why_request *, struct why_case *);

// NVIDIA's recommendation for Hopper, and enough for older devices (cuBLAS documentation,
// "cuBLAS workspace"): libraries are asked within this much, or as much as the operands have, which
// a convolution that is computed in another layout than its operands' needs.
#define WHY_LIBRARY_WORKSPACE ((uint64_t)32 << 20)
// How much workspace a library on this device may use: its budget, and what the operands leave.
uint64_t why_case_workspace(const struct why_case *, const struct why_facts *);
// May the kernel run on a device of this capability and these features?
enum why_reason why_judge_device(const struct why_kernel *, const struct why_facts *,
                                 struct why_verdict *);
// Does the kernel take the case: type, form, multiples, limits, shared memory?
enum why_reason why_judge_case(const struct why_case *, const struct why_kernel *,
                               const struct why_facts *, struct why_verdict *);
// What its library answered when asked about the case with this much workspace.
enum why_reason why_judge_library(const struct why_machine *, const struct why_case *,
                                  const struct why_candidate *, uint64_t most_bytes,
                                  uint64_t *workspace, struct why_verdict *);
// Sets need and have; returns the reason.
enum why_reason why_numbers(struct why_verdict *, enum why_reason, double need, double have);
uint64_t why_device_bytes(const struct why_case *, const struct why_facts *); // budget, or free
// Memory of one place: what is needed against the budget and what is free, whichever is less.
enum why_reason why_judge_memory(enum why_reason, uint64_t need, uint64_t budget,
                                 uint64_t free_bytes, struct why_candidate *);
uint64_t why_free_bytes(const struct why_facts *); // WHY_UNLIMITED where nothing is known
#endif
