// Points by family, and their contests. See families.h.
#include "families.h"
#include "threshold.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- gathering ----------------------------------------------------------------------------------

static int64_t order(const struct family_point *x, const struct family_point *y) {
  if (x->size != y->size) return x->size < y->size ? -1 : 1;
  if (x->threads != y->threads) return x->threads < y->threads ? -1 : 1;
  if (x->gpu != y->gpu) return x->gpu - y->gpu;
  int names = strcmp(x->backend, y->backend);
  return names ? names : strcmp(x->kernel, y->kernel);
}

static int by_candidate(const void *a, const void *b) {
  const struct family_point *x = a, *y = b;
  int64_t by = order(x, y);
  return by ? (int)by : (x->median > y->median) - (x->median < y->median);
}

// Leaves the fastest point of each candidate at each size, in ascending order.
static void settle(struct family *f) {
  if (!f->points) return;
  qsort(f->point, (size_t)f->points, sizeof *f->point, by_candidate);
  int64_t kept = 1;
  for (int64_t i = 1; i < f->points; i++)
    if (order(&f->point[kept - 1], &f->point[i])) f->point[kept++] = f->point[i];
  f->points = kept;
}

static int room_for_point(struct family *f) {
  if (f->points < f->capacity) return 0;
  settle(f);
  if (f->capacity && f->points <= f->capacity / 2) return 0;
  int64_t capacity = f->capacity ? 2 * f->capacity : 64;
  struct family_point *grown = realloc(f->point, (size_t)capacity * sizeof *grown);
  if (!grown) return ENOMEM;
  f->point = grown;
  f->capacity = capacity;
  return 0;
}

static struct family *family_of(struct families *fs, const char *key) {
  for (int64_t n = 0; n < fs->count; n++) { // rows of a family come one after another
    int64_t i = (fs->last + n) % fs->count;
    if (!strcmp(fs->item[i].key, key)) return &fs->item[fs->last = i];
  }
  if (fs->count == fs->capacity) {
    int64_t capacity = fs->capacity ? 2 * fs->capacity : 16;
    struct family *grown = realloc(fs->item, (size_t)capacity * sizeof *grown);
    if (!grown) return NULL;
    fs->item = grown;
    fs->capacity = capacity;
  }
  struct family *f = &fs->item[fs->count];
  *f = (struct family){.key = strdup(key)};
  if (!f->key) return NULL;
  fs->last = fs->count++;
  return f;
}

int families_add(struct families *fs, const struct suite_case *item, const struct csv_row *row,
                 bool gpu, enum evidence evidence) {
  char key[SUITE_FAMILY + 64], calls[32] = "";
  if (row->iterations > 1) snprintf(calls, sizeof calls, " x %lld", (long long)row->iterations);
  bool once = !strcmp(row->transfer, "once");
  snprintf(key, sizeof key, "%s%s%s%s", item->family, calls, once ? "" : ", copied ",
           once ? "" : row->transfer);
  struct family *f = family_of(fs, key);
  if (!f || room_for_point(f)) return ENOMEM;
  struct family_point *p = &f->point[f->points++];
  *p = (struct family_point){.size = item->size, .threads = row->threads, .gpu = gpu};
  snprintf(p->backend, sizeof p->backend, "%s", row->backend);
  snprintf(p->kernel, sizeof p->kernel, "%s", row->kernel);
  p->flops = row->flops * (double)row->iterations;
  p->median = p->low = p->high = evidence == EVIDENCE_EXACT ? row->predicted_s : row->median_s;
  if (evidence == EVIDENCE_INTERVALS) {
    p->low = isnan(row->ci_low_s) ? row->min_s : row->ci_low_s;
    p->high = isnan(row->ci_high_s) ? row->p95_s : row->ci_high_s;
  }
  if (row->threads > fs->threads) fs->threads = row->threads;
  return 0;
}

void families_free(struct families *fs) {
  for (int64_t i = 0; i < fs->count; i++) {
    free(fs->item[i].key);
    free(fs->item[i].point);
  }
  free(fs->item);
  memset(fs, 0, sizeof *fs);
}

// ---- thresholds ---------------------------------------------------------------------------------

static bool is_of(const struct family_point *p, const struct side *side, int64_t most_threads) {
  int64_t threads = side->threads > 0 ? side->threads : most_threads;
  return side_takes(side, p->backend, p->kernel, p->gpu) && (p->gpu || p->threads == threads);
}

static void keep_faster(const struct family_point **best, const struct family_point *p) {
  if (!*best || p->median < (*best)->median) *best = p;
}

static void add_contest(struct family_threshold *t, struct rates *rates,
                        const struct family_point *a, const struct family_point *b) {
  rates[t->count] = (struct rates){a->size, a->flops / a->median, b->flops / b->median};
  t->contest[t->count++] = (struct contest){a->size, a->median, b->median,
                                            winner_of_intervals(a->low, a->high, b->low, b->high)};
}

// Judges the sizes by the bin, each of which stands at its last size. A threshold that lies above a
// bin lies above its first size.
enum { BIN = 24 };
static int find_in_bins(struct family_threshold *t) {
  int bins = t->count / BIN > 1 ? t->count / BIN : 1;
  int64_t *first = calloc((size_t)bins, sizeof *first);
  struct contest *bin = calloc((size_t)bins, sizeof *bin);
  bool memory = first && bin;
  for (int i = 0; memory && i < bins; i++) {
    double a[2 * BIN], b[2 * BIN];
    int from = i * BIN, to = i + 1 < bins ? from + BIN : t->count;
    for (int k = from; k < to; k++) a[k - from] = t->contest[k].a, b[k - from] = t->contest[k].b;
    first[i] = t->contest[from].size;
    bin[i] = t->contest[to - 1];
    bin[i].winner = threshold_judge(a, b, to - from, THRESHOLD_ERROR / bins);
  }
  if (memory) t->crossover = crossover_find(bin, bins);
  for (int i = 0; memory && i < bins; i++)
    if (t->crossover.low == bin[i].size) t->crossover.low = first[i];
  free(first);
  free(bin);
  return memory ? 0 : ENOMEM;
}

int families_find(struct families *fs, int64_t family, const struct side *a, const struct side *b,
                  enum evidence evidence, struct family_threshold *t) {
  struct family *f = &fs->item[family];
  *t = (struct family_threshold){.blob = -1};
  settle(f);
  struct rates *rates = calloc((size_t)f->points + 1, sizeof *rates);
  t->contest = calloc((size_t)f->points + 1, sizeof *t->contest);
  if (!rates || !t->contest) {
    free(rates);
    return ENOMEM;
  }
  for (int64_t i = 0, next; i < f->points; i = next) {
    const struct family_point *best_a = NULL, *best_b = NULL;
    for (next = i; next < f->points && f->point[next].size == f->point[i].size; next++) {
      if (is_of(&f->point[next], a, fs->threads)) keep_faster(&best_a, &f->point[next]);
      if (is_of(&f->point[next], b, fs->threads)) keep_faster(&best_b, &f->point[next]);
    }
    if (best_a && best_b) add_contest(t, rates, best_a, best_b);
  }
  t->blob = crossover_blob(rates, t->count);
  free(rates);
  if (evidence == EVIDENCE_TOTALS && t->count) return find_in_bins(t);
  t->crossover = crossover_find(t->contest, t->count);
  return 0;
}

void family_threshold_free(struct family_threshold *t) {
  free(t->contest);
  memset(t, 0, sizeof *t);
}
