// A comparison as a table. See compare_print.h.
#include "compare_print.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// After `what` and `verdict`, the identity as the row has it.
static const enum cells_column identity[] = {
    CELL_op,
    CELL_type,
    CELL_math,
    CELL_dims,
    CELL_policy,
    CELL_transfer,
    CELL_iterations,
    CELL_device_memory_bytes,
    CELL_pinned_memory_bytes,
    CELL_plans,
    CELL_threads,
    CELL_cache,
    CELL_submit,
    CELL_backend,
    CELL_kernel,
    CELL_plan,
    CELL_device,
};
enum { IDENTITY = sizeof identity / sizeof identity[0] };

const struct table_column compare_column[COMPARE_COLUMNS] = {
    {"what"},
    {"verdict"},
    {"op"},
    {"type"},
    {"math"},
    {"dims"},
    {"policy"},
    {"transfer"},
    {"iterations"},
    {"device_memory_bytes"},
    {"pinned_memory_bytes"},
    {"plans"},
    {"threads"},
    {"cache"},
    {"submit"},
    {"backend"},
    {"kernel"},
    {"plan"},
    {"device"},
    {"source"},
    {"a_median_s"},
    {"b_median_s"},
    {"difference_percent"},
    {"low_percent"},
    {"high_percent"},
    {"a_rows"},
    {"b_rows"},
    {"ran"},
    {"because"},
};

static void put_text(struct table *t, const char *text) {
  if (*text)
    table_string(t, text);
  else
    table_none(t);
}

static void put_whole(struct table *t, const char *text) {
  if (*text)
    table_integer(t, strtoll(text, NULL, 10));
  else
    table_none(t);
}

// Of a cell policy and plans say nothing: it may come from several decisions.
static void put_identity(struct table *t, const struct comparison *c, int side, bool request) {
  for (int i = 0; i < IDENTITY; i++) {
    enum cells_column column = identity[i];
    const char *text = cells_text(&c->cells, side, column);
    bool asked = column == CELL_policy || column == CELL_plans;
    bool ran = column == CELL_backend || column == CELL_kernel || column == CELL_plan ||
               column == CELL_device;
    if (request ? ran : asked)
      table_none(t);
    else if (column == CELL_iterations || column == CELL_device_memory_bytes ||
             column == CELL_pinned_memory_bytes || column == CELL_threads)
      put_whole(t, text);
    else
      put_text(t, text);
  }
}

static void put_compared(struct table *t, const struct comparison *c, const struct compared *is) {
  table_string(t, c->cells.predictions ? "predicted" : "measured");
  table_number(t, is->a);
  table_number(t, is->b);
  table_number(t, percent_of(is->ratio));
  table_number(t, percent_of(is->is.low));
  table_number(t, percent_of(is->is.high));
}

static int put_cell(struct table *t, struct comparison *c, const struct cell *cell) {
  struct compared is = comparison_cell(c, cell);
  const struct cell_side *a = &cell->side[SIDE_A], *b = &cell->side[SIDE_B];
  char why[1024] = "";
  int status = STATUS_OK, side = a->rows ? SIDE_A : SIDE_B;
  bool told = a->rows && !b->rows && b->place >= 0;
  if (told) status = cells_row(&c->cells, SIDE_B, b->place);
  if (told && !status) compare_why(c, SIDE_B, why, sizeof why);
  if (!status) status = cells_row(&c->cells, side, cell->side[side].place);
  if (status) return status;
  table_string(t, "cell");
  table_string(t, cell_matched(cell) ? verdict_name(is.is.verdict)
                  : a->rows          ? "only in A"
                                     : "only in B");
  put_identity(t, c, side, false);
  put_compared(t, c, &is);
  table_integer(t, a->rows);
  table_integer(t, b->rows);
  table_none(t);
  put_text(t, why);
  return STATUS_OK;
}

static int put_request(struct table *t, struct comparison *c, const struct request_cell *q) {
  struct compared is = comparison_request(c, q);
  char ran[512], why[1024];
  int status = cells_row(&c->cells, SIDE_B, q->place[SIDE_B]);
  if (status) return status;
  compare_why(c, SIDE_B, why, sizeof why);
  snprintf(ran, sizeof ran, "%s -> %s", cells_ran(&c->cells, q->ran[SIDE_A]),
           cells_ran(&c->cells, q->ran[SIDE_B]));
  bool timed = !isnan(is.ratio);
  table_string(t, "moved");
  put_text(t, timed ? verdict_name(is.is.verdict) : "");
  put_identity(t, c, SIDE_B, true);
  put_compared(t, c, &is);
  table_none(t);
  table_none(t);
  table_string(t, ran);
  put_text(t, why);
  return STATUS_OK;
}

static void put_all(struct table *t, const struct comparison *c) {
  struct compared is = {c->all, NAN, NAN, c->judge.noise.shift};
  table_string(t, "all cells");
  table_string(t, verdict_name(c->all.verdict));
  for (int i = 0; i < IDENTITY; i++) table_none(t);
  put_compared(t, c, &is);
  for (int i = 0; i < 4; i++) table_none(t);
}

int compare_table(struct table *t, struct comparison *c) {
  const struct cells *cells = &c->cells;
  int status = STATUS_OK;
  for (uint32_t i = 0; i < cells->by_cell.count && !status; i++)
    if (!cell_gone(&cells->cell[i])) status = put_cell(t, c, &cells->cell[i]);
  for (uint32_t i = 0; i < cells->by_request.count && !status; i++)
    if (request_moved(&cells->request[i])) status = put_request(t, c, &cells->request[i]);
  if (!status) put_all(t, c);
  return status;
}
