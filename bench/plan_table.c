// A plan as CSV or JSON, for a spreadsheet: plain numbers, a row a machine and budget.
#include "machines.h"
#include "plan_write.h"
#include <math.h>
#include <string.h>

static const struct table_column column[] = {
#define X(column, help) {#column},
#include "plan_columns.def"
#undef X
};
enum { COLUMNS = sizeof column / sizeof column[0] };

static void none(struct table *t, int columns) {
  while (columns-- > 0) table_none(t);
}

// "SLOWER 12, DEVICE_MEMORY 3": why problems are on no GPU, those nearest to one first.
static void fallback_text(const struct plan_cell *cell, char *out, size_t size) {
  size_t used = 0;
  out[0] = 0;
  for (int r = WHY_REASON_COUNT - 1; r > WHY_OK; r--)
    if (cell->fallback[r] && used < size)
      used += (size_t)snprintf(out + used, size - used, "%s%s %lld", used ? ", " : "",
                               why_name((enum why_reason)r), (long long)cell->fallback[r]);
}

static void farthest_cells(struct table *t, const struct plan *plan, const struct plan_machine *m,
                           const struct plan_farthest *f) {
  char text[1024];
  bool ran = f->place != PLAN_NOWHERE;
  const struct why_verdict *v = &f->fallback;
  bool numbers = *why_unit(v->reason) != 0;
  why_problem_text(&f->item->problem, text, sizeof text);
  table_string(t, text);
  table_number(t, ran ? f->chosen.seconds : NAN);
  table_number(t, goals_of_each(&plan->goals) ? f->miss : NAN);
  if (ran) {
    table_string(t, why_machine_device(m->machine, f->chosen.device)->name);
    snprintf(text, sizeof text, "%s:%s", f->chosen.kernel->backend, f->chosen.kernel->name);
    table_string(t, text);
    table_string(t, why_plan_name(f->chosen.plan));
  } else {
    none(t, 3);
  }
  table_string(t, v->reason ? why_name(v->reason) : NULL);
  table_number(t, numbers ? v->need : NAN);
  table_number(t, numbers ? v->have : NAN);
  table_string(t, numbers ? why_unit(v->reason) : NULL);
}

static void price_cells(struct table *t, const struct prices *prices, const struct plan_machine *m,
                        const struct plan_cell *cell) {
  const struct price *price = plan_price(prices, m, cell);
  if (!price) {
    none(t, 3);
    return;
  }
  table_number(t, price->per_hour);
  table_string(t, *prices->currency ? prices->currency : NULL);
  table_number(t, plan_cost(price, cell));
}

static void request_cells(struct table *t, const struct plan *plan, const struct plan_machine *m) {
  struct why_request request;
  options_request(plan->options, m->machine, &plan->suite[0].item[0].problem, 0, &request);
  table_string(t, *request.kernel ? request.kernel : why_policy_name(request.policy));
  table_string(t, why_transfer_name(request.transfer));
  table_integer(t, request.iterations);
  table_integer(t, request.threads ? request.threads
                                   : why_machine_device(m->machine, 0)->multiprocessors);
}

static void row(struct table *t, const struct plan *plan, const struct prices *prices,
                const struct plan_machine *m, const struct plan_cell *cell) {
  char text[1024];
  bool gpu = machine_gpu(m->machine) >= 0;
  plan_suites(plan, text, sizeof text);
  table_string(t, text);
  table_string(t, plan->goals.text);
  table_number(t, plan->share);
  table_string(t, m->name);
  table_string(t, plan_device(m)->name);
  table_string(t, "predicted");
  table_string(t, plan_figures(m));
  request_cells(t, plan, m);
  if (gpu) {
    table_unsigned(t, plan_device(m)->memory_bytes);
    table_unsigned(t, cell->device_bytes);
  } else {
    none(t, 2);
  }
  table_integer(t, cell->problems);
  table_integer(t, cell->holds);
  table_bool(t, cell->serves);
  table_number(t, cell->total_seconds);
  table_number(t, cell->slowest_seconds);
  for (int i = 0; i < PLAN_PLACES; i++) table_integer(t, cell->count[i]);
  for (int i = 0; i < PLAN_NOWHERE; i++) table_number(t, cell->seconds[i]);
  fallback_text(cell, text, sizeof text);
  table_string(t, *text ? text : NULL);
  farthest_cells(t, plan, m, &cell->farthest);
  price_cells(t, prices, m, cell);
}

struct table *plan_table(FILE *file, enum table_format format, const struct plan *plan,
                         const struct prices *prices) {
  struct table *t = table_open(file, format, column, COLUMNS);
  for (int i = 0; t && i < plan->machines; i++)
    for (int r = 0; r < plan->machine[i].rungs; r++)
      row(t, plan, prices, &plan->machine[i], &plan->machine[i].cell[r]);
  return t;
}
