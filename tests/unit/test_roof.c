// Roofs: the least time by ceilings that are known, each level of the memory at its own edge, and
// no percentage where a ceiling was not measured with just these threads.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "fixture.h"
#include "roof.h"
#include <cmocka.h>

// softmax f32 moves 8 bytes an element.
static struct why_problem moving(int64_t bytes) {
  char text[96];
  struct why_problem p;
  struct why_error error;
  snprintf(text, sizeof text, "softmax rows=%lld cols=16", (long long)(bytes / 128));
  assert_int_equal(why_problem_parse(text, &p, &error), WHY_OK);
  assert_true(p.op->bytes(&p) == (double)bytes);
  return p;
}

enum { KIB = 1 << 10, MIB = 1 << 20 };

// 8 cores; with one thread a quarter of what all have, so that nothing is in proportion.
static struct why_machine *open_measured(void) {
  struct why_machine *m = fixture_open();
  struct ceilings c = {.count = 0};
  static const struct {
    const char *name;
    uint64_t bytes;
    double value;
  } row[] = {{"fma-f32-avx2", 0, 8e12},           {"fma-f64-avx2", 0, 4e12},
             {"copy-l1", 128 * KIB, 64e9},        {"copy-core-cache", 4 * MIB, 32e9},
             {"copy-last-cache", 16 * MIB, 16e9}, {"copy-memory", 512 * MIB, 4e9},
             {"copy-nontemporal", 512 * MIB, 8e9}};
  for (size_t i = 0; i < 2 * (sizeof row / sizeof *row); i++) {
    const bool one = i % 2;
    ceilings_add(&c, row[i / 2].name, "-", one ? row[i / 2].bytes / 8 : row[i / 2].bytes,
                 one ? row[i / 2].value / 4 : row[i / 2].value);
    c.ceiling[c.count - 1].threads = one ? 1 : 8;
  }
  m->facts[0].multiprocessors = 8;
  m->facts[0].core_cache_bytes = 8 * MIB;
  m->facts[0].cache_bytes = 64 * MIB;
  assert_int_equal(ceilings_keep(m, 0, &c), WHY_OK);
  return m;
}

static void close_to(double value, double expected) {
  if (!(fabs(value - expected) <= 1e-9 * expected)) fail_msg("%g is not %g", value, expected);
}

static void each_level_has_its_rate(void **state) {
  (void)state;
  struct why_machine *m = open_measured();
  const struct {
    int64_t bytes;
    double seconds; // with 8 threads, hot
    bool cached;
  } row[] = {
      {256 * KIB, 256 * KIB / 64e9, true}, // the first cache is twice what was copied in it
      {512 * KIB, 256 * KIB / 64e9 + 256 * KIB / 32e9, true},
      {8 * MIB, 256 * KIB / 64e9 + (8 * MIB - 256 * KIB) / 32e9, true},
      {32 * MIB, 256 * KIB / 64e9 + (8 * MIB - 256 * KIB) / 32e9 + 24 * MIB / 16e9, true},
      {128 * MIB,
       256 * KIB / 64e9 + (8 * MIB - 256 * KIB) / 32e9 + 56 * MIB / 16e9 + 64 * MIB / 8e9, false},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct why_problem p = moving(row[i].bytes);
    struct roof hot = roof_of(m, 0, &p, WHY_HOT, 0), cold = roof_of(m, 0, &p, WHY_COLD, 8);
    close_to(hot.memory, row[i].seconds);
    close_to(cold.memory, (double)row[i].bytes / 8e9); // past the caches is the faster copy
    close_to(hot.compute, p.op->flops(&p) / 8e12);
    assert_true(hot.exact && cold.exact);
    assert_true(hot.cached == row[i].cached && !cold.cached);
    assert_true(roof_seconds(&hot) == fmax(hot.compute, hot.memory));
    assert_string_equal(roof_bound(&hot, 0, 1, 0), row[i].cached ? "cpu" : "memory");
    assert_string_equal(roof_bound(&cold, 0, 1, 0), "memory");
  }
  fixture_close(m);
}

static void threads_have_their_own_ceilings(void **state) {
  (void)state;
  struct why_machine *m = open_measured();
  struct why_problem p = moving(32 * KIB);
  struct roof one = roof_of(m, 0, &p, WHY_HOT, 1), two = roof_of(m, 0, &p, WHY_HOT, 2);
  close_to(one.memory, 32 * KIB / 16e9);
  close_to(one.compute, p.op->flops(&p) / 2e12);
  assert_true(one.exact && !two.exact);
  close_to(two.compute, p.op->flops(&p) / 2e12); // 2 of 8 cores
  p = moving(2 * MIB);                           // 1 MiB is one core's
  one = roof_of(m, 0, &p, WHY_HOT, 1);
  close_to(one.memory, 32 * KIB / 16e9 + (MIB - 32 * KIB) / 8e9 + MIB / 4e9);
  fixture_close(m);
}

// Published figures have no caches' rates: nothing is claimed of what lies there, but its bound.
static void unknown_levels_make_no_percentage(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_facts *f = &m->facts[0];
  f->core_cache_bps = f->cache_bps = 0;
  f->memory_bps = 1e10;
  f->flops[WHY_MATH_F32] = 1e12;
  f->core_cache_bytes = MIB;
  f->cache_bytes = 8 * MIB;
  strcpy(f->provenance, "measured");
  struct why_problem small = moving(4 * MIB), large = moving(512 * MIB);
  struct roof roof = roof_of(m, 0, &small, WHY_HOT, 0);
  assert_true(!roof.exact && roof.cached);
  close_to(roof.memory, 4 * MIB / 1e10);
  assert_string_equal(roof_bound(&roof, 0, 1, 0), "cpu");
  roof = roof_of(m, 0, &small, WHY_COLD, 0);
  assert_true(roof.exact);
  f->cache_bps = 2e10;
  roof = roof_of(m, 0, &large, WHY_HOT, 0); // a part of it lies in the cores' caches
  assert_false(roof.exact);
  f->core_cache_bps = 4e10;
  roof = roof_of(m, 0, &large, WHY_HOT, 0);
  assert_true(roof.exact);
  strcpy(f->provenance, "published");
  roof = roof_of(m, 0, &large, WHY_HOT, 0);
  assert_false(roof.exact);
  f->memory_bps = 0;
  roof = roof_of(m, 0, &large, WHY_HOT, 0);
  assert_true(isnan(roof_seconds(&roof)));
  assert_string_equal(roof_bound(&roof, 0, 1, 0), "");
  fixture_close(m);
}

static void a_gpu_has_two_levels_at_most(void **state) {
  (void)state;
  struct why_machine *m = fixture_open();
  struct why_facts *f = &m->facts[FIXTURE_GPU];
  f->memory_bps = 4e12;
  f->cache_bps = 0;
  f->cache_bytes = 32 * MIB;
  f->flops[WHY_MATH_F32] = 5e13;
  strcpy(f->provenance, "measured");
  struct why_problem p = moving(64 * MIB);
  struct roof roof = roof_of(m, FIXTURE_GPU, &p, WHY_HOT, 1); // the CPU's threads are nothing to it
  close_to(roof.memory, 64 * MIB / 4e12);
  assert_true(roof.exact && !roof.cached);
  f->cache_bps = 8e12;
  roof = roof_of(m, FIXTURE_GPU, &p, WHY_HOT, 1);
  close_to(roof.memory, 32 * MIB / 8e12 + 32 * MIB / 4e12);
  assert_string_equal(roof_bound(&roof, 0, 1, 0), "memory");
  roof = roof_of(m, FIXTURE_GPU, &p, WHY_COLD, 1);
  close_to(roof.memory, 64 * MIB / 4e12);
  assert_string_equal(roof_bound(&roof, 2, 1, 0), "transfer");
  assert_string_equal(roof_bound(&roof, 0, 1, 0.6), "launch");
  assert_string_equal(roof_bound(&roof, 0, NAN, 0), "");
  fixture_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_level_has_its_rate),
      cmocka_unit_test(threads_have_their_own_ceilings),
      cmocka_unit_test(unknown_levels_make_no_percentage),
      cmocka_unit_test(a_gpu_has_two_levels_at_most),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
