// The loops that the host's ceilings are measured with.
#ifndef WHY_CEILINGS_LOOPS_H
#define WHY_CEILINGS_LOOPS_H
#include <stddef.h>
#include <stdint.h>

// Runs `rounds` rounds of independent multiply-adds and returns how many operations that were. The
// sum of all accumulators goes to *sink, so that no compiler leaves them out.
typedef double flops_loop(int64_t rounds, double *sink);
flops_loop *flops_loop_f32(void), *flops_loop_f64(void); // for the widest vectors of this CPU
// bf16 products, sums in f32, on the units that are among `cpu_features` (why_cpu_feature; none
// that this CPU lacks): AMX tiles where the system grants them to this process, else AVX-512 dot
// products. NULL: neither, or the compiler has no such instructions.
flops_loop *flops_loop_bf16(uint32_t cpu_features);

// Both 64-byte aligned, bytes a multiple of 64.
void copy_cached(void *dst, const void *src, size_t bytes);
void copy_nontemporal(void *dst, const void *src, size_t bytes);

#endif
