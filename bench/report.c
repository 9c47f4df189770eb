// The writer of a report. One table holds all of it: `item` says what a row is, and which of its
// columns have a value. See report.h.
#include "report.h"
#include "threshold.h"
#include <math.h>
#include <stdarg.h>
#include <string.h>

const struct table_column report_column[] = {
    {"item"},      {"file"},       {"source"},   {"run"},
    {"machine"},   {"rows"},       {"policy"},   {"device_memory_bytes", TABLE_BYTES},
    {"decisions"}, {"on_gpu"},     {"in_parts"}, {"on_cpu"},
    {"reason"},    {"count"},      {"family"},   {"a"},
    {"b"},         {"answer"},     {"from"},     {"above"},
    {"at_most"},   {"confidence"}, {"gpu_blob"}, {"sizes"},
};
const int report_columns = sizeof report_column / sizeof report_column[0];

void report_say(const struct report *r, const char *label, const char *format, ...) {
  if (r->table) return;
  va_list arguments;
  fprintf(r->file, "%s | ", label);
  va_start(arguments, format);
  vfprintf(r->file, format, arguments);
  va_end(arguments);
  putc('\n', r->file);
}

static void none(struct table *t, int count) {
  for (int i = 0; i < count; i++) table_none(t);
}

static void begin(struct table *t, const char *item, const struct report_run *run) {
  table_string(t, item);
  table_string(t, run->path);
  table_string(t, run->source);
  table_string(t, *run->run ? run->run : NULL);
  table_string(t, *run->machine ? run->machine : NULL);
}

void report_run(struct report *r, const struct report_run *run) {
  if (r->table) {
    begin(r->table, "run", run);
    table_integer(r->table, run->rows);
    none(r->table, report_columns - 6);
    return;
  }
  bool predicted = !strcmp(run->source, "predicted"), emulated = !strcmp(run->source, "emulated");
  report_say(r, run->source, "%s: %lld rows of run %s on %s, whycpu %s, %s to %s%s%s%s", run->path,
             (long long)run->rows, run->run, run->machine, run->commit, run->first, run->last,
             predicted ? "; nothing was run: predicted from " : "",
             predicted ? *run->facts ? run->facts : "no" : "",
             predicted  ? " figures"
             : emulated ? "; run under emulation: results and no times"
                        : "");
}

static void put_group(struct report *r, const struct report_run *run, const struct summary_group *g,
                      int reason) {
  struct table *t = r->table;
  begin(t, reason < 0 ? "place" : "fallback", run);
  table_none(t);
  table_string(t, g->policy);
  if (g->bytes == WHY_UNLIMITED)
    table_none(t);
  else
    table_unsigned(t, g->bytes);
  if (reason < 0) {
    table_integer(t, g->decisions);
    table_integer(t, g->gpu);
    table_integer(t, g->parts);
    table_integer(t, g->cpu);
    none(t, report_columns - 12);
  } else {
    none(t, 4);
    table_string(t, why_name((enum why_reason)reason));
    table_integer(t, g->fallback[reason]);
    none(t, report_columns - 14);
  }
}

void report_places(struct report *r, const struct report_run *run, const struct summary *s) {
  if (!r->table) {
    summary_print_places(r->file, run->source, s);
    return;
  }
  for (int i = 0; i < s->groups; i++) {
    put_group(r, run, &s->group[i], -1);
    for (int reason = WHY_OK + 1; reason < WHY_REASON_COUNT; reason++)
      if (s->group[i].fallback[reason]) put_group(r, run, &s->group[i], reason);
  }
}

struct to {
  struct report *report;
  const struct report_run *run;
};
static void put_threshold(void *to, const struct rivals_threshold *found) {
  const struct to *o = to;
  struct table *t = o->report->table;
  const struct crossover *x = &found->found.crossover;
  const int64_t size[] = {x->from, x->low, x->high};
  begin(t, "threshold", o->run);
  none(t, 9);
  table_string(t, found->family);
  table_string(t, found->words.a);
  table_string(t, found->words.b);
  table_string(t, crossover_name(x->kind));
  for (int i = 0; i < 3; i++)
    if (size[i] < 0 || x->kind == CROSSOVER_NEVER)
      table_none(t);
    else
      table_integer(t, size[i]);
  table_number(t, found->words.interval ? 1 - THRESHOLD_ERROR : NAN);
  if (found->found.blob < 0)
    table_none(t);
  else
    table_integer(t, found->found.blob);
  table_integer(t, found->found.count);
}

int report_thresholds(struct report *r, const struct report_run *run, struct families *families,
                      enum evidence evidence) {
  struct to to = {r, run};
  return r->table ? rivals_thresholds(families, evidence, r->sides, put_threshold, &to)
                  : rivals_print(r->file, run->source, families, evidence, r->sides, true);
}
