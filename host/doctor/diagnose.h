// From findings to a verdict: for files of host/ and for tests.
#ifndef WHY_DIAGNOSE_H
#define WHY_DIAGNOSE_H
#include "doctor.h"
#include "facts.h"

// Judges facts that have been gathered. The diagnosis lives in facts->arena.
struct why_diagnosis *diagnose(const struct facts *);

// The id of a cause whose rule is left out, as if it had found nothing; NULL: none. For the test
// that each rule is needed.
extern const char *diagnose_without;

enum framework framework_named(const char *name); // FRAMEWORK_COUNT: none
#endif
