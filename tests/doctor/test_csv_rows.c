// Comma separated values: what rows are, what is refused, and that no mutilated text does harm.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "csv_rows.h"
#include <cmocka.h>

// The rows of a text as one line, cells in <>; a fault ends it.
static void expect(const char *text, size_t length, int most, const char *rows) {
  char *bytes = malloc(length + 1); // no more, so that a sanitizer sees what is read beyond it
  assert_non_null(bytes);
  memcpy(bytes, text, length);
  bytes[length] = 'x';
  struct csv_rows csv = csv_rows_of(bytes, length);
  char *cell[8], got[256] = "";
  for (int cells; (cells = csv_rows_next(&csv, cell, most)) != 0;) {
    if (csv.row > 1) strcat(got, " / ");
    for (int i = 0; i < cells; i++) {
      strcat(got, "<");
      strcat(got, cell[i]);
      strcat(got, ">");
    }
  }
  if (csv.fault) {
    strcat(got, "! ");
    strcat(got, csv.fault);
    assert_int_equal(csv_rows_next(&csv, cell, most), 0);
  }
  assert_string_equal(got, rows);
  free(bytes);
}

static void rows_are_split(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"", ""},
      {"a", "<a>"},
      {"a,b\n", "<a><b>"},
      {"a,b\nc,d", "<a><b> / <c><d>"},
      {"a,b\r\nc,d\r\n", "<a><b> / <c><d>"},
      {"a\r", "<a>"},
      {"a\rb", "<a\rb>"},
      {",\n", "<><>"},
      {",", "<><>"},
      {"\n\n", "<> / <>"},
      {"\"a\",\"b\"\n", "<a><b>"},
      {"\"\"", "<>"},
      {"\"a,b\",c", "<a,b><c>"},
      {"\"say \"\"so\"\"\"\r\n,x", "<say \"so\"> / <><x>"},
      {"\"\"\"\"", "<\">"},
      {"\"two\nlines\",x\n", "<two\nlines><x>"},
      {" \"", "! a quote inside a cell that does not begin with one"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    expect(rows[i][0], strlen(rows[i][0]), 8, rows[i][1]);
}

static void malformed_rows_end_it(void **state) {
  (void)state;
  expect("a\n\"b", 4, 8, "<a>! a quote that is not closed");
  expect("\"", 1, 8, "! a quote that is not closed");
  expect("a\n\"b\"c\nd", 8, 8, "<a>! text after a cell's closing quote");
  expect("a\"b", 3, 8, "! a quote inside a cell that does not begin with one");
  expect("a\0b", 3, 8, "! a NUL in a cell");
  expect("\"a\0b\"", 5, 8, "! a NUL in a cell");
  expect("a,b\nc,d,e\n", 10, 2, "<a><b>! more cells than there are columns");
  expect("a,", 2, 1, "! more cells than there are columns");
}

static void mutilated_text_does_no_harm(void **state) {
  (void)state;
  static const char letters[] = "a,\"\n\r\0";
  enum { LENGTH = 5, LETTERS = sizeof letters - 1 };
  int texts = 1;
  for (int i = 0; i < LENGTH; i++) texts *= LETTERS;
  for (int n = 0; n < texts; n++) {
    char *bytes = malloc(LENGTH + 1);
    assert_non_null(bytes);
    for (int i = 0, rest = n; i < LENGTH; i++, rest /= LETTERS) bytes[i] = letters[rest % LETTERS];
    bytes[LENGTH] = 'x';
    struct csv_rows csv = csv_rows_of(bytes, LENGTH);
    char *cell[LENGTH + 1];
    for (int cells; (cells = csv_rows_next(&csv, cell, LENGTH + 1)) != 0;)
      for (int i = 0; i < cells; i++)
        assert_true(cell[i] >= bytes && cell[i] + strlen(cell[i]) <= bytes + LENGTH);
    assert_true(csv.fault || csv.at == csv.end);
    free(bytes);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_split),
      cmocka_unit_test(malformed_rows_end_it),
      cmocka_unit_test(mutilated_text_does_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
