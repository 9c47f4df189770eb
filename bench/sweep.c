// The sweep: decide, run what can run, hand each row over at once. Leaves out how a candidate is
// timed (measure.c) and where rows go (results.c).
#include "sweep.h"
#include "progress.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct state {
  const struct sweep *sweep;
  struct sweep_result *result;
  const struct suite_case *item;
  struct row_maker rows;
  struct why_decision decision;
  struct measured_data data; // of item, made when the first candidate runs
  bool have_data, decides_only;
  struct measure_rules rules;
  bool pinned; // the process is
  bool *tried; // by candidate, of this decision
  int tried_capacity;
};

static bool over(const struct state *s) {
  return s->result->error || s->result->interrupted;
}

static void put(struct state *s, int candidate, const char *status, int64_t attempt,
                const struct measurement *m) {
  struct csv_row row;
  if (!strcmp(status, "failed")) s->result->failed++;
  row_candidate(&s->rows, &s->decision, candidate, status, attempt, m, &row);
  const struct sweep_sink *sink = &s->sweep->sink;
  s->result->error = sink->row(sink->to, s->item, &row,
                               !why_kernel_on_host(s->decision.candidate[candidate].kernel));
}

// As many cores as the request has threads, each thread on one. Where the system does not let us,
// they run where they like.
static void pin(struct state *s) {
  if (!s->rules.timed) return;
  (void)why_pin(s->decision.request.threads);
  s->pinned = true;
}

// Runs one candidate. WHY_OK, or why it failed, which its verdict then has.
static enum why_reason run(struct state *s, int candidate, struct measurement *m) {
  struct why_candidate *c = &s->decision.candidate[candidate];
  enum why_reason reason = WHY_OK;
  s->tried[candidate] = true;
  *m = (struct measurement){.stop = ""};
  if (!s->have_data) {
    reason = measured_data_make(&s->item->problem, s->sweep->rules.seed, &s->data);
    if (reason) {
      c->verdict = (struct why_verdict){reason, 0, 0, "operands in host memory", ""};
      measured_data_free(&s->data);
      return reason;
    }
    s->have_data = true;
  }
  pin(s);
  reason = measure_candidate(s->sweep->machine, &s->decision, candidate, &s->data, &s->rules, m);
  if (m->interrupted || interrupted()) s->result->interrupted = true;
  const struct sweep_samples *samples = &s->sweep->samples;
  if (samples->take && m->samples && !s->result->interrupted)
    samples->take(samples->to, s->rows.run, s->result->decisions, c,
                  &s->rules.instruments->sampler);
  return reason;
}

// The chosen candidate; when it fails, the next best, until one ran.
static void run_chosen(struct state *s) {
  struct why_decision *d = &s->decision;
  for (int64_t attempt = 1; d->chosen >= 0; attempt++) {
    int candidate = d->chosen;
    struct measurement m;
    enum why_reason reason = run(s, candidate, &m);
    if (s->result->interrupted) return;
    if (!reason) {
      put(s, candidate, "chosen", attempt, &m);
      return;
    }
    struct why_verdict failed = d->candidate[candidate].verdict;
    put(s, candidate, "failed", attempt, &m);
    if (over(s)) return;
    why_decide_again(s->sweep->machine, d, &failed);
  }
}

// Is backend:name in the list?
static bool named(const char *list, const struct why_kernel *k) {
  char name[96];
  size_t length = (size_t)snprintf(name, sizeof name, "%s:%s", k->backend, k->name);
  for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
    if (strcspn(at, ",") == length && !strncmp(at, name, length)) return true;
  return false;
}

static bool to_compare(const struct state *s, const struct why_candidate *c) {
  const struct sweep_rules *rules = &s->sweep->rules;
  enum why_reason reason = c->verdict.reason;
  if (reason == WHY_OK || !why_could_run(reason)) return false;
  if (!strcmp(rules->compare, "none")) return false;
  if (strcmp(rules->compare, "all") != 0 && !named(rules->compare, c->kernel)) return false;
  const struct csv_row *row = &s->rows.shared;
  // Without figures: as if at 1 GFLOP/s.
  double seconds = isnan(c->seconds) ? row->flops * (double)row->iterations / 1e9 : c->seconds;
  return seconds <= rules->compare_seconds;
}

static void run_others(struct state *s) {
  for (int i = 0; i < s->decision.candidates && !over(s); i++) {
    struct measurement m;
    if (s->tried[i]) continue;
    if (s->decides_only || !to_compare(s, &s->decision.candidate[i])) {
      put(s, i, "refused", 0, NULL);
      continue;
    }
    struct why_verdict before = s->decision.candidate[i].verdict;
    enum why_reason reason = run(s, i, &m);
    if (s->result->interrupted) return;
    before.note = s->decision.candidate[i].verdict.note; // what it said of its run
    if (!reason) s->decision.candidate[i].verdict = before;
    put(s, i, reason ? "failed" : "compared", 0, &m);
  }
}

static int room_for(struct state *s, int candidates) {
  if (candidates > s->tried_capacity) {
    bool *grown = realloc(s->tried, (size_t)candidates * sizeof *grown);
    if (!grown) return ENOMEM;
    s->tried = grown;
    s->tried_capacity = candidates;
  }
  memset(s->tried, 0, (size_t)candidates * sizeof *s->tried);
  return 0;
}

static void decide(struct state *s, const struct suite *suite, const struct why_request *request) {
  struct why_machine *machine = s->sweep->machine;
  enum why_reason reason = why_consult(machine, request);
  if (!reason) reason = why_decide(machine, request, &s->decision);
  if (!reason && room_for(s, s->decision.candidates)) reason = WHY_ALLOC_FAILED;
  if (reason) { // the suite's problems were checked when they were read
    s->result->error = reason == WHY_ALLOC_FAILED ? ENOMEM : EINVAL;
    return;
  }
  row_decision(&s->rows, suite, s->item, request, ++s->result->decisions);
  if (s->decision.chosen >= 0 && s->decides_only) {
    s->tried[s->decision.chosen] = true;
    put(s, s->decision.chosen, "chosen", 1, NULL);
  } else {
    run_chosen(s);
  }
  if (!over(s) && s->decision.chosen < 0) s->result->nowhere++;
  if (!over(s)) run_others(s);
}

int64_t sweep_decisions(const struct sweep *sweep) {
  int64_t cases = 0;
  for (int i = 0; i < sweep->suites; i++) cases += sweep->suite[i].count;
  return cases * options_requests(sweep->options);
}

struct sweep_place sweep_place(const struct sweep *sweep, int64_t decision) {
  int64_t requests = options_requests(sweep->options), item = decision / requests;
  const struct suite *suite = sweep->suite;
  while (item >= suite->count) item -= suite++->count;
  return (struct sweep_place){suite, &suite->item[item], (int)(decision % requests)};
}

void sweep_run(const struct sweep *sweep, struct sweep_result *result) {
  struct state s = {.sweep = sweep, .result = result};
  struct progress progress;
  struct instruments instruments;
  char run[ROW_RUN];
  int64_t total = sweep_decisions(sweep);
  *result = (struct sweep_result){.decisions = sweep->first};
  s.rules = sweep->rules.measure;
  s.decides_only = why_machine_replayed(sweep->machine);
  for (int i = 0; i < why_machine_devices(sweep->machine); i++)
    if (why_machine_device(sweep->machine, i)->emulated) s.rules.timed = false;
  if (sweep->options->open.emulate_bytes) s.rules.timed = false; // also where no device came of it
  if (!sweep->run) row_run_name(run);
  row_run(&s.rows, sweep->machine, sweep->run ? sweep->run : run);
  s.rows.emulated = !s.rules.timed;
  bool instrumented = s.rules.timed && !s.decides_only && !s.rules.instruments;
  if (instrumented) {
    s.rules.instruments = &instruments;
    if (instruments_open(&instruments)) result->error = ENOMEM;
  }
  progress_start(&progress, sweep->label, sweep->first, total);
  for (int64_t at = sweep->first; at < total && !over(&s); at++) {
    struct sweep_place place = sweep_place(sweep, at);
    struct why_request request;
    if (place.item != s.item && s.have_data) {
      measured_data_free(&s.data);
      s.have_data = false;
    }
    s.item = place.item;
    options_request(sweep->options, sweep->machine, &s.item->problem, place.request, &request);
    if (interrupted()) result->interrupted = true;
    if (!over(&s)) decide(&s, place.suite, &request);
    if (!over(&s)) progress_step(&progress);
  }
  if (s.have_data) measured_data_free(&s.data);
  progress_clear(&progress);
  if (s.pinned) (void)why_bind(0);
  if (instrumented) instruments_close(&instruments);
  why_decision_free(&s.decision);
  free(s.tried);
}
