// Every single sample as CSV (bench --samples): disturbed ones are marked, and none is left out.
// The file is small beside its use for a second opinion: other statistics over the same samples.
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H
#include "sampler.h"
#include <stdio.h>

// Columns run, decision, backend, kernel, plan, sample, seconds, disturbed, why; run and decision
// are those of the rows.
struct samples_file {
  const char *path;
  FILE *file; // NULL: there is none
  int64_t samples;
  int error; // errno of what could not be written; nothing is after it
};
// Makes the file, with its header. STATUS_OK, or the status to return, its line printed: it is
// there and is not to be replaced, or cannot be written.
int samples_open(struct samples_file *, const char *path, bool overwrite);
// A sweep's sweep_samples: `to` is the file. What goes wrong is said when it is closed: rows matter
// more.
void samples_write(void *to, const char *run, int64_t decision, const struct why_candidate *,
                   const struct sampler *);
int samples_close(struct samples_file *); // STATUS_OK, or its line is printed; also without a file
#endif
