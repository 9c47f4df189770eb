// Two files of results, compared: the cells with their verdicts, and the requests that run
// elsewhere now. Leaves out printing (compare_print.c, compare_junit.c).
#ifndef BENCH_COMPARISON_H
#define BENCH_COMPARISON_H
#include "compare_cells.h"
#include "compare_verdict.h"

struct comparison_rules {
  bool predictions;
  double threshold;   // ln; NAN: none
  double run_to_run;  // ln
  const char *repeat; // a second run of A's program, for the noise; NULL: from A and B themselves
};

struct comparison {
  struct cells cells;
  const struct comparison_rules *rules;
  struct judge judge;
  struct judged all;        // of all cells together
  int64_t matched, unknown; // unknown: of these, without an interval
  int64_t count[VERDICTS], only[SIDES];
  int64_t moved, left_gpu, worse; // requests; worse: off a GPU and slower, or nowhere now
};

// STATUS_OK, or the status with its line printed: a file cannot be read, or nothing is in both.
// Free in either case.
int comparison_make(struct comparison *, const char *a, const char *b,
                    const struct comparison_rules *);
void comparison_free(struct comparison *);

struct compared {
  struct judged is;
  double a, b, ratio; // seconds; ln(b / a); NAN where a side was not measured
};
struct compared comparison_cell(struct comparison *, const struct cell *);
// Of a request: the chosen of A against the chosen of B.
struct compared comparison_request(struct comparison *, const struct request_cell *);
bool request_moved(const struct request_cell *);
bool request_worse(struct comparison *, const struct request_cell *);
bool cell_gone(const struct cell *); // joined with another, or never measured

// Is anything slower: a cell, all of them, or a request that is worse off?
bool comparison_slower(const struct comparison *);

#endif
