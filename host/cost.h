// What a call of a kernel costs on a device, as a few terms with names and units. Pure.
//
//   seconds = launch + arithmetic + traffic - hidden x the shorter of arithmetic and traffic
//             + for each loop of the op: seconds a round x rounds
//             + on the host: ragged rows, more traffic where rows share cache sets or lie far apart
//   arithmetic = operations, those of whole tiles and whole waves of them / rate
//   traffic = for each operand: passes x bytes / bandwidth of the cache or memory that holds them
//   all
//
// Without measurements the figures of a data sheet and the kernel's prior in the catalog fill it:
// then it is a roofline. Fitted (fits.c), it is what the kernel was seen to take.
#ifndef WHY_COST_H
#define WHY_COST_H
#include "machine.h"

struct why_work { // what one call has to do
  double flops;
  double bytes[WHY_OPERANDS]; // read and written: an INOUT operand counts twice
  double all_bytes;           // of the operands, once each: what a cache must hold
  double aliased_bytes;       // of matrices whose rows lie a multiple of 2 KiB apart,
  double far_bytes;           // or more than 8 KiB
  double loops[WHY_LOOPS];    // rounds of the op's
  double rows, columns;       // of the first output, seen as a matrix: its last dim, all others
};
void why_work_of(const struct why_problem *, struct why_work *);

// The rate of the device for the problem's arithmetic as this kernel does it; 0 where not known.
double why_rate(const struct why_facts *, const struct why_kernel *, const struct why_problem *);
// The part of all cores that a kernel has which uses `used` threads and is given `given`; 0: all.
double why_share_of_cores(int cores, int used, int given);

// The costs by the data sheet and the catalog; the rate is 0 where figures lack.
void why_cost_prior(const struct why_facts *, const struct why_kernel *, const struct why_problem *,
                    int threads, struct why_cost *);
// share: of the cores. NAN in `launch` where figures lack.
void why_cost_terms(const struct why_facts *, const struct why_kernel *, const struct why_work *,
                    const struct why_cost *, double share, enum why_cache, struct why_terms *);
double why_terms_seconds(const struct why_terms *);

// fits.c: the figures that predictions for this device rest on.
const struct why_facts *why_model_facts(const struct why_machine *, int device);
// The costs that predictions of this case use: fitted ones where there are any for its
// kernel, device and type, between two thread counts in proportion; else the prior. *fit: the
// nearest of those that were used, or NULL.
void why_cost_of(const struct why_machine *, int device, const struct why_kernel *,
                 const struct why_problem *, int threads, struct why_cost *,
                 const struct why_fit **fit);
#endif
