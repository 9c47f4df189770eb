// How the loader, the tests and the fakes of libraries steer the emulated device. The emulated
// plug-in exports these names, for dlsym.
#ifndef WHY_EMULATION_CONTROL_H
#define WHY_EMULATION_CONTROL_H
#include <stddef.h>
#include <stdint.h>
#define EMU_API __attribute__((visibility("default")))
#ifdef __cplusplus
extern "C" {
#endif

// What can be made to fail. Copies are memory sets too; allocations those of host memory as well.
enum emu_kind { EMU_ALLOC, EMU_COPY, EMU_LAUNCH, EMU_KINDS };

// The device's memory and its capability (90 for sm_90; 0: 90), before the first CUDA call. Resets
// everything else as emu_reset() does. Without it: 4 GiB, sm_90.
EMU_API void whycpu_emulate(uint64_t memory_bytes, int capability);

// No fault ahead, counts at 0, a lost device back, the seed from the environment's EMU_SEED.
// Memory stays allocated.
EMU_API void emu_reset(void);

EMU_API void emu_fail(enum emu_kind, long nth); // the nth from now fails, once; 0: none
EMU_API long emu_count(enum emu_kind);          // calls since the reset, failed ones too

EMU_API uint64_t emu_used_bytes(void); // device and managed memory, as asked for
EMU_API uint64_t emu_peak_bytes(void);
EMU_API void emu_reset_peak(void);

// 0: blocks and threads run in ascending order, as far as barriers allow; else shuffled.
EMU_API void emu_seed(unsigned);

EMU_API void emu_lose_device(void); // until the reset every call that uses it fails

// 1: all of [p, p + bytes) is inside one live allocation that the device can reach.
EMU_API int emu_contains(const void *p, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
