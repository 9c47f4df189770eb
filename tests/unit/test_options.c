// Values of options, the nearest name, and the common options of a command line.
#include "options.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const char program_version[] = "test", program_commit[] = "test";

static void test_sizes(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint64_t bytes;
  } good[] = {{"0", 0},
              {"4096", 4096},
              {"4096B", 4096},
              {"64MiB", 64ull << 20},
              {"1.5GiB", 3ull << 29},
              {"2TiB", 2ull << 40},
              {"18446744073709551615", UINT64_MAX},
              {"16777215TiB", 16777215ull << 40},
              {"9007199254740993", 9007199254740993}};
  static const char *const bad[] = {"",
                                    "3GB5",
                                    "3GB",
                                    "3G",
                                    "GiB",
                                    "-1",
                                    "+1",
                                    " 1",
                                    "1 ",
                                    "1e3",
                                    "0x10",
                                    "1.5",
                                    "1.",
                                    ".5GiB",
                                    "nan",
                                    "inf",
                                    "1GiBs",
                                    "1gib",
                                    "18446744073709551616",
                                    "16777216TiB",
                                    "1..5GiB"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    uint64_t bytes = 1;
    struct why_error wrong = {0};
    assert_true(read_bytes(good[i].text, &bytes, &wrong));
    assert_int_equal(bytes, good[i].bytes);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    uint64_t bytes = 77;
    struct why_error wrong = {0};
    assert_false(read_bytes(bad[i], &bytes, &wrong));
    assert_int_equal(bytes, 77); // left alone
    assert_true(strlen(wrong.text) >= 10);
  }
  struct why_error wrong = {0};
  uint64_t bytes;
  read_bytes("3GB", &bytes, &wrong);
  assert_string_equal(wrong.text, "write 3GiB");
}

static void test_amounts(void **state) {
  (void)state;
  struct amount amount;
  struct why_error wrong = {0};
  assert_true(read_amount("none", &amount, &wrong));
  assert_true(amount_bytes(&amount, 1000) == WHY_UNLIMITED);
  assert_true(read_amount("50%", &amount, &wrong));
  assert_int_equal(amount_bytes(&amount, 1000), 500);
  assert_true(read_amount("100%", &amount, &wrong));
  assert_int_equal(amount_bytes(&amount, 1000), 1000);
  assert_true(read_amount("1KiB", &amount, &wrong));
  assert_int_equal(amount_bytes(&amount, 1000), 1024);
  static const char *const bad[] = {"0%", "101%", "%", "5%%", "None", "all"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_false(read_amount(bad[i], &amount, &wrong));
}

static void test_numbers(void **state) {
  (void)state;
  struct why_error wrong;
  int64_t count = 0;
  uint64_t natural = 0;
  double seconds = 0;
  assert_true(read_count("9223372036854775807", &count, &wrong) && count == INT64_MAX);
  assert_false(read_count("9223372036854775808", &count, &wrong));
  assert_false(read_count("0", &count, &wrong));
  assert_false(read_count("-3", &count, &wrong));
  assert_true(read_natural("0", &natural, &wrong) && natural == 0);
  assert_false(read_natural("1x", &natural, &wrong));
  assert_true(read_seconds("250ms", &seconds, &wrong));
  assert_true(seconds == 250 * 1e-3);
  assert_true(read_seconds("3min", &seconds, &wrong));
  assert_true(seconds == 180);
  assert_false(read_seconds("0", &seconds, &wrong));
  assert_false(read_seconds("1d", &seconds, &wrong));
}

static void test_nearest(void **state) {
  (void)state;
  static const char *const choice[] = {"gemm", "softmax", "conv2d"};
  char text[128];
  nearest("gem", choice, 3, text, sizeof text);
  assert_string_equal(text, "did you mean gemm?");
  nearest("Sofmax", choice, 3, text, sizeof text);
  assert_string_equal(text, "did you mean softmax?");
  nearest("zzzz", choice, 3, text, sizeof text);
  assert_string_equal(text, "one of gemm, softmax, conv2d");
  nearest("x", choice, 0, text, sizeof text);
  assert_string_equal(text, "there is none");
}

// ---- command lines ------------------------------------------------------------------------------

static bool flag;
static uint64_t seed;
static const struct option_row rows[] = {
    {"quick", NULL, "", read_flag, &flag}, {"seed", "N", "", read_natural, &seed}, {0}};
static const struct command_help command = {.usage = "test",
                                            .text = "",
                                            .common = OPTION_MACHINE | OPTION_EMULATE |
                                                      OPTION_DECIDE | OPTION_KERNEL,
                                            .row = rows};

// Reads a line of words; standard error goes to *line.
static int read_line(const char *words, struct options *o, char *line, size_t size) {
  static char copy[1024], *argv[64];
  int argc = 0;
  snprintf(copy, sizeof copy, "test %s", words);
  for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
  argv[argc] = NULL;
  FILE *file = tmpfile();
  int saved = dup(STDERR_FILENO);
  fflush(stderr);
  dup2(fileno(file), STDERR_FILENO);
  int status = options_read(argc, argv, &command, o);
  fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);
  rewind(file);
  line[fread(line, 1, size - 1, file)] = 0;
  fclose(file);
  return status;
}

static void test_defaults(void **state) {
  (void)state;
  struct options o;
  char line[1024];
  assert_int_equal(read_line("gemm m=1", &o, line, sizeof line), STATUS_GO_ON);
  assert_string_equal(line, "");
  assert_int_equal(o.arguments, 2);
  assert_string_equal(o.argument[1], "m=1");
  assert_int_equal(options_requests(&o), 1);
  assert_int_equal(o.policy[0].policy, WHY_AUTO);
  assert_true(o.memory[0].bytes == WHY_UNLIMITED);
  assert_int_equal(o.threads[0], 0);
  assert_int_equal(o.iterations[0], 1);
  assert_int_equal(o.cache[0], WHY_HOT);
  assert_int_equal(o.format, TABLE_TEXT);
  assert_int_equal(o.open.emulate_bytes, 0);
}

static void test_all_options(void **state) {
  (void)state;
  struct options o;
  char line[1024];
  unsetenv("WHYCPU_EMULATE_SM");
  int status = read_line(
      "gemm --policy auto,gpu-only,cuda:mma,auto --device-memory 64MiB,50%,none m=1 "
      "--threads 1,all --transfer once,always --iterations 7,9 --format=json "
      "--emulate=2GiB --quick --seed 9 -o out --kernel cuda:tiled --plan resident,streamed "
      "--pinned-memory 48MiB --cache cold,hot,cold",
      &o, line, sizeof line);
  assert_string_equal(line, "");
  assert_int_equal(status, STATUS_GO_ON);
  assert_int_equal(o.arguments, 2);
  assert_int_equal(options_requests(&o), 3 * 3 * 2 * 2 * 2 * 2);
  assert_true(o.cache[0] == WHY_COLD && o.cache[1] == WHY_HOT);
  assert_int_equal(o.iterations[0], 7);
  assert_int_equal(o.policy[1].policy, WHY_GPU_ONLY);
  assert_null(o.policy[1].kernel);
  assert_string_equal(o.policy[2].kernel->name, "mma");
  assert_int_equal(o.format, TABLE_JSON);
  assert_int_equal(o.open.emulate_bytes, 2ull << 30);
  assert_string_equal(o.output, "out");
  assert_int_equal(o.plans, 1 << WHY_RESIDENT | 1 << WHY_STREAMED);
  assert_int_equal(o.pinned.bytes, 48 << 20);
  assert_string_equal(o.kernel, "cuda:tiled");
  assert_true(flag && seed == 9);
}

// What is not told decides nothing; any is all of them.
static void test_plans(void **state) {
  (void)state;
  static const struct {
    const char *words;
    uint32_t plans;
  } row[] = {{"gemm", 0},
             {"--plan any", 0},
             {"--plan streamed,any", 0},
             {"--plan streamed", 1 << WHY_STREAMED},
             {"--plan on-host,on-host", 1 << WHY_ON_HOST},
             {"--plan streamed --plan on-host", 1 << WHY_STREAMED | 1 << WHY_ON_HOST}};
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    struct options o;
    char line[1024];
    assert_int_equal(read_line(row[i].words, &o, line, sizeof line), STATUS_GO_ON);
    assert_int_equal(o.plans, row[i].plans);
    assert_true(amount_bytes(&o.pinned, 1000) == WHY_UNLIMITED);
  }
}

static void test_emulate_without_value(void **state) {
  (void)state;
  struct options o;
  char line[1024];
  setenv("WHYCPU_EMULATE_SM", "80", 1);
  assert_int_equal(read_line("--emulate", &o, line, sizeof line), STATUS_GO_ON);
  assert_int_equal(o.open.emulate_bytes, 1ull << 30);
  assert_int_equal(o.open.emulate_capability, 80);
  setenv("WHYCPU_EMULATE_SM", "ninety", 1);
  assert_int_equal(read_line("--emulate", &o, line, sizeof line), STATUS_REQUEST);
  assert_non_null(strstr(line, "ninety"));
  unsetenv("WHYCPU_EMULATE_SM");
}

// Each is refused in one line that names what was wrong.
static void test_refused(void **state) {
  (void)state;
  static const struct {
    const char *words, *says;
  } row[] = {{"--device-memory 3GB5", "3GB5"},
             {"--device-memory 3GB", "write 3GiB"},
             {"--device-memory 1GiB,,2GiB", "empty"},
             {"--device-memory", "wants a value"},
             {"--policy gpu-fist", "did you mean gpu-first?"},
             {"--policy best", "one of auto, gpu-first, gpu-only, cpu-only"},
             {"--policy auto,cuda:tilde", "did you mean cuda:tiled?"},
             {"--threads 0", "'0'"},
             {"--threads many", "many"},
             {"--transfer never", "never"},
             {"--iterations 0", "whole number"},
             {"--plan steamed", "did you mean streamed?"},
             {"--plan resident,", "empty"},
             {"--plan all", "one of resident, streamed, on-host, any"},
             {"--pinned-memory 1GB", "write 1GiB"},
             {"--pinned-memory 64MiB,1GiB", "a size is wanted"},
             {"--format yaml", "one of text, csv, json"},
             {"--formt csv", "did you mean format?"},
             {"--kernel cuda:tilde", "did you mean cuda:tiled?"},
             {"--emulate=0", "memory"},
             {"--emulate=x", "size"},
             {"--machine a --emulate", "exclude"},
             {"--quick=1", "no value"},
             {"--seed -1", "whole number"},
             {"-x", "no such option"}};
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    struct options o;
    char line[1024];
    assert_int_equal(read_line(row[i].words, &o, line, sizeof line), STATUS_REQUEST);
    if (!strstr(line, row[i].says)) fail_msg("%s: %s", row[i].words, line);
    assert_non_null(strchr(line, '\n'));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sizes),    cmocka_unit_test(test_amounts),
      cmocka_unit_test(test_numbers),  cmocka_unit_test(test_nearest),
      cmocka_unit_test(test_defaults), cmocka_unit_test(test_all_options),
      cmocka_unit_test(test_plans),    cmocka_unit_test(test_emulate_without_value),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
