// Suites: text files of problems, one a line, with ranges and lists, expanded into problems.
//
//   gemm type=f32,bf16 m=n=k=64..8192*2      # a label for the CSV's column `case`
//   softmax rows=64..512+64 cols=4096
//
// `a,b` is a list, `a..b*f` a geometric range, `a..b+s` an arithmetic one; the keys of a tie such
// as m=n=k share one value; everything else multiplies, the first key varying slowest. A line that
// holds only a comment says nothing.
#ifndef BENCH_SUITE_H
#define BENCH_SUITE_H
#include "whycpu.h"

enum { SUITE_LABEL = 64, SUITE_FAMILY = 320 };

struct suite_case {
  struct why_problem problem;
  char label[SUITE_LABEL]; // the line's comment, "" without one
  // A line with exactly one range makes a family: problems that differ in one size only, along
  // which a crossover can be looked for. "gemm m=* n=* k=* type=f32"; "" where there is none.
  char family[SUITE_FAMILY];
  int64_t size; // this problem's place in its family
};

struct suite {
  char name[64];
  struct suite_case *item; // owned: suite_free
  int64_t count, capacity;
};

// Reads to the end of `file`. WHY_OK, WHY_BAD_INPUT with line, column and what was expected, or
// WHY_ALLOC_FAILED.
enum why_reason suite_read(FILE *file, const char *name, struct suite *out, struct why_error *);
// `name` is a path if it has a slash or ends in ".suite", else the name of a suite in data_dir().
enum why_reason suite_open(const char *name, struct suite *out, struct why_error *);
void suite_free(struct suite *);

#endif
