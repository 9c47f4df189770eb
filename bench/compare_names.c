// How cells and reasons are written, from their rows. See compare_print.h.
#include "compare_print.h"
#include "human.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

double percent_of(double log_ratio) {
  return 100 * expm1(log_ratio);
}

static void add(char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(char *out, size_t size, const char *format, ...) {
  size_t used = strlen(out);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(out + used, size - used, format, arguments);
  va_end(arguments);
}

void compare_cell_name(const struct comparison *c, int side, bool kernel, char *out, size_t size) {
  static const struct {
    enum cells_column column;
    const char *usual; // not said
  } asked[] = {
      {CELL_type, ""},
      {CELL_math, NULL}, // said where it is not the type's own
      {CELL_threads, ""},
      {CELL_transfer, "once"},
      {CELL_iterations, "1"},
      {CELL_cache, "hot"},
      {CELL_submit, "calls"},
      {CELL_device_memory_bytes, ""},
      {CELL_pinned_memory_bytes, ""},
  };
  const struct cells *cells = &c->cells;
  snprintf(out, size, "%s %s", cells_text(cells, side, CELL_op),
           cells_text(cells, side, CELL_dims));
  for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
    const char *value = cells_text(cells, side, asked[i].column);
    const char *usual = asked[i].usual ? asked[i].usual : cells_text(cells, side, CELL_type);
    if (*value && strcmp(value, usual) != 0)
      add(out, size, " %s=%s", cells_column_name(asked[i].column), value);
  }
  if (kernel)
    add(out, size, ", %s:%s, %s", cells_text(cells, side, CELL_backend),
        cells_text(cells, side, CELL_kernel), cells_text(cells, side, CELL_plan));
  else
    add(out, size, " policy=%s", cells_text(cells, side, CELL_policy));
}

static enum why_reason reason_named(const char *name) {
  for (int i = 0; i < WHY_REASON_COUNT; i++)
    if (!strcmp(why_name((enum why_reason)i), name)) return (enum why_reason)i;
  return WHY_OK;
}

void compare_why(const struct comparison *c, int side, char *out, size_t size) {
  const struct cells *cells = &c->cells;
  bool chosen = !strcmp(cells_text(cells, side, CELL_status), "chosen");
  const char *name = cells_text(cells, side, chosen ? CELL_fallback : CELL_reason);
  const char *need = cells_text(cells, side, chosen ? CELL_fallback_need : CELL_need);
  const char *have = cells_text(cells, side, chosen ? CELL_fallback_have : CELL_have);
  const char *note = cells_text(cells, side, CELL_note);
  enum why_reason reason = reason_named(name);
  out[0] = 0;
  if (!*name) return;
  add(out, size, "%s", name);
  if (reason) add(out, size, ": %s", why_sentence(reason));
  if (*need && *have) {
    struct why_human_pair pair = why_human_numbers(reason, strtod(need, NULL), strtod(have, NULL));
    add(out, size, " (%s against %s)", pair.need.text, pair.have.text);
  }
  if (*note) add(out, size, "; %s", note);
}
