// A calibration is taken over where the machine is what it was, a piece at a time, and what has
// changed is said.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cost.h"
#include "fixture.h"
#include <cmocka.h>

static const struct why_kernel *cblas(void) {
  return why_kernel_at(why_kernel_find("gemm", "openblas", "cblas"));
}

static const struct why_kernel *tiled(void) {
  return why_kernel_at(why_kernel_find("gemm", "cuda", "tiled"));
}

// The machine of fixture.h as it was measured: other figures, a fit for the CPU and one for the
// GPU.
static struct why_machine *measured(void) {
  struct why_machine *m = fixture_open();
  strcpy(m->provenance, "measured");
  strcpy(m->commit, "abc");
  strcpy(m->time, "2026-12-01T00:00:00Z");
  m->facts[FIXTURE_HOST].memory_bps = 77e9;
  m->facts[FIXTURE_GPU].in_bps = 33e9;
  struct why_fit fit = {.kernel = cblas(),
                        .device = FIXTURE_HOST,
                        .type = WHY_F32,
                        .form = "",
                        .threads = 8,
                        .cost = {.launch_seconds = 1e-3, .rate = 1e9},
                        .points = 20};
  assert_int_equal(why_fit_add(m, &fit), WHY_OK);
  fit.kernel = tiled();
  fit.device = FIXTURE_GPU;
  fit.threads = 0;
  assert_int_equal(why_fit_add(m, &fit), WHY_OK);
  return m;
}

static struct why_machine *live(void) {
  struct why_machine *m = fixture_open();
  strcpy(m->commit, "abc");
  return m;
}

static bool has_fit(const struct why_machine *m, const struct why_kernel *k) {
  for (int i = 0; i < why_machine_fits(m); i++)
    if (why_machine_fit(m, i)->kernel == k) return true;
  return false;
}

static void all_of_it(void **state) {
  (void)state;
  struct why_machine *m = live();
  assert_string_equal(why_machine_calibrated(m), "");
  why_adopt(m, measured());
  assert_string_equal(why_machine_stale(m), "");
  assert_string_equal(why_machine_calibrated(m), "2026-12-01T00:00:00Z");
  assert_true(m->facts[FIXTURE_HOST].memory_bps == 77e9);
  assert_string_equal(m->facts[FIXTURE_HOST].provenance, "measured");
  assert_true(m->facts[FIXTURE_GPU].in_bps == 33e9);
  assert_true(has_fit(m, cblas()) && has_fit(m, tiled()));

  // Figures that are measured anew do not move what fits were made with.
  struct why_facts again = m->facts[FIXTURE_HOST];
  again.memory_bps = 1e9;
  why_machine_figures(m, FIXTURE_HOST, &again);
  assert_true(m->facts[FIXTURE_HOST].memory_bps == 1e9);
  assert_true(why_model_facts(m, FIXTURE_HOST)->memory_bps == 77e9);
  fixture_close(m);
}

static void new_cpu(struct why_machine *m) {
  strcpy(m->facts[FIXTURE_HOST].name, "nine cores");
}
static void more_cores(struct why_machine *m) {
  m->facts[FIXTURE_HOST].multiprocessors = 9;
}
static void new_gpu(struct why_machine *m) {
  strcpy(m->facts[FIXTURE_GPU].name, "another GPU");
}
static void new_driver(struct why_machine *m) {
  m->facts[FIXTURE_GPU].driver = 13010;
}
static void new_library(struct why_machine *m) {
  strcpy(m->slot[WHY_SLOT_openblas].version, "OpenBLAS 9");
}
static void new_commit(struct why_machine *m) {
  strcpy(m->commit, "def");
}

// What changed, and what is still taken: the CPU's figures and fit, the GPU's figures and fit.
static void what_changed_is_left_out(void **state) {
  (void)state;
  static const struct {
    void (*change)(struct why_machine *);
    bool cpu, cpu_fit, gpu, gpu_fit;
    const char *words;
  } cases[] = {
      {new_cpu, false, false, true, true, "nine cores: another device now"},
      {more_cores, false, false, true, true, "eight cores: another number of cores now"},
      {new_gpu, true, true, false, false, "another GPU: another device now"},
      {new_driver, true, true, false, false, "a GPU: another driver now"},
      {new_library, true, false, true, true, " then, OpenBLAS 9 now"},
      {new_commit, true, true, true, false, "whycpu abc then, def now"}, // our own kernels' code
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct why_machine *m = live();
    cases[i].change(m);
    why_adopt(m, measured());
    assert_int_equal(m->facts[FIXTURE_HOST].memory_bps == 77e9, cases[i].cpu);
    assert_int_equal(has_fit(m, cblas()), cases[i].cpu_fit);
    assert_int_equal(m->facts[FIXTURE_GPU].in_bps == 33e9, cases[i].gpu);
    assert_int_equal(has_fit(m, tiled()), cases[i].gpu_fit);
    assert_string_equal(why_machine_stale(m), cases[i].words);
    fixture_close(m);
  }
}

static void published_is_no_calibration(void **state) {
  (void)state;
  struct why_machine *m = live(), *recorded = measured();
  strcpy(recorded->provenance, "published");
  why_adopt(m, recorded);
  assert_string_equal(why_machine_calibrated(m), "");
  assert_string_equal(why_machine_stale(m), "its figures are published, not measured");
  assert_int_equal(why_machine_fits(m), 0);
  fixture_close(m);
}

// Devices and libraries that are opened later are taken then.
static void later_ones_too(void **state) {
  (void)state;
  struct why_machine *m = live();
  m->devices = 1;
  for (int i = 0; i < m->slots; i++) m->slot[i].tried = false;
  why_adopt(m, measured());
  assert_int_equal(why_machine_fits(m), 0);
  m->slot[WHY_SLOT_openblas].tried = true;
  why_adopt_fits(m, WHY_SLOT_openblas);
  assert_true(has_fit(m, cblas()) && !has_fit(m, tiled()));
  m->devices = 2;
  why_adopt_devices(m, 1);
  why_adopt_fits(m, WHY_SLOT_cuda);
  assert_true(has_fit(m, tiled()));
  assert_true(m->facts[FIXTURE_GPU].in_bps == 33e9);
  fixture_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_of_it),
      cmocka_unit_test(what_changed_is_left_out),
      cmocka_unit_test(published_is_no_calibration),
      cmocka_unit_test(later_ones_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
