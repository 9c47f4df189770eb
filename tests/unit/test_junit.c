// JUnit XML holds any text: what XML cannot hold is replaced.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "junit.h"
#include <cmocka.h>

static void any_text_is_an_attribute(void **state) {
  (void)state;
  static const char *const table[][2] = {
      // clang-format off
      {"plain", "\"plain\""},
      {"a<b & \"c\" > 'd'", "\"a&lt;b &amp; &quot;c&quot; &gt; &apos;d&apos;\""},
      {"line\nline\r\ttab", "\"line&#10;line&#13;&#9;tab\""},
      {"\x01\x1b[31m\x7f", "\"\xef\xbf\xbd\xef\xbf\xbd[31m\xef\xbf\xbd\""},
      {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
      {"\xff" "a\xc3", "\"\xef\xbf\xbd" "a\xef\xbf\xbd\""},
      {"\xef\xbf\xbe\xef\xbf\xbf\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"]]>", "\"]]&gt;\""},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    xml_string(file, table[i][0]);
    fclose(file);
    assert_string_equal(text, table[i][1]);
    free(text);
  }
}

static void a_suite_has_its_cases(void **state) {
  (void)state;
  char *text = NULL;
  size_t size;
  FILE *file = open_memstream(&text, &size);
  junit_begin(file, "a & b", 3, 1, 1);
  junit_case(file, "gemm", "m=1", JUNIT_PASSED, "slower", "is not said");
  junit_case(file, "gemm", "m=2", JUNIT_FAILED, "slower", "+5%");
  junit_case(file, "gemm", "m=3", JUNIT_SKIPPED, "slower", "cannot tell");
  junit_end(file);
  fclose(file);
  assert_string_equal(
      text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuite name=\"a &amp; b\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\">\n"
            "  <testcase classname=\"gemm\" name=\"m=1\"/>\n"
            "  <testcase classname=\"gemm\" name=\"m=2\"><failure type=\"slower\" "
            "message=\"+5%\"/></testcase>\n"
            "  <testcase classname=\"gemm\" name=\"m=3\"><skipped message=\"cannot tell\"/>"
            "</testcase>\n"
            "</testsuite>\n");
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_text_is_an_attribute),
      cmocka_unit_test(a_suite_has_its_cases),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
