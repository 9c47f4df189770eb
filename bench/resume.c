// Reading back the rows of a sweep that was cut off. See resume.h.
#include "resume.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// What the sweep decides, and with that all rows of a decision, in the order of checking.
static const int asked[] = {
    // clang-format off
    CSV_COLUMN_schema,  CSV_COLUMN_node,     CSV_COLUMN_machine,    CSV_COLUMN_commit,
    CSV_COLUMN_suite,   CSV_COLUMN_label,    CSV_COLUMN_op,         CSV_COLUMN_type,
    CSV_COLUMN_math,    CSV_COLUMN_dims,     CSV_COLUMN_flops,      CSV_COLUMN_bytes,
    CSV_COLUMN_policy,  CSV_COLUMN_transfer, CSV_COLUMN_iterations,
    CSV_COLUMN_threads, CSV_COLUMN_cache,    CSV_COLUMN_plans,      CSV_COLUMN_submit,
    CSV_COLUMN_device_memory_bytes,          CSV_COLUMN_pinned_memory_bytes,
    // clang-format on
};
enum { ASKED = sizeof asked / sizeof asked[0] };

struct check {
  const struct sweep *sweep;
  const char *path, *run;
  struct csv_reader csv;
  struct row_maker expected; // its shared part: of the last decision that was begun
  struct resume *found;
  int64_t decision, total; // the last one that was begun, from 1; 0: none
  int64_t begins, rows;    // where its rows begin in the file, and how many there are
  int line;                // the first of these
};

static int wrong_row(const struct check *c, const char *column, const char *is,
                     const char *wanted) {
  return request_wrong("--resume %s: line %d: %s is %s, this sweep has %s", c->path, c->csv.line,
                       column, *is ? is : "empty", *wanted ? wanted : "none");
}

static int not_read(const struct check *c, enum why_reason reason, const struct why_error *error) {
  if (reason == WHY_ALLOC_FAILED) return machine_failed("out of memory");
  return request_wrong("--resume %s: line %d: %s", c->path, error->line, error->text);
}

// The next row. A last line that was not finished ends the file too.
static int next_row(struct check *c, bool *more) {
  struct why_error error;
  enum why_reason reason = csv_next(&c->csv, more, &error);
  if (reason && c->csv.cut) {
    *more = false;
    return STATUS_OK;
  }
  return reason ? not_read(c, reason, &error) : STATUS_OK;
}

static void request_of(const struct check *c, int64_t decision, struct why_request *request) {
  struct sweep_place place = sweep_place(c->sweep, decision - 1);
  options_request(c->sweep->options, c->sweep->machine, &place.item->problem, place.request,
                  request);
}

static int begin_decision(struct check *c, const struct csv_row *row, int64_t row_begins) {
  char here[64], wanted[64];
  if (row->decision != c->decision + 1 || row->decision > c->total) {
    snprintf(here, sizeof here, "%lld", (long long)row->decision);
    if (row->decision > c->total && c->decision == c->total)
      snprintf(wanted, sizeof wanted, "%lld in all", (long long)c->total);
    else
      snprintf(wanted, sizeof wanted, "%lld here", (long long)c->decision + 1);
    return wrong_row(c, "decision", here, wanted);
  }
  struct why_request request;
  struct sweep_place place = sweep_place(c->sweep, row->decision - 1);
  request_of(c, row->decision, &request);
  row_decision(&c->expected, place.suite, place.item, &request, row->decision);
  c->decision = row->decision;
  c->begins = row_begins;
  c->line = c->csv.line;
  c->found->rows += c->rows;
  c->rows = 0;
  return STATUS_OK;
}

static int check_row(struct check *c, int64_t begins) {
  struct csv_row row;
  char number[CSV_NUMBER];
  csv_row_read(&c->csv, &row);
  if (!*c->found->run) snprintf(c->found->run, ROW_RUN, "%s", *c->run ? c->run : row.run);
  if (row.decision != c->decision) {
    int status = begin_decision(c, &row, begins);
    if (status) return status;
  }
  for (int i = 0; i < ASKED; i++) {
    const char *is = csv_field(&c->csv, asked[i]);
    const char *wanted = csv_cell(&c->expected.shared, asked[i], number);
    if (strcmp(is, wanted) != 0) return wrong_row(c, csv_column[asked[i]].name, is, wanted);
  }
  if (strcmp(row.run, c->found->run) != 0)
    return wrong_row(c, "run", row.run, c->found->run); // rows of two runs in one file, or in parts
  c->rows++;
  return STATUS_OK;
}

// ---- is the last decision done? -----------------------------------------------------------------

static bool is_row_of(const struct check *c, const struct why_candidate *candidate,
                      const struct csv_row *row) {
  const char *device =
      candidate->device < 0 ? "" : why_machine_device(c->sweep->machine, candidate->device)->name;
  return !strcmp(row->kernel, candidate->kernel->name) &&
         !strcmp(row->backend, candidate->kernel->backend) &&
         !strcmp(row->plan, why_plan_name(candidate->plan)) && !strcmp(row->device, device);
}

// Takes a candidate away for each row. *all: each had its row, and each row its candidate.
static int match_rows(struct check *c, struct why_decision *decision, bool *all) {
  bool more = true;
  *all = decision->candidates == c->rows;
  for (int64_t n = 0; n < c->rows && *all; n++) {
    struct csv_row row;
    int status = next_row(c, &more), i = 0;
    if (status) return status;
    csv_row_read(&c->csv, &row);
    while (i < decision->candidates && !is_row_of(c, &decision->candidate[i], &row)) i++;
    *all = i < decision->candidates;
    if (*all) decision->candidate[i] = decision->candidate[--decision->candidates];
  }
  return STATUS_OK;
}

static int check_last(struct check *c) {
  struct why_request request;
  struct why_decision decision = {0};
  struct why_machine *machine = c->sweep->machine;
  int64_t end = c->csv.end;
  bool all = false;
  if (!c->decision) return STATUS_OK;
  request_of(c, c->decision, &request);
  enum why_reason reason = why_consult(machine, &request);
  if (!reason) reason = why_decide(machine, &request, &decision);
  int status = reason ? machine_failed("out of memory") : STATUS_OK;
  if (!status && csv_seek(&c->csv, c->begins, c->line))
    status = machine_failed("%s: %s", c->path, strerror(errno));
  if (!status) status = match_rows(c, &decision, &all);
  why_decision_free(&decision);
  c->found->decisions = all ? c->decision : c->decision - 1;
  if (all) c->found->rows += c->rows;
  c->found->end = all ? end : c->begins;
  return status;
}

// ---- what the rows that are done say ------------------------------------------------------------

static bool on_gpu(const struct csv_row *row) {
  for (int i = 0; i < why_kernel_count(); i++) {
    const struct why_kernel *k = why_kernel_at(i);
    if (!strcmp(k->name, row->kernel) && !strcmp(k->backend, row->backend))
      return !why_kernel_on_host(k);
  }
  return false;
}

static int count_rows(struct check *c, int64_t begins, int line, struct summary *summary) {
  struct csv_row row;
  int64_t chosen = 0;
  bool more;
  if (csv_seek(&c->csv, begins, line)) return machine_failed("%s: %s", c->path, strerror(errno));
  for (int64_t n = 0; n < c->found->rows; n++) {
    int status = next_row(c, &more);
    if (status) return status;
    csv_row_read(&c->csv, &row);
    if (!strcmp(row.status, "chosen")) chosen++;
    if (!strcmp(row.status, "failed")) c->found->failed++;
    if (summary_add(summary, sweep_place(c->sweep, row.decision - 1).item, &row, on_gpu(&row)))
      return machine_failed("out of memory");
  }
  c->found->nowhere = c->found->decisions - chosen;
  return STATUS_OK;
}

// ---- all of it ----------------------------------------------------------------------------------

static int open_reader(struct check *c, FILE *file) {
  struct why_error error;
  enum why_reason reason = csv_open_results(&c->csv, file, &error);
  if (reason) return not_read(c, reason, &error);
  if (csv_ours(&c->csv)) return STATUS_OK;
  csv_reader_free(&c->csv);
  return request_wrong("--resume %s: line 1: its columns are not those of this whycpu, in their "
                       "order (whycpu list columns)",
                       c->path);
}

static int read_rows(struct check *c, struct summary *summary) {
  int64_t begins = c->csv.end, at = begins;
  int line = c->csv.next_line, status = STATUS_OK;
  bool more = true;
  c->found->end = begins;
  while (!status && !(status = next_row(c, &more)) && more) {
    status = check_row(c, at);
    at = c->csv.end;
  }
  c->csv.end = at; // of the last whole line
  if (!status) status = check_last(c);
  if (!status) status = count_rows(c, begins, line, summary);
  if (!c->found->rows) c->found->run[0] = 0;
  return status;
}

int resume_read(const struct sweep *sweep, const char *path, int file, const char *run,
                struct summary *summary, struct resume *found) {
  struct check c = {.sweep = sweep, .path = path, .run = run, .found = found};
  struct stat is;
  *found = (struct resume){0};
  c.total = sweep_decisions(sweep);
  row_run(&c.expected, sweep->machine, run);
  int copy = fstat(file, &is) ? -1 : dup(file);
  FILE *opened = copy < 0 ? NULL : fdopen(copy, "r");
  if (!opened) {
    int error = errno;
    if (copy >= 0) close(copy);
    return machine_failed("%s: %s", path, strerror(error));
  }
  int status = is.st_size ? open_reader(&c, opened) : STATUS_OK; // 0: killed before the header
  if (!status && is.st_size) {
    status = read_rows(&c, summary);
    csv_reader_free(&c.csv);
  }
  found->cut = is.st_size - found->end;
  fclose(opened);
  return status;
}
