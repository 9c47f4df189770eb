// How rules say what they found.
#include "rule.h"

#define SAY(name, field)                                                                           \
  void say_##name(struct finding *f, const char *format, ...) {                                    \
    va_list list;                                                                                  \
    va_start(list, format);                                                                        \
    f->field = arena_vprint(f->arena, format, list);                                               \
    va_end(list);                                                                                  \
  }
SAY(need, need)
SAY(have, have)
SAY(fix, fix)

#define SAY_RESULT(name, outcome)                                                                  \
  enum why_result say_##name(struct finding *f, const char *format, ...) {                         \
    va_list list;                                                                                  \
    va_start(list, format);                                                                        \
    f->why = arena_vprint(f->arena, format, list);                                                 \
    va_end(list);                                                                                  \
    return f->result = outcome;                                                                    \
  }
SAY_RESULT(ok, WHY_RESULT_OK)
SAY_RESULT(fail, WHY_RESULT_FAIL)
SAY_RESULT(unknown, WHY_RESULT_UNKNOWN)
SAY_RESULT(na, WHY_RESULT_NA)

void say_evidence(struct finding *f, const char *path, const char *format, ...) {
  if (f->evidences == sizeof f->evidence / sizeof f->evidence[0]) return;
  va_list list;
  va_start(list, format);
  f->evidence[f->evidences++] =
      (struct why_evidence){.path = path, .text = arena_vprint(f->arena, format, list)};
  va_end(list);
}
