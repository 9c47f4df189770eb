// JSON: what is read, what is refused and where, that writing and reading give the same back, and
// that no mutilated text does harm.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include <cmocka.h>

static enum why_reason parse(const char *text, struct why_json_document *document,
                             struct why_error *error) {
  return why_json_parse(text, strlen(text), document, error);
}

static const struct why_json *read_value(const char *text, struct why_json_document *document) {
  struct why_error error;
  assert_int_equal(parse(text, document, &error), WHY_OK);
  assert_non_null(document->root);
  return document->root;
}

static void numbers_are_exact(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double number;
    bool whole, negative;
    uint64_t magnitude;
  } rows[] = {
      // clang-format off
      {"0",                    0,                        true,  false, 0},
      {"-0",                   -0.0,                     true,  true,  0},
      {"42",                   42,                       true,  false, 42},
      {"-9223372036854775808", -9223372036854775808.0,   true,  true,  9223372036854775808u},
      {"18446744073709551615", 18446744073709551615.0,   true,  false, UINT64_MAX},
      {"18446744073709551616", 18446744073709551616.0,   false, false, 0},
      {"9007199254740993",     9007199254740993.0,       true,  false, 9007199254740993u},
      {"1e3",                  1000,                     false, false, 0},
      {"-2.5E-3",              -0.0025,                  false, true,  0},
      {"4.9e-324",             4.9e-324,                 false, false, 0},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct why_json_document document;
    const struct why_json *value = read_value(rows[i].text, &document);
    assert_int_equal(value->kind, WHY_JSON_NUMBER);
    assert_true(value->number == rows[i].number);
    assert_int_equal(value->whole, rows[i].whole);
    assert_int_equal(value->negative, rows[i].negative);
    if (rows[i].whole) assert_true(value->magnitude == rows[i].magnitude);
    why_json_free(&document);
  }
}

static void strings_are_decoded(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"\"\"", ""},
      {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\b\f\n\r\tz"},
      {"\"\\u00e9\\u20AC\"", "\xc3\xa9\xe2\x82\xac"},
      {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
      {"\"\xc3\xa9\"", "\xc3\xa9"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct why_json_document document;
    assert_string_equal(read_value(rows[i][0], &document)->text, rows[i][1]);
    why_json_free(&document);
  }
}

static void trees_keep_order_and_place(void **state) {
  (void)state;
  struct why_json_document document;
  const struct why_json *root =
      read_value(" {\"a\": [1, true, null],\n  \"b\": {\"c\": \"d\"}}\n", &document);
  assert_int_equal(root->count, 2);
  const struct why_json *a = why_json_get(root, "a"), *b = why_json_get(root, "b");
  assert_int_equal(a->count, 3);
  assert_true(a->first->next->truth);
  assert_int_equal(a->first->next->next->kind, WHY_JSON_NULL);
  assert_int_equal(b->line, 2);
  assert_int_equal(b->column, 8);
  assert_string_equal(why_json_get(b, "c")->text, "d");
  assert_null(why_json_get(b, "a"));
  why_json_free(&document);
}

static void faults_are_placed(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int line, column;
    const char *words;
  } rows[] = {
      // clang-format off
      {"",                       1, 1,  "expected a value"},
      {"  \n ",                  2, 2,  "the text ends here"},
      {"{\"a\": 1",              1, 8,  "expected , or }"},
      {"{\"a\" 1}",              1, 6,  "expected :"},
      {"{a: 1}",                 1, 2,  "a key in double quotes"},
      {"{\"a\": 1,}",            1, 9,  "a key in double quotes"},
      {"{\"a\": 1,\n\"a\": 2}",  2, 1,  "twice"},
      {"[1, 2,]",                1, 7,  "expected a value"},
      {"[1 2]",                  1, 4,  "expected , or ]"},
      {"[1] x",                  1, 5,  "nothing may follow"},
      {"\"abc",                  1, 5,  "must end with"},
      {"\"ab\ncd\"",             1, 1,  "on its own line"},
      {"\"a\tb\"",               1, 3,  "control character"},
      {"\"\\x\"",                1, 2,  "after \\"},
      {"\"\\u12g4\"",            1, 2,  "four hex digits"},
      {"\"\\u0000\"",            1, 2,  "not 0000"},
      {"\"\\ud800\"",            1, 2,  "surrogates in pairs"},
      {"\"\\ud800\\u0041\"",     1, 2,  "surrogates in pairs"},
      {"\"\xff\"",               1, 2,  "not UTF-8"},
      {"\"\xc0\x80\"",           1, 2,  "not UTF-8"},
      {"\"\xed\xa0\x80\"",       1, 2,  "not UTF-8"},
      {"01",                     1, 1,  "must not begin with 0"},
      {"-",                      1, 2,  "minus"},
      {"1.",                     1, 3,  "decimal point"},
      {".5",                     1, 1,  "expected a value"},
      {"1e",                     1, 3,  "exponent"},
      {"1e999",                  1, 1,  "too large"},
      {"+1",                     1, 1,  "expected a value"},
      {"nul",                    1, 1,  "expected a value"},
      {"NaN",                    1, 1,  "expected a value"},
      {"// no\n1",               1, 1,  "expected a value"},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct why_json_document document;
    struct why_error error;
    assert_int_equal(parse(rows[i].text, &document, &error), WHY_BAD_INPUT);
    assert_null(document.root);
    if (!strstr(error.text, rows[i].words))
      fail_msg("%s: \"%s\" lacks \"%s\"", rows[i].text, error.text, rows[i].words);
    assert_int_equal(error.line, rows[i].line);
    assert_int_equal(error.column, rows[i].column);
    why_json_free(&document);
  }
}

static void depth_and_width_are_bounded(void **state) {
  (void)state;
  char text[64 * WHY_JSON_MEMBERS];
  struct why_json_document document;
  struct why_error error;
  for (int depth = WHY_JSON_DEPTH; depth <= WHY_JSON_DEPTH + 1; depth++) {
    memset(text, '[', (size_t)depth);
    memset(text + depth, ']', (size_t)depth);
    enum why_reason reason = why_json_parse(text, 2 * (size_t)depth, &document, &error);
    assert_int_equal(reason, depth == WHY_JSON_DEPTH ? WHY_OK : WHY_BAD_INPUT);
    why_json_free(&document);
  }
  for (int members = WHY_JSON_MEMBERS; members <= WHY_JSON_MEMBERS + 1; members++) {
    char *out = text;
    for (int i = 0; i < members; i++) out += sprintf(out, "%c\"k%d\":%d", i ? ',' : '{', i, i);
    strcpy(out, "}");
    assert_int_equal(parse(text, &document, &error),
                     members == WHY_JSON_MEMBERS ? WHY_OK : WHY_BAD_INPUT);
    why_json_free(&document);
  }
}

static char *written(void (*fill)(struct why_json_writer *)) {
  char *text = NULL;
  size_t length = 0;
  FILE *file = open_memstream(&text, &length);
  assert_non_null(file);
  struct why_json_writer writer = {.file = file};
  fill(&writer);
  fclose(file);
  return text;
}

static void fill_sample(struct why_json_writer *out) {
  why_json_begin(out, NULL, '{');
  why_json_text(out, "text", "quote \" slash \\ tab \t bell \a bad \xff good \xc3\xa9");
  why_json_begin(out, "empty", '[');
  why_json_end(out, ']');
  why_json_begin_line(out, "line", '[');
  why_json_begin(out, NULL, '{');
  why_json_bool(out, "yes", true);
  why_json_end(out, '}');
  why_json_whole(out, NULL, INT64_MIN);
  why_json_end(out, ']');
  why_json_bytes(out, "most", UINT64_MAX);
  why_json_number(out, "nan", NAN);
  why_json_end(out, '}');
}

static void writing_is_plain(void **state) {
  (void)state;
  char *text = written(fill_sample);
  assert_string_equal(
      text, "{\n"
            "  \"text\": \"quote \\\" slash \\\\ tab \\t bell \\u0007 bad \xef\xbf\xbd good "
            "\xc3\xa9\",\n"
            "  \"empty\": [],\n"
            "  \"line\": [{\"yes\": true}, -9223372036854775808],\n"
            "  \"most\": 18446744073709551615,\n"
            "  \"nan\": null\n"
            "}\n");
  struct why_json_document document;
  assert_int_equal(read_value(text, &document)->count, 5);
  why_json_free(&document);
  free(text);
}

static uint64_t random_state = 20260731;
static uint64_t random_word(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

static double doubles[4096];
static void fill_doubles(struct why_json_writer *out) {
  why_json_begin(out, NULL, '[');
  for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++)
    why_json_number(out, NULL, doubles[i]);
  why_json_end(out, ']');
}

static void doubles_read_back_the_same(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
    do {
      uint64_t word = random_word();
      memcpy(&doubles[i], &word, sizeof word);
    } while (!isfinite(doubles[i]));
  }
  doubles[0] = 0.1;
  char *text = written(fill_doubles);
  assert_non_null(strstr(text, "\n  0.1,")); // the shortest text
  struct why_json_document document;
  const struct why_json *value = read_value(text, &document)->first;
  for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++, value = value->next)
    assert_memory_equal(&value->number, &doubles[i], sizeof doubles[i]);
  why_json_free(&document);
  free(text);
}

// Bytes changed, dropped, doubled and swapped at random, in memory of exactly their size: a read
// beyond the end is seen by the sanitizer. Either it parses, or it is refused with a place.
static void mutants_do_no_harm(void **state) {
  (void)state;
  static const char seed[] =
      "{\"a\": [1, -2.5e3, true, false, null, \"\\u00e9\\ud83d\\ude00 x\"],\n \"b\": {\"c\": []},"
      " \"d\": \"\xc3\xa9\\n\", \"e\": 18446744073709551615}";
  static const char spice[] = "{}[]\",:\\u0e-+.\n\t \xff\xc3t";
  int good = 0, bad = 0;
  for (int round = 0; round < 50000; round++) {
    size_t length = sizeof seed - 1;
    char work[2 * sizeof seed];
    memcpy(work, seed, length);
    for (uint64_t changes = 1 + random_word() % 4; changes--;) {
      size_t at = random_word() % length;
      switch (random_word() % 4) {
      case 0:
        work[at] = (char)random_word();
        break;
      case 1:
        work[at] = spice[random_word() % (sizeof spice - 1)];
        break;
      case 2:
        memmove(work + at, work + at + 1, --length - at);
        break;
      default:
        length = at + 1;
        break;
      }
      if (length == 0) length = 1;
    }
    char *exact = malloc(length);
    assert_non_null(exact);
    memcpy(exact, work, length);
    struct why_json_document document;
    struct why_error error;
    enum why_reason reason = why_json_parse(exact, length, &document, &error);
    assert_true(reason == WHY_OK || reason == WHY_BAD_INPUT);
    assert_int_equal(reason == WHY_OK, document.root != NULL);
    assert_true(reason == WHY_OK || (error.line >= 1 && error.column >= 1 && error.text[0]));
    reason == WHY_OK ? good++ : bad++;
    why_json_free(&document);
    free(exact);
  }
  assert_true(good > 100 && bad > 100); // both sides were reached
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_exact),           cmocka_unit_test(strings_are_decoded),
      cmocka_unit_test(trees_keep_order_and_place),  cmocka_unit_test(faults_are_placed),
      cmocka_unit_test(depth_and_width_are_bounded), cmocka_unit_test(writing_is_plain),
      cmocka_unit_test(doubles_read_back_the_same),  cmocka_unit_test(mutants_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
