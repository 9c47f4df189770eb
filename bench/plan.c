// Deciding for every machine, budget and problem. why_decide is pure, so that the cores share the
// machines. Leaves out how it is shown (plan_text.c, plan_table.c).
#include "plan.h"
#include "machines.h"
#include "progress.h"
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- budgets ------------------------------------------------------------------------------------

const struct why_facts *plan_device(const struct plan_machine *m) {
  int gpu = machine_gpu(m->machine);
  return why_machine_device(m->machine, gpu < 0 ? 0 : gpu);
}

const char *plan_figures(const struct plan_machine *m) {
  const char *provenance = plan_device(m)->provenance;
  return *provenance ? provenance : "no";
}

bool plan_named(const struct plan_machine *m, const char *name) {
  return !strcmp(name, m->name) || !strcmp(name, m->asked);
}

static uint64_t whole(const struct plan_machine *m) {
  if (machine_gpu(m->machine) < 0) return 0;
  const struct why_facts *f = plan_device(m);
  return f->free_bytes ? f->free_bytes : f->memory_bytes;
}

bool plan_rung(struct plan_machine *m, uint64_t bytes) {
  uint64_t most = whole(m);
  if (bytes > most) bytes = most;
  int at = 0;
  if (!most && m->rungs) return false;
  while (at < m->rungs && m->cell[at].device_bytes < bytes) at++;
  if (at < m->rungs && m->cell[at].device_bytes == bytes) return true;
  if (m->rungs == PLAN_RUNGS) return false;
  memmove(&m->cell[at + 1], &m->cell[at], (size_t)(m->rungs - at) * sizeof m->cell[0]);
  m->cell[at] = (struct plan_cell){.device_bytes = bytes};
  m->rungs++;
  return true;
}

void plan_ladder(struct plan_machine *m, const struct amount *list, int listed) {
  uint64_t most = whole(m);
  m->rungs = 0;
  for (int i = 0; i < listed; i++)
    plan_rung(m, amount_bytes(&list[i], plan_device(m)->memory_bytes));
  if (listed) return;
  for (uint64_t bytes = 64 << 20; bytes && bytes < most; bytes *= 2) plan_rung(m, bytes);
  plan_rung(m, most);
}

const struct plan_cell *plan_least(const struct plan_machine *m) {
  for (int i = 0; i < m->rungs; i++)
    if (m->cell[i].serves) return &m->cell[i];
  return NULL;
}

const struct plan_cell *plan_at(const struct plan_machine *m, uint64_t bytes) {
  uint64_t most = whole(m);
  if (bytes > most) bytes = most;
  for (int i = 0; i < m->rungs; i++)
    if (m->cell[i].device_bytes == bytes) return &m->cell[i];
  return NULL;
}

// ---- one cell -----------------------------------------------------------------------------------

// What became of a problem.
struct outcome {
  struct why_candidate chosen; // of PLAN_NOWHERE: zeroes, and no seconds
  struct why_verdict fallback;
  enum plan_place place;
};

static struct outcome outcome_of(const struct why_decision *d) {
  struct outcome out = {{.seconds = NAN}, d->fallback, PLAN_NOWHERE};
  if (d->chosen < 0) return out;
  out.chosen = d->candidate[d->chosen];
  bool host = why_kernel_on_host(out.chosen.kernel);
  out.place = host ? PLAN_CPU : out.chosen.plan == WHY_STREAMED ? PLAN_PARTS : PLAN_GPU;
  return out;
}

// A budget is a bound and no duty: under `auto`, what was faster in less memory serves in more. The
// parts of streamed plans are searched for, and a search may find better ones where it has less.
static bool better_in_less(const struct outcome *less, const struct outcome *now,
                           const struct why_request *request) {
  return request->policy == WHY_AUTO && !*request->kernel &&
         less->chosen.seconds < now->chosen.seconds;
}

// How far it is from the goals of a problem; without such goals, its seconds.
static double miss_of(const struct goals *goals, const struct goal_figures *figures, bool *holds) {
  double miss = 0;
  *holds = !isnan(figures->median_s);
  for (int i = 0; i < goals->count; i++) {
    const struct goal *g = &goals->goal[i];
    if (goal_of_all(g)) continue;
    *holds &= goal_holds(g, figures);
    miss = fmax(miss, goal_miss(g, figures));
  }
  if (goals_of_each(goals)) return miss;
  return isnan(figures->median_s) ? INFINITY : figures->median_s;
}

static void add_problem(const struct plan *plan, struct plan_cell *cell,
                        const struct suite_case *item, const struct outcome *out,
                        int64_t iterations) {
  const struct why_problem *p = &item->problem;
  double seconds = out->chosen.seconds, rate = (double)iterations / seconds / 1e9;
  struct goal_figures figures = {seconds, p->op->flops(p) * rate, p->op->bytes(p) * rate, NAN};
  bool holds;
  double miss = miss_of(&plan->goals, &figures, &holds);
  cell->problems++;
  cell->holds += holds;
  cell->count[out->place]++;
  cell->seconds[out->place] += isnan(seconds) ? 0 : seconds;
  cell->total_seconds += seconds;
  if (!isnan(cell->slowest_seconds) && !(seconds <= cell->slowest_seconds))
    cell->slowest_seconds = seconds;
  if (out->place >= PLAN_CPU) cell->fallback[out->fallback.reason]++;
  if (!cell->farthest.item || miss > cell->farthest.miss)
    cell->farthest = (struct plan_farthest){item, miss, out->place, out->chosen, out->fallback};
}

static bool serves(const struct plan *plan, const struct plan_cell *cell) {
  struct goal_figures figures = {NAN, NAN, NAN, cell->total_seconds};
  bool well = (double)cell->holds >= plan->share * (double)cell->problems;
  for (int i = 0; i < plan->goals.count; i++)
    if (goal_of_all(&plan->goals.goal[i])) well &= goal_holds(&plan->goals.goal[i], &figures);
  return well;
}

// less: what became of each problem under the budget before, kept for the next one.
static int fill(const struct plan *plan, const struct plan_machine *m, struct plan_cell *cell,
                struct why_decision *decision, struct outcome *less, bool first) {
  for (int s = 0; s < plan->suites; s++)
    for (int64_t i = 0; i < plan->suite[s].count; i++, less++) {
      const struct suite_case *item = &plan->suite[s].item[i];
      struct why_request request;
      options_request(plan->options, m->machine, &item->problem, 0, &request);
      request.budget.device_bytes = cell->device_bytes ? cell->device_bytes : WHY_UNLIMITED;
      // Suites hold checked problems only: what is left to fail is memory.
      if (why_decide(m->machine, &request, decision) != WHY_OK) return ENOMEM;
      struct outcome now = outcome_of(decision);
      if (first || !better_in_less(less, &now, &request)) *less = now;
      add_problem(plan, cell, item, less, request.iterations);
    }
  cell->serves = serves(plan, cell);
  return 0;
}

// ---- all machines -------------------------------------------------------------------------------

struct work {
  struct plan *plan;
  int64_t problems;
  atomic_int next, done; // machines; cells
  atomic_int error;
  struct progress progress; // drawn by the first worker
};

static void work(struct work *w, bool draws) {
  struct why_decision decision = {0};
  struct outcome *outcome = calloc((size_t)w->problems, sizeof *outcome);
  if (!outcome) {
    atomic_store(&w->error, ENOMEM);
    return;
  }
  for (int i; (i = atomic_fetch_add(&w->next, 1)) < w->plan->machines;) {
    struct plan_machine *m = &w->plan->machine[i];
    for (int r = 0; r < m->rungs && !atomic_load(&w->error); r++) {
      int error = fill(w->plan, m, &m->cell[r], &decision, outcome, r == 0);
      if (error) atomic_store(&w->error, error);
      int done = atomic_fetch_add(&w->done, 1);
      if (!draws) continue;
      w->progress.done = done;
      progress_step(&w->progress);
    }
  }
  free(outcome);
  why_decision_free(&decision);
}

static void *other_worker(void *to) {
  work(to, false);
  return NULL;
}

int plan_run(struct plan *plan) {
  enum { MOST = 64 };
  pthread_t thread[MOST];
  struct work w = {.plan = plan};
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  int threads = 0;
  int64_t cells = 0;
  for (int i = 0; i < plan->machines; i++) cells += plan->machine[i].rungs;
  for (int i = 0; i < plan->suites; i++) w.problems += plan->suite[i].count;
  progress_start(&w.progress, "predicting", 0, cells);
  while (threads < MOST && threads + 1 < cores && threads + 1 < plan->machines &&
         !pthread_create(&thread[threads], NULL, other_worker, &w))
    threads++;
  work(&w, true);
  for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
  progress_clear(&w.progress);
  return atomic_load(&w.error);
}
