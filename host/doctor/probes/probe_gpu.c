// The driver's answers: a snapshot's from its file; this machine's by asking, if there is anybody
// to ask. The libraries are found the way this process would find them: with --pid, what another
// process has in LD_LIBRARY_PATH is not run here.
#include "ask.h"
#include "gpu_json.h"

static void read_answers(struct facts *facts) {
  struct gpu *gpu = &facts->gpu;
  struct text text = root_text(facts->root, GPU_JSON_MOST, "/.whycpu/gpu.json");
  *gpu = gpu_none("/.whycpu/gpu.json");
  if (text.there != THERE) {
    gpu->why = text.there == ABSENT ? "the snapshot has no /.whycpu/gpu.json"
                                    : "/.whycpu/gpu.json could not be read";
    return;
  }
  if (text.cut) {
    gpu->why = arena_print(facts->arena, "%s: larger than %d KiB", gpu->path, GPU_JSON_MOST >> 10);
    return;
  }
  struct why_error error;
  struct gpu read = *gpu;
  if (!gpu_json_read(facts->arena, text.text, text.length, &read, &error)) {
    gpu->why = arena_print(facts->arena, "%s: line %d, column %d: %s", gpu->path, error.line,
                           error.column, error.text);
    return;
  }
  *gpu = read;
  gpu_judge(facts->arena, gpu);
}

void probe_gpu(struct facts *facts) {
  const struct user_driver *driver = &facts->driver;
  if (!root_live(facts->root)) {
    read_answers(facts);
  } else if (driver->cuda.there == ABSENT && driver->nvml.there == ABSENT) {
    facts->gpu = gpu_none("libnvidia-ml.so.1");
    facts->gpu.nvml_known = true;
    facts->gpu.nvml_init = 12; // NVML's number for a library that is not there
    facts->gpu.known = YES;
    facts->gpu.cuda_why = "there is no libcuda.so.1";
  } else {
    ask_driver(facts->arena, &(struct ask_limits){0}, &facts->gpu);
  }
}
