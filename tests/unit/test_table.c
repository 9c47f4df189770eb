// The table writer: the same cells as text, CSV and JSON.
#include "table.h"
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct table_column column[] = {
    {"name"}, {"size_bytes", TABLE_BYTES}, {"share"}, {"last"}};

// What `fill` writes in this format; free it.
static char *written(enum table_format format, void (*fill)(struct table *)) {
  char *text = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&text, &size);
  struct table *t = table_open(file, format, column, 4);
  assert_non_null(t);
  fill(t);
  assert_true(table_close(t));
  fclose(file);
  return text;
}

static void expect(enum table_format format, void (*fill)(struct table *), const char *wanted) {
  char *text = written(format, fill);
  assert_string_equal(text, wanted);
  free(text);
}

static void nothing(struct table *t) {
  (void)t;
}

static void two_rows(struct table *t) {
  table_string(t, "a, \"b\"\nc");
  table_unsigned(t, 1536);
  table_number(t, 0.1);
  table_string(t, "x");
  table_string(t, "d");
  table_none(t);
  table_number(t, NAN);
  table_none(t);
}

static void test_empty(void **state) {
  (void)state;
  expect(TABLE_TEXT, nothing, "name  size_bytes  share  last\n");
  expect(TABLE_CSV, nothing, "name,size_bytes,share,last\r\n");
  expect(TABLE_JSON, nothing, "[]\n");
}

static void test_rows(void **state) {
  (void)state;
  expect(TABLE_TEXT, two_rows,
         "name      size_bytes  share  last\n"
         "a, \"b\" c     1.5 KiB    0.1  x\n"
         "d\n");
  expect(TABLE_CSV, two_rows,
         "name,size_bytes,share,last\r\n"
         "\"a, \"\"b\"\"\nc\",1536,0.1,x\r\n"
         "d,,,\r\n");
  expect(
      TABLE_JSON, two_rows,
      "[\n"
      " {\"name\": \"a, \\\"b\\\"\\nc\", \"size_bytes\": 1536, \"share\": 0.1, \"last\": \"x\"},\n"
      " {\"name\": \"d\", \"size_bytes\": null, \"share\": null, \"last\": null}\n"
      "]\n");
}

static void extremes(struct table *t) {
  table_string(t, "\xff\xc3\xa9\x01"); // a stray byte, an e with an acute accent, a control
  table_unsigned(t, UINT64_MAX);
  table_integer(t, INT64_MIN);
  table_bool(t, true);
}

static void test_extremes(void **state) {
  (void)state;
  expect(TABLE_JSON, extremes,
         "[\n {\"name\": \"\\ufffd\xc3\xa9\\u0001\", \"size_bytes\": 18446744073709551615, "
         "\"share\": -9223372036854775808, \"last\": true}\n]\n");
}

static void test_numbers_read_back(void **state) {
  (void)state;
  const double number[] = {0,      1e-300,     0.1,  1.0 / 3, 6.02214076e23,
                           5e-324, -123456.75, 1e22, 1e21,    9007199254740993.0};
  for (size_t i = 0; i < sizeof number / sizeof number[0]; i++) {
    char text[64];
    number_text(number[i], text, sizeof text);
    assert_true(strtod(text, NULL) == number[i]);
  }
  char text[64];
  number_text(0.1, text, sizeof text);
  assert_string_equal(text, "0.1"); // the fewest digits
}

static void test_units(void **state) {
  (void)state;
  static const struct {
    double value;
    enum table_unit unit;
    const char *text;
  } row[] = {{0, TABLE_BYTES, "0 B"},
             {1023, TABLE_BYTES, "1023 B"},
             {1024, TABLE_BYTES, "1 KiB"},
             {1610612736, TABLE_BYTES, "1.5 GiB"},
             {1.5e-6, TABLE_SECONDS, "1.5 us"},
             {4.8e12, TABLE_BYTES_PER_SECOND, "4.8 TB/s"},
             {989.4e12, TABLE_FLOPS_PER_SECOND, "989 TFLOP/s"},
             {42, TABLE_PLAIN, "42"}};
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    char text[64];
    unit_text(row[i].value, row[i].unit, text, sizeof text);
    assert_string_equal(text, row[i].text);
  }
}

static void test_failed_write(void **state) {
  (void)state;
  FILE *full = fopen("/dev/full", "w");
  assert_non_null(full);
  struct table *t = table_open(full, TABLE_CSV, column, 4);
  two_rows(t);
  assert_false(table_close(t));
  fclose(full);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_empty),    cmocka_unit_test(test_rows),
      cmocka_unit_test(test_extremes), cmocka_unit_test(test_numbers_read_back),
      cmocka_unit_test(test_units),    cmocka_unit_test(test_failed_write),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
