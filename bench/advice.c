// What to do about each reason: a sentence for the one who asks why the CPU did the work.
#include "summary.h"

const char *summary_advice(enum why_reason reason) {
  // clang-format off
  static const char *const advice[WHY_REASON_COUNT] = {
    [WHY_OK]             = "nothing: it runs there",
    [WHY_OP_UNKNOWN]     = "nothing on this machine changes it: no kernel of this project computes it",
    [WHY_EXCLUDED]       = "leave out the --policy that rules the GPU out",
    [WHY_NO_HARDWARE]    = "run it on a machine with an NVIDIA GPU; --machine h200 shows what one would do",
    [WHY_NO_DRIVER]      = "install the NVIDIA driver, or pass the device files into the container",
    [WHY_NO_DEVICE]      = "look at CUDA_VISIBLE_DEVICES, and at nvidia-smi -L for what the driver sees",
    [WHY_BACKEND_ABSENT] = "install the library that the note names, or build whycpu with it",
    [WHY_BACKEND_ABI]    = "rebuild the backends: they are older than the program",
    [WHY_DRIVER_OLD]     = "update the NVIDIA driver, or build for an older CUDA toolkit",
    [WHY_NOT_BUILT]      = "rebuild with the CUDA toolkit found: the configure summary says what was missing",
    [WHY_DEVICE_LOST]    = "look for Xid lines in the kernel's log; reset the device before the next run",
    [WHY_CAPABILITY]     = "use a newer GPU, or a kernel that asks for less (whycpu list kernels)",
    [WHY_ARCHITECTURE]   = "build for this architecture, or choose a kernel that is not tied to one",
    [WHY_CPU_FEATURE]    = "use a CPU with that instruction set; the portable kernel serves meanwhile",
    [WHY_TYPE]           = "use a data type that a GPU kernel takes (whycpu list kernels)",
    [WHY_FORM]           = "change the layout or transposition, or choose a kernel that takes it",
    [WHY_MULTIPLE]       = "pad the dims and strides to the multiple in `need`",
    [WHY_LIMIT]          = "cut the problem: a dim is past what the kernel can index",
    [WHY_SHARED_MEMORY]  = "use a kernel that needs less shared memory, or shorter rows",
    [WHY_LIBRARY]        = "see the library's own words in `note`; a newer version may take the case",
    [WHY_UNASKED]        = "record the machine again with this problem, so that its library is asked",
    [WHY_WORKSPACE]      = "raise the workspace budget to `need`",
    [WHY_UNCUTTABLE]     = "give it a larger budget or GPU: this problem only runs whole",
    [WHY_PINNED]         = "raise --pinned-memory to `need`, so that parts can be copied while others run",
    [WHY_DEVICE_MEMORY]  = "give it a larger budget or GPU, smaller batches, or a type of fewer bytes",
    [WHY_HOST_MEMORY]    = "give it more host memory, or a smaller problem",
    [WHY_POLICY]         = "change --policy: it could run on the GPU",
    [WHY_UNRANKED]       = "measure the device's figures first, so that its time can be predicted",
    [WHY_SLOWER]         = "keep operands on the device over more calls (--iterations), or leave it on the CPU",
    [WHY_ALLOC_FAILED]   = "free device memory that others hold (nvidia-smi), or lower the budget",
    [WHY_CALL_FAILED]    = "see the driver's words in `note`; whycpu check --kernel names what fails alone",
    [WHY_TIMEOUT]        = "raise the time limit, or cut the problem",
    [WHY_WRONG]          = "do not use this kernel here; whycpu check shows where it goes wrong",
    [WHY_BAD_INPUT]      = "mend the request",
  };
  // clang-format on
  return advice[reason];
}
