// The "cuda" backend, as the emulated plug-in has it: opening, memory, copies, marks, errors.
#include "emulation/control.h"
#include "machine.h"
#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { BUDGET = 1 << 20 };

static struct why_backend *backend;
static struct {
  void (*emulate)(uint64_t, int), (*reset)(void), (*fail_nth)(enum emu_kind, long), (*lose)(void);
  uint64_t (*used)(void);
} emu;

static void *symbol(void *library, const char *name) {
  void *found = dlsym(library, name);
  if (!found) fail_msg("%s", dlerror());
  return found;
}

static struct why_device *bound(void) {
  struct why_device *device = &backend->device[0];
  assert_int_equal(WHY_OK, device->bind(device));
  return device;
}

static int open_backend(void **state) {
  (void)state;
  struct why_verdict why = {.note = "", .cause = ""};
  emu.emulate(BUDGET, 86);
  assert_int_equal(WHY_OK, backend->open(backend, &why));
  assert_int_equal(WHY_OK, why.reason);
  assert_int_equal(1, backend->devices);
  return 0;
}
static int close_backend(void **state) {
  (void)state;
  emu.reset();
  backend->close(backend);
  assert_int_equal(0, backend->devices);
  assert_null(backend->device);
  assert_int_equal(0, emu.used());
  return 0;
}

static void it_says_what_it_is(void **state) {
  (void)state;
  const struct why_facts *facts = &backend->device[0].facts;
  assert_int_equal(WHY_ABI, backend->abi);
  assert_string_equal("cuda", backend->name);
  assert_string_equal("emulation", backend->build);
  assert_string_equal("emulated CUDA 13.0, driver 13.0", backend->version);
  assert_string_equal("emulated sm_86", facts->name);
  assert_string_equal("cuda", facts->backend);
  assert_string_equal("", facts->uuid);
  assert_string_equal("", facts->pci);
  assert_int_equal(0, facts->host);
  assert_int_equal(1, facts->emulated);
  assert_int_equal(86, facts->capability);
  assert_int_equal(13000, facts->driver);
  assert_int_equal(BUDGET, facts->memory_bytes);
  assert_int_equal(BUDGET, facts->free_bytes);
  assert_int_equal(0, facts->context_bytes);
  assert_int_equal(99 << 10, facts->shared_bytes);
}

// Every row of the catalog for this backend, and none for another.
static void it_has_its_rows_of_the_catalog(void **state) {
  (void)state;
  int ours = 0;
  for (int i = 0; i < why_kernel_count(); i++) {
    const struct why_kernel *kernel = why_kernel_at(i);
    const struct why_code *code = backend->find(kernel->op, kernel->name);
    if (why_kernel_find(kernel->op, "cuda", kernel->name) < 0) {
      assert_null(code);
      continue;
    }
    if (strcmp(kernel->backend, "cuda") != 0) continue; // of the same name
    ours++;
    assert_non_null(code);
    assert_non_null(code->run);
  }
  assert_true(ours > 0);
  assert_null(backend->find("gemm", "no such kernel"));
  assert_null(backend->find("no such op", "naive"));
}

static void memory_is_of_three_kinds(void **state) {
  (void)state;
  struct why_device *device = bound();
  void *p, *q, *r;
  assert_int_equal(WHY_ALLOC_FAILED, device->alloc(device, BUDGET + 1, WHY_DEVICE, &p));
  assert_null(p);
  assert_string_equal("cudaErrorMemoryAllocation: out of memory", device->error(device));
  assert_int_equal(WHY_OK, device->alloc(device, BUDGET - 100, WHY_DEVICE, &p));
  assert_int_equal(WHY_ALLOC_FAILED, device->alloc(device, 101, WHY_MANAGED, &q));
  assert_int_equal(WHY_OK, device->alloc(device, 100, WHY_MANAGED, &q));
  assert_int_equal(WHY_OK, device->alloc(device, BUDGET, WHY_PINNED_HOST, &r));
  assert_int_equal(WHY_OK, device->refresh(device));
  assert_int_equal(0, device->facts.free_bytes);
  device->free(device, WHY_PINNED_HOST, r);
  device->free(device, WHY_MANAGED, q);
  device->free(device, WHY_DEVICE, p);
  device->free(device, WHY_DEVICE, NULL);
  assert_int_equal(WHY_OK, device->refresh(device));
  assert_int_equal(BUDGET, device->facts.free_bytes);
}

// Rows through the device and back, with other pitches on each side, on all queues in turn.
static void copies_keep_their_pitches(void **state) {
  (void)state;
  enum { ROWS = 7, WIDTH = 5, THERE = 9, BACK = 6 };
  struct why_device *device = bound();
  unsigned char from[ROWS * WIDTH], to[ROWS * BACK];
  void *p;
  for (size_t i = 0; i < sizeof from; i++) from[i] = (unsigned char)(3 * i + 1);
  memset(to, 0xee, sizeof to);
  assert_int_equal(WHY_OK, device->alloc(device, (ROWS - 1) * THERE + WIDTH, WHY_DEVICE, &p));
  assert_int_equal(WHY_OK, device->copy(device, WHY_COPY_IN, p, THERE, from, WIDTH, WIDTH, ROWS));
  assert_int_equal(WHY_OK, device->mark(device, WHY_COPY_IN, 0));
  assert_int_equal(WHY_OK, device->after(device, WHY_COPY_OUT, 0));
  assert_int_equal(WHY_OK, device->copy(device, WHY_COPY_OUT, to, BACK, p, THERE, WIDTH, ROWS));
  assert_int_equal(WHY_OK, device->mark(device, WHY_COPY_OUT, WHY_MARKS - 1));
  assert_int_equal(WHY_OK, device->until(device, WHY_MARKS - 1, INFINITY));
  assert_int_equal(WHY_OK, device->until(device, 0, 0.5));
  assert_true(isnan(device->between(device, 0, WHY_MARKS - 1))); // emulated: no time
  for (size_t i = 0; i < sizeof to; i++)
    assert_int_equal(i % BACK < WIDTH ? from[i / BACK * WIDTH + i % BACK] : 0xee, to[i]);
  // Without gaps, and nothing at all.
  assert_int_equal(WHY_OK, device->copy(device, WHY_WORK, p, WIDTH, from, WIDTH, WIDTH, ROWS));
  assert_int_equal(WHY_OK, device->copy(device, WHY_WORK, p, WIDTH, from, WIDTH, WIDTH, 0));
  assert_int_equal(WHY_OK, device->copy(device, WHY_WORK, p, WIDTH, from, WIDTH, 0, ROWS));
  assert_int_equal(WHY_OK, device->mark(device, WHY_WORK, 1));
  assert_int_equal(WHY_OK, device->until(device, 1, INFINITY));
  device->free(device, WHY_DEVICE, p);
}

// Rows that are further apart than a pitched copy of the runtime can be.
static void far_rows_are_copied_one_by_one(void **state) {
  (void)state;
  struct why_device *device = bound();
  const size_t far = (size_t)1 << 31, bytes = far + 2;
  unsigned char *from =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  unsigned char to[4] = {0};
  void *p;
  assert_ptr_not_equal(MAP_FAILED, from);
  memcpy(from, "ab", 2);
  memcpy(from + far, "cd", 2);
  assert_int_equal(WHY_OK, device->alloc(device, sizeof to, WHY_DEVICE, &p));
  assert_int_equal(WHY_OK, device->copy(device, WHY_WORK, p, 2, from, far, 2, 2));
  assert_int_equal(WHY_OK, device->copy(device, WHY_WORK, to, 4, p, 4, 4, 1));
  assert_int_equal(WHY_OK, device->mark(device, WHY_WORK, 0));
  assert_int_equal(WHY_OK, device->until(device, 0, INFINITY));
  assert_memory_equal("abcd", to, sizeof to);
  assert_int_equal(WHY_CALL_FAILED, device->copy(device, WHY_WORK, p, 2, from, far, 2, 3));
  assert_string_equal("cudaErrorInvalidValue: invalid argument", device->error(device));
  device->free(device, WHY_DEVICE, p);
  munmap(from, bytes);
}

static void failures_are_reasons(void **state) {
  (void)state;
  struct why_device *device = bound();
  char byte = 1;
  void *p, *q;
  assert_int_equal(WHY_OK, device->alloc(device, 1, WHY_DEVICE, &p));
  emu.fail_nth(EMU_COPY, 2);
  assert_int_equal(WHY_OK, device->copy(device, WHY_WORK, p, 1, &byte, 1, 1, 1));
  assert_int_equal(WHY_CALL_FAILED, device->copy(device, WHY_WORK, p, 1, &byte, 1, 1, 1));
  assert_int_equal(WHY_OK, device->copy(device, WHY_WORK, p, 1, &byte, 1, 1, 1));
  emu.fail_nth(EMU_ALLOC, 1);
  assert_int_equal(WHY_ALLOC_FAILED, device->alloc(device, 1, WHY_DEVICE, &q));
  emu.lose();
  assert_int_equal(WHY_DEVICE_LOST, device->bind(device));
  assert_int_equal(WHY_DEVICE_LOST, device->refresh(device));
  assert_int_equal(WHY_DEVICE_LOST, device->alloc(device, 1, WHY_DEVICE, &q));
  assert_int_equal(WHY_DEVICE_LOST, device->copy(device, WHY_WORK, p, 1, &byte, 1, 1, 1));
  assert_int_equal(WHY_DEVICE_LOST, device->mark(device, WHY_WORK, 0));
  assert_int_equal(WHY_DEVICE_LOST, device->until(device, 0, 0.01));
  assert_int_equal(WHY_DEVICE_LOST, device->until(device, 0, INFINITY));
  assert_true(strstr(device->error(device), "cudaErrorDevicesUnavailable: ") != NULL);
  device->free(device, WHY_DEVICE, p);
  assert_int_equal(0, emu.used());
}

int main(void) {
  void *library = dlopen(WHY_TEST_PLUGINS "/libwhycpu-cuda-emulated.so", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    print_error("%s\n", dlerror());
    return 1;
  }
  backend = symbol(library, WHY_BACKEND_SYMBOL);
  *(void **)&emu.emulate = symbol(library, "whycpu_emulate");
  *(void **)&emu.reset = symbol(library, "emu_reset");
  *(void **)&emu.fail_nth = symbol(library, "emu_fail");
  *(void **)&emu.lose = symbol(library, "emu_lose_device");
  *(void **)&emu.used = symbol(library, "emu_used_bytes");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(it_says_what_it_is, open_backend, close_backend),
      cmocka_unit_test_setup_teardown(it_has_its_rows_of_the_catalog, open_backend, close_backend),
      cmocka_unit_test_setup_teardown(memory_is_of_three_kinds, open_backend, close_backend),
      cmocka_unit_test_setup_teardown(copies_keep_their_pitches, open_backend, close_backend),
      cmocka_unit_test_setup_teardown(far_rows_are_copied_one_by_one, open_backend, close_backend),
      cmocka_unit_test_setup_teardown(failures_are_reasons, open_backend, close_backend),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
