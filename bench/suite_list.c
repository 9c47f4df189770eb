#include "suite_list.h"
#include "program.h"
#include <string.h>

int suites_open(const char *said, const char *names, struct suite suite[SUITES], int *count) {
  char name[4096];
  *count = 0;
  for (const char *at = names;; at++) {
    size_t length = strcspn(at, ",");
    if (*count == SUITES || length >= sizeof name)
      return request_wrong("%s: at most %d suites", said, SUITES);
    snprintf(name, sizeof name, "%.*s", (int)length, at);
    struct why_error error;
    enum why_reason reason = suite_open(name, &suite[*count], &error);
    if (reason == WHY_ALLOC_FAILED) return machine_failed("out of memory");
    if (reason && error.line)
      return request_wrong("suite %s:%d:%d: %s", name, error.line, error.column, error.text);
    if (reason) return request_wrong("%s %s: %s", said, name, error.text);
    (*count)++;
    at += length;
    if (!*at) return STATUS_OK;
  }
}
