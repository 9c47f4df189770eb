// What is asked of a machine, and all probes, in their order. See gather.h.
#include "gather.h"
#include "diagnose.h"
#include <string.h>

// The error's text is cut where it is longer than its room.
static enum why_reason wrong(struct why_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static enum why_reason wrong(struct why_error *error, const char *format, ...) {
  va_list list;
  va_start(list, format);
  *error = (struct why_error){0};
  vsnprintf(error->text, sizeof error->text, format, list);
  va_end(list);
  return WHY_BAD_INPUT;
}

static const char *kept(struct arena *arena, const char *text) {
  return text ? arena_copy(arena, text, strlen(text)) : NULL;
}

enum why_reason ask_take(const struct why_doctor *request, struct root *root, struct arena *arena,
                         struct ask *out, struct why_error *error) {
  *out = (struct ask){.framework = framework_named(request->framework),
                      .python = kept(arena, request->python),
                      .program = kept(arena, request->program),
                      .pid = request->pid};
  if (out->framework == FRAMEWORK_COUNT)
    return wrong(error, "%s: no such framework", request->framework);
  if (out->pid && request->root)
    return wrong(error, "process %d: a snapshot has no processes", out->pid);
  if (out->pid < 0 || (out->pid && root_stat(root, NULL, "/proc/%d", out->pid) == ABSENT))
    return wrong(error, "process %d: there is none", out->pid);
  return WHY_OK;
}

void gather(struct facts *f, const struct ask *ask) {
  f->framework = ask->framework;
  probe_process(f, ask);
  probe_scope(f);
  probe_pci(f);
  probe_kernel(f);
  probe_log(f);
  probe_nodes(f);
  probe_container(f);
  probe_driver(f);
  probe_gpu(f);
  if (!ask->machine_only) probe_build(f, ask);
}
