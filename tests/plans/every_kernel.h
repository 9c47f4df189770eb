// What plans must do on a GPU, emulated or real. Each fails the test that calls it. Where `hands`
// is given, the bytes that the device holds are counted as well; on a real one (NULL) times are
// looked at instead: emulation never makes one.
#ifndef WHY_TEST_EVERY_KERNEL_H
#define WHY_TEST_EVERY_KERNEL_H
#include "emulated.h"

// Every kernel of the backend computes every problem that it takes, in every transfer mode and
// captured as a graph; each whose needs the device meets takes at least one.
void every_kernel_computes(struct why_machine *, const char *backend, const struct emulated *hands);

// Every problem in parts, on a device that is told to have half or a quarter of what it needs.
void streamed_plans_compute(struct why_machine *, const struct emulated *hands);

// Ten calls on the same operands, one by one and as a graph: with beta = 1, c takes ten products.
void iterations_accumulate(struct why_machine *);

// On a device of exactly the memory that a product needs it stays there; with one byte less it
// falls back, and says why. `off` is what the device has besides, `by_budget` whether the request
// says so or the device's own size.
enum { EXACT_BYTES = 2 * (31 * 23 + 23 * 17 + 31 * 17) };
void exact_memory_decides(struct why_machine *, int off, bool by_budget,
                          const struct emulated *hands);

struct why_request plans_request(const char *problem);
#endif
