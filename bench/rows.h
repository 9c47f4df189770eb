// From a decision, a candidate and its measurement to a row of the CSV.
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H
#include "csv.h"
#include "measure.h"
#include "suite.h"
#include <stdbool.h>

struct row_maker { // what the rows of a run share, and the texts that a row borrows
  const struct why_machine *machine;
  const char *run;
  bool emulated; // what ran is checked, and makes no time
  char node[72], commit[48];
  char time[32], dims[256], note[2048], part[128], plans[48], disturbance[512], throttle[80];
  struct csv_row shared; // of the decision
};
enum { ROW_RUN = 48 };
void row_run_name(char out[ROW_RUN]); // after the time and the process
// run: the name of the run that the rows belong to.
void row_run(struct row_maker *, const struct why_machine *, const char *run);
// Everything that the rows of one decision share.
void row_decision(struct row_maker *, const struct suite *, const struct suite_case *,
                  const struct why_request *, int64_t decision);
// One candidate's row. status: "chosen", "compared", "refused", "failed"; attempt: 0 if it was no
// choice; m: NULL if it did not run.
void row_candidate(struct row_maker *, const struct why_decision *, int candidate,
                   const char *status, int64_t attempt, const struct measurement *m,
                   struct csv_row *);
// Of the library behind a backend; "": none is known.
const char *version_of(const struct why_machine *, const char *backend);
// Sets of files and of rows of one run are told apart by this: 20261123T122053Z.
void time_compact(char *out, size_t size);

#endif
