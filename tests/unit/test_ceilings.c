// The ceilings: the figures lie where any machine's do, they depend on what they are said to, and
// a device without a clock is left alone. What the figures are is nobody's claim here.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "ceilings_loops.h"
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

static void host_figures_are_plausible(void **state) {
  (void)state;
  struct ceilings found;
  assert_int_equal(ceilings_measure(1, 0, 0.2, &found), WHY_OK);
  for (int i = 0; i < WHY_MATH_COUNT; i++)
    assert_true(found.flops[i] > 1e8 && found.flops[i] < 1e13);
  assert_true(found.flops[WHY_MATH_F32] > found.flops[WHY_MATH_F64]); // twice the lanes
  assert_true(found.flops[WHY_MATH_BF16] == found.flops[WHY_MATH_F32]);
  assert_true(found.memory_bps > 1e8 && found.memory_bps < 1e13);
  assert_true(found.nontemporal_bps > 1e8 && found.nontemporal_bps < 1e13);
}

static void multiply_adds_are_done_and_counted(void **state) {
  (void)state;
  flops_loop *const loop[] = {flops_loop_f32(), flops_loop_f64()};
  for (int i = 0; i < 2; i++) {
    double once, often;
    const double one = loop[i](1, &once), many = loop[i](1000, &often);
    assert_true(one > 0 && many == 1000 * one);
    assert_true(fabs(once - one / 2) < 1e-3 * once); // x = x * 0.999 + 0.001 keeps 1
    assert_true(fabs(often - one / 2) < 1e-3 * often);
  }
}

// Units that a CPU lacks are not used, and where there are none its vectors' rate holds.
static void bf16_units_are_those_of_the_cpu(void **state) {
  (void)state;
  const uint32_t units = features & (WHY_CPU_AMX_BF16 | WHY_CPU_AVX512_BF16);
  flops_loop *const all = flops_loop_bf16(features);
  flops_loop *const vectors = flops_loop_bf16(features & ~(uint32_t)WHY_CPU_AMX_BF16);
  flops_loop *const tiles = flops_loop_bf16(features & ~(uint32_t)WHY_CPU_AVX512_BF16);
  assert_null(flops_loop_bf16(0));
  assert_null(flops_loop_bf16(features & ~units));
  if (!(features & WHY_CPU_AVX512_BF16)) assert_null(vectors);
  if (!(features & WHY_CPU_AMX_BF16)) assert_null(tiles);
  assert_true(all == (tiles != NULL ? tiles : vectors)); // tiles first
  assert_true(tiles == NULL || tiles != vectors);
}

static void bf16_products_are_done_and_counted(void **state) {
  (void)state;
  const uint32_t unit[] = {WHY_CPU_AMX_BF16, WHY_CPU_AVX512_BF16};
  int done = 0;
  for (int i = 0; i < 2; i++) {
    flops_loop *loop = flops_loop_bf16(features & unit[i]);
    if (loop == NULL) continue;
    double none, once, often;
    assert_true(loop(0, &none) == 0 && none == 0);
    const double one = loop(1, &once), many = loop(1000, &often);
    assert_true(one > 0 && many == 1000 * one);
    assert_true(once == one / 2 && often == many / 2); // 1 x 1 added for each multiply-add
    done++;
  }
  if (done == 0) skip();
}

static void bf16_ceiling_is_that_of_the_units(void **state) {
  (void)state;
  struct ceilings found;
  if (flops_loop_bf16(features) == NULL) skip();
  assert_int_equal(ceilings_measure(1, features, 0.2, &found), WHY_OK);
  assert_true(found.flops[WHY_MATH_F16] == found.flops[WHY_MATH_F32]);
  assert_true(found.flops[WHY_MATH_BF16] >= found.flops[WHY_MATH_F32]);
  if (flops_loop_bf16(features & WHY_CPU_AMX_BF16) != NULL) // a tile's row alone is one vector
    assert_true(found.flops[WHY_MATH_BF16] > 2 * found.flops[WHY_MATH_F32]);
  assert_true(found.flops[WHY_MATH_BF16] < 1e13);
}

static void copies_copy(void **state) {
  (void)state;
  unsigned char *from = aligned_alloc(64, 1024), *to = aligned_alloc(64, 1024);
  assert_non_null(from);
  assert_non_null(to);
  for (int i = 0; i < 1024; i++) from[i] = (unsigned char)(i * 7);
  for (int past = 0; past < 2; past++) {
    memset(to, 0, 1024);
    (past ? copy_nontemporal : copy_cached)(to, from, 960);
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

static void device_figures_come_with_little_memory(void **state) {
  (void)state;
  struct why_device device = counted(8 << 20);
  struct why_facts facts = {.flops = {7}};
  assert_int_equal(ceilings_device(&device, &facts), WHY_OK);
  assert_int_equal(held, 0);
  assert_true(facts.in_bps > 1e7 && facts.out_bps > 1e7 && facts.memory_bps > 1e7);
  assert_true(facts.latency_seconds > 0 && facts.latency_seconds < 1);
  assert_true(facts.launch_seconds >= 0 && facts.launch_seconds < 1);
  assert_string_equal(facts.provenance, "measured");
  assert_true(facts.flops[0] == 7);
}

static void device_that_cannot_leaves_figures_alone(void **state) {
  (void)state;
  const struct why_facts before = {.in_bps = 5, .provenance = "published"};
  struct why_facts facts = before;
  struct why_device device = counted(1000); // less than the least buffer
  assert_int_equal(ceilings_device(&device, &facts), WHY_ALLOC_FAILED);
  assert_memory_equal(&facts, &before, sizeof facts);
  device = counted(8 << 20);
  device.copy = fail_copy;
  assert_int_equal(ceilings_device(&device, &facts), WHY_CALL_FAILED);
  assert_memory_equal(&facts, &before, sizeof facts);
  assert_int_equal(held, 0);
  device = counted(8 << 20);
  device.between = no_clock;
  assert_int_equal(ceilings_device(&device, &facts), WHY_OK);
  assert_memory_equal(&facts, &before, sizeof facts);
  assert_int_equal(held, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(host_figures_are_plausible),
      cmocka_unit_test(multiply_adds_are_done_and_counted),
      cmocka_unit_test(bf16_units_are_those_of_the_cpu),
      cmocka_unit_test(bf16_products_are_done_and_counted),
      cmocka_unit_test(bf16_ceiling_is_that_of_the_units),
      cmocka_unit_test(copies_copy),
      cmocka_unit_test(device_figures_come_with_little_memory),
      cmocka_unit_test(device_that_cannot_leaves_figures_alone),
  };
  return cmocka_run_group_tests(tests, find_features, NULL);
}
