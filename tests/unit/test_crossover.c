// The rule for a threshold from winners at sizes, GPU-BLOB's rule, the sentences about both, and
// thresholds in rows gathered by family.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "crossover_text.h"
#include "families.h"
#include <cmocka.h>
#include <math.h>

// 'A' and 'B' won at a size, '?' is not known; a small letter: the times alone say so. Sizes are
// 10, 20, 30...
static int contests(const char *wins, struct contest *at) {
  int n = (int)strlen(wins);
  for (int i = 0; i < n; i++) {
    char w = wins[i];
    enum winner winner = w == 'A' ? WINNER_A : w == 'B' ? WINNER_B : WINNER_UNSURE;
    at[i] = (struct contest){10 * (int64_t)(i + 1), w == 'B' || w == 'b' ? 2 : 1,
                             w == 'A' || w == 'a' ? 2 : 1, winner};
  }
  return n;
}

static void crossovers(void **state) {
  (void)state;
  static const struct {
    const char *wins, *says;
    enum crossover_kind kind;
    int low, high, from;
  } table[] = {
      // clang-format off
      {"AAA",   "a always beats b, from 10 to 30",  CROSSOVER_ALWAYS, -1, 10, 10},
      {"A",     "a always beats b, from 10 to 10",  CROSSOVER_ALWAYS, -1, 10, 10},
      {"BBB",   "a never beats b, from 10 to 30",   CROSSOVER_NEVER,  -1, 10, 10},
      {"??B",   "a never beats b, from 10 to 30",   CROSSOVER_NEVER,  -1, 30, 30},
      {"AAA?",  "cannot tell where a beats b: the intervals overlap at 40, the largest", CROSSOVER_UNSURE, -1, -1, -1},
      {"BBAAA", "a beats b from 30 on (above 20 and at most 30 with 95% confidence; 20: b, 40: a)", CROSSOVER_FROM, 20, 30, 30},
      {"BABAA", "a beats b from 40 on (above 30 and at most 40 with 95% confidence; 30: b, 50: a)", CROSSOVER_FROM, 30, 40, 40},
      {"B?b?A", "a beats b from 50 on (above 10 and at most 50 with 95% confidence; 40: cannot tell)", CROSSOVER_FROM, 10, 50, 50},
      {"B?baA", "a beats b from 40 on (above 10 and at most 50 with 95% confidence; 30: cannot tell, 40: cannot tell, 50: a)", CROSSOVER_FROM, 10, 50, 40},
      {"?bAA",  "a beats b from 30 on (at most 30 with 95% confidence; 20: cannot tell, 40: a)", CROSSOVER_FROM, -1, 30, 30},
      {"BBBBA", "a beats b from 50 on (above 40 and at most 50 with 95% confidence; 40: b)", CROSSOVER_FROM, 40, 50, 50},
      {"AABB",  "a beats b only below 30 (above 20 and at most 30 with 95% confidence; 20: a, 40: b)", CROSSOVER_UNTIL, 20, 30, 30},
      {"A??BB", "a beats b only below 40 (above 10 and at most 40 with 95% confidence; 30: cannot tell, 50: b)", CROSSOVER_UNTIL, 10, 40, 40},
      // clang-format on
  };
  static const struct crossover_words words = {"a", "beats", "b", true};
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct contest at[8];
    int n = contests(table[i].wins, at);
    struct crossover x = crossover_find(at, n);
    char text[200] = "";
    FILE *file = fmemopen(text, sizeof text, "w");
    crossover_write(file, &words, &x, at, n);
    fclose(file);
    assert_string_equal(text, table[i].says);
    assert_int_equal(x.kind, table[i].kind);
    assert_int_equal(x.low, table[i].low);
    assert_int_equal(x.high, table[i].high);
    assert_int_equal(x.from, table[i].from);
  }
  assert_int_equal(crossover_find(NULL, 0).kind, CROSSOVER_UNSURE);
}

// As its program has it: one dip is forgiven, two in a row are not; a tie is the CPU's.
static void the_rule_of_gpu_blob(void **state) {
  (void)state;
  static const struct {
    double gpu[6], cpu;
    int found;
  } table[] = {
      {{1, 2, 3, 4, 5, 6}, 3.5, 40}, {{1, 2, 3, 4, 5, 6}, 3, 40}, {{1, 1, 1, 1, 1, 1}, 2, -1},
      {{3, 3, 3, 3, 3, 3}, 2, 10},   {{1, 3, 1, 3, 3, 3}, 2, 20}, {{1, 3, 1, 1, 3, 3}, 2, 50},
      {{1, 1, 1, 1, 1, 3}, 2, 60},   {{3, 3, 3, 3, 1, 1}, 2, -1}, {{3, 3, 3, 3, 3, 1}, 2, 10},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct rates at[6];
    for (int k = 0; k < 6; k++)
      at[k] = (struct rates){10 * (int64_t)(k + 1), table[i].gpu[k], table[i].cpu};
    assert_int_equal(crossover_blob(at, 6), table[i].found);
  }
}

// ---- families -----------------------------------------------------------------------------------

static const struct side gpu = {.gpu = true}, cpu = {.host = true};

static void add(struct families *fs, const char *family, int64_t size, bool on_gpu, int64_t threads,
                double median, double spread, enum evidence evidence) {
  struct suite_case item = {.size = size};
  struct csv_row row;
  snprintf(item.family, sizeof item.family, "%s", family);
  csv_row_clear(&row);
  row.backend = on_gpu ? "cublas" : "openblas";
  row.kernel = "x";
  row.transfer = "once";
  row.iterations = 1;
  row.threads = threads;
  row.flops = (double)size;
  row.median_s = row.predicted_s = median;
  row.ci_low_s = median - spread;
  row.ci_high_s = median + spread;
  assert_int_equal(families_add(fs, &item, &row, on_gpu, evidence), 0);
}

static void the_fastest_of_each_side_meet(void **state) {
  (void)state;
  struct families fs = {0};
  struct family_threshold t;
  for (int repeated = 0; repeated < 100; repeated++) // the same rows again take no more memory
    for (int64_t size = 80; size >= 10; size -= 10) {
      add(&fs, "f", size, true, 1, 50 + repeated, 1, EVIDENCE_INTERVALS);
      add(&fs, "f", size, false, 1, 2.5 * (double)size, 1, EVIDENCE_INTERVALS);
      add(&fs, "f", size, false, 2, (double)size, 1, EVIDENCE_INTERVALS);
      add(&fs, "g", size, false, 2, (double)size, 1, EVIDENCE_INTERVALS);
    }
  assert_int_equal(fs.count, 2);
  assert_true(fs.item[0].capacity <= 128);
  assert_int_equal(families_find(&fs, 0, &gpu, &cpu, EVIDENCE_INTERVALS, &t), 0);
  assert_int_equal(t.count, 8); // against the most threads
  assert_int_equal(t.crossover.kind, CROSSOVER_FROM);
  assert_int_equal(t.crossover.low, 40);
  assert_int_equal(t.crossover.high, 60);
  assert_int_equal(t.blob, 60); // at 50 the rates are the same
  family_threshold_free(&t);
  struct side one = {.host = true, .threads = 1};
  assert_int_equal(families_find(&fs, 0, &gpu, &one, EVIDENCE_INTERVALS, &t), 0);
  assert_int_equal(t.crossover.low, 10); // at 20 both take 50
  assert_int_equal(t.crossover.high, 30);
  family_threshold_free(&t);
  assert_int_equal(families_find(&fs, 1, &gpu, &cpu, EVIDENCE_INTERVALS, &t), 0);
  assert_int_equal(t.count, 0);
  family_threshold_free(&t);
  families_free(&fs);
}

// One total a size: where many sizes are near each other they have an interval together.
static void neighbours_stand_for_samples(void **state) {
  (void)state;
  struct families fs = {0};
  struct family_threshold t;
  uint32_t x = 1;
  for (int64_t size = 1; size <= 2000; size++)
    for (int side = 0; side < 2; side++) {
      x = x * 1664525 + 1013904223; // noise of up to 30%
      double noise = 1 + 0.3 * (double)(x >> 8) / (1 << 24);
      double seconds = (side ? 700 : (double)size) * noise;
      add(&fs, "f", size, side, 2, seconds, 0, EVIDENCE_TOTALS);
    }
  assert_int_equal(families_find(&fs, 0, &gpu, &cpu, EVIDENCE_TOTALS, &t), 0);
  assert_int_equal(t.count, 2000);
  assert_int_equal(t.crossover.kind, CROSSOVER_FROM);
  assert_true(t.crossover.low < 700 && 700 <= t.crossover.high);
  assert_true(t.crossover.high - t.crossover.low < 300);
  family_threshold_free(&t);
  families_free(&fs);
}

static void sides_are_read(void **state) {
  (void)state;
  struct sides s = {0};
  struct why_error wrong;
  assert_true(read_sides("gpu,cpu", &s, &wrong));
  assert_true(s.given && s.a.gpu && !s.a.host && s.b.host && s.b.threads == SIDE_REQUESTED);
  assert_true(read_sides("openblas@all,plain:avx512@1", &s, &wrong));
  assert_string_equal(s.a.backend, "openblas");
  assert_true(s.a.threads == SIDE_ALL && s.b.threads == 1);
  assert_string_equal(s.b.kernel, "avx512");
  assert_true(side_takes(&s.a, "openblas", "cblas", false));
  assert_false(side_takes(&s.a, "onednn", "cblas", false));
  assert_false(side_takes(&s.b, "plain", "avx2", false));
  char name[64];
  side_name(&s.b, name, sizeof name);
  assert_string_equal(name, "plain:avx512 with 1 thread");
  static const char *const bad[] = {
      "",          "gpu",       "gpu,",        ",cpu",  "gpu,gpu",        "gpu@1,cpu",
      "cpu@0,gpu", "cpu@x,gpu", "opnblas,cpu", "a,b,c", "cublas:lt@2,cpu"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    wrong.text[0] = 0;
    if (read_sides(bad[i], &s, &wrong)) fail_msg("%s was taken", bad[i]);
    assert_true(*wrong.text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(crossovers),
      cmocka_unit_test(the_rule_of_gpu_blob),
      cmocka_unit_test(the_fastest_of_each_side_meet),
      cmocka_unit_test(neighbours_stand_for_samples),
      cmocka_unit_test(sides_are_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
