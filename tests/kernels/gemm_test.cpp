// Every variant of gemm, called without dispatch, against a product in long double. Leaves out
// deciding and plans. ctest runs it once for each schedule of the emulation (EMU_SEED).
#include "gpu/device_test.h"
#include "harness.h"

extern "C" {
extern const struct why_code cuda_gemm_naive, cuda_gemm_tiled, cuda_gemm_register, cuda_gemm_vector,
    cuda_gemm_mma;
}

enum needs { ANYTHING, MULTIPLES }; // of gemm_vector: 16 bytes, untransposed

struct variant {
  const char *name;
  const struct why_code *code;
  bool type[WHY_TYPE_COUNT]; // f64 f32 f16 bf16
  enum needs needs;
};

// clang-format off
static const variant variants[] = {
  {"naive",    &cuda_gemm_naive,    {true,  true,  true,  true},  ANYTHING},
  {"tiled",    &cuda_gemm_tiled,    {true,  true,  true,  true},  ANYTHING},
  {"register", &cuda_gemm_register, {true,  true,  false, false}, ANYTHING},
  {"vector",   &cuda_gemm_vector,   {true,  true,  false, false}, MULTIPLES},
  {"mma",      &cuda_gemm_mma,      {false, false, true,  true},  ANYTHING},
};
// clang-format on

struct problem {
  int64_t m, n, k;
  bool ta, tb;
  double alpha, beta;
  int64_t gap[3], offset[3]; // of a, b, c: elements between rows, and before the first
  bool wide;                 // c is f32 though a and b are not (out=f32)
};

// Largest error over its bound, of c against the reference. Smaller than 1 is right.
static double worst_of(const problem &p, enum why_type type, const matrix &c,
                       const std::vector<unsigned char> &now, const std::vector<long double> &value,
                       const std::vector<long double> &scale) {
  double unit = type == WHY_F64 ? 0x1p-53 : 0x1p-24;
  enum why_type out = p.wide ? WHY_F32 : type;
  double rounding = out == WHY_F16 ? 0x1p-11 : out == WHY_BF16 ? 0x1p-8 : 0;
  double least = out == WHY_F16 ? 0x1p-25 : 0; // half a step between the smallest numbers of f16
  double worst = 0;
  for (int64_t i = 0; i < p.m; i++)
    for (int64_t j = 0; j < p.n; j++) {
      size_t e = (size_t)(i * p.n + j);
      double x = decode(out, &now[c.at(i, j)]);
      double bound = (((double)p.k + 8) * unit + rounding) * (double)scale[e] + least;
      double error = (double)fabsl(x - value[e]) / bound;
      if (!(error <= worst)) worst = error;
      if (isnan(error)) return NAN;
    }
  return worst;
}

static bool vector_takes(const problem &p, enum why_type type) {
  int64_t w = 16 / (int64_t)size_of(type);
  int64_t lda = (p.ta ? p.m : p.k) + p.gap[0], ldb = (p.tb ? p.k : p.n) + p.gap[1];
  int64_t all = p.k | p.n | lda | ldb | (p.n + p.gap[2]) | p.offset[0] | p.offset[1] | p.offset[2];
  return all % w == 0;
}

static void try_problem(const problem &p, enum why_type type) {
  int64_t a_cols = p.ta ? p.m : p.k, b_cols = p.tb ? p.k : p.n;
  matrix a(type, p.ta ? p.k : p.m, a_cols, a_cols + p.gap[0], p.offset[0],
           0xff); // NaN between rows
  matrix b(type, p.tb ? p.n : p.k, b_cols, b_cols + p.gap[1], p.offset[1], 0xff);
  matrix c(p.wide ? WHY_F32 : type, p.m, p.n, p.n + p.gap[2], p.offset[2], 0x5a);
  a.fill([](int64_t, int64_t) { return random_unit(); });
  b.fill([](int64_t, int64_t) { return random_unit(); });
  c.fill([&](int64_t, int64_t) { return p.beta != 0 ? random_unit() : NAN; });
  a.send();
  b.send();

  std::vector<long double> value((size_t)(p.m * p.n)), scale(value.size()), x((size_t)p.k);
  for (int64_t i = 0; i < p.m; i++) {
    for (int64_t q = 0; q < p.k; q++) x[(size_t)q] = p.ta ? a.get(q, i) : a.get(i, q);
    for (int64_t q = 0; q < p.k; q++)
      for (int64_t j = 0; j < p.n; j++) {
        long double product = x[(size_t)q] * (p.tb ? b.get(j, q) : b.get(q, j)) * p.alpha;
        value[(size_t)(i * p.n + j)] += product;
        scale[(size_t)(i * p.n + j)] += fabsl(product);
      }
    for (int64_t j = 0; p.beta != 0 && j < p.n; j++) {
      value[(size_t)(i * p.n + j)] += p.beta * c.get(i, j);
      scale[(size_t)(i * p.n + j)] += fabs(p.beta * c.get(i, j));
    }
  }

  struct why_problem problem = {};
  problem.type = type;
  problem.value[GEMM_OUT] = p.wide ? GEMM_OUT_F32 : GEMM_OUT_SAME;
  problem.real[GEMM_ALPHA] = p.alpha;
  problem.real[GEMM_BETA] = p.beta;
  struct why_tensor operand[3] = {a.tensor(p.ta), b.tensor(p.tb), c.tensor(false)};
  for (const variant &v : variants) {
    struct why_verdict verdict;
    c.send();
    enum why_reason reason = run(*v.code, &problem, operand, &verdict);
    enum why_reason right = !v.type[type]                                                 ? WHY_TYPE
                            : v.needs == MULTIPLES && (p.ta && operand[0].stride[1] != 1) ? WHY_FORM
                            : v.needs == MULTIPLES && (p.tb && operand[1].stride[1] != 1) ? WHY_FORM
                            : v.needs == MULTIPLES && !vector_takes(p, type) ? WHY_MULTIPLE
                                                                             : WHY_OK;
    std::vector<unsigned char> now = c.receive();
    double worst = reason == WHY_OK ? worst_of(p, type, c, now, value, scale) : 0;
    if (reason != right || !(worst <= 1) || (reason != WHY_OK && now != c.host))
      fail_msg("%s type %d wide %d m=%lld n=%lld k=%lld ta=%d tb=%d alpha=%g beta=%g gaps %lld "
               "%lld %lld "
               "offsets %lld %lld %lld: reason %d, not %d (%s); %g times its bound",
               v.name, type, p.wide, (long long)p.m, (long long)p.n, (long long)p.k, p.ta, p.tb,
               p.alpha, p.beta, (long long)p.gap[0], (long long)p.gap[1], (long long)p.gap[2],
               (long long)p.offset[0], (long long)p.offset[1], (long long)p.offset[2], reason,
               right, verdict.note, worst);
  }
  assert_memory_equal(a.receive().data(), a.host.data(), a.host.size());
  assert_memory_equal(b.receive().data(), b.host.data(), b.host.size());
}

struct size3 {
  int64_t m, n, k;
};
struct scale2 {
  double alpha, beta;
};
struct place2 {
  int64_t gap[3], offset[3];
};

// clang-format off
static const size3 sizes[] = {
  {1, 1, 1},       {2, 3, 5},       {13, 17, 19},    {8, 32, 32},    {31, 33, 33}, // naive, tiled
  {63, 64, 65},    {65, 63, 8},     {64, 65, 7},                                   // register
  {127, 129, 31},  {128, 128, 32},  {129, 127, 33},  {70, 200, 72},                // mma
  {4, 8, 4},       {60, 132, 12},   {132, 124, 20},  {1, 8, 64},                   // vector
  {1, 257, 40},    {257, 1, 41},    {5, 3, 509},                                   // skinny
};
static const scale2 scales[] = {{1, 0}, {1, 1}, {-0.5, 0}, {1.5, -0.25}};
static const place2 places[] = { // packed; gaps that keep 16 bytes; odd gaps; odd addresses
  {{0, 0, 0}, {0, 0, 0}}, {{8, 16, 8}, {8, 8, 8}}, {{3, 5, 7}, {0, 0, 0}}, {{8, 8, 2}, {1, 3, 5}},
};
// clang-format on

static problem problem_of(const size3 &s, int transposes, const scale2 &scale,
                          const place2 &place) {
  problem p = {
      s.m, s.n, s.k,  (transposes & 1) != 0, (transposes & 2) != 0, scale.alpha, scale.beta,
      {},  {},  false};
  memcpy(p.gap, place.gap, sizeof p.gap);
  memcpy(p.offset, place.offset, sizeof p.offset);
  return p;
}

// Scales and places rotate, so that each type meets each of them at some size and transpose.
static void every_size_and_transpose(void **) {
  unsigned turn = 0;
  for (const size3 &s : sizes)
    for (int transposes = 0; transposes < 4; transposes++)
      for (int type = 0; type < WHY_TYPE_COUNT; type++, turn++)
        try_problem(problem_of(s, transposes, scales[(turn + turn / 4) % 4], places[turn / 16 % 4]),
                    (enum why_type)type);
}

static void every_scale_and_place(void **) {
  for (auto &scale : scales)
    for (auto &place : places)
      for (int transposes = 0; transposes < 4; transposes++)
        for (int type = 0; type < WHY_TYPE_COUNT; type++)
          try_problem(problem_of({36, 40, 24}, transposes, scale, place), (enum why_type)type);
}

// f32 c of 16-bit a and b, at even and odd places.
static void f32_out(void **) {
  unsigned turn = 0;
  for (const size3 &s : {size3{31, 33, 33}, {70, 200, 72}, {129, 127, 33}, {1, 8, 64}})
    for (int transposes = 0; transposes < 4; transposes++)
      for (enum why_type type : {WHY_F16, WHY_BF16}) {
        problem p = problem_of(s, transposes, scales[turn % 4], places[turn / 4 % 4]);
        turn += 3;
        p.wide = true;
        try_problem(p, type);
      }
}

// More than eight tiles down: several bands, the last one lower; and many across.
static void many_tiles(void **) {
  for (enum why_type type : {WHY_F32, WHY_BF16}) {
    try_problem({1040, 36, 4, false, false, 1, 0, {}, {}, false}, type);
    try_problem({36, 1040, 5, true, true, 1, 1, {}, {}, false}, type);
  }
}

static void too_many_blocks(void **) {
  struct why_problem problem = {};
  problem.type = WHY_F32;
  struct why_tensor operand[3] = {};
  for (auto &t : operand) {
    t.rank = 2;
    t.dim[0] = t.dim[1] = t.stride[0] = INT32_MAX;
    t.stride[1] = 1;
  }
  struct why_verdict verdict;
  assert_int_equal(run(cuda_gemm_tiled, &problem, operand, &verdict), WHY_LIMIT);
  assert_true(verdict.need > verdict.have);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_size_and_transpose), cmocka_unit_test(every_scale_and_place),
      cmocka_unit_test(f32_out), cmocka_unit_test(many_tiles), cmocka_unit_test(too_many_blocks)};
  if (int skipped = without_gpu()) return skipped;
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
