// The CSV of results: what is written comes back, whatever is in it; what is broken is named.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <time.h>
#include <unistd.h>

static char path[64];

static int fresh(void **state) {
  (void)state;
  snprintf(path, sizeof path, "/tmp/whycpu-csv-%ld.csv", (long)getpid());
  unlink(path);
  return 0;
}

static int gone(void **state) {
  (void)state;
  unlink(path);
  return 0;
}

static struct csv_row row_of(const char *note, double median) {
  struct csv_row row;
  csv_row_clear(&row);
  row.schema = CSV_SCHEMA;
  row.note = note;
  row.median_s = median;
  row.decision = 7;
  row.free_bytes = 150323855360;
  row.unit = NULL; // as good as ""
  return row;
}

static const char *const texts[] = {
    "",         "plain", "a,b",  "say \"no\"", "\"",       "two\nlines",
    "cr\r\nlf", ",",     "\"\"", "trailing ",  " leading", "\xc3\xa9t\xc3\xa9",
};
enum { TEXTS = sizeof texts / sizeof texts[0] };
static const double numbers[] = {1, 0.1, 1e-9, 6.597857122869755e-07, 3e300, -0.0, 5e-324, 1e15};
enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

static void comes_back(void **state) {
  (void)state;
  struct csv_writer w;
  assert_int_equal(csv_create(&w, path), 0);
  for (int i = 0; i < TEXTS; i++) {
    struct csv_row row = row_of(texts[i], numbers[i % NUMBERS]);
    assert_int_equal(csv_write(&w, &row), 0);
  }
  assert_int_equal(w.rows, TEXTS);
  assert_int_equal(csv_close(&w), 0);

  FILE *file = fopen(path, "r");
  struct csv_reader r;
  struct why_error error;
  bool more;
  assert_int_equal(csv_open_results(&r, file, &error), WHY_OK);
  assert_int_equal(r.names, CSV_COLUMNS);
  int note = csv_find(&r, "note"), median = csv_find(&r, "median_s");
  for (int i = 0; i < TEXTS; i++) {
    assert_int_equal(csv_next(&r, &more, &error), WHY_OK);
    assert_true(more);
    assert_string_equal(csv_field(&r, note), texts[i]);
    assert_true(strtod(csv_field(&r, median), NULL) == numbers[i % NUMBERS]);
    assert_string_equal(csv_field(&r, csv_find(&r, "decision")), "7");
    assert_string_equal(csv_field(&r, csv_find(&r, "free_bytes")), "150323855360");
    assert_string_equal(csv_field(&r, csv_find(&r, "case")), "");
    assert_string_equal(csv_field(&r, csv_find(&r, "min_s")), "");   // NAN
    assert_string_equal(csv_field(&r, csv_find(&r, "samples")), ""); // CSV_NONE
    assert_string_equal(csv_field(&r, csv_find(&r, "device_memory_bytes")), "");
  }
  assert_int_equal(csv_next(&r, &more, &error), WHY_OK);
  assert_false(more);
  csv_reader_free(&r);
  fclose(file);
}

// What was checked keeps its evidence; elsewhere a number that is none is no value.
static void keeps_an_error_that_is_no_number(void **state) {
  (void)state;
  static const struct {
    double error;
    const char *verified, *cell;
  } table[] = {
      // clang-format off
      {NAN, "no", "nan"}, {-NAN, "no", "nan"}, {INFINITY, "no", "inf"}, {0, "exact", "0"}, {NAN, "", ""},
      // clang-format on
  };
  enum { ROWS = sizeof table / sizeof table[0] };
  struct csv_writer w;
  struct csv_reader r;
  struct why_error error;
  bool more;
  assert_int_equal(csv_create(&w, path), 0);
  for (int i = 0; i < ROWS; i++) {
    struct csv_row row = row_of("", INFINITY);
    row.error = table[i].error;
    row.verified = table[i].verified;
    assert_int_equal(csv_write(&w, &row), 0);
  }
  csv_close(&w);
  FILE *file = fopen(path, "r");
  assert_int_equal(csv_open_results(&r, file, &error), WHY_OK);
  for (int i = 0; i < ROWS; i++) {
    assert_int_equal(csv_next(&r, &more, &error), WHY_OK);
    assert_string_equal(csv_field(&r, csv_find(&r, "error")), table[i].cell);
    assert_string_equal(csv_field(&r, csv_find(&r, "median_s")), "");
  }
  csv_reader_free(&r);
  fclose(file);
}

// Rows come back as they were, and `end` and `next_line` lead back to them.
static void comes_back_as_a_row(void **state) {
  (void)state;
  enum { ROWS = 5 };
  static const char *const notes[ROWS] = {"one", "two\nlines", "", "a \"quote\"\r\nand a line",
                                          "five"};
  struct csv_writer w;
  struct csv_reader r;
  struct why_error error;
  int64_t end[ROWS];
  int line[ROWS];
  bool more;
  assert_int_equal(csv_create(&w, path), 0);
  for (int i = 0; i < ROWS; i++) {
    struct csv_row row = row_of(notes[i], numbers[i]);
    row.attempt = i;
    assert_int_equal(csv_write(&w, &row), 0);
  }
  int64_t length = w.end;
  csv_close(&w);
  FILE *file = fopen(path, "r");
  assert_int_equal(csv_open_results(&r, file, &error), WHY_OK);
  assert_true(csv_ours(&r));
  for (int turn = 0; turn < 2 * ROWS; turn++) {
    int i = turn < ROWS ? turn : 2 * ROWS - 1 - turn; // there, and back
    struct csv_row row;
    char number[CSV_NUMBER];
    if (turn < ROWS) {
      end[i] = r.end;
      line[i] = r.next_line;
    } else {
      assert_int_equal(csv_seek(&r, end[i], line[i]), 0);
    }
    assert_int_equal(csv_next(&r, &more, &error), WHY_OK);
    assert_true(more);
    assert_int_equal(r.line, line[i]);
    csv_row_read(&r, &row);
    assert_string_equal(row.note, notes[i]);
    assert_true(row.median_s == numbers[i]);
    assert_int_equal(row.attempt, i);
    assert_int_equal(row.free_bytes, 150323855360);
    assert_true(isnan(row.min_s));
    assert_int_equal(row.samples, CSV_NONE);
    assert_true(row.device_memory_bytes == WHY_UNLIMITED);
    for (int column = 0; column < CSV_COLUMNS; column++)
      assert_string_equal(csv_cell(&row, column, number), csv_field(&r, column));
    if (i == ROWS - 1) assert_int_equal(r.end, length);
  }
  csv_reader_free(&r);
  fclose(file);
}

static int64_t size_of(const char *name) {
  FILE *file = fopen(name, "r");
  assert_non_null(file);
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  int64_t size = ftell(file);
  fclose(file);
  return size;
}

static void goes_on_after_a_row(void **state) {
  (void)state;
  struct csv_writer w, second;
  struct csv_row row = row_of("a row", 1);
  assert_int_equal(csv_create(&w, path), 0);
  int64_t header = w.end;
  for (int i = 0; i < 3; i++) assert_int_equal(csv_write(&w, &row), 0);
  int64_t whole = w.end, each = (whole - header) / 3;
  assert_int_equal(csv_create(&second, path), EEXIST); // while it is open, too
  csv_close(&w);
  const int64_t ends[] = {whole, header + each, header, 0};
  for (int i = 0; i < 4; i++) {
    int file = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(csv_continue(&w, file, ends[i]), 0);
    assert_int_equal(w.end, ends[i] ? ends[i] : header);
    assert_int_equal(csv_write(&w, &row), 0);
    csv_close(&w);
    assert_int_equal(size_of(path), (ends[i] ? ends[i] : header) + each);
  }
  assert_int_equal(csv_continue(&w, open(path, O_RDONLY), 0), EINVAL); // cannot be cut
}

// What a kill can leave is told from what is wrong.
static void knows_a_line_that_was_cut(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool cut;
  } table[] = {{"a,b\n1,2\n3", true}, {"a,b\n1,2\n3,\"4\n", true}, {"a,b\n1,2,3\n", false}};
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct csv_reader r;
    struct why_error error;
    bool more = true;
    FILE *file = fmemopen((void *)table[i].text, strlen(table[i].text), "r");
    assert_int_equal(csv_open(&r, file, &error), WHY_OK);
    assert_false(csv_ours(&r));
    while (more && !csv_next(&r, &more, &error)) assert_false(r.cut);
    assert_int_equal(r.cut, table[i].cut);
    csv_reader_free(&r);
    fclose(file);
  }
}

static void keeps_what_is_there(void **state) {
  (void)state;
  struct csv_writer w;
  assert_int_equal(csv_create(&w, path), 0);
  assert_int_equal(csv_close(&w), 0);
  assert_int_equal(csv_create(&w, path), EEXIST);
  assert_int_equal(csv_create(&w, "/no/such/folder/x.csv"), ENOENT);
  assert_int_equal(csv_create(&w, "/dev/full"), ENOSPC); // the header does not fit
}

static void counts_rows_before_a_failure(void **state) {
  (void)state;
  int ends[2];
  struct csv_writer w;
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  assert_int_equal(csv_attach(&w, ends[1]), 0);
  struct csv_row row = row_of("a row", 1);
  int error = 0;
  for (int i = 0; i < 100000 && !error; i++) error = csv_write(&w, &row);
  assert_int_equal(error, EAGAIN); // nobody reads: the pipe is full
  assert_true(w.rows > 100);
  csv_close(&w);
  close(ends[0]);
  close(ends[1]);
}

static void names_what_is_wrong(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
    int line, rows; // rows that can be read before it
  } table[] = {
      // clang-format off
      {"", "empty", 1, -1},
      {"a,b", "half written", 1, -1},
      {"a,b\n1,2\n3", "half written", 3, 1},
      {"a,b\n1,2\n3,4", "half written", 3, 1},
      {"a,b\n1,2\n3,\"4\n5", "half written", 3, 1},
      {"a,b\n1,2,3\n", "3 fields; the header has 2", 2, 0},
      {"a,b\n1\n", "1 fields; the header has 2", 2, 0},
      {"a,b\n1,x\"y\n", "a quote inside", 2, 0},
      {"a,b\n1,\"x\"y\n", "after a closing quote", 2, 0},
      {"a,b\n\"1\n2\",3\n4\n", "1 fields", 4, 1},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct csv_reader r;
    struct why_error error = {0};
    bool more = true;
    int rows = -1;
    size_t length = strlen(table[i].text);
    FILE *file = length ? fmemopen((void *)table[i].text, length, "r") : fopen("/dev/null", "r");
    enum why_reason reason = csv_open(&r, file, &error);
    while (!reason && more) {
      rows++;
      reason = csv_next(&r, &more, &error);
    }
    assert_int_equal(reason, WHY_BAD_INPUT);
    assert_int_equal(error.line, table[i].line);
    assert_int_equal(rows, table[i].rows);
    if (!strstr(error.text, table[i].says)) fail_msg("%s: %s", table[i].text, error.text);
    csv_reader_free(&r);
    fclose(file);
  }
}

static void refuses_other_files(void **state) {
  (void)state;
  static const char other[] = "Device,Kernel,M,N,K\ncpu,sgemm,1,1,1\n";
  struct csv_reader r;
  struct why_error error;
  bool more;
  FILE *file = fmemopen((void *)other, strlen(other), "r");
  assert_int_equal(csv_open_results(&r, file, &error), WHY_BAD_INPUT);
  assert_non_null(strstr(error.text, "no column 'schema'"));
  fclose(file);

  struct csv_writer w;
  struct csv_row row = row_of("", 1);
  row.schema = 2;
  assert_int_equal(csv_create(&w, path), 0);
  assert_int_equal(csv_write(&w, &row), 0);
  csv_close(&w);
  file = fopen(path, "r");
  assert_int_equal(csv_open_results(&r, file, &error), WHY_OK);
  assert_int_equal(csv_next(&r, &more, &error), WHY_BAD_INPUT);
  assert_int_equal(error.line, 2);
  assert_string_equal(error.text, "schema '2'; this whycpu reads schema 1");
  csv_reader_free(&r);
  fclose(file);
}

// Lines end as they like, UTF-8 may say that it is, and a '\r' that ends no line is text.
static void reads_what_others_write(void **state) {
  (void)state;
  static const char text[] = "\xef\xbb\xbf"
                             "a,\"b\"\r\n1,2\r\n\"x\r\ny\",\r\nq\rr,\"say \"\"no\"\"\"\n";
  static const int line[] = {2, 3, 5};
  static const char *const expected[][2] = {{"1", "2"}, {"x\r\ny", ""}, {"q\rr", "say \"no\""}};
  struct csv_reader r;
  struct why_error error;
  bool more;
  FILE *file = fmemopen((void *)text, sizeof text - 1, "r");
  assert_int_equal(csv_open(&r, file, &error), WHY_OK);
  assert_int_equal(csv_find(&r, "a"), 0);
  assert_int_equal(csv_find(&r, "b"), 1);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(csv_next(&r, &more, &error), WHY_OK);
    assert_int_equal(r.line, line[i]);
    for (int column = 0; column < 2; column++)
      assert_string_equal(csv_field(&r, column), expected[i][column]);
  }
  assert_int_equal(r.end, sizeof text - 1);
  assert_int_equal(csv_next(&r, &more, &error), WHY_OK);
  assert_false(more);
  csv_reader_free(&r);
  fclose(file);
}

// Rows of every length come back, wherever the blocks end that the file is read in, and so does
// each one that is gone back to.
static void blocks_end_anywhere(void **state) {
  (void)state;
  enum { ROWS = 3000, BIG = 10000000 };
  static int64_t end[ROWS + 2];
  FILE *file = fopen(path, "w+");
  char *big = malloc(BIG + 1);
  assert_non_null(big);
  memset(big, '"', BIG);
  big[BIG] = 0;
  fputs("number,text,last\n", file);
  for (int i = 0; i < ROWS; i++)
    fprintf(file, "%d,\"%.*s\"\"%.*s\",%.*s\n", i, i % 97,
            "line\nline\nline\nline\nline\nline\nline\n"
            "line\nline\nline\nline\nline\nline\nline\nline\nline\nline\nline\nline\nline\nline\n",
            i % 7, ",,,,,,,", i % 13, "xxxxxxxxxxxxx");
  fputs("-1,\"", file); // and a field of 10 MB: a hundred blocks, each quote doubled
  for (int i = 0; i < BIG / 1000; i++) fprintf(file, "%.1000s%.1000s", big, big);
  fputs("\",\n", file);
  rewind(file);
  struct csv_reader r;
  struct why_error error;
  bool more = true;
  assert_int_equal(csv_open(&r, file, &error), WHY_OK);
  for (int i = 0; i < ROWS; i++) {
    end[i] = r.end;
    assert_int_equal(csv_next(&r, &more, &error), WHY_OK);
    assert_int_equal(atoi(csv_field(&r, 0)), i);
    assert_int_equal(strlen(csv_field(&r, 1)), i % 97 + 1 + i % 7);
    assert_int_equal(strlen(csv_field(&r, 2)), i % 13);
  }
  assert_int_equal(csv_next(&r, &more, &error), WHY_OK);
  assert_string_equal(csv_field(&r, 1), big);
  assert_true(r.size < 5 * (size_t)BIG); // what a row needs, and no more than twice that
  assert_int_equal(csv_next(&r, &more, &error), WHY_OK);
  assert_false(more);
  for (int i = 0, row = 0; i < 2000; i++, row = (row + (i % 5 ? 1 : 1237)) % ROWS) {
    assert_int_equal(csv_seek(&r, end[row], 1), 0);
    assert_int_equal(csv_next(&r, &more, &error), WHY_OK);
    assert_int_equal(atoi(csv_field(&r, 0)), row);
  }
  csv_reader_free(&r);
  fclose(file);
  free(big);
}

static uint64_t random_state;

static unsigned random_below(unsigned n) { // xorshift64
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (unsigned)(random_state >> 33) % n;
}

// Anything at all is read or refused with its line, and nothing is read beyond its end: the
// sanitizers watch.
static void any_bytes_are_read_or_refused(void **state) {
  (void)state;
  static const char likely[] = {',', '"', '\n', '\r', 'a', '1', ' ', '\xef', '\xbb', '\xbf', '\0'};
  int read = 0, refused = 0;
  random_state = 20240607;
  for (int i = 0; i < 20000; i++) {
    char text[64];
    unsigned length = 1 + random_below(sizeof text), kinds = 2 + random_below(sizeof likely - 1);
    for (unsigned k = 0; k < length; k++)
      text[k] = random_below(40) ? likely[random_below(kinds)] : (char)random_below(256);
    FILE *file = fmemopen(text, length, "r");
    struct csv_reader r;
    struct why_error error = {0};
    bool more = true;
    int64_t end = 0;
    enum why_reason reason = csv_open(&r, file, &error);
    while (!reason && more && !(reason = csv_next(&r, &more, &error)))
      for (int column = 0; more && column < r.names; column++) {
        assert_true(strlen(csv_field(&r, column)) < sizeof text);
        assert_true(column || r.end > end);
        end = r.end;
      }
    assert_true(reason == WHY_OK || reason == WHY_BAD_INPUT);
    assert_true(!reason || (*error.text && error.line >= 1 && error.line <= (int)length + 1));
    reason ? refused++ : read++;
    csv_reader_free(&r);
    fclose(file);
  }
  print_message("%d read, %d refused\n", read, refused);
  assert_true(read > 100 && refused > 1000);
}

// The columns that are asked for, among others in any order.
static void some_columns_are_enough(void **state) {
  (void)state;
  static const int wanted[] = {CSV_COLUMN_op, CSV_COLUMN_median_s};
  static const char text[] = "extra,median_s,schema,op\nx,0.5,1,gemm\ny,1,7,gemm\n";
  static const char other[] = "schema,op\n1,gemm\n";
  struct csv_reader r;
  struct why_error error;
  bool more;
  FILE *file = fmemopen((void *)text, sizeof text - 1, "r");
  assert_int_equal(csv_open_some(&r, file, wanted, 2, &error), WHY_OK);
  assert_int_equal(csv_next(&r, &more, &error), WHY_OK);
  assert_string_equal(csv_field(&r, csv_find(&r, "op")), "gemm");
  assert_int_equal(csv_next(&r, &more, &error), WHY_BAD_INPUT);
  assert_string_equal(error.text, "schema '7'; this whycpu reads schema 1");
  csv_reader_free(&r);
  fclose(file);
  file = fmemopen((void *)other, sizeof other - 1, "r");
  assert_int_equal(csv_open_some(&r, file, wanted, 2, &error), WHY_BAD_INPUT);
  assert_non_null(strstr(error.text, "no column 'median_s'"));
  fclose(file);
}

// 20 us a row is the promise; here with every column full, and room for a busy machine.
static void a_row_is_quick(void **state) {
  (void)state;
  enum { ROWS = 2000 };
  struct csv_writer w;
  struct csv_row row;
  struct timespec start, end;
#define CSV_FULL_TEXT "some text, quoted"
#define CSV_FULL_REAL (1.0 / 3)
#define CSV_FULL_WHOLE 123456789
#define CSV_FULL_BYTES 123456789012
#define X(kind, column, member, help) row.member = CSV_FULL_##kind;
#include "columns.def"
#undef X
  assert_int_equal(csv_create(&w, path), 0);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
  for (int i = 0; i < ROWS; i++) assert_int_equal(csv_write(&w, &row), 0);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
  csv_close(&w);
  double seconds =
      (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
  print_message("a full row takes %.1f us\n", 1e6 * seconds / ROWS);
  assert_true(seconds / ROWS < 200e-6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(comes_back, fresh, gone),
      cmocka_unit_test_setup_teardown(keeps_an_error_that_is_no_number, fresh, gone),
      cmocka_unit_test_setup_teardown(comes_back_as_a_row, fresh, gone),
      cmocka_unit_test_setup_teardown(goes_on_after_a_row, fresh, gone),
      cmocka_unit_test(knows_a_line_that_was_cut),
      cmocka_unit_test_setup_teardown(keeps_what_is_there, fresh, gone),
      cmocka_unit_test(counts_rows_before_a_failure),
      cmocka_unit_test(names_what_is_wrong),
      cmocka_unit_test_setup_teardown(refuses_other_files, fresh, gone),
      cmocka_unit_test_setup_teardown(a_row_is_quick, fresh, gone),
      cmocka_unit_test(reads_what_others_write),
      cmocka_unit_test_setup_teardown(blocks_end_anywhere, fresh, gone),
      cmocka_unit_test(any_bytes_are_read_or_refused),
      cmocka_unit_test(some_columns_are_enough),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
