// Matching the rows of two files. See compare_cells.h.
#include "compare_cells.h"
#include "compare_verdict.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Columns that were added later: a file without them is an older one, where they had no value.
static bool added_later(int column) {
  return column == CSV_COLUMN_plans || column == CSV_COLUMN_pinned_memory_bytes ||
         column == CSV_COLUMN_submit;
}

static const int column_of[CELL_COLUMNS] = {
#define X(name) CSV_COLUMN_##name,
    CELLS_COLUMNS(X)
#undef X
};

// What a request is, in the order in which it is hashed.
static const enum cells_column asked[] = {CELL_op,       CELL_type,       CELL_math,
                                          CELL_dims,     CELL_iterations, CELL_device_memory_bytes,
                                          CELL_transfer, CELL_threads,    CELL_pinned_memory_bytes};
enum { ASKED = sizeof asked / sizeof asked[0] };

// ---- rows ---------------------------------------------------------------------------------------

struct reading {
  struct cells *cells;
  struct cells_file *file;
  int side;
  int64_t place;           // of the row
  uint64_t request_key[2]; // of the row before
  int64_t request;
};

static const char *field(const struct cells_file *f, enum cells_column column) {
  return f->column[column] < 0 ? "" : csv_field(&f->csv, f->column[column]);
}

static const char *text(const struct reading *r, enum cells_column column) {
  return field(r->file, column);
}

static int out_of_memory(void) {
  return machine_failed("out of memory");
}

static int wrong_number(const struct reading *r, enum cells_column column, const char *expected) {
  return request_wrong("%s: line %d: %s is '%.40s': expected %s", r->file->path, r->file->csv.line,
                       csv_column[column_of[column]].name, text(r, column), expected);
}

// A time above 0, or NAN where there is none.
static int seconds_of(const struct reading *r, enum cells_column column, double *seconds) {
  const char *from = text(r, column);
  char *end;
  *seconds = NAN;
  if (!*from) return STATUS_OK;
  *seconds = strtod(from, &end);
  if (*end || !(*seconds > 0) || isinf(*seconds))
    return wrong_number(r, column, "a time in seconds, above 0");
  return STATUS_OK;
}

struct measured {
  double log_seconds;
  struct spread spread;
};

static int read_measured(const struct reading *r, double median, struct measured *m) {
  static const enum cells_column columns[] = {CELL_ci_low_s, CELL_ci_high_s, CELL_min_s,
                                              CELL_p95_s};
  double value[4];
  char *end;
  for (int i = 0; i < 4; i++) {
    int status = seconds_of(r, columns[i], &value[i]);
    if (status) return status;
  }
  const char *samples = text(r, CELL_samples);
  int64_t n = strtoll(samples, &end, 10);
  if (!*samples || *end || n < 1) return wrong_number(r, CELL_samples, "a number, 1 or more");
  if (value[0] > median) return wrong_number(r, CELL_ci_low_s, "no more than median_s");
  if (value[1] < median) return wrong_number(r, CELL_ci_high_s, "no less than median_s");
  if (value[2] > value[3]) return wrong_number(r, CELL_min_s, "no more than p95_s");
  m->log_seconds = log(median);
  m->spread = spread_of(n, value[0], value[1], value[2], value[3]);
  return STATUS_OK;
}

// *used: it has a time to compare; else it is counted by why it has none.
static int read_time(struct reading *r, struct measured *m, bool *used) {
  struct cells_file *f = r->file;
  bool predictions = r->cells->predictions;
  const char *source = text(r, CELL_source);
  const char *wanted = predictions ? "predicted" : "measured";
  double seconds = NAN;
  *used = false;
  *m = (struct measured){0};
  if (!strcmp(text(r, CELL_status), "failed")) {
    f->failed++;
    return STATUS_OK;
  }
  bool right = !strcmp(source, wanted);
  int status = right ? seconds_of(r, predictions ? CELL_predicted_s : CELL_median_s, &seconds) : 0;
  if (status) return status;
  if (isnan(seconds)) {
    int64_t *count = right                          ? &f->idle
                     : !strcmp(source, "predicted") ? &f->predicted
                     : !strcmp(source, "emulated")  ? &f->emulated
                     : !strcmp(source, "measured")  ? &f->measured
                                                    : &f->idle;
    ++*count;
    return STATUS_OK;
  }
  *used = true;
  f->used++;
  if (!predictions) return read_measured(r, seconds, m);
  m->log_seconds = log(seconds);
  return STATUS_OK;
}

static bool on_host(const struct reading *r) {
  return !strcmp(text(r, CELL_plan), why_plan_name(WHY_ON_HOST));
}

static int64_t device_of(struct reading *r) {
  char name[256];
  snprintf(name, sizeof name, "%s %.240s", on_host(r) ? "CPU" : "GPU", text(r, CELL_device));
  return names_find(&r->cells->device, name);
}

// What B says of a cell that A measured and B did not.
static void keep_why(struct reading *r, const uint64_t key[2]) {
  struct cells *c = r->cells;
  if (r->side == SIDE_A) return;
  for (int i = 0; i < c->device.count; i++) {
    uint16_t device = (uint16_t)i;
    int64_t at = keys_find(&c->by_cell, c->cell, sizeof *c->cell, key, &device);
    if (at == KEYS_NONE) continue;
    struct cell_side *side = &c->cell[at].side[SIDE_B];
    if (!side->rows && side->place < 0) side->place = r->place;
  }
}

static int keep_cell(struct reading *r, const uint64_t key[2], const struct measured *m,
                     int64_t *at) {
  struct cells *c = r->cells;
  int64_t name = device_of(r);
  if (name < 0) return out_of_memory();
  uint16_t device = (uint16_t)name;
  *at = keys_find(&c->by_cell, c->cell, sizeof *c->cell, key, &device);
  if (*at == KEYS_NONE) {
    void *entries = c->cell;
    bool room = keys_add(&c->by_cell, &entries, sizeof *c->cell, key);
    c->cell = entries;
    if (!room) return out_of_memory();
    *at = c->by_cell.count - 1;
    c->cell[*at] = (struct cell){
        .key = {key[0], key[1]}, .side = {{.place = -1}, {.place = -1}}, .device = device};
  }
  struct cell_side *side = &c->cell[*at].side[r->side];
  if (!side->rows) side->place = r->place;
  r->file->pooled += side->rows > 0;
  side->rows++;
  side->log_seconds += m->log_seconds;
  side->variance += (float)m->spread.variance;
  side->freedom += (float)m->spread.freedom;
  return STATUS_OK;
}

// at: its cell; KEYS_NONE: it has no time.
static int keep_request(struct reading *r, const uint64_t key[2], int64_t at) {
  struct cells *c = r->cells;
  if (memcmp(key, r->request_key, sizeof r->request_key) != 0) {
    r->request = keys_find(&c->by_request, c->request, sizeof *c->request, key, NULL);
    memcpy(r->request_key, key, sizeof r->request_key);
  }
  if (r->request == KEYS_NONE) {
    void *entries = c->request;
    bool room = keys_add(&c->by_request, &entries, sizeof *c->request, key);
    c->request = entries;
    if (!room) return out_of_memory();
    r->request = c->by_request.count - 1;
    c->request[r->request] =
        (struct request_cell){.key = {key[0], key[1]}, .cell = {UINT32_MAX, UINT32_MAX}};
  }
  struct request_cell *q = &c->request[r->request];
  if (q->ran[r->side] == RAN_UNSEEN) {
    q->ran[r->side] = RAN_NOWHERE;
    q->place[r->side] = r->place;
  }
  if (q->ran[r->side] != RAN_NOWHERE || strcmp(text(r, CELL_status), "chosen") != 0)
    return STATUS_OK;
  char ran[160];
  snprintf(ran, sizeof ran, "%s %.48s:%.48s, %.32s", on_host(r) ? "CPU" : "GPU",
           text(r, CELL_backend), text(r, CELL_kernel), text(r, CELL_plan));
  int64_t name = names_find(&c->ran, ran);
  if (name < 0) return out_of_memory();
  q->ran[r->side] = (uint16_t)(RAN_FIRST + name);
  q->place[r->side] = r->place;
  if (at != KEYS_NONE) q->cell[r->side] = (uint32_t)at;
  return STATUS_OK;
}

static int read_row(struct reading *r) {
  struct measured m;
  bool used;
  uint64_t key[2] = {0}, request[2];
  for (int i = 0; i < ASKED; i++) key_text(key, text(r, asked[i]));
  const char *cache = text(r, CELL_cache); // rows that were not run, and older ones: empty
  const char *submit = text(r, CELL_submit);
  key_text(key, *cache ? cache : why_cache_name(WHY_HOT));
  key_text(key, *submit ? submit : why_submit_name(WHY_CALLS));
  memcpy(request, key, sizeof request);
  key_text(request, text(r, CELL_policy));
  key_text(request, text(r, CELL_plans));
  key_text(key, text(r, CELL_backend));
  key_text(key, text(r, CELL_kernel));
  key_text(key, text(r, CELL_plan));
  r->file->rows++;
  int64_t at = KEYS_NONE;
  int status = read_time(r, &m, &used);
  if (!status && used) status = keep_cell(r, key, &m, &at);
  if (!status && !used) keep_why(r, key);
  return status ? status : keep_request(r, request, at);
}

// ---- files --------------------------------------------------------------------------------------

static int not_read(const struct cells_file *f, enum why_reason reason,
                    const struct why_error *error) {
  if (reason == WHY_ALLOC_FAILED) return out_of_memory();
  if (ferror(f->file)) return machine_failed("%s: line %d: %s", f->path, error->line, error->text);
  return request_wrong("%s: line %d: %s", f->path, error->line, error->text);
}

static int open_file(struct cells_file *f, const char *path) {
  struct why_error error;
  int needed[CELL_COLUMNS], count = 0;
  f->path = path;
  f->file = fopen(path, "rbe");
  if (!f->file)
    return request_wrong("%s: %s; name a CSV file that whycpu bench wrote", path, strerror(errno));
  (void)posix_fadvise(fileno(f->file), 0, 0, POSIX_FADV_SEQUENTIAL);
  for (int i = 0; i < CELL_COLUMNS; i++)
    if (!added_later(column_of[i])) needed[count++] = column_of[i];
  enum why_reason reason = csv_open_some(&f->csv, f->file, needed, count, &error);
  if (reason) return not_read(f, reason, &error);
  for (int i = 0; i < CELL_COLUMNS; i++)
    f->column[i] = csv_find(&f->csv, csv_column[column_of[i]].name);
  return STATUS_OK;
}

static int read_file(struct cells *c, int side) {
  struct cells_file *f = &c->file[side];
  struct reading r = {.cells = c, .file = f, .side = side, .request = KEYS_NONE};
  struct why_error error;
  bool more = true;
  int status = STATUS_OK;
  while (!status) {
    r.place = f->csv.end;
    enum why_reason reason = csv_next(&f->csv, &more, &error);
    f->cut = reason && f->csv.cut;
    if (f->cut || (!reason && !more)) break;
    status = reason ? not_read(f, reason, &error) : read_row(&r);
  }
  return status;
}

// ---- devices ------------------------------------------------------------------------------------

static bool is_gpu(const char *name) {
  return name[0] == 'G';
}

// The only device of a kind that a file measured on; KEYS_NONE: none, or several.
static int64_t only_device(const struct cells *c, int side, bool gpu) {
  int64_t only = KEYS_NONE;
  for (uint32_t i = 0; i < c->by_cell.count; i++) {
    uint16_t device = c->cell[i].device;
    if (!c->cell[i].side[side].rows || is_gpu(c->device.name[device]) != gpu) continue;
    if (only != KEYS_NONE && only != device) return KEYS_NONE;
    only = device;
  }
  return only;
}

// Cells of device b, which only B has, become those of device a.
static void join(struct cells *c, uint16_t a, uint16_t b) {
  for (uint32_t i = 0; i < c->by_cell.count; i++) {
    struct cell *from = &c->cell[i];
    if (from->device != b) continue;
    int64_t at = keys_find(&c->by_cell, c->cell, sizeof *c->cell, from->key, &a);
    if (at == KEYS_NONE) continue;
    c->cell[at].side[SIDE_B] = from->side[SIDE_B];
    from->side[SIDE_B] = (struct cell_side){.place = at}; // for requests, below
  }
  for (uint32_t i = 0; i < c->by_request.count; i++) {
    uint32_t *cell = &c->request[i].cell[SIDE_B];
    if (*cell != UINT32_MAX && !c->cell[*cell].side[SIDE_B].rows)
      *cell = (uint32_t)c->cell[*cell].side[SIDE_B].place;
  }
}

static void join_devices(struct cells *c) {
  for (int gpu = 0; gpu < 2; gpu++) {
    int64_t a = only_device(c, SIDE_A, gpu), b = only_device(c, SIDE_B, gpu);
    if (a >= 0 && b >= 0 && a != b) join(c, (uint16_t)a, (uint16_t)b);
  }
}

int cells_read(struct cells *c, const char *path_a, const char *path_b, bool predictions) {
  *c = (struct cells){.predictions = predictions};
  int status = open_file(&c->file[SIDE_A], path_a);
  if (!status) status = open_file(&c->file[SIDE_B], path_b);
  if (!status) status = read_file(c, SIDE_A);
  if (!status) status = read_file(c, SIDE_B);
  if (!status) join_devices(c);
  return status;
}

void cells_free(struct cells *c) {
  for (int side = 0; side < SIDES; side++) {
    csv_reader_free(&c->file[side].csv);
    if (c->file[side].file) fclose(c->file[side].file);
  }
  free(c->cell);
  free(c->request);
  free(c->by_cell.slot);
  free(c->by_request.slot);
  names_free(&c->device);
  names_free(&c->ran);
  *c = (struct cells){0};
}

// ---- what they say ------------------------------------------------------------------------------

const char *cells_ran(const struct cells *c, uint16_t ran) {
  return ran < RAN_FIRST ? "nowhere" : c->ran.name[ran - RAN_FIRST];
}

bool cells_on_gpu(const struct cells *c, uint16_t ran) {
  return ran >= RAN_FIRST && is_gpu(cells_ran(c, ran));
}

int cells_row(struct cells *c, int side, int64_t place) {
  struct cells_file *f = &c->file[side];
  struct why_error error;
  bool more = false;
  if (csv_seek(&f->csv, place, 0)) return machine_failed("%s: %s", f->path, strerror(errno));
  if (csv_next(&f->csv, &more, &error) || !more)
    return machine_failed("%s: it changed while it was read", f->path);
  return STATUS_OK;
}

const char *cells_column_name(enum cells_column column) {
  return csv_column[column_of[column]].name;
}

const char *cells_text(const struct cells *c, int side, enum cells_column column) {
  return field(&c->file[side], column);
}
