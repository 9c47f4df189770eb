// The ceilings: values lie where any machine's do, figures are the ceilings that they should be, a
// device whose costs are known has them found, and one without a clock is left alone. What this
// machine reaches is nobody's claim here.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ceilings.h"
#include "ceilings_loops.h"
#include "clock.h"
#include "machine.h"
#include <cmocka.h>

static uint32_t features; // of this CPU

static int find_features(void **state) {
  (void)state;
  struct why_machine *machine;
  if (why_open(NULL, &machine) != WHY_OK) return -1;
  features = why_machine_device(machine, 0)->cpu_features;
  why_close(machine);
  return 0;
}

// All cores' second caches together, where the third is the last.
static void caches_before_the_last_are_known(void **state) {
  (void)state;
  const long second = sysconf(_SC_LEVEL2_CACHE_SIZE), third = sysconf(_SC_LEVEL3_CACHE_SIZE);
  struct why_facts host = {.host = 0};
  if (second <= 0 || third <= 0) skip();
  why_topology_host(&host);
  assert_true(host.cache_bytes >= (uint64_t)third);
  assert_true(host.core_cache_bytes >= (uint64_t)second);
}

static const struct why_ceiling *find(const struct ceilings *c, const char *name, int threads) {
  for (int i = 0; i < c->count; i++)
    if (!strcmp(c->ceiling[i].name, name) && c->ceiling[i].threads == threads)
      return &c->ceiling[i];
  return NULL;
}

static struct why_facts small_host(void) {
  return (struct why_facts){
      .host = 1, .multiprocessors = 1, .core_cache_bytes = 1 << 20, .cache_bytes = 8 << 20};
}

// Every name once for each thread count, each with a value that some machine could have.
static void host_ceilings_are_plausible(void **state) {
  (void)state;
  struct ceilings found = {.count = 0};
  struct why_facts host = small_host();
  host.multiprocessors = 2;
  host.cpu_features = features;
  assert_int_equal(ceilings_host(&host, CEILINGS_ALL, 0.1, &found), WHY_OK);
  struct flops_unit unit[FLOPS_UNITS];
  const int copies = sysconf(_SC_LEVEL1_DCACHE_SIZE) > 0 ? 5 : 4; // some systems do not say
  assert_int_equal(found.count, 2 * (flops_units(features, unit) + copies));
  for (int i = 0; i < found.count; i++) {
    const struct why_ceiling *c = &found.ceiling[i];
    assert_true(c->value > 1e7 && c->value < 1e14);
    assert_ptr_equal(find(&found, c->name, c->threads), c);
    assert_true(!strcmp(c->unit, strncmp(c->name, "fma-", 4) != 0 ? "byte/s" : "flop/s"));
  }
  for (int threads = 1; threads <= 2; threads++) { // twice the lanes
    assert_true(find(&found, "fma-f32-sse2", threads)->value >
                find(&found, "fma-f64-sse2", threads)->value);
    assert_true(find(&found, "copy-last-cache", threads)->bytes ==
                2 << 20); // a quarter of the last
  }
}

// Rows need a figure for each type and for each place that operands may be in, and no more.
static void few_ceilings_make_all_figures(void **state) {
  (void)state;
  struct ceilings few = {.count = 0};
  struct why_machine *machine;
  assert_int_equal(why_open(NULL, &machine), WHY_OK);
  struct why_facts host = small_host();
  host.cpu_features = features & ~(uint32_t)(WHY_CPU_AVX512_BF16 | WHY_CPU_AMX_BF16);
  const int copies = sysconf(_SC_LEVEL1_DCACHE_SIZE) > 0 ? 5 : 4;
  assert_int_equal(ceilings_host(&host, CEILINGS_FEW, 0.1, &few), WHY_OK);
  assert_int_equal(few.count, 2 + copies); // one core: its threads are all threads
  assert_int_equal(ceilings_keep(machine, 0, &few), WHY_OK);
  assert_int_equal(ceilings_keep(machine, 0, &few), WHY_OK); // again: in place of the first
  assert_int_equal(why_machine_ceilings(machine), few.count);
  const struct why_facts *f = why_machine_device(machine, 0);
  const double copy = find(&few, "copy-memory", 1)->value;
  const double past = find(&few, "copy-nontemporal", 1)->value;
  assert_true(f->memory_bps == fmax(copy, past));
  assert_true(f->cache_bps == find(&few, "copy-last-cache", 1)->value);
  assert_true(f->core_cache_bps == find(&few, "copy-core-cache", 1)->value);
  assert_true(f->flops[WHY_MATH_F32] == ceilings_best(machine, 0, "fma-f32-", 1));
  assert_true(f->flops[WHY_MATH_F64] == ceilings_best(machine, 0, "fma-f64-", 1));
  assert_true(f->flops[WHY_MATH_F16] == f->flops[WHY_MATH_F32]);  // converted
  assert_true(f->flops[WHY_MATH_BF16] == f->flops[WHY_MATH_F32]); // no units for it
  assert_string_equal(f->provenance, "measured");
  assert_true(ceilings_best(machine, 0, "fma-f32", 1) == 0); // no such name
  assert_true(ceilings_best(machine, 0, "fma-f32-", 3) == 0);
  why_close(machine);
}

// Figures of one machine, made up: which of its ceilings they are.
static void figures_are_the_right_ceilings(void **state) {
  (void)state;
  struct why_machine *machine;
  struct ceilings c = {.count = 0};
  assert_int_equal(why_open(NULL, &machine), WHY_OK);
  static const struct {
    const char *name;
    int threads;
    double value;
  } made[] = {
      {"fma-f32-avx2", 1, 9e12},   {"fma-f32-avx2", 8, 2e12},     {"fma-f32-avx512", 8, 1e12},
      {"fma-f16-avx512", 8, 4e12}, {"fma-bf16-amx", 8, 8e12},     {"fma-bf16-avx512", 8, 3e12},
      {"copy-memory", 8, 3e10},    {"copy-nontemporal", 8, 4e10}, {"copy-l1", 8, 9e11}};
  for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
    ceilings_add(&c, made[i].name, "flop/s", 0, made[i].value);
    c.ceiling[i].threads = made[i].threads;
  }
  ceilings_add(&c, "not measured", "s", 0, NAN); // and so not there
  ceilings_add(&c, "not measured", "s", 0, 0);
  assert_int_equal(c.count, sizeof made / sizeof *made);
  assert_int_equal(ceilings_keep(machine, 0, &c), WHY_OK);
  const struct why_facts *f = why_machine_device(machine, 0);
  assert_true(f->flops[WHY_MATH_F32] == 2e12 && f->flops[WHY_MATH_F16] == 2e12);
  assert_true(f->flops[WHY_MATH_BF16] == 8e12 && f->flops[WHY_MATH_F64] == 0);
  assert_true(f->memory_bps == 4e10 && f->cache_bps == 0 && f->core_cache_bps == 0);
  why_close(machine);
}

static void last_cache_set_is_neither_near_nor_shared(void **state) {
  (void)state;
  static const uint64_t mib = 1 << 20;
  const struct {
    uint64_t core, last, expected; // MiB
  } row[] = {{4, 260, 16}, {8, 96, 24}, {1, 8, 2}, {8, 32, 16}, {16, 32, 0}, {0, 8, 2}, {0, 0, 0}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    const struct why_facts host = {.core_cache_bytes = row[i].core * mib,
                                   .cache_bytes = row[i].last * mib};
    assert_int_equal(ceilings_last_cache_bytes(&host), row[i].expected * mib);
  }
}

static void multiply_adds_are_done_and_counted(void **state) {
  (void)state;
  struct flops_unit unit[FLOPS_UNITS];
  const int units = flops_units(features, unit);
  assert_true(units >= 2);
  for (int i = 0; i < units; i++) {
    double none, once, often;
    assert_true(unit[i].loop(0, &none) == 0);
    const double one = unit[i].loop(1, &once), many = unit[i].loop(1000, &often);
    assert_true(one > 0 && many == 1000 * one);
    if (unit[i].math == WHY_MATH_BF16) { // 1 x 1 added for each multiply-add
      assert_true(none == 0 && once == one / 2 && often == many / 2);
    } else { // x = x * 0.999 + 0.001 keeps 1
      assert_true(fabs(once - one / 2) < 1e-3 * once && fabs(often - one / 2) < 1e-3 * often);
    }
  }
}

// Units that a CPU lacks are not used; the widest of a type comes last.
static void units_are_those_of_the_cpu(void **state) {
  (void)state;
  struct flops_unit none[FLOPS_UNITS], all[FLOPS_UNITS];
  assert_int_equal(flops_units(0, none), 2);
  assert_string_equal(none[0].name, "f64-sse2");
  assert_string_equal(none[1].name, "f32-sse2");
  const int units = flops_units(features, all);
  assert_int_equal(flops_units(features & WHY_CPU_AVX2, none), features & WHY_CPU_AVX2 ? 4 : 2);
  for (int i = 0; i < units; i++) {
    const char *set = strchr(all[i].name, '-') + 1;
    assert_int_equal(
        strncmp(all[i].name, why_math_name(all[i].math), (size_t)(set - all[i].name - 1)), 0);
    if (!strcmp(set, "avx2")) assert_true(features & WHY_CPU_AVX2);
    if (!strcmp(set, "avx512")) assert_true(features & WHY_CPU_AVX512);
    if (!strcmp(set, "amx")) assert_true(features & WHY_CPU_AMX_BF16);
    if (i > 0) assert_true(all[i].math >= all[i - 1].math);
  }
}

static void copies_copy(void **state) {
  (void)state;
  unsigned char *from = aligned_alloc(64, 1024), *to = aligned_alloc(64, 1024);
  assert_non_null(from);
  assert_non_null(to);
  for (int i = 0; i < 1024; i++) from[i] = (unsigned char)(i * 7);
  const uint32_t use[] = {0, features & WHY_CPU_AVX2, features};
  for (int i = 0; i < 6; i++) {
    memset(to, 0, 1024);
    (i % 2 ? copy_loop_nontemporal : copy_loop_cached)(use[i / 2])(to, from, 960);
    assert_memory_equal(to, from, 960);
    for (int i = 960; i < 1024; i++) assert_int_equal(to[i], 0);
  }
  free(to);
  free(from);
}

static struct why_device *host_device(void) {
  struct why_verdict verdict = {.note = "", .cause = ""};
  assert_int_equal(why_plain_backend.open(&why_plain_backend, &verdict), WHY_OK);
  return why_plain_backend.device;
}

static size_t largest;
static int held;
static enum why_reason (*real_alloc)(struct why_device *, size_t, enum why_memory, void **);
static void (*real_free)(struct why_device *, enum why_memory, void *);
static enum why_reason little_memory(struct why_device *device, size_t bytes, enum why_memory kind,
                                     void **out) {
  *out = NULL;
  if (bytes > largest) return WHY_ALLOC_FAILED;
  const enum why_reason reason = real_alloc(device, bytes, kind, out);
  held += reason == WHY_OK;
  return reason;
}
static void count_free(struct why_device *device, enum why_memory kind, void *data) {
  held--;
  real_free(device, kind, data);
}
static double no_clock(struct why_device *device, int first, int last) {
  (void)device;
  (void)first;
  (void)last;
  return NAN;
}
static enum why_reason fail_copy(struct why_device *device, int queue, void *dst, size_t dst_pitch,
                                 const void *src, size_t src_pitch, size_t row_bytes, size_t rows) {
  (void)device, (void)queue, (void)dst, (void)dst_pitch;
  (void)src, (void)src_pitch, (void)row_bytes, (void)rows;
  return WHY_CALL_FAILED;
}

static struct why_device counted(size_t most_bytes) {
  struct why_device device = *host_device();
  real_alloc = device.alloc;
  real_free = device.free;
  device.alloc = little_memory;
  device.free = count_free;
  largest = most_bytes;
  held = 0;
  return device;
}

// By the host's own memory: whatever the speed, everything is measured and given back.
static void device_ceilings_come_with_little_memory(void **state) {
  (void)state;
  struct why_device device = counted(8 << 20);
  struct ceilings few = {.count = 0}, all = {.count = 0};
  device.facts.cache_bytes = 1 << 20;
  assert_int_equal(ceilings_device(&device, CEILINGS_FEW, seconds_now, &few), WHY_OK);
  assert_int_equal(held, 0);
  static const char *const name[] = {"latency-in", "copy-in-pinned", "copy-out-pinned",
                                     "copy-device", "copy-last-cache"};
  for (size_t i = 0; i < sizeof name / sizeof *name; i++) assert_non_null(find(&few, name[i], 0));
  assert_true(find(&few, "copy-in-pinned", 0)->bytes == 4 << 20);
  assert_true(find(&few, "copy-device", 0)->bytes == 8 << 20); // source and target
  for (int i = 0; i < few.count; i++) assert_true(few.ceiling[i].value > 0);
  assert_int_equal(ceilings_device(&device, CEILINGS_ALL, seconds_now, &all), WHY_OK);
  assert_int_equal(held, 0);
  int sizes = 0;
  for (int i = 0; i < all.count; i++)
    if (!strcmp(all.ceiling[i].name, "copy-both-pinned")) sizes++;
  assert_int_equal(sizes, 6); // 4 KiB to 4 MiB
}

// ---- a device whose every cost is known ---------------------------------------------------------

static double fake_seconds, fake_mark[WHY_MARKS];
static double fake_now(void) {
  return fake_seconds;
}
static enum why_reason fake_bind(struct why_device *device) {
  (void)device;
  return WHY_OK;
}
// 2 us a call; 10 GB/s in, 5 GB/s out, 100 GB/s within; half of that from memory not pinned.
static const char *fake_pinned[8];
static int fake_pins;
static enum why_reason fake_alloc(struct why_device *device, size_t bytes, enum why_memory kind,
                                  void **out) {
  const enum why_reason reason = little_memory(device, bytes, kind, out);
  if (reason == WHY_OK && kind == WHY_PINNED_HOST) fake_pinned[fake_pins++] = *out;
  return reason;
}
static bool is_pinned(const void *host) {
  for (int i = 0; i < fake_pins; i++)
    if (fake_pinned[i] == host) return true;
  return false;
}
static enum why_reason fake_copy(struct why_device *device, int queue, void *dst, size_t dst_pitch,
                                 const void *src, size_t src_pitch, size_t row_bytes, size_t rows) {
  (void)device, (void)dst_pitch, (void)src_pitch;
  assert_int_equal(rows, 1);
  double bps = queue == WHY_COPY_IN ? 10e9 : queue == WHY_COPY_OUT ? 5e9 : 100e9;
  const void *host = queue == WHY_COPY_IN ? src : queue == WHY_COPY_OUT ? dst : NULL;
  if (host && !is_pinned(host)) bps /= 2;
  fake_seconds += 2e-6 + (double)row_bytes / bps;
  return WHY_OK;
}
static enum why_reason fake_mark_it(struct why_device *device, int queue, int mark) {
  (void)device, (void)queue;
  fake_mark[mark] = fake_seconds += 1e-6;
  return WHY_OK;
}
static enum why_reason fake_until(struct why_device *device, int mark, double seconds) {
  (void)device, (void)mark, (void)seconds;
  fake_seconds += 5e-6;
  return WHY_OK;
}
static double fake_between(struct why_device *device, int first, int last) {
  (void)device;
  return fake_mark[last] - fake_mark[first];
}

static double fake_rate(const struct ceilings *c, const char *name, uint64_t bytes) {
  for (int i = 0; i < c->count; i++)
    if (!strcmp(c->ceiling[i].name, name) && c->ceiling[i].bytes == bytes)
      return c->ceiling[i].value;
  fail_msg("%s of %llu bytes was not measured", name, (unsigned long long)bytes);
  return NAN;
}

static void close_to(double value, double expected) {
  if (!(fabs(value - expected) <= 1e-6 * expected)) fail_msg("%g is not %g", value, expected);
}

static void known_costs_are_found(void **state) {
  (void)state;
  struct why_device device = counted(1 << 20);
  struct ceilings c = {.count = 0};
  device.bind = fake_bind;
  device.alloc = fake_alloc;
  device.copy = fake_copy;
  device.mark = fake_mark_it;
  device.until = fake_until;
  device.between = fake_between;
  device.facts.cache_bytes = 256 << 10;
  fake_pins = 0;
  assert_int_equal(ceilings_device(&device, CEILINGS_ALL, fake_now, &c), WHY_OK);
  close_to(fake_rate(&c, "launch", 0), 1e-6);                           // the second mark
  close_to(fake_rate(&c, "latency-in", 1), 2e-6 + 1e-10 + 1e-6 + 5e-6); // copy, mark, wait
  close_to(fake_rate(&c, "latency-out", 1), 2e-6 + 2e-10 + 1e-6 + 5e-6);
  for (uint64_t n = 4096; n <= 1 << 20; n *= 4) { // a call and the mark behind it in each
    const double bytes = (double)n;
    close_to(fake_rate(&c, "copy-in-pinned", n), bytes / (3e-6 + bytes / 10e9));
    close_to(fake_rate(&c, "copy-out-pinned", n), bytes / (3e-6 + bytes / 5e9));
    close_to(fake_rate(&c, "copy-in-pageable", n), bytes / (3e-6 + bytes / 5e9));
    close_to(fake_rate(&c, "copy-out-pageable", n), bytes / (3e-6 + bytes / 2.5e9));
    close_to(fake_rate(&c, "copy-both-pinned", n), // one after the other, on this device
             2 * bytes / (6e-6 + bytes / 10e9 + bytes / 5e9));
  }
  const double whole = 1 << 20, part = 64 << 10;
  close_to(fake_rate(&c, "copy-device", 2 << 20), 2 * whole / (3e-6 + whole / 100e9));
  close_to(fake_rate(&c, "copy-last-cache", 128 << 10),
           32 * 2 * part / (1e-6 + 32 * (2e-6 + part / 100e9)));
}

static void device_that_cannot_adds_nothing(void **state) {
  (void)state;
  struct ceilings c = {.count = 0};
  struct why_device device = counted(1000); // less than the least buffer
  assert_int_equal(ceilings_device(&device, CEILINGS_ALL, seconds_now, &c), WHY_ALLOC_FAILED);
  assert_int_equal(c.count, 0);
  device = counted(8 << 20);
  device.copy = fail_copy;
  assert_int_equal(ceilings_device(&device, CEILINGS_ALL, seconds_now, &c), WHY_CALL_FAILED);
  assert_int_equal(c.count, 0);
  assert_int_equal(held, 0);
  device = counted(8 << 20);
  device.between = no_clock;
  assert_int_equal(ceilings_device(&device, CEILINGS_ALL, seconds_now, &c), WHY_OK);
  assert_int_equal(c.count, 0);
  assert_int_equal(held, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(caches_before_the_last_are_known),
      cmocka_unit_test(host_ceilings_are_plausible),
      cmocka_unit_test(few_ceilings_make_all_figures),
      cmocka_unit_test(figures_are_the_right_ceilings),
      cmocka_unit_test(last_cache_set_is_neither_near_nor_shared),
      cmocka_unit_test(multiply_adds_are_done_and_counted),
      cmocka_unit_test(units_are_those_of_the_cpu),
      cmocka_unit_test(copies_copy),
      cmocka_unit_test(device_ceilings_come_with_little_memory),
      cmocka_unit_test(known_costs_are_found),
      cmocka_unit_test(device_that_cannot_adds_nothing),
  };
  return cmocka_run_group_tests(tests, find_features, NULL);
}
