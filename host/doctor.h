// The doctor: why is the GPU not used, by this program or by a framework. The first cause, its
// evidence, its fix; on this machine or on a snapshot of one (a folder or a .tar.gz). Needs no
// Python, no root and no CUDA; a driver's libraries are entered by a child process only.
#ifndef WHY_DOCTOR_H
#define WHY_DOCTOR_H
#include "whycpu.h"
#include <stdbool.h>

enum why_level {
  WHY_LEVEL_SCOPE,     // what kind of system this is
  WHY_LEVEL_HARDWARE,  // the PCI bus
  WHY_LEVEL_KERNEL,    // the kernel's module
  WHY_LEVEL_CONTAINER, // what a container was given
  WHY_LEVEL_NODES,     // /dev
  WHY_LEVEL_DRIVER,    // libcuda and its kin
  WHY_LEVEL_STATE,     // of the GPUs
  WHY_LEVEL_SELECTION, // by the environment
  WHY_LEVEL_BUILD,     // of the framework
  WHY_LEVEL_LIBRARIES, // CUDA's and cuDNN's
  WHY_LEVEL_RUN,       // what only shows while it runs
  WHY_LEVEL_COUNT
};
WHY_API const char *why_level_name(enum why_level); // "PCI bus"

struct why_cause {
  const char *id; // "driver-library-mismatch"
  enum why_level level;
  bool warns; // what it finds slows down or may fail, and does not keep work off the GPU
  const char *sentence;
  const char *log;   // what frameworks and the kernel print then; "" if nothing
  const char *proof; // the file or call that proves it
  const char *fix;   // one line
  const char *check; // how to see that the fix worked
};
WHY_API int why_cause_count(void);
WHY_API const struct why_cause *why_cause_at(int);
WHY_API const struct why_cause *why_cause_find(const char *id); // NULL: there is none

enum why_result { WHY_RESULT_UNKNOWN, WHY_RESULT_OK, WHY_RESULT_FAIL, WHY_RESULT_NA };
WHY_API const char *why_result_name(enum why_result); // "ok", "fail", "unknown", "n/a"

struct why_evidence {
  const char *path; // a file inside the root, or a call
  const char *text;
};
struct why_finding { // one rule's outcome
  const struct why_cause *cause;
  enum why_result result;
  bool root;                     // a failure that no earlier one explains
  const char *why;               // one line
  const char *need, *have, *fix; // "" where there is none
  const struct why_evidence *evidence;
  int evidences;
};

enum why_verdict_word { WHY_GPU_USED, WHY_GPU_UNUSED, WHY_GPU_UNKNOWN };
WHY_API const char *why_verdict_name(enum why_verdict_word); // "gpu-used"

struct why_doctor {
  const char *root;      // NULL: this machine
  const char *framework; // NULL: this program; "tensorflow", "pytorch", "jax", "onnxruntime",
                         // "llama.cpp", "ollama", "cuda"
  const char *python, *program; // NULL: found by PATH; inside the root
  int pid;                      // 0: this process
};
struct why_diagnosis {
  const char *asked;   // the framework's name; "whycpu"
  const char *root;    // "/" or as it was named
  const char *subject; // "pytorch 2.5.1", "whycpu"
  enum why_verdict_word verdict;
  const struct why_finding *check; // in the order of the chain, one a cause
  int checks;
  // Places in `check`: causes that were found, the main one first, other roots, then consequences.
  const int *found;
  int founds;
};
// WHY_OK; WHY_BAD_INPUT with one line; WHY_ALLOC_FAILED.
WHY_API enum why_reason why_diagnose(const struct why_doctor *, struct why_diagnosis **,
                                     struct why_error *);
WHY_API void why_diagnosis_free(struct why_diagnosis *);
WHY_API int why_framework_count(void);
WHY_API const char *why_framework_name(int);

// Writes a snapshot of this machine (or of `root`) for any framework: a folder, or a .tar.gz by its
// ending. `unread` gets how many paths could not be read.
WHY_API enum why_reason why_capture(const struct why_doctor *, const char *to, int *files,
                                    int *unread, struct why_error *);
#endif
