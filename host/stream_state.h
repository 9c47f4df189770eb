// What the two files of a stream share: its state, and the copies of stream_copy.c.
#ifndef WHY_STREAM_STATE_H
#define WHY_STREAM_STATE_H
#include "stream.h"

enum { BUFFERS = 3 };
_Static_assert((int)WHY_STREAM_MARKS <= (int)WHY_MARKS, "raise WHY_MARKS");

struct buffer {
  void *data;
  int64_t user;    // the last part that works on it; -1: none yet
  int64_t emptied; // outputs: the slice that was last copied out of it; -1: none
};

struct lane { // an operand's way through the device
  struct buffer buffer[BUFFERS];
  int buffers, now;
  bool used; // `now` has a slice
};

struct variant { // what is prepared for one kind of part
  struct why_problem problem;
  struct why_tensor operand[WHY_OPERANDS]; // packed; data is the last buffer's
  struct why_call call;
  bool prepared;
};

struct piece { // a slice, or a stretch of its elements, on its way
  struct why_tensor slice, packed;
  int64_t first, count;
};

struct drain {        // an output's slice on its way out
  struct piece piece; // first: the next element to be copied
  int64_t part;       // that completes it
  struct buffer *buffer;
  bool started;
};

struct stage {
  void *data;
  bool busy;
  struct piece piece; // of a copy out: what is to be unpacked
};

struct why_stream {
  struct why_call call;
  const struct why_code *code;
  struct why_device *device;
  const struct why_problem *problem;
  const struct why_parts *parts;
  struct lane lane[WHY_OPERANDS];
  struct variant **variant;
  int variants;
  struct stage in[WHY_STAGES_IN], out[WHY_STAGES_OUT];
  struct drain drain[WHY_SLICES_MARKED]; // a queue: [drained, drains)
  int64_t drained, drains;
  int next_in, next_out;
  int64_t part; // of this pass
  double deadline;
  bool failed;      // the last pass did not end well, or is under way
  const char *note; // what the code said of a part that went well
  struct why_times times;
};

// ---- the device, with the stream's deadline -----------------------------------------------------

static inline enum why_reason mark(struct why_stream *s, int queue, int which) {
  return s->device->mark(s->device, queue, which);
}
static inline enum why_reason after(struct why_stream *s, int queue, int which) {
  return s->device->after(s->device, queue, which);
}
static inline double between(struct why_stream *s, int first, int last) {
  return s->device->between(s->device, first, last);
}
static inline int ring(int first, int64_t n, int length) {
  return first + (int)(n % length);
}
double why_stream_now(void); // seconds of a clock that only goes forward

// ---- copies (stream_copy.c) ---------------------------------------------------------------------

// All of a slice.
struct piece why_piece(const struct why_tensor *slice, const struct why_tensor *packed);
// Queues the copies in of these pieces, and in turn with them the copies out that are due.
enum why_reason why_stream_fill(struct why_stream *, struct piece *, int pieces);
// Notes a slice that this stream's part completes; it is copied out when that is due.
enum why_reason why_stream_send(struct why_stream *, const struct piece *, struct buffer *);
// Queues the copies out of all slices completed by this part or before.
enum why_reason why_stream_drain(struct why_stream *, int64_t part);
// Whatever `queue` does to the buffer from now on comes after the slice in it has been copied out.
enum why_reason why_stream_after_emptied(struct why_stream *, int queue, struct buffer *);
// Waits for what is still on its way out, and unpacks it; adds the times of the last copies in.
enum why_reason why_stream_arrive(struct why_stream *);
#endif
