// Numbers for people. See human.h.
#include "human.h"
#include <math.h>
#include <string.h>

struct why_human why_human_bytes(double bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  struct why_human h;
  int u = 0;
  while (fabs(bytes) >= 1024 && u < 6) {
    bytes /= 1024;
    u++;
  }
  snprintf(h.text, sizeof h.text, u ? "%.4g %s" : "%.0f %s", bytes, units[u]);
  return h;
}

struct why_human why_human_seconds(double seconds) {
  static const char *const units[] = {"s", "ms", "us", "ns"};
  struct why_human h = {"-"};
  if (isnan(seconds)) return h;
  int u = 0;
  while (fabs(seconds) < 1 && seconds != 0 && u < 3) {
    seconds *= 1000;
    u++;
  }
  snprintf(h.text, sizeof h.text, fabs(seconds) < 1000 ? "%.3g %s" : "%.0f %s", seconds, units[u]);
  return h;
}

static struct why_human number(enum why_reason reason, double x) {
  const char *unit = why_unit(reason);
  struct why_human h;
  if (!strcmp(unit, "bytes")) return why_human_bytes(x);
  if (!strcmp(unit, "s")) return why_human_seconds(x);
  if (!strcmp(unit, "sm"))
    snprintf(h.text, sizeof h.text, "sm_%.0f", x);
  else if (!strcmp(unit, "version"))
    snprintf(h.text, sizeof h.text, "%d.%d", (int)x / 1000, (int)x % 1000 / 10);
  else
    snprintf(h.text, sizeof h.text, "%.17g", x);
  return h;
}

struct why_human_pair why_human_numbers(enum why_reason reason, double need, double have) {
  struct why_human_pair pair = {number(reason, need), number(reason, have)};
  if (need != have && !strcmp(pair.need.text, pair.have.text)) {
    const char *unit = !strcmp(why_unit(reason), "bytes") ? "B" : why_unit(reason);
    snprintf(pair.need.text, sizeof pair.need.text, "%.17g %s", need, unit);
    snprintf(pair.have.text, sizeof pair.have.text, "%.17g %s", have, unit);
  }
  return pair;
}
