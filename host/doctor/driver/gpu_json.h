// What the driver answered, as JSON: .whycpu/gpu.json of a snapshot, and what the child processes
// that ask a driver send back. The format is SNAPSHOT.md's, and these keys more, optional too:
// "schema" (1); "why" in "nvml" and "cuda", the words where there is no answer, or not the whole
// of it; "multiprocessors" of a device; "compute_mode" of one of CUDA's.
#ifndef WHY_GPU_JSON_H
#define WHY_GPU_JSON_H
#include "facts.h"
#include <stdio.h>

// Of a file. The tree of a text takes up to 56 times its size; 64 devices fill an eighth of this.
enum { GPU_JSON_MOST = 256 << 10, GPU_JSON_SCHEMA = 1 };

struct gpu gpu_none(const char *path); // nothing is known

// Adds what the text holds to what is known. What it leaves out, or has of a wrong type, stays as
// it is; other keys are ignored. False with line, column and words where it is no JSON object.
bool gpu_json_read(struct arena *, const char *text, size_t length, struct gpu *,
                   struct why_error *);
// Sets `known` and `why` by what has been read.
void gpu_judge(struct arena *, struct gpu *);
// What is known; reads back as the same. Failures show in ferror(file).
void gpu_json_write(FILE *, const struct gpu *);

// The names of the format, by the numbers of facts.h; NULL: not known.
extern const char *const gpu_compute_mode_names[COMPUTE_EXCLUSIVE_PROCESS + 1];
extern const char *const gpu_fabric_names[FABRIC_DONE + 1];
#endif
