// Streamed plans in a decision: when one is looked for, and whether a kernel can run as one.
#ifndef WHY_STREAMED_H
#define WHY_STREAMED_H
#include "parts.h"

// Is a streamed plan to be looked for on this device? Where the operands do not fit, where copying
// while computing is predicted to pay, or where the request names it.
bool why_streamed_wanted(const struct why_machine *, const struct why_case *,
                         const struct why_kernel *, int device);
// Chooses the parts; WHY_OK or why there are none.
enum why_reason why_streamed_parts(const struct why_machine *, const struct why_case *,
                                   const struct why_kernel *, int device, struct why_parts *,
                                   struct why_verdict *);
// How much workspace a library may use for a part.
uint64_t why_streamed_workspace(const struct why_case *, const struct why_facts *);
// The verdict on a candidate whose plan is WHY_STREAMED, from the case on; fills parts, peak, bound
// and times.
enum why_reason why_streamed_judge(const struct why_machine *, const struct why_case *,
                                   struct why_candidate *);
#endif
