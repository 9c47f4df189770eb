// The parts of probe_process.c that are files of their own.
#ifndef WHY_PROBE_PROCESS_H
#define WHY_PROBE_PROCESS_H
#include "slice.h"

enum {
  ENVIRONMENT_MOST = 256 << 10, // bytes of an environment
  VARIABLES_MOST = 4096,
  GROUPS_MOST = 1024
};

// environment.c: variables one an end of line ('\n' of a snapshot, 0 of the kernel). What is no
// variable is passed over.
void environment_read(struct facts *, const struct text *, char end);
void environment_own(struct facts *);
// Where a shell with the environment asked about would find a program; NULL: nowhere.
const char *environment_path(const struct facts *, const char *name);
// The same for any of these, the first folder of PATH that has one.
const char *environment_first(const struct facts *, const char *const *name, int names);

// process_live.c: process 0 is this one.
void process_own(struct facts *);
void process_other(struct facts *, int pid);
#endif
