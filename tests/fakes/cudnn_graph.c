// The graph part of the fake libcudnn: backend descriptors for one forward convolution, the engines
// that compute it, and the convolution itself. See cudnn.c.
#include "cudnn_inside.h"
#include "emulation.h"
#include <cudnn_graph.h>
#include <stdlib.h>
#include <string.h>

// ---- engines -----------------------------------------------------------------------------------

#define NOTE(name) (1u << CUDNN_NUMERICAL_NOTE_##name)
static const struct {
  cudnnBackendHeurMode_t mode; // that proposes it
  int64_t workspace_bytes;
  unsigned notes;
} engines[ENGINES] = {
    [ENGINE_UNFINALISED] = {CUDNN_HEUR_MODE_A, 0, 0},
    [ENGINE_FAILS_AT_RUN] = {CUDNN_HEUR_MODE_A, 4096, 0},
    [ENGINE_TENSOR_CORE] = {CUDNN_HEUR_MODE_A, 0, NOTE(TENSOR_CORE) | NOTE(NONDETERMINISTIC)},
    [ENGINE_DOWN_CONVERTS] = {CUDNN_HEUR_MODE_A, 0, NOTE(FFT) | NOTE(DOWN_CONVERT_INPUTS)},
    [ENGINE_REDUCED] = {CUDNN_HEUR_MODE_A, 0, NOTE(REDUCED_PRECISION_REDUCTION)},
    [ENGINE_WORKSPACE] = {CUDNN_HEUR_MODE_A, 65536, NOTE(WINOGRAD) | NOTE(WINOGRAD_TILE_4x4)},
    [ENGINE_GREEDY] = {CUDNN_HEUR_MODE_A, 64 << 20, 0},
    [ENGINE_PLAIN] = {CUDNN_HEUR_MODE_FALLBACK, 0, 0},
};

// ---- backend descriptors -----------------------------------------------------------------------

struct convolution {
  int compute, mode;
  int64_t rank, dilation[2], step[2], before[2], after[2];
};
struct operation { // what an execution plan holds, copied at each step on the way to it
  float alpha, beta;
  struct convolution convolution;
  struct tensor x, w, y;
};
struct descriptor {
  uint32_t magic;
  cudnnBackendDescriptorType_t type;
  bool finalised;
  uint64_t set; // bit: row of the table of attributes
  int engine;
  cudnnHandle_t handle;
  struct descriptor *other[4]; // that it refers to
  struct tensor tensor;
  struct convolution convolution;
  struct operation operation;
  int mode; // of heuristics
  int64_t ids[3];
  void *data[3], *workspace;
};

enum { DESCRIPTOR = 0x6475a002 };
#define AT(field) offsetof(struct descriptor, field)
#define D(name) CUDNN_BACKEND_##name##_DESCRIPTOR
#define REFERENCE CUDNN_TYPE_BACKEND_DESCRIPTOR
static const struct attribute { // that can be set; all of them have to be
  cudnnBackendDescriptorType_t descriptor;
  cudnnBackendAttributeName_t name;
  cudnnBackendAttributeType_t type;
  int64_t count;
  size_t at, bytes;
  cudnnBackendDescriptorType_t refers_to;
} attributes[] = {
    // clang-format off
    {D(TENSOR), CUDNN_ATTR_TENSOR_DATA_TYPE,      CUDNN_TYPE_DATA_TYPE, 1, AT(tensor.type),      sizeof(int), 0},
    {D(TENSOR), CUDNN_ATTR_TENSOR_DIMENSIONS,     CUDNN_TYPE_INT64,     4, AT(tensor.dim),       32, 0},
    {D(TENSOR), CUDNN_ATTR_TENSOR_STRIDES,        CUDNN_TYPE_INT64,     4, AT(tensor.stride),    32, 0},
    {D(TENSOR), CUDNN_ATTR_TENSOR_UNIQUE_ID,      CUDNN_TYPE_INT64,     1, AT(tensor.id),        8,  0},
    {D(TENSOR), CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64,     1, AT(tensor.alignment), 8,  0},
    {D(CONVOLUTION), CUDNN_ATTR_CONVOLUTION_COMP_TYPE,      CUDNN_TYPE_DATA_TYPE,        1, AT(convolution.compute),  sizeof(int), 0},
    {D(CONVOLUTION), CUDNN_ATTR_CONVOLUTION_CONV_MODE,      CUDNN_TYPE_CONVOLUTION_MODE, 1, AT(convolution.mode),     sizeof(int), 0},
    {D(CONVOLUTION), CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS,   CUDNN_TYPE_INT64,            1, AT(convolution.rank),     8,  0},
    {D(CONVOLUTION), CUDNN_ATTR_CONVOLUTION_DILATIONS,      CUDNN_TYPE_INT64,            2, AT(convolution.dilation), 16, 0},
    {D(CONVOLUTION), CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64,            2, AT(convolution.step),     16, 0},
    {D(CONVOLUTION), CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS,   CUDNN_TYPE_INT64,            2, AT(convolution.before),   16, 0},
    {D(CONVOLUTION), CUDNN_ATTR_CONVOLUTION_POST_PADDINGS,  CUDNN_TYPE_INT64,            2, AT(convolution.after),    16, 0},
    {D(OPERATION_CONVOLUTION_FORWARD), CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,     CUDNN_TYPE_FLOAT, 1, AT(operation.alpha), 4, 0},
    {D(OPERATION_CONVOLUTION_FORWARD), CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,      CUDNN_TYPE_FLOAT, 1, AT(operation.beta),  4, 0},
    {D(OPERATION_CONVOLUTION_FORWARD), CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, REFERENCE,        1, AT(other[0]),        8, D(CONVOLUTION)},
    {D(OPERATION_CONVOLUTION_FORWARD), CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,         REFERENCE,        1, AT(other[1]),        8, D(TENSOR)},
    {D(OPERATION_CONVOLUTION_FORWARD), CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,         REFERENCE,        1, AT(other[2]),        8, D(TENSOR)},
    {D(OPERATION_CONVOLUTION_FORWARD), CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,         REFERENCE,        1, AT(other[3]),        8, D(TENSOR)},
    {D(OPERATIONGRAPH), CUDNN_ATTR_OPERATIONGRAPH_HANDLE,         CUDNN_TYPE_HANDLE,    1, AT(handle),    8, 0},
    {D(OPERATIONGRAPH), CUDNN_ATTR_OPERATIONGRAPH_OPS,            REFERENCE,            1, AT(other[0]),  8, D(OPERATION_CONVOLUTION_FORWARD)},
    {D(ENGINEHEUR), CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,        REFERENCE,            1, AT(other[0]),  8, D(OPERATIONGRAPH)},
    {D(ENGINEHEUR), CUDNN_ATTR_ENGINEHEUR_MODE,                   CUDNN_TYPE_HEUR_MODE, 1, AT(mode),      sizeof(int), 0},
    {D(EXECUTION_PLAN), CUDNN_ATTR_EXECUTION_PLAN_HANDLE,         CUDNN_TYPE_HANDLE,    1, AT(handle),    8, 0},
    {D(EXECUTION_PLAN), CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,  REFERENCE,            1, AT(other[0]),  8, D(ENGINECFG)},
    {D(VARIANT_PACK), CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,         CUDNN_TYPE_INT64,     3, AT(ids),       24, 0},
    {D(VARIANT_PACK), CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,      CUDNN_TYPE_VOID_PTR,  3, AT(data),      24, 0},
    {D(VARIANT_PACK), CUDNN_ATTR_VARIANT_PACK_WORKSPACE,          CUDNN_TYPE_VOID_PTR,  1, AT(workspace), 8, 0},
    // clang-format on
};
enum { ATTRIBUTES = sizeof attributes / sizeof *attributes };

static bool is_descriptor(const struct descriptor *d) {
  return d && d->magic == DESCRIPTOR;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t *out) {
  if (fake_cudnn_fails()) return fake_cudnn.fail_with;
  bool known = type == D(ENGINE) || type == D(ENGINECFG); // filled by the library
  for (int i = 0; i < ATTRIBUTES; i++) known |= attributes[i].descriptor == type;
  if (!known) return fake_cudnn_misuse("descriptor type %d is not modelled", type);
  struct descriptor *d = calloc(1, sizeof *d);
  if (!d) return CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
  d->magic = DESCRIPTOR;
  d->type = type;
  fake_cudnn_objects++;
  *out = d;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  struct descriptor *d = descriptor;
  fake_cudnn.last_error[0] = 0;
  if (!is_descriptor(d)) return fake_cudnn_misuse("destroys what is no descriptor");
  d->magic = 0;
  free(d);
  fake_cudnn_objects--;
  return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t refer(const struct attribute *a, const void *value) {
  const struct descriptor *to = *(const struct descriptor *const *)value;
  if (!is_descriptor(to)) return fake_cudnn_misuse("attribute %d refers to no descriptor", a->name);
  if (to->type != a->refers_to)
    return fake_cudnn_misuse("attribute %d refers to a descriptor of type %d", a->name, to->type);
  if (!to->finalised)
    return fake_cudnn_misuse("attribute %d refers to what is not finalised", a->name);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count,
                                       const void *value) {
  if (fake_cudnn_fails()) return fake_cudnn.fail_with;
  struct descriptor *d = descriptor;
  if (!is_descriptor(d)) return fake_cudnn_misuse("attribute %d of no descriptor", name);
  if (d->finalised) return fake_cudnn_misuse("attribute %d of what is finalised", name);
  for (int i = 0; i < ATTRIBUTES; i++) {
    const struct attribute *a = &attributes[i];
    if (a->descriptor != d->type || a->name != name) continue;
    if (a->type != type || a->count != count || !value)
      return fake_cudnn_misuse("attribute %d: %lld values of type %d", name, (long long)count,
                               type);
    if (type == REFERENCE && refer(a, value)) return CUDNN_STATUS_BAD_PARAM;
    if (type == CUDNN_TYPE_HANDLE && !fake_cudnn_is_handle(*(const cudnnHandle_t *)value))
      return fake_cudnn_misuse("attribute %d is no handle", name);
    memcpy((char *)d + a->at, value, a->bytes);
    d->set |= 1ull << i;
    return CUDNN_STATUS_SUCCESS;
  }
  return fake_cudnn_misuse("attribute %d is not one of descriptor type %d", name, d->type);
}

// In the strides of n,c,h,w or of n,h,w,c, without gaps.
static bool packed(const struct tensor *t, const int *order) {
  int64_t stride = 1;
  for (int i = 3; i >= 0; i--) {
    if (t->stride[order[i]] != stride) return false;
    stride *= t->dim[order[i]];
  }
  return true;
}

static cudnnStatus_t check_tensor(const struct tensor *t) {
  static const int nchw[] = {0, 1, 2, 3}, nhwc[] = {0, 2, 3, 1};
  for (int i = 0; i < 4; i++)
    if (t->dim[i] < 1)
      return fake_cudnn_misuse("dim %d of a tensor is %lld", i, (long long)t->dim[i]);
  if (!fake_cudnn_is_type(t->type)) return fake_cudnn_misuse("tensor of type %d", t->type);
  if (!packed(t, nchw) && !packed(t, nhwc)) return fake_cudnn_misuse("tensor of neither layout");
  if (t->alignment < (int64_t)fake_cudnn_bytes(t->type) ||
      __builtin_popcountll((uint64_t)t->alignment) != 1)
    return fake_cudnn_misuse("tensor aligned to %lld bytes", (long long)t->alignment);
  return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t check_convolution(const struct convolution *c) {
  if (c->compute != CUDNN_DATA_FLOAT) return fake_cudnn_misuse("computes in type %d", c->compute);
  if (c->mode != CUDNN_CROSS_CORRELATION) return fake_cudnn_misuse("convolution mode %d", c->mode);
  if (c->rank != 2) return fake_cudnn_misuse("%lld spatial dims", (long long)c->rank);
  for (int i = 0; i < 2; i++)
    if (c->dilation[i] < 1 || c->step[i] < 1 || c->before[i] < 0 || c->after[i] < 0)
      return fake_cudnn_misuse("dilation %lld, stride %lld, padding %lld and %lld",
                               (long long)c->dilation[i], (long long)c->step[i],
                               (long long)c->before[i], (long long)c->after[i]);
  return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t check_operation(const struct operation *o) {
  const struct convolution *c = &o->convolution;
  const struct tensor *x = &o->x, *w = &o->w, *y = &o->y;
  if (o->alpha != 1 || o->beta != 0)
    return fake_cudnn_misuse("alpha %g, beta %g", o->alpha, o->beta);
  if (x->type != w->type || x->type != y->type)
    return fake_cudnn_misuse("types %d, %d and %d", x->type, w->type, y->type);
  if (x->id == w->id || x->id == y->id || w->id == y->id)
    return fake_cudnn_misuse("ids that are not unique");
  if (x->dim[1] % w->dim[1] || w->dim[0] % (x->dim[1] / w->dim[1]))
    return fake_cudnn_misuse("%lld channels and %lld filters of %lld", (long long)x->dim[1],
                             (long long)w->dim[0], (long long)w->dim[1]);
  bool fits = y->dim[0] == x->dim[0] && y->dim[1] == w->dim[0];
  for (int i = 0; i < 2; i++) {
    const int64_t filter = (w->dim[2 + i] - 1) * c->dilation[i] + 1;
    const int64_t size = c->before[i] + x->dim[2 + i] + c->after[i];
    fits = fits && size >= filter && y->dim[2 + i] == (size - filter) / c->step[i] + 1;
  }
  return fits ? CUDNN_STATUS_SUCCESS : fake_cudnn_misuse("y has not the dims of the convolution");
}

// What it takes over from those that it refers to, and what must be right of it.
static cudnnStatus_t complete(struct descriptor *d) {
  switch (d->type) {
  case D(TENSOR):
    return check_tensor(&d->tensor);
  case D(CONVOLUTION):
    return check_convolution(&d->convolution);
  case D(OPERATION_CONVOLUTION_FORWARD):
    d->operation.convolution = d->other[0]->convolution;
    d->operation.x = d->other[1]->tensor;
    d->operation.w = d->other[2]->tensor;
    d->operation.y = d->other[3]->tensor;
    return check_operation(&d->operation);
  case D(OPERATIONGRAPH):
    d->operation = d->other[0]->operation;
    return CUDNN_STATUS_SUCCESS;
  case D(ENGINEHEUR):
    d->operation = d->other[0]->operation;
    if (d->operation.x.type == fake_cudnn.refuse)
      return fake_cudnn_say(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "no engine for this type");
    return CUDNN_STATUS_SUCCESS;
  case D(EXECUTION_PLAN):
    d->operation = d->other[0]->operation;
    d->engine = d->other[0]->engine;
    if (d->engine == ENGINE_UNFINALISED)
      return fake_cudnn_say(CUDNN_STATUS_NOT_SUPPORTED, "this engine cannot");
    return CUDNN_STATUS_SUCCESS;
  case D(VARIANT_PACK):
    return CUDNN_STATUS_SUCCESS;
  default:
    return fake_cudnn_misuse("the library finalises descriptor type %d itself", d->type);
  }
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  if (fake_cudnn_fails()) return fake_cudnn.fail_with;
  struct descriptor *d = descriptor;
  if (!is_descriptor(d)) return fake_cudnn_misuse("finalises no descriptor");
  if (d->finalised) return fake_cudnn_misuse("descriptor type %d finalised twice", d->type);
  for (int i = 0; i < ATTRIBUTES; i++)
    if (attributes[i].descriptor == d->type && !(d->set >> i & 1))
      return fake_cudnn_misuse("attribute %d was not set", attributes[i].name);
  cudnnStatus_t status = complete(d);
  d->finalised = status == CUDNN_STATUS_SUCCESS;
  return status;
}

// ---- what the library tells --------------------------------------------------------------------

// An array of descriptors to fill, that the caller has made.
static cudnnStatus_t fillable(struct descriptor *const *array, int64_t n,
                              cudnnBackendDescriptorType_t type) {
  for (int64_t i = 0; i < n; i++)
    if (!is_descriptor(array[i]) || array[i]->type != type || array[i]->finalised)
      return fake_cudnn_misuse("result %lld is no new descriptor of type %d", (long long)i, type);
  return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t tell_configurations(const struct descriptor *d, int64_t most, int64_t *count,
                                         struct descriptor **out) {
  if (most && fillable(out, most, D(ENGINECFG))) return CUDNN_STATUS_BAD_PARAM;
  *count = 0;
  for (int n = 0; n < ENGINES * fake_cudnn.repeat; n++) {
    const int i = n / fake_cudnn.repeat;
    if (!(fake_cudnn.offer >> i & 1) || (int)engines[i].mode != d->mode) continue;
    if (*count < most) {
      out[*count]->operation = d->operation;
      out[*count]->engine = i;
      out[*count]->finalised = true;
    }
    if (!most || *count < most) ++*count;
  }
  return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t tell_notes(const struct descriptor *d, int64_t most, int64_t *count,
                                cudnnBackendNumericalNote_t *out) {
  *count = 0;
  for (int i = 0; i < CUDNN_NUMERICAL_NOTE_TYPE_COUNT; i++)
    if (engines[d->engine].notes >> i & 1 && *count < most)
      out[(*count)++] = (cudnnBackendNumericalNote_t)i;
  return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t tell_engine(const struct descriptor *d, struct descriptor **out) {
  if (fillable(out, 1, D(ENGINE))) return CUDNN_STATUS_BAD_PARAM;
  (*out)->engine = d->engine;
  (*out)->finalised = true;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t most,
                                       int64_t *count, void *out) {
  if (fake_cudnn_fails()) return fake_cudnn.fail_with;
  const struct descriptor *d = descriptor;
  if (!is_descriptor(d) || !d->finalised) return fake_cudnn_misuse("asks what is not finalised");
  if (!count || (most && !out))
    return fake_cudnn_misuse("nowhere to put %lld values", (long long)most);
  if (d->type == D(ENGINEHEUR) && name == CUDNN_ATTR_ENGINEHEUR_RESULTS && type == REFERENCE)
    return tell_configurations(d, most, count, out);
  if (d->type == D(ENGINE) && name == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE &&
      type == CUDNN_TYPE_NUMERICAL_NOTE)
    return tell_notes(d, most, count, out);
  if (most != 1) return fake_cudnn_misuse("attribute %d has one value", name);
  *count = 1;
  if (d->type == D(ENGINECFG) && name == CUDNN_ATTR_ENGINECFG_ENGINE && type == REFERENCE)
    return tell_engine(d, out);
  if (d->type == D(ENGINE) && name == CUDNN_ATTR_ENGINE_GLOBAL_INDEX && type == CUDNN_TYPE_INT64)
    *(int64_t *)out = ENGINE_NUMBER + d->engine;
  else if (d->type == D(EXECUTION_PLAN) && name == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE &&
           type == CUDNN_TYPE_INT64)
    *(int64_t *)out = engines[d->engine].workspace_bytes;
  else
    return fake_cudnn_misuse("attribute %d of descriptor type %d is not modelled", name, d->type);
  return CUDNN_STATUS_SUCCESS;
}

// ---- convolution -------------------------------------------------------------------------------

struct launch {
  struct operation operation;
  const void *x, *w;
  void *y, *workspace;
  size_t workspace_bytes;
};

static double window(const struct launch *l, int64_t n, int64_t k, int64_t p, int64_t q) {
  const struct convolution *c = &l->operation.convolution;
  const struct tensor *x = &l->operation.x, *w = &l->operation.w;
  const int64_t filters = w->dim[0] / (x->dim[1] / w->dim[1]); // of a group
  double sum = 0;
  for (int64_t ch = 0; ch < w->dim[1]; ch++)
    for (int64_t r = 0; r < w->dim[2]; r++)
      for (int64_t s = 0; s < w->dim[3]; s++) {
        const int64_t h = p * c->step[0] - c->before[0] + r * c->dilation[0];
        const int64_t v = q * c->step[1] - c->before[1] + s * c->dilation[1];
        if (h < 0 || h >= x->dim[2] || v < 0 || v >= x->dim[3]) continue;
        const int64_t channel = k / filters * w->dim[1] + ch;
        sum += fake_cudnn_load(l->x, x->type,
                               n * x->stride[0] + channel * x->stride[1] + h * x->stride[2] +
                                   v * x->stride[3]) *
               fake_cudnn_load(l->w, w->type,
                               k * w->stride[0] + ch * w->stride[1] + r * w->stride[2] +
                                   s * w->stride[3]);
      }
  return sum;
}

// What a queue runs: the launch is its own.
static void convolve(void *argument) {
  const struct launch *l = argument;
  const struct tensor *y = &l->operation.y;
  if (l->workspace) memset(l->workspace, 0xff, l->workspace_bytes);
  for (int64_t n = 0; n < y->dim[0]; n++)
    for (int64_t k = 0; k < y->dim[1]; k++)
      for (int64_t p = 0; p < y->dim[2]; p++)
        for (int64_t q = 0; q < y->dim[3]; q++)
          fake_cudnn_store(l->y, y->type,
                           n * y->stride[0] + k * y->stride[1] + p * y->stride[2] +
                               q * y->stride[3],
                           window(l, n, k, p, q));
}

static void *data_of(const struct descriptor *pack, const struct tensor *t) {
  for (int i = 0; i < 3; i++)
    if (pack->ids[i] == t->id) return pack->data[i];
  return NULL;
}

static cudnnStatus_t check_data(const struct tensor *t, const void *data) {
  if (!data) return fake_cudnn_misuse("no data for tensor %lld", (long long)t->id);
  if ((uintptr_t)data % (uintptr_t)t->alignment)
    return fake_cudnn_misuse("tensor %lld is not aligned to the %lld bytes promised",
                             (long long)t->id, (long long)t->alignment);
  if (fake_cudnn_outside(data, fake_cudnn_span(t)))
    return fake_cudnn_misuse("tensor %lld reaches outside device memory", (long long)t->id);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t execution,
                                  cudnnBackendDescriptor_t variants) {
  if (fake_cudnn_fails()) return fake_cudnn.fail_with;
  const struct descriptor *plan = execution, *pack = variants;
  if (!fake_cudnn_is_handle(handle)) return fake_cudnn_misuse("no handle");
  if (!is_descriptor(plan) || plan->type != D(EXECUTION_PLAN) || !plan->finalised)
    return fake_cudnn_misuse("no execution plan");
  if (!is_descriptor(pack) || pack->type != D(VARIANT_PACK) || !pack->finalised)
    return fake_cudnn_misuse("no variant pack");
  if (plan->handle != handle) return fake_cudnn_misuse("the plan is another handle's");
  if (!handle->stream) return fake_cudnn_misuse("the default stream, which waits for every other");
  const struct operation *o = &plan->operation;
  void *x = data_of(pack, &o->x), *w = data_of(pack, &o->w), *y = data_of(pack, &o->y);
  if (check_data(&o->x, x) || check_data(&o->w, w) || check_data(&o->y, y))
    return CUDNN_STATUS_BAD_PARAM;
  const size_t wants = (size_t)engines[plan->engine].workspace_bytes;
  if (wants && (!pack->workspace || (uintptr_t)pack->workspace % 16))
    return fake_cudnn_misuse("no workspace, or one not aligned to 16 bytes");
  if (wants && fake_cudnn_outside(pack->workspace, wants))
    return fake_cudnn_misuse("the workspace reaches outside device memory");
  if (plan->engine == ENGINE_FAILS_AT_RUN)
    return fake_cudnn_say(CUDNN_STATUS_EXECUTION_FAILED, "this engine fails");

  struct launch *launch = malloc(sizeof *launch);
  if (!launch) return CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
  *launch = (struct launch){*o, x, w, y, wants ? pack->workspace : NULL, wants};
  if (!fake_enqueue(handle->stream, convolve, launch)) return CUDNN_STATUS_EXECUTION_FAILED;
  fake_cudnn.last = plan->engine;
  fake_cudnn.runs[plan->engine]++;
  fake_cudnn.clock += fake_cudnn.cost[plan->engine];
  return CUDNN_STATUS_SUCCESS;
}
