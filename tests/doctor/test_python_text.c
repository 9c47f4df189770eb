// Values found in Python's source and beside it, in every form that builds have had, and in none.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "python_text.h"
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

static struct text text_of(const char *text, size_t length) {
  return (struct text){.there = THERE, .path = "/x", .text = text, .length = length};
}

static struct value value(const char *text, const char *name) {
  struct text whole = text_of(text, strlen(text));
  return python_value(&arena, &whole, name);
}

static void every_form_is_read(void **state) {
  (void)state;
  static const struct {
    const char *text, *name;
    enum value_kind kind;
    const char *value;
  } row[] = {
      {"cuda = '12.4'\n", "cuda", VALUE_TEXT, "12.4"},
      {"__all__ = ['cuda', 'hip']\ncuda: Optional[str] = '12.4'", "cuda", VALUE_TEXT, "12.4"},
      {"cuda: Optional[str] = None\r\n", "cuda", VALUE_WORD, "None"},
      {"cuda=\"11.8\"", "cuda", VALUE_TEXT, "11.8"},
      {"cuda_x = '1'\nx.cuda = '2'\n cuda = '3'\n", "cuda", VALUE_ABSENT, ""},
      {"x = OrderedDict([('is_cuda_build', True), ('a', 1)])", "is_cuda_build", VALUE_WORD, "True"},
      {"x = {'is_cuda_build': False, 'a': 'b'}", "is_cuda_build", VALUE_WORD, "False"},
      {"x = {\"cuda_version\" : \"64_101\"}", "cuda_version", VALUE_TEXT, "64_101"},
      {"[( 'cuda_version' ,\t'12.3')]", "cuda_version", VALUE_TEXT, "12.3"},
      {"['cuda_version', '12.3']", "cuda_version", VALUE_ABSENT, ""},
      {"cuda = '12.4\n'", "cuda", VALUE_ABSENT, ""},
      {"cuda =", "cuda", VALUE_ABSENT, ""},
      {"cuda: int", "cuda", VALUE_ABSENT, ""},
      {"('cuda',", "cuda", VALUE_ABSENT, ""},
      {"cuda", "cuda", VALUE_ABSENT, ""},
      {"cuda = 'a\\'b'", "cuda", VALUE_TEXT, "a\\'b"},
      {"cuda = '\xff\x01'", "cuda", VALUE_TEXT, "\xff "},
      {"", "cuda", VALUE_ABSENT, ""},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct value got = value(row[i].text, row[i].name);
    if (got.kind != row[i].kind || strcmp(got.text, row[i].value) != 0)
      fail_msg("%s: %d \"%s\"", row[i].text, got.kind, got.text);
  }
}

static void lists_are_read(void **state) {
  (void)state;
  struct value got = value("x([('cc', ['sm_50',\n \"compute_90\"]), ('y', 1)])", "cc");
  assert_int_equal(got.kind, VALUE_LIST);
  assert_int_equal(got.items, 2);
  assert_string_equal(got.item[1], "compute_90");
  got = value("cc = []", "cc");
  assert_int_equal(got.kind, VALUE_LIST);
  assert_int_equal(got.items, 0);
  got = value("cc = ['a', b, 'c']", "cc");
  assert_int_equal(got.items, 1);
}

static void long_texts_end(void **state) {
  (void)state;
  enum { LENGTH = 256 << 10 }; // the longest that is read
  char *bytes = malloc(LENGTH);
  assert_non_null(bytes);
  static const char *const piece[] = {
      "cuda = ", "('cuda'", "('cuda','", "cuda:", "'cuda' ", "cuda = ['cuda',", "\0\0cuda"};
  for (size_t i = 0; i < sizeof piece / sizeof *piece; i++) {
    size_t length = strlen(piece[i]) ? strlen(piece[i]) : 6;
    for (size_t at = 0; at < LENGTH; at++) bytes[at] = piece[i][at % length];
    struct text whole = text_of(bytes, LENGTH);
    python_value(&arena, &whole, "cuda");
    config_value(&arena, &whole, "cuda");
    metadata_requires(&arena, &whole, "cuda");
  }
  free(bytes);
  assert_true(arena.total < 4 << 20);
}

static void settings_are_read(void **state) {
  (void)state;
  const char *text = "home = /usr/bin\r\nversion=3.11.2\n homes = x\nno line\ninclude = true";
  struct text whole = text_of(text, strlen(text));
  assert_string_equal(config_value(&arena, &whole, "home"), "/usr/bin");
  assert_string_equal(config_value(&arena, &whole, "version"), "3.11.2");
  assert_string_equal(config_value(&arena, &whole, "include"), "true");
  assert_null(config_value(&arena, &whole, "no"));
}

static void versions_are_asked_for(void **state) {
  (void)state;
  static const struct {
    const char *rest, *version;
  } row[] = {{" (==9.1.0.70) ; platform_system == \"Linux\"", "9.1.0.70"},
             {"<10.0,>=9.8; extra == \"with-cuda\"", "9.8"},
             {" ==8.9.7.29 ; extra == 'and-cuda'", "8.9.7.29"},
             {"~=2.1", "2.1"},
             {"===1.0", "1.0"},
             {">2", ""},
             {"; python_version >= \"3.9\"", ""},
             {"==", ""},
             {"", ""}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    assert_string_equal(required_version(&arena, row[i].rest), row[i].version);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
      TEST(every_form_is_read), TEST(lists_are_read),         TEST(long_texts_end),
      TEST(settings_are_read),  TEST(versions_are_asked_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
