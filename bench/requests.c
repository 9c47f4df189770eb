// Turns the options that were read into a machine, a problem and requests. See options.h.
#include "cached.h"
#include "machines.h"
#include "options.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int options_machine(const struct options *o, struct why_machine **machine) {
  *machine = NULL;
  if (!o->machine) {
    struct why_options open = o->open;
    open.commit = program_commit;
    enum why_reason reason = why_open(&open, machine);
    if (reason == WHY_OK && !o->fresh && !o->open.emulate_bytes) cached_adopt(*machine);
    if (reason == WHY_OK) return STATUS_OK;
    return machine_failed("this machine could not be opened: %s", why_sentence(reason));
  }
  char said[PATH_MAX + 16];
  snprintf(said, sizeof said, "--machine %s", o->machine);
  return machine_open(said, o->machine, machine);
}

int options_problem(const struct options *o, struct why_problem *problem) {
  size_t size = 1;
  for (int i = 0; i < o->arguments; i++) size += strlen(o->argument[i]) + 1;
  if (!o->arguments) {
    char ops[256] = "";
    for (int i = 0; i < why_op_count(); i++) {
      size_t used = strlen(ops);
      snprintf(ops + used, sizeof ops - used, "%s%s", i ? ", " : "", why_op_at(i)->name);
    }
    return request_wrong("a problem is wanted, such as: gemm m=512 n=512 k=512 (ops: %s)", ops);
  }
  char *text = calloc(1, size);
  if (!text) return machine_failed("out of memory");
  for (int i = 0; i < o->arguments; i++) {
    if (i) strcat(text, " ");
    strcat(text, o->argument[i]);
  }
  struct why_error error = {0};
  int status = STATUS_OK;
  if (why_problem_parse(text, problem, &error) != WHY_OK)
    status = request_wrong("%.200s: %s", text, error.text);
  free(text);
  return status;
}

static bool computes(const char *backend, const char *name, const struct why_op *op) {
  for (int i = 0; i < why_kernel_count(); i++) {
    const struct why_kernel *kernel = why_kernel_at(i);
    if (!strcmp(kernel->backend, backend) && !strcmp(kernel->name, name) &&
        !strcmp(kernel->op, op->name))
      return true;
  }
  return false;
}

int options_kernel(const struct options *o, const struct why_op *op) {
  char backend[32];
  for (int i = 0; i < o->policies; i++) {
    const struct why_kernel *kernel = o->policy[i].kernel;
    if (kernel && !computes(kernel->backend, kernel->name, op))
      return request_wrong("--policy %s:%s: it does not compute %s (whycpu list kernels)",
                           kernel->backend, kernel->name, op->name);
  }
  const char *colon = strchr(o->kernel, ':');
  if (!colon) return STATUS_OK;
  snprintf(backend, sizeof backend, "%.*s", (int)(colon - o->kernel), o->kernel);
  if (computes(backend, colon + 1, op)) return STATUS_OK;
  return request_wrong("--kernel %s: it does not compute %s (whycpu list kernels)", o->kernel,
                       op->name);
}

int output_table(struct output *out, struct table *table) {
  bool memory = table != NULL;
  if (table && table_close(table)) return output_close(out);
  if (memory && ferror(out->file)) return output_close(out); // says what the system said
  output_abandon(out);
  return machine_failed("out of memory");
}

int options_requests(const struct options *o) {
  return o->policies * o->iteration_counts * o->memories * o->transfers * o->submits * o->caches *
         o->thread_counts;
}

void options_request(const struct options *o, const struct why_machine *machine,
                     const struct why_problem *problem, int index, struct why_request *out) {
  uint64_t whole = why_machine_device(machine, 0)->memory_bytes;
  for (int i = 0; i < why_machine_devices(machine); i++)
    if (!why_machine_device(machine, i)->host) {
      whole = why_machine_device(machine, i)->memory_bytes;
      break;
    }
  why_request_default(problem, out);
  out->threads = (int)o->threads[index % o->thread_counts];
  index /= o->thread_counts;
  out->cache = o->cache[index % o->caches];
  index /= o->caches;
  out->submit = o->submit[index % o->submits];
  index /= o->submits;
  out->transfer = o->transfer[index % o->transfers];
  index /= o->transfers;
  out->budget.device_bytes = amount_bytes(&o->memory[index % o->memories], whole);
  index /= o->memories;
  out->iterations = o->iterations[index % o->iteration_counts];
  index /= o->iteration_counts;
  out->plans = o->plans;
  out->budget.pinned_bytes = amount_bytes(&o->pinned, why_machine_device(machine, 0)->memory_bytes);
  const struct option_policy *policy = &o->policy[index % o->policies];
  out->policy = policy->policy;
  if (policy->kernel)
    snprintf(out->kernel, sizeof out->kernel, "%s:%s", policy->kernel->backend,
             policy->kernel->name);
}
