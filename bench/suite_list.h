// Several suites, named with commas between.
#ifndef BENCH_SUITE_LIST_H
#define BENCH_SUITE_LIST_H
#include "suite.h"

enum { SUITES = 16 };
// `said`: what a refusal begins with, such as "--suite". STATUS_OK, or the status to return, its
// line printed; then too those that were opened are to be freed.
int suites_open(const char *said, const char *names, struct suite suite[SUITES], int *count);
#endif
