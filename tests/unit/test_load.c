// Looking for hardware and a driver, loading plug-ins that are whole, broken or not there, and
// binding to cores. Hardware is a folder made here, the driver and the plug-ins are fakes.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "here.h"
#include "machine.h"
#include <cmocka.h>

static const struct {
  const char *name, *words;
} absent[] = {
#define ABSENT(name, words) {#name, words},
#if __has_include("absent.def")
#include "absent.def"
#endif
    {NULL, NULL},
};

static char root[] = "/tmp/whycpu-test-load-XXXXXX";

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *at) {
  (void)info;
  (void)flag;
  return at->level ? remove(path) : 0;
}

static void clear_root(void) {
  nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

// A file below the root, with the folders that it needs; content NULL: a folder.
static void put(const char *path, const char *content) {
  char full[512];
  snprintf(full, sizeof full, "%s/%s", root, path);
  for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
    *slash = 0;
    mkdir(full, 0700);
  }
  if (!content) {
    mkdir(full, 0700);
    return;
  }
  FILE *file = fopen(full, "w");
  assert_non_null(file);
  fputs(content, file);
  assert_int_equal(fclose(file), 0);
}

static void take(const char *path) {
  char full[512];
  snprintf(full, sizeof full, "%s/%s", root, path);
  assert_int_equal(remove(full), 0);
}

static void put_pci(const char *address, const char *vendor, const char *class) {
  char path[128];
  snprintf(path, sizeof path, "sys/bus/pci/devices/%s/vendor", address);
  put(path, vendor);
  snprintf(path, sizeof path, "sys/bus/pci/devices/%s/class", address);
  put(path, class);
}

static void put_gpu(void) {
  put_pci("0000:3b:00.0", "0x10de\n", "0x030200\n");
}

static int setup(void **state) {
  (void)state;
  static const char *const names[] = {"CUDA_VISIBLE_DEVICES", "FAKE_CU_INIT", "FAKE_CU_VERSION",
                                      "FAKE_CU_COUNT",        "FAKE_OPEN",    "FAKE_NO_DEVICES",
                                      "FAKE_CU_COUNT_ERROR",  "FAKE_ATTACH"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
  clear_root();
  return 0;
}

static void has(const char *text, const char *words) {
  if (!strstr(text, words)) fail_msg("\"%s\" lacks \"%s\"", text, words);
}

// ---- hardware ----------------------------------------------------------------------------------

static void hardware(enum why_reason expected, const char *words) {
  char note[512] = "";
  int driver;
  const char *cause;
  assert_int_equal(here_gpu(root, &driver, note, sizeof note, &cause), expected);
  assert_string_equal(cause, expected == WHY_OK ? "" : "no-nvidia-gpu");
  has(note, words);
}

static void gpus_are_told_from_other_devices(void **state) {
  (void)state;
  put_pci("0000:00:00.0", "0x8086\n", "0x060000\n");
  hardware(WHY_NO_HARDWARE, "lists 1 device, none of vendor 0x10de with class 0x03");
  put_pci("0000:3b:00.1", "0x10de\n", "0x040300\n"); // a GPU's sound
  put_pci("0000:05:00.0", "0x10de\n", "0x068000\n"); // an NVSwitch
  hardware(WHY_NO_HARDWARE, "lists 3 devices, none of vendor 0x10de");
  put_pci("0000:03:00.0", "0x1002\n", "0x030000\n");
  hardware(WHY_NO_HARDWARE, "there is an AMD GPU at 0000:03:00.0");
  put_gpu();
  hardware(WHY_OK, "1 NVIDIA GPU");
  put_pci("0000:5e:00.0", "0x10de\n", "0x030000\n");
  hardware(WHY_OK, "2 NVIDIA GPUs");
}

static void an_intel_gpu_is_named(void **state) {
  (void)state;
  put_pci("0000:00:02.0", "0x8086\n", "0x038000\n");
  hardware(WHY_NO_HARDWARE, "there is an Intel GPU at 0000:00:02.0");
}

static void without_sysfs_it_is_not_known(void **state) {
  (void)state;
  put("proc/version", "Linux version 6.1.0-18-amd64");
  put(".whycpu/unread", "/sys\n");
  hardware(WHY_OK, "/sys/bus/pci/devices is not known");
  put(".whycpu/unread", "");
  put("sys/bus/usb", NULL);
  hardware(WHY_NO_HARDWARE, "this machine has no PCI bus");
  put("sys/bus/pci/devices", NULL);
  hardware(WHY_NO_HARDWARE, "lists 0 devices");
}

static void wsl_and_jetson_have_none_on_pci(void **state) {
  (void)state;
  put_pci("0000:00:00.0", "0x8086\n", "0x060000\n");
  put("proc/version", "Linux version 5.15.1-microsoft-standard-WSL2 (gcc)\n");
  hardware(WHY_OK, "under WSL2");
  clear_root();
  put_pci("0000:00:00.0", "0x8086\n", "0x060000\n");
  put("proc/version", "Linux version 6.1.0-18-arm64 (debian-kernel@lists.debian.org)\n");
  put("proc/device-tree/compatible", "acme,board");
  hardware(WHY_NO_HARDWARE, "lists 1 device");
  char path[512];
  snprintf(path, sizeof path, "%s/proc/device-tree/compatible", root);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fwrite("nvidia,p3768\0nvidia,tegra234", 1, 28, file); // a list, as the kernel gives it
  fclose(file);
  hardware(WHY_OK, "a Jetson");
}

// ---- driver ------------------------------------------------------------------------------------

// A machine whose driver is whole, but for what libcuda answers; or whose module is not loaded.
static void put_driver(bool module) {
  put_gpu();
  put("proc/version", "Linux version 6.1.0-18-amd64 x86_64\n");
  put("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
  put("proc/devices", "Character devices:\n195 nvidia\n510 nvidia-uvm\n");
  put("lib/modules/6.1.0-18-amd64/updates/dkms/nvidia.ko", "");
  put("proc/modules", module ? "nvidia 1 0 - Live 0x0\nnvidia_uvm 1 0 - Live 0x0\n" : "");
  put("sys/module/other", NULL);
  put(".whycpu/env", "");
  put(".whycpu/process", "uid=1000\ngid=1000\ngroups=\n");
  put(".whycpu/nodes", module ? "/dev/nvidia0 c 0666 0 0 195 0\n/dev/nvidiactl c 0666 0 0 195 255\n"
                                "/dev/nvidia-uvm c 0666 0 0 510 0\n"
                              : "");
  put(".whycpu/gpu.json",
      module
          ? "{\"nvml\": {\"init\": 0, \"driver_version\": \"570.86.10\", \"devices\": [{\"index\": "
            "0, "
            "\"uuid\": \"GPU-0\", \"name\": \"NVIDIA H100\", \"compute_capability\": \"9.0\", "
            "\"memory_total\": 85520809984, \"memory_free\": 84000000000, \"compute_mode\": "
            "\"default\", \"processes\": 0, \"mig_mode\": \"disabled\", \"mig_instances\": 0, "
            "\"ecc_uncorrected_volatile\": 0, \"remap_pending\": false, \"remap_failure\": false, "
            "\"retired_pending\": false, \"fabric_state\": \"not-supported\", "
            "\"virtualization\": \"none\", \"confidential_compute\": false}]}}"
          : "{\"nvml\": {\"init\": 9}}");
}

static void driver_answers_are_told_apart(void **state) {
  (void)state;
  static const struct {
    const char *init, *count_error, *count, *visible; // NULL: not set
    bool module;
    enum why_reason reason;
    const char *cause, *words;
  } rows[] = {
      // clang-format off
      {NULL,  NULL,  "1",  NULL, true,  WHY_OK,        "",                        ""},
      {NULL,  NULL,  "8",  "3",  true,  WHY_OK,        "",                        ""},
      {"100", NULL,  NULL, NULL, true,  WHY_NO_DEVICE, "",                        "cuInit: CUDA_ERROR_NO_DEVICE (100), no CUDA-capable device is detected"},
      {"100", NULL,  NULL, "",   true,  WHY_NO_DEVICE, "cpu-forced-by-env",       "detected; CUDA_VISIBLE_DEVICES is \"\""},
      {"100", NULL,  NULL, "-1", true,  WHY_NO_DEVICE, "cpu-forced-by-env",       "CUDA_VISIBLE_DEVICES is \"-1\""},
      {"100", NULL,  NULL, "9",  true,  WHY_NO_DEVICE, "visible-devices-invalid", "entry \"9\" names no device"},
      {"100", NULL,  NULL, "x,0",true,  WHY_NO_DEVICE, "visible-devices-invalid", "entry \"x\" names no device"},
      {"100", NULL,  NULL, "0,9",true,  WHY_NO_DEVICE, "",                        "(100)"},
      {"100", NULL,  NULL, NULL, false, WHY_NO_DRIVER, "driver-not-loaded",       "the nvidia module is not loaded"},
      {"100", NULL,  NULL, "-1", false, WHY_NO_DRIVER, "driver-not-loaded",       "the nvidia module is not loaded"},
      {NULL,  NULL,  "0",  NULL, true,  WHY_NO_DEVICE, "",                        "0 devices"},
      {NULL,  NULL,  "0",  "-1", true,  WHY_NO_DEVICE, "cpu-forced-by-env",       "0 devices; CUDA_VISIBLE_DEVICES"},
      {NULL,  "100", NULL, NULL, true,  WHY_NO_DEVICE, "",                        "cuDeviceGetCount: CUDA_ERROR_NO_DEVICE"},
      {"803", NULL,  NULL, NULL, true,  WHY_NO_DRIVER, "driver-library-mismatch", "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)"},
      {"34",  NULL,  NULL, NULL, true,  WHY_NO_DRIVER, "libcuda-stub",            "cuInit: error (34)"},
      {"999", NULL,  NULL, NULL, false, WHY_NO_DRIVER, "driver-not-loaded",       "CUDA_ERROR_UNKNOWN (999)"},
      {"12345", NULL,NULL, NULL, true,  WHY_NO_DRIVER, "",                        "cuInit: error (12345)"},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    setup(NULL);
    put_driver(rows[i].module);
    if (rows[i].init) setenv("FAKE_CU_INIT", rows[i].init, 1);
    if (rows[i].count) setenv("FAKE_CU_COUNT", rows[i].count, 1);
    if (rows[i].count_error) setenv("FAKE_CU_COUNT_ERROR", rows[i].count_error, 1);
    if (rows[i].visible) setenv("CUDA_VISIBLE_DEVICES", rows[i].visible, 1);
    setenv("FAKE_CU_VERSION", "12080", 1);
    char note[512];
    const char *cause;
    int version = -1;
    enum why_reason reason = here_gpu(root, &version, note, sizeof note, &cause);
    if (reason != rows[i].reason || strcmp(cause, rows[i].cause) != 0)
      fail_msg("row %zu: %s [%s], not %s [%s]: %s", i, why_name(reason), cause,
               why_name(rows[i].reason), rows[i].cause, note);
    assert_int_equal(version, 12080);
    has(note, rows[i].words);
  }
}

static void a_short_note_stays_in_its_room(void **state) {
  (void)state;
  put_driver(true);
  setenv("FAKE_CU_INIT", "100", 1);
  setenv("CUDA_VISIBLE_DEVICES", "-1", 1);
  const char *cause;
  int version;
  for (size_t size = 1; size < 160; size++) {
    char *note = malloc(size); // exactly: a byte too far is seen by the sanitizer
    assert_non_null(note);
    assert_int_equal(here_gpu(root, &version, note, size, &cause), WHY_NO_DEVICE);
    assert_true(strlen(note) < size);
    free(note);
  }
}

// Run without the fake in LD_LIBRARY_PATH.
static int without_libcuda(void) {
  char note[512];
  const char *cause;
  int version;
  if (dlopen("libcuda.so.1", RTLD_NOW)) {
    printf("SKIP: there is a libcuda.so.1 on this machine\n");
    return 77;
  }
  static const struct {
    bool module;
    const char *cause;
  } rows[] = {{false, "driver-not-installed"}, {true, "libcuda-missing"}};
  int failures = 0;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    clear_root();
    put_driver(rows[i].module);
    if (!rows[i].module) take("lib/modules/6.1.0-18-amd64/updates/dkms/nvidia.ko");
    enum why_reason reason = here_gpu(root, &version, note, sizeof note, &cause);
    bool right = reason == WHY_NO_DRIVER && version == 0 && !strcmp(cause, rows[i].cause) &&
                 strstr(note, "libcuda.so.1: cannot open shared object file");
    printf("%s: %s %s: %s\n", right ? "ok" : "FAILED", why_name(reason), cause, note);
    failures += !right;
  }
  return failures ? 1 : 0;
}

// ---- loading -----------------------------------------------------------------------------------

static struct why_machine *machine_in(const char *folder, uint64_t emulate_bytes) {
  char path[512];
  snprintf(path, sizeof path, FAKE_FOLDER "/%s", folder);
  struct why_options options = {.library_dir = path, .root = root, .emulate_bytes = emulate_bytes};
  struct why_machine *machine;
  assert_int_equal(why_open(&options, &machine), WHY_OK);
  assert_int_equal(machine->slot[WHY_SLOT_plain].verdict.reason, WHY_OK);
  return machine;
}

static int *counter(const char *library, const char *name) {
  char path[512];
  snprintf(path, sizeof path, FAKE_FOLDER "/%s", library);
  void *handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
  assert_non_null(handle); // loaded, and kept
  int *out = dlsym(handle, name);
  dlclose(handle); // only this reference
  assert_non_null(out);
  return out;
}

static void broken_plugins_say_why(void **state) {
  (void)state;
  static const struct {
    const char *folder;
    enum why_reason reason;
    double need, have;
    const char *words;
  } rows[] = {
      // clang-format off
      {"abi",     WHY_BACKEND_ABI,    WHY_ABI, WHY_ABI + 1, "abi/libwhycpu-openblas.so"},
      {"symbol",  WHY_BACKEND_ABSENT, 0,       0,           "undefined symbol: whycpu_backend"},
      {"needs",   WHY_BACKEND_ABSENT, 0,       0,           "libwhycpu-gone.so: cannot open shared object file"},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct why_machine *machine = machine_in(rows[i].folder, 0);
    assert_int_equal(why_load(machine, WHY_SLOT_openblas), rows[i].reason);
    assert_int_equal(why_load(machine, WHY_SLOT_openblas), rows[i].reason); // remembered
    struct why_backend_info info;
    why_machine_backend(machine, WHY_SLOT_openblas, &info);
    assert_string_equal(info.name, "openblas");
    assert_true(info.verdict.need == rows[i].need && info.verdict.have == rows[i].have);
    has(info.verdict.note, rows[i].words);
    assert_null(machine->slot[WHY_SLOT_openblas].backend);
    why_close(machine);
  }
}

// The doctor reads what the plug-in is linked with. Where another cuDNN is installed, it says so.
static void a_gpu_plugin_without_its_library_has_a_cause(void **state) {
  (void)state;
  put_gpu();
  struct why_machine *machine = machine_in("needs", 0);
  why_open_all(machine);
  const struct why_verdict *v = &machine->slot[WHY_SLOT_cudnn].verdict;
  assert_int_equal(v->reason, WHY_BACKEND_ABSENT);
  has(v->note, "libcudnn.so.99: cannot open shared object file");
  if (strcmp(v->cause, "cudnn-missing") != 0)
    assert_string_equal(v->cause, "cuda-libs-wrong-major");
  v = &machine->slot[WHY_SLOT_cublas].verdict; // of which nothing was built
  assert_int_equal(v->reason, WHY_BACKEND_ABSENT);
  assert_string_equal(v->cause, "framework-cpu-only-build");
  why_close(machine);
}

static void an_absent_plugin_says_what_the_build_knew(void **state) {
  (void)state;
  struct why_machine *machine = machine_in("nowhere", 0);
  assert_int_equal(why_load(machine, WHY_SLOT_openblas), WHY_BACKEND_ABSENT);
  const char *words = "nowhere/libwhycpu-openblas.so: cannot open shared object file";
  for (int i = 0; absent[i].name; i++)
    if (!strcmp(absent[i].name, "openblas")) words = absent[i].words;
  has(machine->slot[WHY_SLOT_openblas].verdict.note, words);
  why_close(machine);
}

static void a_good_plugin_is_opened_once(void **state) {
  (void)state;
  struct why_machine *first = machine_in("good", 0), *second = machine_in("good", 0);
  assert_int_equal(why_load(first, WHY_SLOT_openblas), WHY_OK);
  int *opens = counter("good/libwhycpu-openblas.so", "fake_opens");
  int *closes = counter("good/libwhycpu-openblas.so", "fake_closes");
  int opened = *opens, closed = *closes;
  assert_int_equal(why_load(first, WHY_SLOT_openblas), WHY_OK);
  assert_int_equal(why_load(second, WHY_SLOT_openblas), WHY_OK);
  assert_int_equal(*opens, opened);
  const struct why_slot *slot = &first->slot[WHY_SLOT_openblas];
  assert_string_equal(slot->build, "for tests");
  assert_string_equal(slot->version, "fake 1.2.3");
  int known = why_kernel_find("gemm", "openblas", "cblas");
  assert_non_null(slot->code[known]);
  assert_false(slot->lacks[known]);
  why_close(first);
  assert_int_equal(*closes, closed);
  why_close(second);
  assert_int_equal(*closes, closed + 1);
}

static void hardware_comes_before_driver_and_library(void **state) {
  (void)state;
  put("sys/module/nvidia", NULL);
  put_pci("0000:00:00.0", "0x8086\n", "0x060000\n");
  setenv("FAKE_CU_INIT", "100", 1);
  void *libcuda = dlopen("libcuda.so.1", RTLD_NOW);
  assert_non_null(libcuda);
  const int *inits = dlsym(libcuda, "fake_cu_inits");
  int before = *inits;

  struct why_machine *machine = machine_in("nowhere", 0);
  const struct why_slot *slot = &machine->slot[WHY_SLOT_cuda];
  assert_int_equal(why_load(machine, WHY_SLOT_cuda), WHY_NO_HARDWARE);
  assert_string_equal(slot->verdict.cause, "no-nvidia-gpu");
  has(slot->verdict.note, "none of vendor 0x10de");
  assert_int_equal(*inits, before); // the driver was left alone
  why_close(machine);

  put_gpu();
  machine = machine_in("nowhere", 0);
  assert_int_equal(why_load(machine, WHY_SLOT_cuda), WHY_NO_DEVICE);
  assert_int_equal(*inits, before + 1);
  why_close(machine);

  setenv("FAKE_CU_INIT", "999", 1);
  machine = machine_in("nowhere", 0);
  assert_int_equal(why_load(machine, WHY_SLOT_cuda), WHY_NO_DRIVER);
  why_close(machine);

  unsetenv("FAKE_CU_INIT");
  machine = machine_in("nowhere", 0);
  assert_int_equal(why_load(machine, WHY_SLOT_cuda), WHY_BACKEND_ABSENT);
  why_close(machine);

  setenv("FAKE_OPEN", "DRIVER_OLD", 1);
  machine = machine_in("good", 0);
  slot = &machine->slot[WHY_SLOT_cuda];
  assert_int_equal(why_load(machine, WHY_SLOT_cuda), WHY_DRIVER_OLD);
  assert_true(slot->verdict.need == 13000 && slot->verdict.have == 12080);
  assert_string_equal(slot->verdict.note, "the words of open");
  assert_string_equal(slot->verdict.cause, "driver-too-old");
  assert_string_equal(slot->version, "fake 1.2.3"); // what refuses still has a version
  assert_int_equal(why_machine_devices(machine), 1);
  assert_null(slot->backend);
  why_close(machine);

  unsetenv("FAKE_OPEN");
  machine = machine_in("good", 0);
  assert_int_equal(why_load(machine, WHY_SLOT_cuda), WHY_OK);
  assert_int_equal(why_machine_devices(machine), 2);
  why_close(machine);
}

static void devices_and_kernels_are_registered(void **state) {
  (void)state;
  put_gpu();
  struct why_machine *machine = machine_in("good", 0);
  assert_int_equal(why_machine_devices(machine), 1);
  assert_true(why_machine_device(machine, 0)->host);
  assert_int_equal(why_load(machine, WHY_SLOT_cublas), WHY_OK); // brings its devices with it
  assert_int_equal(why_machine_devices(machine), 2);
  assert_string_equal(why_machine_device(machine, 1)->name, "a fake GPU");
  assert_int_equal(why_machine_device(machine, 1)->numa_node, -1); // no such PCI device
  assert_non_null(why_machine_live(machine, 1));
  const struct why_slot *cuda = &machine->slot[WHY_SLOT_cuda];
  assert_non_null(cuda->code[why_kernel_find("gemm", "cuda", "tiled")]);
  assert_true(cuda->lacks[why_kernel_find("gemm", "cuda", "mma")]);
  assert_false(cuda->lacks[why_kernel_find("gemm", "cublas", "lt")]); // not its own
  assert_non_null(machine->slot[WHY_SLOT_cublas].code[why_kernel_find("gemm", "cublas", "lt")]);

  int *detaches = counter("good/libwhycpu-cublas.so", "fake_detaches");
  int detached = *detaches;
  struct why_verdict why;
  setenv("FAKE_ATTACH", "1", 1);
  assert_int_equal(why_attach(machine, WHY_SLOT_cublas, 1, &why), WHY_ALLOC_FAILED);
  assert_false(machine->slot[WHY_SLOT_cublas].attached[1]);
  unsetenv("FAKE_ATTACH");
  assert_int_equal(why_attach(machine, WHY_SLOT_cublas, 1, &why), WHY_OK);
  assert_int_equal(why_attach(machine, WHY_SLOT_cublas, 1, &why), WHY_OK);
  assert_ptr_equal(machine->slot[WHY_SLOT_cublas].state[1], why_machine_live(machine, 1));
  why_close(machine);
  assert_int_equal(*detaches, detached + 1);
}

static void a_library_waits_for_its_device(void **state) {
  (void)state;
  put_pci("0000:00:00.0", "0x8086\n", "0x060000\n");
  struct why_machine *machine = machine_in("good", 0);
  const struct why_slot *cublas = &machine->slot[WHY_SLOT_cublas];
  why_load(machine, WHY_SLOT_cublas);
  assert_false(cublas->tried); // not worth its time without a device
  assert_int_equal(cublas->verdict.reason, WHY_OK);
  why_open_all(machine); // `whycpu machine` wants its version all the same
  assert_true(cublas->tried);
  assert_string_equal(cublas->version, "fake 1.2.3");
  for (int i = 0; i < machine->slots; i++) assert_true(machine->slot[i].tried);
  assert_int_equal(machine->slot[WHY_SLOT_cuda].verdict.reason, WHY_NO_HARDWARE);
  why_close(machine);
}

static void a_backend_without_devices_is_no_device(void **state) {
  (void)state;
  put_gpu();
  setenv("FAKE_NO_DEVICES", "1", 1);
  struct why_machine *machine = machine_in("good", 0);
  assert_int_equal(why_load(machine, WHY_SLOT_cuda), WHY_NO_DEVICE);
  why_close(machine);
}

static void emulation_asks_no_hardware(void **state) {
  (void)state;
  put_pci("0000:00:00.0", "0x8086\n", "0x060000\n");
  struct why_machine *machine = machine_in("nowhere", 1 << 20);
  assert_int_equal(why_load(machine, WHY_SLOT_cuda), WHY_BACKEND_ABSENT);
  has(machine->slot[WHY_SLOT_cuda].verdict.note, "libwhycpu-cuda-emulated.so");
  why_close(machine);
  machine = machine_in("good", 12345678);
  assert_int_equal(why_load(machine, WHY_SLOT_cuda), WHY_OK);
  assert_int_equal(why_machine_devices(machine), 2);
  uint64_t bytes;
  memcpy(&bytes, counter("good/libwhycpu-cuda-emulated.so", "fake_emulated_bytes"), sizeof bytes);
  assert_true(bytes == 12345678);
  assert_int_equal(*counter("good/libwhycpu-cuda-emulated.so", "fake_emulated_capability"), 90);
  why_close(machine);
}

static void paths_too_long_are_refused(void **state) {
  (void)state;
  char path[5000];
  memset(path, 'x', sizeof path - 1);
  path[sizeof path - 1] = 0;
  struct why_machine *machine;
  assert_int_equal(why_open(&(struct why_options){.root = path}, &machine), WHY_BAD_INPUT);
  assert_null(machine);
  assert_int_equal(why_open(&(struct why_options){.library_dir = path}, &machine), WHY_BAD_INPUT);
  assert_null(machine);
}

// ---- the host ----------------------------------------------------------------------------------

static int allowed(pid_t thread) {
  cpu_set_t set;
  assert_int_equal(sched_getaffinity(thread, sizeof set, &set), 0);
  return CPU_COUNT(&set);
}

static pid_t other; // the second thread, once it runs
static pthread_mutex_t leave = PTHREAD_MUTEX_INITIALIZER;
static void *wait_to_leave(void *unused) {
  __atomic_store_n(&other, gettid(), __ATOMIC_RELEASE);
  pthread_mutex_lock(&leave);
  pthread_mutex_unlock(&leave);
  return unused;
}

static void threads_are_bound_and_set_free(void **state) {
  (void)state;
  int before = allowed(0);
  struct why_facts host = {0};
  why_topology_host(&host);
  assert_int_equal(why_bind(-1), WHY_BAD_INPUT);
  pthread_t thread;
  pid_t id;
  pthread_mutex_lock(&leave);
  assert_int_equal(pthread_create(&thread, NULL, wait_to_leave, NULL), 0);
  while (!(id = __atomic_load_n(&other, __ATOMIC_ACQUIRE))) usleep(1000);
  assert_int_equal(why_bind(1), WHY_OK);
  assert_int_equal(allowed(0), 1);
  assert_int_equal(allowed(id), 1); // those that run already, too
  assert_int_equal(why_bind(0), WHY_OK);
  assert_int_equal(allowed(0), before);
  assert_int_equal(allowed(id), before);
  assert_int_equal(why_bind(1 << 20), WHY_OK); // more than there are: all
  assert_int_equal(allowed(0), before);
  assert_int_equal(why_pin(-1), WHY_BAD_INPUT);
  assert_int_equal(why_pin(0), WHY_OK); // each on a core of its own
  assert_int_equal(allowed(0), 1);
  assert_int_equal(allowed(id), 1);
  cpu_set_t main_thread, other_thread;
  assert_int_equal(sched_getaffinity(0, sizeof main_thread, &main_thread), 0);
  assert_int_equal(sched_getaffinity(id, sizeof other_thread, &other_thread), 0);
  if (host.multiprocessors > 1) assert_false(CPU_EQUAL(&main_thread, &other_thread));
  assert_int_equal(why_bind(0), WHY_OK);
  assert_int_equal(allowed(id), before);
  pthread_mutex_unlock(&leave);
  pthread_join(thread, NULL);
}

static void the_host_is_described(void **state) {
  (void)state;
  struct why_facts host = {0};
  why_topology_host(&host);
  assert_true(host.host && host.name[0] && !strcmp(host.backend, "host"));
  assert_in_range(host.multiprocessors, 1, sysconf(_SC_NPROCESSORS_CONF));
  assert_true(host.memory_bytes >= (uint64_t)64 << 20 && host.free_bytes <= host.memory_bytes);
  assert_true(host.free_bytes > 0);
#ifdef __x86_64__
  assert_int_equal((host.cpu_features & WHY_CPU_AVX2) != 0,
                   __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
  assert_int_equal((host.cpu_features & WHY_CPU_AVX512) != 0,
                   __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"));
#endif
  assert_int_equal(why_topology_numa_of_pci("ffff:ff:1f.7"), -1);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(gpus_are_told_from_other_devices, setup),
      cmocka_unit_test_setup(an_intel_gpu_is_named, setup),
      cmocka_unit_test_setup(without_sysfs_it_is_not_known, setup),
      cmocka_unit_test_setup(wsl_and_jetson_have_none_on_pci, setup),
      cmocka_unit_test_setup(driver_answers_are_told_apart, setup),
      cmocka_unit_test_setup(a_short_note_stays_in_its_room, setup),
      cmocka_unit_test_setup(broken_plugins_say_why, setup),
      cmocka_unit_test_setup(a_gpu_plugin_without_its_library_has_a_cause, setup),
      cmocka_unit_test_setup(an_absent_plugin_says_what_the_build_knew, setup),
      cmocka_unit_test_setup(a_good_plugin_is_opened_once, setup),
      cmocka_unit_test_setup(hardware_comes_before_driver_and_library, setup),
      cmocka_unit_test_setup(devices_and_kernels_are_registered, setup),
      cmocka_unit_test_setup(a_library_waits_for_its_device, setup),
      cmocka_unit_test_setup(a_backend_without_devices_is_no_device, setup),
      cmocka_unit_test_setup(emulation_asks_no_hardware, setup),
      cmocka_unit_test_setup(paths_too_long_are_refused, setup),
      cmocka_unit_test_setup(threads_are_bound_and_set_free, setup),
      cmocka_unit_test_setup(the_host_is_described, setup),
  };
  if (!mkdtemp(root)) {
    perror(root);
    return 1;
  }
  int failures = argc > 1 && !strcmp(argv[1], "without-libcuda")
                     ? without_libcuda()
                     : cmocka_run_group_tests(tests, NULL, NULL);
  clear_root();
  rmdir(root);
  return failures;
}
