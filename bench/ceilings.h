// What this machine can do at most, measured here and now: the figures that results are compared
// with and that predictions rest on.
#ifndef WHY_CEILINGS_H
#define WHY_CEILINGS_H
#include "whycpu.h"

struct ceilings {
  // Operations a second in fused multiply-adds (two each) on the widest vectors the CPU has; for
  // bf16 on its units for that type, where it has any. Else, and for f16, the rate of f32, to which
  // CPU kernels convert them.
  double flops[WHY_MATH_COUNT];
  double memory_bps, nontemporal_bps; // a copy, bytes read plus bytes written; 0: no memory for it
};

// With `threads` threads, each bound to a CPU of its own as far as there are any, whole cores
// first. cpu_features: bits of why_cpu_feature, none that this CPU lacks; they say which units for
// bf16 are used. Takes about `seconds`; medians of at least three repeats. The copy's two buffers
// are four times the last-level cache each, but at most 256 MiB: on a machine (or a virtual one)
// that says its cache is larger than that, the copy may run partly from the cache. WHY_OK, or
// WHY_ALLOC_FAILED where no thread could be started; what was not measured is 0.
enum why_reason ceilings_measure(int threads, uint32_t cpu_features, double seconds,
                                 struct ceilings *out);

// The host's figures: flops (by its cpu_features), memory_bps (the larger of the two copies) and
// provenance. A ceiling is what was reached at best, for other work on the machine only lowers it:
// measured two to six times for 0.7 s, until two f32 rates in a row agree within a tenth.
enum why_reason ceilings_host(int threads, struct why_facts *figures);

// Fills in_bps, out_bps, latency_seconds, memory_bps and launch_seconds of `figures` by way of the
// device's own functions, and its provenance; binds the device to this thread. A device without a
// clock (an emulated one) leaves all as it was. WHY_OK, WHY_ALLOC_FAILED or what a call returned.
enum why_reason ceilings_device(struct why_device *, struct why_facts *figures);

#endif
