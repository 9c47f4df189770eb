// From a design to what a job launches: the reorders of what is not stored as the primitive wants
// it, the primitive between them, and where each finds its operands. The workspace holds the
// reordered operands and the scratchpad, one after the other, so that every byte is counted; what
// oneDNN's matrix product packs for itself is not in it, as it is not with any BLAS.
#include "onednn.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char no_reorder[] = "oneDNN has no reorder to the layout that it wants";
enum { ALIGNED = 64, MOST_STEPS = 5, MOST_ARGUMENTS = 4 };

struct step {
  dnnl_primitive_t primitive;
  int arguments;
  dnnl_exec_arg_t argument[MOST_ARGUMENTS];
};

struct onednn_plan {
  dnnl_stream_t stream;
  int operands, once;          // as in the design
  void *data[ONEDNN_OPERANDS]; // that the memories point at now
  int first, steps;            // the steps before `first` are those done once
  struct step step[MOST_STEPS];
  dnnl_memory_t given[ONEDNN_OPERANDS], wanted[ONEDNN_OPERANDS]; // wanted: NULL as given
  dnnl_memory_t between, space;
  char note[160];
};

// What a design needs besides: sizes and places in the workspace.
struct layout {
  const dnnl_memory_desc_t *wanted[ONEDNN_OPERANDS];
  dnnl_primitive_desc_t move[ONEDNN_OPERANDS]; // NULL: it is stored as wanted
  uint64_t at[ONEDNN_OPERANDS];
  dnnl_memory_desc_t between;       // on the way of the operand that is reordered once
  dnnl_primitive_desc_t to_between; // NULL: it gets there in one step
  uint64_t between_at, space_at, space_bytes, bytes;
};

// ---- descriptions ------------------------------------------------------------------------------

enum why_reason onednn_fail(struct why_verdict *why, enum why_reason reason, const char *note) {
  *why = (struct why_verdict){.reason = reason, .note = note, .cause = ""};
  return reason;
}

enum why_reason onednn_check(struct why_verdict *why, dnnl_status_t status, const char *lacking) {
  switch (status) {
  case dnnl_success:
    return WHY_OK;
  case dnnl_out_of_memory:
    return onednn_fail(why, WHY_ALLOC_FAILED, "oneDNN is out of memory");
  case dnnl_unimplemented:
  case dnnl_invalid_arguments:
    return onednn_fail(why, WHY_LIBRARY, lacking);
  default:
    return onednn_fail(why, WHY_CALL_FAILED, "a call of oneDNN failed");
  }
}

dnnl_data_type_t onednn_type(enum why_type type) {
  static const dnnl_data_type_t types[] = {
      [WHY_F32] = dnnl_f32, [WHY_F16] = dnnl_f16, [WHY_BF16] = dnnl_bf16};
  return types[type];
}

dnnl_status_t onednn_matrix(const struct why_tensor *t, dnnl_memory_desc_t *out) {
  const dnnl_dims_t dims = {t->dim[0], t->dim[1]}, strides = {t->stride[0], t->stride[1]};
  return dnnl_memory_desc_init_by_strides(out, 2, dims, onednn_type(t->type), strides);
}

const char *onednn_implementation(dnnl_primitive_desc_t primitive) {
  const char *name = "";
  (void)dnnl_primitive_desc_query(primitive, dnnl_query_impl_info_str, 0, (void *)&name);
  return name;
}

enum why_reason onednn_primitive(dnnl_engine_t engine, const_dnnl_op_desc_t described,
                                 dnnl_primitive_attr_t attributes, const char *lacking,
                                 dnnl_primitive_desc_t *out, struct why_verdict *why) {
  dnnl_primitive_attr_t own = NULL;
  dnnl_status_t status = attributes ? dnnl_success : dnnl_primitive_attr_create(&own);
  if (own) attributes = own;
  if (!status)
    status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  *out = NULL;
  if (!status) status = dnnl_primitive_desc_create(out, described, attributes, engine, NULL);
  dnnl_primitive_attr_destroy(own);
  if (!status && strncmp(onednn_implementation(*out), "ref", 3) != 0) return WHY_OK;
  dnnl_primitive_desc_destroy(*out);
  *out = NULL;
  return onednn_check(why, status ? status : dnnl_unimplemented, lacking);
}

static const dnnl_memory_desc_t *wanted(const struct onednn_design *design, int operand) {
  static const struct {
    int argument;
    dnnl_query_t query;
  } queries[] = {{DNNL_ARG_SRC, dnnl_query_src_md},
                 {DNNL_ARG_WEIGHTS, dnnl_query_weights_md},
                 {DNNL_ARG_DST, dnnl_query_dst_md}};
  int i = 0;
  while (queries[i].argument != design->argument[operand]) i++;
  return dnnl_primitive_desc_query_md(design->primitive, queries[i].query, 0);
}

// ---- the workspace -----------------------------------------------------------------------------

static dnnl_status_t reorder(dnnl_engine_t engine, const dnnl_memory_desc_t *from,
                             const dnnl_memory_desc_t *to, dnnl_primitive_desc_t *out) {
  dnnl_primitive_attr_t attributes;
  dnnl_status_t status = dnnl_primitive_attr_create(&attributes);
  if (status) return status;
  status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (!status)
    status = dnnl_reorder_primitive_desc_create(out, from, engine, to, engine, attributes);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

static void drop_layout(struct layout *l) {
  dnnl_primitive_desc_destroy(l->to_between);
  for (int i = 0; i < ONEDNN_OPERANDS; i++) dnnl_primitive_desc_destroy(l->move[i]);
}

// A place of its own in the workspace.
static uint64_t take(struct layout *l, uint64_t bytes) {
  const uint64_t at = l->bytes;
  l->bytes += (bytes + ALIGNED - 1) / ALIGNED * ALIGNED;
  return at;
}

// Steps run one after the other, so that one scratchpad, the largest, serves all.
static void share(struct layout *l, dnnl_primitive_desc_t primitive) {
  const uint64_t bytes = dnnl_memory_desc_get_size(
      dnnl_primitive_desc_query_md(primitive, dnnl_query_scratchpad_md, 0));
  if (bytes > l->space_bytes) l->space_bytes = bytes;
}

// Weights get to some layouts (Winograd's) only from the plain one, in the order of the dims.
static dnnl_status_t move_in(dnnl_engine_t engine, const dnnl_memory_desc_t *given, bool once,
                             int operand, struct layout *l) {
  dnnl_status_t status = reorder(engine, given, l->wanted[operand], &l->move[operand]);
  if (status != dnnl_unimplemented || !once) return status;
  status = dnnl_memory_desc_init_by_strides(&l->between, given->ndims, given->dims,
                                            given->data_type, NULL);
  if (!status) status = reorder(engine, given, &l->between, &l->to_between);
  if (!status) status = reorder(engine, &l->between, l->wanted[operand], &l->move[operand]);
  if (status) return status;
  l->between_at = take(l, dnnl_memory_desc_get_size(&l->between));
  share(l, l->to_between);
  return dnnl_success;
}

static dnnl_status_t lay_out(dnnl_engine_t engine, const struct onednn_design *design,
                             struct layout *out) {
  *out = (struct layout){0};
  share(out, design->primitive);
  for (int i = 0; i < design->operands; i++) {
    const dnnl_memory_desc_t *given = &design->given[i];
    out->wanted[i] = wanted(design, i);
    if (dnnl_memory_desc_equal(given, out->wanted[i])) continue;
    dnnl_status_t status = design->outputs >> i & 1
                               ? reorder(engine, out->wanted[i], given, &out->move[i])
                               : move_in(engine, given, i == design->once, i, out);
    if (status) return status;
    out->at[i] = take(out, dnnl_memory_desc_get_size(out->wanted[i]));
    share(out, out->move[i]);
  }
  out->space_at = take(out, out->space_bytes);
  return dnnl_success;
}

enum why_reason onednn_workspace(dnnl_engine_t engine, onednn_describe *describe,
                                 const struct why_problem *problem, int threads, uint64_t *bytes,
                                 struct why_verdict *why) {
  struct why_tensor operand[WHY_OPERANDS];
  struct onednn_design design;
  struct layout layout;
  for (int i = 0; i < problem->op->operands; i++) problem->op->shape(problem, i, &operand[i]);
  onednn_threads(threads);
  enum why_reason reason = describe(engine, problem, operand, &design, why);
  if (reason) return reason;
  reason = onednn_check(why, lay_out(engine, &design, &layout), no_reorder);
  *bytes = layout.bytes;
  drop_layout(&layout);
  dnnl_primitive_desc_destroy(design.primitive);
  return reason;
}

// ---- steps -------------------------------------------------------------------------------------

static struct step *add_step(struct onednn_plan *plan) {
  return &plan->step[plan->steps++];
}

static void add_argument(struct step *step, int argument, dnnl_memory_t memory) {
  step->argument[step->arguments++] = (dnnl_exec_arg_t){argument, memory};
}

static dnnl_status_t add_reorder(struct onednn_plan *plan, dnnl_primitive_desc_t described,
                                 dnnl_memory_t from, dnnl_memory_t to) {
  struct step *step = add_step(plan);
  add_argument(step, DNNL_ARG_FROM, from);
  add_argument(step, DNNL_ARG_TO, to);
  add_argument(step, DNNL_ARG_SCRATCHPAD, plan->space);
  return dnnl_primitive_create(&step->primitive, described);
}

static dnnl_status_t add_primitive(struct onednn_plan *plan, const struct onednn_design *design) {
  struct step *step = add_step(plan);
  for (int i = 0; i < design->operands; i++)
    add_argument(step, design->argument[i], plan->wanted[i] ? plan->wanted[i] : plan->given[i]);
  add_argument(step, DNNL_ARG_SCRATCHPAD, plan->space);
  return dnnl_primitive_create(&step->primitive, design->primitive);
}

static dnnl_status_t make_memories(dnnl_engine_t engine, const struct onednn_design *design,
                                   const struct layout *layout, char *workspace,
                                   struct onednn_plan *plan) {
  dnnl_memory_desc_t space;
  const dnnl_dims_t bytes = {(dnnl_dim_t)layout->space_bytes};
  dnnl_status_t status = dnnl_memory_desc_init_by_tag(&space, 1, bytes, dnnl_u8, dnnl_a);
  if (!status)
    status = dnnl_memory_create(&plan->space, &space, engine,
                                layout->space_bytes ? workspace + layout->space_at : NULL);
  if (!status && layout->to_between)
    status = dnnl_memory_create(&plan->between, &layout->between, engine,
                                workspace + layout->between_at);
  for (int i = 0; i < design->operands && !status; i++) {
    status = dnnl_memory_create(&plan->given[i], &design->given[i], engine, NULL);
    if (!status && layout->move[i])
      status = dnnl_memory_create(&plan->wanted[i], layout->wanted[i], engine,
                                  workspace + layout->at[i]);
  }
  return status;
}

// What is done once; then, for each launch, inputs, the primitive and outputs.
static dnnl_status_t make_steps(const struct onednn_design *design, const struct layout *layout,
                                struct onednn_plan *plan) {
  const int once = design->once;
  dnnl_status_t status = dnnl_success;
  if (once != ONEDNN_NONE && layout->move[once]) {
    dnnl_memory_t from = layout->to_between ? plan->between : plan->given[once];
    if (layout->to_between)
      status = add_reorder(plan, layout->to_between, plan->given[once], plan->between);
    if (!status) status = add_reorder(plan, layout->move[once], from, plan->wanted[once]);
  }
  plan->first = plan->steps;
  for (int i = 0; i < design->operands && !status; i++)
    if (layout->move[i] && i != once && !(design->outputs >> i & 1))
      status = add_reorder(plan, layout->move[i], plan->given[i], plan->wanted[i]);
  if (!status) status = add_primitive(plan, design);
  for (int i = 0; i < design->operands && !status; i++)
    if (layout->move[i] && design->outputs >> i & 1)
      status = add_reorder(plan, layout->move[i], plan->wanted[i], plan->given[i]);
  return status;
}

// "brgconv:avx512_core; w reordered before, x and y inside"
static void write_note(const struct why_problem *problem, const struct onednn_design *design,
                       const struct layout *layout, struct onednn_plan *plan) {
  const char *const *name = problem->op->operand, *before = "", *inside = "", *and = "", *also = "";
  for (int i = 0; i < design->operands; i++) {
    if (!layout->move[i]) continue;
    if (i == design->once)
      before = name[i];
    else if (!*inside)
      inside = name[i];
    else
      and = " and ", also = name[i];
  }
  snprintf(plan->note, sizeof plan->note, "%s%s%s%s%s%s%s%s%s",
           onednn_implementation(design->primitive), *before || *inside ? "; " : "", before,
           *before ? " reordered before" : "", *before && *inside ? ", " : "", inside, and, also,
           *inside ? (*before ? " inside" : " reordered inside") : "");
}

// ---- why_code ----------------------------------------------------------------------------------

static dnnl_status_t execute(const struct onednn_plan *plan, int first, int end) {
  dnnl_status_t status = dnnl_success;
  for (int i = first; i < end && !status; i++) {
    const struct step *step = &plan->step[i];
    status = dnnl_primitive_execute(step->primitive, plan->stream, step->arguments, step->argument);
  }
  return status;
}

// Points the plan at the operands; what is reordered once is reordered again for another one.
static dnnl_status_t point(struct onednn_plan *plan, const struct why_tensor *operand) {
  dnnl_status_t status = dnnl_success;
  for (int i = 0; i < plan->operands && !status; i++) {
    if (plan->data[i] == operand[i].data) continue;
    status = dnnl_memory_set_data_handle(plan->given[i], operand[i].data);
    if (!status && i == plan->once) status = execute(plan, 0, plan->first);
    if (!status) plan->data[i] = operand[i].data;
  }
  return status;
}

enum why_reason onednn_run(struct why_call *call) {
  struct onednn_plan *plan = call->plan;
  onednn_threads(call->threads);
  dnnl_status_t status = point(plan, call->operand);
  if (!status) status = execute(plan, plan->first, plan->steps);
  if (!status) status = dnnl_stream_wait(plan->stream);
  if (status) return onednn_check(call->why, status, no_reorder);
  call->why->note = plan->note;
  return WHY_OK;
}

static enum why_reason build(struct why_call *call, const struct onednn_design *design,
                             struct onednn_plan *plan) {
  struct layout layout;
  dnnl_status_t status = lay_out(call->state, design, &layout);
  enum why_reason reason = onednn_check(call->why, status, no_reorder);
  if (!reason && layout.bytes > call->workspace_bytes) {
    reason = onednn_fail(call->why, WHY_WORKSPACE, "oneDNN wants more for so many threads");
    call->why->need = (double)layout.bytes;
    call->why->have = (double)call->workspace_bytes;
  }
  plan->operands = design->operands;
  plan->once = design->once;
  if (!reason) {
    status = dnnl_stream_create(&plan->stream, call->state, dnnl_stream_default_flags);
    if (!status) status = make_memories(call->state, design, &layout, call->workspace, plan);
    if (!status) status = make_steps(design, &layout, plan);
    if (!status) status = point(plan, call->operand);
    reason = onednn_check(call->why, status, no_reorder);
    write_note(call->problem, design, &layout, plan);
  }
  drop_layout(&layout);
  return reason;
}

enum why_reason onednn_prepare(struct why_call *call, onednn_describe *describe) {
  struct onednn_design design;
  struct onednn_plan *plan = calloc(1, sizeof *plan);
  if (!plan) return onednn_fail(call->why, WHY_ALLOC_FAILED, "host memory for the plan");
  call->plan = plan;
  onednn_threads(call->threads);
  enum why_reason reason = describe(call->state, call->problem, call->operand, &design, call->why);
  if (!reason) {
    reason = build(call, &design, plan);
    dnnl_primitive_desc_destroy(design.primitive);
  }
  if (reason) onednn_release(call);
  return reason;
}

void onednn_release(struct why_call *call) {
  struct onednn_plan *plan = call->plan;
  if (!plan) return;
  if (call->why->note == plan->note) call->why->note = "";
  for (int i = 0; i < MOST_STEPS; i++) dnnl_primitive_destroy(plan->step[i].primitive);
  for (int i = 0; i < ONEDNN_OPERANDS; i++) {
    dnnl_memory_destroy(plan->given[i]);
    dnnl_memory_destroy(plan->wanted[i]);
  }
  dnnl_memory_destroy(plan->between);
  dnnl_memory_destroy(plan->space);
  dnnl_stream_destroy(plan->stream);
  free(plan);
  call->plan = NULL;
}
