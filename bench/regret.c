// Regret, measured. See regret.h. Results are not checked here (`check` and `bench` do): a
// candidate that fails is left out and counted.
#include "regret.h"
#include "clock.h"
#include "figures.h"
#include "operands.h"
#include "progress.h"
#include "statistics.h"
#include "terms.h"
#include "timing.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Each suite is measured in passes, and the fastest of a candidate's samples counts, each the mean
// of many requests: on machines that are shared others come and go within milliseconds, and take up
// to half of a core from one candidate and not from the next.
enum { MOST = 64, PASSES = 3, ROUNDS_LEAST = 3, WORST = 10 };
static const double SAMPLE_SECONDS = 1e-4; // long beside the clock and what wakes between samples

const struct table_column regret_column[] = {
    {"suite"},    {"op"},       {"type"},         {"dims"},      {"threads"},     {"backend"},
    {"kernel"},   {"device"},   {"plan"},         {"status"},    {"predicted_s"}, {"measured_s"},
    {"samples"},  {"launch_s"}, {"arithmetic_s"}, {"traffic_s"}, {"loops_s"},     {"hidden_s"},
    {"copies_s"}, {"costs"},    {"regret"}};
const int regret_columns = sizeof regret_column / sizeof *regret_column;

struct case_of { // a decision whose candidates were measured
  char text[192], chosen[48], best[48], term[192];
  double regret;
};
struct state {
  struct why_machine *machine;
  const struct options *options;
  const struct regret_rules *rules;
  struct table *table;
  const char *suite;
  int pass;
  double *fastest; // of each item of the suite, MOST candidates: so far; NAN: not measured
  double sum_log;  // of regrets
  double *error, *chosen_error; // |predicted / measured - 1|
  int64_t errors, chosen_errors, capacity, cases, failed, slow;
  struct case_of worst[WORST + 1]; // falling
  int worsts;
};

// ---- what a prediction was wrong about ----------------------------------------------------------

// The term that makes up most of a prediction, in words.
static void largest_term(const struct why_candidate *c, char *out, size_t size) {
  const struct why_op *op = why_op_find(c->kernel->op);
  double most = c->terms.launch;
  double copies = c->copy_in_seconds + c->copy_out_seconds;
  const char *name = "launch";
  if (c->terms.arithmetic > most) most = c->terms.arithmetic, name = "arithmetic";
  for (int i = 0; i < op->operands; i++)
    if (c->terms.traffic[i] > most) most = c->terms.traffic[i], name = op->operand[i];
  for (int i = 0; i < WHY_LOOPS && op->loop[i]; i++)
    if (c->terms.loop[i] > most) most = c->terms.loop[i], name = op->loop[i];
  if (c->terms.edges > most) most = c->terms.edges, name = "ragged rows";
  if (c->terms.aliased > most) most = c->terms.aliased, name = "cache sets";
  if (c->terms.far > most) most = c->terms.far, name = "rows far apart";
  if (copies > most) most = copies, name = "copies";
  char seconds[32];
  unit_text(most, TABLE_SECONDS, seconds, sizeof seconds);
  snprintf(out, size, "%s %s", name, seconds);
}

static void kernel_name(const struct why_candidate *c, char *out, size_t size) {
  snprintf(out, size, "%s:%s", c->kernel->backend, c->kernel->name);
}

static void keep_worst(struct state *s, const struct why_decision *d, const struct timing *chosen,
                       const struct timing *best, double chosen_s, double best_s) {
  const struct why_candidate *c = &d->candidate[chosen->candidate];
  const struct why_candidate *b = &d->candidate[best->candidate];
  struct case_of x = {.regret = chosen_s / best_s};
  if (s->worsts == WORST && s->worst[WORST - 1].regret >= x.regret) return;
  // Whichever of the two predictions is further off.
  bool own = fabs(log(c->seconds / chosen_s)) >= fabs(log(b->seconds / best_s));
  const struct why_candidate *off = own ? c : b;
  double took = own ? chosen_s : best_s;
  char term[64], predicted[32], measured[32], name[48];
  largest_term(off, term, sizeof term);
  unit_text(off->seconds, TABLE_SECONDS, predicted, sizeof predicted);
  unit_text(took, TABLE_SECONDS, measured, sizeof measured);
  kernel_name(off, name, sizeof name);
  char dims[128];
  why_problem_text(&d->request.problem, dims, sizeof dims);
  if (d->request.threads)
    snprintf(x.text, sizeof x.text, "%s, %d thread%s", dims, d->request.threads,
             d->request.threads > 1 ? "s" : "");
  else
    snprintf(x.text, sizeof x.text, "%s, all threads", dims);
  kernel_name(c, x.chosen, sizeof x.chosen);
  kernel_name(b, x.best, sizeof x.best);
  snprintf(x.term, sizeof x.term, "%.30s took %s, predicted %s: %.28s", name, measured, predicted,
           term);
  int at = s->worsts;
  while (at > 0 && s->worst[at - 1].regret < x.regret) {
    s->worst[at] = s->worst[at - 1];
    at--;
  }
  s->worst[at] = x;
  if (s->worsts < WORST) s->worsts++;
}

// ---- one decision -------------------------------------------------------------------------------

static bool keep_error(struct state *s, double error, bool chosen) {
  if (s->errors == s->capacity) {
    int64_t capacity = s->capacity ? 2 * s->capacity : 1024;
    double *all = realloc(s->error, (size_t)capacity * sizeof *all);
    if (all) s->error = all;
    double *own = realloc(s->chosen_error, (size_t)capacity * sizeof *own);
    if (own) s->chosen_error = own;
    if (!all || !own) return false;
    s->capacity = capacity;
  }
  s->error[s->errors++] = error;
  if (chosen) s->chosen_error[s->chosen_errors++] = error;
  return true;
}

static void put_row(struct state *s, const struct why_decision *d, const struct timing *t,
                    double seconds, double best) {
  struct table *table = s->table;
  const struct why_candidate *c = &d->candidate[t->candidate];
  char dims[256];
  bool chosen = t->candidate == d->chosen;
  why_problem_dims(&d->request.problem, dims, sizeof dims);
  table_string(table, s->suite);
  table_string(table, c->kernel->op);
  table_string(table, why_type_name(d->request.problem.type));
  table_string(table, dims);
  table_integer(table, d->request.threads);
  table_string(table, c->kernel->backend);
  table_string(table, c->kernel->name);
  table_string(table, why_machine_device(s->machine, c->device)->name);
  table_string(table, why_plan_name(c->plan));
  table_string(table, chosen ? "chosen" : "compared");
  table_number(table, c->seconds);
  table_number(table, seconds);
  table_integer(table, t->samples);
  table_number(table, c->terms.launch);
  table_number(table, c->terms.arithmetic);
  table_number(table, terms_traffic(&c->terms));
  table_number(table, terms_loops(&c->terms));
  table_number(table, c->terms.hidden);
  table_number(table, c->copy_in_seconds + c->copy_out_seconds);
  table_string(table, c->fit ? "fitted" : "prior");
  table_number(table, chosen ? seconds / best : NAN);
}

// Samples in turns, so that what disturbs one disturbs all.
static void sample(struct timing *t, int n, double seconds) {
  double end = seconds_now() + seconds * n;
  for (int round = 0; round < TIMING_SAMPLES && !interrupted(); round++) {
    if (round >= ROUNDS_LEAST && seconds_now() > end) break;
    for (int i = 0; i < n; i++) {
      if (n > 1) timing_rest();
      timing_sample(&t[i]);
    }
  }
}

static void keep_fastest(struct timing *t, int n, double *fastest) {
  for (int i = 0; i < n; i++)
    fastest[t[i].candidate] = fmin(fastest[t[i].candidate], timing_fastest(&t[i]));
}

static int settle(struct state *s, struct why_decision *d, struct timing *t, int n,
                  const double *fastest) {
  double best = INFINITY;
  int chosen = -1, first = -1;
  for (int i = 0; i < n; i++) {
    double seconds = fastest[t[i].candidate];
    if (isnan(seconds)) s->failed++;
    if (t[i].candidate == d->chosen && !isnan(seconds)) chosen = i;
    if (seconds < best) best = seconds, first = i;
  }
  if (chosen < 0) return STATUS_OK;
  for (int i = 0; i < n; i++) {
    double predicted = d->candidate[t[i].candidate].seconds, seconds = fastest[t[i].candidate];
    if (isnan(seconds)) continue;
    if (!isnan(predicted) && !keep_error(s, fabs(predicted / seconds - 1), i == chosen))
      return machine_failed("out of memory");
    if (s->table) put_row(s, d, &t[i], seconds, best);
  }
  double took = fastest[d->chosen];
  s->cases++;
  s->sum_log += log(took / best);
  keep_worst(s, d, &t[chosen], &t[first], took, best);
  return STATUS_OK;
}

static int measure(struct state *s, struct why_decision *d, double *fastest) {
  struct timing t[MOST];
  struct operands data;
  int n = 0, status = STATUS_OK;
  bool last = s->pass == PASSES - 1;
  if (d->chosen < 0 || d->candidate[d->chosen].seconds > s->rules->limit) {
    s->slow += last;
    return STATUS_OK;
  }
  if (operands_make(&d->request.problem, s->rules->seed, 0, &data)) {
    operands_free(&data);
    return machine_failed("out of memory");
  }
  for (int i = 0; i < d->candidates && i < MOST; i++) {
    const struct why_candidate *c = &d->candidate[i];
    if (!why_could_run(c->verdict.reason) || c->seconds > s->rules->limit) continue;
    n += timing_open(s->machine, d, i, data.tensor, SAMPLE_SECONDS, 1, &t[n]);
  }
  sample(t, n, s->rules->seconds / PASSES);
  keep_fastest(t, n, fastest);
  if (last && !interrupted()) status = settle(s, d, t, n, fastest);
  for (int i = 0; i < n; i++) timing_close(&t[i]);
  operands_free(&data);
  return status;
}

static int decide(struct state *s, const struct why_request *request, struct why_decision *decision,
                  double *fastest) {
  enum why_reason reason = why_consult(s->machine, request);
  if (!reason) reason = why_decide(s->machine, request, decision);
  if (reason) return machine_failed("it could not be decided: %s", why_sentence(reason));
  return measure(s, decision, fastest);
}

// ---- all of them --------------------------------------------------------------------------------

static bool same(const struct why_problem *a, const struct why_problem *b) {
  bool equal = a->op == b->op && a->type == b->type && a->math == b->math;
  for (int i = 0; equal && i < a->op->params; i++)
    equal = a->value[i] == b->value[i] && a->real[i] == b->real[i];
  return equal;
}

static bool known(const struct suite *suite, int64_t count, const struct why_problem *p) {
  for (int64_t i = 0; i < count; i++)
    if (same(&suite->item[i].problem, p)) return true;
  return false;
}

static double middle(double *x, int64_t n) {
  if (!n) return NAN;
  sort_rising(x, n);
  return x[n / 2];
}

static void say(struct state *s, FILE *out) {
  if (!s->cases) {
    fprintf(out, "nothing could be measured\n");
    return;
  }
  fprintf(out,
          "regret, measured: the chosen against the best of %lld decisions: %.2f%% in the "
          "geometric mean, %.2fx at worst\n",
          (long long)s->cases, 100 * expm1(s->sum_log / (double)s->cases), s->worst[0].regret);
  fprintf(out,
          "predicted against measured: median error %.1f%% of %lld chosen, %.1f%% of all %lld\n",
          100 * middle(s->chosen_error, s->chosen_errors), (long long)s->chosen_errors,
          100 * middle(s->error, s->errors), (long long)s->errors);
  if (s->slow)
    fprintf(out, "%lld decisions left out: predicted to take more than %g s (--compare-limit)\n",
            (long long)s->slow, s->rules->limit);
  if (s->failed) fprintf(out, "%lld candidates failed and were left out\n", (long long)s->failed);
  for (int i = 0; i < s->worsts; i++)
    fprintf(out, "%6.2fx  %s\n         chose %s, best %s; %s\n", s->worst[i].regret,
            s->worst[i].text, s->worst[i].chosen, s->worst[i].best, s->worst[i].term);
}

// Is it measured already: for the calibration, or as an earlier problem of the suites?
static bool measured(const struct suite *calibration, const struct suite *suite, int at,
                     int64_t item) {
  const struct why_problem *p = &suite[at].item[item].problem;
  bool found = known(calibration, calibration->count, p) || known(&suite[at], item, p);
  for (int before = 0; before < at && !found; before++)
    found = known(&suite[before], suite[before].count, p);
  return found;
}

// The items of one suite in all passes. The first item of the first suite pins the threads.
static int one_suite(struct state *s, const struct suite *calibration, const struct suite *suite,
                     int at, int request_index, struct why_decision *decision,
                     struct progress *progress) {
  const struct suite *of = &suite[at];
  int status = STATUS_OK;
  s->suite = of->name;
  s->fastest = malloc((size_t)of->count * MOST * sizeof *s->fastest);
  if (!s->fastest) return machine_failed("out of memory");
  for (int64_t i = 0; i < of->count * MOST; i++) s->fastest[i] = NAN;
  for (s->pass = 0; s->pass < PASSES; s->pass++)
    for (int64_t i = 0; i < of->count && !status && !interrupted(); i++) {
      struct why_request request;
      options_request(s->options, s->machine, &of->item[i].problem, request_index, &request);
      if (!at && !i && !s->pass) (void)why_pin(request.threads);
      if (!measured(calibration, suite, at, i))
        status = decide(s, &request, decision, &s->fastest[i * MOST]);
      progress_step(progress);
    }
  free(s->fastest);
  return status;
}

int regret_run(struct why_machine *machine, const struct options *o, const struct suite *suite,
               int suites, const struct regret_rules *rules, struct table *table, FILE *out) {
  struct state s = {.machine = machine, .options = o, .rules = rules, .table = table};
  struct why_decision decision = {0};
  struct suite calibration;
  struct why_error error;
  struct progress progress;
  int status = STATUS_OK;
  int64_t total = 0;
  why_open_all(machine); // before threads are pinned: OpenMP counts the CPUs when it comes in
  if (!*why_machine_calibrated(machine)) { // figures at least, and priors on them
    enum why_reason reason = figures_measure(machine, CEILINGS_FEW);
    if (reason) return machine_failed("measuring failed: %s", why_sentence(reason));
  }
  if (suite_open("calibration", &calibration, &error))
    return machine_failed("the suite calibration: %s", error.text);
  int requests = options_requests(o);
  for (int i = 0; i < suites; i++) total += suite[i].count * requests * PASSES;
  interrupt_defer(true);
  progress_start(&progress, "regret", 0, total);
  for (int r = 0; r < requests && !status && !interrupted(); r++)
    for (int i = 0; i < suites && !status && !interrupted(); i++)
      status = one_suite(&s, &calibration, suite, i, r, &decision, &progress);
  progress_clear(&progress);
  (void)why_bind(0);
  if (!status) say(&s, out);
  if (interrupted() && !status) status = STATUS_INTERRUPTED;
  interrupt_defer(false);
  why_decision_free(&decision);
  suite_free(&calibration);
  free(s.error);
  free(s.chosen_error);
  return status;
}
