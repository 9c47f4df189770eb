// A comparison for people: the verdict first, then what stands out. See compare_print.h.
#include "compare_print.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 10, NAME = 1024, WIDTH = 80 };

static void print_interval(FILE *f, double ratio, double low, double high) {
  fprintf(f, "%+.1f%%", percent_of(ratio));
  if (isinf(low))
    fprintf(f, ", of unknown precision");
  else if (low < high)
    fprintf(f, " (%+.1f%% to %+.1f%%)", percent_of(low), percent_of(high));
}

// Indented, broken at spaces.
static void print_wrapped(FILE *f, const char *text) {
  const char *indent = "      ";
  int column = 0;
  while (*text) {
    int length = (int)strcspn(text, " ");
    if (column && column + 1 + length > WIDTH) column = 0, fputc('\n', f);
    column += fprintf(f, "%s", column ? " " : indent);
    for (int i = 0; i < length; i++) {
      unsigned char c = (unsigned char)text[i];
      fputc(c < 0x20 || c == 0x7f ? '?' : c, f);
    }
    column += length;
    text += length;
    text += strspn(text, " ");
  }
  fputc('\n', f);
}

// ---- the verdict --------------------------------------------------------------------------------

static void print_verdict(FILE *f, const struct comparison *c) {
  const char *label = c->cells.predictions ? "predicted " : "";
  long long slower = (long long)c->count[VERDICT_SLOWER], all = (long long)c->matched;
  if (!comparison_slower(c))
    fprintf(f, "nothing is %sslower: ", label);
  else
    fprintf(f, "%sslower: ", label);
  const char *comma = "";
  if (slower) fprintf(f, "%lld of %lld cells", slower, all), comma = "; ";
  if (c->all.verdict == VERDICT_SLOWER) {
    fprintf(f, "%sall together ", comma);
    print_interval(f, c->judge.noise.shift, c->all.low, c->all.high);
    comma = "; ";
  }
  if (c->worse)
    fprintf(f, "%s%lld requests are worse off elsewhere", comma, (long long)c->worse), comma = "; ";
  if (!*comma) fprintf(f, "%lld cells compared", all);
  fprintf(f, "\n");
}

static void print_counts(FILE *f, const struct comparison *c) {
  const struct noise *n = &c->judge.noise;
  fprintf(f, "  slower %lld, faster %lld, same within the precision %lld, cannot tell %lld\n",
          (long long)c->count[VERDICT_SLOWER], (long long)c->count[VERDICT_FASTER],
          (long long)c->count[VERDICT_SAME], (long long)c->count[VERDICT_UNSURE]);
  fprintf(f, "  all together ");
  print_interval(f, n->shift, c->all.low, c->all.high);
  fprintf(f, ": %s\n", verdict_name(c->all.verdict));
  if (c->cells.predictions) {
    fprintf(f, "  predicted times: nothing was measured, and there is no noise\n");
    return;
  }
  fprintf(f, "  the same is what lies within %.1f%%; cells differ from run to run by %.1f%%\n",
          percent_of(c->judge.same), percent_of(n->between));
  if (n->tail > 4 || n->between > 0.1)
    fprintf(f, "  so much is other work that was running, or changes that go both ways; a second\n"
               "  run of A (--repeat) tells which\n");
}

static void print_left_out(FILE *f, const struct comparison *c) {
  for (int side = 0; side < SIDES; side++) {
    const struct cells_file *file = &c->cells.file[side];
    const struct {
      int64_t rows;
      const char *why;
    } left[] = {{file->predicted, "predicted"},
                {file->emulated, "emulated"},
                {file->measured, "measured"},
                {file->failed, "failed"},
                {file->idle, "not run"}};
    fprintf(f, "  %c: %lld rows, %lld compared", "AB"[side], (long long)file -> rows,
            (long long)file -> used);
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
      if (left[i].rows) fprintf(f, ", %lld %s", (long long)left[i].rows, left[i].why);
    if (file->pooled) fprintf(f, "; %lld again of a cell: averaged", (long long)file->pooled);
    fprintf(f, "\n");
  }
}

// ---- cells --------------------------------------------------------------------------------------

struct ranked {
  uint32_t cell;
  double by;
};

// The largest first; where two are alike, the order of the file.
static int by_size(const void *a, const void *b) {
  const struct ranked *x = a, *y = b;
  if (x->by != y->by) return x->by < y->by ? 1 : -1;
  return (x->cell > y->cell) - (x->cell < y->cell);
}

// The most extreme of a verdict: by the end of the interval that is nearer to nothing.
static int rank(struct comparison *c, enum verdict verdict, struct ranked *first) {
  int n = 0;
  for (uint32_t i = 0; i < c->cells.by_cell.count; i++) {
    const struct cell *cell = &c->cells.cell[i];
    if (!cell_matched(cell)) continue;
    struct judged is = comparison_cell(c, cell).is;
    if (is.verdict != verdict) continue;
    first[n] = (struct ranked){i, fmax(is.low, -is.high)};
    if (++n <= MOST) continue;
    qsort(first, (size_t)n, sizeof *first, by_size);
    n = MOST;
  }
  qsort(first, (size_t)n, sizeof *first, by_size);
  return n;
}

static int print_cells(FILE *f, struct comparison *c, enum verdict verdict) {
  struct ranked first[MOST + 1];
  char name[NAME], a[32], b[32];
  int n = rank(c, verdict, first), status = STATUS_OK;
  if (n) fprintf(f, "\n%s%s\n", c->cells.predictions ? "predicted " : "", verdict_name(verdict));
  for (int i = 0; i < n && !status; i++) {
    const struct cell *cell = &c->cells.cell[first[i].cell];
    struct compared is = comparison_cell(c, cell);
    status = cells_row(&c->cells, SIDE_A, cell->side[SIDE_A].place);
    if (status) break;
    compare_cell_name(c, SIDE_A, true, name, sizeof name);
    unit_text(is.a, TABLE_SECONDS, a, sizeof a);
    unit_text(is.b, TABLE_SECONDS, b, sizeof b);
    fprintf(f, "  ");
    print_interval(f, is.ratio, is.is.low, is.is.high);
    fprintf(f, ", %s -> %s\n", a, b);
    print_wrapped(f, name);
  }
  if (n && c->count[verdict] > n)
    fprintf(f, "  and %lld more\n", (long long)(c->count[verdict] - n));
  return status;
}

static int print_only(FILE *f, struct comparison *c, int side) {
  char text[2 * NAME];
  int status = STATUS_OK, shown = 0;
  if (c->only[side])
    fprintf(f, "\nonly in %c: %lld cells\n", "AB"[side], (long long)c -> only[side]);
  for (uint32_t i = 0; i < c->cells.by_cell.count && shown < MOST / 2 && !status; i++) {
    const struct cell_side *is = &c->cells.cell[i].side[side];
    const struct cell_side *other = &c->cells.cell[i].side[!side];
    if (!is->rows || other->rows) continue;
    shown++;
    status = cells_row(&c->cells, side, is->place);
    if (status) break;
    compare_cell_name(c, side, true, text, sizeof text);
    print_wrapped(f, text);
    if (side == SIDE_B || other->place < 0) continue;
    status = cells_row(&c->cells, SIDE_B, other->place);
    if (status) break;
    snprintf(text, sizeof text, "in B: ");
    compare_why(c, SIDE_B, text + strlen(text), sizeof text - strlen(text));
    print_wrapped(f, text);
  }
  if (shown && c->only[side] > shown)
    fprintf(f, "  and %lld more\n", (long long)(c->only[side] - shown));
  return status;
}

// ---- requests -----------------------------------------------------------------------------------

static int print_moved(FILE *f, struct comparison *c, const struct request_cell *q) {
  char name[NAME], why[NAME];
  struct compared is = comparison_request(c, q);
  int status = cells_row(&c->cells, SIDE_B, q->place[SIDE_B]);
  if (status) return status;
  compare_cell_name(c, SIDE_B, false, name, sizeof name);
  compare_why(c, SIDE_B, why, sizeof why);
  fprintf(f, "  %s -> %s", cells_ran(&c->cells, q->ran[SIDE_A]),
          cells_ran(&c->cells, q->ran[SIDE_B]));
  if (!isnan(is.ratio)) {
    fprintf(f, "\n    %s%s: ", c->cells.predictions ? "predicted " : "",
            verdict_name(is.is.verdict));
    print_interval(f, is.ratio, is.is.low, is.is.high);
  }
  fprintf(f, "\n");
  print_wrapped(f, name);
  if (*why) {
    char because[NAME + 16];
    snprintf(because, sizeof because, "because %s", why);
    print_wrapped(f, because);
  }
  return STATUS_OK;
}

// Those that are worse off come first.
static int print_requests(FILE *f, struct comparison *c) {
  int status = STATUS_OK, shown = 0;
  if (c->moved)
    fprintf(f, "\nmoved: %lld requests run elsewhere now, %lld of them no longer on a GPU\n",
            (long long)c->moved, (long long)c->left_gpu);
  for (int worse = 1; worse >= 0; worse--)
    for (uint32_t i = 0; i < c->cells.by_request.count && shown < MOST && !status; i++) {
      const struct request_cell *q = &c->cells.request[i];
      if (!request_moved(q) || request_worse(c, q) != worse) continue;
      shown++;
      status = print_moved(f, c, q);
    }
  if (c->moved > shown && !status) fprintf(f, "  and %lld more\n", (long long)(c->moved - shown));
  return status;
}

int compare_text(FILE *f, struct comparison *c) {
  print_verdict(f, c);
  print_counts(f, c);
  print_left_out(f, c);
  int status = print_cells(f, c, VERDICT_SLOWER);
  if (!status) status = print_requests(f, c);
  if (!status) status = print_cells(f, c, VERDICT_FASTER);
  for (int side = 0; side < SIDES && !status; side++) status = print_only(f, c, side);
  return status;
}
