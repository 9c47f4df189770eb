// What a sweep's summary says, word for word, from rows made by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "summary.h"
#include <cmocka.h>
#include <math.h>

static struct csv_row row_of(int64_t decision, const char *status, const char *reason,
                             const char *backend, const char *kernel) {
  struct csv_row row;
  csv_row_clear(&row);
  row.decision = decision;
  row.status = status;
  row.reason = reason;
  row.backend = backend;
  row.kernel = kernel;
  row.op = "gemm";
  row.type = "f32";
  row.dims = "m=8 n=8 k=8";
  row.policy = "auto";
  row.transfer = "once";
  row.iterations = 1;
  row.threads = 2;
  row.source = "predicted";
  return row;
}

static void measured(struct csv_row *row, double median, double spread) {
  row->source = "measured";
  row->median_s = median;
  row->ci_low_s = median - spread;
  row->ci_high_s = median + spread;
  row->stop_reason = spread < 0.1 * median ? "precision" : "time";
  row->gflops = 1 / median;
  row->gbps = 0.5 / median;
  row->error = 1e-7;
  row->tolerance = 4e-7;
  row->verified = "exact";
}

static void expect(struct summary *s, const char *label,
                   void (*print)(FILE *, const char *, struct summary *), const char *text) {
  char *out;
  size_t size;
  FILE *file = open_memstream(&out, &size);
  assert_non_null(file);
  print(file, label, s);
  fclose(file);
  assert_string_equal(out, text);
  free(out);
}

static void says_where_and_why(void **state) {
  (void)state;
  static const uint64_t budget[] = {64 << 20, WHY_UNLIMITED};
  struct suite_case item = {0};
  struct summary s = {.predicts = true};
  int64_t decision = 0;
  for (int b = 0; b < 2; b++)
    for (int n = 0; n < 3; n++) {
      // The third problem exceeds the first budget, and the second never pays.
      bool large = n == 2 && b == 0, slow = n == 1, gpu = !large && !slow;
      struct csv_row row = row_of(++decision, "chosen", "OK", gpu ? "cublas" : "openblas", "x");
      row.device_memory_bytes = budget[b];
      row.plan = !gpu ? "on-host" : b == 0 ? "streamed" : "resident";
      row.fallback = large ? "DEVICE_MEMORY" : slow ? "SLOWER" : "";
      assert_int_equal(summary_add(&s, &item, &row, gpu), 0);
      row = row_of(decision, "refused", "TYPE", "cuda", "mma");
      row.device_memory_bytes = budget[b];
      assert_int_equal(summary_add(&s, &item, &row, true), 0);
    }
  struct csv_row row = row_of(++decision, "refused", "TYPE", "cuda", "mma"); // nothing could run
  assert_int_equal(summary_add(&s, &item, &row, true), 0);
  expect(
      &s, "predicted", summary_print,
      "predicted | policy     device memory decisions  on GPU in parts  on CPU  nowhere  fell back "
      "to "
      "the CPU because\n"
      "predicted | auto       64 MiB                3       1        1       2        0  SLOWER 1, "
      "DEVICE_MEMORY 1\n"
      "predicted | auto       no budget             4       2        0       1        1  SLOWER 1\n"
      "predicted | fell back 3 times of 7, 2 of them for SLOWER: it could run, and another "
      "candidate is predicted to take less time\n"
      "predicted | what to do: keep operands on the device over more calls (--iterations), or "
      "leave it on the CPU\n"
      "predicted | auto: 2 run on the GPU with no budget; of these a budget keeps off it 1 "
      "at 64 MiB\n");
  summary_free(&s);
}

// A row of a plan under a budget; could it run?
static struct csv_row plan_row(int64_t decision, uint64_t budget, const char *plan, double seconds,
                               const char *reason) {
  bool chosen = !strcmp(reason, "OK"), gpu = strcmp(plan, "on-host") != 0;
  struct csv_row row =
      row_of(decision, chosen ? "chosen" : "refused", reason, gpu ? "cublas" : "openblas", "x");
  row.device_memory_bytes = budget;
  row.plan = plan;
  row.bytes = 3 << 20;
  row.predicted_s = seconds;
  return row;
}

static void says_what_a_budget_costs(void **state) {
  (void)state;
  struct suite_case item = {0};
  struct summary s = {.predicts = true};
  struct csv_row row[16];
  int rows = 0;
  // The second problem moves more than the first; the third, as much in another shape, comes too
  // late.
  row[rows] = plan_row(1, 1 << 20, "on-host", 1e-3, "OK");
  row[rows].dims = "m=4 n=4 k=4";
  row[rows++].bytes = 1 << 20;
  row[rows++] = plan_row(2, 1 << 20, "resident", 2e-3, "DEVICE_MEMORY");
  row[rows] = plan_row(2, 1 << 20, "streamed", 4e-3, "OK");
  row[rows++].roof_percent = 75;
  row[rows] = plan_row(2, 1 << 20, "streamed", 5e-3, "SLOWER"); // another kernel's
  row[rows++].roof_percent = 10;
  row[rows++] = plan_row(2, 1 << 20, "on-host", 9e-3, "SLOWER");
  row[rows++] = plan_row(3, 1 << 10, "streamed", 8e-3, "PINNED");
  row[rows++] = plan_row(3, 1 << 10, "on-host", 9e-3, "OK");
  row[rows++] = plan_row(4, WHY_UNLIMITED, "resident", 2e-3, "OK");
  row[rows++] = plan_row(4, WHY_UNLIMITED, "on-host", 9e-3, "SLOWER");
  row[rows] = plan_row(5, 1 << 20, "streamed", 1e-6, "OK");
  row[rows++].dims = "m=1 n=1 k=1";
  for (int i = 0; i < rows; i++)
    assert_int_equal(summary_add(&s, &item, &row[i], strcmp(row[i].plan, "on-host") != 0), 0);
  char *text;
  size_t size;
  FILE *file = open_memstream(&text, &size);
  assert_non_null(file);
  summary_print(file, "predicted", &s);
  fclose(file);
  static const char table[] =
      "predicted | gemm m=8 n=8 k=8 type=f32, 3 MiB: the fastest of each plan\n"
      "predicted |   device memory   resident   streamed    the law on the CPU\n"
      "predicted |   1 MiB                  -       4 ms       3 ms       9 ms\n"
      "predicted |   1 KiB                  -          -          -       9 ms\n"
      "predicted |   no budget           2 ms          -          -       9 ms\n";
  if (!strstr(text, table)) fail_msg("%s", text);
  assert_null(strstr(text, "m=1 n=1"));
  assert_null(strstr(text, "m=4 n=4"));
  free(text);
  summary_free(&s);
}

static void says_where_one_side_begins_to_win(void **state) {
  (void)state;
  static const double one[] = {1e-6, 4e-6, 32e-6, 256e-6}, all[] = {3e-6, 4.1e-6, 18e-6, 140e-6};
  struct suite_case item = {.family = "gemm m=* n=* k=* type=f32"};
  struct summary s = {0};
  int64_t decision = 0;
  for (int i = 0; i < 4; i++)
    for (int threads = 1; threads <= 2; threads++) {
      struct csv_row row = row_of(++decision, "chosen", "OK", "openblas", "cblas");
      double median = threads == 1 ? one[i] : all[i];
      measured(&row, median, i == 1 ? 0.1 * median : 0.01 * median);
      row.threads = threads;
      row.fallback = "NO_HARDWARE";
      row.roof_percent = 10 * (i + 1);
      item.size = 16 << i;
      assert_int_equal(summary_add(&s, &item, &row, false), 0);
    }
  expect(
      &s, "measured", summary_print,
      "measured | policy     device memory decisions  on GPU in parts  on CPU  nowhere  fell back "
      "to "
      "the CPU because\n"
      "measured | auto       no budget             8       0        0       8        0  "
      "NO_HARDWARE 8\n"
      "measured | fell back 8 times of 8, all for NO_HARDWARE: this machine has no such device\n"
      "measured | what to do: run it on a machine with an NVIDIA GPU; --machine h200 shows what "
      "one would do\n"
      "measured | gemm f32 at its best: 3.91 TFLOP/s, 1.95 TB/s, 40% of the measured ceiling "
      "(openblas:cblas, m=8 n=8 k=8)\n"
      "measured | gemm m=* n=* k=* type=f32: all threads beat one thread from 64 on (above "
      "16 and at most 64 with 95% confidence; 32: cannot tell, 128: all threads)\n"
      "measured | 8 results compared with the reference in double, 0 wrong; the largest error is "
      "0.25 of what is allowed (gemm openblas:cblas)\n"
      "measured | 2 of 8 measurements ended before their interval was narrow enough: other work "
      "was running, or --time-budget is short\n");
  summary_free(&s);
}

static void says_what_was_verified(void **state) {
  (void)state;
  struct suite_case item = {0};
  struct summary s = {0};
  for (int i = 0; i < 3; i++) {
    struct csv_row row = row_of(i + 1, i == 2 ? "failed" : "chosen", i == 2 ? "WRONG" : "OK",
                                "cuda", i ? "naive" : "tiled");
    row.source = "emulated";
    row.error = i == 2 ? NAN : 1e-7 * (i + 1);
    row.tolerance = 4e-7;
    row.verified = i == 2 ? "no" : "exact";
    assert_int_equal(summary_add(&s, &item, &row, true), 0);
  }
  expect(
      &s, "verified", summary_print_kernels,
      "verified | op       kernel             results   wrong  largest error, as a share of what "
      "is allowed\n"
      "verified | gemm     cuda:tiled               1       0  0.25\n"
      "verified | gemm     cuda:naive               2       1  nan\n"
      "verified | 3 results compared with the reference in double, 1 wrong; the largest error is "
      "nan of what is allowed (gemm cuda:naive)\n");
  summary_free(&s);
}

static void advises_on_each_reason(void **state) {
  (void)state;
  for (int r = 0; r < WHY_REASON_COUNT; r++) {
    const char *advice = summary_advice((enum why_reason)r);
    if (!advice) fail_msg("no advice on %s", why_name((enum why_reason)r));
    assert_true(strlen(advice) < 100);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(says_where_and_why),
      cmocka_unit_test(says_what_a_budget_costs),
      cmocka_unit_test(says_where_one_side_begins_to_win),
      cmocka_unit_test(says_what_was_verified),
      cmocka_unit_test(advises_on_each_reason),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
