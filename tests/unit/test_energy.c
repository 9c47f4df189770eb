// Joules from counters that wrap and tick: trees of RAPL made here, the counter of a fake NVML, and
// a request's share of what a meter says.
#define _GNU_SOURCE // nftw
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "energy.h"
#include <cmocka.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

static char root[64];

static void put(const char *zone, const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s/sys/class/powercap/%s", root, zone);
  for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = 0;
    mkdir(path, 0755);
    *slash = '/';
  }
  mkdir(path, 0755);
  snprintf(path, sizeof path, "%s/sys/class/powercap/%s/%s", root, zone, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk) {
  (void)status, (void)type, (void)walk;
  return remove(path);
}
static int make_tree(void **state) {
  (void)state;
  strcpy(root, "/tmp/whycpu-energy-XXXXXX");
  return mkdtemp(root) ? 0 : -1;
}
static int remove_tree(void **state) {
  (void)state;
  return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void packages_are_added_and_wrap(void **state) {
  (void)state;
  struct rapl rapl;
  rapl_open(&rapl, root);
  assert_int_equal(rapl.zones, 0);
  assert_true(isnan(rapl_joules(&rapl)));
  static const char *const zones[][2] = {{"intel-rapl:0", "package-0\n"},
                                         {"intel-rapl:1", "package-1\n"},
                                         {"intel-rapl:0:0", "core\n"}, // in its package already
                                         {"intel-rapl:2", "psys\n"},   // has the packages in it
                                         {"dtpm", "package-9\n"}};
  for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
    put(zones[i][0], "name", zones[i][1]);
    put(zones[i][0], "energy_uj", "1000000\n");
    put(zones[i][0], "max_energy_range_uj", "262143328850\n");
  }
  rapl_open(&rapl, root);
  assert_int_equal(rapl.zones, 2);
  assert_true(rapl_joules(&rapl) == 0);
  put("intel-rapl:0", "energy_uj", "3500000\n");
  put("intel-rapl:0:0", "energy_uj", "9000000\n");
  assert_true(fabs(rapl_joules(&rapl) - 2.5) < 1e-9);
  put("intel-rapl:1", "energy_uj", "262143000000\n");
  double before = rapl_joules(&rapl);
  put("intel-rapl:1", "energy_uj", "671150\n"); // 328850 to its end, and on from 0
  assert_true(fabs(rapl_joules(&rapl) - before - 1.0) < 1e-6);
  assert_true(fabs(rapl_joules(&rapl) - before - 1.0) < 1e-6); // it stands
}

// ---- a request's share, with a clock and a meter of our own
// --------------------------------------

static double now, watts, step, untimed, request;
static double read_clock(void *state) {
  (void)state;
  return now += 1e-7;
}
static const struct timer timer = {read_clock, NULL, NULL};
static double read_meter(void *to) { // ticks each `step` seconds
  (void)to;
  now += 1e-6;
  return watts * step * floor(now / step);
}
static enum why_reason ready(void *to, int64_t batch) {
  (void)to, (void)batch;
  now += untimed;
  return WHY_OK;
}
static enum why_reason run(void *to, int64_t batch, double sum[PARTS]) {
  (void)to, (void)sum;
  now += request * (double)batch;
  return WHY_OK;
}
static enum why_reason fails(void *to, int64_t batch, double sum[PARTS]) {
  (void)to, (void)batch, (void)sum;
  return WHY_DEVICE_LOST;
}

static void a_request_has_its_share(void **state) {
  (void)state;
  static const struct {
    double step, request, untimed, most;
    int64_t batch;
    bool known;
  } table[] = {
      // clang-format off
      {1e-3, 1e-3, 0,    0.5, 1,   true},
      {1e-3, 1e-6, 0,    0.5, 100, true},
      {1e-3, 2.0,  0,    0.5, 1,   true},  // one is long enough
      {0.02, 1e-3, 0,    1.1, 1,   true},  // 50 steps of 20 ms
      {0.02, 1e-3, 0,    0.5, 1,   false}, // which the time does not allow
      {1e-3, 1e-3, 1e-4, 0.5, 1,   true},
      {1e-3, 1e-3, 1e-3, 0.5, 1,   false}, // half of the energy went elsewhere
      // clang-format on
  };
  struct subject subject = {.ready = ready, .run = run};
  watts = 200;
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct energy_meter meter = {read_meter, NULL, table[i].step};
    double joules;
    now = 5.0001;
    step = table[i].step;
    request = table[i].request;
    untimed = table[i].untimed;
    assert_int_equal(
        energy_measure(&meter, &subject, table[i].batch, &timer, table[i].most, &joules), WHY_OK);
    assert_int_equal(!isnan(joules), table[i].known);
    if (table[i].known) assert_true(fabs(joules / (watts * request) - 1) < 0.13);
    if (table[i].known && untimed == 0) assert_true(fabs(joules / (watts * request) - 1) < 0.025);
  }
  struct energy_meter still = {read_meter, NULL, NAN}, meter = {read_meter, NULL, 1e-3};
  double joules = 1;
  assert_int_equal(energy_measure(&still, &subject, 1, &timer, 1, &joules), WHY_OK);
  assert_true(isnan(joules));
  subject.run = fails;
  assert_int_equal(energy_measure(&meter, &subject, 1, &timer, 1, &joules), WHY_DEVICE_LOST);
}

// Its step is found by looking at it; one that never moves is none.
static void nvml_has_a_counter(void **state) {
  (void)state;
  char path[128];
  put("nvml", "scenario", "millijoules 1000\nmilliwatts 300000\nmilliwatts_clock 1\n");
  snprintf(path, sizeof path, "%s/sys/class/powercap/nvml/scenario", root);
  setenv("FAKE_NVML", path, 1);
  struct sensors *gpu = sensors_open("0000:65:00.0");
  if (!gpu) {
    print_message("SKIP: the fake libnvidia-ml.so.1 is not on LD_LIBRARY_PATH\n");
    skip();
  }
  struct energy_meter meter = energy_of_gpu(gpu, &timer_system);
  assert_true(meter.step_seconds > 0.015 && meter.step_seconds < 0.2);
  put("nvml", "scenario", "millijoules 1000\n");
  meter = energy_of_gpu(gpu, &timer_system);
  assert_true(isnan(meter.step_seconds));
  assert_true(fabs(sensors_joules(gpu) - 1) < 1e-9);
  sensors_close(gpu);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(packages_are_added_and_wrap),
      cmocka_unit_test(a_request_has_its_share),
      cmocka_unit_test(nvml_has_a_counter),
  };
  return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
