// Every kernel of the catalog over generated shapes, its whole output against the reference in
// double, and the memory around each operand untouched.
#ifndef BENCH_CHECK_H
#define BENCH_CHECK_H
#include "table.h"
#include "whycpu.h"
#include <stdbool.h>

struct check_options {
  const char *const *op; // names; NULL: all
  int ops;
  const char *kernel; // "backend:name"; "": all
  bool quick;
  uint64_t seed;
  const struct why_problem *problem; // this one only; NULL: generated shapes
  bool gpu_only;                     // leave the host's kernels out
  struct table *table;               // a row each kernel and type; NULL: none
};

// One kernel with one type: a row.
struct check_row {
  const struct why_kernel *kernel;
  enum why_type type;
  int64_t passed, failed, refused; // cases; refused: the kernel does not take them
  double worst;                    // largest error / tolerance of those that ran; NAN: none did
  double seconds;                  // that the row took, reference included; not the kernel's time
  const char *device;              // that it ran on; NULL: it ran nowhere
  bool emulated;
  struct why_verdict verdict; // of the last case that was refused or failed
};

struct check_summary {
  int64_t kernels;                 // rows that ran at least one case
  int64_t absent;                  // rows that could run none, each with its reason in the table
  int64_t passed, failed, refused; // cases
  double worst;                    // largest error / tolerance; NAN: nothing ran
  bool emulated;                   // some ran on an emulated device
  bool interrupted;                // Ctrl-C: the rest was left out
};

extern const struct table_column check_column[];
enum { CHECK_COLUMNS = 14 };

// Failing cases go to standard error, each as a command that repeats it. STATUS_OK, STATUS_NO if
// one failed, STATUS_MACHINE, or STATUS_INTERRUPTED.
int check_all(struct why_machine *, const struct check_options *, struct check_summary *);
#endif
