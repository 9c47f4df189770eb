// conv2d through cuDNN's graph API: a graph of one forward convolution, every plan that the
// library's heuristics propose for it, and the fastest of them by a timed trial. Fused graphs, and
// knobs other than those that the heuristics set, are left out.
#include "cudnn.h"
#include "ops/ops.h"
#include "trial.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef cudnnBackendDescriptor_t descriptor;

enum {
  MOST_CONFIGURATIONS = 256, // of one mode of the heuristics; for f32 most of them are refused
  MOST_PLANS = 32,           // kept of all modes together, each to be timed
  UNTIMED_PLANS = 4,         // where the first that runs will do
  ALIGNED = 64,              // bytes promised of a pointer at most: no kernel wants more
  SPATIAL = 2,               // dims of an image
  RANK = 4                   // of a tensor: n, c, h, w
};

// What lowers an f32 convolution below f32 arithmetic, as the library notes it on an engine: tensor
// cores multiply f32 as tf32, and converted inputs or reduced sums lose bits whatever the type. For
// 16-bit types tensor cores are exact in their products and sum in f32. Winograd's and the Fourier
// transform are allowed: they are f32 arithmetic, and the op's check judges their rounding.
enum {
  TENSOR_CORES = 1 << CUDNN_NUMERICAL_NOTE_TENSOR_CORE,
  LOSSY = 1 << CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS |
          1 << CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION
};
static const unsigned refused_notes[WHY_TYPE_COUNT] = {
    [WHY_F32] = TENSOR_CORES | LOSSY, [WHY_F16] = LOSSY, [WHY_BF16] = LOSSY};

// A ranks engines by a model of their speed, FALLBACK gives those that work almost always; for f32
// most of A's use tensor cores. Mode B is A's with a better model: all are timed here anyway.
static const cudnnBackendHeurMode_t modes[] = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK};

struct graph { // kept as long as a plan of it
  descriptor tensor[3], convolution, operation, graph;
};
struct way { // to compute it
  descriptor config, execution;
  int64_t engine, workspace_bytes;
};
struct ways {
  int count, lowered, greedy; // lowered and greedy: refused for precision or workspace
  struct way way[MOST_PLANS];
};
struct plan {
  struct graph graph;
  struct way way;
  descriptor pack;           // the operands' data and the workspace
  void *data[3], *workspace; // that it has
  char note[64];
};

// ---- descriptors -------------------------------------------------------------------------------

struct attribute {
  cudnnBackendAttributeName_t name;
  cudnnBackendAttributeType_t type;
  int64_t count;
  const void *value;
};

// Makes, fills and finalises a descriptor; it is to be destroyed, also after a failure.
static cudnnStatus_t make(cudnnBackendDescriptorType_t type, const struct attribute *attribute,
                          size_t n, descriptor *out) {
  cudnnStatus_t status = cudnnBackendCreateDescriptor(type, out);
  if (status) *out = NULL;
  for (size_t i = 0; i < n && !status; i++)
    status = cudnnBackendSetAttribute(*out, attribute[i].name, attribute[i].type,
                                      attribute[i].count, attribute[i].value);
  return status ? status : cudnnBackendFinalize(*out);
}
#define MAKE(type, attributes, out)                                                                \
  make(CUDNN_BACKEND_##type##_DESCRIPTOR, attributes, sizeof(attributes) / sizeof *(attributes),   \
       out)

static void destroy(descriptor *d) {
  if (*d) cudnnBackendDestroyDescriptor(*d);
  *d = NULL;
}

// One value of a descriptor that is finalised.
static cudnnStatus_t get(descriptor from, cudnnBackendAttributeName_t name,
                         cudnnBackendAttributeType_t type, void *value) {
  int64_t got;
  return cudnnBackendGetAttribute(from, name, type, 1, &got, value);
}

static int64_t alignment_of(const void *data) { // NULL: not allocated yet
  const uintptr_t address = (uintptr_t)data | ALIGNED;
  return (int64_t)(address & -address);
}

// The library names dims n, c, h, w in any layout, which is in the strides only, as here; the order
// of ours is n, h, w, c. A filter with fewer channels than x says that there are groups.
static cudnnStatus_t describe_tensor(const struct why_tensor *t, int64_t id, descriptor *out) {
  const int64_t dims[RANK] = {t->dim[0], t->dim[3], t->dim[1], t->dim[2]};
  const int64_t strides[RANK] = {t->stride[0], t->stride[3], t->stride[1], t->stride[2]};
  const int64_t alignment = alignment_of(t->data);
  const struct attribute attributes[] = {
      {CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &cudnn_type[t->type]},
      {CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, RANK, dims},
      {CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, RANK, strides},
      {CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id},
      {CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment},
  };
  return MAKE(TENSOR, attributes, out);
}

static cudnnStatus_t describe_convolution(const struct conv2d_view *g, descriptor *out) {
  const cudnnDataType_t compute = CUDNN_DATA_FLOAT;
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION; // the filter is not turned round
  const int64_t rank = SPATIAL;
  const int64_t dilations[] = {g->dilation_h, g->dilation_w}, steps[] = {g->stride_h, g->stride_w};
  const int64_t before[] = {g->pad_top, g->pad_left}, after[] = {g->pad_bottom, g->pad_right};
  const struct attribute attributes[] = {
      {CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &compute},
      {CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode},
      {CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &rank},
      {CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, SPATIAL, dilations},
      {CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, SPATIAL, steps},
      {CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, SPATIAL, before},
      {CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, SPATIAL, after},
  };
  return MAKE(CONVOLUTION, attributes, out);
}

static void clear_graph(struct graph *graph) {
  destroy(&graph->graph);
  destroy(&graph->operation);
  destroy(&graph->convolution);
  for (int i = CONV2D_X; i <= CONV2D_Y; i++) destroy(&graph->tensor[i]);
}

// y = 1 conv(x, w) + 0 y. To be cleared, also after a failure.
static int64_t elements_of(const struct why_tensor *t) { // which lie side by side
  int64_t elements = 1;
  for (int i = 0; i < t->rank; i++) elements *= t->dim[i];
  return elements;
}

static enum why_reason describe(cudnnHandle_t handle, const struct why_problem *problem,
                                const struct why_tensor *operand, struct graph *graph,
                                struct why_verdict *why) {
  if (problem->math < WHY_MATH_F32)
    return cudnn_fail(why, WHY_TYPE, "cuDNN's convolutions accumulate in f32");
  for (int i = CONV2D_X; i <= CONV2D_Y; i++) // its kernels index in 32 bits
    if (elements_of(&operand[i]) > INT32_MAX)
      return cudnn_fail(why, WHY_LIBRARY, "cuDNN's tensors have fewer than 2^31 elements");
  const struct conv2d_view view = conv2d_view(problem);
  const float one = 1, zero = 0;
  const struct attribute operation[] = {
      {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1, &one},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 1, &zero},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
       &graph->convolution},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
       &graph->tensor[CONV2D_X]},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
       &graph->tensor[CONV2D_WEIGHT]},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
       &graph->tensor[CONV2D_Y]},
  };
  const struct attribute whole[] = {
      {CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle},
      {CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &graph->operation},
  };
  cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
  for (int i = CONV2D_X; i <= CONV2D_Y && !status; i++)
    status = describe_tensor(&operand[i], i, &graph->tensor[i]);
  if (!status) status = describe_convolution(&view, &graph->convolution);
  if (!status) status = MAKE(OPERATION_CONVOLUTION_FORWARD, operation, &graph->operation);
  if (!status) status = MAKE(OPERATIONGRAPH, whole, &graph->graph);
  return cudnn_refuse(why, status);
}

// ---- plans -------------------------------------------------------------------------------------

static void clear_way(struct way *way) {
  destroy(&way->execution);
  destroy(&way->config);
}

static void clear_ways(struct ways *ways) {
  for (int i = 0; i < ways->count; i++) clear_way(&ways->way[i]);
  ways->count = 0;
}

// A configuration's engine: its number, and a bit 1 << note for each thing noted on it.
static enum why_reason look_up(descriptor config, int64_t *number, unsigned *noted,
                               struct why_verdict *why) {
  cudnnBackendNumericalNote_t note[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  int64_t notes = 0;
  descriptor engine = NULL;
  cudnnStatus_t status = cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine);
  if (status) return cudnn_refuse(why, status);
  status = get(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, &engine);
  if (!status) status = get(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, number);
  if (!status)
    status = cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                      CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT,
                                      &notes, note);
  enum why_reason reason = cudnn_refuse(why, status);
  *noted = 0;
  for (int64_t i = 0; i < notes && i < CUDNN_NUMERICAL_NOTE_TYPE_COUNT && !reason; i++)
    *noted |= 1u << note[i];
  destroy(&engine);
  return reason;
}

// Turns a configuration, which it takes, into one more way, unless that is refused or fails.
static enum why_reason consider(cudnnHandle_t handle, descriptor config, unsigned refused,
                                uint64_t most_bytes, struct ways *ways, struct why_verdict *why) {
  struct way way = {.config = config};
  const struct attribute attributes[] = {
      {CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle},
      {CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &config},
  };
  unsigned noted = 0;
  enum why_reason reason = look_up(config, &way.engine, &noted, why);
  const bool lowered = (noted & refused) != 0;
  if (!reason && !lowered) {
    cudnnStatus_t status = MAKE(EXECUTION_PLAN, attributes, &way.execution);
    if (!status)
      status = get(way.execution, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64,
                   &way.workspace_bytes);
    reason = cudnn_refuse(why, status);
  }
  const bool greedy = (uint64_t)way.workspace_bytes > most_bytes;
  ways->lowered += lowered;
  ways->greedy += greedy;
  if (reason || lowered || greedy)
    clear_way(&way);
  else
    ways->way[ways->count++] = way;
  return reason;
}

// The configurations that one mode of the heuristics gives, the best first.
static enum why_reason configure(const struct graph *graph, cudnnBackendHeurMode_t mode,
                                 descriptor *config, int *configs, struct why_verdict *why) {
  const struct attribute attributes[] = {
      {CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &graph->graph},
      {CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode},
  };
  descriptor heuristic = NULL;
  int64_t count = 0, got = 0;
  *configs = 0;
  cudnnStatus_t status = MAKE(ENGINEHEUR, attributes, &heuristic);
  if (!status)
    status = cudnnBackendGetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                      CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, NULL);
  for (; *configs < count && *configs < MOST_CONFIGURATIONS && !status; *configs += !status)
    status = cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &config[*configs]);
  if (!status && *configs)
    status = cudnnBackendGetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                      CUDNN_TYPE_BACKEND_DESCRIPTOR, *configs, &got, config);
  enum why_reason reason = cudnn_refuse(why, status);
  if (reason) got = 0;
  while (*configs > got) destroy(&config[--*configs]);
  destroy(&heuristic);
  return reason;
}

// The first `most_ways` that the library proposes within most_bytes of workspace and the type's
// precision, at least one; to be cleared. What fails on the way to one leaves the others.
static enum why_reason propose(cudnnHandle_t handle, const struct graph *graph, enum why_type type,
                               uint64_t most_bytes, int most_ways, struct ways *ways,
                               struct why_verdict *why) {
  enum why_reason refused = cudnn_fail(why, WHY_LIBRARY, "cuDNN proposes no plan for it");
  *ways = (struct ways){0};
  for (size_t m = 0; m < sizeof modes / sizeof *modes; m++) {
    descriptor config[MOST_CONFIGURATIONS];
    int configs;
    enum why_reason reason = configure(graph, modes[m], config, &configs, why);
    if (reason) refused = reason;
    for (int i = 0; i < configs; i++) {
      if (ways->count == most_ways) {
        destroy(&config[i]);
        continue;
      }
      reason = consider(handle, config[i], refused_notes[type], most_bytes, ways, why);
      if (reason) refused = reason;
    }
  }
  if (ways->count) return cudnn_fail(why, WHY_OK, NULL);
  if (ways->greedy)
    return cudnn_fail(why, WHY_LIBRARY, "each of cuDNN's plans for it wants more workspace");
  if (ways->lowered)
    return cudnn_fail(why, WHY_LIBRARY, "cuDNN has plans for it in lower precision only");
  return refused;
}

// The largest workspace of a way, so that prepare has them all to choose from.
enum why_reason cudnn_conv2d_ask(cudnnHandle_t handle, const struct why_problem *problem,
                                 uint64_t most_bytes, uint64_t *workspace_bytes,
                                 struct why_verdict *why) {
  struct why_tensor operand[3] = {0};
  struct graph graph = {0};
  struct ways ways = {0};
  for (int i = CONV2D_X; i <= CONV2D_Y; i++) problem->op->shape(problem, i, &operand[i]);
  enum why_reason reason = describe(handle, problem, operand, &graph, why);
  if (!reason) reason = propose(handle, &graph, problem->type, most_bytes, MOST_PLANS, &ways, why);
  for (int i = 0; i < ways.count; i++)
    if ((uint64_t)ways.way[i].workspace_bytes > *workspace_bytes)
      *workspace_bytes = (uint64_t)ways.way[i].workspace_bytes;
  clear_ways(&ways);
  clear_graph(&graph);
  return reason;
}

// ---- running and trials ------------------------------------------------------------------------

// The pack serves every plan of the graph, and as many launches as have the same pointers.
static cudnnStatus_t pack(const struct why_call *call, struct plan *plan) {
  const int64_t ids[] = {CONV2D_X, CONV2D_WEIGHT, CONV2D_Y};
  void *data[3];
  for (int i = CONV2D_X; i <= CONV2D_Y; i++) data[i] = call->operand[i].data;
  if (plan->pack && !memcmp(data, plan->data, sizeof data) && plan->workspace == call->workspace)
    return CUDNN_STATUS_SUCCESS;
  destroy(&plan->pack);
  memset(plan->data, 0, sizeof plan->data); // so that a failure is not taken for a pack
  const struct attribute attributes[] = {
      {CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, 3, ids},
      {CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3, data},
      {CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &call->workspace},
  };
  cudnnStatus_t status = MAKE(VARIANT_PACK, attributes, &plan->pack);
  if (status) return status;
  memcpy(plan->data, data, sizeof data);
  plan->workspace = call->workspace;
  return CUDNN_STATUS_SUCCESS;
}

static int execute(const struct why_call *call, const void *way) {
  const struct plan *plan = call->plan;
  return cudnnBackendExecute(call->state, ((const struct way *)way)->execution, plan->pack);
}

static enum why_reason conv2d_run(struct why_call *call) {
  struct plan *plan = call->plan;
  cudnnStatus_t status = pack(call, plan);
  if (!status) status = (cudnnStatus_t)execute(call, &plan->way);
  if (status) return cudnn_refuse(call->why, status);
  call->why->note = plan->note;
  return WHY_OK;
}

static enum why_reason fill_inputs(const struct why_call *call) {
  struct trial_rows input[2];
  for (int i = CONV2D_X; i <= CONV2D_WEIGHT; i++) { // packed: a row is all of it
    const struct why_tensor *t = &call->operand[i];
    const size_t element = t->type == WHY_F32 ? 4 : 2;
    const size_t bytes = (size_t)(t->dim[0] * t->stride[0]) * element;
    input[i] = (struct trial_rows){t->data, bytes, bytes, 1};
  }
  return trial_fill(call, input, 2);
}

// Moves the fastest way into the plan; the first that runs where there is no clock.
static enum why_reason choose(const struct why_call *call, struct plan *plan, struct ways *ways) {
  double best = INFINITY;
  int chosen = -1, ran = 0;
  enum why_reason reason = WHY_OK;
  for (int i = 0; i < ways->count && !(call->untimed && ran); i++) {
    double seconds;
    int status;
    enum why_reason failed = trial_time(call, execute, &ways->way[i], best, &seconds, &status);
    if (failed) return failed;
    if (status) {
      reason = cudnn_refuse(call->why, (cudnnStatus_t)status);
      continue;
    }
    ran++;
    if (chosen >= 0 && !(seconds < best)) continue;
    chosen = i;
    best = seconds;
  }
  if (chosen < 0) return reason;
  plan->way = ways->way[chosen];
  ways->way[chosen] = (struct way){0};
  snprintf(plan->note, sizeof plan->note, "engine %lld, the %s of %d plans",
           (long long)plan->way.engine, isnan(best) ? "first" : "fastest", ran);
  return cudnn_fail(call->why, WHY_OK, NULL);
}

static void conv2d_release(struct why_call *call) {
  struct plan *plan = call->plan;
  destroy(&plan->pack);
  clear_way(&plan->way);
  clear_graph(&plan->graph);
  free(plan);
  call->plan = NULL;
}

static enum why_reason conv2d_prepare(struct why_call *call) {
  struct ways ways = {0};
  struct plan *plan = calloc(1, sizeof *plan);
  call->plan = plan;
  if (!plan) return cudnn_fail(call->why, WHY_ALLOC_FAILED, "host memory for the plan");
  enum why_reason reason = call->device->bind(call->device);
  if (reason) cudnn_fail(call->why, reason, call->device->error(call->device));
  if (!reason)
    reason = describe(call->state, call->problem, call->operand, &plan->graph, call->why);
  if (!reason)
    reason = propose(call->state, &plan->graph, call->problem->type, call->workspace_bytes,
                     call->untimed ? UNTIMED_PLANS : MOST_PLANS, &ways, call->why);
  if (!reason) reason = cudnn_refuse(call->why, pack(call, plan));
  if (!reason) reason = fill_inputs(call);
  if (!reason) reason = choose(call, plan, &ways);
  clear_ways(&ways);
  if (reason) conv2d_release(call);
  return reason;
}

extern const struct why_code cudnn_conv2d_graph;
const struct why_code cudnn_conv2d_graph = {conv2d_run, conv2d_prepare, conv2d_release};
