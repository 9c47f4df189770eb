// The measuring loop in a world of its own: time passes only where a fake clock is read or a fake
// request runs, so that what is right is known. Coarse, broken and bent clocks; when it stops; what
// it does with disturbed samples; and how often two measurements of the same thing differ.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "sampler.h"
#include <cmocka.h>
#include <math.h>

static struct world {
  double now;                                    // as it is
  double step;                                   // of the clock: it shows multiples
  double back_every, back_by, stands_from, rate; // it jumps back; stops; runs fast
  uint64_t random;
  double request; // seconds of one that is undisturbed
  double (*noise)(void);
  int64_t requests, batches; // so far
  int64_t fail_at;           // this batch fails
  double slow_for;           // requests take five times as long at first, and settle over this
  double fast_from;          // and at ten times their speed from then on
  int64_t disturb_every;     // each such batch takes five times as long; watched
  bool disturb_all, noticed_late;
} world;

// xorshift64* (Vigna, 2016).
static double uniform(void) {
  world.random ^= world.random >> 12;
  world.random ^= world.random << 25;
  world.random ^= world.random >> 27;
  return (double)((world.random * 2685821657736338717u) >> 11) * 0x1p-53;
}
static double normal(void) { // Box and Muller
  double u = uniform(), v = uniform();
  return sqrt(-2 * log(u > 0 ? u : 0x1p-53)) * cos(6.283185307179586 * v);
}

static double read_clock(void *state) {
  (void)state;
  world.now += 25e-9; // reading it takes time
  double shown = world.now * world.rate;
  if (world.stands_from > 0 && shown > world.stands_from) shown = world.stands_from;
  if (world.back_every > 0) shown -= world.back_by * floor(world.now / world.back_every);
  return world.step > 0 ? floor(shown / world.step) * world.step : shown;
}
static double read_true(void *state) {
  (void)state;
  return world.now;
}

static enum why_reason run(void *to, int64_t batch, double sum[PARTS]) {
  (void)to;
  double one = world.request;
  if (++world.batches == world.fail_at) return WHY_CALL_FAILED;
  if (world.slow_for > 0) one *= 1 + 4 * exp(-(world.now - 1) / world.slow_for);
  if (world.fast_from > 0 && world.now > world.fast_from) one /= 10;
  if (world.disturb_every && world.batches % world.disturb_every == 0) one *= 5;
  if (world.noise) one *= world.noise();
  world.now += one * (double)batch;
  world.requests += batch;
  sum[PART_WORK] += one * (double)batch;
  sum[PART_COPY_IN] = NAN;
  return WHY_OK;
}

static uint32_t watch_after(void *to, double seconds) {
  (void)to, (void)seconds;
  if (world.noticed_late) return 0;
  return world.disturb_all || (world.disturb_every && world.batches % world.disturb_every == 0);
}
static bool watch_look(void *to, bool last, uint32_t *marks) { // each 20 batches
  (void)to;
  if (!world.noticed_late || (!last && world.batches % 20)) return false;
  *marks = world.batches < 60 ? 4 : 0;
  return true;
}

static struct sampler sampler;

static void new_world(double request, double precision, double seconds) {
  world = (struct world){.now = 1, .rate = 1, .random = 88172645463325252u, .request = request};
  sampler.rules = (struct sampler_rules){precision, seconds};
  sampler.subject = (struct subject){.run = run};
  sampler.timer = (struct timer){read_clock, read_true, NULL};
  sampler.watcher = (struct watcher){.after = watch_after, .look = watch_look};
  sampler.resolution = 0;
  sampler.stopped = NULL;
}

static struct sampled measure(void) {
  struct sampled out;
  assert_int_equal(sampler_run(&sampler), WHY_OK);
  sampler_result(&sampler, &out);
  return out;
}

static void assert_near(double is, double right, double relative) {
  if (!(fabs(is / right - 1) <= relative)) fail_msg("%.9g is not %.9g", is, right);
}

static bool refused(const struct sampled *s) {
  return !s->samples && isnan(s->median) && isnan(s->ci_low) && !strcmp(sampler.stop, "clock");
}

// ---- clocks -------------------------------------------------------------------------------------

static void a_coarse_clock_gives_right_figures_or_none(void **state) {
  (void)state;
  static const double steps[] = {0, 1e-9, 1e-7, 1e-6, 1e-5, 1e-3, 1.0 / 64};
  static const double requests[] = {40e-9, 1e-6, 37.3e-6, 3.1e-3, 0.4, 2};
  static const double budgets[] = {0.5, 20};
  int given = 0, none = 0;
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
    for (size_t k = 0; k < sizeof requests / sizeof requests[0]; k++)
      for (size_t b = 0; b < 2; b++) {
        new_world(requests[k], 0.01, budgets[b]);
        world.step = steps[i];
        struct sampled s = measure();
        bool fits = 500 * steps[i] <= budgets[b];
        assert_int_equal(refused(&s), !fits);
        none += !fits;
        if (!fits) continue;
        given++;
        assert_near(s.median, requests[k], 0.005);
        assert_near(s.part[PART_WORK], requests[k], 1e-9);
        double step = steps[i] / (double)sampler.batch; // all samples may be off by it
        if (s.samples >= 6)
          assert_true(s.ci_high >= requests[k] && s.ci_high > s.median + 0.99 * step);
        assert_true(isnan(s.part[PART_COPY_IN]));
        // Long enough for the clock's step, and for the clock's reading.
        assert_true((double)sampler.batch * requests[k] >= fmax(20e-6, 500 * steps[i]) * 0.9);
      }
  assert_true(given > 60 && none > 0);
}

// The resolution is the clock's step, or what reading it takes.
static void resolutions_are_found(void **state) {
  (void)state;
  static const double steps[] = {0, 1e-6, 1.0 / 64};
  for (size_t i = 0; i < 3; i++) {
    new_world(1, 0.01, 1);
    world.step = steps[i];
    assert_near(timer_resolution(&sampler.timer), fmax(steps[i], 25e-9), 1e-6);
  }
  double here = timer_resolution(&timer_system); // this machine's
  assert_true(here > 1e-10 && here < 0.1);
}

// Jumps of any size at any rate, over requests of any length.
static void a_clock_that_goes_back_gives_right_figures_or_none(void **state) {
  (void)state;
  int none = 0, given = 0;
  for (int seed = 1; seed <= 300; seed++) {
    new_world(1, 0.01, 2);
    world.random += (uint64_t)seed * 7919;
    world.request = exp(log(1e-7) + uniform() * log(1e6)); // 0.1 us to 0.1 s
    world.back_every = exp(log(1e-5) + uniform() * log(1e5));
    world.back_by = world.back_every * uniform() * 1.5;
    struct sampled s = measure();
    if (refused(&s)) {
      none++;
      continue;
    }
    given++;
    assert_near(s.median, world.request, 0.02);
  }
  assert_true(none > 100 && given > 10);
}

static void a_clock_that_stands_still_gives_none(void **state) {
  (void)state;
  for (int after = 0; after < 4; after++) { // at once, in the warm-up, among the samples
    new_world(1e-5, 0.0001, 1);
    world.noise = uniform;
    world.stands_from = 1 + after * 0.15;
    struct sampled s = measure();
    assert_true(refused(&s));
  }
}

// Two clocks that part: at least one of them is wrong.
static void a_clock_that_runs_fast_gives_none(void **state) {
  (void)state;
  new_world(1e-3, 0.01, 1);
  world.rate = 1.03;
  struct sampled s = measure();
  assert_true(refused(&s));
  new_world(1e-3, 0.01, 1);
  world.rate = 1.0004; // as NTP slews it
  s = measure();
  assert_near(s.median, 1e-3, 0.001);
}

// ---- when it stops ------------------------------------------------------------------------------

static double slightly(void) {
  return exp(0.05 * normal());
}
static double wildly(void) {
  return exp(normal());
}

static void stops_for_one_of_its_reasons(void **state) {
  (void)state;
  new_world(1e-3, 0.01, 10);
  world.noise = slightly;
  struct sampled s = measure();
  assert_string_equal(sampler.stop, "precision");
  assert_true(s.half_width <= 0.01 && s.samples > 10);
  assert_near(s.median, 1e-3, 0.02);
  new_world(1e-3, 0.01, 1);
  world.noise = wildly;
  s = measure();
  assert_string_equal(sampler.stop, "time");
  assert_true(s.half_width > 0.01);
  assert_true(sampler.spent >= 1 && sampler.spent < 1.1);
  new_world(30e-6, 1e-9, 10);
  world.noise = slightly;
  s = measure();
  assert_string_equal(sampler.stop, "count");
  assert_int_equal(s.samples, 16384);
  assert_true(s.min < s.ci_low && s.ci_low < s.median && s.median < s.ci_high && s.ci_high < s.p95);
}

// At least ten samples, unless one takes over a second; an exact world needs no more.
static void takes_enough_samples(void **state) {
  (void)state;
  static const struct {
    double request;
    int samples;
  } table[] = {{0.9, 10}, {1.1, 3}, {5, 3}, {0.3, 10}};
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    new_world(table[i].request, 0.01, 0.5);
    struct sampled s = measure();
    assert_int_equal(s.samples, table[i].samples);
    assert_string_equal(sampler.stop, s.samples < 6 ? "time" : "precision");
    assert_true(isnan(s.ci_low) == (s.samples < 6));
  }
  new_world(1e-3, 0.01, 0.5); // and goes on for a twentieth of its time
  measure();
  assert_true(sampler.spent >= 0.025 && sampler.spent < 0.035);
}

static void short_requests_come_in_batches(void **state) {
  (void)state;
  new_world(1e-6, 0.01, 0.5);
  struct sampled s = measure();
  assert_true(sampler.batch >= 20 && sampler.batch < 60);
  assert_near(s.median, 1e-6, 0.005);
  new_world(1e-6, 0.01, 0.5);
  sampler.subject.most = 10; // fewer than would be long enough
  s = measure();
  assert_true(refused(&s));
}

static void samples_what_is_warm(void **state) {
  (void)state;
  new_world(1e-3, 0.01, 4);
  world.slow_for = 0.1;
  struct sampled s = measure();
  assert_near(s.median, 1e-3, 0.005);
  assert_near(s.p95, 1e-3, 0.01);
  new_world(25e-6, 0.0001, 1); // what becomes faster later needs a larger batch
  world.noise = slightly;
  world.fast_from = 1.01;
  s = measure();
  assert_near(s.median, 2.5e-6, 0.02);
  assert_true(sampler.batch >= 8);
}

static int asked;
static bool give_up(void) {
  return ++asked > 40;
}

static void failures_and_giving_up_end_it(void **state) {
  (void)state;
  struct sampled s;
  for (int at = 1; at < 40; at++) {
    new_world(1e-3, 0.01, 1);
    world.fail_at = at;
    enum why_reason reason = sampler_run(&sampler);
    assert_int_equal(reason, world.batches < at ? WHY_OK : WHY_CALL_FAILED);
  }
  new_world(1e-3, 1e-6, 1);
  world.noise = wildly;
  asked = 0;
  sampler.stopped = give_up;
  assert_int_equal(sampler_run(&sampler), WHY_OK);
  sampler_result(&sampler, &s);
  assert_true(sampler.given_up && !s.samples && isnan(s.median));
}

// ---- disturbance --------------------------------------------------------------------------------

static void disturbed_samples_are_kept_and_replaced_once(void **state) {
  (void)state;
  new_world(1e-3, 0.01, 1);
  world.noise = slightly;
  world.disturb_every = 3;
  struct sampled s = measure();
  int marked = 0, long_ones = 0;
  assert_near(s.median, 1e-3, 0.02);
  assert_true(s.p95 < 1.3e-3); // nothing of what took five times as long
  assert_true(!s.on_all && s.disturbed > 0);
  for (int i = 0; i < sampler.samples; i++) {
    bool five = sampler.sample[i].seconds[PART_TOTAL] > 3e-3;
    assert_int_equal(five, sampler.sample[i].marks != 0);
    marked += sampler.sample[i].marks != 0;
    long_ones += five;
  }
  assert_int_equal(marked, s.disturbed);
  assert_int_equal(marked, long_ones);
  assert_int_equal(s.samples, sampler.samples);
  assert_true(sampler.replaced);

  // All of them: as many are taken again, once, and then it rests on all.
  new_world(1e-3, 0.01, 1);
  measure();
  int before = sampler.samples;
  new_world(1e-3, 0.01, 1);
  world.disturb_all = true;
  s = measure();
  assert_int_equal(s.samples, 2 * before);
  assert_int_equal(s.disturbed, s.samples);
  assert_true(s.on_all);
  assert_near(s.median, 1e-3, 0.001);

  // Noticed later, it holds for every sample since the last look.
  new_world(1e-3, 0.01, 1);
  world.noticed_late = true;
  s = measure();
  assert_true(s.disturbed > 10 && s.disturbed < 60 && !s.on_all);
  for (int i = 1; i < sampler.samples; i++) // the first ones, then no more
    assert_true(sampler.sample[i].marks <= sampler.sample[i - 1].marks);
}

// Replacing takes no more than the budget again.
static void replacing_ends(void **state) {
  (void)state;
  new_world(0.2, 0.0001, 1);
  world.noise = wildly;
  world.disturb_all = true;
  struct sampled s = measure();
  assert_string_equal(sampler.stop, "time");
  assert_true(s.samples >= 10 && sampler.spent < 2 + 2 * 10);
}

// ---- the same thing twice -----------------------------------------------------------------------

static double drift; // of the machine, common to both
static double quiet_noise(void) {
  return exp(0.02 * normal());
}
static double skewed_noise(void) {
  return 1 + 0.05 * exp(normal());
}
static double bimodal_noise(void) {
  return (uniform() < 0.3 ? 1.08 : 1) * exp(0.01 * normal());
}
static double outlier_noise(void) {
  return (uniform() < 0.05 ? 5 : 1) * exp(0.03 * normal());
}
static double drifting_noise(void) {
  drift += 0.0007 * normal();
  return exp(drift + 0.03 * normal());
}

// Interleaved, as two candidates that are to be compared would be: two samplers take turns. They
// differ where their intervals do not meet.
static void twice_the_same_is_the_same(void **state) {
  (void)state;
  static const struct {
    const char *name;
    double (*noise)(void);
    double median; // true one, of the noise
  } table[] = {{"quiet", quiet_noise, 1},
               {"skewed", skewed_noise, 1.05},
               {"bimodal", bimodal_noise, 0},
               {"outliers", outlier_noise, 0},
               {"drifting", drifting_noise, 0}};
  enum { CELLS = 400 };
  struct sampler other;
  assert_int_equal(sampler_open(&other), WHY_OK);
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    int meet = 0, holds = 0;
    uint64_t random = 1234567 + i;
    for (int cell = 0; cell < CELLS; cell++) {
      struct sampled a, b;
      new_world(1e-3, 0.01, 0.5);
      world.random = random;
      world.noise = table[i].noise;
      drift = 0;
      struct sample *owned = other.sample;
      double *scratch = other.scratch;
      other = sampler;
      other.sample = owned;
      other.scratch = scratch;
      assert_int_equal(sampler_begin(&sampler), WHY_OK);
      assert_int_equal(sampler_begin(&other), WHY_OK);
      while (!*sampler.stop || !*other.stop) {
        if (!*sampler.stop) assert_int_equal(sampler_step(&sampler), WHY_OK);
        if (!*other.stop) assert_int_equal(sampler_step(&other), WHY_OK);
      }
      sampler_result(&sampler, &a);
      sampler_result(&other, &b);
      assert_true(a.samples >= 10 && b.samples >= 10);
      meet += a.ci_low <= b.ci_high && b.ci_low <= a.ci_high;
      double right = table[i].median * world.request;
      holds += a.ci_low <= right && right <= a.ci_high;
      random = world.random;
    }
    print_message("%s: %.1f%% of %d pairs meet", table[i].name, 100.0 * meet / CELLS, CELLS);
    if (table[i].median > 0) print_message(", %.1f%% hold the truth", 100.0 * holds / CELLS);
    print_message("\n");
    assert_true(meet >= 0.95 * CELLS);
    if (table[i].median > 0) assert_true(holds >= 0.90 * CELLS);
  }
  sampler_close(&other);
}

static int open_sampler(void **state) {
  (void)state;
  return sampler_open(&sampler) ? -1 : 0;
}
static int close_sampler(void **state) {
  (void)state;
  sampler_close(&sampler);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(resolutions_are_found),
      cmocka_unit_test(a_coarse_clock_gives_right_figures_or_none),
      cmocka_unit_test(a_clock_that_goes_back_gives_right_figures_or_none),
      cmocka_unit_test(a_clock_that_stands_still_gives_none),
      cmocka_unit_test(a_clock_that_runs_fast_gives_none),
      cmocka_unit_test(stops_for_one_of_its_reasons),
      cmocka_unit_test(takes_enough_samples),
      cmocka_unit_test(short_requests_come_in_batches),
      cmocka_unit_test(samples_what_is_warm),
      cmocka_unit_test(failures_and_giving_up_end_it),
      cmocka_unit_test(disturbed_samples_are_kept_and_replaced_once),
      cmocka_unit_test(replacing_ends),
      cmocka_unit_test(twice_the_same_is_the_same),
  };
  return cmocka_run_group_tests(tests, open_sampler, close_sampler);
}
