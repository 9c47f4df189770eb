// Every variant of conv2d, called without dispatch, against the op's reference in double. Leaves
// out deciding and plans. ctest runs it once for each schedule of the emulation (EMU_SEED).
#include "gpu/device_test.h"
#include "harness.h"

extern "C" {
extern const struct why_code cuda_conv2d_direct, cuda_conv2d_implicit, cuda_conv2d_mma;
}

// clang-format off
static const struct { const char *name; const struct why_code *code; bool f32; } variants[] = {
  {"direct",   &cuda_conv2d_direct,   true},
  {"implicit", &cuda_conv2d_implicit, true},
  {"mma",      &cuda_conv2d_mma,      false},
};

static const char *const problems[] = {
  "n=1 c=1 h=1 w=1 k=1 r=1 s=1",
  "n=2 c=3 h=5 w=4 k=2 r=1 s=1",
  "n=1 c=8 h=6 w=6 k=5 r=1 s=1",
  "n=2 c=16 h=8 w=8 k=16 r=1 s=1",
  "n=1 c=40 h=9 w=7 k=70 r=1 s=1 stride_h=2 stride_w=2",
  "n=1 c=8 h=7 w=7 k=8 r=3 s=3 pad_h=1 pad_w=1",
  "n=2 c=4 h=10 w=9 k=6 r=3 s=3",
  "n=1 c=24 h=8 w=8 k=132 r=3 s=3 pad_h=1 pad_w=1",             // two tiles of filters
  "n=3 c=3 h=11 w=10 k=4 r=3 s=3 pad_h=1 pad_w=1",              // three tiles of windows
  "n=5 c=8 h=8 w=8 k=66 r=2 s=2 pad_h=1 pad_w=1 pad_h_end=0 pad_w_end=0", // tiles in both ways
  "n=1 c=3 h=18 w=17 k=8 r=7 s=7 stride_h=2 stride_w=2 pad_h=3 pad_w=3",
  "n=1 c=3 h=13 w=15 k=3 r=5 s=5 pad_h=2 pad_w=2",
  "n=2 c=16 h=9 w=9 k=10 r=5 s=5 stride_h=3 stride_w=2 pad_h=2 pad_w=2",
  "n=1 c=5 h=9 w=12 k=7 r=3 s=2 pad_h=0 pad_w=1 pad_h_end=2 pad_w_end=0", // asymmetric
  "n=1 c=8 h=6 w=5 k=9 r=3 s=3 pad_h=2 pad_w=0 pad_h_end=0 pad_w_end=2",
  "n=1 c=8 h=11 w=12 k=8 r=3 s=3 dilation_h=2 dilation_w=2 pad_h=2 pad_w=2",
  "n=1 c=2 h=12 w=9 k=3 r=2 s=3 dilation_h=5 dilation_w=3 stride_h=2 pad_h=4 pad_w=1",
  "n=2 c=16 h=6 w=6 k=12 r=3 s=3 pad_h=1 pad_w=1 groups=2",
  "n=1 c=6 h=7 w=5 k=9 r=3 s=3 pad_h=1 pad_w=1 groups=3",
  "n=1 c=24 h=5 w=5 k=140 r=1 s=1 groups=2",                     // two tiles of filters a group
  "n=2 c=9 h=8 w=8 k=9 r=3 s=3 pad_h=1 pad_w=1 groups=9",        // depthwise
  "n=1 c=4 h=6 w=6 k=8 r=3 s=3 pad_h=1 pad_w=1 groups=4",        // depthwise, two filters each
  "n=1 c=32 h=5 w=1 k=4 r=3 s=1 pad_h=1",                        // q = 1
  "n=150 c=8 h=2 w=2 k=1 r=2 s=2",                               // p = q = 1, k = 1, many images
  "n=1 c=11 h=4 w=33 k=1 r=4 s=8",                               // k = 1, p = 1
  "n=1 c=96 h=3 w=3 k=17 r=3 s=3 pad_h=1 pad_w=1",               // many steps along the taps
  "n=1 c=8 h=4 w=4 k=8 r=2 s=2 pad_h=3 pad_w=4 wide_pad=1",      // windows in the padding alone
};
// clang-format on

static struct why_problem parsed(const char *text) {
  struct why_problem problem;
  struct why_error error;
  if (why_problem_parse(text, &problem, &error)) fail_msg("%s: %s", text, error.text);
  return problem;
}

// An operand's elements, `offset` of them after an address that is a multiple of 256 bytes.
static matrix elements(const struct why_problem &problem, int operand, int64_t offset, int guard) {
  struct why_tensor t = {};
  problem.op->shape(&problem, operand, &t);
  int64_t count = why_tensor_elements(&t);
  return matrix(t.type, 1, count, count, offset, guard);
}

static struct why_tensor tensor_of(const struct why_problem &problem, int operand, void *data) {
  struct why_tensor t = {};
  problem.op->shape(&problem, operand, &t);
  t.data = data;
  return t;
}

// Largest error over what is allowed, of y against the reference. At most 1 is right.
static double worst_of(const struct why_problem &problem, const struct why_tensor &y,
                       const std::vector<double> &value, const std::vector<double> &scale) {
  double worst = 0, tolerance = problem.op->tolerance(&problem, CONV2D_Y);
  size_t i = 0;
  for (int64_t n = 0; n < y.dim[0]; n++)
    for (int64_t p = 0; p < y.dim[1]; p++)
      for (int64_t q = 0; q < y.dim[2]; q++)
        for (int64_t k = 0; k < y.dim[3]; k++, i++) {
          int64_t at = n * y.stride[0] + p * y.stride[1] + q * y.stride[2] + k * y.stride[3];
          double x = decode(y.type, (char *)y.data + (size_t)at * size_of(y.type));
          double error = fabs(x - value[i]) / (tolerance * scale[i]);
          if (isnan(error)) return NAN;
          if (error > worst) worst = error;
        }
  return worst;
}

static void try_problem(const char *text, const int64_t (&offset)[3]) {
  struct why_problem problem = parsed(text);
  matrix x = elements(problem, CONV2D_X, offset[0], 0xff); // NaN before and after
  matrix w = elements(problem, CONV2D_WEIGHT, offset[1], 0xff);
  matrix y = elements(problem, CONV2D_Y, offset[2], 0x5a);
  x.fill([](int64_t, int64_t) { return random_unit(); });
  w.fill([](int64_t, int64_t) { return random_unit(); });
  y.fill([](int64_t, int64_t) { return NAN; });
  x.send();
  w.send();
  const struct why_tensor host[3] = {tensor_of(problem, CONV2D_X, &x.host[x.at(0, 0)]),
                                     tensor_of(problem, CONV2D_WEIGHT, &w.host[w.at(0, 0)]),
                                     tensor_of(problem, CONV2D_Y, nullptr)};
  const struct why_tensor there[3] = {
      tensor_of(problem, CONV2D_X, (char *)x.device + x.at(0, 0)),
      tensor_of(problem, CONV2D_WEIGHT, (char *)w.device + w.at(0, 0)),
      tensor_of(problem, CONV2D_Y, (char *)y.device + y.at(0, 0))};
  std::vector<double> value((size_t)y.cols), scale(value.size());
  problem.op->reference(&problem, host, CONV2D_Y, 0, y.cols / host[CONV2D_Y].dim[3], value.data(),
                        scale.data());
  for (auto &v : variants) {
    struct why_verdict verdict;
    y.send();
    enum why_reason reason = run(*v.code, &problem, there, &verdict);
    std::vector<unsigned char> now = y.receive();
    enum why_reason right = problem.type == WHY_F32 && !v.f32 ? WHY_TYPE : WHY_OK;
    struct why_tensor result = host[CONV2D_Y];
    result.data = &now[y.at(0, 0)];
    double worst = reason == WHY_OK ? worst_of(problem, result, value, scale) : 0;
    if (reason != right || !(worst <= 1) || (reason != WHY_OK && now != y.host))
      fail_msg("%s %s, offsets %d %d %d: reason %d, not %d (%s); %g times what is allowed", v.name,
               text, (int)offset[0], (int)offset[1], (int)offset[2], reason, right, verdict.note,
               worst);
  }
  assert_memory_equal(x.receive().data(), x.host.data(), x.host.size());
  assert_memory_equal(w.receive().data(), w.host.data(), w.host.size());
}

static const char *const types[] = {"f32", "f16", "bf16"};
static const char *const layouts[] = {"nchw", "nhwc"};
// Each at multiples of 16 bytes, some not, none.
static const int64_t offsets[][3] = {{0, 0, 0}, {8, 0, 1}, {1, 8, 2}, {0, 3, 8}, {5, 7, 3}};

// No std::string: what it does is in libstdc++, where MSan does not see it.
static const char *with(const char *problem, const char *type, const char *layout) {
  static char text[256];
  snprintf(text, sizeof text, "conv2d %s type=%s layout=%s", problem, type, layout);
  return text;
}

// Addresses rotate; every problem is at aligned ones too.
static void every_problem(void **) {
  unsigned turn = 0;
  for (const char *problem : problems)
    for (const char *layout : layouts)
      for (const char *type : types) {
        try_problem(with(problem, type, layout), offsets[0]);
        if (turn++ % 3 == 0) try_problem(with(problem, type, layout), offsets[1 + turn / 3 % 4]);
      }
}

static void every_place(void **) {
  for (auto &offset : offsets)
    for (const char *layout : layouts)
      for (const char *type : types)
        try_problem(with("n=1 c=16 h=6 w=6 k=8 r=3 s=3 pad_h=1 pad_w=1", type, layout), offset);
}

// More elements than direct has threads.
static void many_elements(void **) {
  struct why_problem problem = parsed("conv2d n=1 c=1 h=1025 w=1025 k=1 r=1 s=1");
  matrix x = elements(problem, CONV2D_X, 0, 0xff), w = elements(problem, CONV2D_WEIGHT, 0, 0xff);
  matrix y = elements(problem, CONV2D_Y, 0, 0x5a);
  x.fill([](int64_t, int64_t i) { return (double)i; });
  w.fill([](int64_t, int64_t) { return 2; });
  for (matrix *m : {&x, &w, &y}) m->send();
  const struct why_tensor operand[3] = {tensor_of(problem, CONV2D_X, x.device),
                                        tensor_of(problem, CONV2D_WEIGHT, w.device),
                                        tensor_of(problem, CONV2D_Y, y.device)};
  struct why_verdict verdict;
  assert_int_equal(run(cuda_conv2d_direct, &problem, operand, &verdict), WHY_OK);
  std::vector<unsigned char> now = y.receive();
  for (int64_t i = 0; i < y.cols; i++)
    if (decode(WHY_F32, &now[y.at(0, i)]) != 2 * (double)i) fail_msg("element %d", (int)i);
}

static void wrong_type(void **) {
  struct why_problem problem = parsed("conv2d n=1 c=8 h=4 w=4 k=8 r=1 s=1");
  problem.type = WHY_F64;
  const struct why_tensor operand[3] = {};
  struct why_verdict verdict;
  for (auto &v : variants) assert_int_equal(run(*v.code, &problem, operand, &verdict), WHY_TYPE);
}

static void too_many_blocks(void **) {
  struct why_problem problem = parsed("conv2d n=1073741824 c=1 h=1024 w=1024 k=1 r=1 s=1 type=f16");
  const struct why_tensor operand[3] = {};
  struct why_verdict verdict;
  for (auto code : {&cuda_conv2d_implicit, &cuda_conv2d_mma}) {
    assert_int_equal(run(*code, &problem, operand, &verdict), WHY_LIMIT);
    assert_true(verdict.need > verdict.have);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_problem), cmocka_unit_test(every_place),
                                     cmocka_unit_test(many_elements), cmocka_unit_test(wrong_type),
                                     cmocka_unit_test(too_many_blocks)};
  if (int skipped = without_gpu()) return skipped;
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
