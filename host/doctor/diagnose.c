// The order of the verdict. Causes are looked at in the order of causes.def, which is that of
// dependence; the first that fails is the root, unless something before it is not known: then there
// is no verdict, for that could be the cause of it.
#include "diagnose.h"
#include "rule.h"
#include <string.h>

enum kind { CHAIN, ALONE, WARN };
static const struct row {
  struct why_cause cause;
  enum kind kind;
  rule *judge;
} row[] = {
#define CAUSE(name, id, level, kind, sentence, log, proof, fix, check)                             \
  {{id, WHY_LEVEL_##level, (kind) == WARN, sentence, log, proof, fix, check}, kind, rule_##name},
#include "causes.def"
#undef CAUSE
};
enum { CAUSES = sizeof row / sizeof row[0] };
const char *diagnose_without;

int why_cause_count(void) {
  return CAUSES;
}
const struct why_cause *why_cause_at(int i) {
  return i >= 0 && i < CAUSES ? &row[i].cause : NULL;
}

const struct why_cause *why_cause_find(const char *id) {
  for (int i = 0; i < CAUSES; i++)
    if (!strcmp(row[i].cause.id, id)) return &row[i].cause;
  return NULL;
}

const char *why_level_name(enum why_level level) {
  static const char *const name[WHY_LEVEL_COUNT] = {
      // clang-format off
      [WHY_LEVEL_SCOPE]     = "system",
      [WHY_LEVEL_HARDWARE]  = "PCI bus",
      [WHY_LEVEL_KERNEL]    = "kernel module",
      [WHY_LEVEL_CONTAINER] = "container",
      [WHY_LEVEL_NODES]     = "device files",
      [WHY_LEVEL_DRIVER]    = "driver libraries",
      [WHY_LEVEL_STATE]     = "GPU state",
      [WHY_LEVEL_SELECTION] = "selection",
      [WHY_LEVEL_BUILD]     = "build",
      [WHY_LEVEL_LIBRARIES] = "CUDA libraries",
      [WHY_LEVEL_RUN]       = "run time",
      // clang-format on
  };
  return name[level];
}

const char *why_result_name(enum why_result result) {
  static const char *const name[] = {[WHY_RESULT_UNKNOWN] = "unknown",
                                     [WHY_RESULT_OK] = "ok",
                                     [WHY_RESULT_FAIL] = "fail",
                                     [WHY_RESULT_NA] = "n/a"};
  return name[result];
}

const char *why_verdict_name(enum why_verdict_word verdict) {
  static const char *const name[] = {
      [WHY_GPU_USED] = "gpu-used", [WHY_GPU_UNUSED] = "gpu-unused", [WHY_GPU_UNKNOWN] = "unknown"};
  return name[verdict];
}

static void judge(const struct facts *f, int i, struct why_finding *out) {
  struct finding found = {.arena = f->arena, .why = "", .need = "", .have = "", .fix = ""};
  if (diagnose_without && !strcmp(diagnose_without, row[i].cause.id))
    found.result = WHY_RESULT_OK;
  else
    row[i].judge(f, &found);
  struct why_evidence *evidence =
      arena_give(f->arena, (size_t)found.evidences * sizeof *evidence + 1);
  memcpy(evidence, found.evidence, (size_t)found.evidences * sizeof *evidence);
  *out = (struct why_finding){.cause = &row[i].cause,
                              .result = found.result,
                              .why = found.why,
                              .need = found.need,
                              .have = found.have,
                              .fix = *found.fix ? found.fix : row[i].cause.fix,
                              .evidence = evidence,
                              .evidences = found.evidences};
}

// Which failures are roots. The machine's chain and the framework's are looked at one after the
// other; a build that has no CUDA is a root of its own beside a machine that has none.
static void find_roots(struct why_finding *check) {
  bool failed = false, alone = false, untold = false;
  for (int i = 0; i < CAUSES; i++) {
    enum why_result result = check[i].result;
    if (row[i].kind == WARN) continue;
    untold |= result == WHY_RESULT_UNKNOWN;
    if (result != WHY_RESULT_FAIL) continue;
    check[i].root = row[i].kind == ALONE ? !alone : !failed && !untold;
    failed = true;
    alone |= row[i].kind == ALONE;
  }
}

// The main root first, the other roots, what follows from them, warnings.
static void order(struct why_diagnosis *d, int *found) {
  d->found = found;
  for (int pass = 0; pass < 3; pass++)
    for (int i = 0; i < CAUSES; i++) {
      int place = d->check[i].root ? 0 : row[i].kind == WARN ? 2 : 1;
      if (d->check[i].result == WHY_RESULT_FAIL && place == pass) found[d->founds++] = i;
    }
}

// "pytorch 2.5.1", a program by its path.
static const char *subject(const struct facts *f) {
  const char *name = why_framework_name((int)f->framework);
  if (f->build.found != YES || f->framework == FRAMEWORK_SELF) return name;
  if (f->framework == FRAMEWORK_CUDA && f->process.program) return f->process.program;
  return arena_print(f->arena, *f->build.version ? "%s %s" : "%s%s", name, f->build.version);
}

struct why_diagnosis *diagnose(const struct facts *f) {
  struct why_diagnosis *d = arena_give(f->arena, sizeof *d);
  struct why_finding *check = arena_give(f->arena, CAUSES * sizeof *check);
  bool root = false, untold = false, failed = false;
  for (int i = 0; i < CAUSES; i++) judge(f, i, &check[i]);
  find_roots(check);
  for (int i = 0; i < CAUSES; i++) {
    if (row[i].kind == WARN) continue;
    root |= check[i].root;
    untold |= check[i].result == WHY_RESULT_UNKNOWN;
    failed |= check[i].result == WHY_RESULT_FAIL;
  }
  d->asked = why_framework_name((int)f->framework);
  d->root = root_said(f->root);
  d->verdict = root ? WHY_GPU_UNUSED : untold || failed ? WHY_GPU_UNKNOWN : WHY_GPU_USED;
  d->check = check;
  d->checks = CAUSES;
  order(d, arena_give(f->arena, CAUSES * sizeof(int)));
  d->subject = subject(f);
  return d;
}
