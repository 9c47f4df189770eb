// JUnit XML, as CI systems read it: one suite, its cases one by one. Any text may be given: what
// XML 1.0 cannot hold, control characters and bytes that are no UTF-8, becomes U+FFFD.
#ifndef BENCH_JUNIT_H
#define BENCH_JUNIT_H
#include <stdint.h>
#include <stdio.h>

enum junit_result { JUNIT_PASSED, JUNIT_FAILED, JUNIT_SKIPPED };

void junit_begin(FILE *, const char *suite, int64_t tests, int64_t failures, int64_t skipped);
// type: of a failure; message: why it failed or was skipped; NULL where it passed.
void junit_case(FILE *, const char *group, const char *name, enum junit_result, const char *type,
                const char *message);
void junit_end(FILE *);                // errors stay in the stream (ferror)
void xml_string(FILE *, const char *); // as an attribute, with its quotes

#endif
