// Machine files: what is written is read back the same, what is wrong is refused in one line with
// its place, half a file is never taken for a whole one; and the answers that a file carries.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "allocations.h"
#include "machine.h"
#include <cmocka.h>

static const char good[] =
    "{\n"
    "  \"schema\": 1, \"kind\": \"machine\", \"name\": \"one\",\n"
    "  \"provenance\": {\"facts\": \"published\", \"time\": \"2026-01-02T03:04:05Z\",\n"
    "    \"commit\": \"abc\", \"source\": \"a \\\"source\\\"\"},\n"
    "  \"later\": {\"unknown\": [1, 2]},\n"
    "  \"devices\": [\n"
    "    {\"name\": \"a CPU\", \"backend\": \"host\", \"host\": true, \"multiprocessors\": 8,\n"
    "     \"memory_bytes\": 8589934592, \"free_bytes\": 4294967296, \"cache_bytes\": 33554432,\n"
    "     \"numa_node\": 0, \"cpu_features\": [\"avx2\", \"amx_bf16\", \"later\"],\n"
    "     \"figures\": {\"memory_bps\": 5.5e10, \"f32_flops\": 0.1e12}},\n"
    "    {\"name\": \"a GPU\", \"backend\": \"cuda\", \"uuid\": \"GPU-1\", \"pci\": "
    "\"0000:3b:00.0\",\n"
    "     \"emulated\": true, \"capability\": 90, \"multiprocessors\": 132, \"driver\": 13000,\n"
    "     \"memory_bytes\": 18446744073709551615, \"context_bytes\": 500000000,\n"
    "     \"shared_bytes\": 232448, \"figures\": {\"provenance\": \"published\", \"in_bps\": "
    "55e9,\n"
    "       \"out_bps\": 54e9, \"latency_seconds\": 1e-5, \"launch_seconds\": 5e-6,\n"
    "       \"bf16_flops\": 9.9e14}}\n"
    "  ],\n"
    "  \"backends\": [\n"
    "    {\"name\": \"plain\", \"verdict\": {\"reason\": \"OK\"}},\n"
    "    {\"name\": \"cuda\", \"version\": \"1\", \"build\": \"sm_90a\",\n"
    "     \"verdict\": {\"reason\": \"OK\"}, \"lacks\": [\"gemm mma\", \"gemm later\"]},\n"
    "    {\"name\": \"later\", \"verdict\": \"of another shape\"},\n"
    "    {\"name\": \"cublas\", \"verdict\": {\"reason\": \"DRIVER_OLD\", \"need\": 13000,\n"
    "      \"have\": 12080, \"note\": \"its words\", \"cause\": \"driver-too-old\"}}\n"
    "  ],\n"
    "  \"answers\": [\n"
    "    {\"kernel\": \"cublas:lt\", \"op\": \"gemm\", \"device\": 1, \"problem\": \"*\",\n"
    "     \"workspace_bytes\": 33554432, \"verdict\": {\"reason\": \"OK\"}},\n"
    "    {\"kernel\": \"cublas:lt\", \"op\": \"gemm\", \"device\": 1, \"problem\": \"m=64 n=32 "
    "k=16\",\n"
    "     \"most_bytes\": 1048576, \"workspace_bytes\": 0,\n"
    "     \"verdict\": {\"reason\": \"LIBRARY\", \"note\": \"not supported\"}},\n"
    "    {\"kernel\": \"later:one\", \"op\": \"gemm\", \"device\": 1, \"problem\": \"?\",\n"
    "     \"verdict\": {\"reason\": \"OK\"}}\n"
    "  ]\n"
    "}\n";

static struct why_machine *read_text(const char *text, size_t length, struct why_error *error) {
  struct why_machine *machine;
  FILE *file = length ? fmemopen((void *)(uintptr_t)text, length, "r") : fopen("/dev/null", "r");
  assert_non_null(file);
  enum why_reason reason = why_read(file, &machine, error);
  fclose(file);
  assert_int_equal(reason == WHY_OK, machine != NULL);
  if (reason != WHY_OK) assert_int_equal(reason, WHY_BAD_INPUT);
  return machine;
}

static struct why_machine *read_good(const char *text) {
  struct why_error error;
  struct why_machine *machine = read_text(text, strlen(text), &error);
  if (!machine) {
    fail_msg("%d:%d: %s", error.line, error.column, error.text);
    abort(); // fail_msg does not come back
  }
  return machine;
}

static char *write_text(const struct why_machine *machine) {
  char *text = NULL;
  size_t length = 0;
  FILE *file = open_memstream(&text, &length);
  assert_non_null(file);
  assert_int_equal(why_write(file, machine), WHY_OK);
  fclose(file);
  return text;
}

static void facts_are_read(void **state) {
  (void)state;
  struct why_machine *machine = read_good(good);
  assert_string_equal(why_machine_name(machine), "one");
  assert_int_equal(why_machine_replayed(machine), 1);
  assert_int_equal(why_machine_devices(machine), 2);
  const struct why_facts *cpu = why_machine_device(machine, 0);
  const struct why_facts *gpu = why_machine_device(machine, 1);
  assert_int_equal(cpu->cpu_features, WHY_CPU_AVX2 | WHY_CPU_AMX_BF16);
  assert_true(cpu->host && cpu->flops[WHY_MATH_F32] == 1e11 && cpu->memory_bps == 5.5e10);
  assert_true(cpu->free_bytes == (uint64_t)4 << 30 && cpu->numa_node == 0);
  assert_string_equal(cpu->provenance, "published");
  assert_true(gpu->memory_bytes == UINT64_MAX && gpu->free_bytes == UINT64_MAX);
  assert_true(!gpu->host && gpu->emulated && gpu->numa_node == -1 && gpu->driver == 13000);
  assert_true(gpu->in_bps == 55e9 && gpu->flops[WHY_MATH_BF16] == 9.9e14);
  assert_null(why_machine_live(machine, 0));
  assert_null(why_machine_live(machine, 1));
  const struct why_slot *slot = machine->slot;
  assert_true(slot[WHY_SLOT_cuda].lacks[why_kernel_find("gemm", "cuda", "mma")]);
  assert_false(slot[WHY_SLOT_cuda].lacks[why_kernel_find("gemm", "cuda", "tiled")]);
  assert_int_equal(slot[WHY_SLOT_cublas].verdict.reason, WHY_DRIVER_OLD);
  assert_true(slot[WHY_SLOT_cublas].verdict.need == 13000);
  assert_string_equal(slot[WHY_SLOT_cublas].verdict.note, "its words");
  assert_string_equal(slot[WHY_SLOT_cublas].verdict.cause, "driver-too-old");
  assert_int_equal(slot[WHY_SLOT_openblas].verdict.reason, WHY_BACKEND_ABSENT); // not listed
  assert_int_equal(machine->answers, 2);
  for (int i = 0; i < machine->slots; i++) assert_true(slot[i].tried && !slot[i].backend);
  why_open_all(machine); // replayed: opens nothing
  for (int i = 0; i < machine->slots; i++) assert_null(slot[i].backend);
  why_close(machine);
}

// As `machine --measure` keeps them; written and read back.
static void ceilings_are_kept(void **state) {
  (void)state;
  static const char file[] =
      "{\"schema\": 1, \"kind\": \"machine\", \"name\": \"one\",\n"
      " \"provenance\": {\"facts\": \"measured\"},\n"
      " \"devices\": [{\"name\": \"a CPU\", \"backend\": \"host\", \"host\": true, "
      "\"memory_bytes\": 1}],\n"
      " \"ceilings\": [\n"
      "  {\"device\": 0, \"name\": \"fma-f32-avx2\", \"threads\": 8, \"value\": 1.5e12, "
      "\"unit\": \"flop/s\"},\n"
      "  {\"device\": 0, \"name\": \"copy-l1\", \"threads\": 1, \"bytes\": 24576, \"value\": 3e11,"
      " \"unit\": \"byte/s\", \"later\": [1]}]}\n";
  struct why_machine *first = read_good(file);
  char *text = write_text(first);
  struct why_machine *machine = read_good(text);
  assert_int_equal(why_machine_ceilings(machine), 2);
  const struct why_ceiling *fma = why_machine_ceiling(machine, 0);
  assert_string_equal(fma->name, "fma-f32-avx2");
  assert_string_equal(fma->unit, "flop/s");
  assert_true(fma->device == 0 && fma->threads == 8 && fma->bytes == 0 && fma->value == 1.5e12);
  const struct why_ceiling *copy = why_machine_ceiling(machine, 1);
  assert_true(copy->threads == 1 && copy->bytes == 24576 && copy->value == 3e11);

  struct why_ceiling again = *fma, other = *fma; // the same once more takes its place
  again.value = 2e12;
  other.threads = 1;
  assert_int_equal(why_machine_ceiling_add(machine, &again), WHY_OK);
  assert_int_equal(why_machine_ceilings(machine), 2);
  assert_true(why_machine_ceiling(machine, 0)->value == 2e12);
  assert_int_equal(why_machine_ceiling_add(machine, &other), WHY_OK);
  assert_int_equal(why_machine_ceilings(machine), 3);
  const struct why_ceiling bad[] = {
      {"", "s", 0, 0, 0, 1},   {"x", "", 0, 0, 0, 1},    {"x", "s", 1, 0, 0, 1},
      {"x", "s", -1, 0, 0, 1}, {"x", "s", 0, -1, 0, 1},  {"x", "s", 0, 0, 0, 0},
      {"x", "s", 0, 0, 0, -1}, {"x", "s", 0, 0, 0, NAN}, {"x", "s", 0, 0, 0, INFINITY}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(why_machine_ceiling_add(machine, &bad[i]), WHY_BAD_INPUT);
  assert_int_equal(why_machine_ceilings(machine), 3);
  for (int i = 0; i < 200; i++) { // more than it began with
    other.threads = 10 + i;
    assert_int_equal(why_machine_ceiling_add(machine, &other), WHY_OK);
  }
  assert_true(why_machine_ceiling(machine, 202)->threads == 209);
  free(text);
  why_close(machine);
  why_close(first);

  static const struct {
    const char *from, *to, *words;
    int line;
  } fault[] = {
      {"1.5e12", "0", "\"value\" must be above 0", 5},
      {"1.5e12", "\"fast\"", "must be a number", 5},
      {"\"device\": 0, \"name\": \"copy", "\"device\": 1, \"name\": \"copy", "from 0 to 0", 6},
      {"\"name\": \"fma-f32-avx2\", ", "", "\"name\" is missing", 5},
      {"\"threads\": 8", "\"threads\": -8", "from 0 to", 5},
      {"24576", "0.5", "whole number of bytes", 6},
      {"\"measured\"", "\"published\"", "facts are published", 5},
  };
  for (size_t i = 0; i < sizeof fault / sizeof *fault; i++) {
    const char *at = strstr(file, fault[i].from);
    assert_non_null(at);
    char wrong[sizeof file + 100];
    int length = snprintf(wrong, sizeof wrong, "%.*s%s%s", (int)(at - file), file, fault[i].to,
                          at + strlen(fault[i].from));
    struct why_error error;
    if (read_text(wrong, (size_t)length, &error))
      fail_msg("%s -> %s was accepted", fault[i].from, fault[i].to);
    if (!strstr(error.text, fault[i].words) || error.line != fault[i].line)
      fail_msg("%s -> %s: %d: %s", fault[i].from, fault[i].to, error.line, error.text);
  }
}

static void same_verdict(const struct why_verdict *a, const struct why_verdict *b) {
  assert_int_equal(a->reason, b->reason);
  assert_true(a->need == b->need && a->have == b->have);
  assert_string_equal(a->note, b->note);
  assert_string_equal(a->cause, b->cause);
}

static void same_machine(const struct why_machine *a, const struct why_machine *b) {
  assert_string_equal(a->name, b->name);
  assert_string_equal(a->provenance, b->provenance);
  assert_string_equal(a->time, b->time);
  assert_string_equal(a->commit, b->commit);
  assert_string_equal(a->source, b->source);
  assert_int_equal(a->devices, b->devices);
  assert_memory_equal(a->facts, b->facts, sizeof a->facts);
  for (int i = 0; i < a->slots; i++) {
    same_verdict(&a->slot[i].verdict, &b->slot[i].verdict);
    assert_string_equal(a->slot[i].build, b->slot[i].build);
    assert_string_equal(a->slot[i].version, b->slot[i].version);
    assert_memory_equal(a->slot[i].lacks, b->slot[i].lacks, sizeof a->slot[i].lacks);
  }
  assert_int_equal(a->answers, b->answers);
  for (int i = 0; i < a->answers; i++) {
    const struct why_answer *x = &a->answer[i], *y = &b->answer[i];
    assert_true(x->kernel == y->kernel && x->device == y->device && x->any == y->any);
    assert_true(x->most_bytes == y->most_bytes && x->workspace_bytes == y->workspace_bytes);
    assert_memory_equal(&x->problem, &y->problem, sizeof x->problem);
    same_verdict(&x->verdict, &y->verdict);
  }
}

static void round_trip(const struct why_machine *first) {
  char *text = write_text(first);
  struct why_machine *second = read_good(text);
  if (first->replayed) same_machine(first, second);
  char *again = write_text(second);
  assert_string_equal(text, again);
  struct why_machine *third = read_good(again);
  same_machine(second, third);
  why_close(third);
  free(again);
  why_close(second);
  free(text);
}

static void add_answer(struct why_machine *machine, const char *problem, uint64_t most,
                       uint64_t workspace, enum why_reason reason, const char *note) {
  struct why_answer answer = {.kernel = why_kernel_find("gemm", "cublas", "lt"),
                              .device = 1,
                              .any = !problem,
                              .most_bytes = most,
                              .workspace_bytes = workspace,
                              .verdict = {.reason = reason, .note = note, .cause = ""}};
  struct why_error error;
  if (problem) assert_int_equal(why_problem_parse(problem, &answer.problem, &error), WHY_OK);
  assert_int_equal(why_answer_add(machine, &answer), WHY_OK);
}

static void a_replayed_machine_comes_back_equal(void **state) {
  (void)state;
  struct why_machine *machine = read_good(good);
  add_answer(machine, "gemm m=7 n=5 k=3 type=bf16 tb=1 beta=0.1 alpha=-1e-300", 5, 4, WHY_OK, "");
  add_answer(machine, "gemm m=7 n=5 k=3 type=f64 lda=9", WHY_UNLIMITED, UINT64_MAX - 1, WHY_LIBRARY,
             "words with \"quotes\",\na line end and \xc3\xa9");
  round_trip(machine);
  why_close(machine);
}

static void this_machine_comes_back_equal(void **state) {
  (void)state;
  struct why_machine *machine;
  assert_int_equal(why_open(NULL, &machine), WHY_OK);
  assert_false(why_machine_replayed(machine));
  struct why_facts measured = *why_machine_device(machine, 0);
  measured.memory_bps = 12.3456789e9;
  measured.flops[WHY_MATH_F32] = 1.0 / 3 * 1e12;
  why_machine_figures(machine, 0, &measured);
  assert_string_equal(why_machine_device(machine, 0)->provenance, "measured");
  char *text = write_text(machine);
  struct why_machine *back = read_good(text);
  assert_int_equal(back->devices, machine->devices);
  const struct why_facts *a = &machine->facts[0], *b = &back->facts[0];
  assert_string_equal(a->name, b->name);
  assert_true(a->memory_bps == b->memory_bps && a->free_bytes == b->free_bytes);
  assert_memory_equal(a->flops, b->flops, sizeof a->flops);
  assert_int_equal(a->cpu_features, b->cpu_features);
  assert_string_equal(b->provenance, "measured");
  assert_int_equal(back->slot[WHY_SLOT_plain].verdict.reason, WHY_OK);
  round_trip(back);
  why_close(back);
  free(text);
  why_close(machine);
}

static void the_shipped_machine_is_read(void **state) {
  (void)state;
  FILE *file = fopen(WHY_TEST_SOURCE "/bench/machines/h200.json", "r");
  assert_non_null(file);
  struct why_machine *machine;
  struct why_error error;
  enum why_reason reason = why_read(file, &machine, &error);
  fclose(file);
  if (reason) fail_msg("h200.json:%d:%d: %s", error.line, error.column, error.text);
  const struct why_facts *gpu = why_machine_device(machine, 1);
  assert_int_equal(why_machine_devices(machine), 2);
  assert_string_equal(gpu->name, "NVIDIA H200");
  assert_string_equal(gpu->provenance, "published");
  assert_true(gpu->memory_bps == 4.8e12 && gpu->capability == 90 && gpu->in_bps == 55e9);
  assert_int_equal(machine->answers, 4);
  assert_string_equal(why_machine_host(machine), "pcie5"); // the others are its
  round_trip(machine);
  why_close(machine);
}

// ---- what is refused ---------------------------------------------------------------------------

static void faults_are_placed(void **state) {
  (void)state;
  static const struct {
    const char *from, *to; // the first of `from` in the good file becomes `to`
    int line;
    const char *words;
  } rows[] = {
      // clang-format off
      {"\"schema\": 1",            "\"schema\": 2",               2,  "this version reads 1"},
      {"\"schema\": 1",            "\"schema\": \"1\"",           2,  "must be a number, not a string"},
      {"\"schema\": 1",            "\"schema\": 1.5",             2,  "a whole number"},
      {"\"schema\": 1, ",          "",                            1,  "\"schema\" is missing"},
      {"\"machine\"",              "\"suite\"",                   2,  "must be \"machine\""},
      {"\"name\": \"one\"",        "\"name\": \"\"",              2,  "must not be empty"},
      {"\"name\": \"one\"",        "\"name\": 7",                 2,  "must be a string"},
      {"\"one\"",                  "\"0123456789012345678901234567890123456789012345678901234567890123\"", 2, "at most 63 bytes"},
      {"\"published\"",            "\"guessed\"",                 3,  "\"measured\" or \"published\""},
      {"\"published\"",            "\"measured\"",                14, "one file, one provenance"},
      {"\"provenance\": {\"facts\"", "\"provenances\": {\"facts\"", 1,  "\"provenance\" is missing"},
      {"\"devices\": [",           "\"device\": [",               1,  "\"devices\" is missing"},
      {"\"name\": \"a CPU\", ",    "",                            7,  "\"name\" is missing"},
      {"\"host\": true",           "\"host\": 1",                 7,  "must be true or false"},
      {"\"host\": true, ",         "",                            7,  "the first device must"},
      {"\"emulated\": true",       "\"host\": true",              11, "only the first device"},
      {"\"multiprocessors\": 8",   "\"multiprocessors\": -8",     7,  "from 0 to"},
      {"\"memory_bytes\": 8589934592, ", "",                      7,  "\"memory_bytes\" is missing"},
      {"8589934592",               "-1",                          8,  "0 or more"},
      {"8589934592",               "8.5e9",                       8,  "whole number of bytes"},
      {"8589934592",               "18446744073709551616",        8,  "below 2^64"},
      {"8589934592",               "4294967295",                  8,  "at most \"memory_bytes\""},
      {"\"avx2\"",                 "2",                           9,  "must hold strings"},
      {"5.5e10",                   "-5.5e10",                     10, "0 (not known) or more"},
      {"5.5e10",                   "\"fast\"",                    10, "must be a number"},
      {"\"figures\": {\"memory",   "\"figures\": [{\"memory",     10, "expected , or ]"},
      {"{\"name\": \"plain\"",     "{\"name\": \"cuda\"",         20, "listed twice"},
      {"\"reason\": \"OK\"",       "\"reason\": \"FINE\"",        19, "no reason \"FINE\""},
      {"\"reason\": \"OK\"",       "\"reason\": \"SLOWER\"",      19, "SLOWER is said of a candidate"},
      {"\"reason\": \"OK\"",       "\"note\": \"OK\"",            19, "\"reason\" is missing"},
      {"\"gemm mma\"",             "\"gemm\"",                    21, "an op and a kernel"},
      {"\"need\": 13000",          "\"need\": -1",                23, "\"need\" must be"},
      {"\"device\": 1",            "\"device\": 2",               27, "from 0 to 1"},
      {"\"cublas:lt\"",            "\"cublas\"",                  27, "a backend and a kernel"},
      {"\"m=64 n=32 k=16\"",       "\"m=64 n=32\"",               29, "\"problem\": "},
      {"\"m=64 n=32 k=16\"",       "\"m=0 n=32 k=16\"",           29, "\"problem\": "},
      {"\"m=64 n=32 k=16\"",       "64",                          29, "must be a string"},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *at = strstr(good, rows[i].from);
    assert_non_null(at);
    char text[sizeof good + 200];
    int length = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, rows[i].to,
                          at + strlen(rows[i].from));
    struct why_error error;
    struct why_machine *machine = read_text(text, (size_t)length, &error);
    if (machine) fail_msg("%s -> %s was accepted", rows[i].from, rows[i].to);
    if (!strstr(error.text, rows[i].words) || strchr(error.text, '\n'))
      fail_msg("%s -> %s: %s", rows[i].from, rows[i].to, error.text);
    if (error.line != rows[i].line || error.column < 1)
      fail_msg("%s -> %s: line %d, not %d", rows[i].from, rows[i].to, error.line, rows[i].line);
  }
}

static void half_a_file_is_refused(void **state) {
  (void)state;
  size_t whole = strlen(good) - 1; // without the last line end, which may go missing
  for (size_t length = 0; length < whole; length++) {
    char *half = malloc(length + 1);
    assert_non_null(half);
    memcpy(half, good, length);
    struct why_error error;
    assert_null(read_text(half, length, &error));
    assert_true(error.text[0] && error.line >= 1 && error.column >= 1);
    free(half);
  }
  struct why_error error;
  struct why_machine *machine = read_text(good, whole, &error);
  assert_non_null(machine);
  why_close(machine);
}

static void mutants_do_no_harm(void **state) {
  (void)state;
  uint64_t word = 20260731;
  int accepted = 0, refused = 0;
  for (int round = 0; round < 20000; round++) {
    char text[sizeof good];
    memcpy(text, good, sizeof good);
    for (int changes = 1 + round % 3; changes--;) {
      word = word * 6364136223846793005u + 1442695040888963407u;
      size_t at = (size_t)(word >> 33) % (sizeof good - 1);
      word = word * 6364136223846793005u + 1442695040888963407u;
      // Another character of the file, so that most still parse; now and then any byte.
      text[at] = round % 5 ? good[(word >> 33) % (sizeof good - 1)] : (char)(word >> 40);
    }
    struct why_error error;
    struct why_machine *machine = read_text(text, sizeof good - 1, &error);
    assert_true(machine || (error.text[0] && error.line >= 1));
    if (machine && accepted % 16 == 0) round_trip(machine);
    machine ? accepted++ : refused++;
    why_close(machine);
  }
  assert_true(accepted > 100 && refused > 100); // both sides were reached
}

static void a_folder_is_no_file(void **state) {
  (void)state;
  FILE *file = fopen(WHY_TEST_SOURCE, "r");
  assert_non_null(file);
  struct why_machine *machine;
  struct why_error error;
  assert_int_equal(why_read(file, &machine, &error), WHY_BAD_INPUT);
  assert_non_null(strstr(error.text, "cannot be read"));
  assert_null(machine);
  fclose(file);
}

static void a_full_disk_is_said(void **state) {
  (void)state;
  struct why_machine *machine = read_good(good);
  FILE *file = fopen("/dev/full", "w");
  assert_non_null(file);
  assert_int_equal(why_write(file, machine), WHY_CALL_FAILED);
  fclose(file);
  why_close(machine);
}

// ---- memory ------------------------------------------------------------------------------------

static int allocations_left = -1; // -1: none fails
static bool allocation_fails(void) {
  return allocations_left >= 0 && allocations_left-- == 0;
}

static void each_allocation_may_fail(void **state) {
  (void)state;
  enum why_reason reason = WHY_ALLOC_FAILED;
  int n = 0;
  for (; reason != WHY_OK; n++) {
    struct why_machine *machine;
    struct why_error error;
    FILE *file = fmemopen((void *)(uintptr_t)good, strlen(good), "r");
    assert_non_null(file);
    allocations_left = n;
    reason = why_read(file, &machine, &error);
    allocations_left = -1;
    fclose(file);
    if (reason == WHY_OK) {
      struct why_machine *whole = read_good(good);
      same_machine(machine, whole); // nothing was lost on the way
      why_close(whole);
    } else {
      assert_int_equal(reason, WHY_ALLOC_FAILED);
      assert_string_equal(error.text, "out of memory");
      assert_null(machine);
    }
    why_close(machine);
  }
  assert_true(n > 8); // that many there were
}

// ---- answers -----------------------------------------------------------------------------------

static const struct why_answer *find(const struct why_machine *machine, const char *text,
                                     uint64_t most) {
  struct why_problem problem;
  struct why_error error;
  assert_int_equal(why_problem_parse(text, &problem, &error), WHY_OK);
  int kernel = why_kernel_find("gemm", "cublas", "lt");
  assert_null(why_answer_find(machine, kernel, 0, &problem, most)); // of another device
  assert_null(why_answer_find(machine, kernel - 1, 1, &problem, most));
  return why_answer_find(machine, kernel, 1, &problem, most);
}

static void answers_hold_for_their_budget(void **state) {
  (void)state;
  struct why_machine *machine = why_machine_new();
  assert_non_null(machine);
  const char *problem = "gemm m=8 n=8 k=8";
  assert_null(find(machine, problem, WHY_UNLIMITED));
  add_answer(machine, problem, 1000, 600, WHY_OK, "");
  assert_null(find(machine, "gemm m=8 n=8 k=9", 1000));
  assert_null(find(machine, "gemm m=8 n=8 k=8 type=f64", 1000));
  assert_null(find(machine, "gemm m=8 n=8 k=8 beta=0.5", 1000));
  assert_non_null(find(machine, problem, 1000));          // the budget it was asked with
  assert_non_null(find(machine, problem, WHY_UNLIMITED)); // its workspace fits
  assert_non_null(find(machine, problem, 600));
  assert_null(find(machine, problem, 599)); // does not fit, and a smaller one was not asked for
  add_answer(machine, problem, 100, 0, WHY_LIBRARY, "no");
  assert_int_equal(find(machine, problem, 100)->verdict.reason, WHY_LIBRARY);
  assert_int_equal(find(machine, problem, 99)->verdict.reason, WHY_LIBRARY);
  assert_null(find(machine, problem, 101)); // a no does not hold for more
  add_answer(machine, problem, 700, 650, WHY_OK, "");
  assert_true(find(machine, problem, 1000)->workspace_bytes == 600); // this very budget first
  assert_true(find(machine, problem, 700)->workspace_bytes == 650);
  assert_true(find(machine, problem, 999)->workspace_bytes == 650); // else what uses most of it
  add_answer(machine, "gemm m=9 n=9 k=9", 50, 80, WHY_OK, "");
  assert_non_null(find(machine, "gemm m=9 n=9 k=9", 50)); // asked is asked, whatever it wants
  assert_null(find(machine, "gemm m=9 n=9 k=9", 51));
  add_answer(machine, NULL, WHY_UNLIMITED, 300, WHY_OK, "");
  assert_true(find(machine, problem, 101)->any); // for any problem and budget, where it has
  assert_true(find(machine, problem, 300)->any); // no answer of its own
  assert_false(find(machine, problem, 600)->any);
  assert_true(find(machine, "gemm m=1 n=2 k=3", 1000)->any);
  add_answer(machine, problem, 1000, 700, WHY_OK, ""); // said again: replaces
  assert_int_equal(machine->answers, 5);
  assert_true(find(machine, problem, 1000)->workspace_bytes == 700);
  why_close(machine);
}

static void many_answers_are_all_found(void **state) {
  (void)state;
  struct why_machine *machine = why_machine_new();
  assert_non_null(machine);
  char text[64];
  for (int i = 1; i <= 1000; i++) {
    snprintf(text, sizeof text, "gemm m=%d n=%d k=1", i, 1001 - i);
    add_answer(machine, text, WHY_UNLIMITED, (uint64_t)i, WHY_OK, "");
  }
  assert_int_equal(machine->answers, 1000);
  for (int i = 1; i <= 1000; i++) {
    snprintf(text, sizeof text, "gemm m=%d n=%d k=1", i, 1001 - i);
    assert_true(find(machine, text, WHY_UNLIMITED)->workspace_bytes == (uint64_t)i);
  }
  why_close(machine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(facts_are_read),
      cmocka_unit_test(ceilings_are_kept),
      cmocka_unit_test(a_replayed_machine_comes_back_equal),
      cmocka_unit_test(this_machine_comes_back_equal),
      cmocka_unit_test(the_shipped_machine_is_read),
      cmocka_unit_test(faults_are_placed),
      cmocka_unit_test(half_a_file_is_refused),
      cmocka_unit_test(mutants_do_no_harm),
      cmocka_unit_test(a_folder_is_no_file),
      cmocka_unit_test(a_full_disk_is_said),
      cmocka_unit_test(each_allocation_may_fail),
      cmocka_unit_test(answers_hold_for_their_budget),
      cmocka_unit_test(many_answers_are_all_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
