// How numbers lie: each distortion's arithmetic on a subject whose every time is known, and every
// way of timing on a real kernel and on an emulated GPU's, with a clock that counts its readings.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lies_job.h"
#include "machine.h"
#include <cmocka.h>

// ---- a subject that is known --------------------------------------------------------------------

static struct known {
  double seconds[LIES_WAYS]; // NAN: nobody may run it
  int runs[LIES_WAYS], order[LIES_WAYS * 400], count, fail_at;
  double wobble; // every fifth honest run is that much faster
} known;

static enum why_reason time_known(void *data, enum lies_way way, double *seconds) {
  assert_ptr_equal(data, &known);
  assert_false(isnan(known.seconds[way]));
  known.order[known.count++] = way;
  *seconds = known.seconds[way];
  if (++known.runs[way] % 5 == 0 && way == LIES_HONEST) *seconds -= known.wobble;
  return known.count == known.fail_at ? WHY_DEVICE_LOST : WHY_OK;
}

static double clock_reads;
static double counting_clock(void) {
  return clock_reads++;
}

static struct lies_subject known_subject(void) {
  static const double seconds[LIES_WAYS] = {
      [LIES_HONEST] = 1,  [LIES_AGAIN] = 1,    [LIES_ZEROS] = 0.8,  [LIES_WARM] = 0.5,
      [LIES_CALL] = 0.25, [LIES_DEVICE] = 0.2, [LIES_PADDED] = 1.1, [LIES_FIRST] = 11,
      [LIES_NAIVE] = 50,  [LIES_FAIR] = 5};
  memset(&known, 0, sizeof known);
  memcpy(known.seconds, seconds, sizeof seconds);
  clock_reads = 0;
  return (struct lies_subject){
      .time = time_known, .data = &known, .flops = 100, .padded_flops = 120};
}

static const struct lies_rules patient = {0.01, 1e9, counting_clock};

static void close_to(double value, double expected) {
  if (!(fabs(value - expected) <= 1e-12 * expected)) fail_msg("%g is not %g", value, expected);
}

static void each_distortion_is_its_ratio(void **state) {
  (void)state;
  struct lies lies;
  struct lies_subject s = known_subject();
  s.honest[LIE_BASELINE] = LIES_FAIR;
  s.honest[LIE_DEVICE_CLOCK] = LIES_CALL;
  assert_int_equal(lies_measure(&s, &patient, &lies), WHY_OK);
  const struct {
    double honest, claimed, ratio;
    const char *verdict;
  } expected[LIES] = {
      [LIE_AGAIN] = {1, 1, 1, "no difference"},
      [LIE_ZEROS] = {1, 0.8, 1.25, "flatters"},
      [LIE_HOT] = {1, 0.5, 2, "flatters"},
      [LIE_CALL_ALONE] = {1, 0.25, 4, "flatters"},
      [LIE_DEVICE_CLOCK] = {0.25, 0.2, 1.25, "flatters"},
      [LIE_PADDED] = {1, 1.1, 1.2 / 1.1, "flatters"}, // a tenth slower, a fifth more counted
      [LIE_MINIMUM] = {1, 1, 1, "no difference"},
      [LIE_FIRST_CALL] = {1, 2, 0.5, "belittles"}, // (11 + 9 x 1) / 10
      [LIE_BASELINE] = {5, 50, 10, "flatters"},
  };
  for (int i = 0; i < LIES; i++) {
    const struct lie_result *l = &lies.lie[i];
    assert_true(l->shown);
    close_to(l->honest_seconds, expected[i].honest);
    close_to(l->claimed_seconds, expected[i].claimed);
    close_to(l->ratio, expected[i].ratio);
    close_to(l->low, expected[i].ratio);
    close_to(l->high, expected[i].ratio);
    assert_string_equal(lie_verdict(l), expected[i].verdict);
    assert_true(*lie_name((enum lie)i) && *lie_help((enum lie)i));
  }
  assert_int_equal(lies.rounds, LIES_ROUNDS_ENOUGH); // nothing varied
  close_to(lies.seconds, 1);
}

static void the_minimum_is_of_all_rounds(void **state) {
  (void)state;
  struct lies lies;
  struct lies_subject s = known_subject();
  known.wobble = 0.75;
  assert_int_equal(lies_measure(&s, &patient, &lies), WHY_OK);
  const struct lie_result *l = &lies.lie[LIE_MINIMUM];
  close_to(l->honest_seconds, 1);
  close_to(l->claimed_seconds, 0.25);
  close_to(l->ratio, 4);
  assert_true(l->low <= 4 && l->high <= 4);
}

static void rounds_hold_each_way_once_in_changing_order(void **state) {
  (void)state;
  struct lies lies;
  struct lies_subject s = known_subject();
  assert_int_equal(lies_measure(&s, &patient, &lies), WHY_OK);
  int moved = 0;
  for (int way = 0; way < LIES_WAYS; way++) // one more: the run that does not count
    assert_int_equal(known.runs[way], way == LIES_FAIR ? 0 : lies.rounds + 1);
  const size_t each = LIES_WAYS - 1;
  for (int round = 0; round <= lies.rounds; round++) {
    unsigned seen = 0;
    const int *now = known.order + (size_t)round * each, *before = now - (round ? each : 0);
    for (size_t i = 0; i < each; i++) seen |= 1u << now[i];
    assert_int_equal(seen, ((1u << LIES_WAYS) - 1) & ~(1u << LIES_FAIR));
    moved += memcmp(now, before, each * sizeof *now) != 0;
  }
  assert_true(moved > lies.rounds / 2);
}

static void what_cannot_be_shown_is_not_run(void **state) {
  (void)state;
  struct lies lies;
  struct lies_subject s = known_subject();
  s.cannot[LIE_DEVICE_CLOCK] = "no GPU";
  s.cannot[LIE_PADDED] = "multiples already";
  s.cannot[LIE_FIRST_CALL] = "no";
  known.seconds[LIES_DEVICE] = known.seconds[LIES_PADDED] = known.seconds[LIES_FIRST] = NAN;
  known.seconds[LIES_FAIR] = NAN;
  assert_int_equal(lies_measure(&s, &patient, &lies), WHY_OK);
  for (int i = 0; i < LIES; i++) {
    assert_int_equal(lies.lie[i].shown, !s.cannot[i]);
    if (s.cannot[i]) assert_true(isnan(lies.lie[i].ratio) && !*lie_verdict(&lies.lie[i]));
  }
}

static void time_and_failures_end_it(void **state) {
  (void)state;
  struct lies lies;
  struct lies_subject s = known_subject();
  known.wobble = 0.75;
  struct lies_rules rules = {1e-9, 0.5, counting_clock}; // a reading of the clock takes a second
  assert_int_equal(lies_measure(&s, &rules, &lies), WHY_OK);
  assert_int_equal(lies.rounds, LIES_ROUNDS_LEAST);
  assert_true(lies.lie[LIE_ZEROS].low <= lies.lie[LIE_ZEROS].high); // an interval all the same
  for (int fail_at = 1; fail_at < 40; fail_at++) {
    s = known_subject();
    known.fail_at = fail_at;
    assert_int_equal(lies_measure(&s, &patient, &lies), WHY_DEVICE_LOST);
    assert_int_equal(known.count, fail_at);
  }
}

// ---- padding ------------------------------------------------------------------------------------

static struct why_problem parse(const char *text) {
  struct why_problem p;
  struct why_error error;
  assert_int_equal(why_problem_parse(text, &p, &error), WHY_OK);
  return p;
}

static void padding_is_the_kernels_own(void **state) {
  (void)state;
  const struct why_facts old = {.host = 1}, avx2 = {.host = 1, .cpu_features = WHY_CPU_AVX2},
                         avx512 = {.host = 1, .cpu_features = WHY_CPU_AVX2 | WHY_CPU_AVX512},
                         gpu = {.capability = 90};
  const struct why_kernel *cblas = why_kernel_at(why_kernel_find("gemm", "openblas", "cblas"));
  const struct why_kernel *vector = why_kernel_at(why_kernel_find("gemm", "cuda", "vector"));
  const struct why_kernel *tiled = why_kernel_at(why_kernel_find("gemm", "cuda", "tiled"));
  assert_int_equal(lies_multiple(cblas, &old, WHY_F32), 4);
  assert_int_equal(lies_multiple(cblas, &avx2, WHY_F64), 4);
  assert_int_equal(lies_multiple(cblas, &avx512, WHY_F32), 16);
  assert_int_equal(lies_multiple(cblas, &avx512, WHY_BF16), 32);
  assert_int_equal(lies_multiple(vector, &gpu, WHY_F32), 4); // as the catalog has it
  assert_int_equal(lies_multiple(tiled, &gpu, WHY_F32), 32);
}

static void only_sizes_are_padded(void **state) {
  (void)state;
  const struct {
    const char *problem, *padded; // NULL: there is nothing to pad
    int64_t multiple;
  } row[] = {
      {"gemm m=500 n=512 k=17 type=f32", "gemm m=512 n=512 k=32 type=f32", 16},
      {"gemm m=512 n=16 k=32", NULL, 16},
      {"gemm m=5 n=7 k=15", NULL, 16}, // shorter than one
      {"gemm m=20 n=20 k=20 lda=24", "gemm m=24 n=24 k=24 lda=24 type=f32", 8},
      {"gemm m=20 n=20 k=20 lda=20", NULL, 8}, // its own stride would be too short
      {"softmax rows=33 cols=1000", "softmax rows=48 cols=1008 type=f32", 16},
      {"conv2d n=1 c=60 h=28 w=28 k=60 r=3 s=3 pad_h=1 pad_w=1",
       "conv2d n=1 c=64 h=32 w=32 k=64 r=3 s=3 pad_h=1 pad_w=1 type=f32", 16},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct why_problem p = parse(row[i].problem), padded;
    bool is = lies_pad(&p, row[i].multiple, &padded);
    if (is != (row[i].padded != NULL)) fail_msg("%s: %d", row[i].problem, is);
    if (!is) continue;
    struct why_problem expected = parse(row[i].padded);
    assert_true(why_problem_same(&padded, &expected));
  }
}

// ---- on kernels ---------------------------------------------------------------------------------

// Every way that can be shown runs and is right; *shown: which, as bits.
static void run_all_ways(struct why_machine *m, const char *problem, const char *kernel,
                         unsigned *shown) {
  struct why_request request;
  struct why_problem p = parse(problem);
  static struct lies_job j;
  struct why_check check;
  struct lies lies;
  why_request_default(&p, &request);
  strcpy(request.kernel, kernel);
  request.iterations = 2;
  assert_int_equal(lies_job_open(m, &request, 1, 2, counting_clock, &j), WHY_OK);
  struct lies_rules rules = {1, 1, counting_clock};
  assert_int_equal(lies_measure(&j.subject, &rules, &lies), WHY_OK);
  *shown = 0;
  for (int i = 0; i < LIES; i++) {
    assert_int_equal(lies.lie[i].shown, !j.subject.cannot[i]);
    if (j.subject.cannot[i]) assert_true(*j.subject.cannot[i]);
    *shown |= (unsigned)lies.lie[i].shown << i;
  }
  // The clock is read at the start and at the end of what is timed, and nowhere else.
  static const enum lies_way by_host[] = {LIES_HONEST, LIES_ZEROS, LIES_WARM, LIES_CALL,
                                          LIES_FIRST};
  for (size_t i = 0; i < sizeof by_host / sizeof *by_host; i++) {
    double seconds = 0;
    assert_int_equal(j.subject.time(&j, by_host[i], &seconds), WHY_OK);
    assert_true(seconds == 1);
    // Two calls that add to c are another problem: those that do not are held against the answer.
    const struct lies_side *side = by_host[i] == LIES_ZEROS ? &j.zeros : &j.honest;
    if (by_host[i] == LIES_CALL || by_host[i] == LIES_WARM) continue; // not copied out
    assert_int_equal(why_check(&p, side->original.tensor, side->data.tensor, &check), WHY_OK);
  }
  const float *zero = j.zeros.data.tensor[0].data;
  assert_true(zero[0] == 0 && zero[1] == 0);
  if (!j.subject.cannot[LIE_PADDED]) {
    struct why_problem *padded = &j.padded.request.problem;
    assert_true(j.subject.padded_flops == p.op->flops(padded));
    assert_true(j.subject.padded_flops > j.subject.flops);
    assert_int_equal(why_check(padded, j.padded.original.tensor, j.padded.data.tensor, &check),
                     WHY_OK);
  }
  lies_job_close(&j);
}

static void a_cpu_kernel_is_timed_all_ways(void **state) {
  (void)state;
  struct why_machine *m;
  unsigned shown;
  const struct why_options options = {.library_dir = "/nowhere"};
  assert_int_equal(why_open(&options, &m), WHY_OK);
  run_all_ways(m, "softmax rows=33 cols=50", "plain:portable", &shown);
  assert_int_equal(shown, ((1u << LIES) - 1) & ~(1u << LIE_DEVICE_CLOCK));
  run_all_ways(m, "softmax rows=64 cols=64", "plain:portable", &shown); // nothing to pad
  assert_int_equal(shown >> LIE_PADDED & 1, 0);
  run_all_ways(m, "gemm m=33 n=17 k=20", "plain:loops", &shown); // it is the weak baseline
  assert_int_equal(shown >> LIE_BASELINE & 1, 0);
  why_close(m);
}

static void a_gpu_kernel_is_timed_all_ways(void **state) {
  (void)state;
  struct why_machine *m;
  unsigned shown;
  const struct why_options options = {.library_dir = WHY_TEST_PLUGINS, .emulate_bytes = 64 << 20};
  assert_int_equal(why_open(&options, &m), WHY_OK);
  if (why_load(m, WHY_SLOT_cuda) != WHY_OK) {
    why_close(m);
    skip();
  }
  run_all_ways(m, "gemm m=40 n=33 k=20", "cuda:tiled", &shown);
  // Plain loops against the CPU's best: the library is there or it is not.
  assert_int_equal(shown | 1u << LIE_BASELINE, (1u << LIES) - 1);
  why_close(m);
}

static void what_does_not_run_says_why(void **state) {
  (void)state;
  struct why_machine *m;
  struct why_request request;
  static struct lies_job j;
  struct why_problem p = parse("gemm m=8 n=8 k=8");
  const struct why_options options = {.library_dir = "/nowhere"};
  assert_int_equal(why_open(&options, &m), WHY_OK);
  why_request_default(&p, &request);
  strcpy(request.kernel, "openblas:cblas");
  assert_int_equal(lies_job_open(m, &request, 1, 2, counting_clock, &j), WHY_BACKEND_ABSENT);
  lies_job_close(&j);
  why_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_distortion_is_its_ratio),
      cmocka_unit_test(the_minimum_is_of_all_rounds),
      cmocka_unit_test(rounds_hold_each_way_once_in_changing_order),
      cmocka_unit_test(what_cannot_be_shown_is_not_run),
      cmocka_unit_test(time_and_failures_end_it),
      cmocka_unit_test(padding_is_the_kernels_own),
      cmocka_unit_test(only_sizes_are_padded),
      cmocka_unit_test(a_cpu_kernel_is_timed_all_ways),
      cmocka_unit_test(a_gpu_kernel_is_timed_all_ways),
      cmocka_unit_test(what_does_not_run_says_why),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
