// A job: the chosen candidate with its buffers and handles, from upload to download. A resident
// plan has everything in one queue of the device; a streamed one is stream.c's.
#include "cold.h"
#include "stream.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Marks of a round, in the order in which they are recorded.
enum { COPY_IN_START, COPY_IN_END, WORK_START, WORK_END, COPY_OUT_START, COPY_OUT_END };

// Launches that were captured. A job has few: one a number of launches.
struct graph {
  int64_t launches;
  void *native; // the device's
  struct graph *next;
};

struct why_job {
  struct why_call call; // first: a launch needs nothing else
  const struct why_code *code;
  struct why_decision *decision;
  struct why_machine *machine;
  int candidate;
  bool in_place; // operands are used where they lie on the host
  struct why_parts parts;
  struct why_stream *stream; // of a streamed plan, which holds the buffers then
  bool prepared;             // code->prepare has run
  bool launched;             // once at least, on this device
  struct graph *graph;       // those that were made
  bool working;              // WORK_START is recorded
  bool copied_in;
  void *scratch; // of why_evict
  enum why_memory memory;
  struct why_problem problem;
  struct why_tensor operand[WHY_OPERANDS]; // as the kernel sees them
  struct why_verdict verdict;
  const char *told; // the note of a success that the candidate has already
  struct why_times times;
};

// Writes the reason into the candidate's verdict; the device's words where the code had none.
static enum why_reason fail(struct why_job *j, enum why_reason r) {
  struct why_verdict *v = &j->verdict;
  struct why_device *device = j->call.device;
  if (!r) return r;
  v->reason = r;
  if (!*v->note && device && device->error) v->note = device->error(device);
  v->note = why_intern(j->machine, v->note ? v->note : "");
  if (r == WHY_DEVICE_LOST) j->machine->lost[j->decision->candidate[j->candidate].device] = true;
  j->decision->candidate[j->candidate].verdict = *v;
  return r;
}

// What the code says of a call that went well ("f16 converted to f32") becomes the candidate's
// note; it is no word on a later failure.
static void tell(struct why_job *j) {
  const char *note = j->verdict.note;
  j->verdict.note = "";
  if (!*note || note == j->told) return;
  j->told = note;
  j->decision->candidate[j->candidate].verdict.note = why_intern(j->machine, note);
}

// ---- copying a strided operand -----------------------------------------------------------------

// The gaps between rows are not touched on either side, which share the strides.
static enum why_reason copy(struct why_device *device, int queue, const struct why_tensor *to,
                            const struct why_tensor *from) {
  size_t size = why_type_bytes(from->type);
  int order[WHY_RANK], rank = 0; // dims of more than one element, smallest stride first
  for (int d = 0; d < from->rank; d++) {
    if (from->dim[d] == 1) continue;
    int at = rank++;
    for (; at > 0 && from->stride[order[at - 1]] > from->stride[d]; at--) order[at] = order[at - 1];
    order[at] = d;
  }
  int inner = 0; // dims that lie end to end
  size_t row = size;
  while (inner < rank && (size_t)from->stride[order[inner]] * size == row)
    row *= (size_t)from->dim[order[inner++]];
  size_t pitch = inner < rank ? (size_t)from->stride[order[inner]] * size : row;
  size_t rows = inner < rank ? (size_t)from->dim[order[inner]] : 1;
  int64_t index[WHY_RANK] = {0};
  for (;;) {
    size_t offset = 0;
    for (int d = inner + 1; d < rank; d++)
      offset += (size_t)(index[d] * from->stride[order[d]]) * size;
    enum why_reason r = device->copy(device, queue, (char *)to->data + offset, pitch,
                                     (const char *)from->data + offset, pitch, row, rows);
    int d = inner + 1;
    if (r || d >= rank) return r;
    while (d < rank && ++index[d] == from->dim[order[d]]) index[d++] = 0;
    if (d == rank) return WHY_OK;
  }
}

// ---- preparing ---------------------------------------------------------------------------------

static enum why_reason allocate(struct why_job *j, uint64_t bytes, enum why_memory memory,
                                void **out) {
  enum why_reason r = j->call.device->alloc(j->call.device, bytes, memory, out);
  if (r == WHY_ALLOC_FAILED) j->verdict.need = (double)bytes;
  return r;
}

static enum why_reason prepare_code(struct why_job *j) {
  if (j->prepared || !j->code->prepare) return WHY_OK;
  enum why_reason r = j->code->prepare(&j->call);
  j->prepared = r == WHY_OK;
  if (!r) tell(j);
  return r;
}

static enum why_reason build(struct why_job *j) {
  const struct why_candidate *c = &j->decision->candidate[j->candidate];
  const struct why_op *op = j->problem.op;
  int place = why_kernel_place(c->kernel), slot = why_places()[place].code;
  enum why_reason r = j->call.device->bind(j->call.device);
  if (!r) r = why_attach(j->machine, slot, c->device, &j->verdict);
  if (r) return r;
  j->call.state = j->machine->slot[slot].state[c->device];
  j->code = j->machine->slot[slot].code[place];
  for (int i = 0; i < op->operands; i++) {
    op->shape(&j->problem, i, &j->operand[i]);
    j->operand[i].data = NULL;
  }
  j->call.workspace_bytes = c->peak.workspace_bytes;
  if (c->plan == WHY_STREAMED) {
    r = why_stream_prepare(&j->call, j->code, &j->parts, &j->stream);
    if (!r) tell(j);
    return r;
  }
  for (int i = 0; !j->in_place && i < op->operands; i++) {
    r = allocate(j, why_tensor_bytes(&j->operand[i]), j->memory, &j->operand[i].data);
    if (r) return r;
  }
  if (j->call.workspace_bytes)
    r = allocate(j, j->call.workspace_bytes, WHY_DEVICE, &j->call.workspace);
  if (!r && !j->in_place) r = prepare_code(j);
  return r;
}

enum why_reason why_prepare(struct why_machine *m, struct why_decision *d, int candidate,
                            struct why_job **out) {
  *out = NULL;
  if (candidate < 0 || candidate >= d->candidates || d->candidate[candidate].device < 0 ||
      !m->device[d->candidate[candidate].device])
    return WHY_BAD_INPUT;
  struct why_candidate *c = &d->candidate[candidate];
  struct why_job *j = calloc(1, sizeof *j);
  if (!j) {
    c->verdict =
        (struct why_verdict){WHY_ALLOC_FAILED, (double)sizeof *j, 0, "memory of the host", ""};
    return WHY_ALLOC_FAILED;
  }
  bool streamed = c->plan == WHY_STREAMED; // the host's threads pack and unpack
  const struct why_facts *facts = &m->facts[streamed ? 0 : c->device];
  int threads = d->request.threads ? d->request.threads : facts->multiprocessors;
  j->decision = d;
  j->machine = m;
  j->candidate = candidate;
  j->problem = d->request.problem;
  j->in_place = c->plan == WHY_ON_HOST;
  j->parts = c->parts;
  j->memory = d->request.transfer == WHY_UNIFIED ? WHY_MANAGED : WHY_DEVICE;
  j->verdict.note = j->verdict.cause = "";
  j->call = (struct why_call){
      .device = m->device[c->device],
      .problem = &j->problem,
      .operand = j->operand,
      .threads = facts->host && threads > 0 ? threads : 1,
      .why = &j->verdict,
  };
  enum why_reason r = fail(j, build(j));
  if (r)
    why_release(j);
  else
    *out = j;
  return r;
}

static void drop_graphs(struct why_job *j) {
  for (struct graph *g = j->graph, *next; g; g = next) {
    next = g->next;
    if (g->native) j->call.device->forget(j->call.device, g->native);
    free(g);
  }
}

void why_release(struct why_job *j) {
  if (!j) return;
  struct why_device *device = j->call.device;
  device->bind(device);
  bool ours = !j->in_place && !j->stream; // the operands' buffers
  why_stream_release(j->stream);
  drop_graphs(j);
  if (j->prepared && j->code->release) j->code->release(&j->call);
  if (j->call.workspace) device->free(device, WHY_DEVICE, j->call.workspace);
  if (j->scratch) device->free(device, WHY_DEVICE, j->scratch);
  for (int i = 0; ours && i < j->problem.op->operands; i++)
    if (j->operand[i].data) device->free(device, j->memory, j->operand[i].data);
  free(j);
}

// ---- a round -----------------------------------------------------------------------------------

static bool same_shape(const struct why_tensor *a, const struct why_tensor *b) {
  if (a->type != b->type || a->rank != b->rank || !b->data) return false;
  for (int d = 0; d < a->rank; d++)
    if (a->dim[d] != b->dim[d] || (a->dim[d] > 1 && a->stride[d] != b->stride[d])) return false;
  return true;
}

static enum why_reason mark(struct why_job *j, int which) {
  return j->call.device->mark(j->call.device, WHY_WORK, which);
}

static double between(const struct why_job *j, int first, int last) {
  return j->call.device->between(j->call.device, first, last);
}

enum why_reason why_upload(struct why_job *j, const struct why_tensor *operand) {
  const struct why_op *op = j->problem.op;
  for (int i = 0; i < op->operands; i++)
    if (!same_shape(&j->operand[i], &operand[i])) return WHY_BAD_INPUT;
  j->times = (struct why_times){0, NAN, 0, 0, NAN};
  j->working = false;
  if (j->in_place) { // nothing is copied
    j->times.copy_in = j->times.copy_out = j->times.idle = NAN;
    for (int i = 0; i < op->operands; i++) j->operand[i].data = operand[i].data;
    if (j->prepared && j->code->release) j->code->release(&j->call); // of what lay there before
    j->prepared = false;
    return fail(j, prepare_code(j));
  }
  if (j->stream) { // copied in part by part
    j->times = (struct why_times){0};
    for (int i = 0; i < op->operands; i++) j->operand[i].data = operand[i].data;
    return WHY_OK;
  }
  enum why_reason r = j->call.device->bind(j->call.device);
  if (!r) r = mark(j, COPY_IN_START);
  for (int i = 0; !r && i < op->operands; i++)
    if (op->role(&j->problem, i) & WHY_IN)
      r = copy(j->call.device, WHY_WORK, &j->operand[i], &operand[i]);
  if (!r) r = mark(j, COPY_IN_END);
  j->copied_in = !r;
  return fail(j, r);
}

// One call of a streamed plan, which ends with the result on the host.
static enum why_reason launch_stream(struct why_job *j) {
  struct why_times t;
  if (!j->operand[0].data) return WHY_BAD_INPUT; // nothing was uploaded
  double limit = j->decision->request.timeout_seconds;
  enum why_reason r = why_stream_run(j->stream, j->operand, limit, &t);
  if (r == WHY_TIMEOUT) j->verdict.have = j->verdict.need = limit; // longer than that
  if (r) return fail(j, r);
  why_times_add(&j->times, &t);
  tell(j);
  return WHY_OK;
}

static enum why_reason start_working(struct why_job *j) {
  if (j->working) return WHY_OK;
  j->working = true;
  return mark(j, WORK_START);
}

enum why_reason why_launch(struct why_job *j) {
  if (j->stream) return launch_stream(j);
  enum why_reason r = start_working(j);
  if (!r) r = j->code->run(&j->call);
  if (r) return fail(j, r);
  j->launched = true;
  if (*j->verdict.note) tell(j);
  return WHY_OK;
}

// What has begun to capture ends it, whatever fails in between.
static enum why_reason capture(struct why_job *j, int64_t launches, void **native) {
  struct why_device *device = j->call.device;
  enum why_reason r = device->capture(device, WHY_WORK);
  if (r) return r;
  for (int64_t i = 0; i < launches && !r; i++) r = j->code->run(&j->call);
  enum why_reason ended = device->captured(device, WHY_WORK, native);
  return r ? r : ended;
}

// The graph of so many launches, made where there is none yet; NULL: *r says why.
static struct graph *graph_of(struct why_job *j, int64_t launches, enum why_reason *r) {
  *r = WHY_OK;
  for (struct graph *g = j->graph; g; g = g->next)
    if (g->launches == launches) return g;
  struct graph *g = calloc(1, sizeof *g);
  *r = g ? capture(j, launches, &g->native) : WHY_ALLOC_FAILED;
  if (*r) {
    if (g && g->native) j->call.device->forget(j->call.device, g->native);
    free(g);
    return NULL;
  }
  g->launches = launches;
  g->next = j->graph;
  return j->graph = g;
}

enum why_reason why_launches(struct why_job *j, int64_t launches) {
  struct why_device *device = j->call.device;
  bool graphs = j->decision->request.submit == WHY_GRAPH && device->capture && !j->stream;
  enum why_reason r = WHY_OK;
  for (; launches > 0 && !r && !(graphs && j->launched); launches--) r = why_launch(j);
  if (launches <= 0 || r) return r;
  struct graph *g = graph_of(j, launches, &r); // before the mark: no part of the work
  if (!r) r = start_working(j);
  if (!r) r = device->replay(device, WHY_WORK, g->native);
  return fail(j, r);
}

enum why_reason why_wait(struct why_job *j) {
  struct why_device *device = j->call.device;
  double limit = j->decision->request.timeout_seconds;
  if (!j->working) return WHY_OK;
  j->working = false;
  enum why_reason r = mark(j, WORK_END);
  if (!r) r = device->until(device, WORK_END, limit > 0 ? limit : INFINITY);
  if (r) return fail(j, r);
  tell(j);
  j->times.work = between(j, WORK_START, WORK_END);
  if (j->copied_in) j->times.copy_in = between(j, COPY_IN_START, COPY_IN_END);
  j->times.total = j->copied_in ? between(j, COPY_IN_START, WORK_END) : j->times.work;
  if (limit > 0 && j->times.work > limit) { // it ended, but not within its time
    j->verdict.need = j->times.work;
    j->verdict.have = limit;
    j->verdict.note = "";
    return fail(j, WHY_TIMEOUT);
  }
  return WHY_OK;
}

enum why_reason why_download(struct why_job *j, const struct why_tensor *operand) {
  const struct why_op *op = j->problem.op;
  struct why_device *device = j->call.device;
  enum why_reason r = why_wait(j);
  if (r || j->in_place || j->stream) return r;
  r = mark(j, COPY_OUT_START);
  for (int i = 0; !r && i < op->operands; i++)
    if (op->role(&j->problem, i) & WHY_OUT) r = copy(device, WHY_WORK, &operand[i], &j->operand[i]);
  if (!r) r = mark(j, COPY_OUT_END);
  if (!r) r = device->until(device, COPY_OUT_END, INFINITY);
  if (r) return fail(j, r);
  j->times.copy_out = between(j, COPY_OUT_START, COPY_OUT_END);
  j->times.total = between(j, COPY_IN_START, COPY_OUT_END);
  j->times.idle = j->times.total - j->times.copy_in - j->times.work - j->times.copy_out;
  return WHY_OK;
}

enum why_reason why_evict(struct why_job *j, const struct why_tensor *operand) {
  struct why_device *device = j->call.device;
  for (int i = 0; i < j->problem.op->operands; i++)
    why_flush(operand[i].data, why_tensor_bytes(&operand[i]));
  if (j->in_place) {
    why_flush(j->call.workspace, j->call.workspace_bytes); // a library's copy of an operand, too
    return WHY_OK;
  }
  enum why_reason r = device->bind(device);
  if (!r) r = why_flush_device(device, &j->scratch);
  if (r == WHY_ALLOC_FAILED) {
    j->verdict.need = 2 * (double)device->facts.cache_bytes;
    j->verdict.note = "scratch to empty the device's cache with";
  }
  return fail(j, r);
}

void why_times_add(struct why_times *sum, const struct why_times *t) {
  sum->copy_in += t->copy_in;
  sum->work += t->work;
  sum->copy_out += t->copy_out;
  sum->idle += t->idle;
  sum->total += t->total;
}

void why_job_times(const struct why_job *j, struct why_times *out) {
  *out = j->times;
}
