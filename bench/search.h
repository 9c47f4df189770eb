// A search for a threshold under way, for its driver (thresholds.c) and its writer (search_say.c).
#ifndef BENCH_SEARCH_H
#define BENCH_SEARCH_H
#include "duel.h"
#include "suite.h"
#include "threshold.h"
#include "thresholds.h"

enum { SEARCH_NAME = 96 };

struct choice { // who stood for the sides at a size
  int64_t size;
  int candidate[2];
  char kernel[2][SEARCH_NAME];
};

struct search {
  const struct thresholds *asked;
  bool predicts;
  const char *label;
  FILE *file;
  struct table *table; // NULL: text
  // Of the family now searched:
  const struct suite_case *item;
  int request;              // options_request
  struct why_request shown; // at the largest size
  struct threshold *search;
  struct duel duel;
  struct choice choice[THRESHOLD_SIZES];
  int choices;
  double deadline, seconds;
  const char *stop; // "done", "time", "failed", "none": a side cannot run at any size
  int wrong_side;   // whose verdict says why it failed
  struct why_verdict verdict;
  int64_t failed_size;
  bool refused; // any search of this run
};

// The family's problem at a size: its text with the number in place of the stars. False: there is
// no such problem.
bool search_problem(const struct search *, int64_t size, struct why_problem *);
// Does --threads say anything of a side?
bool search_threads_matter(const struct thresholds *);

extern const struct table_column search_column[];
extern const int search_columns;
void search_say(struct search *, const char *suite); // a row, or lines

#endif
