// Fitted costs in a machine file: written and read back; nonsense is refused in one line.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include <cmocka.h>
#include <math.h>

static const char head[] =
    "{\"schema\": 1, \"kind\": \"machine\", \"name\": \"m\",\n"
    " \"provenance\": {\"facts\": \"measured\"},\n"
    " \"devices\": [{\"name\": \"a CPU\", \"backend\": \"host\", \"host\": true,\n"
    "   \"multiprocessors\": 8, \"memory_bytes\": 1073741824,\n"
    "   \"figures\": {\"memory_bps\": 5e10, \"f32_flops\": 1e12}}],\n"
    " \"fits\": [";
static const char fit[] =
    "{\"kernel\": \"onednn:direct\", \"op\": \"conv2d\", \"device\": 0, \"type\": \"f32\", "
    "\"form\": \"1x1\", \"threads\": 8, \"launch_seconds\": 2e-6, \"rate\": 6e11, "
    "\"distance\": 1.4, \"hidden\": 0.25, \"passes\": [1, 2, 0.5], "
    "\"loop_seconds\": [1e-8, 0, 3e-9], \"edge_seconds\": 5e-9, \"points\": 12, \"error\": 0.07}";

static struct why_machine *read_text(const char *text, struct why_error *error) {
  struct why_machine *machine;
  FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
  assert_non_null(file);
  enum why_reason reason = why_read(file, &machine, error);
  fclose(file);
  assert_true(reason == WHY_OK ? machine != NULL : reason == WHY_BAD_INPUT);
  return machine;
}

static void same(const struct why_fit *f) {
  assert_string_equal(f->kernel->name, "direct");
  assert_string_equal(f->kernel->backend, "onednn");
  assert_int_equal(f->device, 0);
  assert_int_equal(f->type, WHY_F32);
  assert_string_equal(f->form, "1x1");
  assert_int_equal(f->threads, 8);
  assert_int_equal(f->points, 12);
  assert_true(f->error == 0.07);
  const struct why_cost *c = &f->cost;
  assert_true(c->launch_seconds == 2e-6 && c->rate == 6e11 && c->distance == 1.4);
  assert_true(c->hidden == 0.25 && c->edge_seconds == 5e-9);
  assert_true(c->passes[0] == 1 && c->passes[1] == 2 && c->passes[2] == 0.5);
  assert_true(c->loop_seconds[0] == 1e-8 && c->loop_seconds[1] == 0 && c->loop_seconds[2] == 3e-9);
}

static void read_and_written(void **state) {
  (void)state;
  char text[4096], *again = NULL;
  size_t length;
  struct why_error error;
  snprintf(text, sizeof text, "%s%s]}", head, fit);
  struct why_machine *m = read_text(text, &error);
  assert_non_null(m);
  assert_int_equal(why_machine_fits(m), 1);
  same(why_machine_fit(m, 0));
  FILE *out = open_memstream(&again, &length);
  assert_int_equal(why_write(out, m), WHY_OK);
  fclose(out);
  why_close(m);
  m = read_text(again, &error);
  assert_non_null(m);
  assert_int_equal(why_machine_fits(m), 1);
  same(why_machine_fit(m, 0));
  why_close(m);
  free(again);
}

// What is replaced in the file, and what is said.
static void nonsense_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *from, *to, *says;
  } cases[] = {
      {"\"facts\": \"measured\"", "\"facts\": \"published\"", "one provenance"},
      {"\"rate\": 6e11", "\"rate\": 0", "\"rate\" must be from 1"},
      {"\"rate\": 6e11", "\"rate\": -6e11", "\"rate\" must be from 1"},
      {"\"rate\": 6e11", "\"rate\": 1e300", "\"rate\" must be from 1"},
      {"\"rate\": 6e11", "\"rate\": \"fast\"", "\"rate\" must be a number"},
      {"\"rate\": 6e11, ", "", "\"rate\" is missing"},
      {"\"launch_seconds\": 2e-6", "\"launch_seconds\": 7", "from 0 to 1"},
      {"\"hidden\": 0.25", "\"hidden\": 1.5", "\"hidden\" must be from 0 to 1"},
      {"\"distance\": 1.4", "\"distance\": -1", "\"distance\" must be from 0 to 10"},
      {"[1, 2, 0.5]", "[1, 2]", "\"passes\" must have 3 numbers"},
      {"[1, 2, 0.5]", "[1, 2, 0.5, 4]", "\"passes\" must have 3 numbers"},
      {"[1, 2, 0.5]", "[1, -2, 0.5]", "\"passes\" must hold numbers from 0"},
      {"[1, 2, 0.5]", "[1, null, 0.5]", "\"passes\" must hold numbers from 0"},
      {"[1e-8, 0, 3e-9]", "[1e-8]", "\"loop_seconds\" must have 3 numbers"},
      {"\"threads\": 8", "\"threads\": 0", "\"threads\" must be a whole number from 1"},
      {"\"threads\": 8", "\"threads\": 2.5", "\"threads\" must be a whole number"},
      {"\"threads\": 8, ", "", "\"threads\" is missing"},
      {"\"points\": 12", "\"points\": 0", "\"points\" must be a whole number from 1"},
      {"\"error\": 0.07", "\"error\": -0.1", "\"error\" must be from 0"},
      {"\"device\": 0", "\"device\": 1", "\"device\" must be a whole number from 0 to 0"},
      {"\"type\": \"f32\"", "\"type\": \"f31\"", "no type \"f31\""},
      {"\"kernel\": \"onednn:direct\"", "\"kernel\": \"onednn\"", "a backend and a kernel"},
      {"\"kernel\": \"onednn:direct\"", "\"kernel\": \"cuda:direct\"", "does not run on device 0"},
      {"\"fits\": [", "\"fits\": [7, ", "a fit must be an object"},
  };
  char whole[4096], text[4096];
  snprintf(whole, sizeof whole, "%s%s]}", head, fit);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct why_error error;
    const char *at = strstr(whole, cases[i].from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, cases[i].to,
             at + strlen(cases[i].from));
    if (read_text(text, &error)) fail_msg("taken: %s", cases[i].to);
    if (!strstr(error.text, cases[i].says)) fail_msg("%s: says %s", cases[i].to, error.text);
    assert_true(error.line > 0 && error.column > 0);
  }
}

// A kernel that this version does not have, and keys that it does not know, are passed over.
static void later_versions_are_read(void **state) {
  (void)state;
  struct why_error error;
  char text[4096];
  snprintf(text, sizeof text,
           "%s{\"kernel\": \"later:one\", \"op\": \"gemm\", \"device\": 0, \"of\": [1, 2]}, %s]}",
           head, fit);
  struct why_machine *m = read_text(text, &error);
  assert_non_null(m);
  assert_int_equal(why_machine_fits(m), 1);
  why_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(read_and_written),
      cmocka_unit_test(nonsense_is_refused),
      cmocka_unit_test(later_versions_are_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
