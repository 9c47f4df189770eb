// The common options, and what they ask for. A command lists the options of its own in a table.
// This header brings the rest that commands share with it: program.h, values.h, files.h, table.h.
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H
#include "files.h"
#include "program.h"
#include "table.h"
#include "values.h"
#include "whycpu.h"
#include <stdbool.h>

struct option_row { // --NAME VALUE
  const char *name;
  const char *value; // "N"; "[=MEMORY]" where it may be left out; NULL: a flag
  const char *help;
  option_reader *read;
  void *to;
};

enum option_set { // the common options that a command takes; --format, -o, --help always
  OPTION_MACHINE = 1,
  OPTION_EMULATE = 2,
  OPTION_POLICY = 4,
  OPTION_MEMORY = 8,
  OPTION_THREADS = 16,
  OPTION_KERNEL = 32,
  OPTION_TRANSFER = 64, // --transfer and --iterations
  OPTION_PLAN = 128,    // --plan and --pinned-memory
  OPTION_CACHE = 256,
  OPTION_SUBMIT = 512,
  OPTION_DECIDE =
      OPTION_POLICY | OPTION_MEMORY | OPTION_THREADS | OPTION_TRANSFER | OPTION_PLAN | OPTION_CACHE
};

struct option_policy {
  enum why_policy policy;
  const struct why_kernel *kernel; // asked for by name: a row of any op; NULL: any kernel
};

enum { OPTION_LIST = 64 };
struct options {
  const char *machine;     // NULL: this one
  bool fresh;              // of this one: leave its calibration aside
  struct why_options open; // emulate_bytes, emulate_capability
  struct option_policy policy[OPTION_LIST];
  enum why_transfer transfer[WHY_TRANSFER_COUNT];
  enum why_cache cache[WHY_CACHE_COUNT];
  enum why_submit submit[WHY_SUBMIT_COUNT];
  struct amount memory[OPTION_LIST];
  int64_t threads[OPTION_LIST];    // 0: all
  int64_t iterations[OPTION_LIST]; // calls on the same operands
  uint32_t plans;                  // bit 1 << why_plan: those allowed; 0: any
  struct amount pinned;            // a share is of the host's memory
  // At least 1 each after options_read.
  int policies, transfers, caches, submits, memories, thread_counts, iteration_counts;
  unsigned given;     // OPTION_POLICY, _MEMORY, _THREADS, _TRANSFER: lists that are the user's own
  const char *kernel; // "backend:name"; "": any
  enum table_format format; // text unless told
  bool format_given;
  const char *output; // NULL: standard output
  char **argument;    // what is left; the caller's argv
  int arguments;
};

struct command_help {
  const char *usage;            // "explain PROBLEM... [options]"
  const char *text;             // a few lines, with examples
  unsigned common;              // enum option_set
  const struct option_row *row; // its own options, ending with a NULL name; or NULL
};

// argv[0] is the command's name. STATUS_GO_ON, or the status to return at once (--help, --version,
// or a wrong request).
int options_read(int argc, char **argv, const struct command_help *, struct options *);

// ---- what the options ask for -------------------------------------------------------------------

// Opens this machine (emulated if asked) or reads the one that --machine names. STATUS_OK or the
// status to return, its line already printed.
int options_machine(const struct options *, struct why_machine **);

// The remaining arguments as one problem. STATUS_OK, or STATUS_REQUEST with its line printed.
int options_problem(const struct options *, struct why_problem *);

// That each kernel named by --policy or --kernel computes this op. STATUS_OK or STATUS_REQUEST.
int options_kernel(const struct options *, const struct why_op *);

// Closes a table and the output that it went to. NULL, as table_open gives it: out of memory.
int output_table(struct output *, struct table *);

// The index-th of all combinations of policies, iterations, budgets, transfers, ways to submit,
// caches and threads; the policies vary last. A share of memory is of the machine's first GPU, or
// of the host without one.
int options_requests(const struct options *);
void options_request(const struct options *, const struct why_machine *, const struct why_problem *,
                     int index, struct why_request *);
#endif
