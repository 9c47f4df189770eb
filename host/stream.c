// A streamed plan at work. See stream.h.
//
// Each operand has one to three buffers on the device. For every part the host packs the slices
// that are new into pinned staging buffers, a few MiB at a time, and queues: the copies in, the
// work, and, when an output's slice is complete, the copies out, which it unpacks as they arrive.
// What must wait for what:
//   a copy into a buffer     for the work on the slice that was there
//   a part's work            for its copies in, and for the copy out of the slice that its output's
//                            buffer had before
//   a slice's copy out       for the work that completes it
//   packing, and unpacking   for the copy out of, and into, the staging buffer
// All else is ordered by the queues themselves. The copies are in stream_copy.c.
#include "stream_state.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- a part ------------------------------------------------------------------------------------

static enum why_reason prepare_variant(struct why_stream *s, const struct why_problem *problem,
                                       struct variant **out) {
  struct variant **grown =
      realloc(s->variant, (size_t)(s->variants + 1) * sizeof(struct variant *));
  if (!grown) return WHY_ALLOC_FAILED;
  s->variant = grown;
  struct variant *v = calloc(1, sizeof *v);
  if (!v) return WHY_ALLOC_FAILED;
  s->variant[s->variants++] = *out = v;
  v->problem = *problem;
  v->call = s->call;
  v->call.problem = &v->problem;
  v->call.operand = v->operand;
  v->call.threads = 1;               // of the kernel, which is a GPU's
  v->call.untimed = s->variants > 1; // the first is the one that most parts are
  for (int i = 0; i < problem->op->operands; i++) {
    problem->op->shape(problem, i, &v->operand[i]);
    v->operand[i].data = s->lane[i].buffer[0].data;
  }
  if (!s->code->prepare) return WHY_OK;
  enum why_reason r = s->code->prepare(&v->call);
  v->prepared = !r;
  return r;
}

static enum why_reason variant_of(struct why_stream *s, const struct why_problem *problem,
                                  struct variant **out) {
  for (int i = 0; i < s->variants; i++)
    if (why_problem_same(&s->variant[i]->problem, problem)) {
      *out = s->variant[i];
      return WHY_OK;
    }
  if (!s->code->prepare) return prepare_variant(s, problem, out);
  s->call.why->note = "the parts have more shapes than were prepared"; // a trial would write over
  return WHY_FORM;                                                     // what other parts left
}

// The next buffer for each operand whose slice is new.
static void take_buffers(struct why_stream *s, const struct why_walk *walk, struct variant *v) {
  for (int i = 0; i < s->problem->op->operands; i++) {
    struct lane *lane = &s->lane[i];
    if (why_walk_changes(walk, i) && lane->used) lane->now = (lane->now + 1) % lane->buffers;
    lane->used = true;
    v->operand[i].data = lane->buffer[lane->now].data;
  }
}

// The operands that are only read, into their buffers.
static enum why_reason bring_inputs(struct why_stream *s, const struct why_walk *walk,
                                    const struct variant *v, const struct why_tensor *slice,
                                    bool *copied) {
  struct piece piece[WHY_OPERANDS];
  int pieces = 0;
  int64_t user = -1; // the last part that works on what is overwritten
  for (int i = 0; i < s->problem->op->operands; i++) {
    if (!why_walk_changes(walk, i) || s->problem->op->role(s->problem, i) != WHY_IN) continue;
    const struct buffer *b = &s->lane[i].buffer[s->lane[i].now];
    if (b->user > user) user = b->user;
    piece[pieces++] = why_piece(&slice[i], &v->operand[i]);
  }
  if (!pieces) return WHY_OK;
  *copied = true;
  enum why_reason r = WHY_OK;
  if (user >= 0) r = after(s, WHY_COPY_IN, ring(WHY_MARK_WORK_END, user, WHY_PARTS_MARKED));
  return r ? r : why_stream_fill(s, piece, pieces);
}

// Room for the outputs, and their values where they are read too.
static enum why_reason bring_outputs(struct why_stream *s, const struct why_walk *walk,
                                     const struct variant *v, const struct why_tensor *slice,
                                     bool *copied) {
  enum why_reason r = WHY_OK;
  for (int i = 0; i < s->problem->op->operands && !r; i++) {
    enum why_role role = s->problem->op->role(s->problem, i);
    struct buffer *b = &s->lane[i].buffer[s->lane[i].now];
    if (!why_walk_changes(walk, i) || role == WHY_IN) continue;
    r = why_stream_after_emptied(s, role == WHY_INOUT ? WHY_COPY_IN : WHY_WORK, b);
    if (r || role == WHY_OUT) continue;
    struct piece piece = why_piece(&slice[i], &v->operand[i]);
    *copied = true;
    r = why_stream_fill(s, &piece, 1);
  }
  return r;
}

static enum why_reason bring_in(struct why_stream *s, const struct why_walk *walk,
                                struct variant *v, const struct why_tensor *slice) {
  bool copied = false;
  take_buffers(s, walk, v);
  enum why_reason r = bring_inputs(s, walk, v, slice, &copied);
  if (!r) r = bring_outputs(s, walk, v, slice, &copied);
  if (r || !copied) return r;
  r = mark(s, WHY_COPY_IN, WHY_MARK_FILLED);
  return r ? r : after(s, WHY_WORK, WHY_MARK_FILLED);
}

// The time of the part that had this ring's marks before: the copies of a part so far back have
// been waited for, and they came after its work.
static void add_work(struct why_stream *s, int64_t part) {
  s->times.work += between(s, ring(WHY_MARK_WORK_START, part, WHY_PARTS_MARKED),
                           ring(WHY_MARK_WORK_END, part, WHY_PARTS_MARKED));
}

static enum why_reason work(struct why_stream *s, struct variant *v) {
  if (s->part >= WHY_PARTS_MARKED) add_work(s, s->part - WHY_PARTS_MARKED);
  enum why_reason r = mark(s, WHY_WORK, ring(WHY_MARK_WORK_START, s->part, WHY_PARTS_MARKED));
  if (!r) r = s->code->run(&v->call);
  if (!r && *s->call.why->note) { // told when all went well; no word on a later failure
    s->note = s->call.why->note;
    s->call.why->note = "";
  }
  return r ? r : mark(s, WHY_WORK, ring(WHY_MARK_WORK_END, s->part, WHY_PARTS_MARKED));
}

// Outputs whose slice is complete are to be copied out.
static enum why_reason send_off(struct why_stream *s, const struct why_walk *walk,
                                const struct variant *v, const struct why_tensor *slice) {
  enum why_reason r = WHY_OK;
  for (int i = 0; i < s->problem->op->operands && !r; i++) {
    struct lane *lane = &s->lane[i];
    lane->buffer[lane->now].user = s->part;
    if (!(s->problem->op->role(s->problem, i) & WHY_OUT) || !why_walk_leaves(walk, i)) continue;
    struct piece piece = why_piece(&slice[i], &v->operand[i]);
    r = why_stream_send(s, &piece, &lane->buffer[lane->now]);
  }
  return r;
}

static enum why_reason run_part(struct why_stream *s, const struct why_walk *walk,
                                const struct why_tensor *operand) {
  struct why_problem problem;
  struct why_tensor slice[WHY_OPERANDS];
  struct variant *v;
  s->problem->op->part(s->problem, operand, walk->first, walk->extent, &problem, slice);
  enum why_reason r = variant_of(s, &problem, &v);
  // A ring of marks goes round: what still needs the oldest one is done before.
  if (!r) r = why_stream_drain(s, s->part - WHY_PARTS_MARKED / 2);
  if (!r) r = bring_in(s, walk, v, slice);
  if (!r) r = work(s, v);
  if (!r) r = send_off(s, walk, v, slice);
  s->part++;
  return r;
}

// ---- a pass ------------------------------------------------------------------------------------

static enum why_reason finish(struct why_stream *s) {
  enum why_reason r = why_stream_drain(s, s->part);
  return r ? r : why_stream_arrive(s);
}

// All has ended: the outputs came after everything else.
static void add_times(struct why_stream *s) {
  int64_t first = s->part > WHY_PARTS_MARKED ? s->part - WHY_PARTS_MARKED : 0;
  for (int64_t part = first; part < s->part; part++) add_work(s, part);
  int last = (s->next_out + WHY_STAGES_OUT - 1) % WHY_STAGES_OUT;
  s->times.total = between(s, WHY_MARK_PASS_START, WHY_MARK_STAGE_OUT_END + last);
  s->times.idle = s->times.total - s->times.work;
}

static void forget_pass(struct why_stream *s) {
  s->times = (struct why_times){0};
  s->part = s->drained = s->drains = 0;
  for (int i = 0; i < WHY_STAGES_IN; i++) s->in[i].busy = false;
  for (int i = 0; i < WHY_STAGES_OUT; i++) s->out[i].busy = false;
  for (int i = 0; i < WHY_OPERANDS; i++) {
    s->lane[i].used = false;
    s->lane[i].now = 0;
    for (int b = 0; b < BUFFERS; b++) s->lane[i].buffer[b].user = s->lane[i].buffer[b].emptied = -1;
  }
}

// Waits for what a pass that failed may have left in the queues.
static void settle(struct why_stream *s) {
  struct why_device *d = s->device;
  for (int queue = 0; queue < WHY_QUEUES; queue++)
    if (!d->mark(d, queue, WHY_MARK_RELEASE)) (void)d->until(d, WHY_MARK_RELEASE, INFINITY);
}

enum why_reason why_stream_run(struct why_stream *s, const struct why_tensor *operand,
                               double seconds, struct why_times *times) {
  struct why_walk walk;
  if (s->failed) settle(s);
  forget_pass(s);
  s->failed = true; // until it has ended well
  s->note = "";
  s->deadline = seconds > 0 ? why_stream_now() + seconds : INFINITY;
  enum why_reason r = s->device->bind(s->device);
  if (!r) r = mark(s, WHY_COPY_IN, WHY_MARK_PASS_START);
  why_walk_start(&walk, s->problem, s->parts);
  if (!r) do
      r = run_part(s, &walk, operand);
    while (!r && why_walk_next(&walk));
  if (!r) r = finish(s);
  if (r) return r;
  add_times(s);
  s->failed = false;
  s->call.why->note = s->note;
  *times = s->times;
  return WHY_OK;
}

// ---- preparing ---------------------------------------------------------------------------------

static enum why_reason allocate(struct why_stream *s, uint64_t bytes, enum why_memory memory,
                                void **out) {
  enum why_reason r = s->device->alloc(s->device, bytes, memory, out);
  if (r == WHY_ALLOC_FAILED) s->call.why->need = (double)bytes;
  return r;
}

static enum why_reason allocate_all(struct why_stream *s) {
  enum why_reason r = WHY_OK;
  for (int i = 0; i < s->problem->op->operands; i++) {
    s->lane[i].buffers = why_parts_buffers(s->problem, s->parts, i);
    uint64_t bytes = why_parts_buffer_bytes(s->problem, s->parts, i);
    for (int b = 0; b < s->lane[i].buffers && !r; b++)
      r = allocate(s, bytes, WHY_DEVICE, &s->lane[i].buffer[b].data);
  }
  for (int i = 0; i < WHY_STAGES_IN && !r; i++)
    r = allocate(s, s->parts->stage_bytes, WHY_PINNED_HOST, &s->in[i].data);
  for (int i = 0; i < WHY_STAGES_OUT && !r; i++)
    r = allocate(s, s->parts->stage_bytes, WHY_PINNED_HOST, &s->out[i].data);
  if (!r && s->call.workspace_bytes)
    r = allocate(s, s->call.workspace_bytes, WHY_DEVICE, &s->call.workspace);
  return r;
}

enum why_reason why_stream_prepare(const struct why_call *call, const struct why_code *code,
                                   const struct why_parts *parts, struct why_stream **out) {
  struct why_problem problem[WHY_PART_PROBLEMS];
  struct why_stream *s = *out = calloc(1, sizeof *s);
  if (!s) return WHY_ALLOC_FAILED;
  s->call = *call;
  s->code = code;
  s->device = call->device;
  s->problem = call->problem;
  s->parts = parts;
  enum why_reason r = allocate_all(s);
  int problems = why_parts_problems(s->problem, parts, problem, WHY_PART_PROBLEMS);
  for (int i = 0; i < problems && !r; i++) {
    struct variant *ignored;
    r = prepare_variant(s, &problem[i], &ignored);
  }
  return r;
}

void why_stream_release(struct why_stream *s) {
  if (!s) return;
  struct why_device *d = s->device;
  settle(s);
  for (int i = 0; i < s->variants; i++) {
    if (s->variant[i]->prepared && s->code->release) s->code->release(&s->variant[i]->call);
    free(s->variant[i]);
  }
  free(s->variant);
  if (s->call.workspace) d->free(d, WHY_DEVICE, s->call.workspace);
  for (int i = 0; i < WHY_STAGES_OUT; i++)
    if (s->out[i].data) d->free(d, WHY_PINNED_HOST, s->out[i].data);
  for (int i = 0; i < WHY_STAGES_IN; i++)
    if (s->in[i].data) d->free(d, WHY_PINNED_HOST, s->in[i].data);
  for (int i = 0; i < WHY_OPERANDS; i++)
    for (int b = 0; b < BUFFERS; b++)
      if (s->lane[i].buffer[b].data) d->free(d, WHY_DEVICE, s->lane[i].buffer[b].data);
  free(s);
}
