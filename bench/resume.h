// Where a sweep that was cut off goes on: its rows read back, held against the sweep that is asked
// for now, and counted up to the last decision that has all its candidates. Leaves out cutting and
// writing (results.c).
//
// A decision is done when the next one has begun, or when its rows are those of the candidates that
// it has when it is decided again, which touches no device. What comes after it is to be cut off: a
// half-written line, and rows of a decision that was not finished. The check writes nothing, so a
// kill in it loses nothing.
//
// What rows do not say cannot be held against them: --precision, --time-budget, --compare, --seed.
// Rows that were measured keep the ceilings of the process that measured them; the rest is measured
// and predicted by those of the process that goes on.
#ifndef BENCH_RESUME_H
#define BENCH_RESUME_H
#include "summary.h"
#include "sweep.h"

struct resume {
  int64_t decisions, rows; // done
  int64_t nowhere, failed; // of these: decisions without a place, rows that failed
  int64_t end;             // bytes that they take, the header too; 0: there is not even a header
  int64_t cut;             // bytes after them
  char run[ROW_RUN];       // that the rows belong to; "": there are none
};
// Reads `file` (at `path`) from its beginning; it stays open. `run`: the one that its rows must be
// of; "": any. Rows that are done are added to the summary. STATUS_OK; STATUS_REQUEST: it is no
// such file, or another sweep's, its line printed; STATUS_MACHINE.
int resume_read(const struct sweep *, const char *path, int file, const char *run, struct summary *,
                struct resume *);

#endif
