// The doctor's front: opens a root, has its facts gathered and judged.
#include "doctor.h"
#include "diagnose.h"
#include "gather.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const char *const framework[FRAMEWORK_COUNT] = {
    // clang-format off
    [FRAMEWORK_SELF]        = "whycpu",
    [FRAMEWORK_TENSORFLOW]  = "tensorflow",
    [FRAMEWORK_PYTORCH]     = "pytorch",
    [FRAMEWORK_JAX]         = "jax",
    [FRAMEWORK_ONNXRUNTIME] = "onnxruntime",
    [FRAMEWORK_LLAMA_CPP]   = "llama.cpp",
    [FRAMEWORK_OLLAMA]      = "ollama",
    [FRAMEWORK_CUDA]        = "cuda",
    // clang-format on
};

int why_framework_count(void) {
  return FRAMEWORK_COUNT;
}
const char *why_framework_name(int i) {
  return framework[i];
}

enum framework framework_named(const char *name) {
  if (!name) return FRAMEWORK_SELF;
  int i = 0;
  while (i < FRAMEWORK_COUNT && strcmp(framework[i], name) != 0) i++;
  return (enum framework)i;
}

struct held { // a diagnosis and what it lives in
  struct why_diagnosis diagnosis;
  struct arena arena;
};

static enum why_reason wrong(struct why_error *error, const char *format, const char *what) {
  *error = (struct why_error){0};
  snprintf(error->text, sizeof error->text, format, what);
  return WHY_BAD_INPUT;
}

static enum why_reason check(const struct why_doctor *ask, struct why_error *error) {
  char pid[32];
  snprintf(pid, sizeof pid, "%d", ask->pid);
  if (framework_named(ask->framework) == FRAMEWORK_COUNT)
    return wrong(error, "%s: no such framework", ask->framework);
  if (ask->pid && ask->root) return wrong(error, "%s: a snapshot has no processes", pid);
  if (ask->pid < 0 || (ask->pid && kill(ask->pid, 0) != 0 && errno == ESRCH))
    return wrong(error, "%s: no such process", pid);
  return WHY_OK;
}

enum why_reason why_diagnose(const struct why_doctor *ask, struct why_diagnosis **out,
                             struct why_error *error) {
  *out = NULL;
  enum why_reason reason = check(ask, error);
  if (reason != WHY_OK) return reason;
  struct held *held = calloc(1, sizeof *held);
  if (!held) return WHY_ALLOC_FAILED;
  jmp_buf full;
  struct root *volatile root = NULL;
  held->arena.full = &full;
  if (setjmp(full)) {
    reason = WHY_ALLOC_FAILED;
  } else {
    struct root *opened = NULL;
    reason = root_open(ask->root ? ask->root : "/", &held->arena, &opened, error);
    root = opened;
    if (reason == WHY_OK) {
      struct facts *f = arena_give(&held->arena, sizeof *f);
      f->arena = &held->arena;
      f->root = opened;
      gather(f, &(struct ask){.framework = framework_named(ask->framework),
                              .python = ask->python,
                              .program = ask->program,
                              .pid = ask->pid});
      held->diagnosis = *diagnose(f);
    }
  }
  root_close(root);
  held->arena.full = NULL;
  if (reason != WHY_OK) {
    arena_free(&held->arena);
    free(held);
    return reason;
  }
  *out = &held->diagnosis;
  return WHY_OK;
}

void why_diagnosis_free(struct why_diagnosis *diagnosis) {
  if (!diagnosis) return;
  struct held *held = (struct held *)(void *)diagnosis;
  arena_free(&held->arena);
  free(held);
}
