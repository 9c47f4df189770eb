// A part from its suites to its exit status: ceilings first where this machine is measured, then
// the sweep, then the words.
#include "part.h"
#include "figures.h"
#include "machines.h"
#include "resume.h"
#include "suite_list.h"
#include <stdarg.h>
#include <string.h>

void part_say(const struct part *p, const char *format, ...) {
  va_list arguments;
  fprintf(p->words, "%s | ", p->label);
  va_start(arguments, format);
  vfprintf(p->words, format, arguments);
  va_end(arguments);
  fputc('\n', p->words);
  fflush(p->words);
}

// ---- this machine -------------------------------------------------------------------------------

// Why no GPU is used, as the first decision has it: in the system's own words.
void part_say_cause(const struct part *p) {
  struct why_problem problem;
  struct why_request request;
  struct why_decision decision = {0};
  why_problem_default(why_op_at(0), &problem);
  why_request_default(&problem, &request);
  if (!why_consult(p->machine, &request) && !why_decide(p->machine, &request, &decision)) {
    const struct why_verdict *v = &decision.fallback;
    part_say(p, "no GPU is used: %s: %s%s%s%s", why_name(v->reason), why_sentence(v->reason),
             *v->note ? " (" : "", v->note, *v->note ? ")" : "");
    if (*v->cause) part_say(p, "the cause is %s; whycpu doctor has its evidence", v->cause);
  }
  why_decision_free(&decision);
}

static void say_ceilings(const struct part *p, const struct why_facts *f) {
  char text[512] = "", number[48];
  size_t used = 0;
  for (int i = 0; i < WHY_MATH_COUNT; i++) {
    if (!(f->flops[i] > 0)) continue;
    unit_text(f->flops[i], TABLE_FLOPS_PER_SECOND, number, sizeof number);
    used += (size_t)snprintf(text + used, sizeof text - used, "%s %s, ",
                             why_math_name((enum why_math)i), number);
  }
  const struct {
    const char *where;
    double bps;
  } copy[] = {{"cores' caches", f->core_cache_bps},
              {"last cache", f->cache_bps},
              {"memory", f->memory_bps}};
  for (size_t i = 0; i < sizeof copy / sizeof *copy; i++) {
    if (!(copy[i].bps > 0)) continue;
    unit_text(copy[i].bps, TABLE_BYTES_PER_SECOND, number, sizeof number);
    used += (size_t)snprintf(text + used, sizeof text - used, "%s %s, ", copy[i].where, number);
  }
  if (used >= 2) text[used - 2] = 0;
  part_say(p, "ceilings of %s, measured now with %d %s: %s", f->name, f->multiprocessors,
           f->host ? "threads" : "multiprocessors", text);
}

static void measure_ceilings(const struct part *p) {
  enum why_reason reason = figures_measure(p->machine, CEILINGS_FEW);
  if (reason) part_say(p, "not all ceilings could be measured: %s", why_sentence(reason));
  for (int i = 0; i < why_machine_devices(p->machine); i++) {
    const struct why_facts *facts = why_machine_device(p->machine, i);
    if (*facts->provenance) say_ceilings(p, facts);
  }
}

// What the lines that follow rest on.
void part_say_basis(const struct part *p) {
  int gpu = machine_gpu(p->machine);
  const struct why_facts *f = why_machine_device(p->machine, gpu < 0 ? 0 : gpu);
  if (why_machine_replayed(p->machine))
    part_say(p, "on %s (%s), from %s figures; nothing was run", why_machine_name(p->machine),
             f->name, *f->provenance ? f->provenance : "no");
  else if (f->emulated)
    part_say(p, "the GPU kernels, run on the CPU under emulation; no times");
}

// ---- the sweep ----------------------------------------------------------------------------------

// What is to be said when it is over, besides the summary. STATUS_OK or the status to return.
static int outcome(const struct sweep_result *result, const struct results_target *target,
                   int64_t rows) {
  if (result->interrupted) {
    const char *path = rows && target->path ? target->path : "";
    bool goes_on = *path && target->format != TABLE_JSON;
    fprintf(stderr, "whycpu bench: interrupted; %lld rows are kept%s%s%s%s%s\n", (long long)rows,
            *path ? " in " : "", path, goes_on ? "; --resume " : "", goes_on ? path : "",
            goes_on ? " with the same options goes on" : "");
    return STATUS_INTERRUPTED;
  }
  if (result->nowhere)
    fprintf(stderr, "whycpu bench: %lld of %lld decisions found no place under the policy\n",
            (long long)result->nowhere, (long long)result->decisions);
  if (result->failed)
    fprintf(stderr, "whycpu bench: %lld candidates failed; their rows say why\n",
            (long long)result->failed);
  return result->nowhere || result->failed ? STATUS_NO : STATUS_OK;
}

// Reads what is there, cuts off what was not finished, and lets the sweep begin after it. A file
// that is complete is left alone.
static int go_on(const struct part *p, struct results *results, struct sweep *sweep,
                 struct resume *kept) {
  int status =
      resume_read(sweep, p->target.path, results->resumed, p->run, &results->summary, kept);
  int64_t total = sweep_decisions(sweep);
  bool complete = kept->decisions == total && !kept->cut;
  if (!status && !complete) status = results_continue(results, kept->end, kept->rows);
  if (status) return status;
  sweep->first = kept->decisions;
  results->rows = kept->rows;
  if (*kept->run) snprintf(p->run, ROW_RUN, "%s", kept->run);
  if (kept->decisions == total)
    part_say(p, "%s is complete: all %lld decisions are there, nothing was left to do",
             p->target.path, (long long)total);
  else
    part_say(p,
             "goes on after %lld of %lld decisions, %lld rows; %lld bytes after them are done "
             "again",
             (long long)kept->decisions, (long long)total, (long long)kept->rows,
             (long long)kept->cut);
  return STATUS_OK;
}

struct sink {
  struct results *results;
  struct blob_export *blob;
};
static int take_row(void *to, const struct suite_case *item, const struct csv_row *row, bool gpu) {
  struct sink *sink = to;
  int error = results_row(sink->results, item, row, gpu);
  return error || !sink->blob ? error : blob_export_add(sink->blob, item, row, gpu);
}

int part_run(const struct part *p) {
  struct suite suite[SUITES];
  struct sweep_result result;
  struct results results;
  struct resume kept = {0};
  int suites = 0, status = suites_open("--suite", p->suites, suite, &suites);
  if (!status) status = results_open(&p->target, &results);
  if (status) goto done;
  interrupt_defer(true);
  results.summary.predicts = why_machine_replayed(p->machine);
  struct sink sink = {&results, p->blob};
  struct sweep sweep = {
      .machine = p->machine,
      .options = p->options,
      .suite = suite,
      .suites = suites,
      .rules = p->rules,
      .sink = {take_row, &sink},
      .label = p->label,
      .run = p->run,
      .samples = p->samples,
  };
  if (p->target.resume && (status = go_on(p, &results, &sweep, &kept))) {
    results_close(&results, 0);
    interrupt_defer(false);
    results_free(&results);
    goto done;
  }
  if (!*p->run) row_run_name(p->run);
  bool complete = sweep.first == sweep_decisions(&sweep);
  part_say_basis(p);
  if (p->here && !complete && machine_gpu(p->machine) < 0) part_say_cause(p);
  if (p->here && !complete) measure_ceilings(p);
  sweep_run(&sweep, &result);
  result.nowhere += kept.nowhere;
  result.failed += kept.failed;
  status = results_close(&results, result.error);
  interrupt_defer(false);
  if (!result.error) {
    if (p->kernels)
      summary_print_kernels(p->words, p->label, &results.summary);
    else
      summary_print(p->words, p->label, &results.summary);
    if (!status && p->target.path && results.rows)
      part_say(p, "%lld rows in %s", (long long)results.rows, p->target.path);
  }
  results_free(&results);
  if (!status) status = outcome(&result, &p->target, results.rows);
done:
  for (int i = 0; i < suites; i++) suite_free(&suite[i]);
  return status;
}
