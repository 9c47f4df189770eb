// Counters of energy, and a request's share. See energy.h.
#include "energy.h"
#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STEPS = 50 };
static const double between_share = 0.1; // of the time that may pass between batches
static const double slowest_step = 0.25; // seconds; NVML's is 0.02 to 0.1, RAPL's 0.001

// ---- RAPL ---------------------------------------------------------------------------------------

static bool read_number(const char *folder, const char *name, double *out) {
  char path[700];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "re");
  bool well = file && fscanf(file, "%lf", out) == 1;
  if (file) fclose(file);
  return well;
}

// "intel-rapl:0", on AMD too. Its parts "intel-rapl:0:1" are in it already; "psys" is the platform,
// with the packages in it.
static bool is_package(const char *folder, const char *zone) {
  static const char prefix[] = "intel-rapl:";
  char path[700], name[32] = "";
  size_t length = sizeof prefix - 1;
  if (strncmp(zone, prefix, length) != 0 || !isdigit((unsigned char)zone[length])) return false;
  if (zone[length + strspn(zone + length, "0123456789")]) return false;
  snprintf(path, sizeof path, "%s/name", folder);
  FILE *file = fopen(path, "re");
  bool read = file && fgets(name, sizeof name, file);
  if (file) fclose(file);
  return read && !strncmp(name, "package", 7);
}

void rapl_open(struct rapl *r, const char *root) {
  char folder[300];
  *r = (struct rapl){0};
  snprintf(folder, sizeof folder, "%s/sys/class/powercap", root);
  DIR *all = opendir(folder);
  for (struct dirent *entry; all && (entry = readdir(all)) && r->zones < ENERGY_ZONES;) {
    char *path = r->zone[r->zones].path;
    double *last = &r->zone[r->zones].last, *range = &r->zone[r->zones].range;
    snprintf(path, sizeof r->zone[0].path, "%s/%s", folder, entry->d_name);
    if (is_package(path, entry->d_name) && read_number(path, "energy_uj", last) &&
        read_number(path, "max_energy_range_uj", range))
      r->zones++;
  }
  if (all) closedir(all);
}

double rapl_joules(struct rapl *r) {
  if (!r->zones) return NAN;
  for (int i = 0; i < r->zones; i++) {
    double now;
    if (!read_number(r->zone[i].path, "energy_uj", &now)) return NAN;
    double more = now - r->zone[i].last;
    r->joules += 1e-6 * (more < 0 ? more + r->zone[i].range : more);
    r->zone[i].last = now;
  }
  return r->joules;
}

// ---- meters -------------------------------------------------------------------------------------

static double time_of(const struct timer *timer) {
  return timer->now(timer->state);
}

// The longest of four steps: the first reading fell somewhere within one.
static double find_step(const struct energy_meter *m, const struct timer *timer) {
  double changed = time_of(timer), longest = 0, last = m->joules(m->to);
  for (int steps = 0; steps < 5;) {
    double at = time_of(timer), joules = m->joules(m->to);
    if (isnan(joules) || !(at - changed < slowest_step)) return NAN;
    if (joules == last) continue;
    if (steps++) longest = fmax(longest, at - changed);
    changed = at;
    last = joules;
  }
  return longest;
}

static double joules_of_rapl(void *to) {
  return rapl_joules(to);
}
static double joules_of_gpu(void *to) {
  return sensors_joules(to);
}

static struct energy_meter meter_of(double (*joules)(void *), void *to, const struct timer *timer) {
  struct energy_meter m = {joules, to, NAN};
  if (!isnan(joules(to))) m.step_seconds = find_step(&m, timer);
  return m;
}

struct energy_meter energy_of_cpu(struct rapl *r, const struct timer *timer) {
  return meter_of(joules_of_rapl, r, timer);
}
struct energy_meter energy_of_gpu(struct sensors *s, const struct timer *timer) {
  return meter_of(joules_of_gpu, s, timer);
}

enum why_reason energy_measure(const struct energy_meter *m, const struct subject *subject,
                               int64_t batch, const struct timer *timer, double most_seconds,
                               double *joules) {
  double least = STEPS * m->step_seconds, timed = 0, requests = 0, ignored[PARTS] = {0};
  *joules = NAN;
  if (!(least <= most_seconds)) return WHY_OK; // nor where it is NAN
  double began = time_of(timer), before = m->joules(m->to), elapsed = 0;
  while (elapsed < least) {
    enum why_reason reason = subject->ready ? subject->ready(subject->to, batch) : WHY_OK;
    if (reason) return reason;
    double start = time_of(timer);
    reason = subject->run(subject->to, batch, ignored);
    if (reason) return reason;
    timed += time_of(timer) - start;
    requests += (double)batch;
    elapsed = time_of(timer) - began;
  }
  double used = m->joules(m->to) - before;
  if (timed >= (1 - between_share) * elapsed && used > 0) *joules = used / requests;
  return WHY_OK;
}
