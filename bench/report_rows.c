// Rows of whycpu bench, read one at a time and counted by run, machine and source, so that what was
// measured, predicted and emulated never meets.
#include "report.h"
#include "rows_read.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 256 };
static const char *const sources[] = {"measured", "emulated", "predicted"};

struct group {
  struct report_run run; // source "": no row has said it yet
  struct summary summary;
};
struct reading {
  struct report *report;
  const char *path;
  struct rows_reader rows;
  struct group *group; // GROUPS
  int groups, last;
};

static int wrong_row(const struct reading *r, const char *text, const char *what) {
  return request_wrong("%s: line %d: %s%s", r->path, r->rows.csv.line, text, what);
}

static void take(char *to, size_t size, const char *text) {
  snprintf(to, size, "%s", text);
}

// What a row says of its whole decision; "": nothing. A candidate that was refused was predicted
// wherever the sweep ran.
static const char *source_of(const struct csv_row *row) {
  bool ran = !strcmp(row->source, "measured") || !strcmp(row->source, "emulated");
  return ran || !strcmp(row->status, "chosen") ? row->source : "";
}

static bool may_take(const struct group *g, const struct csv_row *row, const char *source) {
  if (strcmp(g->run.run, row->run) != 0 || strcmp(g->run.machine, row->machine) != 0) return false;
  if (!*source || !strcmp(g->run.source, source)) return true;
  // Predicted times that it has by now would be taken for measured ones.
  return !*g->run.source && (!strcmp(source, "predicted") || !g->summary.families.count);
}

static struct group *group_of(struct reading *r, const struct csv_row *row) {
  char run[REPORT_NAME], machine[REPORT_NAME];
  const char *source = source_of(row);
  struct csv_row known = *row;
  take(run, sizeof run, row->run); // as they are kept: cut
  take(machine, sizeof machine, row->machine);
  known.run = run;
  known.machine = machine;
  for (int i = 0; i < r->groups; i++) {
    int at = (r->last + r->groups - i) % r->groups; // from the last one down
    struct group *g = &r->group[at];
    if (!may_take(g, &known, source)) continue;
    r->last = at;
    if (*source) take(g->run.source, sizeof g->run.source, source);
    return g;
  }
  if (r->groups == GROUPS) return NULL;
  struct group *g = &r->group[r->last = r->groups++];
  memset(g, 0, sizeof *g);
  g->run.path = r->path;
  take(g->run.source, sizeof g->run.source, source);
  take(g->run.run, sizeof g->run.run, run);
  take(g->run.machine, sizeof g->run.machine, machine);
  take(g->run.node, sizeof g->run.node, row->node);
  take(g->run.commit, sizeof g->run.commit, row->commit);
  take(g->run.first, sizeof g->run.first, row->time);
  return g;
}

static int check_row(const struct reading *r, const struct csv_row *row) {
  bool known = !*row->source;
  for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
    known |= !strcmp(row->source, sources[i]);
  if (!known) return wrong_row(r, "source", ": one of measured, emulated, predicted, or nothing");
  if (strcmp(row->source, "measured") != 0 && !isnan(row->median_s))
    return wrong_row(r, "median_s", ": only a measured row has a time");
  return STATUS_OK;
}

static int count_row(struct reading *r, const struct csv_row *row) {
  int status = check_row(r, row);
  if (status) return status;
  struct group *g = group_of(r, row);
  if (!g) return wrong_row(r, "more than 256 runs", " in one file");
  struct suite_case item = {.size = row->size};
  if (row->size > 0) take(item.family, sizeof item.family, row->family);
  g->summary.predicts = !*g->run.source || !strcmp(g->run.source, "predicted");
  g->run.rows++;
  take(g->run.last, sizeof g->run.last, row->time);
  if (*row->facts) take(g->run.facts, sizeof g->run.facts, row->facts);
  bool gpu = strcmp(row->plan, why_plan_name(WHY_ON_HOST)) != 0;
  return summary_add(&g->summary, &item, row, gpu) ? machine_failed("out of memory") : STATUS_OK;
}

static int say(struct reading *r) {
  struct report *report = r->report;
  int error = 0;
  for (int i = 0; i < r->groups && !error; i++) {
    struct group *g = &r->group[i];
    if (!*g->run.source) take(g->run.source, sizeof g->run.source, "predicted");
    bool emulated = !strcmp(g->run.source, "emulated");
    report_run(report, &g->run);
    report_places(report, &g->run, &g->summary);
    error = report_thresholds(report, &g->run, &g->summary.families, summary_evidence(&g->summary));
    if (report->table) continue;
    if (emulated)
      summary_print_kernels(report->file, g->run.source, &g->summary);
    else
      summary_print_quality(report->file, g->run.source, &g->summary);
    if (r->rows.place[CSV_COLUMN_family] < 0)
      report_say(report, g->run.source,
                 "no thresholds: %s is older than the column `family`, by which sizes are found",
                 r->path);
  }
  return error ? machine_failed("out of memory") : STATUS_OK;
}

static int read_all(struct reading *r) {
  struct why_error error;
  struct csv_row row;
  bool more = true;
  int status = STATUS_OK;
  while (!status) {
    enum why_reason reason = rows_next(&r->rows, &row, &more, &error);
    if (reason == WHY_ALLOC_FAILED) return machine_failed("out of memory");
    if (reason && !r->rows.csv.cut)
      return request_wrong("%s: line %d: %s", r->path, error.line, error.text);
    if (reason) // a sweep that was cut off, or is running
      fprintf(stderr, "whycpu report: %s: line %d is half written and left out\n", r->path,
              error.line);
    if (reason || !more) break;
    status = count_row(r, &row);
  }
  return status ? status : say(r);
}

int report_rows(struct report *report, const char *path) {
  struct reading r = {.report = report, .path = path};
  struct why_error error;
  FILE *file = fopen(path, "re");
  if (!file) return request_wrong("%s: %s", path, strerror(errno));
  enum why_reason reason = rows_open(&r.rows, file, &error);
  int status = STATUS_OK;
  if (reason) {
    status = reason == WHY_ALLOC_FAILED
                 ? machine_failed("out of memory")
                 : request_wrong("%s: line %d: %s", path, error.line, error.text);
  } else {
    r.group = calloc(GROUPS, sizeof *r.group);
    status = r.group ? read_all(&r) : machine_failed("out of memory");
    for (int i = 0; i < r.groups; i++) summary_free(&r.group[i].summary);
    free(r.group);
    rows_free(&r.rows);
  }
  fclose(file);
  return status;
}
