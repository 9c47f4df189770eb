// The parts of a capture: what was looked at, what of it may be kept, and how it is written.
#ifndef WHY_CAPTURE_H
#define WHY_CAPTURE_H
#include "doctor.h"
#include "facts.h"
#include "sink.h"

// ---- what was looked at: capture_looks.c -------------------------------------------------------

struct look {
  const char *path;
  size_t most; // of a text
  char kind;   // as root_watch has it
};
struct looks {
  struct arena *arena;
  struct look *look;
  int count, room;
};
root_watcher looks_add; // to a struct looks

// ---- what a snapshot needs for the same looks to come out the same: capture_plan.c -------------

enum item_kind { ITEM_FOLDER, ITEM_LINK, ITEM_FILE, ITEM_UNREAD };
struct item {
  const char *path;   // without links above it
  const char *target; // of a link
  size_t most;        // how much of its start was read
  enum item_kind kind;
  bool text, parts; // its start was read; it was opened, and parts of it were read
  bool seen;        // its content was looked at, or there is none
};
struct plan {
  struct item *item; // sorted by path, each once but for ITEM_UNREAD
  int count;
};
// Goes all ways again. `pid`: whose /proc is "self" in the snapshot; 0: this process's.
struct plan plan_of(struct root *, struct arena *, struct looks *, int pid);

// ---- what may be kept: capture_keep.c ----------------------------------------------------------

// May a variable of the environment be in a snapshot? Only those that decide about GPUs.
bool capture_env_allowed(const char *name);
// What stands for its value, which may tell where a machine is.
const char *capture_env_value(const char *name, const char *value);

// A file's text as it may be kept: in place, shorter or as it was. False: nothing of it.
bool capture_keep(const char *path, char *text, size_t *length);
bool capture_keeps_whole(const char *path);

// ---- the facts that no file holds: capture_facts.c ---------------------------------------------

// .whycpu/version, env, process, nodes, kmsg and gpu.json. False: as sink_file.
bool capture_facts(const struct facts *, struct sink *);
// Is it one of those, or .whycpu/unread?
bool capture_is_fact(const char *path);
#endif
