// One rule a cause: it judges the facts and touches nothing.
#ifndef WHY_RULE_H
#define WHY_RULE_H
#include "doctor.h"
#include "facts.h"
#include "tables.h"

// What a rule finds. The words are for a person: `why` says in one line what was looked at.
struct finding {
  enum why_result result;
  struct arena *arena;
  const char *why, *need, *have, *fix; // "" where there is nothing to say; fix "": the cause's own
  struct why_evidence evidence[8];
  int evidences;
};
typedef enum why_result rule(const struct facts *, struct finding *);

// Each ends a rule: `return say_ok(f, "...")`.
enum why_result say_ok(struct finding *, const char *why, ...)
    __attribute__((format(printf, 2, 3)));
enum why_result say_fail(struct finding *, const char *why, ...)
    __attribute__((format(printf, 2, 3)));
enum why_result say_unknown(struct finding *, const char *why, ...)
    __attribute__((format(printf, 2, 3)));
enum why_result say_na(struct finding *, const char *why, ...)
    __attribute__((format(printf, 2, 3)));
// What goes with it, said before.
void say_evidence(struct finding *, const char *path, const char *text, ...)
    __attribute__((format(printf, 3, 4)));
void say_need(struct finding *, const char *, ...) __attribute__((format(printf, 2, 3)));
void say_have(struct finding *, const char *, ...) __attribute__((format(printf, 2, 3)));
void say_fix(struct finding *, const char *, ...) __attribute__((format(printf, 2, 3)));

#define CAUSE(name, ...) rule rule_##name;
#include "causes.def"
#undef CAUSE
#endif
