// The subject of bench/lies.h: a request on the kernel that was decided for, as jobs run it.
#ifndef BENCH_LIES_JOB_H
#define BENCH_LIES_JOB_H
#include "lies.h"
#include "operands.h"

struct lies_side { // one problem on one kernel, with operands of its own
  struct why_request request;
  struct why_decision decision;
  int candidate;
  struct operands original, data;
  struct why_job *job;
};

struct lies_job {
  struct why_machine *machine;
  double (*now)(void);
  struct lies_side honest, zeros, padded, fair, naive; // job NULL: not used
  int device;
  void *flush[2]; // on the device, together twice its last cache; NULL: none
  uint64_t flush_bytes;
  char because[LIES][160]; // what subject.cannot may point to
  struct lies_subject subject;
};

// The chosen candidate of the request, prepared; what else can be shown besides it.
// `naive_seconds`: plain loops predicted to take longer are left out. WHY_OK, or why not: of a
// decision without a choice its fallback's reason. Close it in every case.
enum why_reason lies_job_open(struct why_machine *, const struct why_request *, uint64_t seed,
                              double naive_seconds, double (*now)(void), struct lies_job *);
void lies_job_close(struct lies_job *);
// What a kernel's dims are rounded up to: its own multiple where the catalog has one; else the
// elements of a vector of the CPU, or a GPU's warp.
int64_t lies_multiple(const struct why_kernel *, const struct why_facts *, enum why_type);
// The problem with every size that has no default and is at least `multiple` rounded up to one.
// False: nothing changed, or the result is no problem of the op.
bool lies_pad(const struct why_problem *, int64_t multiple, struct why_problem *out);

#endif
