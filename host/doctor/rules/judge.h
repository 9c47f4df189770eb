// What several rules ask of the facts.
#ifndef WHY_JUDGE_H
#define WHY_JUDGE_H
#include "rule.h"

// ---- what proves that everything before it works -----------------------------------------------

bool cuda_sees(const struct facts *);        // cuInit succeeded and counts a device
bool cuda_works(const struct facts *);       // and a context was made on one
bool nvml_sees(const struct facts *);        // NVML lists a GPU that answers
bool driver_found_gpu(const struct facts *); // any of these, or the module lists a GPU

// ---- where the machine is another kind ---------------------------------------------------------

bool driver_known_absent(const struct facts *); // or a GPU: an earlier rule says so
bool without_pci(const struct facts *); // WSL and Jetson: no PCI bus, module or nodes to look at
bool in_container(const struct facts *);
const char *platform_name(const struct facts *);

// ---- GPUs --------------------------------------------------------------------------------------

// The NVML devices that CUDA_VISIBLE_DEVICES lets through, in its order; all where it is not set or
// not known. At most GPU_ANSWERS; their number.
int visible_gpus(const struct facts *, const struct nvml_device *out[GPU_ANSWERS]);
// How many of the visible GPUs a test holds for.
typedef bool gpu_test(const struct nvml_device *);
struct share {
  int of, all;
  const struct nvml_device *first; // that it holds for; NULL
  bool first_visible;              // it holds for the device that programs take by default
};
struct share share_of(const struct facts *, gpu_test *);
int best_capability(const struct facts *); // of the GPUs that are there; 0: not known
// The capabilities of the GPUs that are there, each once; at most `most`.
int capabilities(const struct facts *, int *out, int most);
const char *gpu_name(const struct facts *); // of the first one, "the GPU" where it has no name
bool consumer_gpu(const struct facts *);    // GeForce or TITAN

bool given(const char *text); // there, and not empty

// ---- the driver's version ----------------------------------------------------------------------

const char *driver_version(const struct facts *, const char **path); // in use; ""
int driver_cuda(const struct facts *, const char **path);            // that it serves; 0
// "CUDA_ERROR_UNKNOWN (999)".
const char *error_words(const struct facts *, const char *api, int code);

// ---- the logs ----------------------------------------------------------------------------------

// The last line of the kernel's log, of the last attempt to load the module, that has `words` (case
// as written; "a|b": either); NULL.
const char *kernel_says(const struct facts *, const char *words);
// A line of what the framework printed.
const char *framework_says(const struct facts *, const char *words);
#endif
