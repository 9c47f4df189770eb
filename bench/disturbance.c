// Reading counters of the system beside samples, and what they mean for these. See disturbance.h.
#define _GNU_SOURCE // sched_getcpu
#include "disturbance.h"
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// What is too little to matter. A switch costs microseconds, but a thread that got the CPU instead
// keeps it for milliseconds: 20 of them a second are at most a few percent.
static const double switches_a_second = 20, steal_share = 0.01, pressure_share = 0.10;
static const double clock_share = 0.95;     // of the highest clock seen in the measurement
static const double window_seconds = 10e-3; // between two readings of the files,
static const double reading_share = 0.05;   // which are to take no more of the time than this

static int append(char *out, size_t size, int used, const char *text) {
  bool fits = (size_t)used < size;
  return used + snprintf(fits ? out + used : NULL, fits ? size - (size_t)used : 0, "%s", text);
}

int disturbance_names(uint32_t marks, char *out, size_t size) {
  static const char *const name[] = {"switches",  "steal",     "quota",       "pressure",
                                     "cpu-clock", "gpu-clock", "gpu-throttle"};
  int used = append(out, size, 0, "");
  for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
    if (!(marks >> i & 1)) continue;
    if (used) used = append(out, size, used, " ");
    used = append(out, size, used, name[i]);
  }
  return used;
}

// ---- files --------------------------------------------------------------------------------------

// The beginning of a file, as text. False: it cannot be read.
static bool read_file(const char *root, const char *path, char *out, size_t size) {
  char whole[1024];
  int length = snprintf(whole, sizeof whole, "%s%s", root, path);
  int file = length < (int)sizeof whole ? open(whole, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return false;
  ssize_t got = read(file, out, size - 1);
  close(file);
  out[got > 0 ? got : 0] = 0;
  return got > 0;
}

// The number after `name` where that begins a line or a word. NAN: it is not there.
static double number_after(const char *text, const char *name) {
  size_t length = strlen(name);
  for (const char *at = text; (at = strstr(at, name)); at += length)
    if (at == text || at[-1] == '\n' || at[-1] == ' ') return strtod(at + length, NULL);
  return NAN;
}

static void add_group(struct signal_files *f, const char *folder) {
  char text[64], *path = f->group[f->groups];
  if (f->groups == SIGNAL_GROUPS) return;
  int length = snprintf(path, sizeof f->group[0], "%s/cpu.stat", folder);
  if (length < (int)sizeof f->group[0] && read_file(f->root, path, text, sizeof text)) f->groups++;
}

// A group and all above it, under the place where its hierarchy is mounted.
static void add_groups(struct signal_files *f, const char *mount, const char *group) {
  char name[400], folder[512];
  snprintf(name, sizeof name, "%s", group);
  for (;;) {
    snprintf(folder, sizeof folder, "%s%s", mount, strcmp(name, "/") ? name : "");
    add_group(f, folder);
    char *slash = strrchr(name, '/');
    if (!slash || !name[1]) return;
    *(slash == name ? slash + 1 : slash) = 0;
  }
}

// Lines of /proc/self/cgroup: "0::/GROUP" of version 2, "4:cpu,cpuacct:/GROUP" of version 1.
void signals_find(const char *root, struct signal_files *f) {
  char text[4096], *line, *rest;
  *f = (struct signal_files){.root = root};
  if (!read_file(root, "/proc/self/cgroup", text, sizeof text)) return;
  for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    char *controllers = strchr(line, ':'),
         *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group) continue;
    *controllers++ = 0;
    *group++ = 0;
    char listed[256];
    snprintf(listed, sizeof listed, ",%s,", controllers);
    if (!*controllers)
      add_groups(f, "/sys/fs/cgroup", group);
    else if (strstr(listed, ",cpu,"))
      add_groups(f, "/sys/fs/cgroup/cpu", group);
  }
}

// The kernel counts how long each thread's queue was held back (version 2: microseconds; 1: ns).
static double quota_seconds(const struct signal_files *f) {
  double sum = 0;
  bool any = false;
  for (int i = 0; i < f->groups; i++) {
    char text[1024];
    if (!read_file(f->root, f->group[i], text, sizeof text)) continue;
    double us = number_after(text, "throttled_usec "), ns = number_after(text, "throttled_time ");
    any = any || !isnan(us) || !isnan(ns);
    sum += !isnan(us) ? 1e-6 * us : !isnan(ns) ? 1e-9 * ns : 0;
  }
  return any ? sum : NAN;
}

void signals_read(const struct signal_files *f, int cpu, const struct sensors *gpu,
                  struct signals *out) {
  char text[512], path[96];
  *out = (struct signals){NAN, NAN, NAN, NAN, NAN, {NAN, NAN, NAN, 0}};
  if (read_file(f->root, "/proc/stat", text, sizeof text) && !strncmp(text, "cpu ", 4)) {
    enum { FIELDS = 8, STEAL = 7 }; // user nice system idle iowait irq softirq steal
    char *at = text + 4;
    out->ticks = 0;
    for (int i = 0; i < FIELDS; i++) {
      double ticks = strtod(at, &at);
      out->ticks += ticks;
      if (i == STEAL) out->steal_ticks = ticks;
    }
  }
  out->quota_seconds = quota_seconds(f);
  if (read_file(f->root, "/proc/pressure/cpu", text, sizeof text)) // its first line is "some"
    out->pressure_seconds = 1e-6 * number_after(text, "total=");
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu);
  if (read_file(f->root, path, text, sizeof text)) out->cpu_hz = 1e3 * strtod(text, NULL);
  if (gpu) sensors_read(gpu, &out->gpu);
}

// ---- watching -----------------------------------------------------------------------------------

static double now(const struct disturbance_watch *w) {
  return w->timer.now(w->timer.state);
}

static int64_t switches_so_far(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nivcsw;
}

void disturbance_open(struct disturbance_watch *w, const char *root, const struct timer *timer) {
  *w = (struct disturbance_watch){.timer = *timer, .before.pressure_seconds = NAN};
  signals_find(root, &w->files);
}

static void begin(void *to) {
  struct disturbance_watch *w = to;
  double pressure = w->before.pressure_seconds;
  w->best_cpu_hz = w->best_gpu_hz = w->sum_cpu_hz = w->sum_gpu_hz = w->sum_gpu_watts = 0;
  w->cpu_readings = w->gpu_readings = 0;
  w->noticed = (struct noticed){.gpu_celsius = NAN};
  core_share_reset(&w->core);
  w->began = w->looked = now(w);
  signals_read(&w->files, sched_getcpu(), w->gpu, &w->first);
  w->cost = now(w) - w->began;
  w->before = w->first;
  if (w->first.pressure_seconds != pressure) w->pressure_changed = w->began;
}

static void before_sample(void *to) {
  struct disturbance_watch *w = to;
  w->switches = switches_so_far();
}

static uint32_t after_sample(void *to, double seconds) {
  struct disturbance_watch *w = to;
  int64_t switches = switches_so_far() - w->switches;
  w->noticed.switches += switches;
  if (!switches || (double)switches < switches_a_second * seconds) return 0;
  w->noticed.marks |= DISTURBED_SWITCHES;
  return DISTURBED_SWITCHES;
}

// Gauges: their mean, and whether they fell.
static uint32_t look_at_clocks(struct disturbance_watch *w, const struct signals *s) {
  uint32_t marks = 0;
  struct noticed *n = &w->noticed;
  if (s->cpu_hz > 0) {
    w->sum_cpu_hz += s->cpu_hz;
    w->cpu_readings++;
    w->best_cpu_hz = fmax(w->best_cpu_hz, s->cpu_hz);
    if (s->cpu_hz < clock_share * w->best_cpu_hz) marks |= DISTURBED_CPU_CLOCK;
  }
  if (!w->gpu) return marks;
  w->sum_gpu_hz += s->gpu.hz;
  w->sum_gpu_watts += s->gpu.watts;
  w->gpu_readings++;
  n->gpu_celsius = fmax(n->gpu_celsius, s->gpu.celsius); // the number, where one is NAN
  n->throttle |= s->gpu.throttle;
  w->best_gpu_hz = fmax(w->best_gpu_hz, s->gpu.hz);
  if (s->gpu.hz < clock_share * w->best_gpu_hz) marks |= DISTURBED_GPU_CLOCK;
  if (s->gpu.throttle) marks |= DISTURBED_GPU_THROTTLE;
  return marks;
}

static bool look(void *to, bool last, uint32_t *marks) {
  struct disturbance_watch *w = to;
  double at = now(w);
  if (!last && at - w->looked < fmax(window_seconds, w->cost / reading_share)) return false;
  struct signals s;
  signals_read(&w->files, sched_getcpu(), w->gpu, &s);
  double ticks = s.ticks - w->before.ticks, steal = s.steal_ticks - w->before.steal_ticks;
  double waited = s.pressure_seconds - w->before.pressure_seconds;
  core_share_look(&w->core, &w->timer);
  *marks = look_at_clocks(w, &s);
  if (steal > steal_share * ticks) *marks |= DISTURBED_STEAL;
  if (s.quota_seconds > w->before.quota_seconds) *marks |= DISTURBED_QUOTA;
  // A kernel may sum it up every two seconds only: what is new is then of all that time.
  if (waited > 0) {
    if (waited > pressure_share * (at - w->pressure_changed)) *marks |= DISTURBED_PRESSURE;
    w->pressure_changed = at;
  }
  w->noticed.marks |= *marks;
  w->before = s;
  w->looked = now(w);
  w->cost = w->looked - at;
  return true;
}

struct watcher disturbance_watcher(struct disturbance_watch *w, const struct sensors *gpu) {
  w->gpu = gpu;
  return (struct watcher){w, begin, before_sample, after_sample, look};
}

void disturbance_noticed(const struct disturbance_watch *w, struct noticed *out) {
  const struct signals *first = &w->first, *last = &w->before;
  double ticks = last->ticks - first->ticks, seconds = w->looked - w->began;
  *out = w->noticed;
  out->steal_percent = ticks > 0 ? 100 * (last->steal_ticks - first->steal_ticks) / ticks : NAN;
  out->quota_seconds = last->quota_seconds - first->quota_seconds;
  out->pressure_percent =
      seconds > 0 ? fmin(100, 100 * (last->pressure_seconds - first->pressure_seconds) / seconds)
                  : NAN;
  out->core_percent = core_share_percent(&w->core);
  out->cpu_hz = w->cpu_readings ? w->sum_cpu_hz / w->cpu_readings : NAN;
  out->gpu_hz = w->gpu_readings ? w->sum_gpu_hz / w->gpu_readings : NAN;
  out->gpu_watts = w->gpu_readings ? w->sum_gpu_watts / w->gpu_readings : NAN;
}

int disturbance_text(const struct noticed *n, char *out, size_t size) {
  char text[7][96], reasons[80];
  sensors_throttle(n->throttle, reasons, sizeof reasons);
  snprintf(text[0], sizeof text[0], "switches %lld", (long long)n->switches);
  snprintf(text[1], sizeof text[1], "steal %.3g%%", n->steal_percent);
  snprintf(text[2], sizeof text[2], "quota %.3g ms", 1e3 * n->quota_seconds);
  snprintf(text[3], sizeof text[3], "pressure %.3g%%", n->pressure_percent);
  snprintf(text[4], sizeof text[4], "CPU clock %.3g GHz", 1e-9 * n->cpu_hz);
  snprintf(text[5], sizeof text[5], "GPU clock %.3g GHz", 1e-9 * n->gpu_hz);
  snprintf(text[6], sizeof text[6], "GPU throttled %s", reasons);
  int used = append(out, size, 0, "");
  for (int i = 0; i < 7; i++) {
    if (!(n->marks >> i & 1)) continue;
    if (used) used = append(out, size, used, ", ");
    used = append(out, size, used, text[i]);
  }
  return used;
}
