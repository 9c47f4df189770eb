// Rows of the CSV. What has no value stays empty: nothing is filled in that was not measured or
// decided.
#include "rows.h"
#include "law.h"
#include "program.h"
#include "roof.h"
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void time_text(const char *format, char *out, size_t size) {
  struct timespec t;
  struct tm utc;
  clock_gettime(CLOCK_REALTIME, &t);
  gmtime_r(&t.tv_sec, &utc);
  strftime(out, size, format, &utc);
}

void time_compact(char *out, size_t size) {
  time_text("%Y%m%dT%H%M%SZ", out, size);
}

void row_run_name(char out[ROW_RUN]) {
  char at[32];
  time_compact(at, sizeof at);
  snprintf(out, ROW_RUN, "%s-%ld", at, (long)getpid());
}

void row_run(struct row_maker *r, const struct why_machine *machine, const char *run) {
  memset(r, 0, sizeof *r);
  r->machine = machine;
  if (gethostname(r->node, sizeof r->node - 1)) r->node[0] = 0;
  r->run = run;
  snprintf(r->commit, sizeof r->commit, "%s", program_commit);
}

static void write_plans(uint32_t plans, char *out, size_t size) {
  size_t used = (size_t)snprintf(out, size, "%s", plans ? "" : "any");
  for (int i = 0; i < WHY_PLAN_COUNT; i++)
    if (plans >> i & 1)
      used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "",
                               why_plan_name((enum why_plan)i));
}

void row_decision(struct row_maker *r, const struct suite *suite, const struct suite_case *item,
                  const struct why_request *request, int64_t decision) {
  const struct why_problem *p = &request->problem;
  struct csv_row *row = &r->shared;
  csv_row_clear(row);
  why_problem_dims(p, r->dims, sizeof r->dims);
  row->schema = CSV_SCHEMA;
  row->run = r->run;
  row->node = r->node;
  row->machine = why_machine_name(r->machine);
  row->commit = r->commit;
  row->suite = suite->name;
  row->label = item->label;
  row->family = item->family;
  if (*item->family) row->size = item->size;
  row->op = p->op->name;
  row->type = why_type_name(p->type);
  row->math = why_math_name(p->math);
  row->dims = r->dims;
  row->flops = p->op->flops(p);
  row->bytes = p->op->bytes(p);
  row->policy = *request->kernel ? request->kernel : why_policy_name(request->policy);
  row->transfer = why_transfer_name(request->transfer);
  row->cache = why_cache_name(request->cache);
  row->submit = why_submit_name(request->submit);
  row->iterations = request->iterations;
  row->device_memory_bytes = request->budget.device_bytes;
  row->pinned_memory_bytes = request->budget.pinned_bytes;
  write_plans(request->plans, r->plans, sizeof r->plans);
  row->plans = r->plans;
  row->threads =
      request->threads ? request->threads : why_machine_device(r->machine, 0)->multiprocessors;
  row->decision = decision;
}

const char *version_of(const struct why_machine *machine, const char *backend) {
  for (int i = 0; i < why_machine_backends(machine); i++) {
    struct why_backend_info info;
    why_machine_backend(machine, i, &info);
    if (!strcmp(info.name, backend)) return info.version;
  }
  return "";
}

static void put_times(const struct measurement *m, struct csv_row *row) {
  row->samples = m->samples;
  row->median_s = m->median;
  row->min_s = m->min;
  row->p95_s = m->p95;
  row->ci_low_s = m->ci_low;
  row->ci_high_s = m->ci_high;
  row->copy_in_s = m->copy_in;
  row->work_s = m->work;
  row->copy_out_s = m->copy_out;
  row->idle_s = m->idle;
  row->gflops = row->flops * (double)row->iterations / m->median / 1e9;
  row->gbps = row->bytes * (double)row->iterations / m->median / 1e9;
  row->energy_j = m->joules;
}

static void put_noticed(struct row_maker *r, const struct measurement *m, struct csv_row *row) {
  const struct noticed *n = &m->noticed;
  int used = 0;
  r->disturbance[0] = 0;
  if (m->on_all) used = snprintf(r->disturbance, sizeof r->disturbance, "too many to leave out: ");
  disturbance_text(n, r->disturbance + used, sizeof r->disturbance - (size_t)used);
  sensors_throttle(n->throttle, r->throttle, sizeof r->throttle);
  row->disturbed = m->disturbed;
  row->disturbance = r->disturbance;
  row->steal_percent = n->steal_percent;
  row->pressure_percent = n->pressure_percent;
  row->core_percent = n->core_percent;
  row->cpu_hz = n->cpu_hz;
  row->gpu_hz = n->gpu_hz;
  row->gpu_watts = n->gpu_watts;
  row->gpu_celsius = n->gpu_celsius;
  row->throttle = r->throttle;
}

static void put_check(const struct measurement *m, bool right, struct csv_row *row) {
  if (!m->check.verified) return;
  row->error = m->check.error;
  row->tolerance = m->check.tolerance;
  row->verified = right ? m->check.verified : "no";
}

static void put_device(const struct why_machine *machine, const struct why_decision *d,
                       const struct why_candidate *c, const struct measurement *m,
                       struct csv_row *row) {
  const struct why_facts *f = why_machine_device(machine, c->device);
  const struct why_request *request = &d->request;
  row->device = f->name;
  row->facts = isnan(c->seconds) ? "" : f->provenance;
  if (!f->host) row->free_bytes = f->free_bytes;
  if (!f->host && f->context_bytes) row->context_bytes = f->context_bytes;
  bool timed = m && m->samples;
  double calls = (double)row->iterations;
  struct roof roof =
      roof_of(machine, c->device, &request->problem, request->cache, request->threads);
  // Winograd's convolution and its like do less than the operations that are counted.
  if (c->kernel->efficiency > 1) roof.compute = NAN;
  double launches = calls * f->launch_seconds;
  if (!timed) {
    row->bound_by =
        roof_bound(&roof, c->copy_in_seconds + c->copy_out_seconds, c->work_seconds, launches);
    return;
  }
  double copies = f->host ? 0 : m->copy_in + m->copy_out;
  row->bound_by = roof_bound(&roof, copies, m->work, f->host ? 0 : launches);
  if (roof.exact) row->roof_percent = 100 * calls * roof_seconds(&roof) / m->work;
}

// How it was cut, and how near it comes to the law.
static void put_streamed(struct row_maker *r, const struct why_decision *d,
                         const struct why_candidate *c, const struct why_facts *f,
                         const struct measurement *m, struct csv_row *row) {
  const struct why_request *request = &d->request;
  struct law law = law_of(&request->problem, f, request->budget.device_bytes);
  bool timed = m && m->samples;
  why_parts_text(&request->problem, &c->parts, r->part, sizeof r->part);
  row->part = r->part;
  row->pinned_bytes = c->peak.pinned_bytes;
  row->bound_by = law_bound_by(&law);
  row->roof_percent = NAN;
  if (!timed || !strcmp(f->provenance, "measured"))
    row->roof_percent =
        100 * (double)request->iterations * law.all / (timed ? m->median : c->seconds);
}

// What the row rests on: a run here, a run under emulation, or a prediction.
static const char *source_of(const struct why_candidate *c, const struct measurement *m,
                             bool emulated) {
  if (m) return emulated ? "emulated" : "measured";
  return isnan(c->seconds) ? "" : "predicted";
}

void row_candidate(struct row_maker *r, const struct why_decision *d, int candidate,
                   const char *status, int64_t attempt, const struct measurement *m,
                   struct csv_row *row) {
  const struct why_candidate *c = &d->candidate[candidate];
  bool chosen = candidate == d->chosen && !strcmp(status, "chosen");
  *row = r->shared;
  time_text("%Y-%m-%dT%H:%M:%SZ", r->time, sizeof r->time);
  row->time = r->time;
  if (attempt) row->attempt = attempt;
  row->backend = c->kernel->backend;
  row->kernel = c->kernel->name;
  row->plan = why_plan_name(c->plan);
  row->status = status;
  row->reason = why_name(c->verdict.reason);
  row->unit = why_unit(c->verdict.reason);
  if (*row->unit) {
    row->need = c->verdict.need;
    row->have = c->verdict.have;
  }
  snprintf(r->note, sizeof r->note, "%s", c->verdict.note);
  row->note = r->note;
  row->cause = c->verdict.cause;
  if (chosen && d->fallback.reason) {
    row->fallback = why_name(d->fallback.reason);
    if (*why_unit(d->fallback.reason)) {
      row->fallback_need = d->fallback.need;
      row->fallback_have = d->fallback.have;
    }
    row->cause = d->fallback.cause;
    size_t own = strlen(r->note);
    snprintf(r->note + own, sizeof r->note - own, "%s%s", own && *d->fallback.note ? "; " : "",
             d->fallback.note);
  }
  row->source = source_of(c, m, r->emulated);
  row->predicted_s = c->seconds;
  if (c->device >= 0) {
    const struct why_facts *f = why_machine_device(r->machine, c->device);
    row->library_version = version_of(r->machine, c->kernel->backend);
    row->peak_bytes = f->host ? c->peak.host_bytes : c->peak.device_bytes;
    row->workspace_bytes = c->peak.workspace_bytes;
    row->limit_bound = c->bound;
    if (m) row->stop_reason = m->stop;
    if (m && m->samples) {
      put_times(m, row);
      put_noticed(r, m, row);
    }
    if (m) put_check(m, c->verdict.reason != WHY_WRONG, row);
    put_device(r->machine, d, c, m, row);
    if (c->plan == WHY_STREAMED && c->parts.count) put_streamed(r, d, c, f, m, row);
  }
}
