// The cudnn plug-in on a device that is the host's own memory, against a fake libcudnn that checks
// every descriptor and computes from it. What the real library answers is left out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "element.h"
#include "fakes/cudnn.h"
#include "fakes/device.h"
#include "ops/ops.h"
#include "whycpu.h"
#include <cmocka.h>
#include <dlfcn.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct why_backend *backend;

static struct why_problem problem_of(const char *text) {
  struct why_problem problem;
  struct why_error error;
  if (why_problem_parse(text, &problem, &error)) fail_msg("%s: %s", text, error.text);
  return problem;
}

// ---- a job by hand -----------------------------------------------------------------------------

enum { SENTINEL = 0x5a, OPERANDS = 3 };

struct job {
  struct why_problem problem;
  struct why_tensor operand[OPERANDS];
  struct why_call call;
  struct why_verdict verdict;
  const struct why_code *code;
};

static void place_operands(struct job *job, const size_t *offset) {
  for (int i = 0; i < job->problem.op->operands; i++) {
    struct why_tensor *t = &job->operand[i];
    job->problem.op->shape(&job->problem, i, t);
    const size_t bytes = why_tensor_bytes(t);
    t->data = (char *)fake_device_alloc(bytes + offset[i]) + offset[i];
    memset(t->data, SENTINEL, bytes);
  }
}

static const size_t at_start[OPERANDS];

// offset[operand]: bytes from an allocation's start to the operand's.
static void job_make(struct job *job, const char *kernel, const char *problem, const size_t *offset,
                     uint64_t workspace_bytes) {
  memset(job, 0, sizeof *job);
  job->problem = problem_of(problem);
  job->code = backend->find(job->problem.op->name, kernel);
  assert_non_null(job->code);
  place_operands(job, offset);
  job->verdict = (struct why_verdict){.note = "", .cause = ""};
  job->call = (struct why_call){
      .device = &fake_device,
      .problem = &job->problem,
      .operand = job->operand,
      .workspace = workspace_bytes ? fake_device_alloc(workspace_bytes) : NULL,
      .workspace_bytes = workspace_bytes,
      .threads = 1,
      .why = &job->verdict,
  };
}

static enum why_reason attach(struct job *job) {
  return backend->attach(backend, &fake_device, &job->call.state, &job->verdict);
}

// Numbers in [-1, 1] into every element, of outputs NaN.
static void fill(const struct job *job) {
  for (int i = 0; i < job->problem.op->operands; i++) {
    const struct why_tensor *t = &job->operand[i];
    const bool out = job->problem.op->role(&job->problem, i) == WHY_OUT;
    int64_t at[WHY_RANK] = {0};
    for (int64_t e = 0, d = 0; d < t->rank; e++) {
      int64_t offset = 0;
      for (int r = 0; r < t->rank; r++) offset += at[r] * t->stride[r];
      why_element_set(t, offset, out ? NAN : (double)((e * 37 + i * 11) % 61 - 30) / 32);
      for (d = 0; d < t->rank && ++at[d] == t->dim[d]; d++) at[d] = 0;
    }
  }
}

// Fills, runs, and has the result checked; gaps between rows have to stay as they were.
static void check_run(struct job *job) {
  const struct why_op *op = job->problem.op;
  struct why_tensor before[OPERANDS];
  fill(job);
  for (int i = 0; i < op->operands; i++) {
    const size_t bytes = why_tensor_bytes(&job->operand[i]);
    before[i] = job->operand[i];
    before[i].data = malloc(bytes);
    assert_non_null(before[i].data);
    memcpy(before[i].data, job->operand[i].data, bytes);
  }
  assert_int_equal(job->code->run(&job->call), WHY_OK);
  char text[256];
  struct why_check check;
  why_problem_text(&job->problem, text, sizeof text);
  if (why_check(&job->problem, before, job->operand, &check))
    fail_msg("%s: error %g, tolerance %g, element %lld", text, check.error, check.tolerance,
             (long long)check.element);
  for (int i = 0; i < op->operands; i++) {
    const struct why_tensor *t = &job->operand[i];
    const size_t size = why_type_bytes(t->type), bytes = why_tensor_bytes(t);
    const size_t row = t->rank == 2 ? (size_t)t->dim[1] * size : bytes;
    const size_t pitch = t->rank == 2 ? (size_t)t->stride[0] * size : bytes;
    for (size_t b = 0; b < bytes; b++)
      if (b % pitch >= row || op->role(&job->problem, i) == WHY_IN)
        assert_int_equal(((unsigned char *)t->data)[b], ((unsigned char *)before[i].data)[b]);
    free(before[i].data);
  }
}

static void job_end(struct job *job) {
  if (job->call.plan) job->code->release(&job->call);
  assert_null(job->call.plan);
  backend->detach(backend, &fake_device, job->call.state);
  fake_device_free();
}

static void check_problem(const char *kernel, const char *problem, const size_t *offset) {
  struct job job;
  job_make(&job, kernel, problem, offset, 65536);
  assert_int_equal(attach(&job), WHY_OK);
  assert_int_equal(job.code->prepare(&job.call), WHY_OK);
  assert_int_equal(job.verdict.reason, WHY_OK);
  check_run(&job);
  const long binds = fake_memory.binds, calls = fake_cudnn_calls();
  check_run(&job);
  assert_int_equal(fake_memory.binds, binds);
  assert_int_equal(fake_cudnn_calls(), calls + 1); // costs the library's own call
  job_end(&job);
}

static int setup(void **unused) {
  (void)unused;
  fake_cudnn_reset();
  fake_cudnn_memory(fake_device_contains);
  fake_device_clear(fake_cudnn_clock);
  fake_device.facts.emulated = 0;
  return 0;
}

static int teardown(void **unused) {
  (void)unused;
  fake_device_clear(NULL);
  assert_int_equal(fake_cudnn_misuses(), 0);
  assert_int_equal(fake_cudnn_alive(), 0);
  return 0;
}

// ---- tests -------------------------------------------------------------------------------------

static void test_backend(void **unused) {
  (void)unused;
  struct why_verdict why;
  assert_int_equal(backend->abi, WHY_ABI);
  assert_string_equal(backend->name, "cudnn");
  assert_int_equal(backend->open(backend, &why), WHY_OK);
  assert_string_equal(why.note, "");
  char expected[64];
  snprintf(expected, sizeof expected, "cuDNN %d.%d.%d (CUDA 0.0)", CUDNN_MAJOR, CUDNN_MINOR,
           CUDNN_PATCHLEVEL);
  assert_string_equal(backend->version, expected);
  assert_int_equal(backend->devices, 0);
  assert_non_null(backend->find("conv2d", "graph"));
  assert_non_null(backend->find("softmax", "instance"));
  assert_non_null(backend->find("softmax", "channel"));
  assert_null(backend->find("softmax", "warp")); // the cuda backend's
}

// A library with a CUDA runtime in it would take emulated memory for a GPU's.
static void test_emulated_devices(void **unused) {
  (void)unused;
  struct why_verdict why;
  void *state;
  fake_device.facts.emulated = 1;
  assert_int_equal(backend->attach(backend, &fake_device, &state, &why), WHY_OK);
  backend->detach(backend, &fake_device, state);
  fake_cudnn_cudart(13000);
  assert_int_equal(backend->attach(backend, &fake_device, &state, &why), WHY_LIBRARY);
  assert_string_equal(why.note, "cuDNN does not run on an emulated device");
  assert_null(state);
  backend->detach(backend, &fake_device, state);
}

static void test_convolutions(void **unused) {
  (void)unused;
  static const char *const dims[] = {
      "n=1 c=1 h=1 w=1 k=1 r=1 s=1",
      "n=2 c=3 h=7 w=6 k=5 r=3 s=2",
      "n=1 c=4 h=9 w=8 k=6 r=3 s=3 pad_h=1 pad_w=1 stride_h=2",
      "n=3 c=8 h=5 w=5 k=4 r=1 s=1 stride_w=3",
      "n=1 c=2 h=11 w=13 k=3 r=3 s=3 dilation_h=2 dilation_w=3 pad_h=2 pad_w=1",
      "n=2 c=6 h=6 w=5 k=4 r=2 s=3 groups=2 pad_w=2",
      "n=1 c=6 h=6 w=6 k=6 r=3 s=3 groups=6 pad_h=1 pad_w=1",
      "n=1 c=2 h=8 w=8 k=2 r=4 s=4 pad_h=1 pad_h_end=2 pad_w=0 pad_w_end=3 stride_h=2 stride_w=2",
      "n=1 c=2 h=4 w=3 k=2 r=2 s=2 pad_h=3 pad_w=4 wide_pad=1",
  };
  for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
    for (int form = 0; form < 6; form++) {
      static const char *const types[] = {"f32", "f16", "bf16"};
      char problem[256];
      snprintf(problem, sizeof problem, "conv2d %s type=%s layout=%s", dims[d], types[form % 3],
               form < 3 ? "nchw" : "nhwc");
      check_problem("graph", problem, at_start);
    }
}

static void test_softmaxes(void **unused) {
  (void)unused;
  static const char *const problems[] = {
      "softmax rows=1 cols=1",
      "softmax rows=7 cols=33",
      "softmax rows=3 cols=130 ldx=140 ldy=131",
      "softmax rows=5 cols=64 type=bf16",
      "softmax rows=2 cols=9 ldx=9 ldy=12 type=bf16",
  };
  for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
    const long instances = fake_cudnn_softmaxes(CUDNN_SOFTMAX_MODE_INSTANCE);
    const long channels = fake_cudnn_softmaxes(CUDNN_SOFTMAX_MODE_CHANNEL);
    check_problem("instance", problems[i], at_start);
    assert_int_equal(fake_cudnn_softmaxes(CUDNN_SOFTMAX_MODE_INSTANCE), instances + 2);
    assert_int_equal(fake_cudnn_softmaxes(CUDNN_SOFTMAX_MODE_CHANNEL), channels);
    check_problem("channel", problems[i], at_start);
    assert_int_equal(fake_cudnn_softmaxes(CUDNN_SOFTMAX_MODE_INSTANCE), instances + 2);
    assert_int_equal(fake_cudnn_softmaxes(CUDNN_SOFTMAX_MODE_CHANNEL), channels + 2);
  }
}

// A part of a larger operand may start anywhere: the promise of alignment has to follow.
static void test_alignment(void **unused) {
  (void)unused;
  for (size_t bytes = 4; bytes <= 512; bytes *= 2)
    for (int operand = 0; operand < OPERANDS; operand++) {
      size_t offset[OPERANDS] = {0};
      offset[operand] = bytes;
      check_problem("graph", "conv2d n=1 c=2 h=4 w=4 k=2 r=3 s=3", offset);
      check_problem("instance", "softmax rows=3 cols=4", offset);
    }
}

static const char *const small = "conv2d n=2 c=4 h=6 w=6 k=4 r=3 s=3 pad_h=1 pad_w=1";

// A streamed plan launches the same on other buffers.
static void test_other_buffers(void **unused) {
  (void)unused;
  struct job job;
  job_make(&job, "graph", small, at_start, 65536);
  assert_int_equal(attach(&job), WHY_OK);
  assert_int_equal(job.code->prepare(&job.call), WHY_OK);
  check_run(&job);
  struct why_tensor first[OPERANDS];
  memcpy(first, job.operand, sizeof first);
  place_operands(&job, at_start);
  check_run(&job);
  // Where the new pack cannot be made, neither the old one nor what there is of it is run instead.
  for (long n = 1; n <= 5; n++) {
    struct why_tensor second[OPERANDS];
    memcpy(second, job.operand, sizeof second);
    memcpy(job.operand, first, sizeof first);
    fake_cudnn_fail(n, CUDNN_STATUS_INTERNAL_ERROR);
    assert_int_equal(job.code->run(&job.call), WHY_CALL_FAILED);
    memcpy(job.operand, second, sizeof second);
    job.verdict = (struct why_verdict){.note = "", .cause = ""};
    check_run(&job);
  }
  job_end(&job);
}

static void test_inputs_are_random(void **unused) {
  (void)unused;
  static const char *const problems[] = {
      "conv2d n=1 c=8 h=200 w=200 k=1 r=1 s=1", // more than a block of random data
      "conv2d n=1 c=8 h=64 w=64 k=1 r=1 s=1 type=f16",
      "conv2d n=1 c=8 h=64 w=64 k=1 r=1 s=1 type=bf16 layout=nhwc",
  };
  for (size_t p = 0; p < sizeof problems / sizeof *problems; p++) {
    struct job job;
    job_make(&job, "graph", problems[p], at_start, 0);
    assert_int_equal(attach(&job), WHY_OK);
    assert_int_equal(job.code->prepare(&job.call), WHY_OK);
    const struct why_tensor *x = &job.operand[CONV2D_X];
    const int64_t count = why_tensor_elements(x);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
      const double value = why_element(x, i);
      assert_true(value >= -1 && value <= 1);
      sum += value;
      squares += value * value;
    }
    assert_true(fabs(sum / (double)count) < 0.02);               // uniform in [-1, 1): mean 0,
    assert_true(fabs(squares / (double)count - 1.0 / 3) < 0.02); // variance 1/3
    for (int64_t i = 0; i < why_tensor_elements(&job.operand[CONV2D_WEIGHT]); i++)
      assert_true(fabs(why_element(&job.operand[CONV2D_WEIGHT], i)) <= 1);
    job_end(&job);
  }
}

static enum why_reason asked(void *state, const char *kernel, const char *text, uint64_t most,
                             uint64_t *bytes, struct why_verdict *why) {
  const struct why_problem p = problem_of(text);
  enum why_reason reason = backend->ask(state, &fake_device, kernel, &p, most, bytes, why);
  assert_int_equal(reason, why->reason);
  return reason;
}

static void test_ask(void **unused) {
  (void)unused;
  static const struct {
    uint64_t most, wants;
  } cases[] = {{WHY_UNLIMITED, 64 << 20},
               {64 << 20, 64 << 20},
               {(64 << 20) - 1, 65536},
               {65536, 65536},
               {65535, 4096},
               {4096, 4096},
               {4095, 0},
               {0, 0}};
  struct why_verdict why;
  void *state;
  uint64_t bytes;
  assert_int_equal(backend->attach(backend, &fake_device, &state, &why), WHY_OK);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(asked(state, "graph", small, cases[i].most, &bytes, &why), WHY_OK);
    assert_int_equal(bytes, cases[i].wants);
    assert_string_equal(why.note, "");
  }
  assert_int_equal(asked(state, "instance", "softmax rows=3 cols=4", 0, &bytes, &why), WHY_OK);
  assert_int_equal(bytes, 0);

  fake_cudnn_refuse(CUDNN_DATA_BFLOAT16);
  char text[128];
  snprintf(text, sizeof text, "%s type=bf16", small);
  assert_int_equal(asked(state, "graph", text, 4096, &bytes, &why), WHY_LIBRARY);
  assert_string_equal(why.note, "CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE: no engine for this type");
  assert_true(why.need == 0 && why.have == 0 && bytes == 0);
  assert_int_equal(asked(state, "channel", "softmax rows=3 cols=4 type=bf16", 0, &bytes, &why),
                   WHY_LIBRARY);
  assert_string_equal(why.note, "CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE: no tensor of this type");
  assert_int_equal(asked(state, "graph", small, 4096, &bytes, &why), WHY_OK);

  static const struct {
    unsigned offered;
    const char *note;
  } none[] = {
      {0, "cuDNN proposes no plan for it"},
      {1 << ENGINE_UNFINALISED, "CUDNN_STATUS_NOT_SUPPORTED: this engine cannot"},
      {1 << ENGINE_TENSOR_CORE, "cuDNN has plans for it in lower precision only"},
      {1 << ENGINE_REDUCED, "cuDNN has plans for it in lower precision only"},
      {1 << ENGINE_DOWN_CONVERTS, "cuDNN has plans for it in lower precision only"},
      {1 << ENGINE_GREEDY, "each of cuDNN's plans for it wants more workspace"},
      {1 << ENGINE_GREEDY | 1 << ENGINE_REDUCED | 1 << ENGINE_UNFINALISED,
       "each of cuDNN's plans for it wants more workspace"},
  };
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    fake_cudnn_offer(none[i].offered);
    assert_int_equal(asked(state, "graph", small, 65536, &bytes, &why), WHY_LIBRARY);
    assert_string_equal(why.note, none[i].note);
    assert_int_equal(bytes, 0);
  }
  fake_cudnn_offer(ALL_ENGINES);

  snprintf(text, sizeof text, "%s math=f64", small); // f32 sums are not good enough
  assert_int_equal(asked(state, "graph", text, 4096, &bytes, &why), WHY_LIBRARY);
  assert_string_equal(why.note, "cuDNN's convolutions accumulate in f32");
  assert_int_equal(asked(state, "channel", "softmax rows=3 cols=4 math=f64", 0, &bytes, &why),
                   WHY_LIBRARY);
  assert_string_equal(why.note, "cudnnSoftmaxForward accumulates in f32");

  fake_memory.fail_at = fake_memory.calls + 1;
  assert_int_equal(asked(state, "graph", small, 4096, &bytes, &why), WHY_LIBRARY);
  assert_string_equal(why.note, "the device said no");
  backend->detach(backend, &fake_device, state);
}

static void test_softmax_limit(void **unused) {
  (void)unused;
  static const struct {
    const char *problem;
    enum why_reason reason;
  } cases[] = {
      {"softmax rows=1 cols=2147483647", WHY_OK},
      {"softmax rows=2147483647 cols=1", WHY_OK},
      {"softmax rows=32768 cols=65535", WHY_OK},
      {"softmax rows=32768 cols=65536", WHY_LIBRARY}, // 2^31
      {"softmax rows=32768 cols=4 ldy=65536", WHY_LIBRARY},
      {"softmax rows=2147483648 cols=1", WHY_LIBRARY},
      {"softmax rows=1 cols=2147483648", WHY_LIBRARY},
  };
  struct why_verdict why;
  void *state;
  uint64_t bytes;
  assert_int_equal(backend->attach(backend, &fake_device, &state, &why), WHY_OK);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(asked(state, "instance", cases[i].problem, 0, &bytes, &why), cases[i].reason);
    assert_string_equal(why.note,
                        cases[i].reason ? "cuDNN's tensors have fewer than 2^31 elements" : "");
  }
  backend->detach(backend, &fake_device, state);
}

// Prepare on a fresh job; the reason, and the engine that the run after it ran with (-1: none).
static enum why_reason prepared(const char *problem, uint64_t workspace_bytes, int *engine,
                                char *note, size_t size) {
  struct job job;
  job_make(&job, "graph", problem, at_start, workspace_bytes);
  assert_int_equal(attach(&job), WHY_OK);
  const enum why_reason reason = job.code->prepare(&job.call);
  assert_int_equal(job.verdict.reason, reason);
  *engine = -1;
  if (reason == WHY_OK) {
    check_run(&job);
    *engine = fake_cudnn_last();
  }
  snprintf(note, size, "%s", job.verdict.note);
  job_end(&job);
  return reason;
}

static void test_fastest_is_kept(void **unused) {
  (void)unused;
  char note[128];
  int engine;
  fake_cudnn_cost(ENGINE_WORKSPACE, 2e-3);
  fake_cudnn_cost(ENGINE_PLAIN, 1.9e-3);
  assert_int_equal(prepared(small, 65536, &engine, note, sizeof note), WHY_OK);
  assert_int_equal(engine, ENGINE_PLAIN);
  assert_string_equal(note, "engine 47, the fastest of 2 plans");
  fake_cudnn_cost(ENGINE_WORKSPACE, 1e-6);
  assert_int_equal(prepared(small, 65536, &engine, note, sizeof note), WHY_OK);
  assert_int_equal(engine, ENGINE_WORKSPACE);
  assert_string_equal(note, "engine 45, the fastest of 2 plans");
  assert_int_equal(prepared(small, 65535, &engine, note, sizeof note), WHY_OK); // it does not fit
  assert_int_equal(engine, ENGINE_PLAIN);
  assert_string_equal(note, "engine 47, the fastest of 1 plans");
  fake_cudnn_cost(ENGINE_WORKSPACE, 10); // long ones are timed once
  fake_cudnn_cost(ENGINE_PLAIN, 9);
  assert_int_equal(prepared(small, 65536, &engine, note, sizeof note), WHY_OK);
  assert_int_equal(engine, ENGINE_PLAIN);
}

// However fast it is, what computes in less than f32 is not run for f32; tensor cores are for
// 16-bit types, which they multiply exactly.
static void test_precision(void **unused) {
  (void)unused;
  static const struct {
    const char *type;
    int engine;
  } cases[] = {{"f32", ENGINE_PLAIN}, {"f16", ENGINE_TENSOR_CORE}, {"bf16", ENGINE_TENSOR_CORE}};
  char note[128], problem[128];
  int engine;
  for (int i = 0; i < 3; i++) {
    fake_cudnn_reset();
    fake_cudnn_memory(fake_device_contains);
    fake_cudnn_cost(ENGINE_TENSOR_CORE, 1e-5);
    fake_cudnn_cost(ENGINE_DOWN_CONVERTS, 1e-6);
    fake_cudnn_cost(ENGINE_REDUCED, 1e-6);
    fake_cudnn_cost(ENGINE_PLAIN, 9e-4);
    snprintf(problem, sizeof problem, "%s type=%s", small, cases[i].type);
    assert_int_equal(prepared(problem, 65536, &engine, note, sizeof note), WHY_OK);
    assert_int_equal(engine, cases[i].engine);
    assert_int_equal(fake_cudnn_runs(ENGINE_DOWN_CONVERTS), 0);
    assert_int_equal(fake_cudnn_runs(ENGINE_REDUCED), 0);
    assert_int_equal(fake_cudnn_runs(ENGINE_TENSOR_CORE) > 0, i > 0);
  }
}

// Time goes into the plans that could win: one far behind is launched to warm up and once.
static void test_trials(void **unused) {
  (void)unused;
  char note[128];
  int engine;
  fake_cudnn_cost(ENGINE_WORKSPACE, 1e-3);
  fake_cudnn_cost(ENGINE_PLAIN, 2.1e-3);
  assert_int_equal(prepared(small, 65536, &engine, note, sizeof note), WHY_OK);
  assert_int_equal(fake_cudnn_runs(ENGINE_WORKSPACE), 1 + 1 + 5 + 1); // the last is the run
  assert_int_equal(fake_cudnn_runs(ENGINE_PLAIN), 1 + 1);
}

// One launch that seems far too short.
static double jumping_clock(void) {
  return fake_cudnn_clock() - (fake_cudnn_runs(ENGINE_WORKSPACE) >= 4 ? 9e-4 : 0);
}

static void test_medians_are_compared(void **unused) {
  (void)unused;
  char note[128];
  int engine;
  fake_memory.now = jumping_clock;
  fake_cudnn_cost(ENGINE_WORKSPACE, 1e-3);
  fake_cudnn_cost(ENGINE_PLAIN, 0.95e-3);
  assert_int_equal(prepared(small, 65536, &engine, note, sizeof note), WHY_OK);
  assert_int_equal(engine, ENGINE_PLAIN);
}

static void test_without_a_clock_the_first_is_kept(void **unused) {
  (void)unused;
  char note[128];
  int engine;
  fake_memory.now = NULL;
  fake_device.facts.emulated = 1;
  assert_int_equal(prepared(small, 65536, &engine, note, sizeof note), WHY_OK);
  assert_int_equal(engine, ENGINE_WORKSPACE); // those before it do not run
  assert_string_equal(note, "engine 45, the first of 2 plans");
}

// Heuristics propose dozens of configurations: as many as can be timed are kept, and for f32 those
// behind many that are refused are still seen.
static void test_many_plans(void **unused) {
  (void)unused;
  static const struct {
    unsigned offered;
    int repeat;
    const char *note;
  } cases[] = {
      {1 << ENGINE_WORKSPACE | 1 << ENGINE_PLAIN, 20, "engine 45, the fastest of 32 plans"},
      {1 << ENGINE_TENSOR_CORE | 1 << ENGINE_WORKSPACE, 40, "engine 45, the fastest of 32 plans"},
      {1 << ENGINE_TENSOR_CORE | 1 << ENGINE_WORKSPACE, 250, "engine 45, the fastest of 6 plans"},
      {1 << ENGINE_TENSOR_CORE | 1 << ENGINE_PLAIN, 300, "engine 47, the fastest of 32 plans"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char note[128];
    int engine;
    fake_cudnn_offer(cases[i].offered);
    fake_cudnn_repeat(cases[i].repeat);
    assert_int_equal(prepared(small, 65536, &engine, note, sizeof note), WHY_OK);
    assert_string_equal(note, cases[i].note);
  }
}

static void test_none_runs(void **unused) {
  (void)unused;
  char note[128];
  int engine;
  fake_cudnn_offer(1 << ENGINE_FAILS_AT_RUN);
  assert_int_equal(prepared(small, 65536, &engine, note, sizeof note), WHY_CALL_FAILED);
  assert_string_equal(note, "CUDNN_STATUS_EXECUTION_FAILED: this engine fails");
  assert_int_equal(prepared(small, 0, &engine, note, sizeof note), WHY_LIBRARY);
  assert_string_equal(note, "each of cuDNN's plans for it wants more workspace");
}

// Everything from attach to detach, as a job does it: the first reason that is not WHY_OK.
static enum why_reason whole_path(const char *kernel, const char *problem, char *note,
                                  size_t size) {
  struct job job;
  uint64_t bytes;
  job_make(&job, kernel, problem, at_start, 65536);
  enum why_reason reason = attach(&job);
  if (reason) {
    assert_null(job.call.state);
  } else {
    reason = backend->ask(job.call.state, &fake_device, kernel, &job.problem, 65536, &bytes,
                          &job.verdict);
    if (!reason) reason = job.code->prepare(&job.call);
    if (!reason) reason = job.code->run(&job.call);
  }
  snprintf(note, size, "%s", job.verdict.note);
  fake_memory.fail_at = 0;
  job_end(&job);
  assert_int_equal(fake_cudnn_alive(), 0);
  return reason;
}

static const struct {
  const char *kernel, *problem;
} paths[] = {{"graph", "conv2d n=1 c=2 h=4 w=4 k=2 r=3 s=3"},
             {"instance", "softmax rows=3 cols=4"},
             {"channel", "softmax rows=3 cols=4"}};

static void test_every_library_call_fails(void **unused) {
  (void)unused;
  static const struct {
    cudnnStatus_t status;
    const char *name;
    enum why_reason reason;
  } kinds[] = {
      {CUDNN_STATUS_INTERNAL_ERROR, "CUDNN_STATUS_INTERNAL_ERROR", WHY_CALL_FAILED},
      {CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED,
       "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED", WHY_ALLOC_FAILED},
      {CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED,
       "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED", WHY_ALLOC_FAILED},
      {CUDNN_STATUS_BAD_PARAM, "CUDNN_STATUS_BAD_PARAM", WHY_LIBRARY},
      {CUDNN_STATUS_NOT_SUPPORTED, "CUDNN_STATUS_NOT_SUPPORTED", WHY_LIBRARY},
      {CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED, "CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED",
       WHY_BACKEND_ABSENT},
  };
  char note[256];
  for (size_t p = 0; p < sizeof paths / sizeof *paths; p++)
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
      fake_cudnn_reset();
      fake_cudnn_memory(fake_device_contains);
      assert_int_equal(whole_path(paths[p].kernel, paths[p].problem, note, sizeof note), WHY_OK);
      const long calls = fake_cudnn_calls();
      long failed = 0, asked = 0;
      for (long n = 1; n <= calls; n++) {
        fake_cudnn_reset();
        fake_cudnn_memory(fake_device_contains);
        fake_cudnn_fail(n, kinds[i].status);
        const enum why_reason reason =
            whole_path(paths[p].kernel, paths[p].problem, note, sizeof note);
        if (reason == WHY_OK) continue; // one plan of several
        failed++;
        char expected[256];
        snprintf(expected, sizeof expected, "%s: call %ld was told to fail", kinds[i].name, n);
        assert_string_equal(note, expected);
        asked += reason != kinds[i].reason; // from ask, whose every failure is the library's
        if (reason != kinds[i].reason) assert_int_equal(reason, WHY_LIBRARY);
      }
      // create, set the stream; the tensors and the rest of the graph, once each in ask and
      // prepare; the pack; the run itself
      const long described = p == 0 ? 3 * 7 + 9 + 8 + 4 : 2 * 2;
      assert_int_equal(failed, 2 + 2 * described + (p == 0 ? 5 : 0) + 1);
      assert_int_equal(asked, kinds[i].reason == WHY_LIBRARY ? 0 : described);
    }
}

static void test_every_device_call_fails(void **unused) {
  (void)unused;
  char note[256];
  for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
    fake_memory.calls = 0;
    assert_int_equal(whole_path(paths[p].kernel, paths[p].problem, note, sizeof note), WHY_OK);
    const long calls = fake_memory.calls - 1; // the last is detach's
    assert_true(calls >= 3);
    for (long n = 1; n <= calls; n++) {
      fake_memory.calls = 0;
      fake_memory.fail_at = n;
      const enum why_reason reason =
          whole_path(paths[p].kernel, paths[p].problem, note, sizeof note);
      assert_int_equal(reason, n == 2 ? WHY_LIBRARY : WHY_DEVICE_LOST); // 2: ask
      assert_string_equal(note, "the device said no");
    }
  }
}

int main(void) {
  void *library = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  backend = dlsym(library, WHY_BACKEND_SYMBOL);
  if (!backend) return 1;
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_backend),
      TEST(test_emulated_devices),
      TEST(test_convolutions),
      TEST(test_softmaxes),
      TEST(test_alignment),
      TEST(test_other_buffers),
      TEST(test_inputs_are_random),
      TEST(test_ask),
      TEST(test_softmax_limit),
      TEST(test_fastest_is_kept),
      TEST(test_precision),
      TEST(test_trials),
      TEST(test_medians_are_compared),
      TEST(test_without_a_clock_the_first_is_kept),
      TEST(test_many_plans),
      TEST(test_none_runs),
      TEST(test_every_library_call_fails),
      TEST(test_every_device_call_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
