// Problems with random operands and their right answers from the op's reference, for tests of
// checks and parts. An output is a matrix: its last dim is the columns, all others the rows.
#ifndef WHY_TEST_ANSWERS_H
#define WHY_TEST_ANSWERS_H
#include "whycpu.h"

struct answers {
  struct why_problem problem;
  // Random in [-1, 1); `after` is a copy of its own.
  struct why_tensor before[WHY_OPERANDS], after[WHY_OPERANDS];
};
// Fails the test on a problem that is refused.
void answers_make(struct answers *, const char *problem);
void answers_make_problem(struct answers *, const struct why_problem *);
void answers_free(struct answers *);
// The outputs of `after` as the reference has them, rounded to their type.
void answers_fill(struct answers *);

double answers_random(void); // [-1, 1)
int64_t answers_below(int64_t n);

int64_t answers_rows(const struct why_tensor *);
int64_t answers_columns(const struct why_tensor *);
// Elements from data to the one at this row and column.
int64_t answers_offset(const struct why_tensor *, int64_t row, int64_t column);
#endif
