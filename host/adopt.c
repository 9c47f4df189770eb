// A calibration taken over: figures and fitted costs that a machine file holds of this very
// machine. A piece at a time, as devices and libraries are opened, and only where they are what
// they were when it was measured; what was found changed is kept in words.
#include "cost.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void __attribute__((format(printf, 2, 3)))
stale(struct why_machine *m, const char *format, ...) {
  if (*m->stale) return; // the first one says enough
  va_list list;
  va_start(list, format);
  vsnprintf(m->stale, sizeof m->stale, format, list);
  va_end(list);
}

// NULL: it is the same device, else what differs, in words.
static const char *difference(const struct why_facts *then, const struct why_facts *now) {
  if (strcmp(then->name, now->name) != 0) return "another device";
  if (*then->uuid && *now->uuid && strcmp(then->uuid, now->uuid) != 0) return "another UUID";
  if (then->multiprocessors != now->multiprocessors) return "another number of cores";
  if (then->cpu_features != now->cpu_features) return "other instruction sets";
  if (then->driver != now->driver) return "another driver";
  if (then->capability != now->capability) return "another capability";
  return NULL;
}

static void take_figures(struct why_machine *m, int device, const struct why_facts *from) {
  why_machine_figures(m, device, from);
  m->model[device] = m->facts[device];
  m->modelled[device] = true;
}

// The place of a recorded device in this machine; -1: it is not there, or another.
static int place_of(const struct why_machine *m, int recorded) {
  const struct why_facts *then = &m->recorded->facts[recorded];
  for (int i = 0; i < m->devices; i++)
    if (m->modelled[i] && then->host == m->facts[i].host && !difference(then, &m->facts[i]))
      return i;
  return -1;
}

void why_adopt_devices(struct why_machine *m, int first) {
  const struct why_machine *from = m->recorded;
  for (int i = first; from && i < m->devices; i++) {
    const char *differs = "a new device";
    for (int k = 0; k < from->devices && differs && !m->facts[i].emulated; k++) {
      if (from->facts[k].host != m->facts[i].host || !*from->facts[k].provenance) continue;
      differs = difference(&from->facts[k], &m->facts[i]);
      if (!differs) take_figures(m, i, &from->facts[k]);
    }
    if (differs && !m->facts[i].emulated) stale(m, "%s: %s now", m->facts[i].name, differs);
  }
}

// Kernels of this project change with its commits, those of a library with its version.
static bool same_code(struct why_machine *m, int slot) {
  const struct why_slot *then = &m->recorded->slot[slot], *now = &m->slot[slot];
  bool own = slot == WHY_SLOT_plain || slot == WHY_SLOT_cuda;
  if (then->verdict.reason)
    stale(m, "%s is new", now->name);
  else if (strcmp(then->version, now->version) != 0)
    stale(m, "%s then, %s now", then->version, now->version);
  else if (strcmp(then->build, now->build) != 0)
    stale(m, "%s: built for %s then, for %s now", now->name, then->build, now->build);
  else if (own && strcmp(m->recorded->commit, m->commit) != 0)
    stale(m, "whycpu %s then, %s now", m->recorded->commit, m->commit);
  else
    return true;
  return false;
}

void why_adopt_fits(struct why_machine *m, int slot) {
  const struct why_machine *from = m->recorded;
  if (!from || m->slot[slot].verdict.reason || !same_code(m, slot)) return;
  for (int i = 0; i < from->fits; i++) {
    struct why_fit fit = from->fit[i];
    if (why_places()[why_kernel_place(fit.kernel)].code != slot) continue;
    fit.device = place_of(m, fit.device); // its form's text is the recorded machine's, which stays
    if (fit.device >= 0 && why_fit_add(m, &fit)) stale(m, "out of memory");
  }
}

void why_adopt(struct why_machine *m, struct why_machine *recorded) {
  why_close(m->recorded);
  m->recorded = recorded;
  *m->stale = 0;
  if (strcmp(recorded->provenance, "measured") != 0) {
    stale(m, "its figures are %s, not measured", recorded->provenance);
    why_close(recorded);
    m->recorded = NULL;
    return;
  }
  why_adopt_devices(m, 0);
  for (int i = 0; i < m->slots; i++)
    if (m->slot[i].tried) why_adopt_fits(m, i);
}

const char *why_machine_stale(const struct why_machine *m) {
  return m->stale;
}

const char *why_machine_calibrated(const struct why_machine *m) {
  return m->recorded ? m->recorded->time : "";
}
