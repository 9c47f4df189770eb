// A plan in words: who serves and from how much memory on, what more memory buys, who does not and
// why, what it costs.
#include "machines.h"
#include "plan_write.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void say(FILE *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(FILE *f, const char *format, ...) {
  va_list arguments;
  fputs("predicted | ", f);
  va_start(arguments, format);
  vfprintf(f, format, arguments);
  va_end(arguments);
  putc('\n', f);
}

struct text {
  char at[48];
};
static struct text in_unit(double value, enum table_unit unit) {
  struct text text = {"-"};
  if (!isnan(value)) unit_text(value, unit, text.at, sizeof text.at);
  return text;
}
static struct text seconds(double value) {
  return in_unit(value, TABLE_SECONDS);
}
static struct text bytes(uint64_t value) {
  struct text none = {"no GPU"};
  return value ? in_unit((double)value, TABLE_BYTES) : none;
}

// A table whose lines begin as all others do. Takes the table's rows from `fill`.
typedef void table_filler(struct table *, const void *from);
static bool put_table(FILE *f, const struct table_column *column, int columns, table_filler *fill,
                      const void *from) {
  char *text = NULL;
  size_t size = 0;
  FILE *memory = open_memstream(&text, &size);
  struct table *t = memory ? table_open(memory, TABLE_TEXT, column, columns) : NULL;
  if (t) fill(t, from);
  bool well = t && table_close(t);
  if (memory && fclose(memory)) well = false;
  for (char *line = text, *end; well && (end = strchr(line, '\n')); line = end + 1)
    say(f, "  %.*s", (int)(end - line), line);
  free(text);
  return well;
}

// ---- what is planned for ------------------------------------------------------------------------

void plan_suites(const struct plan *plan, char *out, size_t size) {
  size_t used = 0;
  out[0] = 0;
  for (int i = 0; i < plan->suites && used < size; i++)
    used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "," : "", plan->suite[i].name);
}

static void say_basis(FILE *f, const struct plan *plan) {
  static const char *const kind[] = {"published", "measured", "no"};
  char names[1024], from[160] = "", share[64] = "every problem";
  struct why_request r;
  int64_t problems = 0;
  size_t used = 0;
  bool of_each = goals_of_each(&plan->goals);
  for (int i = 0; i < plan->suites; i++) problems += plan->suite[i].count;
  for (int k = 0; k < 3; k++) {
    int count = 0;
    for (int i = 0; i < plan->machines; i++)
      count += !strcmp(plan_figures(&plan->machine[i]), kind[k]);
    if (count)
      used += (size_t)snprintf(from + used, sizeof from - used, "%s%d from %s figures",
                               used ? ", " : "", count, kind[k]);
  }
  plan_suites(plan, names, sizeof names);
  if (plan->share < 1) snprintf(share, sizeof share, "%.4g%% of the problems", 100 * plan->share);
  options_request(plan->options, plan->machine[0].machine, &plan->suite[0].item[0].problem, 0, &r);
  say(f, "%s: %lld problem%s", names, (long long)problems,
      problems == 1 ? "" : "s, each counted once: suites do not say how often each occurs");
  say(f, "goal: %s%s%s", plan->goals.text, of_each ? "; of " : "", of_each ? share : "");
  say(f, "policy %s, transfer %s, %lld call%s; nothing was run; machines: %s",
      *r.kernel ? r.kernel : why_policy_name(r.policy), why_transfer_name(r.transfer),
      (long long)r.iterations, r.iterations == 1 ? "" : "s", from);
}

// ---- who serves ---------------------------------------------------------------------------------

struct shown {
  const struct plan_machine *machine;
};

// The order of showing: those that serve first, each by the time with all memory.
static int by_time(const void *a, const void *b) {
  const struct plan_machine *x = ((const struct shown *)a)->machine;
  const struct plan_machine *y = ((const struct shown *)b)->machine;
  bool p = plan_least(x) != NULL, q = plan_least(y) != NULL;
  double s = x->cell[x->rungs - 1].total_seconds, t = y->cell[y->rungs - 1].total_seconds;
  if (p != q) return p ? -1 : 1;
  if (isnan(s) != isnan(t)) return isnan(s) ? 1 : -1;
  if (s != t && !isnan(s)) return s < t ? -1 : 1;
  return strcmp(x->name, y->name);
}

struct ranked {
  const struct plan *plan;
  struct shown *shown; // of all machines, those that serve first
  int serving;
};

static void serving_rows(struct table *t, const void *from) {
  const struct ranked *ranked = from;
  for (int i = 0; i < ranked->serving; i++) {
    const struct plan_machine *m = ranked->shown[i].machine;
    const struct plan_cell *all = &m->cell[m->rungs - 1];
    table_string(t, m->name);
    table_string(t, bytes(plan_least(m)->device_bytes).at);
    table_string(t, bytes(all->device_bytes).at);
    table_number(t, all->total_seconds);
    table_number(t, all->slowest_seconds);
    for (int p = 0; p < PLAN_PLACES; p++) table_integer(t, all->count[p]);
    table_string(t, plan_figures(m));
  }
}

static bool say_serving(FILE *f, const struct ranked *ranked) {
  static const struct table_column column[] = {{"machine"},
                                               {"serves from"},
                                               {"of"},
                                               {"total_s", TABLE_SECONDS},
                                               {"slowest", TABLE_SECONDS},
                                               {"on GPU"},
                                               {"in parts"},
                                               {"on CPU"},
                                               {"nowhere"},
                                               {"figures"}};
  if (!ranked->serving) {
    say(f, "none of %d machines serves", ranked->plan->machines);
    return true;
  }
  say(f, "%d of %d machines serve; times and places with all their memory:", ranked->serving,
      ranked->plan->machines);
  return put_table(f, column, sizeof column / sizeof column[0], serving_rows, ranked);
}

// ---- what more memory buys ----------------------------------------------------------------------

// Rungs at which the total changes by a hundredth or the answer changes.
static void say_memory(FILE *f, const struct plan_machine *m) {
  char line[2048];
  double last = NAN;
  bool served = false;
  int shown = 0;
  size_t used = 0;
  for (int i = 0; i < m->rungs; i++) {
    const struct plan_cell *c = &m->cell[i];
    double total = c->total_seconds;
    bool same = shown && served == c->serves &&
                (isnan(total) ? isnan(last) : fabs(total - last) <= 0.01 * last);
    if (same || used >= sizeof line) continue;
    used += (size_t)snprintf(
        line + used, sizeof line - used, "%s%s %s%s", shown ? ", " : "", bytes(c->device_bytes).at,
        isnan(total) ? "no time" : seconds(total).at, c->serves && !served ? " (serves)" : "");
    last = total;
    served = c->serves;
    shown++;
  }
  if (m->rungs > 1)
    say(f, "  %-16s %s%s", m->name, line, shown < 2 ? ", and no less with more" : "");
}

// ---- who does not -------------------------------------------------------------------------------

static struct text in_reasons_unit(enum why_reason reason, double value) {
  const char *unit = why_unit(reason);
  struct text text;
  if (!strcmp(unit, "bytes")) return in_unit(value, TABLE_BYTES);
  if (!strcmp(unit, "s")) return seconds(value);
  snprintf(text.at, sizeof text.at, "%.10g %s", value, unit);
  return text;
}

// Where the farthest problem runs, and what keeps it from being faster.
static void why_text(const struct plan_machine *m, const struct plan_farthest *far, char *out,
                     size_t size) {
  const struct why_verdict *v = &far->fallback;
  const struct why_candidate *c = &far->chosen;
  size_t used = 0;
  if (far->place == PLAN_NOWHERE)
    used = (size_t)snprintf(out, size, "nowhere");
  else
    used = (size_t)snprintf(
        out, size, "on %s%s (%s:%s)", why_machine_device(m->machine, c->device)->name,
        far->place == PLAN_PARTS ? " in parts" : "", c->kernel->backend, c->kernel->name);
  if (used >= size) return;
  if (far->place >= PLAN_CPU) {
    used +=
        (size_t)snprintf(out + used, size - used, ", on no GPU because of %s", why_name(v->reason));
    if (*why_unit(v->reason) && used < size)
      snprintf(out + used, size - used, " (needs %s, has %s)",
               in_reasons_unit(v->reason, v->need).at, in_reasons_unit(v->reason, v->have).at);
    return;
  }
  if (isnan(c->seconds)) {
    snprintf(out + used, size - used, ", without figures to predict a time from");
    return;
  }
  double part[] = {c->copy_in_seconds, c->work_seconds, c->copy_out_seconds};
  static const char *const name[] = {"copying in", "the work", "copying out"};
  int most = 0;
  for (int i = 1; i < 3; i++)
    if (part[i] > part[most]) most = i;
  snprintf(out + used, size - used, ", %s alone %s", name[most], seconds(part[most]).at);
}

static void say_failing(FILE *f, const struct plan *plan, const struct plan_machine *m) {
  const struct plan_cell *all = &m->cell[m->rungs - 1];
  const struct plan_farthest *far = &all->farthest;
  char problem[512], why[512], missed[96], times[64] = "";
  why_problem_text(&far->item->problem, problem, sizeof problem);
  why_text(m, far, why, sizeof why);
  if (all->holds < all->problems)
    snprintf(missed, sizeof missed, "%lld of %lld problems %s it",
             (long long)(all->problems - all->holds), (long long)all->problems,
             all->problems - all->holds == 1 ? "misses" : "miss");
  else
    snprintf(missed, sizeof missed, "all problems together take %s",
             seconds(all->total_seconds).at);
  if (goals_of_each(&plan->goals) && isfinite(far->miss) && far->miss > 1)
    snprintf(times, sizeof times, ", by a factor of %.3g", far->miss);
  say(f, "  %s: %s; %s: %s%s", m->name, missed, problem,
      isnan(far->chosen.seconds) ? "no time" : seconds(far->chosen.seconds).at, times);
  say(f, "    %s", why);
}

// ---- what it costs ------------------------------------------------------------------------------

const struct price *plan_price(const struct prices *prices, const struct plan_machine *m,
                               const struct plan_cell *cell) {
  for (int i = 0; i < prices->count; i++)
    if (plan_named(m, prices->row[i].machine) && plan_at(m, prices->row[i].memory_bytes) == cell)
      return &prices->row[i];
  return NULL;
}

double plan_cost(const struct price *price, const struct plan_cell *cell) {
  return price->per_hour / 3600 * cell->total_seconds * 1000;
}

struct offer {
  const struct price *price;
  const struct plan_machine *machine;
  const struct plan_cell *cell;
};
struct offers {
  struct offer *offer;
  int count;
};

// Those that serve first, the cheaper an hour first; then the cheaper work.
static int by_price(const void *a, const void *b) {
  const struct offer *x = a, *y = b;
  if (x->cell->serves != y->cell->serves) return x->cell->serves ? -1 : 1;
  if (x->price->per_hour != y->price->per_hour)
    return x->price->per_hour < y->price->per_hour ? -1 : 1;
  double s = plan_cost(x->price, x->cell), t = plan_cost(y->price, y->cell);
  return (s > t) - (s < t);
}

static void offer_rows(struct table *t, const void *from) {
  const struct offers *offers = from;
  for (int i = 0; i < offers->count; i++) {
    const struct offer *o = &offers->offer[i];
    table_string(t, o->machine->name);
    table_string(t, bytes(o->cell->device_bytes).at);
    table_bool(t, o->cell->serves);
    table_number(t, o->price->per_hour);
    table_number(t, o->cell->total_seconds);
    table_number(t, plan_cost(o->price, o->cell));
  }
}

static void say_cheapest(FILE *f, const struct offers *offers, const struct prices *prices) {
  const struct offer *hour = &offers->offer[0], *work = hour;
  if (!offers->count || !hour->cell->serves) {
    say(f, "no machine with a price serves");
    return;
  }
  for (int i = 1; i < offers->count && offers->offer[i].cell->serves; i++)
    if (plan_cost(offers->offer[i].price, offers->offer[i].cell) <
        plan_cost(work->price, work->cell))
      work = &offers->offer[i];
  const char *gap = *prices->currency ? " " : "", *currency = prices->currency;
  say(f, "cheapest that serves: %s, %.4g%s%s an hour; 1000 times all problems cost %.4g%s%s",
      hour->machine->name, hour->price->per_hour, gap, currency, plan_cost(hour->price, hour->cell),
      gap, currency);
  if (work != hour)
    say(f, "cheapest by the work, if it is kept busy: %s, 1000 times all problems cost %.4g%s%s",
        work->machine->name, plan_cost(work->price, work->cell), gap, currency);
}

static bool say_prices(FILE *f, const struct plan *plan, const struct prices *prices) {
  static const struct table_column column[] = {
      {"machine"}, {"memory"}, {"serves"}, {"an hour"}, {"total_s", TABLE_SECONDS}, {"1000 times"}};
  struct offers offers = {calloc((size_t)prices->count, sizeof *offers.offer), 0};
  if (!offers.offer) return false;
  for (int i = 0; i < plan->machines; i++)
    for (int p = 0; p < prices->count; p++) {
      const struct plan_machine *m = &plan->machine[i];
      const struct price *price = &prices->row[p];
      if (!plan_named(m, price->machine)) continue;
      const struct plan_cell *cell = plan_at(m, price->memory_bytes);
      if (cell) offers.offer[offers.count++] = (struct offer){price, m, cell};
    }
  qsort(offers.offer, (size_t)offers.count, sizeof *offers.offer, by_price);
  say_cheapest(f, &offers, prices);
  bool well = put_table(f, column, sizeof column / sizeof column[0], offer_rows, &offers);
  free(offers.offer);
  return well;
}

// ---- all ----------------------------------------------------------------------------------------

bool plan_text(FILE *f, const struct plan *plan, const struct prices *prices) {
  struct ranked ranked = {plan, calloc((size_t)plan->machines, sizeof *ranked.shown), 0};
  if (!ranked.shown) return false;
  bool ladders = false;
  for (int i = 0; i < plan->machines; i++) {
    ranked.shown[i].machine = &plan->machine[i];
    ranked.serving += plan_least(&plan->machine[i]) != NULL;
    ladders |= plan->machine[i].rungs > 1;
  }
  qsort(ranked.shown, (size_t)plan->machines, sizeof *ranked.shown, by_time);
  say_basis(f, plan);
  bool well = say_serving(f, &ranked);
  if (ladders) say(f, "what more memory buys, total_s:");
  for (int i = 0; i < plan->machines; i++) say_memory(f, ranked.shown[i].machine);
  if (ranked.serving < plan->machines)
    say(f, "who does not serve with all memory, the problem farthest from the goal, and why:");
  for (int i = ranked.serving; i < plan->machines; i++)
    say_failing(f, plan, ranked.shown[i].machine);
  if (well && prices->count) well = say_prices(f, plan, prices);
  free(ranked.shown);
  return well;
}
