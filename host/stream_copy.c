// A stream's copies, through pinned staging buffers of a few MiB: in, packed from the operands'
// slices, and out, unpacked into them as they arrive. See stream_state.h.
#include "stage.h"
#include "stream_state.h"
#include <math.h>
#include <time.h>

// ---- waiting -----------------------------------------------------------------------------------

double why_stream_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static enum why_reason wait_for(struct why_stream *s, int mark) {
  double left = isinf(s->deadline) ? INFINITY : fmax(0, s->deadline - why_stream_now());
  return s->device->until(s->device, mark, left);
}

static struct drain *drain_at(struct why_stream *s, int64_t n) {
  return &s->drain[n % WHY_SLICES_MARKED];
}

// ---- copying out -------------------------------------------------------------------------------

// Waits until a staging buffer has arrived and unpacks it.
static enum why_reason unpack(struct why_stream *s, int which) {
  struct stage *stage = &s->out[which];
  if (!stage->busy) return WHY_OK;
  enum why_reason r = wait_for(s, WHY_MARK_STAGE_OUT_END + which);
  if (r) return r;
  stage->busy = false;
  s->times.copy_out += between(s, WHY_MARK_STAGE_OUT_START + which, WHY_MARK_STAGE_OUT_END + which);
  const struct piece *p = &stage->piece;
  why_stage_unpack(stage->data, &p->packed, &p->slice, p->first, p->count, s->call.threads);
  return WHY_OK;
}

static int64_t stage_elements(const struct why_stream *s, const struct piece *p) {
  return (int64_t)(s->parts->stage_bytes / why_type_bytes(p->packed.type));
}

static enum why_reason stage_copy(struct why_stream *s, int queue, const struct piece *p,
                                  int64_t count, void *staged, bool out) {
  size_t size = why_type_bytes(p->packed.type), bytes = (size_t)count * size;
  char *on_device = (char *)p->packed.data + (size_t)p->first * size;
  return s->device->copy(s->device, queue, out ? staged : on_device, bytes,
                         out ? on_device : staged, bytes, bytes, 1);
}

// Queues the copy of as much of the oldest slice as a staging buffer holds.
static enum why_reason drain_some(struct why_stream *s) {
  struct drain *d = drain_at(s, s->drained);
  struct piece *p = &d->piece;
  int which = s->next_out;
  struct stage *stage = &s->out[which];
  int64_t room = stage_elements(s, p), count = p->count < room ? p->count : room;
  enum why_reason r = unpack(s, which);
  if (!r && !d->started)
    r = after(s, WHY_COPY_OUT, ring(WHY_MARK_WORK_END, d->part, WHY_PARTS_MARKED));
  d->started = true;
  if (!r) r = mark(s, WHY_COPY_OUT, WHY_MARK_STAGE_OUT_START + which);
  if (!r) r = stage_copy(s, WHY_COPY_OUT, p, count, stage->data, true);
  if (!r) r = mark(s, WHY_COPY_OUT, WHY_MARK_STAGE_OUT_END + which);
  if (r) return r;
  stage->piece = *p;
  stage->piece.count = count;
  stage->busy = true;
  s->next_out = (which + 1) % WHY_STAGES_OUT;
  p->first += count;
  p->count -= count;
  if (p->count) return WHY_OK;
  d->buffer->emptied = s->drained++;
  return mark(s, WHY_COPY_OUT, ring(WHY_MARK_EMPTIED, d->buffer->emptied, WHY_SLICES_MARKED));
}

enum why_reason why_stream_drain(struct why_stream *s, int64_t part) {
  enum why_reason r = WHY_OK;
  while (!r && s->drained < s->drains && drain_at(s, s->drained)->part <= part) r = drain_some(s);
  return r;
}

enum why_reason why_stream_after_emptied(struct why_stream *s, int queue, struct buffer *b) {
  enum why_reason r = WHY_OK;
  while (!r && s->drained < s->drains && b->user >= drain_at(s, s->drained)->part)
    r = drain_some(s);
  if (!r && b->emptied >= 0)
    r = after(s, queue, ring(WHY_MARK_EMPTIED, b->emptied, WHY_SLICES_MARKED));
  return r;
}

enum why_reason why_stream_send(struct why_stream *s, const struct piece *piece,
                                struct buffer *buffer) {
  enum why_reason r = WHY_OK;
  while (!r && s->drains - s->drained == WHY_SLICES_MARKED) r = drain_some(s);
  *drain_at(s, s->drains++) = (struct drain){.piece = *piece, .part = s->part, .buffer = buffer};
  return r;
}

// ---- copying in --------------------------------------------------------------------------------

static enum why_reason wait_staged(struct why_stream *s, int which) {
  if (!s->in[which].busy) return WHY_OK;
  enum why_reason r = wait_for(s, WHY_MARK_STAGE_IN_END + which);
  if (r) return r;
  s->in[which].busy = false;
  s->times.copy_in += between(s, WHY_MARK_STAGE_IN_START + which, WHY_MARK_STAGE_IN_END + which);
  return WHY_OK;
}

static enum why_reason fill_some(struct why_stream *s, struct piece *p) {
  int which = s->next_in;
  struct stage *stage = &s->in[which];
  int64_t room = stage_elements(s, p), count = p->count < room ? p->count : room;
  enum why_reason r = wait_staged(s, which);
  if (r) return r;
  why_stage_pack(stage->data, &p->packed, &p->slice, p->first, count, s->call.threads);
  r = mark(s, WHY_COPY_IN, WHY_MARK_STAGE_IN_START + which);
  if (!r) r = stage_copy(s, WHY_COPY_IN, p, count, stage->data, false);
  if (!r) r = mark(s, WHY_COPY_IN, WHY_MARK_STAGE_IN_END + which);
  if (r) return r;
  stage->busy = true;
  s->next_in = (which + 1) % WHY_STAGES_IN;
  p->first += count;
  p->count -= count;
  return WHY_OK;
}

static int64_t copies_of(const struct why_stream *s, const struct piece *p) {
  return (p->count - 1) / stage_elements(s, p) + 1;
}

// Copies out that are due before this part is prepared: those of parts that need not be waited for
// long, since the copies in of this part wait for the same work.
static int64_t copies_due(struct why_stream *s) {
  int64_t copies = 0;
  for (int64_t n = s->drained; n < s->drains; n++)
    if (drain_at(s, n)->part <= s->part - s->parts->in_buffers)
      copies += copies_of(s, &drain_at(s, n)->piece);
  return copies;
}

enum why_reason why_stream_fill(struct why_stream *s, struct piece *piece, int pieces) {
  int64_t in = 0, due = copies_due(s), done_in = 0, done_out = 0;
  enum why_reason r = WHY_OK;
  for (int i = 0; i < pieces; i++) in += copies_of(s, &piece[i]);
  for (int i = 0; i < pieces && !r; i++)
    while (piece[i].count && !r) {
      r = fill_some(s, &piece[i]);
      done_in++;
      for (; !r && done_out * in < due * done_in; done_out++) r = drain_some(s);
    }
  return r;
}

enum why_reason why_stream_arrive(struct why_stream *s) {
  enum why_reason r = WHY_OK;
  for (int i = 0; i < WHY_STAGES_OUT && !r; i++) r = unpack(s, (s->next_out + i) % WHY_STAGES_OUT);
  for (int i = 0; i < WHY_STAGES_IN && !r; i++) // over, since what came of them has arrived
    if (s->in[i].busy)
      s->times.copy_in += between(s, WHY_MARK_STAGE_IN_START + i, WHY_MARK_STAGE_IN_END + i);
  return r;
}

struct piece why_piece(const struct why_tensor *slice, const struct why_tensor *packed) {
  return (struct piece){*slice, *packed, 0, why_tensor_elements(slice)};
}
