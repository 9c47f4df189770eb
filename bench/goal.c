#include "goal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN(member) #member, offsetof(struct goal_figures, member)
static const struct {
  const char *name;
  size_t offset;
  bool rate;   // more is better
  bool of_all; // else it is asked of each problem
} column[] = {
    // clang-format off
    {COLUMN(median_s), false, false},
    {COLUMN(gflops),   true,  false},
    {COLUMN(gbps),     true,  false},
    {COLUMN(total_s),  false, true},
    // clang-format on
};
enum { COLUMNS = sizeof column / sizeof column[0] };

// ---- reading ------------------------------------------------------------------------------------

static bool wrong(struct why_error *error, const char *goal, const char *right) {
  snprintf(error->text, sizeof error->text, "'%.80s': %.160s", goal, right);
  return false;
}

// A plain number above 0.
static bool read_rate(const char *text, double *out) {
  char *end;
  *out = strtod(text, &end);
  return strspn(text, "0123456789") > 0 && end != text && !*end && isfinite(*out) && *out > 0;
}

static bool read_limit(const char *goal, const char *text, struct goal *out,
                       struct why_error *error) {
  struct why_error why = {0};
  if (column[out->column].rate)
    return read_rate(text, &out->limit) || wrong(error, goal, "a number above 0 is wanted");
  return read_seconds(text, &out->limit, &why) || wrong(error, goal, why.text);
}

// One goal, without spaces: COLUMN OP VALUE.
static bool read_goal(const char *goal, struct goal *out, struct why_error *error) {
  char name[32], right[160], near[96];
  const char *choice[COLUMNS];
  size_t length = strcspn(goal, "<>=!");
  snprintf(name, sizeof name, "%.*s", length > 31 ? 31 : (int)length, goal);
  for (int i = 0; i < COLUMNS; i++) choice[i] = column[i].name;
  int at = 0;
  while (at < COLUMNS && strcmp(name, choice[at]) != 0) at++;
  if (at == COLUMNS) {
    nearest(name, choice, COLUMNS, near, sizeof near);
    snprintf(right, sizeof right, "a goal is such as median_s<10ms; %s", near);
    return wrong(error, goal, right);
  }
  const char *op = goal + length;
  if (op[0] != '<' && op[0] != '>')
    return wrong(error, goal, "a goal is such as median_s<10ms, with <, <=, > or >=");
  *out = (struct goal){.column = at, .strict = op[1] != '='};
  if ((op[0] == '>') != column[at].rate)
    return wrong(error, goal,
                 column[at].rate ? "more of a rate is better: > or >= is wanted"
                                 : "less time is better: < or <= is wanted");
  return read_limit(goal, op + 1 + !out->strict, out, error);
}

bool read_goals(const char *text, void *to, struct why_error *error) {
  struct goals *goals = to;
  char plain[GOAL_TEXT], goal[GOAL_TEXT];
  size_t used = 0;
  *goals = (struct goals){0};
  if (strlen(text) >= sizeof plain) return wrong(error, text, "it is too long");
  for (const char *c = text; *c; c++)
    if (*c != ' ') plain[used++] = *c;
  plain[used] = 0;
  for (const char *at = plain;; at++) {
    size_t length = strcspn(at, ",");
    memcpy(goal, at, length);
    goal[length] = 0;
    if (!length) return wrong(error, text, "a goal is empty; one is such as median_s<10ms");
    if (goals->count == GOALS) return wrong(error, text, "at most 8 goals are taken");
    if (!read_goal(goal, &goals->goal[goals->count++], error)) return false;
    at += length;
    if (!*at) break;
  }
  snprintf(goals->text, sizeof goals->text, "%s", plain);
  return true;
}

// ---- holding ------------------------------------------------------------------------------------

static double figure_of(const struct goal *goal, const struct goal_figures *figures) {
  return *(const double *)((const char *)figures + column[goal->column].offset);
}

bool goal_of_all(const struct goal *goal) {
  return column[goal->column].of_all;
}

bool goals_of_each(const struct goals *goals) {
  for (int i = 0; i < goals->count; i++)
    if (!goal_of_all(&goals->goal[i])) return true;
  return false;
}

bool goal_holds(const struct goal *goal, const struct goal_figures *figures) {
  double value = figure_of(goal, figures), limit = goal->limit; // NAN compares false
  if (column[goal->column].rate) return goal->strict ? value > limit : value >= limit;
  return goal->strict ? value < limit : value <= limit;
}

double goal_miss(const struct goal *goal, const struct goal_figures *figures) {
  double value = figure_of(goal, figures);
  if (isnan(value)) return INFINITY;
  return column[goal->column].rate ? goal->limit / value : value / goal->limit;
}
