// See calibrate.h. Calls alone are timed, with the operands where the kernel wants them and the
// caches as the call before left them; copies to a device are figures of their own.
#include "calibrate.h"
#include "clock.h"
#include "fit.h"
#include "operands.h"
#include "program.h"
#include "progress.h"
#include "suite.h"
#include "timing.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Every problem is measured in up to so many passes, as the time allows, and the fastest sample
// counts, the mean of many requests: what disturbs a measurement only adds to it, and what disturbs
// one may spare the other.
enum { MOST = 64, PASSES = 4, SLOW_PASSES = 2, ROUNDS = 4 };
static const double SAMPLE_SECONDS = 1e-4; // at least
// What is predicted to take longer than LIMIT is not measured, nor what takes longer than a sample
// where another kernel is HOPELESS times as fast. What takes longer than SLOW is sampled once a
// pass, in the first ones only.
static const double LIMIT = 0.03, HOPELESS = 8, SLOW = 1e-3;

struct group { // what one fit is made of
  const struct why_kernel *kernel;
  int device, threads;
  enum why_type type;
  const char *form;
  struct fit_point *point;
  int64_t *problem; // of each point: its place in the suite
  int points, capacity;
  struct why_cost prior; // of the last problem; it depends on the type alone
  double slowest, off;   // seconds of its slowest point, and by what factor its prior was off there
};
struct state {
  struct why_machine *machine;
  struct group *group;
  int groups, capacity;
  const struct suite *suite;
  int pass;
  int64_t problem; // the one in hand: its place in the suite
  struct calibration *result;
};

static struct group *group_of(struct state *s, const struct why_kernel *k, int device, int threads,
                              enum why_type type, const char *form) {
  for (int i = 0; i < s->groups; i++) {
    struct group *g = &s->group[i];
    if (g->kernel == k && g->device == device && g->threads == threads && g->type == type &&
        !strcmp(g->form, form))
      return g;
  }
  if (s->groups == s->capacity) {
    int capacity = s->capacity ? 2 * s->capacity : 64;
    struct group *grown = realloc(s->group, (size_t)capacity * sizeof *grown);
    if (!grown) return NULL;
    s->group = grown;
    s->capacity = capacity;
  }
  double off = 1; // what other forms have shown
  for (int i = 0; i < s->groups; i++)
    if (s->group[i].kernel == k && s->group[i].type == type && s->group[i].slowest > 0)
      off = s->group[i].off;
  s->group[s->groups] = (struct group){
      .kernel = k, .device = device, .threads = threads, .type = type, .form = form, .off = off};
  return &s->group[s->groups++];
}

// The point of the problem in hand; NULL: it was not measured yet.
static struct fit_point *point_of(struct state *s, struct group *g) {
  for (int i = 0; i < g->points; i++)
    if (g->problem[i] == s->problem) return &g->point[i];
  return NULL;
}

// Made where there is none, of a time that any is below; NULL: out of memory.
static struct fit_point *point_for(struct state *s, struct group *g) {
  struct fit_point *found = point_of(s, g);
  if (found) return found;
  if (g->points == g->capacity) {
    int capacity = g->capacity ? 2 * g->capacity : 32;
    struct fit_point *point = realloc(g->point, (size_t)capacity * sizeof *point);
    int64_t *problem = point ? realloc(g->problem, (size_t)capacity * sizeof *problem) : NULL;
    if (point) g->point = point;
    if (!problem) return NULL;
    g->problem = problem;
    g->capacity = capacity;
  }
  g->problem[g->points] = s->problem;
  g->point[g->points] = (struct fit_point){.seconds = INFINITY};
  return &g->point[g->points++];
}

static struct group *group_for(struct state *s, const struct why_decision *d,
                               const struct why_candidate *c) {
  const struct why_request *r = &d->request;
  return group_of(s, c->kernel, c->device, why_kernel_on_host(c->kernel) ? r->threads : 0,
                  r->problem.type, why_form_of(&r->problem));
}

static bool keep(struct state *s, const struct why_decision *d, const struct why_candidate *c,
                 double seconds) {
  const struct why_request *r = &d->request;
  struct group *g = group_for(s, d, c);
  struct fit_point *p = g ? point_for(s, g) : NULL;
  if (!p) return false;
  p->seconds = fmin(p->seconds, seconds);
  s->result->points++;
  if (seconds > g->slowest) {
    g->slowest = seconds;
    g->off = seconds / c->seconds;
  }
  why_predict_prior(s->machine, c->device, c->kernel, &r->problem, r->threads, &g->prior);
  return true;
}

// A kernel of the host is measured with as many threads as it can use; a GPU's once. fastest: of
// the other kernels so far.
static bool wanted(struct state *s, const struct why_decision *d, const struct why_candidate *c,
                   int all, double fastest) {
  int threads = d->request.threads;
  if (!why_could_run(c->verdict.reason) || c->plan == WHY_STREAMED || c->seconds > LIMIT)
    return false;
  struct group *g = group_for(s, d, c);
  const struct fit_point *before = g ? point_of(s, g) : NULL;
  if (before && before->seconds > SLOW && s->pass >= SLOW_PASSES) return false;
  double expected = before ? before->seconds : c->seconds * (g ? g->off : 1);
  if (expected > SAMPLE_SECONDS && expected > HOPELESS * fastest) return false;
  if (!why_kernel_on_host(c->kernel)) return threads == all;
  return !c->kernel->threads || threads <= c->kernel->threads;
}

// The fastest first, as it was predicted, so that what is hopeless beside it shows.
static int in_order(const struct why_decision *d, int order[MOST]) {
  int n = 0;
  for (int i = 0; i < d->candidates && n < MOST; i++) {
    int at = n++;
    for (; at > 0 && d->candidate[order[at - 1]].seconds > d->candidate[i].seconds; at--)
      order[at] = order[at - 1];
    order[at] = i;
  }
  return n;
}

static bool measure(struct state *s, struct why_decision *d, int all) {
  struct operands data = {0};
  double fastest = INFINITY;
  bool well = !operands_make(&d->request.problem, 1, 0, &data);
  int order[MOST], n = in_order(d, order);
  for (int i = 0; well && i < n; i++) {
    struct timing t;
    struct why_candidate *c = &d->candidate[order[i]];
    if (!wanted(s, d, c, all, fastest) ||
        !timing_open(s->machine, d, order[i], data.tensor, SAMPLE_SECONDS, 0, &t))
      continue;
    if (d->request.threads > 1) timing_rest();
    bool slow = t.samples && t.sample[0] > SLOW;
    for (int round = 1; round < ROUNDS && !slow; round++) timing_sample(&t);
    double seconds = timing_fastest(&t);
    if (seconds > 0) well = keep(s, d, c, seconds);
    fastest = fmin(fastest, seconds);
    timing_close(&t);
  }
  operands_free(&data);
  return well;
}

// The units of a group's points for this distance.
static void set_units(struct state *s, struct group *g, double distance) {
  struct why_cost unit = fit_unit;
  unit.distance = distance;
  for (int i = 0; i < g->points; i++)
    why_predict_terms(s->machine, g->device, g->kernel, &s->suite->item[g->problem[i]].problem,
                      g->threads, WHY_HOT, &unit, &g->point[i].unit);
}

// The best of fits with several distances, each weighed by how far it is from a copy's.
static bool fit_group(struct state *s, struct group *g, struct why_fit *fit) {
  static const double distance[] = {0.7, 1, 1.4, 2, 2.8}, off = 0.5; // off: in log, as taken before
  double best = INFINITY;
  for (size_t i = 0; i < sizeof distance / sizeof *distance; i++) {
    struct why_cost cost;
    double error, missed, far = log(distance[i]) / off;
    set_units(s, g, distance[i]);
    if (!fit_costs(g->point, g->points, &g->prior, &cost, &error, &missed)) return false;
    if (missed + far * far >= best) continue;
    best = missed + far * far;
    fit->cost = cost;
    fit->cost.distance = distance[i];
    fit->error = error;
  }
  return true;
}

static int fit_all(struct state *s) {
  for (int i = 0; i < s->groups; i++) {
    struct group *g = &s->group[i];
    struct why_fit fit = {.kernel = g->kernel,
                          .device = g->device,
                          .type = g->type,
                          .form = g->form,
                          .threads = g->threads,
                          .points = g->points};
    if (!fit_group(s, g, &fit)) continue;
    if (why_fit_add(s->machine, &fit)) return machine_failed("out of memory");
    s->result->fits++;
  }
  return STATUS_OK;
}

static bool one(struct state *s, const struct why_problem *p, int threads, int all,
                struct why_decision *d) {
  struct why_request request;
  bool any = false;
  why_request_default(p, &request);
  request.threads = threads;
  if (why_consult(s->machine, &request) || why_decide(s->machine, &request, d)) return false;
  for (int i = 0; i < d->candidates; i++) any |= wanted(s, d, &d->candidate[i], all, INFINITY);
  return !any || measure(s, d, all);
}

// A step coprime to the count, so that a suite cut short has still seen some of everything.
static int64_t stride_of(int64_t count) {
  int64_t stride = count / 3 + 1;
  for (;; stride++) {
    int64_t a = count, b = stride;
    while (b) {
      int64_t rest = a % b;
      a = b;
      b = rest;
    }
    if (a == 1) return stride;
  }
}

int calibrate(struct why_machine *machine, double seconds, struct calibration *result) {
  struct suite suite;
  struct state s = {.machine = machine, .suite = &suite, .result = result};
  struct why_decision decision = {0};
  struct why_error error;
  struct progress progress;
  int status = STATUS_OK, all = why_machine_device(machine, 0)->multiprocessors;
  *result = (struct calibration){0};
  if (suite_open("calibration", &suite, &error))
    return machine_failed("the suite calibration: %s", error.text);
  // One thread first, then all, in each pass: threads that are set free from one core take a while
  // to spread.
  double end = seconds_now() + seconds;
  int64_t stride = stride_of(suite.count), turns = (int64_t)PASSES * (all > 1 ? 2 : 1), at = 0;
  progress_start(&progress, "calibrating", 0, turns * suite.count);
  for (int64_t i = 0; i < turns * suite.count && !status && !interrupted(); i++) {
    int threads = all > 1 && i / suite.count % 2 ? all : 1;
    if (i % suite.count == 0) (void)why_pin(threads);
    s.pass = (int)(i / suite.count / (all > 1 ? 2 : 1));
    bool late = seconds_now() > end;
    at = (at + stride) % suite.count;
    s.problem = at;
    if (late && i < turns / PASSES * suite.count) result->cut++;
    if (!late && !one(&s, &suite.item[at].problem, threads, all, &decision))
      status = machine_failed("out of memory");
    progress_step(&progress);
  }
  progress_clear(&progress);
  (void)why_bind(0);
  if (!status) status = fit_all(&s);
  why_decision_free(&decision);
  suite_free(&suite);
  for (int i = 0; i < s.groups; i++) {
    free(s.group[i].point);
    free(s.group[i].problem);
  }
  free(s.group);
  return status;
}
