// A streamed plan at work: parts copied in, computed and copied out at the same time, on the three
// queues of one device.
#ifndef WHY_STREAM_H
#define WHY_STREAM_H
#include "parts.h"

// The device's marks as a stream uses them. Those of a ring are taken in turn.
enum {
  WHY_MARK_STAGE_IN_START,                                          // a copy from a staging buffer
  WHY_MARK_STAGE_IN_END = WHY_MARK_STAGE_IN_START + WHY_STAGES_IN,  // to the device
  WHY_MARK_STAGE_OUT_START = WHY_MARK_STAGE_IN_END + WHY_STAGES_IN, // a copy from the device to a
  WHY_MARK_STAGE_OUT_END = WHY_MARK_STAGE_OUT_START + WHY_STAGES_OUT, // staging buffer
  WHY_MARK_FILLED = WHY_MARK_STAGE_OUT_END + WHY_STAGES_OUT,          // a part's operands are in
  WHY_MARK_WORK_START,                                                // a ring of parts
  WHY_PARTS_MARKED = 8,
  WHY_MARK_WORK_END = WHY_MARK_WORK_START + WHY_PARTS_MARKED,
  WHY_MARK_EMPTIED = WHY_MARK_WORK_END + WHY_PARTS_MARKED, // a ring of slices copied out
  WHY_SLICES_MARKED = 4,
  WHY_MARK_PASS_START = WHY_MARK_EMPTIED + WHY_SLICES_MARKED,
  WHY_MARK_RELEASE,
  WHY_STREAM_MARKS
};

struct why_stream;
// Allocates the buffers and prepares the code for each different part. `call` has state, device,
// workspace_bytes (allocated here), threads (for staging) and why, which must outlive the stream.
// `parts` and `problem` too. On failure *out may still be set: release it.
enum why_reason why_stream_prepare(const struct why_call *call, const struct why_code *code,
                                   const struct why_parts *parts, struct why_stream **out);
// One call of the op on these operands of the host, of the problem's shape; returns when the result
// is there. `seconds` (0: none) is the most it may take: WHY_TIMEOUT. Times: of each queue while it
// was busy, and idle, the time in which the work queue was not; NAN where the device has no clock.
enum why_reason why_stream_run(struct why_stream *, const struct why_tensor *operand,
                               double seconds, struct why_times *);
void why_stream_release(struct why_stream *); // waits for what is still queued
#endif
