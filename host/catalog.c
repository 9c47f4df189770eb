// The catalog as tables, with the few needs that data cannot say.
#include "machine.h"
#include "ops/im2col.h"
#include "ops/ops.h"
#include <assert.h>
#include <stdbool.h>
#include <string.h>

// ---- needs that take code ----------------------------------------------------------------------

// 16-bit operands, converted to f32 and packed row-major one after the other: a, b, and c unless it
// is f32 already.
static uint64_t gemm_converted(const struct why_problem *p, const struct why_facts *facts) {
  (void)facts;
  if (p->type != WHY_F16 && p->type != WHY_BF16) return 0;
  uint64_t m = (uint64_t)p->value[GEMM_M], n = (uint64_t)p->value[GEMM_N];
  uint64_t k = (uint64_t)p->value[GEMM_K];
  bool wide_c = p->value[GEMM_OUT] == GEMM_OUT_F32;
  uint64_t elements = m * k + k * n + (wide_c ? 0 : m * n); // their 16-bit bytes fit 63 bits
  return elements > UINT64_MAX / sizeof(float) ? UINT64_MAX : sizeof(float) * elements;
}

// 16-bit filters in f32, and a slice for each core's tile of windows.
static uint64_t conv2d_im2col(const struct why_problem *p, const struct why_facts *facts) {
  struct conv2d_view g = conv2d_view(p);
  struct im2col tile = im2col(&g, p->type);
  uint64_t cores = facts->multiprocessors > 0 ? (uint64_t)facts->multiprocessors : 1;
  uint64_t slices = cores * tile.slice_bytes;
  return tile.filter_bytes > UINT64_MAX - slices ? UINT64_MAX : tile.filter_bytes + slices;
}

// It sums over all elements of a filter, counted in 32 bits.
static enum why_reason conv2d_short_sum(const struct why_problem *p, const struct why_facts *facts,
                                        struct why_verdict *why) {
  (void)facts;
  struct conv2d_view g = conv2d_view(p);
  why->need = (double)g.group_c * (double)g.r * (double)g.s;
  why->have = INT32_MAX;
  return why->need <= why->have ? WHY_OK : WHY_LIMIT;
}

static enum why_reason gemm_untransposed(const struct why_problem *p, const struct why_facts *facts,
                                         struct why_verdict *why) {
  (void)facts;
  if (!p->value[GEMM_TA] && !p->value[GEMM_TB]) return WHY_OK;
  why->note = "takes ta=0 tb=0 only";
  return WHY_FORM;
}

// The row as floats, and 1 KiB for the sums of the warps.
static enum why_reason softmax_row_in_shared(const struct why_problem *p,
                                             const struct why_facts *facts,
                                             struct why_verdict *why) {
  why->need = 4.0 * (double)p->value[SOFTMAX_COLS] + 1024;
  why->have = (double)facts->shared_bytes;
  return why->need <= why->have ? WHY_OK : WHY_SHARED_MEMORY;
}

// ---- the tables --------------------------------------------------------------------------------

enum { F64 = 1 << WHY_F64, F32 = 1 << WHY_F32, F16 = 1 << WHY_F16, BF16 = 1 << WHY_BF16 };

static const struct why_kernel kernels[] = {
#define KERNEL(op_, name_, backend_, device_, help_, ...)                                          \
  {.op = #op_,                                                                                     \
   .name = #name_,                                                                                 \
   .backend = #backend_,                                                                           \
   .device = #device_,                                                                             \
   .help = help_,                                                                                  \
   __VA_ARGS__},
#include "catalog.def"
};
enum { KERNELS = sizeof kernels / sizeof *kernels };
_Static_assert(sizeof kernels / sizeof *kernels <= (size_t)WHY_KERNELS, "raise WHY_KERNELS");
_Static_assert((size_t)WHY_SLOT_COUNT <= (size_t)WHY_SLOTS, "raise WHY_SLOTS");

// "host" devices are brought by the plain backend, the others by the backend of that name.
enum { WHY_SLOT_host = WHY_SLOT_plain };
static const struct why_place places[] = {
#define KERNEL(op_, name_, backend_, device_, ...) {WHY_SLOT_##backend_, WHY_SLOT_##device_},
#include "catalog.def"
};

enum {
  OPS = 0
#define OP(name) +1
#include "catalog.def"
};

#define OP(name) extern const struct why_op why_op_##name;
#include "catalog.def"
static const struct why_op *const ops[OPS] = {
#define OP(name) &why_op_##name,
#include "catalog.def"
};

int why_op_count(void) {
  return OPS;
}
const struct why_op *why_op_at(int index) {
  return ops[index];
}
int why_kernel_count(void) {
  return KERNELS;
}
const struct why_kernel *why_kernel_at(int index) {
  return &kernels[index];
}
int why_kernel_on_host(const struct why_kernel *kernel) {
  return !strcmp(kernel->device, "host");
}
int why_kernel_place(const struct why_kernel *kernel) {
  return (int)(kernel - kernels);
}
const struct why_place *why_places(void) {
  return places;
}

const struct why_op *why_op_find(const char *name) {
  for (int i = 0; i < why_op_count(); i++)
    if (!strcmp(ops[i]->name, name)) return ops[i];
  return NULL;
}

int why_kernel_find(const char *op, const char *backend, const char *name) {
  for (int i = 0; i < KERNELS; i++)
    if (!strcmp(kernels[i].op, op) && !strcmp(kernels[i].backend, backend) &&
        !strcmp(kernels[i].name, name))
      return i;
  return -1;
}
