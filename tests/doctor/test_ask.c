// Asking a driver in child processes: every answer comes through, and whatever a driver does, it
// is over in time, says which call it was, and leaves nothing behind. The drivers are fakes.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "tree.h"
#include <cmocka.h>

#define CUDA FAKE_FOLDER "/whole/libcuda.so.1"
#define NVML FAKE_FOLDER "/whole/libnvidia-ml.so.1"

static char dir[TREE_PATH], scenario[TREE_PATH + 16];
static struct arena arena;
static jmp_buf full;

static int begin(void **state) {
  (void)state;
  tree_begin(dir);
  snprintf(scenario, sizeof scenario, "%s/driver", dir);
  setenv("FAKE_DRIVER", scenario, 1);
  setenv("CUDA_VISIBLE_DEVICES", "", 1); // the children do not see it
  arena = (struct arena){.full = &full};
  return 0;
}

static int end(void **state) {
  (void)state;
  arena_free(&arena);
  tree_end(dir);
  return 0;
}

// 20 s where an answer is expected: this machine may be busy.
static struct gpu ask_these(const char *words, double seconds, const char *cuda, const char *nvml) {
  struct gpu gpu;
  if (setjmp(full)) fail_msg("the arena is full");
  tree_file(dir, "driver", words);
  const struct ask_limits limits = {seconds, cuda, nvml};
  ask_driver(&arena, &limits, &gpu);
  return gpu;
}

static struct gpu ask(const char *words, double seconds) {
  return ask_these(words, seconds, CUDA, NVML);
}

static void nothing_is_left(void) {
  errno = 0;
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // neither running nor a zombie
  assert_int_equal(errno, ECHILD);
}

// ---- answers -----------------------------------------------------------------------------------

static void a_sound_driver_says_all(void **state) {
  (void)state;
  struct gpu gpu = ask("", 20);
  assert_int_equal(gpu.known, YES);
  assert_true(gpu.nvml_known && gpu.cuda_known && gpu.cuda_version_known && gpu.cuda_count_known);
  assert_int_equal(gpu.nvml_init, 0);
  assert_int_equal(gpu.cuda_init, 0);
  assert_string_equal(gpu.nvml_version, "550.54.14");
  assert_int_equal(gpu.cuda_version, 12040);
  assert_int_equal(gpu.cuda_count, 1);
  assert_string_equal(gpu.nvml_why, "");
  assert_string_equal(gpu.cuda_why, "");
  assert_int_equal(gpu.nvmls, 1);
  assert_int_equal(gpu.cudas, 1);
  const struct nvml_device *n = &gpu.nvml[0];
  assert_int_equal(n->index, 0);
  assert_int_equal(n->error, 0);
  assert_string_equal(n->uuid, "GPU-00000000-0000-0000-0000-000000000000");
  assert_string_equal(n->name, "NVIDIA H100 80GB HBM3");
  assert_int_equal(n->capability, 90);
  assert_int_equal(n->memory, YES);
  assert_int_equal(n->total_bytes, 85520809984u);
  assert_int_equal(n->free_bytes, 84000000000u);
  assert_int_equal(n->compute_mode, COMPUTE_DEFAULT);
  assert_int_equal(n->processes, 0);
  assert_int_equal(n->mig, NO);
  assert_int_equal(n->mig_instances, 0);
  assert_int_equal(n->ecc_uncorrected, 0);
  assert_int_equal(n->remap_pending, NO);
  assert_int_equal(n->remap_failure, NO);
  assert_int_equal(n->retired_pending, NO);
  assert_int_equal(n->fabric, FABRIC_NONE);
  assert_string_equal(n->virtualization, "none");
  assert_int_equal(n->confidential, NO);
  const struct cuda_device *c = &gpu.cuda[0];
  assert_string_equal(c->name, "NVIDIA H100 80GB HBM3");
  assert_int_equal(c->capability, 90);
  assert_true(c->context_known);
  assert_int_equal(c->context, 0);
  assert_int_equal(c->multiprocessors, 132);
  assert_int_equal(c->compute_mode, COMPUTE_DEFAULT);
}

// What the two begin with, of the catalogue: a process each.
static void every_beginning_comes_through(void **state) {
  (void)state;
  static const int numbers[][2] = {{1, 1},    {2, 3},    {3, 4},    {34, 6},    {46, 9},
                                   {100, 11}, {101, 12}, {304, 13}, {500, 14},  {802, 15},
                                   {803, 18}, {804, 16}, {805, 17}, {999, 999}, {123456, 28}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    char words[256];
    snprintf(words, sizeof words, "cuInit %d\nnvmlInit_v2 %d\n", numbers[i][0], numbers[i][1]);
    struct gpu gpu = ask(words, 20);
    assert_true(gpu.cuda_known && gpu.nvml_known && gpu.cuda_version_known);
    assert_int_equal(gpu.cuda_init, numbers[i][0]);
    assert_int_equal(gpu.nvml_init, numbers[i][1]);
    assert_false(gpu.cuda_count_known);
    assert_null(gpu.cuda);
    assert_null(gpu.nvml);
  }
}

// Every number of the catalogue's table, from devices: 16 are asked for contexts at a time.
static void every_number_comes_through(void **state) {
  (void)state;
  static const int cuda[] = {1,   2,   3,   34,  35,  36,  46,  100, 101, 102, 200, 209,
                             214, 218, 220, 221, 222, 223, 300, 301, 302, 303, 304, 500,
                             800, 801, 802, 803, 804, 805, 806, 807, 808, 809, 810, 999,
                             8,   10,  30,  38,  48,  71,  0,   0,   0,   0,   0,   0};
  static const int nvml[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                             17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 999};
  enum { NVMLS = sizeof nvml / sizeof *nvml };
  for (int first = 0; first < 48; first += 16) {
    char words[8192];
    size_t at = (size_t)sprintf(words,
                                "cuDeviceGetCount 0 value=16\n"
                                "nvmlDeviceGetCount_v2 0 value=%d\n",
                                NVMLS);
    for (int i = 0; i < 16; i++)
      at += (size_t)sprintf(words + at, "cuDevicePrimaryCtxRetain@%d %d\n", i, cuda[first + i]);
    for (int i = 0; i < NVMLS; i++)
      at += (size_t)sprintf(words + at, "nvmlDeviceGetHandleByIndex_v2@%d %d\n", i, nvml[i]);
    struct gpu gpu = ask(words, 20);
    assert_int_equal(gpu.cudas, 16);
    assert_int_equal(gpu.nvmls, NVMLS);
    for (int i = 0; i < 16; i++) assert_int_equal(gpu.cuda[i].context, cuda[first + i]);
    for (int i = 0; i < NVMLS; i++) assert_int_equal(gpu.nvml[i].error, nvml[i]);
  }
}

static void every_context_and_device_answers_for_itself(void **state) {
  (void)state;
  struct gpu gpu =
      ask("cuDeviceGetCount 0 value=5\ncuDevicePrimaryCtxRetain@0 2\n"
          "cuDevicePrimaryCtxRetain@1 46\ncuDeviceGet@2 101\ncuDeviceGetAttribute20@0 0 value=3\n"
          "nvmlDeviceGetCount_v2 0 value=5\n"
          "nvmlDeviceGetHandleByIndex_v2@1 999\nnvmlDeviceGetMemoryInfo@2 15\n"
          "nvmlDeviceGetName@3 999\nnvmlDeviceGetTotalEccErrors@4 999\n",
          20);
  assert_int_equal(gpu.cudas, 5);
  assert_int_equal(gpu.cuda[0].context, 2);
  assert_int_equal(gpu.cuda[0].compute_mode, COMPUTE_EXCLUSIVE_PROCESS);
  assert_int_equal(gpu.cuda[1].context, 46);
  assert_int_equal(gpu.cuda[2].context, 101);
  assert_true(gpu.cuda[0].context_known && gpu.cuda[1].context_known && gpu.cuda[2].context_known);
  assert_true(gpu.cuda[3].context_known && gpu.cuda[3].context == 0);
  assert_false(gpu.cuda[4].context_known); // one that works is enough
  assert_int_equal(gpu.nvmls, 5);
  static const int errors[] = {0, 999, 15, 999, 0};
  for (int i = 0; i < 5; i++) {
    assert_int_equal(gpu.nvml[i].index, i);
    assert_int_equal(gpu.nvml[i].error, errors[i]);
  }
  assert_int_equal(gpu.nvml[1].memory, UNKNOWN);
  assert_int_equal(gpu.nvml[2].memory, UNKNOWN);
  assert_string_equal(gpu.nvml[3].name, "");
  assert_int_equal(gpu.nvml[4].ecc_uncorrected, -1);
  assert_int_equal(gpu.nvml[4].remap_pending, NO);
}

static void what_is_not_supported_is_not_so(void **state) {
  (void)state;
  struct gpu gpu = ask("nvmlDeviceGetMigMode 3\nnvmlDeviceGetTotalEccErrors 3\n"
                       "nvmlDeviceGetRemappedRows 3\nnvmlDeviceGetRetiredPagesPendingStatus 3\n"
                       "nvmlDeviceGetGpuFabricInfo 3\nnvmlSystemGetConfComputeState 3\n",
                       20);
  const struct nvml_device *n = &gpu.nvml[0];
  assert_int_equal(n->mig, NO);
  assert_int_equal(n->mig_instances, 0);
  assert_int_equal(n->ecc_uncorrected, 0);
  assert_int_equal(n->remap_pending, NO);
  assert_int_equal(n->remap_failure, NO);
  assert_int_equal(n->retired_pending, NO);
  assert_int_equal(n->fabric, FABRIC_NONE);
  assert_int_equal(n->confidential, NO);
}

static void states_are_told(void **state) {
  (void)state;
  struct gpu gpu =
      ask("nvmlDeviceGetCount_v2 0 value=4\n"
          "nvmlDeviceGetComputeMode@0 0 value=2\nnvmlDeviceGetComputeMode@1 0 value=9\n"
          "nvmlDeviceGetComputeRunningProcesses@0 7 value=3\n"
          "nvmlDeviceGetComputeRunningProcesses@1 4 value=3\n"
          "nvmlDeviceGetMigMode@0 0 value=1\n"
          "nvmlDeviceGetMigMode@1 0 value=1\nnvmlDeviceGetMigDeviceHandleByIndex@1 0 value=2\n"
          "nvmlDeviceGetMigMode@2 0 value=1\nnvmlDeviceGetMigDeviceHandleByIndex@2 4\n"
          "nvmlDeviceGetTotalEccErrors@0 0 value=7\n"
          "nvmlDeviceGetRemappedRows@0 0 value=1 more=0\n"
          "nvmlDeviceGetRemappedRows@1 0 value=0 more=1\n"
          "nvmlDeviceGetRetiredPagesPendingStatus@0 0 value=1\n"
          "nvmlDeviceGetGpuFabricInfo@0 0 value=1\nnvmlDeviceGetGpuFabricInfo@1 0 value=2\n"
          "nvmlDeviceGetGpuFabricInfo@2 0 value=3\n"
          "nvmlDeviceGetGpuFabricInfo@3 0 value=3 more=999\n"
          "nvmlDeviceGetName@0 0 text=GRID V100D-32C\n"
          "nvmlDeviceGetVirtualizationMode@0 0 value=2\n"
          "nvmlDeviceGetVirtualizationMode@1 0 value=2\n"
          "nvmlDeviceGetGridLicensableFeatures_v4@1 0 value=1 more=0\n"
          "nvmlDeviceGetVirtualizationMode@2 0 value=1\n"
          "nvmlDeviceGetVirtualizationMode@3 0 value=17\n"
          "nvmlSystemGetConfComputeState 0 value=1\n"
          "nvmlSystemGetConfComputeGpusReadyState 0 value=0\n",
          20);
  const struct nvml_device *n = gpu.nvml;
  assert_int_equal(gpu.nvmls, 4);
  assert_int_equal(n[0].compute_mode, COMPUTE_PROHIBITED);
  assert_int_equal(n[1].compute_mode, COMPUTE_UNKNOWN);
  assert_int_equal(n[0].processes, 3);
  assert_int_equal(n[1].processes, -1);
  assert_int_equal(n[0].mig, YES);
  assert_int_equal(n[0].mig_instances, 0);
  assert_int_equal(n[1].mig_instances, 2);
  assert_int_equal(n[2].mig_instances, -1);
  assert_int_equal(n[0].ecc_uncorrected, 7);
  assert_int_equal(n[0].remap_pending, YES);
  assert_int_equal(n[0].remap_failure, NO);
  assert_int_equal(n[1].remap_failure, YES);
  assert_int_equal(n[0].retired_pending, YES);
  assert_int_equal(n[0].fabric, FABRIC_NOT_STARTED);
  assert_int_equal(n[1].fabric, FABRIC_IN_PROGRESS);
  assert_int_equal(n[2].fabric, FABRIC_DONE);
  assert_int_equal(n[3].fabric, FABRIC_UNKNOWN);
  assert_string_equal(n[0].virtualization, "vgpu");
  assert_string_equal(n[0].vgpu_type, "V100D-32C");
  assert_int_equal(n[0].licensed, YES);
  assert_int_equal(n[1].licensed, NO);
  assert_string_equal(n[2].virtualization, "passthrough");
  assert_string_equal(n[3].virtualization, "");
  assert_int_equal(n[3].confidential, YES);
  assert_int_equal(n[3].confidential_ready, NO);
}

static void an_old_driver_has_no_mig_and_says_nothing_of_the_rest(void **state) {
  (void)state;
  struct gpu gpu =
      ask_these("", 20, FAKE_FOLDER "/empty/libcuda.so.1", FAKE_FOLDER "/old/libnvidia-ml.so.1");
  assert_int_equal(gpu.nvml_init, 0);
  assert_int_equal(gpu.nvmls, 1);
  const struct nvml_device *n = &gpu.nvml[0];
  assert_int_equal(n->processes, 0);
  assert_int_equal(n->memory, YES);
  assert_int_equal(n->mig, NO);
  assert_int_equal(n->mig_instances, 0);
  assert_int_equal(n->confidential, NO);
  assert_int_equal(n->remap_pending, UNKNOWN);
  assert_int_equal(n->fabric, FABRIC_UNKNOWN);
  assert_false(gpu.cuda_known || gpu.cuda_version_known);
  assert_string_equal(gpu.cuda_why, "it has no cuInit");
}

static void contexts_come_after_the_counting(void **state) {
  (void)state;
  struct gpu gpu = ask("nvmlDeviceGetCount_v2 slow\n", 20);
  assert_int_equal(gpu.cuda[0].context, 0);
  assert_true(gpu.cuda[0].context_known);
  assert_int_equal(gpu.nvml[0].processes, 0);
  gpu = ask("", 20); // and there is one now, so it would have been counted
  assert_int_equal(gpu.nvml[0].processes, 1);
}

// ---- no driver, and bad ones -------------------------------------------------------------------

static void libraries_that_do_not_load(void **state) {
  (void)state;
  tree_file(dir, "text", "this is no library\n");
  char text[TREE_PATH + 16], gone[TREE_PATH + 16];
  snprintf(text, sizeof text, "%s/text", dir);
  snprintf(gone, sizeof gone, "%s/gone", dir);
  struct gpu gpu = ask_these("", 20, text, gone);
  assert_true(gpu.nvml_known);
  assert_int_equal(gpu.nvml_init, 12);
  assert_non_null(strstr(gpu.nvml_why, "cannot open shared object file"));
  assert_false(gpu.cuda_known);
  assert_non_null(strstr(gpu.cuda_why, "text: "));
  gpu = ask_these("", 20, gone, FAKE_FOLDER "/empty/libnvidia-ml.so.1");
  assert_int_equal(gpu.nvml_init, 13);
  assert_false(gpu.cuda_known);
}

static void the_words_say_which_call_it_was(void **state) {
  (void)state;
  static const struct {
    const char *scenario, *cuda_why, *nvml_why; // "": nothing is wrong
  } rows[] = {
      // clang-format off
      {"cuInit crash\n",                       "crashed in cuInit (SIGSEGV)",      ""},
      {"cuInit abort\nnvmlInit_v2 crash\n",    "crashed in cuInit (SIGABRT)",      "crashed in nvmlInit_v2 (SIGSEGV)"},
      {"cuInit exit\n",                        "ended in cuInit (exit status ",    ""},
      {"nvmlDeviceGetMemoryInfo abort\n",      "",                                 "crashed in nvmlDeviceGetMemoryInfo (SIGABRT)"},
      {"cuDeviceGetCount 3\nnvmlDeviceGetCount_v2 999\n", "cuDeviceGetCount returned 3, ", "nvmlDeviceGetCount_v2 returned 999"},
      {"cuInit print\nnvmlInit_v2 print\n",    "",                                 ""},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct gpu gpu = ask(rows[i].scenario, 20);
    assert_true(strstr(gpu.cuda_why, rows[i].cuda_why) == gpu.cuda_why);
    assert_true(strstr(gpu.nvml_why, rows[i].nvml_why) == gpu.nvml_why);
    assert_int_equal(!*gpu.cuda_why, !*rows[i].cuda_why);
    assert_int_equal(!*gpu.nvml_why, !*rows[i].nvml_why);
    assert_int_equal(gpu.known, YES);
    nothing_is_left();
  }
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void two_that_hang_cost_one_limit(void **state) {
  (void)state;
  double start = seconds();
  struct gpu gpu = ask("cuInit hang\nnvmlInit_v2 deaf\n", 0.3);
  double took = seconds() - start;
  assert_string_equal(gpu.cuda_why, "cuInit gave no answer within 0.3 s");
  assert_string_equal(gpu.nvml_why, "nvmlInit_v2 gave no answer within 0.3 s");
  assert_false(gpu.cuda_known || gpu.nvml_known);
  assert_true(gpu.cuda_version_known); // said before
  assert_true(took > 0.29 && took < 1.5);
  nothing_is_left();
}

static void what_was_said_before_it_hung_is_kept(void **state) {
  (void)state;
  struct gpu gpu = ask("cuDeviceGetCount 0 value=3\ncuDevicePrimaryCtxRetain@0 46\n"
                       "cuDevicePrimaryCtxRetain@1 hang\n"
                       "nvmlDeviceGetCount_v2 0 value=3\nnvmlDeviceGetUUID@1 hang\n",
                       0.5);
  assert_true(gpu.cuda_known && gpu.nvml_known);
  assert_int_equal(gpu.cudas, 3);
  assert_true(gpu.cuda[0].context_known);
  assert_false(gpu.cuda[1].context_known || gpu.cuda[2].context_known);
  assert_string_equal(gpu.cuda_why, "cuDevicePrimaryCtxRetain gave no answer within 0.5 s");
  assert_int_equal(gpu.nvmls, 1);
  assert_string_equal(gpu.nvml_why, "nvmlDeviceGetUUID gave no answer within 0.5 s");
}

// What it starts is ended, and comes to this process, which adopts here what loses its parent.
static void what_a_driver_forks_is_not_waited_for(void **state) {
  (void)state;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  double start = seconds();
  struct gpu gpu = ask("cuInit fork\n", 20);
  assert_int_equal(gpu.cuda_init, 0);
  assert_true(seconds() - start < 10);
  int status = 0;
  assert_true(waitpid(-1, &status, 0) > 0);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  nothing_is_left();
}

static void mad_numbers_and_texts_stay_in_their_room(void **state) {
  (void)state;
  struct gpu gpu = ask("cuDeviceGetCount 0 value=2147483648\nnvmlDeviceGetCount_v2 0 "
                       "value=2147483648\ncuDeviceGetAttribute75 0 value=-5\n"
                       "cuDeviceGetAttribute20 0 value=77\ncuDriverGetVersion 0 value=-1\n"
                       "nvmlSystemGetDriverVersion fill\nnvmlDeviceGetName fill\n"
                       "nvmlDeviceGetUUID fill\nnvmlDeviceGetCudaComputeCapability 0 "
                       "value=4294967295\nnvmlDeviceGetTotalEccErrors 0 "
                       "value=18446744073709551615\n",
                       20);
  assert_false(gpu.cuda_count_known);
  assert_string_equal(gpu.cuda_why, "cuDeviceGetCount returned 0, -2147483648 devices");
  assert_int_equal(gpu.cudas, 0);
  assert_int_equal(gpu.cuda_version, -1);
  assert_int_equal(gpu.nvmls, GPU_ANSWERS);
  assert_true(strlen(gpu.nvml_version) < 128);
  for (int i = 0; i < GPU_ANSWERS; i++) {
    assert_int_equal(strlen(gpu.nvml[i].name), 127);
    assert_int_equal(strlen(gpu.nvml[i].uuid), 127);
    assert_int_equal(gpu.nvml[i].capability, 0);
    assert_int_equal(gpu.nvml[i].ecc_uncorrected, -1);
  }
  gpu = ask("cuDeviceGetCount 0 value=1000000000\ncuDeviceGetName fill\n"
            "cuDeviceGetAttribute75 0 value=-5\ncuDeviceGetAttribute20 0 value=77\n"
            "cuDevicePrimaryCtxRetain 46\n",
            20);
  assert_int_equal(gpu.cuda_count, 1000000000);
  assert_int_equal(gpu.cudas, GPU_ANSWERS);
  for (int i = 0; i < GPU_ANSWERS; i++) {
    assert_int_equal(strlen(gpu.cuda[i].name), 127);
    assert_int_equal(gpu.cuda[i].capability, 0);
    assert_int_equal(gpu.cuda[i].compute_mode, COMPUTE_UNKNOWN);
    assert_int_equal(gpu.cuda[i].context_known, i < 16);
  }
}

// ---- this process ------------------------------------------------------------------------------

static int open_files(void) {
  DIR *folder = opendir("/proc/self/fd");
  assert_non_null(folder);
  int count = 0;
  while (readdir(folder)) count++;
  closedir(folder);
  return count;
}

static void nothing_of_this_process_changes(void **state) {
  (void)state;
  int before = open_files();
  sigset_t mask, after;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR1);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  ask("cuInit crash\nnvmlInit_v2 abort\n", 20);
  sigprocmask(SIG_SETMASK, NULL, &after);
  for (int i = 1; i < SIGRTMIN; i++)
    if (i != SIGKILL && i != SIGSTOP && i < 32)
      assert_int_equal(sigismember(&after, i), i == SIGUSR1);
  assert_int_equal(open_files(), before);
  assert_string_equal(getenv("CUDA_VISIBLE_DEVICES"), "");
}

static void children_that_somebody_else_takes(void **state) {
  (void)state;
  signal(SIGCHLD, SIG_IGN);
  struct gpu gpu = ask("", 20);
  assert_int_equal(gpu.cuda_init, 0);
  assert_true(gpu.cuda[0].context_known);
  assert_int_equal(gpu.nvmls, 1);
  gpu = ask("cuInit crash\n", 20);
  assert_string_equal(gpu.cuda_why, "ended in cuInit");
  gpu = ask("cuInit deaf\n", 0.3);
  assert_string_equal(gpu.cuda_why, "cuInit gave no answer within 0.3 s");
  signal(SIGCHLD, SIG_DFL);
  nothing_is_left();
}

// In a child of a process that has entered CUDA, CUDA says that it is not initialised.
static void a_process_in_cuda_is_not_told_that_it_fails(void **state) {
  (void)state;
  void *library = dlopen(CUDA, RTLD_NOW);
  assert_non_null(library);
  struct gpu gpu = ask("cuInit 3\n", 20);
  assert_false(gpu.cuda_known);
  assert_non_null(strstr(gpu.cuda_why, "has entered CUDA"));
  dlclose(library);
  gpu = ask("cuInit 3\n", 20);
  assert_true(gpu.cuda_known);
  assert_int_equal(gpu.cuda_init, 3);
}

static atomic_bool enough;

static void *allocate(void *unused) {
  (void)unused;
  char name[] = "WHY_TEST_0";
  while (!atomic_load(&enough)) {
    free(malloc(1000));
    name[9] = (char)(name[9] == '9' ? '0' : name[9] + 1);
    setenv(name, "1", 1);
    FILE *file = fopen("/dev/null", "we");
    if (file) fclose(file);
  }
  return NULL;
}

static void threads_do_not_matter(void **state) {
  (void)state;
  pthread_t thread[2];
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&thread[i], NULL, allocate, NULL), 0);
  for (int i = 0; i < 4; i++) {
    struct gpu gpu = ask("", 20);
    assert_true(gpu.cuda_known && gpu.nvml_known);
    assert_string_equal(gpu.cuda_why, "");
    assert_string_equal(gpu.nvml_why, "");
  }
  atomic_store(&enough, true);
  for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_sound_driver_says_all),
      TEST(every_beginning_comes_through),
      TEST(every_number_comes_through),
      TEST(every_context_and_device_answers_for_itself),
      TEST(what_is_not_supported_is_not_so),
      TEST(states_are_told),
      TEST(an_old_driver_has_no_mig_and_says_nothing_of_the_rest),
      TEST(contexts_come_after_the_counting),
      TEST(libraries_that_do_not_load),
      TEST(the_words_say_which_call_it_was),
      TEST(two_that_hang_cost_one_limit),
      TEST(what_was_said_before_it_hung_is_kept),
      TEST(what_a_driver_forks_is_not_waited_for),
      TEST(mad_numbers_and_texts_stay_in_their_room),
      TEST(nothing_of_this_process_changes),
      TEST(children_that_somebody_else_takes),
      TEST(a_process_in_cuda_is_not_told_that_it_fails),
      TEST(threads_do_not_matter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
