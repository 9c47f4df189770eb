// Cells, noise and verdicts together. See comparison.h.
#include "comparison.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIT_MOST = 4096 }; // cells that the noise is read off: no better known from more

static double mean_log(const struct cell_side *s) {
  return s->log_seconds / s->rows;
}

// Of a mean of so many medians.
static struct spread mean_spread(const struct cell_side *s) {
  return (struct spread){(double)s->variance / s->rows / s->rows, (double)s->freedom};
}

static struct difference difference(const struct cell_side *a, const struct cell_side *b) {
  return difference_of(mean_log(a), mean_spread(a), mean_log(b), mean_spread(b));
}

bool cell_gone(const struct cell *c) {
  return !c->side[SIDE_A].rows && !c->side[SIDE_B].rows;
}

bool request_moved(const struct request_cell *q) {
  return q->ran[SIDE_A] != RAN_UNSEEN && q->ran[SIDE_B] != RAN_UNSEEN &&
         q->ran[SIDE_A] != q->ran[SIDE_B];
}

// ---- noise --------------------------------------------------------------------------------------

static int fit(const struct cells *c, int64_t matched, double run_to_run, struct noise *noise) {
  static struct difference d[FIT_MOST];
  int64_t step = (matched + FIT_MOST - 1) / FIT_MOST, seen = 0;
  int n = 0;
  for (uint32_t i = 0; i < c->by_cell.count; i++)
    if (cell_matched(&c->cell[i]) && seen++ % step == 0)
      d[n++] = difference(&c->cell[i].side[SIDE_A], &c->cell[i].side[SIDE_B]);
  return noise_fit(d, n, run_to_run, noise) ? machine_failed("out of memory") : STATUS_OK;
}

static int64_t count_matched(const struct cells *c) {
  int64_t matched = 0;
  for (uint32_t i = 0; i < c->by_cell.count; i++) matched += cell_matched(&c->cell[i]);
  return matched;
}

static int nothing_in_both(const struct cells *c) {
  const struct cells_file *a = &c->file[SIDE_A], *b = &c->file[SIDE_B];
  const char *kind = c->predictions ? "predicted" : "measured";
  for (int side = 0; side < SIDES; side++) {
    const struct cells_file *f = &c->file[side];
    int64_t other = c->predictions ? f->measured : f->predicted;
    if (!f->used)
      return request_wrong("%s: none of its %lld rows is %s%s", f->path, (long long)f->rows, kind,
                           !other           ? ""
                           : c->predictions ? "; leave out --predicted"
                                            : "; --predicted compares predictions");
  }
  return request_wrong("%s and %s: no %s cell is in both: the same problems, types, threads, "
                       "transfers and budgets are wanted",
                       a->path, b->path, kind);
}

// What two runs of A's program differ by. All of it is noise, what they have in common too.
static int fit_repeat(const char *a, const struct comparison_rules *rules, struct noise *noise) {
  struct cells cells;
  int status = cells_read(&cells, a, rules->repeat, false);
  int64_t matched = status ? 0 : count_matched(&cells);
  if (!status && !matched) status = nothing_in_both(&cells);
  if (!status) status = fit(&cells, matched, rules->run_to_run, noise);
  if (!status) noise->common = hypot(noise->common, noise->shift);
  cells_free(&cells);
  return status;
}

static int fit_noise(struct comparison *c, const char *a, int64_t tests) {
  struct noise noise, repeat;
  int status = fit(&c->cells, c->matched, c->rules->run_to_run, &noise);
  if (!status && c->rules->repeat && !(status = fit_repeat(a, c->rules, &repeat))) {
    noise.between = repeat.between;
    noise.freedom = repeat.freedom;
    noise.found = repeat.found;
    noise.tail = repeat.tail;
    noise.common = repeat.common;
  }
  if (!status) judge_make(&noise, tests, c->rules->threshold, &c->judge);
  return status;
}

// ---- verdicts -----------------------------------------------------------------------------------

// Predictions have no noise: what differs, differs. 0.1% is what a model file's digits leave open.
static struct judged judge_prediction(const struct comparison *c, double ratio) {
  double threshold = isnan(c->rules->threshold) ? 0.001 : c->rules->threshold;
  enum verdict verdict = ratio > threshold    ? VERDICT_SLOWER
                         : ratio < -threshold ? VERDICT_FASTER
                                              : VERDICT_SAME;
  return (struct judged){verdict, ratio, ratio};
}

static struct compared compare_sides(struct comparison *c, const struct cell_side *a,
                                     const struct cell_side *b) {
  struct compared is = {{VERDICT_UNSURE, NAN, NAN}, NAN, NAN, NAN};
  bool has_a = a && a->rows, has_b = b && b->rows;
  if (has_a) is.a = exp(mean_log(a));
  if (has_b) is.b = exp(mean_log(b));
  if (!has_a || !has_b) return is;
  struct difference d = difference(a, b);
  is.ratio = d.log_ratio;
  is.is = c->rules->predictions ? judge_prediction(c, d.log_ratio) : judge_cell(&c->judge, &d);
  return is;
}

struct compared comparison_cell(struct comparison *c, const struct cell *cell) {
  return compare_sides(c, &cell->side[SIDE_A], &cell->side[SIDE_B]);
}

struct compared comparison_request(struct comparison *c, const struct request_cell *q) {
  const struct cell_side *side[SIDES] = {NULL};
  for (int i = 0; i < SIDES; i++)
    if (q->cell[i] != UINT32_MAX) side[i] = &c->cells.cell[q->cell[i]].side[i];
  return compare_sides(c, side[SIDE_A], side[SIDE_B]);
}

static void count_cells(struct comparison *c) {
  for (uint32_t i = 0; i < c->cells.by_cell.count; i++) {
    const struct cell *cell = &c->cells.cell[i];
    if (cell_gone(cell)) continue;
    if (!cell_matched(cell)) {
      c->only[cell->side[SIDE_A].rows ? SIDE_A : SIDE_B]++;
      continue;
    }
    struct compared is = comparison_cell(c, cell);
    c->count[is.is.verdict]++;
    c->unknown += isinf(is.is.high);
  }
}

static bool left_gpu(const struct comparison *c, const struct request_cell *q) {
  return cells_on_gpu(&c->cells, q->ran[SIDE_A]) && !cells_on_gpu(&c->cells, q->ran[SIDE_B]);
}

bool request_worse(struct comparison *c, const struct request_cell *q) {
  if (q->ran[SIDE_B] == RAN_NOWHERE) return true;
  return left_gpu(c, q) && comparison_request(c, q).is.verdict == VERDICT_SLOWER;
}

static void count_requests(struct comparison *c) {
  for (uint32_t i = 0; i < c->cells.by_request.count; i++) {
    const struct request_cell *q = &c->cells.request[i];
    if (!request_moved(q)) continue;
    c->moved++;
    c->left_gpu += left_gpu(c, q);
    c->worse += request_worse(c, q);
  }
}

int comparison_make(struct comparison *c, const char *a, const char *b,
                    const struct comparison_rules *rules) {
  *c = (struct comparison){.rules = rules};
  int status = cells_read(&c->cells, a, b, rules->predictions);
  if (status) return status;
  c->matched = count_matched(&c->cells);
  if (!c->matched) return nothing_in_both(&c->cells);
  int64_t tests = c->matched;
  for (uint32_t i = 0; i < c->cells.by_request.count; i++)
    tests += request_moved(&c->cells.request[i]);
  if ((status = fit_noise(c, a, tests)) != STATUS_OK) return status;
  c->all = rules->predictions ? judge_prediction(c, c->judge.noise.shift) : judge_all(&c->judge);
  count_cells(c);
  count_requests(c);
  return STATUS_OK;
}

bool comparison_slower(const struct comparison *c) {
  return c->count[VERDICT_SLOWER] || c->all.verdict == VERDICT_SLOWER || c->worse;
}

void comparison_free(struct comparison *c) {
  cells_free(&c->cells);
}
