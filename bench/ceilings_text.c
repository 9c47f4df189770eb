#include "ceilings_text.h"
#include "table.h"
#include <stdbool.h>
#include <string.h>

enum { COLUMNS_MOST = 8, CELL = 20 };

static const struct why_ceiling *find(const struct why_machine *m, int device, const char *name,
                                      uint64_t bytes, int threads) {
  for (int i = 0; i < why_machine_ceilings(m); i++) {
    const struct why_ceiling *c = why_machine_ceiling(m, i);
    if (c->device == device && c->threads == threads && !strcmp(c->name, name) &&
        (bytes == UINT64_MAX || c->bytes == bytes))
      return c;
  }
  return NULL;
}

// Copies between host and device: by size, a column each.
static bool of_link(const struct why_ceiling *c) {
  return !strncmp(c->name, "copy-in-", 8) || !strncmp(c->name, "copy-out-", 9) ||
         !strncmp(c->name, "copy-both-", 10);
}

static void value_text(const struct why_ceiling *c, char *out, size_t size) {
  static const struct {
    const char *name;
    enum table_unit unit;
  } unit[] = {
      {"flop/s", TABLE_FLOPS_PER_SECOND}, {"byte/s", TABLE_BYTES_PER_SECOND}, {"s", TABLE_SECONDS}};
  enum table_unit as = TABLE_PLAIN;
  if (!c) {
    snprintf(out, size, "-");
    return;
  }
  for (size_t i = 0; i < sizeof unit / sizeof *unit; i++)
    if (!strcmp(unit[i].name, c->unit)) as = unit[i].unit;
  unit_text(c->value, as, out, size);
}

static void cell(FILE *f, const struct why_ceiling *c) {
  char text[48];
  value_text(c, text, sizeof text);
  fprintf(f, "%*s", CELL, text);
}

// The thread counts of the host's ceilings, in the order in which they come.
static int thread_counts(const struct why_machine *m, int device, int *threads) {
  int count = 0;
  for (int i = 0; i < why_machine_ceilings(m); i++) {
    const struct why_ceiling *c = why_machine_ceiling(m, i);
    bool known = c->device != device || of_link(c);
    for (int j = 0; j < count; j++) known |= threads[j] == c->threads;
    if (!known && count < COLUMNS_MOST) threads[count++] = c->threads;
  }
  return count;
}

static void by_threads(FILE *f, const struct why_machine *m, int device) {
  int threads[COLUMNS_MOST];
  const int counts = thread_counts(m, device, threads);
  if (!counts) return;
  fprintf(f, "    %-28s", "ceilings");
  for (int i = 0; i < counts; i++) {
    char text[32] = "measured";
    if (threads[i])
      snprintf(text, sizeof text, "%d thread%s", threads[i], threads[i] > 1 ? "s" : "");
    fprintf(f, "%*s", CELL, text);
  }
  putc('\n', f);
  for (int i = 0; i < why_machine_ceilings(m); i++) {
    const struct why_ceiling *c = why_machine_ceiling(m, i);
    if (c->device != device || of_link(c)) continue;
    bool first = find(m, device, c->name, UINT64_MAX, c->threads) == c;
    for (int j = 0; j < counts && first; j++) { // its line is that of the first thread count
      if (threads[j] == c->threads) break;
      first = !find(m, device, c->name, UINT64_MAX, threads[j]);
    }
    if (!first) continue;
    fprintf(f, "      %-26s", c->name);
    for (int j = 0; j < counts; j++) cell(f, find(m, device, c->name, UINT64_MAX, threads[j]));
    putc('\n', f);
  }
}

static void by_size(FILE *f, const struct why_machine *m, int device) {
  const char *name[COLUMNS_MOST];
  int names = 0;
  for (int i = 0; i < why_machine_ceilings(m); i++) {
    const struct why_ceiling *c = why_machine_ceiling(m, i);
    bool known = c->device != device || !of_link(c);
    for (int j = 0; j < names; j++) known |= !strcmp(name[j], c->name);
    if (!known && names < COLUMNS_MOST) name[names++] = c->name;
  }
  if (!names) return;
  fprintf(f, "    %-13s", "link, by size");
  for (int i = 0; i < names; i++) fprintf(f, "%*s", CELL, name[i]);
  putc('\n', f);
  for (int i = 0; i < why_machine_ceilings(m); i++) {
    const struct why_ceiling *c = why_machine_ceiling(m, i);
    char bytes[48];
    if (c->device != device || strcmp(c->name, name[0]) != 0) continue;
    unit_text((double)c->bytes, TABLE_BYTES, bytes, sizeof bytes);
    fprintf(f, "      %-11s", bytes);
    for (int j = 0; j < names; j++) cell(f, find(m, device, name[j], c->bytes, c->threads));
    putc('\n', f);
  }
}

void ceilings_text(FILE *f, const struct why_machine *machine, int device) {
  by_threads(f, machine, device);
  by_size(f, machine, device);
}
