// The onednn plug-in: every row of it against the op's reference, with bytes that must not change
// around the operands and after the workspace; what it says of cases that oneDNN has not; new data
// for a job that was prepared with other data; and that its threads and OpenBLAS's do not fight.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "element.h"
#include "machine.h"
#include "ops/ops.h"
#include <cmocka.h>
#include <dlfcn.h>

static struct why_backend *onednn;
static struct why_device *host;
static void *engine;

static int set_up(void **state) {
  (void)state;
  struct why_verdict verdict = {.note = "", .cause = ""};
  setenv("OMP_WAIT_POLICY", "passive", 0);
  void *library = dlopen(WHY_TEST_PLUGINS "/libwhycpu-onednn.so", RTLD_NOW);
  if (!library) {
    print_message("without onednn: %s\n", dlerror());
    exit(77);
  }
  onednn = dlsym(library, WHY_BACKEND_SYMBOL);
  if (why_plain_backend.open(&why_plain_backend, &verdict)) return -1;
  host = why_plain_backend.device;
  why_topology_host(&host->facts);
  return onednn->open(onednn, &verdict) || onednn->attach(onednn, host, &engine, &verdict);
}

static int tear_down(void **state) {
  (void)state;
  onednn->detach(onednn, host, engine);
  onednn->close(onednn);
  return 0;
}

// ---- a case ------------------------------------------------------------------------------------

enum { GUARD = 256 };

struct operands {
  struct why_problem problem;
  struct why_tensor before[WHY_OPERANDS], after[WHY_OPERANDS];
  unsigned char *buffer[2][WHY_OPERANDS];
  size_t bytes[WHY_OPERANDS];
};

static double uniform(void) { // [-1, 1)
  static uint64_t state = 1;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (double)(state >> 11) * 0x1p-52 - 1;
}

// Steps `at` through the elements of a tensor; false after the last.
static bool next(const struct why_tensor *t, int64_t *index) {
  for (int d = t->rank - 1; d >= 0; d--) {
    if (++index[d] < t->dim[d]) return true;
    index[d] = 0;
  }
  return false;
}

static int64_t place(const struct why_tensor *t, const int64_t *index) {
  int64_t at = 0;
  for (int d = 0; d < t->rank; d++) at += index[d] * t->stride[d];
  return at;
}

static void fill(const struct why_tensor *t, double spread) {
  int64_t index[WHY_RANK] = {0};
  do why_element_set(t, place(t, index), spread * uniform());
  while (next(t, index));
}

static struct why_problem parse(const char *text) {
  struct why_problem problem;
  struct why_error error;
  if (why_problem_parse(text, &problem, &error)) fail_msg("%s: %s", text, error.text);
  return problem;
}

static void make(struct operands *out, const char *text) {
  out->problem = parse(text);
  const struct why_op *op = out->problem.op;
  for (int i = 0; i < op->operands; i++) {
    struct why_tensor *t = &out->before[i];
    op->shape(&out->problem, i, t);
    out->bytes[i] = (why_tensor_bytes(t) + 2 * (size_t)GUARD + 63) / 64 * 64;
    for (int copy = 0; copy < 2; copy++) {
      out->buffer[copy][i] = aligned_alloc(64, out->bytes[i]);
      assert_non_null(out->buffer[copy][i]);
      memset(out->buffer[copy][i], 0xff, out->bytes[i]); // a NaN in every type
    }
    t->data = out->buffer[0][i] + GUARD;
    if (op->role(&out->problem, i) != WHY_OUT) fill(t, strcmp(op->name, "softmax") ? 1 : 10);
    memcpy(out->buffer[1][i], out->buffer[0][i], out->bytes[i]);
    out->after[i] = *t;
    out->after[i].data = out->buffer[1][i] + GUARD;
  }
}

static void drop(struct operands *x) {
  for (int i = 0; i < x->problem.op->operands; i++)
    for (int copy = 0; copy < 2; copy++) free(x->buffer[copy][i]);
}

// The elements of outputs are taken over from what there is now; all other bytes must be as before.
static void check_untouched(const struct operands *x, const char *what) {
  for (int i = 0; i < x->problem.op->operands; i++) {
    const struct why_tensor *t = &x->after[i];
    int64_t index[WHY_RANK] = {0};
    const size_t size = why_type_bytes(t->type);
    unsigned char *was = malloc(x->bytes[i]);
    assert_non_null(was);
    memcpy(was, x->buffer[0][i], x->bytes[i]);
    if (x->problem.op->role(&x->problem, i) & WHY_OUT) do {
        const size_t at = GUARD + (size_t)place(t, index) * size;
        memcpy(was + at, x->buffer[1][i] + at, size);
      } while (next(t, index));
    if (memcmp(was, x->buffer[1][i], x->bytes[i]) != 0)
      fail_msg("%s: wrote outside operand %d", what, i);
    free(was);
  }
}

static void check_result(const struct operands *x, const char *what) {
  struct why_check check;
  enum why_reason reason = why_check(&x->problem, x->before, x->after, &check);
  if (reason)
    fail_msg("%s: error %g, allowed %g, element %lld", what, check.error, check.tolerance,
             (long long)check.element);
}

static enum why_reason ask(const char *kernel, const struct why_problem *problem, uint64_t most,
                           uint64_t *bytes, struct why_verdict *verdict) {
  *verdict = (struct why_verdict){.note = "", .cause = ""};
  return onednn->ask(engine, host, kernel, problem, most, bytes, verdict);
}

// Runs it twice, for what a launch may leave behind in the workspace. False: oneDNN has it not.
static bool computes(const char *kernel, const char *text, int threads) {
  struct operands x;
  struct why_verdict verdict;
  uint64_t bytes;
  char what[256];
  snprintf(what, sizeof what, "%s by %s on %d threads", text, kernel, threads);
  make(&x, text);
  enum why_reason reason = ask(kernel, &x.problem, WHY_UNLIMITED, &bytes, &verdict);
  if (reason) {
    assert_int_equal(reason, WHY_LIBRARY);
    assert_non_null(strstr(verdict.note, "oneDNN has no"));
    drop(&x);
    return false;
  }
  const struct why_code *code = onednn->find(x.problem.op->name, kernel);
  unsigned char *workspace = aligned_alloc(64, (bytes + GUARD + 63) / 64 * 64);
  assert_non_null(workspace);
  memset(workspace, 0xff, bytes + GUARD);
  struct why_call call = {.state = engine,
                          .device = host,
                          .problem = &x.problem,
                          .operand = x.after,
                          .workspace = workspace,
                          .workspace_bytes = bytes,
                          .threads = threads,
                          .why = &verdict};
  const bool once = x.problem.op->role(&x.problem, x.problem.op->operands - 1) == WHY_INOUT;
  if (code->prepare(&call)) fail_msg("%s: %s %s", what, why_name(verdict.reason), verdict.note);
  check_untouched(&x, what);
  for (int i = 0; i < (once ? 1 : 2); i++)
    if (code->run(&call)) fail_msg("%s: %s %s", what, why_name(verdict.reason), verdict.note);
  assert_true(verdict.note[0]); // which implementation it was
  code->release(&call);
  assert_null(call.plan);
  assert_string_equal(verdict.note, ""); // it went with the plan
  check_result(&x, what);
  check_untouched(&x, what);
  for (int i = 0; i < GUARD; i++)
    if (workspace[bytes + (size_t)i] != 0xff) fail_msg("%s: wrote after the workspace", what);
  free(workspace);
  drop(&x);
  return true;
}

// Every row on 1, 2 and 3 threads; how many of the cases oneDNN has.
static int count(const char *kernel, const char *const *text, int texts) {
  int had = 0;
  for (int i = 0; i < texts; i++)
    for (int threads = 1; threads <= 3; threads++) {
      if (threads == 3 && host->facts.multiprocessors < 3) continue; // asked for fewer
      const bool has = computes(kernel, text[i], threads);
      had += has && threads == 1;
      if (!has) break;
    }
  return had;
}
#define COUNT(kernel, list) count(kernel, list, (int)(sizeof(list) / sizeof *(list)))
#define LENGTH(list) ((int)(sizeof(list) / sizeof *(list)))

// ---- the rows ----------------------------------------------------------------------------------

static void gemm_agrees_with_the_reference(void **state) {
  (void)state;
  static const char *const f32[] = {
      "gemm m=1 n=1 k=1",
      "gemm m=1 n=1 k=257 beta=1",
      "gemm m=1 n=300 k=7",
      "gemm m=67 n=1 k=5 ta=1",
      "gemm m=17 n=31 k=13 alpha=-0.75",
      "gemm m=64 n=64 k=64",
      "gemm m=33 n=259 k=70 alpha=2 beta=-0.5",
      "gemm m=37 n=83 k=41 ta=1 beta=1",
      "gemm m=37 n=83 k=41 tb=1 alpha=0 beta=3",
      "gemm m=37 n=83 k=41 ta=1 tb=1",
      "gemm m=5 n=513 k=129 lda=140 ldb=520 ldc=517",
      "gemm m=5 n=513 k=129 lda=140 ldb=520 ldc=517 alpha=0.5 beta=2",
      "gemm m=37 n=83 k=41 ta=1 tb=1 lda=80 ldb=90 ldc=300 beta=0.5",
      "gemm m=1 n=1 k=1 ta=1 tb=1 lda=80 ldb=90 ldc=300",
      "gemm m=8 n=1 k=9 ldb=4 ldc=3",
      "gemm m=130 n=200 k=600",
  };
  static const char *const forms[] = {
      "gemm type=bf16 m=17 n=31 k=13 beta=1",
      "gemm type=bf16 m=64 n=64 k=64 tb=1",
      "gemm type=bf16 m=33 n=259 k=70 alpha=2 beta=-0.5 ta=1",
      "gemm type=bf16 m=5 n=513 k=129 lda=140 ldb=520 ldc=517 beta=1",
      "gemm type=bf16 m=64 n=65 k=66 out=f32",
      "gemm type=bf16 m=33 n=259 k=70 out=f32 beta=1 ldc=260",
      "gemm type=bf16 m=37 n=83 k=41 ta=1 tb=1 out=f32 alpha=0.5 beta=0.25",
      "gemm type=f16 m=64 n=64 k=64",
      "gemm type=f16 m=64 n=64 k=64 out=f32 beta=1",
  };
  assert_int_equal(COUNT("matmul", f32), LENGTH(f32));
  const int had = COUNT("matmul", forms);
  print_message("matmul: %d of %d 16-bit forms\n", had, LENGTH(forms));
  if (host->facts.cpu_features & WHY_CPU_AVX512) assert_true(had >= 7); // all of bf16
}

static void softmax_agrees_with_the_reference(void **state) {
  (void)state;
  static const char *const packed[] = {
      "softmax rows=5 cols=1",    "softmax rows=5 cols=7",      "softmax rows=3 cols=16",
      "softmax rows=301 cols=64", "softmax rows=2 cols=100003", "softmax rows=40 cols=1000",
  };
  static const char *const others[] = {
      "softmax rows=5 cols=77 ldx=80",
      "softmax rows=5 cols=77 ldy=80",
      "softmax rows=5 cols=77 ldx=80 ldy=78 type=bf16",
      "softmax rows=1 cols=77 ldx=80 ldy=78",
      "softmax rows=40 cols=1000 type=bf16",
  };
  assert_int_equal(COUNT("primitive", packed), LENGTH(packed));
  print_message("softmax: %d of %d other forms\n", COUNT("primitive", others), LENGTH(others));
}

static const char *const convolutions[] = {
    "conv2d n=1 c=1 h=1 w=1 k=1 r=1 s=1",
    "conv2d n=2 c=3 h=7 w=9 k=5 r=3 s=3",
    "conv2d n=2 c=3 h=7 w=9 k=5 r=3 s=3 pad_h=1 pad_w=1",
    "conv2d n=2 c=16 h=14 w=14 k=16 r=3 s=3 pad_h=1 pad_w=1",
    "conv2d n=1 c=32 h=9 w=11 k=48 r=3 s=3 pad_h=1 pad_w=1",
    "conv2d n=3 c=64 h=13 w=8 k=64 r=3 s=3 pad_h=1 pad_w=1",
    "conv2d n=1 c=16 h=10 w=10 k=32 r=3 s=3",
    "conv2d n=2 c=32 h=12 w=12 k=16 r=1 s=1",
    "conv2d n=2 c=32 h=12 w=12 k=16 r=1 s=1 stride_h=2 stride_w=2",
    "conv2d n=1 c=17 h=12 w=12 k=5 r=1 s=1 pad_h=1 pad_w=1 wide_pad=1",
    "conv2d n=2 c=3 h=32 w=32 k=16 r=7 s=7 stride_h=2 stride_w=2 pad_h=3 pad_w=3",
    "conv2d n=1 c=8 h=10 w=17 k=8 r=1 s=5 pad_w=2",
    "conv2d n=1 c=8 h=17 w=10 k=8 r=5 s=1 pad_h=2",
    "conv2d n=1 c=16 h=9 w=9 k=16 r=2 s=4 stride_h=3 stride_w=2",
    "conv2d n=2 c=16 h=9 w=9 k=16 r=3 s=3 pad_h=0 pad_h_end=1 pad_w=2 pad_w_end=0",
    "conv2d n=2 c=16 h=9 w=9 k=16 r=3 s=3 stride_h=2 stride_w=2 pad_h=0 pad_h_end=1 pad_w=0 "
    "pad_w_end=1",
    "conv2d n=1 c=16 h=11 w=11 k=16 r=3 s=3 dilation_h=2 dilation_w=2 pad_h=2 pad_w=2",
    "conv2d n=1 c=5 h=11 w=13 k=7 r=3 s=2 dilation_h=3 dilation_w=1",
    "conv2d n=2 c=8 h=9 w=9 k=12 r=3 s=3 groups=4 pad_h=1 pad_w=1",
    "conv2d n=2 c=32 h=9 w=9 k=64 r=3 s=3 groups=2 pad_h=1 pad_w=1",
    "conv2d n=2 c=24 h=9 w=9 k=24 r=3 s=3 groups=24 pad_h=1 pad_w=1",
    "conv2d n=2 c=6 h=17 w=17 k=9 r=3 s=3 groups=3 dilation_h=2 dilation_w=2 pad_h=1 pad_w=1",
    "conv2d n=1 c=4 h=5 w=5 k=4 r=3 s=3 pad_h=4 pad_w=5 wide_pad=1",
    "conv2d n=1 c=16 h=3 w=3 k=16 r=3 s=3",
    "conv2d n=1 c=100 h=1 w=1 k=30 r=1 s=1",
};

static void direct_convolution_agrees_with_the_reference(void **state) {
  (void)state;
  char text[LENGTH(convolutions)][256];
  for (int layout = 0; layout < 2; layout++)
    for (int bf16 = 0; bf16 < 2; bf16++) {
      const char *list[LENGTH(convolutions)];
      for (int i = 0; i < LENGTH(convolutions); i++) {
        snprintf(text[i], sizeof text[i], "%s layout=%s type=%s", convolutions[i],
                 layout ? "nhwc" : "nchw", bf16 ? "bf16" : "f32");
        list[i] = text[i];
      }
      const int had = COUNT("direct", list);
      print_message("direct, %s, %s: %d of %d\n", layout ? "nhwc" : "nchw", bf16 ? "bf16" : "f32",
                    had, LENGTH(list));
      if (!bf16 || host->facts.cpu_features & WHY_CPU_AVX512)
        assert_true(had >= LENGTH(list) * 3 / 4);
    }
}

static void winograd_agrees_with_the_reference_where_there_is_one(void **state) {
  (void)state;
  static const char *const none[] = {
      "conv2d n=1 c=16 h=9 w=9 k=16 r=5 s=5",
      "conv2d n=1 c=16 h=9 w=9 k=16 r=3 s=3 stride_h=2 stride_w=2",
      "conv2d n=2 c=24 h=9 w=9 k=24 r=3 s=3 groups=24",
      "conv2d n=1 c=16 h=9 w=9 k=16 r=3 s=3 dilation_h=2 dilation_w=2",
  };
  int had = 0;
  for (int i = 0; i < LENGTH(convolutions); i++)
    for (int layout = 0; layout < 2; layout++) {
      char text[256];
      const char *list[] = {text};
      snprintf(text, sizeof text, "%s layout=%s", convolutions[i], layout ? "nhwc" : "nchw");
      had += COUNT("winograd", list);
    }
  print_message("winograd: %d of %d\n", had, 2 * LENGTH(convolutions));
  if (host->facts.cpu_features & WHY_CPU_AVX512) assert_true(had >= 6);
  assert_int_equal(COUNT("winograd", none), 0);
}

// ---- what it says ------------------------------------------------------------------------------

static void refuses_with_words(void **state) {
  (void)state;
  static const struct {
    const char *kernel, *problem, *words;
  } cases[] = {
      {"winograd", "conv2d n=1 c=16 h=9 w=9 k=16 r=5 s=5", "oneDNN has no Winograd convolution"},
      {"direct", "conv2d n=1 c=16 h=9 w=9 k=16 r=3 s=3 type=f16",
       "oneDNN has no direct convolution"},
      {"matmul", "gemm m=8 n=8 k=8 type=f16", "oneDNN has no matrix product"},
      {"primitive", "softmax rows=4 cols=8 ldx=9", "oneDNN has no softmax"},
  };
  for (int i = 0; i < LENGTH(cases); i++) {
    struct why_verdict verdict;
    uint64_t bytes;
    struct why_problem problem = parse(cases[i].problem);
    assert_int_equal(ask(cases[i].kernel, &problem, WHY_UNLIMITED, &bytes, &verdict), WHY_LIBRARY);
    if (!strstr(verdict.note, cases[i].words)) fail_msg("%s: %s", cases[i].problem, verdict.note);
    assert_int_equal(verdict.reason, WHY_LIBRARY);
    assert_int_equal(bytes, 0);
  }
}

static void workspace_is_what_it_says(void **state) {
  (void)state;
  const char *text = "conv2d n=2 c=16 h=14 w=14 k=16 r=3 s=3 pad_h=1 pad_w=1";
  struct why_verdict verdict;
  uint64_t bytes, again;
  struct operands x;
  make(&x, text);
  assert_int_equal(ask("direct", &x.problem, WHY_UNLIMITED, &bytes, &verdict), WHY_OK);
  assert_true(bytes > 0);
  assert_int_equal(ask("direct", &x.problem, bytes, &again, &verdict), WHY_OK);
  assert_int_equal(again, bytes);
  assert_int_equal(ask("direct", &x.problem, bytes - 1, &again, &verdict), WHY_WORKSPACE);
  assert_true(verdict.need == (double)bytes && verdict.have == (double)bytes - 1);

  struct why_call call = {.state = engine,
                          .problem = &x.problem,
                          .operand = x.after,
                          .workspace_bytes = 63,
                          .threads = 1,
                          .why = &verdict};
  const struct why_code *code = onednn->find("conv2d", "direct");
  assert_int_equal(code->prepare(&call), WHY_WORKSPACE);
  assert_true(verdict.need > 63 && verdict.have == 63);
  assert_null(call.plan);
  drop(&x);
}

static void knows_its_rows_and_version(void **state) {
  (void)state;
  assert_int_equal(onednn->abi, WHY_ABI);
  assert_non_null(strstr(onednn->version, "oneDNN 2."));
  assert_non_null(strstr(onednn->version, "OpenMP"));
  print_message("%s\n", onednn->version);
  assert_null(onednn->find("conv2d", "matmul"));
  for (int i = 0; i < why_kernel_count(); i++) {
    const struct why_kernel *kernel = why_kernel_at(i);
    if (strcmp(kernel->backend, "onednn") == 0)
      assert_non_null(onednn->find(kernel->op, kernel->name));
  }
}

// ---- jobs --------------------------------------------------------------------------------------

static struct why_machine *open_machine(void) {
  const struct why_options options = {.library_dir = WHY_TEST_PLUGINS};
  struct why_machine *machine;
  assert_int_equal(why_open(&options, &machine), WHY_OK);
  return machine;
}

static struct why_job *prepare(struct why_machine *machine, const struct why_problem *problem,
                               const char *kernel, int threads, struct why_decision *decision) {
  struct why_request request;
  struct why_job *job;
  why_request_default(problem, &request);
  snprintf(request.kernel, sizeof request.kernel, "%s", kernel);
  request.threads = threads;
  assert_int_equal(why_consult(machine, &request), WHY_OK);
  assert_int_equal(why_decide(machine, &request, decision), WHY_OK);
  if (decision->chosen < 0) return NULL;
  assert_int_equal(why_prepare(machine, decision, decision->chosen, &job), WHY_OK);
  return job;
}

// The weights are reordered while preparing: not only for the first upload of a job.
static void job_follows_its_operands(void **state) {
  (void)state;
  struct why_machine *machine = open_machine();
  struct why_decision decision = {0};
  struct operands x, other;
  const char *text = "conv2d n=2 c=16 h=14 w=14 k=16 r=3 s=3 pad_h=1 pad_w=1";
  make(&x, text);
  make(&other, text);
  struct why_job *job = prepare(machine, &x.problem, "onednn:direct", 2, &decision);
  assert_non_null(job);
  for (int round = 0; round < 4; round++) {
    struct operands *o = round < 2 ? &x : &other;
    if (round % 2) { // new data where the old was
      fill(&o->before[CONV2D_X], 1);
      fill(&o->before[CONV2D_WEIGHT], 1);
      memcpy(o->buffer[1][CONV2D_X], o->buffer[0][CONV2D_X], o->bytes[CONV2D_X]);
      memcpy(o->buffer[1][CONV2D_WEIGHT], o->buffer[0][CONV2D_WEIGHT], o->bytes[CONV2D_WEIGHT]);
    }
    assert_int_equal(why_upload(job, o->after), WHY_OK);
    assert_int_equal(why_launch(job), WHY_OK);
    assert_int_equal(why_download(job, o->after), WHY_OK);
    check_result(o, text);
    check_untouched(o, text);
  }
  const char *note = decision.candidate[decision.chosen].verdict.note;
  print_message("%s\n", note);
  assert_non_null(strstr(note, "w reordered before"));
  why_release(job);
  assert_non_null(strstr(decision.candidate[decision.chosen].verdict.note, "w reordered before"));
  why_decision_free(&decision);
  drop(&other);
  drop(&x);
  why_close(machine);
}

static double launch(struct why_job *job) { // seconds
  const double start = seconds_now();
  assert_int_equal(why_launch(job), WHY_OK);
  return seconds_now() - start;
}

// Workers of one library that spun on after their work would take half of the other's cores.
static void threads_do_not_fight_openblas(void **state) {
  (void)state;
  if (host->facts.multiprocessors < 2) skip();
  struct why_machine *machine = open_machine();
  struct why_decision blas = {0}, dnn = {0};
  struct operands a, b;
  make(&a, "gemm m=512 n=512 k=512");
  make(&b, "conv2d n=4 c=64 h=28 w=28 k=64 r=3 s=3 pad_h=1 pad_w=1");
  struct why_job *product = prepare(machine, &a.problem, "openblas:cblas", 2, &blas);
  struct why_job *convolution = prepare(machine, &b.problem, "onednn:direct", 2, &dnn);
  if (product && convolution) {
    assert_int_equal(why_upload(product, a.after), WHY_OK);
    assert_int_equal(why_upload(convolution, b.after), WHY_OK);
    double best[4] = {INFINITY, INFINITY, INFINITY, INFINITY};
    for (int i = 0; i < 100; i++) {
      struct why_job *const order[] = {convolution, convolution, product, product};
      for (int j = 0; j < 4; j++) best[j] = fmin(best[j], launch(order[j]));
    }
    const double ratio[] = {best[1] / best[0], best[3] / best[2]};
    print_message("alone / right after the other: onednn %.2f, openblas %.2f\n", ratio[0],
                  ratio[1]);
    assert_true(ratio[0] >= 0.6 && ratio[1] >= 0.6);
    assert_int_equal(why_wait(product), WHY_OK);
    assert_int_equal(why_wait(convolution), WHY_OK);
  }
  why_release(convolution);
  why_release(product);
  why_decision_free(&dnn);
  why_decision_free(&blas);
  drop(&b);
  drop(&a);
  why_close(machine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gemm_agrees_with_the_reference),
      cmocka_unit_test(softmax_agrees_with_the_reference),
      cmocka_unit_test(direct_convolution_agrees_with_the_reference),
      cmocka_unit_test(winograd_agrees_with_the_reference_where_there_is_one),
      cmocka_unit_test(refuses_with_words),
      cmocka_unit_test(workspace_is_what_it_says),
      cmocka_unit_test(knows_its_rows_and_version),
      cmocka_unit_test(job_follows_its_operands),
      cmocka_unit_test(threads_do_not_fight_openblas),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
