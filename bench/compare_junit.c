// A comparison as JUnit XML: a case a cell, and one a request that moved. See compare_print.h.
#include "compare_print.h"
#include "junit.h"
#include <math.h>
#include <string.h>

enum { NAME = 1024 };

static void differs(const struct comparison *c, const struct compared *is, char *out, size_t size) {
  char a[32], b[32];
  unit_text(is->a, TABLE_SECONDS, a, sizeof a);
  unit_text(is->b, TABLE_SECONDS, b, sizeof b);
  snprintf(out, size, "%s%s: %+.2f%% (%+.2f%% to %+.2f%%), %s -> %s",
           c->cells.predictions ? "predicted " : "", verdict_name(is->is.verdict),
           percent_of(is->ratio), percent_of(is->is.low), percent_of(is->is.high), a, b);
}

static int put_cell(FILE *file, struct comparison *c, const struct cell *cell) {
  char group[NAME], name[NAME], message[NAME];
  struct compared is = comparison_cell(c, cell);
  int side = cell->side[SIDE_A].rows ? SIDE_A : SIDE_B;
  int status = cells_row(&c->cells, side, cell->side[side].place);
  if (status) return status;
  snprintf(group, sizeof group, "%s.%s", cells_text(&c->cells, side, CELL_op),
           cells_text(&c->cells, side, CELL_type));
  compare_cell_name(c, side, true, name, sizeof name);
  enum junit_result result = JUNIT_SKIPPED;
  if (!cell_matched(cell)) {
    snprintf(message, sizeof message, "only in %c", side == SIDE_A ? 'A' : 'B');
  } else {
    differs(c, &is, message, sizeof message);
    if (is.is.verdict != VERDICT_UNSURE)
      result = is.is.verdict == VERDICT_SLOWER ? JUNIT_FAILED : JUNIT_PASSED;
  }
  junit_case(file, group, name, result, "slower", message);
  return STATUS_OK;
}

// Fails where it left a GPU and is slower, or runs nowhere.
static int put_request(FILE *file, struct comparison *c, const struct request_cell *q) {
  char name[NAME], why[NAME], time[NAME] = "", message[3 * NAME];
  struct compared is = comparison_request(c, q);
  int status = cells_row(&c->cells, SIDE_B, q->place[SIDE_B]);
  if (status) return status;
  compare_cell_name(c, SIDE_B, false, name, sizeof name);
  compare_why(c, SIDE_B, why, sizeof why);
  if (!isnan(is.ratio)) differs(c, &is, time, sizeof time);
  snprintf(message, sizeof message, "%s -> %s%s%s%s%s", cells_ran(&c->cells, q->ran[SIDE_A]),
           cells_ran(&c->cells, q->ran[SIDE_B]), *why ? "; " : "", why, *time ? "; " : "", time);
  junit_case(file, "moved", name, request_worse(c, q) ? JUNIT_FAILED : JUNIT_PASSED, "moved",
             message);
  return STATUS_OK;
}

int compare_junit(FILE *file, struct comparison *c) {
  char name[NAME], message[NAME];
  const struct cells *cells = &c->cells;
  bool slower = c->all.verdict == VERDICT_SLOWER;
  int64_t only = c->only[SIDE_A] + c->only[SIDE_B];
  int status = STATUS_OK;
  snprintf(name, sizeof name, "whycpu compare %.400s %.400s", cells->file[SIDE_A].path,
           cells->file[SIDE_B].path);
  junit_begin(file, name, 1 + c->matched + only + c->moved,
              c->count[VERDICT_SLOWER] + c->worse + slower, c->count[VERDICT_UNSURE] + only);
  snprintf(message, sizeof message, "%s: %+.2f%% (%+.2f%% to %+.2f%%)",
           verdict_name(c->all.verdict), percent_of(c->judge.noise.shift), percent_of(c->all.low),
           percent_of(c->all.high));
  junit_case(file, "all", "all cells together", slower ? JUNIT_FAILED : JUNIT_PASSED, "slower",
             message);
  for (uint32_t i = 0; i < cells->by_cell.count && !status; i++)
    if (!cell_gone(&cells->cell[i])) status = put_cell(file, c, &cells->cell[i]);
  for (uint32_t i = 0; i < cells->by_request.count && !status; i++)
    if (request_moved(&cells->request[i])) status = put_request(file, c, &cells->request[i]);
  junit_end(file);
  return status;
}
