// The operands of a problem in host memory: random inputs that depend on the seed alone, outputs
// that begin as NaN, and a guard in every gap and at both ends that shows what nobody may write.
// Everything that is no input element holds a NaN, so reading it shows in the result as well.
#ifndef BENCH_OPERANDS_H
#define BENCH_OPERANDS_H
#include "whycpu.h"
#include <stdbool.h>

struct operands {
  int count;
  struct why_tensor tensor[WHY_OPERANDS];
  char *block[WHY_OPERANDS]; // with the guards around the data
  uint64_t block_bytes[WHY_OPERANDS];
};

// IN and INOUT elements are uniform in [-1, 1], rounded to their type. `shift` elements off a
// 64-byte boundary, under 64. WHY_OK or WHY_ALLOC_FAILED. Free in either case.
enum why_reason operands_make(const struct why_problem *, uint64_t seed, int shift,
                              struct operands *);
double operands_bytes(const struct why_problem *); // without the guards
enum why_reason operands_copy(const struct operands *, struct operands *out);
// The same data with its dims in the order in which the layout stores them, as files have them:
// conv2d's x(n,h,w,c) is n,c,h,w unless layout=nhwc, its weights k,c,r,s. Other ops' files have the
// operand's own dims, however it is strided.
struct why_tensor operand_as_stored(const struct why_problem *, const struct why_tensor *);
void operands_free(struct operands *);
// Whether only elements of OUT and INOUT operands differ between before and now. *operand: the
// first that was written where it must not be.
bool operands_intact(const struct why_problem *, const struct operands *before,
                     const struct operands *now, int *operand);
#endif
