// Goals of a plan: "median_s<10ms, total_s<2". Columns as in the CSV of results, here predicted.
#ifndef BENCH_GOAL_H
#define BENCH_GOAL_H
#include "values.h"

// What a goal can be about: of one problem, or (total_s) of all together. NAN: not known.
struct goal_figures {
  double median_s, gflops, gbps, total_s;
};
struct goal {
  int column; // in the table of goal.c
  bool strict;
  double limit;
};
enum { GOALS = 8, GOAL_TEXT = 256 };
struct goals {
  struct goal goal[GOALS];
  int count;
  char text[GOAL_TEXT]; // as it was asked for
};
option_reader read_goals; // struct goals *

bool goal_of_all(const struct goal *);    // of all problems together
bool goals_of_each(const struct goals *); // is one of them asked of each problem?
bool goal_holds(const struct goal *, const struct goal_figures *);
// How often the goal: 2 is twice too slow, or half the rate; at most 1 where it holds; INFINITY
// where the figure is not known.
double goal_miss(const struct goal *, const struct goal_figures *);
#endif
