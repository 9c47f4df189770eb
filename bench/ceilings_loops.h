// The loops that the host's ceilings are measured with.
#ifndef WHY_CEILINGS_LOOPS_H
#define WHY_CEILINGS_LOOPS_H
#include "whycpu.h"
#include <stddef.h>
#include <stdint.h>

// Runs `rounds` rounds of independent multiply-adds and returns how many operations that were. The
// sum of all accumulators goes to *sink, so that no compiler leaves them out.
typedef double flops_loop(int64_t rounds, double *sink);

// A unit of this CPU for one type, and what it takes: narrow ones first, the last usable one of a
// type being its widest.
struct flops_unit {
  const char *name;   // "f32-avx512": the type, then the instruction set
  enum why_math math; // that it multiplies in
  flops_loop *loop;
};
enum { FLOPS_UNITS = 9 };
// Those that are among `cpu_features` (bits of why_cpu_feature, none that this CPU lacks), that the
// compiler knew, and that the system grants to this process. At most FLOPS_UNITS; returns how many.
int flops_units(uint32_t cpu_features, struct flops_unit *out);

// NULL: not there. bf16: sums in f32, AMX tiles or AVX-512 dot products, one of them asked for.
flops_loop *flops_loop_f16(uint32_t cpu_features), *flops_loop_bf16(enum why_cpu_feature unit);

// Copies with ordinary and with non-temporal stores, as wide as this CPU has them. Both ends
// 64-byte aligned, bytes a multiple of 64.
typedef void copy_loop(void *dst, const void *src, size_t bytes);
copy_loop *copy_loop_cached(uint32_t cpu_features), *copy_loop_nontemporal(uint32_t cpu_features);

#endif
