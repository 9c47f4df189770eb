// Launches through jobs: counted by a clock that is read before and behind them, on the emulated
// device; which, being emulated, has no figure itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "machine.h"
#include <cmocka.h>

static double reads;
static double counting_clock(void) {
  return reads++;
}

static void launches_are_counted(void **state) {
  (void)state;
  struct why_machine *m;
  struct ceilings found = {.count = 0};
  const struct why_options options = {.library_dir = WHY_TEST_PLUGINS, .emulate_bytes = 64 << 20};
  assert_int_equal(why_open(&options, &m), WHY_OK);
  if (why_load(m, WHY_SLOT_cuda) != WHY_OK) {
    why_close(m);
    skip();
  }
  assert_int_equal(figures_launches(m, 1, counting_clock, &found), WHY_OK);
  assert_true(found.count == 0 && reads == 0); // emulated: never a time
  m->facts[1].emulated = 0;
  assert_int_equal(figures_launches(m, 1, counting_clock, &found), WHY_OK);
  assert_int_equal(found.count, 2);
  assert_string_equal(found.ceiling[0].name, "launch-latency");
  assert_true(found.ceiling[0].value == 1); // one launch between two readings
  assert_string_equal(found.ceiling[1].name, "launch-interval");
  assert_true(found.ceiling[1].value == 1.0 / 200); // of as many as are launched without a wait
  for (int i = 0; i < 2; i++) assert_string_equal(found.ceiling[i].unit, "s");

  assert_int_equal(ceilings_keep(m, 1, &found), WHY_OK); // no figure is one of these
  assert_true(m->facts[1].launch_seconds == 0 && m->facts[1].latency_seconds == 0);
  assert_true(ceilings_best(m, 1, "launch-", 0) == 1 && ceilings_best(m, 1, "launch", 0) == 0);
  m->facts[1].capability = 10; // a device that no kernel runs on
  found.count = 0;
  assert_int_equal(figures_launches(m, 1, counting_clock, &found), WHY_OK);
  assert_int_equal(found.count, 0);
  why_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(launches_are_counted)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
