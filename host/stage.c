// Packing and unpacking, a run of neighbouring elements at a time. See stage.h. Leaves out
// transposing: a slice and its packed form have the same order of dims in memory.
#include "stage.h"
#include "../kernels/convert_rows.h"
#include "../kernels/plain_threads.h"
#include <stdbool.h>

enum { THREAD_BYTES = 256 << 10 }; // less than this is not worth a second thread

struct move {
  char *stage;
  const struct why_tensor *slice;
  enum why_type staged; // packed's type
  bool pack;
  int64_t run;                             // elements side by side in both
  int rank;                                // of the dims outside a run, largest stride first
  int64_t dim[WHY_RANK], stride[WHY_RANK]; // of those, strides the slice's
  int64_t first;                           // element, in packed's order, that is first in the stage
};

// Dims of more than one element, smallest stride of `packed` first. The inner ones that are
// contiguous in the slice too make the run.
static struct move describe(void *stage, const struct why_tensor *packed,
                            const struct why_tensor *slice) {
  struct move m = {.stage = stage, .slice = slice, .staged = packed->type, .run = 1};
  int order[WHY_RANK], rank = 0;
  for (int d = 0; d < packed->rank; d++) {
    if (packed->dim[d] == 1) continue;
    int at = rank++;
    for (; at > 0 && packed->stride[order[at - 1]] > packed->stride[d]; at--)
      order[at] = order[at - 1];
    order[at] = d;
  }
  int inner = 0;
  while (inner < rank && slice->stride[order[inner]] == m.run) m.run *= packed->dim[order[inner++]];
  for (int i = rank - 1; i >= inner; i--) {
    m.dim[m.rank] = packed->dim[order[i]];
    m.stride[m.rank++] = slice->stride[order[i]];
  }
  return m;
}

static void move_run(const struct move *m, char *host, char *staged, int64_t count) {
  enum why_type type = m->slice->type;
  size_t bytes = (size_t)count * why_type_bytes(type);
  if (m->staged == type)
    memcpy(m->pack ? staged : host, m->pack ? host : staged, bytes);
  else if (m->pack)
    widen_row(type, (const uint16_t *)host, 1, count, (float *)staged);
  else
    narrow_row(type, (const float *)staged, count, (uint16_t *)host, 1);
}

// Elements [begin, end) of those asked for.
static void move_range(void *argument, int64_t begin, int64_t end) {
  const struct move *m = argument;
  int64_t at = m->first + begin, last = m->first + end, index[WHY_RANK] = {0};
  int64_t row = at / m->run, offset = 0;
  for (int d = m->rank - 1; d >= 0; d--) {
    index[d] = row % m->dim[d];
    row /= m->dim[d];
    offset += index[d] * m->stride[d];
  }
  size_t size = why_type_bytes(m->slice->type), wide = why_type_bytes(m->staged);
  while (at < last) {
    int64_t within = at % m->run;
    int64_t count = m->run - within < last - at ? m->run - within : last - at;
    move_run(m, (char *)m->slice->data + (size_t)(offset + within) * size,
             m->stage + (size_t)(at - m->first) * wide, count);
    at += count;
    for (int d = m->rank - 1; d >= 0; d--) { // the next run
      offset += m->stride[d];
      if (++index[d] < m->dim[d]) break;
      offset -= m->dim[d] * m->stride[d];
      index[d] = 0;
    }
  }
}

static void move(struct move *m, int64_t first, int64_t count, int threads) {
  m->first = first;
  if ((size_t)count * why_type_bytes(m->staged) < THREAD_BYTES) threads = 1;
  why_parallel(threads, count, move_range, m);
}

void why_stage_pack(void *stage, const struct why_tensor *packed, const struct why_tensor *slice,
                    int64_t first, int64_t count, int threads) {
  struct move m = describe(stage, packed, slice);
  m.pack = true;
  move(&m, first, count, threads);
}

void why_stage_unpack(const void *stage, const struct why_tensor *packed,
                      const struct why_tensor *slice, int64_t first, int64_t count, int threads) {
  struct move m = describe((void *)stage, packed, slice);
  move(&m, first, count, threads);
}
