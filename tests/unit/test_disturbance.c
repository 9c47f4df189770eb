// That what disturbs a measurement is noticed: another process on the same CPU and a quota of CPU
// time, both real; steal, pressure, clocks and quotas as the kernel's files tell them, in trees
// made here; a GPU's throttling as a fake NVML tells it.
#define _GNU_SOURCE // sched_setaffinity, nftw
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "disturbance.h"
#include <cmocka.h>
#include <ftw.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PCI "0000:65:00.0"

// ---- a tree of files ----------------------------------------------------------------------------

static char root[64];

static void put(const char *path, const char *text) {
  char whole[512];
  snprintf(whole, sizeof whole, "%s%s", root, path);
  for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = 0;
    mkdir(whole, 0755);
    *slash = '/';
  }
  FILE *file = fopen(whole, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void put_counters(long steal, long idle, long throttled_us, long pressure_us) {
  char text[512];
  snprintf(text, sizeof text, "cpu  100 0 50 %ld 0 0 0 %ld 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n", idle,
           steal);
  put("/proc/stat", text);
  snprintf(text, sizeof text,
           "usage_usec 5\nnr_periods 9\nnr_throttled 1\nthrottled_usec %ld\nnr_bursts 0\n",
           throttled_us);
  put("/sys/fs/cgroup/slice/job/cpu.stat", text);
  snprintf(text, sizeof text,
           "some avg10=0.00 avg60=0.00 avg300=0.00 total=%ld\nfull avg10=0.00 total=7\n",
           pressure_us);
  put("/proc/pressure/cpu", text);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk) {
  (void)status, (void)type, (void)walk;
  return remove(path);
}

static int make_tree(void **state) {
  (void)state;
  strcpy(root, "/tmp/whycpu-signals-XXXXXX");
  return mkdtemp(root) ? 0 : -1;
}
static int remove_tree(void **state) {
  (void)state;
  return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void reads_the_files(void **state) {
  (void)state;
  struct signal_files files;
  struct signals s;
  signals_find(root, &files); // nothing is there
  signals_read(&files, 3, NULL, &s);
  assert_int_equal(files.groups, 0);
  assert_true(isnan(s.ticks) && isnan(s.steal_ticks) && isnan(s.quota_seconds));
  assert_true(isnan(s.pressure_seconds) && isnan(s.cpu_hz) && isnan(s.gpu.hz));
  put("/proc/self/cgroup", "0::/slice/job\n");
  put("/sys/fs/cgroup/slice/cpu.stat", "usage_usec 1\nthrottled_usec 2000000\n");
  put("/sys/fs/cgroup/cpu.stat", "usage_usec 1\n"); // the root has no quota
  put("/sys/devices/system/cpu/cpu3/cpufreq/scaling_cur_freq", "2400000\n");
  put_counters(7, 1000, 500000, 1500000);
  signals_find(root, &files);
  signals_read(&files, 3, NULL, &s);
  assert_int_equal(files.groups, 3);
  assert_true(s.steal_ticks == 7 && s.ticks == 100 + 50 + 1000 + 7);
  assert_true(fabs(s.quota_seconds - 2.5) < 1e-9); // its own and its parent's
  assert_true(fabs(s.pressure_seconds - 1.5) < 1e-9);
  assert_true(s.cpu_hz == 2.4e9);
  // Version 1, as it is beside version 2, and in a container that sees its group at the top.
  put("/proc/self/cgroup", "3:cpuset:/x\n2:cpu,cpuacct:/docker/abc\n0::/nowhere\n");
  put("/sys/fs/cgroup/cpu/cpu.stat", "nr_periods 3\nnr_throttled 2\nthrottled_time 40000000\n");
  signals_find(root, &files);
  signals_read(&files, 3, NULL, &s);
  assert_true(fabs(s.quota_seconds - 0.04) < 1e-9);
}

// ---- watching, with a clock and files that change between samples -------------------------------

static double fake_now;
static double read_fake(void *state) {
  (void)state;
  return fake_now += 1e-6;
}
static const struct timer fake_timer = {read_fake, NULL, NULL};

// One sample of so many seconds, and the look after it.
static uint32_t one_sample(struct watcher *w, double seconds, bool last, bool *looked) {
  uint32_t marks = 0;
  w->before(w->to);
  fake_now += seconds;
  (void)w->after(w->to, seconds);
  *looked = w->look(w->to, last, &marks);
  return marks;
}

static void each_signal_marks(void **state) {
  (void)state;
  static const struct {
    long steal, idle, quota_us, pressure_us, khz; // after, from 0, 0, 0, 0, 3 GHz
    uint32_t marks;
    const char *words;
  } table[] = {
      // clang-format off
      {0, 100,     0,     0, 3000000, 0, ""},
      {1, 99,      0,     0, 3000000, 0, ""},                                   // 1% and no more
      {5, 95,      0,     0, 3000000, DISTURBED_STEAL, "steal 5%"},
      {0, 100, 20000,     0, 3000000, DISTURBED_QUOTA, "quota 20 ms"},
      {0, 100,     0, 90000, 3000000, 0, ""},                                   // 9%
      {0, 100,     0, 400000, 3000000, DISTURBED_PRESSURE, "pressure 40%"},
      {0, 100,     0,     0, 2900000, 0, ""},
      {0, 100,     0,     0, 2000000, DISTURBED_CPU_CLOCK, "CPU clock 2 GHz"},
      {5, 95,  20000, 400000, 2000000, DISTURBED_STEAL | DISTURBED_QUOTA | DISTURBED_PRESSURE | DISTURBED_CPU_CLOCK,
       "steal 5%, quota 20 ms, pressure 40%, CPU clock 2 GHz"},
      // clang-format on
  };
  char path[96], text[256];
  put("/proc/self/cgroup", "0::/slice/job\n");
  put("/sys/fs/cgroup/slice/cpu.stat", "usage_usec 1\nthrottled_usec 0\n");
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct disturbance_watch watch;
    struct noticed noticed;
    bool looked;
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(sched_getcpu(), &here);
    sched_setaffinity(0, sizeof here, &here); // the clock is read of the CPU that we are on
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq",
             sched_getcpu());
    put_counters(0, 0, 0, 0);
    put(path, "3000000\n");
    fake_now = 10;
    disturbance_open(&watch, root, &fake_timer);
    struct watcher w = disturbance_watcher(&watch, NULL);
    w.begin(w.to);
    assert_int_equal(one_sample(&w, 0.001, false, &looked), 0);
    assert_false(looked); // the files are not read for each
    assert_int_equal(one_sample(&w, 0.010, false, &looked), 0);
    assert_true(looked); // the clock is known now
    put_counters(table[i].steal, table[i].idle, table[i].quota_us, table[i].pressure_us);
    snprintf(text, sizeof text, "%ld\n", table[i].khz);
    put(path, text);
    assert_int_equal(one_sample(&w, 0.989, false, &looked), table[i].marks);
    assert_true(looked);
    assert_int_equal(one_sample(&w, 0.001, false, &looked), 0);
    assert_false(looked);
    disturbance_noticed(&watch, &noticed);
    assert_int_equal(noticed.marks & ~DISTURBED_SWITCHES, table[i].marks);
    assert_true(fabs(noticed.steal_percent - (double)table[i].steal) < 1e-9);
    assert_true(fabs(noticed.pressure_percent - 1e-4 * (double)table[i].pressure_us) < 0.1);
    assert_true(noticed.cpu_hz < 3.01e9 && noticed.cpu_hz > 1.9e9);
    noticed.marks &= ~(uint32_t)DISTURBED_SWITCHES; // those are real here
    noticed.cpu_hz = 1e3 * (double)table[i].khz;    // and these come out rounded
    noticed.pressure_percent = 1e-4 * (double)table[i].pressure_us;
    disturbance_text(&noticed, text, sizeof text);
    assert_string_equal(text, table[i].words);
    w.begin(w.to); // of the next measurement nothing is known yet
    assert_true(one_sample(&w, 0.02, true, &looked) == 0 && looked);
    disturbance_noticed(&watch, &noticed);
    assert_true(!(noticed.marks & ~DISTURBED_SWITCHES) && noticed.steal_percent != 5);
  }
  put(path, "3000000\n");
  char names[96];
  disturbance_names(DISTURBED_SWITCHES | DISTURBED_GPU_THROTTLE, names, sizeof names);
  assert_string_equal(names, "switches gpu-throttle");
  assert_int_equal(disturbance_names(127, names, 4), 62); // as snprintf
  assert_string_equal(names, "swi");
}

// ---- who shares the core ------------------------------------------------------------------------

static double moment;
static const double *took; // seconds of each burst to come
static bool in_burst;

static double burst_clock(void *state) {
  (void)state;
  if (in_burst) moment += *took++;
  in_burst = !in_burst;
  return moment;
}

static void a_shared_core_is_noticed(void **state) {
  (void)state;
  static const double bursts[] = {1, 1, 3, 2, 4, 9, /* anew */ 2, 2, /* anew */ 0, 0, 0.5, 1};
  const struct timer clock = {burst_clock, NULL, NULL};
  struct core_share share = {0};
  took = bursts;
  assert_true(isnan(core_share_percent(&share)));
  for (int i = 0; i < 3; i++) core_share_look(&share, &clock);
  assert_true(fabs(core_share_percent(&share) - 100 * (1 + 0.5 + 0.25) / 3) < 1e-9);
  core_share_reset(&share);
  core_share_look(&share, &clock);
  assert_true(core_share_percent(&share) == 50); // of the fastest there ever was
  core_share_reset(&share);
  core_share_look(&share, &clock);
  assert_true(isnan(core_share_percent(&share))); // a clock that stands still tells nothing
  core_share_look(&share, &clock);
  assert_true(core_share_percent(&share) == 100);
  struct core_share real = {0};
  for (int i = 0; i < 100; i++) core_share_look(&real, &timer_system);
  print_message("%.0f%% of the core, %.2f us a burst\n", core_share_percent(&real),
                1e6 * real.best);
  assert_true(core_share_percent(&real) > 5 && core_share_percent(&real) <= 100);
  assert_true(real.best > 1e-7 && real.best < 1e-3);
}

// ---- a GPU --------------------------------------------------------------------------------------

static void scenario(const char *text) {
  char path[128];
  put("/nvml", text);
  snprintf(path, sizeof path, "%s/nvml", root);
  setenv("FAKE_NVML", path, 1);
}

static void a_gpu_that_is_throttled_is_noticed(void **state) {
  (void)state;
  struct disturbance_watch watch;
  struct noticed noticed;
  char text[256];
  bool looked;
  scenario("mhz 1755\nmilliwatts 350000\ncelsius 41\nreasons 0x103\n"); // settings, no trouble
  struct sensors *gpu = sensors_open(PCI);
  if (!gpu) {
    print_message("SKIP: the fake libnvidia-ml.so.1 is not on LD_LIBRARY_PATH\n");
    skip();
  }
  fake_now = 10;
  disturbance_open(&watch, root, &fake_timer);
  struct watcher w = disturbance_watcher(&watch, gpu);
  w.begin(w.to);
  assert_int_equal(one_sample(&w, 0.02, false, &looked) & ~DISTURBED_CPU_CLOCK, 0);
  assert_true(looked);
  scenario("mhz 1700\nmilliwatts 690000\ncelsius 83\nreasons 0x4\n");
  assert_int_equal(one_sample(&w, 0.02, false, &looked), DISTURBED_GPU_THROTTLE);
  scenario("mhz 1200\nmilliwatts 690000\ncelsius 80\nreasons 0x60\n");
  assert_int_equal(one_sample(&w, 0.02, true, &looked),
                   DISTURBED_GPU_THROTTLE | DISTURBED_GPU_CLOCK);
  disturbance_noticed(&watch, &noticed);
  assert_true(noticed.gpu_celsius == 83);
  assert_true(fabs(noticed.gpu_watts - (350 + 690 + 690) / 3.0) < 1e-9);
  assert_true(fabs(noticed.gpu_hz - (1755 + 1700 + 1200) / 3.0 * 1e6) < 1);
  assert_int_equal(noticed.throttle, 0x64);
  noticed.marks &= ~(uint32_t)DISTURBED_SWITCHES;
  disturbance_text(&noticed, text, sizeof text);
  assert_string_equal(text, "GPU clock 1.55 GHz, "
                            "GPU throttled sw-power-cap sw-thermal hw-thermal");
  sensors_close(gpu);
}

static void what_nvml_lacks_is_not_known(void **state) {
  (void)state;
  struct sensed s;
  scenario("mhz 1755\n"); // and no more: each other call answers that it is not supported
  struct sensors *gpu = sensors_open(PCI);
  if (!gpu) skip();
  sensors_read(gpu, &s);
  assert_true(s.hz == 1.755e9 && isnan(s.watts) && isnan(s.celsius) && s.throttle == 0);
  assert_true(isnan(sensors_joules(gpu)));
  sensors_close(gpu);
  assert_null(sensors_open("0000:99:00.0")); // it knows no such device
  assert_null(sensors_open(""));
  scenario("init 9\n"); // NVML_ERROR_DRIVER_NOT_LOADED
  assert_null(sensors_open(PCI));
}

// With an older driver's library, which ctest puts in place of the other one.
static void an_old_nvml_has_other_names(void) {
  struct sensed s;
  scenario("mhz 900\nreasons 0x8\nmillijoules 5\n");
  struct sensors *gpu = sensors_open(PCI);
  if (!gpu) {
    print_message("SKIP: the fake libnvidia-ml.so.1 is not on LD_LIBRARY_PATH\n");
    exit(77);
  }
  sensors_read(gpu, &s);
  bool well = s.hz == 9e8 && s.throttle == 8 && isnan(sensors_joules(gpu));
  sensors_close(gpu);
  if (!well) exit(1);
}

// ---- real ones ----------------------------------------------------------------------------------

static enum why_reason spin(void *to, int64_t batch, double sum[PARTS]) {
  (void)to, (void)batch, (void)sum;
  double until = seconds_now() + 2e-3;
  while (seconds_now() < until) continue;
  return WHY_OK;
}

// A measurement of 2 ms of work, watched; the time is over after `seconds`.
static void watched(double seconds, struct sampled *out, struct noticed *noticed) {
  struct sampler sampler;
  struct disturbance_watch watch;
  assert_int_equal(sampler_open(&sampler), WHY_OK);
  sampler.rules = (struct sampler_rules){1e-9, seconds};
  sampler.subject.run = spin;
  sampler.timer = timer_system;
  disturbance_open(&watch, "", &timer_system);
  sampler.watcher = disturbance_watcher(&watch, NULL);
  assert_int_equal(sampler_run(&sampler), WHY_OK);
  sampler_result(&sampler, out);
  disturbance_noticed(&watch, noticed);
  sampler_close(&sampler);
}

static void bind_to_one_cpu(void) {
  cpu_set_t all, one;
  CPU_ZERO(&one);
  assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
  for (int cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++)
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
}

static void a_busy_process_on_the_cpu_is_noticed(void **state) {
  (void)state;
  struct sampled s;
  struct noticed n;
  char text[256];
  bind_to_one_cpu();
  pid_t busy = fork();
  if (!busy) {
    for (volatile long i = 0;; i++) continue;
  }
  watched(0.3, &s, &n);
  kill(busy, SIGKILL);
  waitpid(busy, NULL, 0);
  disturbance_text(&n, text, sizeof text);
  print_message("%d of %d samples disturbed: %s\n", s.disturbed, s.samples, text);
  assert_true(s.disturbed > 0);
  assert_true(n.marks & DISTURBED_SWITCHES);
  assert_non_null(strstr(text, "switches "));
}

static bool write_to(const char *folder, const char *name, const char *text) {
  char path[160];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "w");
  if (!file) return false;
  bool well = fputs(text, file) >= 0;
  return !fclose(file) && well;
}

// A group of 20 ms in 100 ms, and a child of ours in it: that exits with 0 when it noticed.
static void a_quota_is_noticed(void **state) {
  (void)state;
  static const char *const mounts[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup"};
  char folder[128] = "", me[32];
  bool ready = false;
  for (int version = 1; version <= 2 && !ready; version++) {
    snprintf(folder, sizeof folder, "%s/whycpu-test-%d", mounts[version - 1], (int)getpid());
    if (mkdir(folder, 0755)) continue;
    ready = version == 1 ? write_to(folder, "cpu.cfs_period_us", "100000\n") &&
                               write_to(folder, "cpu.cfs_quota_us", "20000\n")
                         : write_to(folder, "cpu.max", "20000 100000\n");
    if (!ready) rmdir(folder);
  }
  if (!ready) {
    print_message("SKIP: no control group with a quota can be made here\n");
    skip();
  }
  pid_t child = fork();
  if (!child) {
    struct sampled s;
    struct noticed n;
    snprintf(me, sizeof me, "%d\n", (int)getpid());
    if (!write_to(folder, "cgroup.procs", me)) _exit(2);
    watched(0.5, &s, &n);
    char text[256];
    disturbance_text(&n, text, sizeof text);
    printf("%d of %d samples disturbed: %s\n", s.disturbed, s.samples, text);
    fflush(stdout);
    _exit(s.disturbed > 0 && (n.marks & DISTURBED_QUOTA) && n.quota_seconds > 0.02 &&
                  strstr(text, "quota ")
              ? 0
              : 1);
  }
  int status;
  waitpid(child, &status, 0);
  rmdir(folder);
  if (WEXITSTATUS(status) == 2) skip();
  assert_int_equal(status, 0);
}

int main(int arguments, char **argument) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_shared_core_is_noticed),
      cmocka_unit_test(reads_the_files),
      cmocka_unit_test(each_signal_marks),
      cmocka_unit_test(a_gpu_that_is_throttled_is_noticed),
      cmocka_unit_test(what_nvml_lacks_is_not_known),
      cmocka_unit_test(a_busy_process_on_the_cpu_is_noticed),
      cmocka_unit_test(a_quota_is_noticed),
  };
  if (arguments > 1 && !strcmp(argument[1], "old-nvml")) {
    if (make_tree(NULL)) return 1;
    an_old_nvml_has_other_names();
    return remove_tree(NULL);
  }
  return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
