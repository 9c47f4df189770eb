// GPU-BLOB's files: its shapes, reading by column name, what is refused, and a sweep's rows written
// and read back.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include <cmocka.h>
#include <math.h>
#include <unistd.h>

static void shapes_are_told_by_their_dims(void **state) {
  (void)state;
  static const struct {
    int64_t m, n, k; // k 0: gemv
    const char *shape;
    int64_t size;
  } table[] = {
      {7, 7, 7, "square_square_M=N=K", 7},
      {160, 160, 10, "tall-thin_short-wide_M=N_M=16K", 10},
      {9, 9, 32, "tall-thin_short-wide_M=N_K=32", 9},
      {3, 3, 48, "short-wide_tall-thin_M=N_K=16M", 3},
      {32, 32, 5, "short-wide_tall-thin_M=N=32_K", 5},
      {160, 10, 10, "tall-thin_square_K=N_M=16K", 10},
      {5, 32, 32, "tall-thin_square_K=N=32_M", 5},
      {10, 160, 10, "square_short-wide_M=K_N=16K", 10},
      {32, 5, 32, "square_short-wide_M=K=32_N", 5},
      {8, 8, 0, "square_vector_M=N", 8},
      {160, 10, 0, "tall-thin_vector_M=16N", 10},
      {5, 32, 0, "tall-thin_vector_M_N=32", 5},
      {10, 160, 0, "short-wide_vector_N=16M", 10},
      {32, 5, 0, "short-wide_vector_M=32_N", 5},
  };
  for (int i = 0; i < BLOB_SHAPES; i++) {
    struct blob_row row = {.m = table[i].m, .n = table[i].n, .k = table[i].k};
    row.gemv = !row.k;
    assert_string_equal(blob_shape_name(i), table[i].shape);
    for (int shape = 0; shape < BLOB_SHAPES; shape++)
      assert_int_equal(blob_shape_size(shape, &row), shape == i ? table[i].size : 0);
  }
  struct blob_row none = {.m = INT64_MAX, .n = INT64_MAX - 1, .k = 1};
  for (int shape = 0; shape < BLOB_SHAPES; shape++)
    assert_int_equal(blob_shape_size(shape, &none), 0);
}

static enum why_reason read_text(const char *text, struct blob_row *row, struct why_error *error) {
  struct blob_reader reader;
  FILE *file = fmemopen((void *)text, strlen(text), "r");
  bool more;
  assert_non_null(file);
  memset(&reader, 0, sizeof reader);
  enum why_reason reason = blob_open(&reader, file, error);
  if (!reason) {
    reason = blob_next(&reader, row, &more, error);
    blob_free(&reader);
  }
  fclose(file);
  return reason;
}

static void columns_are_found_by_name(void **state) {
  (void)state;
  struct blob_row row = {0};
  struct why_error error;
  assert_int_equal(
      read_text("Device,Kernel,M,N,K,Total Problem Size (KiB),Iterations,Total "
                "Seconds,GFLOP/s\r\ngpu_unified,dgemv,4,8,0,0.344,10,0.50000,0.001\r\n",
                &row, &error),
      WHY_OK);
  assert_int_equal(row.device, BLOB_UNIFIED);
  assert_true(row.f64 && row.gemv && row.m == 4 && row.n == 8 && row.k == 0);
  assert_true(row.iterations == 10 && row.seconds == 0.5); // the rate is of another total
  assert_int_equal(read_text("GFLOP/s,Total Seconds,Iterations,sparsity,K,N,M,Kernel,Device\n"
                             "1.728,0.00010,10,0.9,20,20,20,sgemm,cpu\n",
                             &row, &error),
                   WHY_OK);
  assert_int_equal(row.device, BLOB_CPU);
  assert_true(!row.f64 && !row.gemv && row.k == 20);
  // 10 x (2 x 20^3 + 20^2) operations: the rate has more digits than the total.
  assert_true(fabs(row.seconds / (164000 / 1.728e9) - 1) < 1e-12);
}

static void what_is_broken_is_refused(void **state) {
  (void)state;
  static const char header[] = "Device,Kernel,M,N,K,Iterations,Total Seconds\n";
  static const struct {
    const char *row, *says;
  } table[] = {
      {"tpu,sgemm,1,1,1,1,1\n", "Device is 'tpu': one of cpu,"},
      {"cpu,hgemm,1,1,1,1,1\n", "Kernel is 'hgemm': one of sgemm,"},
      {"cpu,sgemm,0,1,1,1,1\n", "M is '0'"},
      {"cpu,sgemm,1,-1,1,1,1\n", "N is '-1'"},
      {"cpu,sgemm,1,1,0,1,1\n", "K is '0'"},
      {"cpu,sgemv,1,1,1,1,1\n", "K is '1': 0 for a gemv"},
      {"cpu,sgemm,99999999999999999999,1,1,1,1\n", "M is"},
      {"cpu,sgemm,1.5,1,1,1,1\n", "M is '1.5'"},
      {"cpu,sgemm,1,1,1,x,1\n", "Iterations is 'x'"},
      {"cpu,sgemm,1,1,1,1,nan\n", "Total Seconds is 'nan'"},
      {"cpu,sgemm,1,1,1,1,-1\n", "Total Seconds is '-1'"},
      {"cpu,sgemm,1,1,1,1,\n", "Total Seconds is ''"},
      {"cpu,sgemm,1,1,1,1\n", "6 fields; the header has 7"},
      {"cpu,sgemm,1,1,1,1,1", "half written"},
  };
  struct blob_row row;
  struct why_error error;
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    char text[256];
    snprintf(text, sizeof text, "%s%s", header, table[i].row);
    assert_int_equal(read_text(text, &row, &error), WHY_BAD_INPUT);
    assert_int_equal(error.line, 2);
    if (!strstr(error.text, table[i].says)) fail_msg("%s: %s", table[i].row, error.text);
  }
  assert_int_equal(read_text("Device,Kernel,M,N,K,Iterations\n", &row, &error), WHY_BAD_INPUT);
  assert_non_null(strstr(error.text, "no column 'Total Seconds'"));
}

// ---- writing ------------------------------------------------------------------------------------

static void add(struct blob_export *e, const char *problem, const char *source,
                const char *transfer, bool gpu, double seconds) {
  struct suite_case item = {0};
  struct csv_row row;
  struct why_error error;
  assert_int_equal(why_problem_parse(problem, &item.problem, &error), WHY_OK);
  csv_row_clear(&row);
  row.source = source;
  row.transfer = transfer;
  row.status = "chosen";
  row.iterations = 3;
  row.median_s = seconds;
  assert_int_equal(blob_export_add(e, &item, &row, gpu), 0);
}

static void expect_file(const char *folder, const char *name, const char *text) {
  char path[256], content[2048] = "";
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "re");
  if (!text) {
    assert_null(file);
    return;
  }
  if (!file) fail_msg("there is no %s", path);
  content[fread(content, 1, sizeof content - 1, file)] = 0;
  fclose(file);
  assert_string_equal(content, text);
}

#define HEADER "Device,Kernel,M,N,K,Total Problem Size (KiB),Iterations,Total Seconds,GFLOP/s\n"

static void a_sweep_becomes_its_files(void **state) {
  (void)state;
  struct blob_export e = {0};
  char folder[] = "/tmp/whycpu-blob-XXXXXX", *words;
  size_t size;
  assert_non_null(mkdtemp(folder));
  static const char *const transfer[] = {"unified", "always", "once"};
  for (int n = 16; n >= 8; n -= 8) {
    char problem[64];
    snprintf(problem, sizeof problem, "gemm m=%d n=%d k=%d", n, n, n);
    for (int t = 0; t < 3; t++) {
      add(&e, problem, "measured", transfer[t], false, 0.5 + t); // the fastest counts
      add(&e, problem, "measured", transfer[t], true, 0.25 * (t + 1));
      add(&e, problem, "predicted", transfer[t], true, 1e-9); // never among measured ones
    }
    // Row-major m, n, k is column-major n, m, k; one row of c is a gemv.
    snprintf(problem, sizeof problem, "gemm type=f64 m=%d n=%d k=%d", n, 16 * n, n);
    add(&e, problem, "measured", "once", false, 0.5);
    add(&e, problem, "measured", "once", true, 0.5); // without the other two
    snprintf(problem, sizeof problem, "gemm m=1 n=%d k=32", n);
    add(&e, problem, "measured", "once", false, 0.5);
  }
  add(&e, "gemm m=8 n=8 k=8 ta=1", "measured", "once", false, 1);
  add(&e, "gemm m=8 n=8 k=8 type=bf16", "measured", "once", false, 1);
  add(&e, "softmax rows=8 cols=8", "measured", "once", false, 1);
  FILE *file = open_memstream(&words, &size);
  assert_non_null(file);
  assert_int_equal(blob_export_check(folder, false), 0);
  assert_int_equal(blob_export_write(&e, folder, file, "measured"), 0);
  fclose(file);
  expect_file(folder, "sgemm_square_square_M=N=K.csv",
              HEADER "cpu,sgemm,8,8,8,0.750,3,0.500000000000,0.000007\n"
                     "gpu_offloadOnce,sgemm,8,8,8,0.750,3,0.750000000000,0.000004\n"
                     "gpu_offloadAlways,sgemm,8,8,8,0.750,3,0.500000000000,0.000007\n"
                     "gpu_unified,sgemm,8,8,8,0.750,3,0.250000000000,0.000013\n"
                     "cpu,sgemm,16,16,16,3.000,3,0.500000000000,0.000051\n"
                     "gpu_offloadOnce,sgemm,16,16,16,3.000,3,0.750000000000,0.000034\n"
                     "gpu_offloadAlways,sgemm,16,16,16,3.000,3,0.500000000000,0.000051\n"
                     "gpu_unified,sgemm,16,16,16,3.000,3,0.250000000000,0.000101\n");
  expect_file(folder, "dgemm_tall-thin_square_K=N_M=16K.csv",
              HEADER "cpu,dgemm,128,8,8,16.500,3,0.500000000000,0.000104\n"
                     "cpu,dgemm,256,16,16,66.000,3,0.500000000000,0.000811\n");
  expect_file(folder, "sgemv_tall-thin_vector_M_N=32.csv",
              HEADER "cpu,sgemv,8,32,0,1.156,3,0.500000000000,0.000003\n"
                     "cpu,sgemv,16,32,0,2.188,3,0.500000000000,0.000006\n");
  expect_file(folder, "dgemm_square_square_M=N=K.csv", NULL);
  assert_non_null(strstr(words, "measured | 2 sizes in /tmp/whycpu-blob"));
  assert_non_null(strstr(words, "M=16K.csv, without the GPU, for which not all three --transfer"));
  assert_non_null(strstr(words, "3 measured rows are of an operation, type or form"));
  free(words);
  assert_int_equal(blob_export_check(folder, true), 0);
  assert_int_equal(blob_export_check(folder, false), 2); // they are there: its line is printed
  blob_export_free(&e);
  char command[64];
  snprintf(command, sizeof command, "rm -r %s", folder);
  assert_int_equal(system(command), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shapes_are_told_by_their_dims),
      cmocka_unit_test(columns_are_found_by_name),
      cmocka_unit_test(what_is_broken_is_refused),
      cmocka_unit_test(a_sweep_becomes_its_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
