// What the campaigns of faults share. See faults.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"
#include "ops/ops.h"
#include <cmocka.h>
#include <math.h>
#include <signal.h>

const char *const emu_kind_name[EMU_KINDS] = {"allocation", "copy", "launch", "mark or wait"};
const enum why_reason emu_kind_reason[EMU_KINDS] = {WHY_ALLOC_FAILED, WHY_CALL_FAILED,
                                                    WHY_CALL_FAILED, WHY_CALL_FAILED};

// ---- the watchdog ------------------------------------------------------------------------------

static const char *volatile watched;

static void bark(int signal) {
  static const char says[] = "\nstill running after its time: ";
  (void)signal;
  ssize_t ignored = write(STDERR_FILENO, says, sizeof says - 1);
  ignored += write(STDERR_FILENO, watched, strlen(watched));
  ignored += write(STDERR_FILENO, "\n", 1);
  (void)ignored;
  abort();
}

void watchdog(const char *what) {
  if (what) {
    watched = what;
    signal(SIGALRM, bark);
  }
  alarm(what ? WATCHDOG_SECONDS : 0);
}

// ---- counting ----------------------------------------------------------------------------------

static struct {
  const char *kind;
  enum why_plan plan;
  long faults;
} tally[32];
static int tallies;

void faults_count(const char *kind, enum why_plan plan, long faults) {
  int i = 0;
  while (i < tallies && (tally[i].plan != plan || strcmp(tally[i].kind, kind) != 0)) i++;
  assert_true((size_t)i < sizeof tally / sizeof *tally);
  if (i == tallies) {
    tally[tallies].kind = kind;
    tally[tallies++].plan = plan;
  }
  tally[i].faults += faults;
}

void faults_print(void) {
  long all = 0;
  for (int i = 0; i < tallies; i++) {
    printf("%6ld  %-8s  %s\n", tally[i].faults, why_plan_name(tally[i].plan), tally[i].kind);
    all += tally[i].faults;
  }
  printf("%ld faults survived\n", all);
}

// ---- a case ------------------------------------------------------------------------------------

// c = alpha a b + beta c, n times in a row, is one such product with other scales; unless each call
// starts from the c that was copied in.
static void repeat(struct why_problem *p, int64_t n) {
  if (strcmp(p->op->name, "gemm") != 0) return;
  double beta = p->real[GEMM_BETA], sum = 0;
  for (int64_t i = 0; i < n; i++) sum += pow(beta, (double)i);
  p->real[GEMM_ALPHA] *= sum;
  p->real[GEMM_BETA] = pow(beta, (double)n);
}

void campaign_open(struct campaign *c, struct emulated *e, const struct fault_case *of) {
  struct why_problem problem;
  struct why_error error;
  if (why_problem_parse(of->problem, &problem, &error)) fail_msg("%s: %s", of->problem, error.text);
  *c = (struct campaign){.e = e, .of = of};
  why_request_default(&problem, &c->request);
  c->request.transfer = of->transfer;
  c->request.iterations = of->iterations;
  c->request.submit = of->submit;
  c->request.policy = WHY_GPU_FIRST;
  c->request.threads = 1;
  if (of->device_bytes) c->request.budget.device_bytes = of->device_bytes;
  if (*of->kernel) {
    c->request.policy = of->plan == WHY_ON_HOST ? WHY_CPU_ONLY : WHY_GPU_ONLY;
    c->request.plans = 1u << of->plan;
    strcpy(c->request.kernel, of->kernel);
  }
  repeat(&problem, of->iterations);
  operands_make(&c->operands, &problem, 11);
}

void campaign_close(struct campaign *c) {
  operands_free(&c->operands);
  why_decision_free(&c->decision);
}

void campaign_ready(struct campaign *c, const char *fault, ...) {
  va_list list;
  const struct fault_case *of = c->of;
  int used = snprintf(c->what, sizeof c->what, "%s, %s %s %s x%lld, seed %u: ", of->problem,
                      *of->kernel ? of->kernel : "any", why_plan_name(of->plan),
                      why_transfer_name(of->transfer), (long long)of->iterations, of->seed);
  va_start(list, fault);
  vsnprintf(c->what + used, sizeof c->what - (size_t)used, fault, list);
  va_end(list);
  watchdog(c->what);
  c->e->reset();
  assert_int_equal(why_consult(c->e->machine, &c->request), WHY_OK);
  assert_int_equal(why_decide(c->e->machine, &c->request, &c->decision), WHY_OK);
  c->first = c->decision.chosen;
  if (c->first < 0)
    fail_msg("%s: nothing can run, %s", c->what, why_name(c->decision.fallback.reason));
  const struct why_candidate *chosen = &c->decision.candidate[c->first];
  if (chosen->plan != of->plan)
    fail_msg("%s: the plan is %s", c->what, why_plan_name(chosen->plan));
  if (of->plan == WHY_STREAMED) assert_true(chosen->parts.count > 1);
  c->e->reset();
  c->e->seed(of->seed);
  operands_reset(&c->operands);
}

static void as_it_came(const struct campaign *c) {
  const struct why_problem *p = &c->request.problem;
  for (int i = 0; i < p->op->operands; i++) {
    const struct why_tensor *now = &c->operands.now[i], *before = &c->operands.before[i];
    if (p->op->role(p, i) == WHY_INOUT && memcmp(now->data, before->data, why_tensor_bytes(now)))
      fail_msg("%s: %s is not as it came", c->what, p->op->operand[i]);
  }
}

void campaign_call(struct campaign *c) {
  struct why_times times;
  c->used = c->e->used();
  c->pinned = c->e->host();
  c->ends = why_run(c->e->machine, &c->decision, c->operands.now, &times);
  watchdog(NULL);
}

void campaign_look(const struct campaign *c) {
  const struct why_decision *d = &c->decision;
  if (c->e->used() != c->used || c->e->host() != c->pinned)
    fail_msg("%s: %lld bytes of the device and %lld of pinned memory are not given back", c->what,
             (long long)(c->e->used() - c->used), (long long)(c->e->host() - c->pinned));
  operands_intact(&c->operands, c->what);
  if (!c->ends) {
    assert_int_equal(d->candidate[d->chosen].verdict.reason, WHY_OK);
    operands_right(&c->operands, c->what);
    return;
  }
  if (d->chosen >= 0) fail_msg("%s: %s, and one is chosen", c->what, why_name(c->ends));
  if (d->fallback.reason != c->ends && c->request.policy == WHY_GPU_ONLY)
    fail_msg("%s: it ends with %s, and says %s", c->what, why_name(c->ends),
             why_name(d->fallback.reason));
  as_it_came(c);
}

void campaign_run(struct campaign *c) {
  campaign_call(c);
  campaign_look(c);
}

bool campaign_failed(struct campaign *c, enum why_reason reason) {
  const struct why_verdict *v = &c->decision.candidate[c->first].verdict;
  if (v->reason == WHY_OK) {
    assert_int_equal(c->decision.chosen, c->first);
    return false;
  }
  if (v->reason != reason)
    fail_msg("%s: %s (%s), not %s", c->what, why_name(v->reason), v->note, why_name(reason));
  if (!*v->note) fail_msg("%s: %s without words", c->what, why_name(v->reason));
  if (reason == WHY_ALLOC_FAILED && !(v->need > 0)) fail_msg("%s: how much?", c->what);
  return true;
}
