// Two sides at one problem, sampled in turn: A B, B A, A B..., so that what drifts meets both. Each
// side is the fastest of its candidates by a short trial, whose times count for nothing else. Both
// use the same operands in host memory, which are hot. Leaves out what the samples say.
#ifndef BENCH_DUEL_H
#define BENCH_DUEL_H
#include "measure.h"
#include "sides.h"

struct duelist {
  struct why_decision decision; // kept from problem to problem
  int candidate;                // -1: it has none that could run; verdict says why not
  struct why_verdict verdict;   // of what failed, or came nearest to running
  struct why_job *job;
  bool host, uploaded;
  int64_t batch; // requests in a sample, where one takes under 20 us
};
struct duel {
  struct why_machine *machine;
  const struct why_problem *problem;
  struct duelist side[2];
  struct measured_data data;
  bool open;
};
// Decides for a side: which of its candidates could run. Touches no device.
enum why_reason duel_decide(struct why_machine *, const struct why_request *, const struct side *,
                            struct duelist *);
// The candidate of a side that is predicted to be the fastest; -1: none could run.
int duel_predicted(const struct duelist *, const struct side *);
// Makes the operands, lets each side's candidates try (where `chosen` has -1, which then says who
// it is; else takes that one), prepares, warms up and checks both results. WHY_OK, or why not: the
// side's verdict has it.
enum why_reason duel_open(struct duel *, const struct side *side[2], uint64_t seed, int chosen[2]);
// Seconds of `pairs` requests by each side. Stops where interrupted() is, or at `deadline` by
// seconds_now(); *pairs: how many are done.
enum why_reason duel_sample(struct duel *, double deadline, int *pairs, double *a, double *b);
void duel_close(struct duel *); // the decisions stay
void duel_free(struct duel *);

#endif
