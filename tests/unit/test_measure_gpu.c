// Measuring on a GPU, on the emulated one with hands on it: it counts as real, its marks tell
// made-up times by the launches between them, and a fake NVML is its driver's. What a row says then
// of short launches, cold caches, throttling and energy.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "emulation/control.h"
#include "machine.h"
#include "sweep.h"
#include <cmocka.h>
#include <dlfcn.h>
#include <math.h>
#include <unistd.h>

enum { CACHE_BYTES = 1 << 20 };

static struct why_machine *machine;
static struct why_device *gpu, own; // own: what the backend made it of
static long (*launches)(enum emu_kind);
static uint64_t (*used_bytes)(void);
static long launched[WHY_MARKS];
static uint64_t scratch_bytes;
static long evictions, refuse_scratch;
static char scenario_path[64];

static enum why_reason mark(struct why_device *d, int queue, int which) {
  launched[which] = launches(EMU_LAUNCH);
  return own.mark(d, queue, which);
}

// 3 us a launch, and one for the marks.
static double between(struct why_device *d, int first, int last) {
  (void)d;
  return 1e-6 + 3e-6 * (double)(launched[last] - launched[first]);
}

static enum why_reason alloc(struct why_device *d, size_t bytes, enum why_memory memory,
                             void **out) {
  if (bytes >= CACHE_BYTES) {
    scratch_bytes = bytes;
    if (refuse_scratch) return WHY_ALLOC_FAILED;
  }
  return own.alloc(d, bytes, memory, out);
}

static enum why_reason copy(struct why_device *d, int queue, void *dst, size_t dst_pitch,
                            const void *src, size_t src_pitch, size_t row_bytes, size_t rows) {
  evictions += row_bytes * rows == CACHE_BYTES;
  return own.copy(d, queue, dst, dst_pitch, src, src_pitch, row_bytes, rows);
}

static void scenario(const char *text) {
  FILE *file = fopen(scenario_path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int take(void *to, const struct suite_case *item, const struct csv_row *row, bool on_gpu) {
  struct csv_row *out = to;
  static char disturbance[512], throttle[80], note[256];
  (void)item;
  if (!on_gpu || !strcmp(row->status, "refused") || out->status) return 0;
  snprintf(disturbance, sizeof disturbance, "%s", row->disturbance ? row->disturbance : "");
  snprintf(throttle, sizeof throttle, "%s", row->throttle ? row->throttle : "");
  snprintf(note, sizeof note, "%s", row->note ? row->note : "");
  *out = *row;
  out->disturbance = disturbance;
  out->throttle = throttle;
  out->note = note;
  return 0;
}

// The row of the kernel that ran on the GPU.
static struct csv_row measured_as(enum why_submit submit, enum why_cache cache, double seconds) {
  static const char problem[] = "softmax rows=8 cols=64\n";
  struct suite suite;
  struct why_error error;
  struct sweep_result result;
  struct csv_row row = {0};
  struct options options = {.policies = 1,
                            .transfers = 1,
                            .caches = 1,
                            .submits = 1,
                            .memories = 1,
                            .thread_counts = 1,
                            .iteration_counts = 1,
                            .iterations = {2},
                            .kernel = ""};
  options.memory[0].bytes = WHY_UNLIMITED;
  options.policy[0].policy = WHY_GPU_FIRST;
  options.cache[0] = cache;
  options.submit[0] = submit;
  FILE *file = fmemopen((void *)problem, strlen(problem), "r");
  assert_int_equal(suite_read(file, "test", &suite, &error), WHY_OK);
  fclose(file);
  struct sweep sweep = {machine,      &options, &suite, 1, {{0.5, seconds, true}, "none", 10, 1},
                        {take, &row}, "test"};
  evictions = 0;
  sweep_run(&sweep, &result);
  suite_free(&suite);
  assert_int_equal(result.error, 0);
  assert_non_null(row.status);
  return row;
}

static struct csv_row measured(enum why_cache cache, double seconds) {
  return measured_as(WHY_CALLS, cache, seconds);
}

static void short_launches_are_timed_many_at_a_time(void **state) {
  (void)state;
  scenario("mhz 1755\n");
  struct csv_row row = measured(WHY_HOT, 0.05);
  assert_string_equal(row.status, "chosen");
  assert_string_equal(row.source, "measured");
  // A request is two launches of 3 us between marks that cost 1 us: 3.5 us each, so that six are
  // timed together, at 3 + 1/6 us.
  assert_true(fabs(row.work_s - 2 * (3e-6 + 1e-6 / 6)) < 1e-12);
  assert_true(fabs(row.copy_in_s - 1e-6) < 1e-12); // as the marks say
  assert_int_equal(evictions, 0);
  assert_true(row.gpu_hz == 1.755e9 && isnan(row.gpu_watts) && isnan(row.energy_j));
}

// A request is one launch, of a graph of two: 3 us, and 1 us for the marks. At 2 us a call ten are
// timed together, as a graph too, whose launch is once more one.
static void a_graph_is_one_launch(void **state) {
  (void)state;
  struct csv_row row = measured_as(WHY_GRAPH, WHY_HOT, 0.05);
  assert_string_equal(row.status, "chosen");
  assert_string_equal(row.source, "measured");
  assert_string_equal(row.submit, "graph");
  const double together = 2 * 4e-6 / row.work_s; // 11, where 20 us / 2 us is a bit more than 10
  assert_true(fabs(together - 10) < 1e-6 || fabs(together - 11) < 1e-6);
  row = measured_as(WHY_GRAPH, WHY_COLD, 0.05); // each job of a batch has its own, made beforehand
  assert_string_equal(row.status, "chosen");
  assert_true(fabs(row.work_s - 4e-6) < 1e-12);
}

static void cold_empties_the_devices_cache(void **state) {
  (void)state;
  uint64_t before = used_bytes();
  struct csv_row row = measured(WHY_COLD, 0.05);
  assert_string_equal(row.status, "chosen");
  assert_string_equal(row.cache, "cold");
  assert_true(fabs(row.work_s - 7e-6) < 1e-12); // of one request: the second launch would be warm
  assert_int_equal(scratch_bytes, 2 * CACHE_BYTES);
  assert_true(evictions >= row.samples);
  assert_int_equal(used_bytes(), before);
  refuse_scratch = 1; // what cannot be made cold has no cold time
  row = measured(WHY_COLD, 0.05);
  refuse_scratch = 0;
  assert_string_equal(row.status, "failed");
  assert_string_equal(row.reason, "ALLOC_FAILED");
  assert_true(isnan(row.median_s) && strstr(row.note, "cache"));
  assert_int_equal(used_bytes(), before);
}

static void throttling_and_energy_are_in_the_row(void **state) {
  (void)state;
  scenario("mhz 1300\nmilliwatts 300000\ncelsius 84\nreasons 0x24\nmillijoules 5\n"
           "milliwatts_clock 1\n");
  struct csv_row row = measured(WHY_HOT, 1.2);
  assert_string_equal(row.throttle, "sw-power-cap sw-thermal");
  assert_int_equal(row.disturbed, row.samples);
  assert_non_null(strstr(row.disturbance, "GPU throttled sw-power-cap sw-thermal"));
  assert_true(!strncmp(row.disturbance, "too many to leave out: ", 23));
  assert_true(row.gpu_watts == 300 && row.gpu_celsius == 84 && row.gpu_hz == 1.3e9);
  // At 300 W. The counter's steps and other work on the machine are in it.
  if (!isnan(row.energy_j)) assert_in_range((long)(row.energy_j / row.median_s), 150, 900);
  print_message("%.3g J in %.3g s\n", row.energy_j, row.median_s);
  scenario("mhz 1755\nreasons 0x1\n");
  row = measured(WHY_HOT, 0.05);
  assert_string_equal(row.throttle, "");
  assert_null(strstr(row.disturbance, "GPU"));
}

static int open_gpu(void **state) {
  (void)state;
  struct why_options options = {.library_dir = WHY_TEST_PLUGINS, .emulate_bytes = 64 << 20};
  if (why_open(&options, &machine)) return -1;
  why_open_all(machine);
  void *library = dlopen(WHY_TEST_PLUGINS "/libwhycpu-cuda-emulated.so", RTLD_NOW | RTLD_NOLOAD);
  if (!library) return -1;
  *(void **)&launches = dlsym(library, "emu_count");
  *(void **)&used_bytes = dlsym(library, "emu_used_bytes");
  for (int i = 0; i < why_machine_devices(machine); i++) {
    if (machine->facts[i].host) continue;
    gpu = machine->device[i];
    own = *gpu;
    struct why_facts *facts[] = {&machine->facts[i], &gpu->facts};
    for (int k = 0; k < 2; k++) {
      facts[k]->emulated = 0;
      facts[k]->cache_bytes = CACHE_BYTES;
      strcpy(facts[k]->pci, "0000:65:00.0");
    }
    gpu->mark = mark;
    gpu->between = between;
    gpu->alloc = alloc;
    gpu->copy = copy;
  }
  strcpy(scenario_path, "/tmp/whycpu-nvml-XXXXXX");
  int file = mkstemp(scenario_path);
  if (file >= 0) close(file);
  setenv("FAKE_NVML", scenario_path, 1);
  return gpu ? 0 : -1;
}

static int close_gpu(void **state) {
  (void)state;
  *gpu = own;
  why_close(machine);
  return unlink(scenario_path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(short_launches_are_timed_many_at_a_time),
      cmocka_unit_test(a_graph_is_one_launch),
      cmocka_unit_test(cold_empties_the_devices_cache),
      cmocka_unit_test(throttling_and_energy_are_in_the_row),
  };
  return cmocka_run_group_tests(tests, open_gpu, close_gpu);
}
