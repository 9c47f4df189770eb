// A machine made by hand. See fixture.h.
#include "fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const backends[] = {
#define BACKEND(name) #name,
#include "catalog.def"
};

static const struct why_facts host = {
    .name = "eight cores",
    .backend = "host",
    .host = 1,
    .numa_node = 0,
    .multiprocessors = 8,
    .cpu_features = WHY_CPU_AVX2 | WHY_CPU_AVX512,
    .memory_bytes = (uint64_t)8 << 30,
    .free_bytes = (uint64_t)4 << 30,
    .memory_bps = 50e9,
    .flops = {[WHY_MATH_F64] = 0.25e12,
              [WHY_MATH_F32] = 0.5e12,
              [WHY_MATH_F16] = 0.5e12,
              [WHY_MATH_BF16] = 0.5e12},
    .provenance = "published",
};
static const struct why_facts gpu = {
    .name = "a GPU",
    .backend = "cuda",
    .numa_node = -1,
    .capability = 90,
    .multiprocessors = 100,
    .driver = 13000,
    .memory_bytes = (uint64_t)1 << 30,
    .free_bytes = (uint64_t)1 << 30,
    .shared_bytes = 227 << 10,
    .in_bps = 50e9,
    .out_bps = 50e9,
    .memory_bps = 4e12,
    .latency_seconds = 10e-6,
    .launch_seconds = 5e-6,
    .flops = {[WHY_MATH_F64] = 30e12,
              [WHY_MATH_F32] = 60e12,
              [WHY_MATH_F16] = 900e12,
              [WHY_MATH_BF16] = 900e12},
    .provenance = "published",
};

struct why_machine *fixture_open(void) {
  struct why_machine *m = calloc(1, sizeof *m);
  assert_non_null(m);
  strcpy(m->name, "fixture");
  m->replayed = true;
  m->facts[FIXTURE_HOST] = host;
  m->facts[FIXTURE_GPU] = gpu;
  m->devices = 2;
  m->slots = WHY_SLOT_COUNT;
  for (int i = 0; i < m->slots; i++)
    m->slot[i] =
        (struct why_slot){.name = backends[i], .tried = true, .verdict = {.note = "", .cause = ""}};
  struct why_answer yes = {
      .kernel = why_kernel_find("gemm", "cublas", "lt"),
      .device = FIXTURE_GPU,
      .any = true,
      .most_bytes = WHY_LIBRARY_WORKSPACE,
      .workspace_bytes = WHY_LIBRARY_WORKSPACE,
      .verdict = {.note = "", .cause = ""},
  };
  assert_int_equal(why_answer_add(m, &yes), WHY_OK);
  return m;
}

void fixture_close(struct why_machine *m) {
  why_close(m);
}

struct why_request fixture_request(const char *text) {
  struct why_problem problem;
  struct why_error error;
  struct why_request request;
  if (why_problem_parse(text, &problem, &error)) fail_msg("%s: %s", text, error.text);
  why_request_default(&problem, &request);
  return request;
}

const struct why_candidate *fixture_find(const struct why_decision *d, const char *kernel) {
  char name[64];
  for (int i = 0; i < d->candidates; i++) {
    snprintf(name, sizeof name, "%s:%s", d->candidate[i].kernel->backend,
             d->candidate[i].kernel->name);
    if (!strcmp(name, kernel)) return &d->candidate[i];
  }
  fail_msg("no candidate %s", kernel);
  return NULL;
}
