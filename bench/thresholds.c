// Drives a search by measurements or predictions. See thresholds.h; what is said: search_say.c.
#include "clock.h"
#include "part.h"
#include "search.h"
#include "suite_list.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool search_threads_matter(const struct thresholds *t) {
  return (t->sides.a.host && t->sides.a.threads < 0) || (t->sides.b.host && t->sides.b.threads < 0);
}

// ---- the problems -------------------------------------------------------------------------------

bool search_problem(const struct search *s, int64_t size, struct why_problem *problem) {
  char text[4 * SUITE_FAMILY];
  size_t used = 0;
  for (const char *at = s->item->family; *at && used < sizeof text - 24; at++)
    used += (size_t)(*at == '*' ? snprintf(text + used, 24, "%lld", (long long)size)
                                : snprintf(text + used, 2, "%c", *at));
  struct why_error error;
  return !why_problem_parse(text, problem, &error);
}

static int most_threads(const struct search *s) { // of both sides; 0: all
  int most = 1;
  for (int i = 0; i < 2; i++) {
    int threads = s->duel.side[i].decision.request.threads;
    if (!threads) return 0;
    if (threads > most) most = threads;
  }
  return most;
}

// Both sides decided for a size. False: one of them cannot run; verdict and wrong_side say why.
static bool decide(struct search *s, int64_t size, int candidate[2]) {
  const struct thresholds *t = s->asked;
  const struct side *side[2] = {&t->sides.a, &t->sides.b};
  struct why_problem problem;
  s->failed_size = size;
  s->verdict = (struct why_verdict){.reason = WHY_BAD_INPUT, .note = "", .cause = ""};
  if (!search_problem(s, size, &problem)) return false;
  for (int i = 0; i < 2; i++) {
    struct why_request *request = &s->shown;
    struct duelist *d = &s->duel.side[i];
    options_request(t->options, t->machine, &problem, s->request, request);
    if (side[i]->threads >= 0) request->threads = (int)side[i]->threads;
    s->wrong_side = i;
    enum why_reason reason = duel_decide(t->machine, request, side[i], d);
    s->verdict = d->verdict;
    if (reason) s->verdict = (struct why_verdict){.reason = reason, .note = "", .cause = ""};
    if (reason || d->candidate < 0) return false;
    candidate[i] = d->candidate;
  }
  return true;
}

static struct choice *choice_at(struct search *s, int64_t size) {
  for (int i = 0; i < s->choices; i++)
    if (s->choice[i].size == size) return &s->choice[i];
  struct choice *c = &s->choice[s->choices++];
  *c = (struct choice){.size = size, .candidate = {-1, -1}};
  return c;
}

static void name_choice(struct search *s, struct choice *c) {
  for (int i = 0; i < 2; i++) {
    if (c->candidate[i] < 0) continue;
    const struct why_kernel *k = s->duel.side[i].decision.candidate[c->candidate[i]].kernel;
    snprintf(c->kernel[i], SEARCH_NAME, "%s:%s", k->backend, k->name);
  }
}

// ---- a search -----------------------------------------------------------------------------------

static bool failed(struct search *s) {
  s->stop = "failed";
  return false;
}

// Samples at a size. False: the search ends here.
static bool measure(struct search *s, int64_t size, int pairs, int64_t *open_size) {
  const struct thresholds *t = s->asked;
  const struct side *side[2] = {&t->sides.a, &t->sides.b};
  double a[THRESHOLD_PAIRS], b[THRESHOLD_PAIRS];
  struct choice *c = choice_at(s, size);
  enum why_reason reason = WHY_OK;
  if (*open_size != size) {
    int predicted[2];
    duel_close(&s->duel);
    if (!decide(s, size, predicted)) return failed(s);
    *open_size = size;
    reason = duel_open(&s->duel, side, t->seed, c->candidate);
    name_choice(s, c);
  }
  (void)why_pin(most_threads(s)); // the workers that checking has made, too
  if (!reason) reason = duel_sample(&s->duel, s->deadline, &pairs, a, b);
  if (reason) {
    s->wrong_side = s->duel.side[0].verdict.reason == reason ? 0 : 1;
    s->verdict = s->duel.side[s->wrong_side].verdict;
    return failed(s);
  }
  if (interrupted()) return false;
  threshold_tell(s->search, size, a, b, pairs);
  return true;
}

static bool predict(struct search *s, int64_t size) {
  struct choice *c = choice_at(s, size);
  if (!decide(s, size, c->candidate)) return failed(s);
  name_choice(s, c);
  double seconds[2];
  for (int i = 0; i < 2; i++)
    seconds[i] = s->duel.side[i].decision.candidate[c->candidate[i]].seconds;
  threshold_tell(s->search, size, &seconds[0], &seconds[1], 1);
  return true;
}

// Sizes at which both sides could run, of the family's own.
static int runnable(struct search *s, const int64_t *size, int sizes, int64_t *out) {
  int n = 0, candidate[2];
  for (int i = 0; i < sizes; i++)
    if (decide(s, size[i], candidate)) out[n++] = size[i];
  return n;
}

static void run_search(struct search *s, const int64_t *size, int sizes) {
  double begin = seconds_now();
  s->deadline = begin + s->asked->seconds;
  int64_t next, open_size = 0;
  int pairs;
  s->choices = 0;
  s->stop = "none";
  s->search->sizes = 0;
  s->search->samples = 0;
  int64_t *can = calloc((size_t)sizes, sizeof *can);
  int count = can ? runnable(s, size, sizes, can) : 0;
  if (count) {
    s->stop = "done";
    threshold_start(s->search, can, count, s->predicts);
    if (!s->predicts) (void)why_pin(most_threads(s));
    bool goes_on = true;
    while (goes_on && !interrupted() && threshold_next(s->search, &next, &pairs)) {
      goes_on = s->predicts ? predict(s, next) : measure(s, next, pairs, &open_size);
      if (goes_on && !s->predicts && seconds_now() > s->deadline) {
        goes_on = false;
        if (threshold_next(s->search, &next, &pairs)) s->stop = "time";
      }
    }
    duel_close(&s->duel);
  }
  free(can);
  s->seconds = seconds_now() - begin;
}

// ---- all of them --------------------------------------------------------------------------------

static int by_size(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

// The sizes of the family that begins with item `first`, ascending; 0: none, or one that began
// before.
static int family_sizes(const struct suite *suite, int64_t first, int64_t *out) {
  int n = 0;
  const char *family = suite->item[first].family;
  if (!*family) return 0;
  for (int64_t i = 0; i < first; i++)
    if (!strcmp(suite->item[i].family, family)) return 0;
  for (int64_t i = first; i < suite->count; i++)
    if (!strcmp(suite->item[i].family, family)) out[n++] = suite->item[i].size;
  qsort(out, (size_t)n, sizeof *out, by_size);
  int kept = 1;
  for (int i = 1; i < n; i++)
    if (out[i] != out[kept - 1]) out[kept++] = out[i];
  return kept;
}

static int search_suite(struct search *s, const struct suite *suite, int *families) {
  int64_t *size = calloc((size_t)suite->count, sizeof *size);
  if (!size) return machine_failed("out of memory");
  for (int64_t i = 0; i < suite->count && !interrupted(); i++) {
    int sizes = family_sizes(suite, i, size);
    s->item = &suite->item[i];
    *families += sizes > 1;
    for (int r = 0; r < options_requests(s->asked->options) && sizes > 1 && !interrupted(); r++) {
      if (!search_threads_matter(s->asked) && r % s->asked->options->thread_counts) continue;
      s->request = r;
      run_search(s, size, sizes);
      if (!interrupted()) search_say(s, suite->name);
    }
  }
  free(size);
  return STATUS_OK;
}

static int search_all(struct search *s) {
  struct suite suite[SUITES];
  int suites = 0, families = 0, status = suites_open("--suite", s->asked->suites, suite, &suites);
  if (!status && !s->table)
    part_say_basis(
        &(struct part){.label = s->label, .machine = s->asked->machine, .words = s->file});
  for (int i = 0; i < suites && !status; i++) status = search_suite(s, &suite[i], &families);
  for (int i = 0; i < suites; i++) suite_free(&suite[i]);
  if (!status && !families)
    status =
        request_wrong("--threshold: no line of --suite %s has exactly one range, along which a "
                      "threshold could be looked for, such as: gemm m=n=k=64..4096*2",
                      s->asked->suites);
  return status;
}

int thresholds_run(const struct thresholds *asked) {
  struct search s = {.asked = asked, .predicts = why_machine_replayed(asked->machine)};
  struct output out;
  const struct options *o = asked->options;
  s.label = s.predicts ? "predicted" : "measured";
  s.duel.machine = asked->machine;
  int status = output_open(o->output, &out);
  if (status) return status;
  s.file = out.file;
  s.search = malloc(sizeof *s.search);
  if (o->format != TABLE_TEXT)
    s.table = table_open(out.file, o->format, search_column, search_columns);
  interrupt_defer(true);
  if (!s.search || (o->format != TABLE_TEXT && !s.table))
    status = machine_failed("out of memory");
  else
    status = search_all(&s);
  bool stopped = interrupted();
  interrupt_defer(false);
  duel_free(&s.duel);
  free(s.search);
  if (!s.predicts) (void)why_bind(0);
  if (status) {
    if (s.table) table_close(s.table);
    output_abandon(&out);
    return status;
  }
  status = s.table ? output_table(&out, s.table) : output_close(&out);
  if (status) return status;
  return stopped ? STATUS_INTERRUPTED : s.refused ? STATUS_NO : STATUS_OK;
}
