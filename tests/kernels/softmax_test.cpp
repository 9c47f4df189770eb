// Every variant of softmax, called without dispatch, against the formula in long double. Leaves out
// deciding and plans. ctest runs it once for each schedule of the emulation (EMU_SEED).
#include "gpu/device_test.h"
#include "harness.h"

extern "C" {
extern const struct why_code cuda_softmax_warp, cuda_softmax_online, cuda_softmax_block;
}

// clang-format off
static const struct { const char *name; const struct why_code *code; } variants[] = {
  {"warp",   &cuda_softmax_warp},
  {"online", &cuda_softmax_online},
  {"block",  &cuda_softmax_block},
};
// clang-format on
static const enum why_type types[] = {WHY_F32, WHY_BF16};

struct problem {
  enum why_type type;
  int64_t rows, cols, gap[2], offset[2]; // of x, y: elements between rows, and before the first
  double (*value)(int64_t row, int64_t col);
};

// |x - value| <= bound, and NaN where the formula has NaN. The exponent's own rounding is relative
// to x - top; sums are of at most cols/32 elements a lane and 10 steps of combining.
static bool right(enum why_type type, double x, long double value, double below_top, int64_t cols) {
  if (isnan(value)) return isnan(x);
  double relative = ((double)cols / 32 + below_top + 18) * 0x1p-24;
  double least = type == WHY_BF16 ? 0x1p-133 : 0x1p-148; // a step between the smallest numbers
  if (type == WHY_BF16) relative += 0x1p-8;
  return fabsl(x - value) <= relative * value + least;
}

static void try_problem(const problem &p) {
  matrix x(p.type, p.rows, p.cols, p.cols + p.gap[0], p.offset[0], 0xff); // NaN between rows
  matrix y(p.type, p.rows, p.cols, p.cols + p.gap[1], p.offset[1], 0x5a);
  x.fill(p.value);
  y.fill([](int64_t, int64_t) { return NAN; });
  x.send();

  struct why_problem problem = {};
  problem.type = p.type;
  struct why_tensor operand[2] = {x.tensor(false), y.tensor(false)};
  for (auto &v : variants) {
    struct why_verdict verdict;
    y.send();
    enum why_reason reason = run(*v.code, &problem, operand, &verdict);
    if (reason) fail_msg("%s: reason %d (%s)", v.name, reason, verdict.note);
    std::vector<unsigned char> now = y.receive();
    for (int64_t i = 0; i < p.rows; i++) {
      double top = -INFINITY;
      for (int64_t j = 0; j < p.cols; j++) top = fmax(top, x.get(i, j));
      long double sum = 0;
      for (int64_t j = 0; j < p.cols; j++) sum += expl(x.get(i, j) - (long double)top);
      for (int64_t j = 0; j < p.cols; j++) {
        double got = decode(p.type, &now[y.at(i, j)]), below = top - x.get(i, j);
        long double value = expl(-(long double)below) / sum;
        if (!right(p.type, got, value, below < 1000 ? below : 0, p.cols))
          fail_msg(
              "%s type %d rows=%lld cols=%lld gaps %lld %lld offsets %lld %lld: y(%lld,%lld) is "
              "%.9g, not %.9Lg",
              v.name, p.type, (long long)p.rows, (long long)p.cols, (long long)p.gap[0],
              (long long)p.gap[1], (long long)p.offset[0], (long long)p.offset[1], (long long)i,
              (long long)j, got, value);
      }
    }
  }
  assert_memory_equal(x.receive().data(), x.host.data(), x.host.size());
}

static double random_value(int64_t, int64_t) {
  return 8 * random_unit();
}

// clang-format off
static const struct { int64_t gap[2], offset[2]; } places[] = {
  {{0, 0}, {0, 0}}, {{8, 16}, {8, 8}}, {{1, 3}, {0, 0}}, {{0, 0}, {1, 0}}, {{0, 0}, {0, 3}},
};
// clang-format on

static void every_length(void **) {
  unsigned turn = 0;
  for (int64_t cols : {1,   2,   3,   4,   7,   8,   9,    31,   32,   33,   63,   64,  65,
                       127, 128, 129, 255, 256, 257, 1000, 1023, 1024, 1025, 2049, 4104})
    for (enum why_type type : types)
      for (int64_t rows : {1, 3, 5}) {
        auto &place = places[turn++ % 5];
        try_problem({type,
                     rows,
                     cols,
                     {place.gap[0], place.gap[1]},
                     {place.offset[0], place.offset[1]},
                     random_value});
      }
}

static void every_place(void **) {
  for (enum why_type type : types)
    for (auto &place : places)
      for (int64_t cols : {72, 77})
        try_problem({type,
                     33,
                     cols,
                     {place.gap[0], place.gap[1]},
                     {place.offset[0], place.offset[1]},
                     random_value});
}

// Round 48 KiB of shared memory, which a block gets without asking; and the longest row that sm_90
// takes with 1 KiB beside it.
static void long_rows(void **) {
  for (enum why_type type : types) {
    for (int64_t cols : {12032, 12228, 12288, 12289, 20000})
      try_problem({type, 1, cols, {0, 0}, {0, 0}, random_value});
    try_problem({type, 2, 17003, {0, 0}, {1, 1}, random_value});
    try_problem({type, 1, (227 * 1024 - 1024) / 4, {0, 0}, {0, 0}, random_value});
  }
}

// Values that overflow, underflow or are not numbers when they are not handled as the formula has
// it.
static double odd_value(int64_t row, int64_t col) {
  switch (row) {
  case 0:
    return col == 5 ? NAN : random_unit();
  case 1:
    return col == 0 ? INFINITY : random_unit();
  case 2:
    return -INFINITY;
  case 3:
    return col < 40 ? -INFINITY : random_unit(); // masked at the start: finite
  case 4:
    return col == 63 ? 1 : -INFINITY; // one is left
  case 5:
    return 3e38;
  case 6:
    return col % 2 ? 3e38 : -3e38;
  case 7:
    return col == 1 ? INFINITY : col == 2 ? -INFINITY : NAN;
  case 8:
    return (double)-col;
  case 9:
    return 0;
  default:
    return NAN;
  }
}

static void odd_rows(void **) {
  for (enum why_type type : types)
    for (int64_t cols : {64, 67, 1031}) // in packs, and beyond the last
      for (auto &place : places)
        try_problem({type,
                     11,
                     cols,
                     {place.gap[0], place.gap[1]},
                     {place.offset[0], place.offset[1]},
                     odd_value});
}

static void wrong_type(void **) {
  struct why_problem problem = {};
  struct why_tensor operand[2] = {};
  struct why_verdict verdict;
  for (auto &v : variants)
    for (enum why_type type : {WHY_F64, WHY_F16}) {
      problem.type = type;
      assert_int_equal(run(*v.code, &problem, operand, &verdict), WHY_TYPE);
    }
}

// A row that no device's shared memory holds: the runtime's own words come back, y is untouched.
static void row_too_long_for_block(void **) {
  matrix x(WHY_F32, 1, 60000, 60000, 0, 0xff), y(WHY_F32, 1, 60000, 60000, 0, 0x5a);
  x.fill(random_value);
  x.send();
  y.send();
  struct why_problem problem = {};
  problem.type = WHY_F32;
  struct why_tensor operand[2] = {x.tensor(false), y.tensor(false)};
  struct why_verdict verdict;
  assert_int_equal(run(cuda_softmax_block, &problem, operand, &verdict), WHY_CALL_FAILED);
  assert_string_equal(verdict.note, "cudaErrorInvalidValue: invalid argument");
  assert_true(y.receive() == y.host);
  assert_int_equal(cudaGetLastError(), cudaSuccess);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_length), cmocka_unit_test(every_place),
      cmocka_unit_test(long_rows),    cmocka_unit_test(odd_rows),
      cmocka_unit_test(wrong_type),   cmocka_unit_test(row_too_long_for_block)};
  if (int skipped = without_gpu()) return skipped;
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
