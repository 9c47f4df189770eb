// A library's plug-in on its fake, through the whole library on the emulated device.
#ifndef WHY_ON_FAKE_H
#define WHY_ON_FAKE_H
#include "whycpu.h"

struct why_machine *on_fake_machine(void);
// gpu-first; kernel: "backend:name", or "" for any.
struct why_request on_fake_request(const char *problem, const char *kernel);
// Decides and runs on operands of its own; the result, if there is one, has to be right.
enum why_reason on_fake_run(struct why_machine *, const struct why_request *,
                            struct why_decision *);
#endif
