// The doctor's front: opens a root, has its facts gathered and judged.
#include "doctor.h"
#include "diagnose.h"
#include "gather.h"
#include "gpu_json.h"
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

// Of this machine a file that was named has to be there; a snapshot may have left it out.
static const char *not_there(const struct facts *f, const struct ask *ask) {
  const char *named[] = {ask->python ? f->process.python : NULL,
                         ask->program ? f->process.program : NULL};
  for (size_t i = 0; i < sizeof named / sizeof named[0] && root_live(f->root); i++)
    if (named[i] && root_stat(f->root, NULL, "%s", named[i]) == ABSENT) return named[i];
  return NULL;
}

struct question {
  const struct why_doctor *request;
  struct held *held;
  struct why_error *error;
};

static enum why_reason look(struct root *root, void *to) {
  const struct question *q = to;
  struct arena *arena = &q->held->arena;
  struct ask ask;
  struct facts *f = arena_give(arena, sizeof *f);
  enum why_reason reason = ask_take(q->request, root, arena, &ask, q->error);
  if (reason != WHY_OK) return reason;
  f->arena = arena;
  f->root = root;
  gather(f, &ask);
  const char *missing = not_there(f, &ask);
  if (missing) {
    snprintf(q->error->text, sizeof q->error->text, "%.200s: there is no such file", missing);
    return WHY_BAD_INPUT;
  }
  if (f->gpu.schema && f->gpu.schema != GPU_JSON_SCHEMA) {
    snprintf(q->error->text, sizeof q->error->text,
             "%.150s%s: of another version of the format; this whycpu reads schema %d",
             root_said(root), f->gpu.path, GPU_JSON_SCHEMA);
    return WHY_BAD_INPUT;
  }
  q->held->diagnosis = *diagnose(f);
  return WHY_OK;
}

enum why_reason why_diagnose(const struct why_doctor *request, struct why_diagnosis **out,
                             struct why_error *error) {
  *out = NULL;
  *error = (struct why_error){0};
  struct held *held = calloc(1, sizeof *held);
  if (!held) return WHY_ALLOC_FAILED;
  struct question question = {request, held, error};
  enum why_reason reason =
      root_within(request->root ? request->root : "/", &held->arena, error, look, &question);
  if (reason != WHY_OK) {
    why_diagnosis_free(&held->diagnosis);
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
