// .npy files: round trips in every type, versions and orders, and each way to refuse one.
#include "npy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct why_tensor matrix(enum why_type type, int64_t rows, int64_t cols, int64_t ld,
                                void *data) {
  return (struct why_tensor){
      .type = type, .rank = 2, .dim = {rows, cols}, .stride = {ld, 1}, .data = data};
}

static void test_round_trip(void **state) {
  (void)state;
  for (int type = 0; type < WHY_TYPE_COUNT; type++) {
    unsigned char from[8 * 3 * 7], to[sizeof from];
    size_t size = why_type_bytes((enum why_type)type);
    for (size_t i = 0; i < sizeof from; i++) from[i] = (unsigned char)(i * 37 + 1);
    memset(to, 0xee, sizeof to);
    struct why_tensor out = matrix((enum why_type)type, 3, 5, 7, from);
    struct why_tensor in = matrix((enum why_type)type, 3, 5, 6, to);
    struct why_error error;
    FILE *file = tmpfile();
    assert_int_equal(npy_write(file, &out), WHY_OK);
    assert_int_equal(ftell(file) % 64, 3 * 5 * size % 64); // the header is a multiple of 64
    rewind(file);
    assert_int_equal(npy_read(file, &in, &error), WHY_OK);
    fclose(file);
    for (size_t row = 0; row < 3; row++)
      assert_memory_equal(to + row * 6 * size, from + row * 7 * size, 5 * size);
    assert_int_equal(to[5 * size], 0xee); // gaps are left alone
  }
}

// A file of `header` (padded by the caller or not at all) in version `major` and these bytes.
static FILE *file_of(int major, const char *header, const void *data, size_t bytes) {
  FILE *file = tmpfile();
  size_t length = strlen(header);
  fwrite("\x93NUMPY", 1, 6, file);
  putc(major, file);
  putc(0, file);
  for (int i = 0; i < (major == 1 ? 2 : 4); i++) putc((int)(length >> 8 * i & 0xff), file);
  fwrite(header, 1, length, file);
  fwrite(data, 1, bytes, file);
  rewind(file);
  return file;
}

static void test_versions_and_order(void **state) {
  (void)state;
  const float c_order[] = {1, 2, 3, 4, 5, 6}, f_order[] = {1, 4, 2, 5, 3, 6};
  for (int major = 1; major <= 3; major++)
    for (int fortran = 0; fortran < 2; fortran++) {
      char header[128];
      float got[6] = {0};
      struct why_tensor t = matrix(WHY_F32, 2, 3, 3, got);
      struct why_error error;
      snprintf(header, sizeof header, "{\"fortran_order\":%s , 'shape':(2,3),'descr':'<f4'}\n",
               fortran ? "True" : "False");
      FILE *file = file_of(major, header, fortran ? f_order : c_order, sizeof c_order);
      assert_int_equal(npy_read(file, &t, &error), WHY_OK);
      fclose(file);
      assert_memory_equal(got, c_order, sizeof got);
    }
}

static void test_bf16(void **state) {
  (void)state;
  const uint16_t bits[] = {0x3f80, 0x4000};
  static const char *const descr[] = {"<u2", "<V2", "|V2"};
  for (int i = 0; i < 3; i++) {
    char header[128];
    uint16_t got[2] = {0};
    struct why_tensor t = matrix(WHY_BF16, 1, 2, 2, got);
    struct why_error error;
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (1, 2), }",
             descr[i]);
    FILE *file = file_of(1, header, bits, sizeof bits);
    assert_int_equal(npy_read(file, &t, &error), WHY_OK);
    fclose(file);
    assert_memory_equal(got, bits, sizeof bits);
  }
}

static void test_refused(void **state) {
  (void)state;
  static const struct {
    int major;
    const char *header;
    size_t bytes;
    const char *says;
  } row[] = {
      {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", 24, "(3, 2)"},
      {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", 24, "(6,)"},
      {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 24, "()"},
      {1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", 48, "<f8"},
      {1, "{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", 24, ">f4"},
      {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23, "23 of 24"},
      {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 0, "0 of 24"},
      {1, "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2, 3), }", 24, "dict"},
      {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }", 24, "dict"},
      {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 99999999999999999999), }", 24,
       "dict"},
      {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,6), }", 24, "dict"},
      {1, "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2, 3), }", 24, "dict"},
      {1, "{'descr': '<f4', 'shape': (2, 3), }", 24, "dict"},
      {1, "{'descr': '<f4", 24, "dict"},
      {1, "", 0, "dict"},
      {4, "{}", 0, "version"},
  };
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    float data[12] = {0}, got[6] = {0};
    struct why_tensor t = matrix(WHY_F32, 2, 3, 3, got);
    struct why_error error;
    FILE *file = file_of(row[i].major, row[i].header, data, row[i].bytes);
    assert_int_equal(npy_read(file, &t, &error), WHY_BAD_INPUT);
    fclose(file);
    if (!strstr(error.text, row[i].says)) fail_msg("%s: %s", row[i].header, error.text);
  }
}

static void test_both_shapes_are_named(void **state) {
  (void)state;
  float data[6] = {0};
  struct why_tensor t = matrix(WHY_F32, 2, 3, 3, data);
  struct why_error error;
  FILE *file = file_of(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", data, 24);
  assert_int_equal(npy_read(file, &t, &error), WHY_BAD_INPUT);
  fclose(file);
  assert_string_equal(error.text, "it holds (3, 2) of <f4, and (2, 3) of <f4 is wanted");
}

// Cut anywhere, it is refused and nothing is read outside it.
static void test_cut_anywhere(void **state) {
  (void)state;
  float data[6] = {1, 2, 3, 4, 5, 6};
  struct why_tensor t = matrix(WHY_F32, 2, 3, 3, data);
  struct why_error error;
  FILE *whole = tmpfile();
  char bytes[1024];
  assert_int_equal(npy_write(whole, &t), WHY_OK);
  rewind(whole);
  size_t size = fread(bytes, 1, sizeof bytes, whole);
  fclose(whole);
  for (size_t cut = 0; cut < size; cut++) {
    FILE *file = tmpfile();
    fwrite(bytes, 1, cut, file);
    rewind(file);
    assert_int_equal(npy_read(file, &t, &error), WHY_BAD_INPUT);
    fclose(file);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_versions_and_order),
      cmocka_unit_test(test_bf16),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_both_shapes_are_named),
      cmocka_unit_test(test_cut_anywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
