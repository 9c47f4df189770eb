// A machine made by hand: a host of 8 cores and one GPU of 1 GiB, every backend open and complete,
// no library behind them. Deciding needs no more. Reset by fixture_open, emptied by fixture_close.
#ifndef WHY_TEST_FIXTURE_H
#define WHY_TEST_FIXTURE_H
#include "decide.h"

enum { FIXTURE_HOST, FIXTURE_GPU };

struct why_machine *fixture_open(void);
void fixture_close(struct why_machine *);
struct why_request fixture_request(const char *problem); // fails the test on a bad text
const struct why_candidate *fixture_find(const struct why_decision *, const char *kernel);
#endif
