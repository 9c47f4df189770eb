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

// What can be made to fail. Copies are memory sets too; allocations those of host memory as well;
// EMU_QUEUE is making a stream, an event or a graph, and recording or waiting for an event;
// EMU_LAUNCH is launching a kernel, also into a graph, and a graph.
enum emu_kind { EMU_ALLOC, EMU_COPY, EMU_LAUNCH, EMU_QUEUE, EMU_KINDS };

// The device's memory and its capability (90 for sm_90; 0: 90), before the first CUDA call. Resets
// everything else as emu_reset() does. Without it: 4 GiB, sm_90.
EMU_API void whycpu_emulate(uint64_t memory_bytes, int capability);

// No fault ahead, counts at 0, a lost device back, the seed from the environment's EMU_SEED, the
// call that loses the device from its EMU_LOSE_AT. Memory stays allocated, and what is in a queue
// stays there.
EMU_API void emu_reset(void);

EMU_API void emu_fail(enum emu_kind, long nth);       // the nth from now fails, once; 0: none
EMU_API void emu_fail_again(enum emu_kind, long nth); // the nth after that one, once
EMU_API long emu_count(enum emu_kind);                // calls since the reset, failed ones too

EMU_API uint64_t emu_used_bytes(void); // device and managed memory, as asked for
EMU_API uint64_t emu_peak_bytes(void);
EMU_API uint64_t emu_host_bytes(void); // pinned memory, as asked for
EMU_API void emu_reset_peak(void);

// Bytes that copies move from host memory, pinned or not, to device memory (to_device 1), and from
// device to host memory (0), since the reset; counted when a copy is accepted. Managed memory is
// neither.
EMU_API uint64_t emu_copied_bytes(int to_device);

// 0: blocks and threads run in ascending order, as far as barriers allow, and a queue only as far
// as something waits for it; else shuffled.
EMU_API void emu_seed(unsigned);

// Until the reset every call that uses the device fails; what was in a queue is dropped.
EMU_API void emu_lose_device(void);
EMU_API void emu_lose_at(long nth); // at the nth call from now of any emu_kind; 0: never

// For the fakes of libraries: calls function(argument) when a stream gets there, as a kernel is
// run. 0: it will; else the cudaError of the call. release(argument) is called in any case, once:
// after the function, or where it will not run, such as on a lost device; NULL: nothing is.
EMU_API int emu_call(void *stream, void (*function)(void *), void *argument,
                     void (*release)(void *));

// 1: all of [p, p + bytes) is inside one live allocation that the device can reach.
EMU_API int emu_contains(const void *p, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
