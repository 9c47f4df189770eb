// Packing slices of host operands into staging buffers, and unpacking them.
#ifndef WHY_STAGE_H
#define WHY_STAGE_H
#include "whycpu.h"

// `packed` has its elements side by side in some order of its dims (a part's operand on the
// device); `slice` has the same dims, gaps or not, and may be of another type: then one of the two
// is f32 and the other 16 bits wide. Elements are counted in packed's order of storage.
// From [first, first + count) of the slice into `stage`, which is of packed's type.
void why_stage_pack(void *stage, const struct why_tensor *packed, const struct why_tensor *slice,
                    int64_t first, int64_t count, int threads);
// The way back. Nothing but the slice's elements is written.
void why_stage_unpack(const void *stage, const struct why_tensor *packed,
                      const struct why_tensor *slice, int64_t first, int64_t count, int threads);
#endif
