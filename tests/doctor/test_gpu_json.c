// The recorded answers of a driver: what a file says is known, what it leaves out or has wrong is
// not, and nothing that it can hold does harm.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_json.h"
#include "tree.h"
#include <cmocka.h>

static struct arena arena;
static jmp_buf full;

static int begin(void **state) {
  (void)state;
  arena = (struct arena){.full = &full};
  return 0;
}

static int end(void **state) {
  (void)state;
  arena_free(&arena);
  return 0;
}

static struct gpu read_length(const char *text, size_t length) {
  struct gpu gpu = gpu_none("");
  struct why_error error;
  if (setjmp(full)) fail_msg("the arena is full");
  if (!gpu_json_read(&arena, text, length, &gpu, &error))
    fail_msg("%d:%d: %s", error.line, error.column, error.text);
  gpu_judge(&arena, &gpu);
  return gpu;
}

static struct gpu read_text(const char *text) {
  return read_length(text, strlen(text));
}

// SNAPSHOT.md's, with every value another than what is not known.
static const char example[] =
    "{\"nvml\": {\"init\": 0, \"driver_version\": \"550.54.14\", \"devices\": [\n"
    " {\"index\": 3, \"uuid\": \"GPU-1\", \"name\": \"NVIDIA H100 80GB HBM3\",\n"
    "  \"compute_capability\": \"9.0\", \"memory_total\": 85520809984,\n"
    "  \"memory_free\": 84000000000, \"compute_mode\": \"exclusive-process\",\n"
    "  \"processes\": 2, \"mig_mode\": \"enabled\", \"mig_instances\": 0,\n"
    "  \"ecc_uncorrected_volatile\": 5, \"remap_pending\": true, \"remap_failure\": false,\n"
    "  \"retired_pending\": true, \"fabric_state\": \"not-started\",\n"
    "  \"virtualization\": \"vgpu\", \"vgpu_type\": \"V100D-32C\", \"licensed\": false,\n"
    "  \"confidential_compute\": true, \"cc_ready\": false, \"multiprocessors\": 132,\n"
    "  \"something else\": [1, {\"x\": null}]},\n"
    " {\"index\": 1, \"error\": 999}]},\n"
    " \"cuda\": {\"init\": 803, \"driver_version\": 12040, \"device_count\": 1,\n"
    "  \"devices\": [{\"name\": \"H100\", \"compute_capability\": \"12.1\", \"context\": 46,\n"
    "   \"multiprocessors\": 7, \"compute_mode\": \"prohibited\"}]}}\n";

static void check_example(const struct gpu *gpu) {
  assert_int_equal(gpu->known, YES);
  assert_int_equal(gpu->schema, 0);
  assert_true(gpu->nvml_known && gpu->cuda_known);
  assert_int_equal(gpu->nvml_init, 0);
  assert_string_equal(gpu->nvml_version, "550.54.14");
  assert_int_equal(gpu->nvmls, 2);
  const struct nvml_device *n = gpu->nvml;
  assert_int_equal(n->index, 3);
  assert_int_equal(n->error, 0);
  assert_string_equal(n->uuid, "GPU-1");
  assert_string_equal(n->name, "NVIDIA H100 80GB HBM3");
  assert_int_equal(n->capability, 90);
  assert_int_equal(n->memory, YES);
  assert_int_equal(n->total_bytes, 85520809984u);
  assert_int_equal(n->free_bytes, 84000000000u);
  assert_int_equal(n->compute_mode, COMPUTE_EXCLUSIVE_PROCESS);
  assert_int_equal(n->processes, 2);
  assert_int_equal(n->mig, YES);
  assert_int_equal(n->mig_instances, 0);
  assert_int_equal(n->ecc_uncorrected, 5);
  assert_int_equal(n->remap_pending, YES);
  assert_int_equal(n->remap_failure, NO);
  assert_int_equal(n->retired_pending, YES);
  assert_int_equal(n->fabric, FABRIC_NOT_STARTED);
  assert_string_equal(n->virtualization, "vgpu");
  assert_string_equal(n->vgpu_type, "V100D-32C");
  assert_int_equal(n->licensed, NO);
  assert_int_equal(n->confidential, YES);
  assert_int_equal(n->confidential_ready, NO);
  assert_int_equal(n->multiprocessors, 132);
  assert_int_equal(gpu->nvml[1].index, 1);
  assert_int_equal(gpu->nvml[1].error, 999);
  assert_int_equal(gpu->cuda_init, 803);
  assert_true(gpu->cuda_version_known && gpu->cuda_count_known);
  assert_int_equal(gpu->cuda_version, 12040);
  assert_int_equal(gpu->cuda_count, 1);
  assert_int_equal(gpu->cudas, 1);
  const struct cuda_device *c = gpu->cuda;
  assert_string_equal(c->name, "H100");
  assert_int_equal(c->capability, 121);
  assert_true(c->context_known);
  assert_int_equal(c->context, 46);
  assert_int_equal(c->multiprocessors, 7);
  assert_int_equal(c->compute_mode, COMPUTE_PROHIBITED);
}

// Every field of a device is as if the file had not named it.
static void check_unknown(const struct nvml_device *n) {
  assert_int_equal(n->error, 0);
  assert_string_equal(n->uuid, "");
  assert_string_equal(n->name, "");
  assert_int_equal(n->capability, 0);
  assert_int_equal(n->memory, UNKNOWN);
  assert_int_equal(n->compute_mode, COMPUTE_UNKNOWN);
  assert_int_equal(n->processes, -1);
  assert_int_equal(n->mig, UNKNOWN);
  assert_int_equal(n->mig_instances, -1);
  assert_int_equal(n->ecc_uncorrected, -1);
  assert_int_equal(n->remap_pending, UNKNOWN);
  assert_int_equal(n->remap_failure, UNKNOWN);
  assert_int_equal(n->retired_pending, UNKNOWN);
  assert_int_equal(n->fabric, FABRIC_UNKNOWN);
  assert_string_equal(n->virtualization, "");
  assert_string_equal(n->vgpu_type, "");
  assert_int_equal(n->licensed, UNKNOWN);
  assert_int_equal(n->confidential, UNKNOWN);
  assert_int_equal(n->confidential_ready, UNKNOWN);
  assert_int_equal(n->multiprocessors, 0);
}

static void the_format_is_read(void **state) {
  (void)state;
  struct gpu gpu = read_text(example);
  check_example(&gpu);
}

static void what_is_written_reads_back(void **state) {
  (void)state;
  struct gpu gpu = read_text(example);
  for (int i = 0; i < 2; i++) {
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    assert_non_null(file);
    gpu_json_write(file, &gpu);
    assert_int_equal(fclose(file), 0);
    gpu = read_length(text, length);
    free(text);
    check_example(&gpu);
  }
}

static void what_is_not_known_is_not_written(void **state) {
  (void)state;
  static const char *const texts[] = {
      "{}",
      "{\"nvml\": {\"init\": 12}}",
      "{\"nvml\": {\"devices\": []}, \"cuda\": {\"devices\": [{}]}}",
      "{\"nvml\": {\"devices\": [{\"index\": 0}]}}",
      "{\"nvml\": {\"why\": \"no answer within 10 s\"}, \"cuda\": {\"why\": \"killed\"}}",
      "{\"cuda\": {\"driver_version\": 12040}}",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct gpu gpu = read_text(texts[i]);
    char *text = NULL, *at;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    assert_non_null(file);
    gpu_json_write(file, &gpu);
    assert_int_equal(fclose(file), 0);
    at = text; // the same but for its white space
    for (const char *from = texts[i]; *from; from++) {
      if (*from == ' ' && from[-1] != 'o' && from[-1] != 'r' && from[-1] != 'n' && from[-1] != '0')
        continue;
      while (*at == '\n' || (*at == ' ' && *from != ' ')) at++;
      assert_int_equal(*at++, *from);
    }
    free(text);
  }
}

static void an_empty_file_knows_nothing(void **state) {
  (void)state;
  struct gpu gpu = read_text("{}");
  assert_int_equal(gpu.known, UNKNOWN);
  assert_string_equal(gpu.why, "it holds no answers");
  assert_false(gpu.nvml_known || gpu.cuda_known || gpu.cuda_version_known || gpu.cuda_count_known);
  assert_null(gpu.nvml);
  assert_null(gpu.cuda);
  assert_string_equal(gpu.nvml_version, "");
  gpu = read_text("{\"nvml\": {\"devices\": [{}]}}");
  assert_int_equal(gpu.known, YES);
  assert_false(gpu.nvml_known);
  assert_int_equal(gpu.nvmls, 1);
  assert_int_equal(gpu.nvml[0].index, 0);
  check_unknown(&gpu.nvml[0]);
}

static void words_stand_in_for_an_answer(void **state) {
  (void)state;
  struct gpu gpu = read_text("{\"nvml\": {\"why\": \"no answer within 10 s\"},"
                             " \"cuda\": {\"why\": \"killed by SIGSEGV\"}}");
  assert_int_equal(gpu.known, UNKNOWN);
  assert_string_equal(gpu.nvml_why, "no answer within 10 s");
  assert_string_equal(gpu.cuda_why, "killed by SIGSEGV");
  assert_string_equal(gpu.why, "no answer within 10 s; killed by SIGSEGV");
  gpu = read_text("{\"nvml\": {\"init\": 0, \"why\": \"slow\"}}");
  assert_int_equal(gpu.known, YES);
  assert_true(gpu.nvml_known);
  assert_string_equal(gpu.nvml_why, "slow");
}

// Each value of a wrong type, or out of range, is not known, and takes nothing else along.
static void wrong_values_are_not_known(void **state) {
  (void)state;
  static const char *const values[] = {
      "null", "[]", "{}", "[1]", "{\"a\": 1}", "-1", "1.5", "1e3", "99999999999999999999999999",
      "-0.0"};
  static const char *const keys[] = {"uuid",
                                     "name",
                                     "compute_capability",
                                     "memory_total",
                                     "memory_free",
                                     "compute_mode",
                                     "processes",
                                     "mig_mode",
                                     "mig_instances",
                                     "ecc_uncorrected_volatile",
                                     "remap_pending",
                                     "remap_failure",
                                     "retired_pending",
                                     "fabric_state",
                                     "virtualization",
                                     "vgpu_type",
                                     "licensed",
                                     "confidential_compute",
                                     "cc_ready",
                                     "multiprocessors"};
  for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
      char text[256];
      snprintf(text, sizeof text, "{\"nvml\": {\"init\": 3, \"devices\": [{\"%s\": %s}]}}", keys[k],
               values[v]);
      struct gpu gpu = read_text(text);
      assert_int_equal(gpu.nvml_init, 3);
      check_unknown(&gpu.nvml[0]);
    }
  static const char *const words[] = {"\"\"",     "\"9\"",       "\"9.\"",    "\".9\"",
                                      "\"9.0a\"", "\"9.10\"",    "\"999.0\"", "\"-1.0\"",
                                      "\"0.0\"",  "\"Default\"", "true"};
  for (size_t v = 0; v < sizeof words / sizeof *words; v++) {
    char text[512];
    snprintf(text, sizeof text,
             "{\"nvml\": {\"devices\": [{\"compute_capability\": %s, \"compute_mode\": %s,"
             " \"mig_mode\": %s, \"fabric_state\": %s, \"processes\": %s, \"index\": %s,"
             " \"error\": %s}]}}",
             words[v], words[v], words[v], words[v], words[v], words[v], words[v]);
    struct gpu gpu = read_text(text);
    check_unknown(&gpu.nvml[0]);
    assert_int_equal(gpu.nvml[0].index, 0);
  }
}

static void wrong_parts_are_not_known(void **state) {
  (void)state;
  static const char *const texts[] = {
      "{\"nvml\": 1, \"cuda\": []}",
      "{\"nvml\": null, \"cuda\": \"x\"}",
      "{\"nvml\": {\"init\": \"0\", \"devices\": {}}, \"cuda\": {\"init\": 0.5, \"devices\": 1}}",
      "{\"nvml\": {\"init\": 2147483648}}",
      "{\"cuda\": {\"driver_version\": \"12.4\", \"device_count\": true}}",
      "{\"cuda\": {\"device_count\": -1}}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_int_equal(read_text(texts[i]).known, UNKNOWN);
  // Places in a list are kept.
  struct gpu gpu = read_text("{\"nvml\": {\"devices\": [1, {}, null]},"
                             " \"cuda\": {\"devices\": [[], {\"error\": 999}]}}");
  assert_int_equal(gpu.nvmls, 1);
  assert_int_equal(gpu.nvml[0].index, 1);
  assert_int_equal(gpu.cudas, 2);
  assert_false(gpu.cuda[0].context_known);
  assert_string_equal(gpu.cuda[0].name, "");
  assert_int_equal(gpu.cuda[1].context, 999);
}

static void schemas(void **state) {
  (void)state;
  assert_int_equal(read_text("{\"schema\": 1}").schema, 1);
  assert_int_equal(read_text("{\"schema\": 2, \"nvml\": {\"init\": 0}}").schema, 2);
  assert_int_equal(read_text("{\"schema\": \"1\"}").schema, -1);
}

static void faults_are_placed(void **state) {
  (void)state;
  static const struct {
    const char *text, *words;
    int line, column;
  } rows[] = {{"", "the text ends here", 1, 1},
              {"[]", "expected an object", 1, 1},
              {"{\n  \"nvml\": {,}}", "expected a key", 2, 12},
              {"{\"nvml\": {}, \"nvml\": {}}", "twice", 1, 14}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct gpu gpu = gpu_none("");
    struct why_error error;
    assert_false(gpu_json_read(&arena, rows[i].text, strlen(rows[i].text), &gpu, &error));
    assert_non_null(strstr(error.text, rows[i].words));
    assert_int_equal(error.line, rows[i].line);
    assert_int_equal(error.column, rows[i].column);
  }
}

// As large as a file may be: deep, wide, and of many devices.
static void large_files_do_no_harm(void **state) {
  (void)state;
  char *text = malloc(GPU_JSON_MOST);
  assert_non_null(text);
  struct gpu gpu = gpu_none("");
  struct why_error error;
  memset(text, '[', GPU_JSON_MOST);
  assert_false(gpu_json_read(&arena, text, GPU_JSON_MOST, &gpu, &error));
  static const char head[] = "{\"nvml\": {\"devices\": [";
  memcpy(text, head, sizeof head - 1);
  size_t at = sizeof head - 1;
  while (at < GPU_JSON_MOST - 8) at += (size_t)sprintf(text + at, "{},");
  at += (size_t)sprintf(text + at, "{}]}}");
  gpu = read_length(text, at);
  assert_int_equal(gpu.nvmls, GPU_ANSWERS);
  assert_true(arena.total < 1 << 20);
  free(text);
}

// ---- the probe ---------------------------------------------------------------------------------

static struct facts probe(const char *dir, struct root **root) {
  struct why_error error;
  struct facts facts = {.arena = &arena};
  if (setjmp(full)) fail_msg("the arena is full");
  assert_int_equal(root_open(dir, &arena, root, &error), WHY_OK);
  facts.root = *root;
  probe_gpu(&facts);
  return facts;
}

static void a_snapshot_is_its_file(void **state) {
  (void)state;
  char dir[TREE_PATH];
  struct root *root;
  tree_begin(dir);
  tree_file(dir, "proc/version", "Linux\n");
  struct facts facts = probe(dir, &root);
  assert_int_equal(facts.gpu.known, UNKNOWN);
  assert_string_equal(facts.gpu.path, "/.whycpu/gpu.json");
  assert_non_null(strstr(facts.gpu.why, "no /.whycpu/gpu.json"));
  root_close(root);

  tree_file(dir, ".whycpu/gpu.json", example);
  facts = probe(dir, &root);
  check_example(&facts.gpu);
  root_close(root);

  tree_file(dir, ".whycpu/gpu.json", "{\n \"nvml\": 1,\n}");
  facts = probe(dir, &root);
  assert_int_equal(facts.gpu.known, UNKNOWN);
  assert_string_equal(facts.gpu.why,
                      "/.whycpu/gpu.json: line 3, column 1: expected a key in double quotes");
  root_close(root);

  char *text = malloc(GPU_JSON_MOST + 2);
  assert_non_null(text);
  memset(text, ' ', GPU_JSON_MOST + 1);
  text[GPU_JSON_MOST + 1] = 0;
  tree_file(dir, ".whycpu/gpu.json", text);
  free(text);
  facts = probe(dir, &root);
  assert_string_equal(facts.gpu.why, "/.whycpu/gpu.json: larger than 256 KiB");
  root_close(root);
  tree_end(dir);
}

static void without_libraries_nobody_is_asked(void **state) {
  (void)state;
  struct root *root;
  struct why_error error;
  struct facts facts = {.arena = &arena};
  if (setjmp(full)) fail_msg("the arena is full");
  assert_int_equal(root_open("/", &arena, &root, &error), WHY_OK);
  facts.root = root;
  facts.driver.cuda.there = facts.driver.nvml.there = ABSENT;
  probe_gpu(&facts);
  assert_int_equal(facts.gpu.known, YES);
  assert_true(facts.gpu.nvml_known);
  assert_int_equal(facts.gpu.nvml_init, 12);
  assert_false(facts.gpu.cuda_known);
  root_close(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_format_is_read),
      TEST(what_is_written_reads_back),
      TEST(what_is_not_known_is_not_written),
      TEST(an_empty_file_knows_nothing),
      TEST(words_stand_in_for_an_answer),
      TEST(wrong_values_are_not_known),
      TEST(wrong_parts_are_not_known),
      TEST(schemas),
      TEST(faults_are_placed),
      TEST(large_files_do_no_harm),
      TEST(a_snapshot_is_its_file),
      TEST(without_libraries_nobody_is_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
