// An emulated machine and accounted operands. See emulated.h.
#include "emulated.h"
#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include <cmocka.h>

enum { SENTINEL = 0xa5, ROUND = 256 }; // bytes before and after

static void *control(void *library, const char *name) {
  void *symbol = dlsym(library, name);
  if (!symbol) fail_msg("%s: %s", name, dlerror());
  return symbol;
}

void emulated_open(struct emulated *e, uint64_t memory_bytes, int capability) {
  emulated_open_at(e, WHY_TEST_PLUGINS, memory_bytes, capability);
}

void emulated_open_at(struct emulated *e, const char *folder, uint64_t memory_bytes,
                      int capability) {
  char path[512];
  struct why_options options = {
      .library_dir = folder, .emulate_bytes = memory_bytes, .emulate_capability = capability};
  assert_int_equal(why_open(&options, &e->machine), WHY_OK);
  struct why_backend_info cuda;
  enum why_reason r = why_load(e->machine, WHY_SLOT_cuda);
  why_machine_backend(e->machine, WHY_SLOT_cuda, &cuda);
  if (r) fail_msg("emulated backend: %s %s", why_name(r), cuda.verdict.note);
  snprintf(path, sizeof path, "%s/libwhycpu-cuda-emulated.so", folder);
  void *library = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
  assert_non_null(library);
  *(void **)&e->reset = control(library, "emu_reset");
  *(void **)&e->fail_nth = control(library, "emu_fail");
  *(void **)&e->fail_again = control(library, "emu_fail_again");
  *(void **)&e->lose_at = control(library, "emu_lose_at");
  *(void **)&e->host = control(library, "emu_host_bytes");
  *(void **)&e->seed = control(library, "emu_seed");
  *(void **)&e->lose = control(library, "emu_lose_device");
  *(void **)&e->reset_peak = control(library, "emu_reset_peak");
  *(void **)&e->count = control(library, "emu_count");
  *(void **)&e->used = control(library, "emu_used_bytes");
  *(void **)&e->copied = control(library, "emu_copied_bytes");
  *(void **)&e->peak = control(library, "emu_peak_bytes");
  e->reset();
  e->reset_peak();
}

void emulated_close(struct emulated *e) {
  e->reset();
  why_close(e->machine);
  // The loader keeps its words for the last failure until they are asked for twice, where a leak
  // check that leaves thread-local data out does not see them.
  while (dlerror()) continue;
}

// ---- operands ----------------------------------------------------------------------------------

static uint64_t next(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return *state >> 11;
}

// Is this element of the span inside the tensor, or in a gap? Takes off what each dim accounts for,
// that of the largest stride first.
static bool inside(const struct why_tensor *t, int64_t element) {
  bool done[WHY_RANK] = {false};
  for (int n = 0; n < t->rank; n++) {
    int widest = -1;
    for (int d = 0; d < t->rank; d++)
      if (!done[d] && (widest < 0 || t->stride[d] > t->stride[widest])) widest = d;
    done[widest] = true;
    int64_t stride = t->stride[widest], index = stride ? element / stride : 0;
    element -= (index < t->dim[widest] ? index : t->dim[widest] - 1) * stride;
  }
  return element == 0;
}

void operands_make(struct operands *o, const struct why_problem *p, unsigned seed) {
  uint64_t state = seed;
  memset(o, 0, sizeof *o);
  o->problem = *p;
  for (int i = 0; i < p->op->operands; i++) {
    struct why_tensor *t = &o->before[i];
    p->op->shape(p, i, t);
    size_t bytes = why_tensor_bytes(t), size = why_type_bytes(t->type);
    t->data = malloc(bytes);
    o->base[i] = malloc(bytes + 2 * ROUND);
    assert_non_null(t->data);
    assert_non_null(o->base[i]);
    memset(t->data, SENTINEL, bytes);
    for (int64_t e = 0; e < (int64_t)(bytes / size); e++) {
      double x = (double)next(&state) * 0x1p-52 - 1;
      if (p->op->role(p, i) == WHY_OUT) x = NAN;
      if (inside(t, e)) why_element_set(t, e, x);
    }
    o->now[i] = *t;
    o->now[i].data = (char *)o->base[i] + ROUND;
    memset(o->base[i], SENTINEL, bytes + 2 * ROUND);
  }
  operands_reset(o);
}

void operands_reset(struct operands *o) {
  for (int i = 0; i < o->problem.op->operands; i++)
    memcpy(o->now[i].data, o->before[i].data, why_tensor_bytes(&o->before[i]));
}

void operands_intact(const struct operands *o, const char *what) {
  const struct why_op *op = o->problem.op;
  for (int i = 0; i < op->operands; i++) {
    const struct why_tensor *t = &o->now[i];
    size_t bytes = why_tensor_bytes(t), size = why_type_bytes(t->type);
    const unsigned char *base = o->base[i], *now = t->data, *before = o->before[i].data;
    for (int b = 0; b < ROUND; b++)
      if (base[b] != SENTINEL || now[bytes + (size_t)b] != SENTINEL)
        fail_msg("%s: %s is written outside", what, op->operand[i]);
    bool input = op->role(&o->problem, i) == WHY_IN;
    for (size_t e = 0; e < bytes / size; e++)
      if ((input || !inside(t, (int64_t)e)) && memcmp(now + e * size, before + e * size, size) != 0)
        fail_msg("%s: %s is changed at element %zu of its span", what, op->operand[i], e);
  }
}

void operands_right(const struct operands *o, const char *what) {
  struct why_check c;
  enum why_reason r = why_check(&o->problem, o->before, o->now, &c);
  if (r)
    fail_msg("%s: %s, error %g at element %lld of %s, tolerance %g", what, why_name(r), c.error,
             (long long)c.element, o->problem.op->operand[c.output], c.tolerance);
}

void operands_free(struct operands *o) {
  for (int i = 0; i < o->problem.op->operands; i++) {
    free(o->before[i].data);
    free(o->base[i]);
  }
}
