// From options to subjects, and from distortions to text, CSV or JSON. Nothing is shown of a
// machine that is not here: what is predicted or emulated has no times to lie about.
#include "how_numbers_lie.h"
#include "clock.h"
#include "figures.h"
#include "lies_job.h"
#include "rows.h"
#include "suite.h"
#include <math.h>
#include <string.h>

static const double most_naive_seconds = 2;

struct shown { // one problem, as it is shown
  const struct why_machine *machine;
  const struct lies_job *job;
  const struct lies *lies;
};

// ---- text ---------------------------------------------------------------------------------------

static const struct why_candidate *chosen(const struct shown *s) {
  return &s->job->honest.decision.candidate[s->job->honest.candidate];
}

static int threads_of(const struct shown *s) {
  int threads = s->job->honest.request.threads;
  return threads ? threads : why_machine_device(s->machine, 0)->multiprocessors;
}

// Operations a second of all calls of a request.
static double honest_rate(const struct shown *s, const struct lie_result *l) {
  return s->job->subject.flops * (double)s->job->honest.request.iterations / l->honest_seconds;
}
static double claimed_rate(const struct shown *s, enum lie lie) {
  const struct lies_subject *subject = &s->job->subject;
  double flops = lie == LIE_PADDED ? subject->padded_flops : subject->flops;
  return flops * (double)s->job->honest.request.iterations / s->lies->lie[lie].claimed_seconds;
}

static void text_head(FILE *f, const struct shown *s) {
  const struct why_candidate *c = chosen(s);
  const struct why_facts *facts = why_machine_device(s->machine, c->device);
  const char *version = version_of(s->machine, c->kernel->backend);
  char problem[1024], median[48], low[48], high[48], rate[48];
  why_problem_text(&s->job->honest.request.problem, problem, sizeof problem);
  fprintf(f, "%s\n  on the %s: %s:%s%s%s\n  %s", problem, facts->host ? "CPU" : "GPU",
          c->kernel->backend, c->kernel->name, *version ? ", " : "", version, facts->name);
  if (facts->host) fprintf(f, ", %d thread%s", threads_of(s), threads_of(s) > 1 ? "s" : "");
  unit_text(s->lies->seconds, TABLE_SECONDS, median, sizeof median);
  unit_text(s->lies->low, TABLE_SECONDS, low, sizeof low);
  unit_text(s->lies->high, TABLE_SECONDS, high, sizeof high);
  const struct lie_result honest = {.honest_seconds = s->lies->seconds};
  unit_text(honest_rate(s, &honest), TABLE_FLOPS_PER_SECOND, rate, sizeof rate);
  fprintf(f,
          "\n  honest: %s [%s, %s], %s\n"
          "  random operands that no cache holds, all that a request needs, median of %d\n\n",
          median, low, high, rate, s->lies->rounds);
  fprintf(f, "  %-13s%15s%15s%9s  %s\n", "lie", "honest", "claimed", "ratio", "95% interval");
}

static void text_lie(FILE *f, const struct shown *s, enum lie lie) {
  const struct lie_result *l = &s->lies->lie[lie];
  char honest[48], claimed[48], interval[48];
  if (!l->shown) {
    fprintf(f, "  %-13sSKIP: %s\n", lie_name(lie), s->job->subject.cannot[lie]);
    return;
  }
  unit_text(honest_rate(s, l), TABLE_FLOPS_PER_SECOND, honest, sizeof honest);
  unit_text(claimed_rate(s, lie), TABLE_FLOPS_PER_SECOND, claimed, sizeof claimed);
  snprintf(interval, sizeof interval, "[%.2f, %.2f]", l->low, l->high);
  const char *verdict = lie_verdict(l);
  fprintf(f, "  %-13s%15s%15s%9.2f  %-18s%s%s\n", lie_name(lie), honest, claimed, l->ratio,
          interval, verdict, strcmp(verdict, "no difference") != 0 ? "" : " here");
}

static void text_legend(FILE *f) {
  fprintf(f, "\nwhat was done\n");
  for (int i = 0; i < LIES; i++)
    fprintf(f, "  %-13s%s\n", lie_name((enum lie)i), lie_help((enum lie)i));
  fprintf(f,
          "ratio: performance claimed to performance that is so, of the same round, median of all\n"
          "rounds; of the baseline: how much faster whatever is compared with it looks\n");
}

// ---- csv and json -------------------------------------------------------------------------------

static const struct table_column column[] = {
    {"machine"},        {"op"},         {"type"},         {"dims"},
    {"device"},         {"backend"},    {"kernel"},       {"library_version"},
    {"threads"},        {"iterations"}, {"lie"},          {"status"},
    {"reason"},         {"honest_s"},   {"claimed_s"},    {"honest_gflops"},
    {"claimed_gflops"}, {"ratio"},      {"ratio_ci_low"}, {"ratio_ci_high"},
    {"rounds"},         {"verdict"}};
enum { COLUMNS = sizeof column / sizeof column[0] };

static void table_lie(struct table *t, const struct shown *s, enum lie lie) {
  const struct lie_result *l = &s->lies->lie[lie];
  const struct why_candidate *c = chosen(s);
  const struct why_problem *p = &s->job->honest.request.problem;
  char dims[512];
  why_problem_dims(p, dims, sizeof dims);
  table_string(t, why_machine_name(s->machine));
  table_string(t, p->op->name);
  table_string(t, why_type_name(p->type));
  table_string(t, dims);
  table_string(t, why_machine_device(s->machine, c->device)->name);
  table_string(t, c->kernel->backend);
  table_string(t, c->kernel->name);
  const char *version = version_of(s->machine, c->kernel->backend);
  table_string(t, *version ? version : NULL);
  table_integer(t, threads_of(s));
  table_integer(t, s->job->honest.request.iterations);
  table_string(t, lie_name(lie));
  table_string(t, l->shown ? "measured" : "skipped");
  table_string(t, l->shown ? NULL : s->job->subject.cannot[lie]);
  table_number(t, l->honest_seconds);
  table_number(t, l->claimed_seconds);
  table_number(t, honest_rate(s, l) / 1e9); // NAN where skipped
  table_number(t, claimed_rate(s, lie) / 1e9);
  table_number(t, l->ratio);
  table_number(t, l->low);
  table_number(t, l->high);
  table_integer(t, s->lies->rounds);
  table_string(t, l->shown ? lie_verdict(l) : NULL);
}

// ---- measuring ----------------------------------------------------------------------------------

struct session {
  const struct lying *lying;
  struct why_machine *machine;
  FILE *file;
  struct table *table; // NULL: text
  int shown;
  bool failed; // a problem could not be shown
};

// The honest run's result, held against the reference: what is wrong has no speed.
static enum why_reason check(struct lies_job *j, double *seconds) {
  struct lies_side *s = &j->honest;
  struct why_check found;
  enum why_reason reason = j->subject.time(j, LIES_HONEST, seconds);
  if (reason) return reason;
  return why_check(&s->request.problem, s->original.tensor, s->data.tensor, &found);
}

// Ten sets of operands at most: five sides, each with its originals.
static bool fits(const struct why_machine *machine, const struct why_problem *p) {
  double have = (double)why_machine_device(machine, 0)->free_bytes;
  return !(have > 0) || 10 * operands_bytes(p) <= have;
}

static int show_problem(struct session *s, const struct why_problem *problem) {
  struct lies_job job;
  struct lies lies;
  struct why_request request;
  char text[1024];
  double seconds;
  why_problem_text(problem, text, sizeof text);
  if (!fits(s->machine, problem))
    return machine_failed("%s: not enough host memory for ten sets of its operands", text);
  options_request(s->lying->options, s->machine, problem, 0, &request);
  (void)why_pin(request.threads);
  const struct lies_rules rules = {s->lying->precision, LIES_WAYS * s->lying->seconds, seconds_now};
  enum why_reason reason =
      lies_job_open(s->machine, &request, s->lying->seed, most_naive_seconds, seconds_now, &job);
  if (!reason) reason = check(&job, &seconds);
  (void)why_pin(request.threads); // workers that were made now, too
  if (!reason) reason = lies_measure(&job.subject, &rules, &lies);
  if (reason) {
    request_wrong("%s: it could not be shown: %s: %s", text, why_name(reason),
                  why_sentence(reason));
    s->failed = true;
  } else {
    const struct shown shown = {s->machine, &job, &lies};
    if (!s->table) {
      if (s->shown) putc('\n', s->file);
      text_head(s->file, &shown);
    }
    for (int i = 0; i < LIES; i++)
      if (s->table)
        table_lie(s->table, &shown, (enum lie)i);
      else
        text_lie(s->file, &shown, (enum lie)i);
    s->shown++;
  }
  lies_job_close(&job);
  (void)why_bind(0);
  return STATUS_OK;
}

static int show_suite(struct session *s, const char *name) {
  struct suite suite;
  struct why_error error;
  enum why_reason reason = suite_open(name, &suite, &error);
  if (reason == WHY_ALLOC_FAILED) return machine_failed("out of memory");
  if (reason && error.line)
    return request_wrong("suite %s:%d:%d: %s", name, error.line, error.column, error.text);
  if (reason) return request_wrong("--suite %s: %s", name, error.text);
  int status = STATUS_OK;
  for (int64_t i = 0; i < suite.count && !status; i++)
    status = show_problem(s, &suite.item[i].problem);
  suite_free(&suite);
  return status;
}

static int show_suites(struct session *s, const char *names) {
  char name[4096];
  int status = STATUS_OK;
  for (const char *at = names; !status; at++) {
    size_t length = strcspn(at, ",");
    if (length >= sizeof name) return request_wrong("--suite: a name is too long");
    snprintf(name, sizeof name, "%.*s", (int)length, at);
    status = show_suite(s, name);
    at += length;
    if (!*at) break;
  }
  return status;
}

static int refuse(const struct options *o) {
  if (o->machine || o->open.emulate_bytes)
    return request_wrong("--how-numbers-lie: only what runs here has times: leave out %s",
                         o->machine ? "--machine" : "--emulate");
  if (options_requests(o) != 1)
    return request_wrong("--how-numbers-lie: one policy, budget, thread count, transfer and "
                         "iteration count at a time");
  return STATUS_OK;
}

int how_numbers_lie(const struct lying *l) {
  const struct options *o = l->options;
  struct session s = {.lying = l};
  struct output out = {0};
  struct why_problem problem;
  int status = refuse(o);
  if (status == STATUS_OK && o->arguments && l->suites)
    status = request_wrong("--how-numbers-lie: a problem or --suite, not both");
  if (status == STATUS_OK && o->arguments) status = options_problem(o, &problem);
  if (status == STATUS_OK && o->arguments) status = options_kernel(o, problem.op);
  if (status == STATUS_OK) status = output_open(o->output, &out);
  if (status == STATUS_OK) status = options_machine(o, &s.machine);
  if (status != STATUS_OK) goto done;
  s.file = out.file;
  if (o->format != TABLE_TEXT && !(s.table = table_open(out.file, o->format, column, COLUMNS))) {
    status = machine_failed("out of memory");
    goto done;
  }
  why_open_all(s.machine);
  // So that the fastest kernel is shown, and not the first; one that is named needs no figures.
  if (!*why_machine_device(s.machine, 0)->provenance && !o->policy[0].kernel)
    (void)figures_measure(s.machine, CEILINGS_FEW);
  status =
      o->arguments ? show_problem(&s, &problem) : show_suites(&s, l->suites ? l->suites : "lies");
  if (status == STATUS_OK && s.shown && !s.table) text_legend(s.file);
  if (s.table) {
    int closed = output_table(&out, s.table);
    if (status == STATUS_OK) status = closed;
  } else if (status == STATUS_OK) {
    status = output_close(&out);
  }
  if (status == STATUS_OK && s.failed) status = STATUS_NO;
done:
  output_abandon(&out);
  if (s.machine) why_close(s.machine);
  return status;
}
