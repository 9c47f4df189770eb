// A process of this machine: this one, asked of the kernel, or another, read from /proc.
#include "probe_process.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void process_own(struct facts *f) {
  struct process *p = &f->process;
  p->path = "/proc/self/status";
  p->uid = getuid();
  p->gid = getgid();
  gid_t got[GROUPS_MOST];
  int groups = getgroups(GROUPS_MOST, got);
  if (groups >= 0) {
    int64_t *group = arena_give(f->arena, (size_t)groups * sizeof *group);
    for (int i = 0; i < groups; i++) group[i] = got[i];
    p->group = group;
    p->groups = groups;
    p->known = YES;
  }
  char folder[4096];
  if (getcwd(folder, sizeof folder)) p->cwd = arena_copy(f->arena, folder, strlen(folder));
  struct rlimit limit;
  if (!getrlimit(RLIMIT_AS, &limit)) {
    p->as_limit_known = true;
    p->as_limit_bytes = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
  }
  p->label = root_text(f->root, 4096, "/proc/self/attr/current");
  p->env_path = "/proc/self/environ";
  environment_own(f);
}

// The words after "Uid:" are real, effective, saved and of the file system: the second counts.
static bool second_number(struct slice words, int64_t *number) {
  uint64_t value;
  slice_word(&words);
  if (!slice_number(slice_word(&words), 10, UINT32_MAX, &value)) return false;
  *number = (int64_t)value;
  return true;
}

static void read_groups(struct facts *f, struct slice words) {
  int64_t *group = arena_give(f->arena, GROUPS_MOST * sizeof *group);
  uint64_t value;
  while (f->process.groups < GROUPS_MOST &&
         slice_number(slice_word(&words), 10, UINT32_MAX, &value))
    group[f->process.groups++] = (int64_t)value;
  f->process.group = group;
}

static void read_status(struct facts *f, const struct text *status) {
  struct slice rest = slice_text(status), line, key, value;
  bool uid = false, gid = false, groups = false;
  while (slice_line(&rest, &line)) {
    if (!slice_split(line, ':', &key, &value)) continue;
    if (slice_is(key, "Uid")) uid = second_number(value, &f->process.uid);
    if (slice_is(key, "Gid")) gid = second_number(value, &f->process.gid);
    if (slice_is(key, "Groups") && !groups) {
      read_groups(f, value);
      groups = true;
    }
  }
  f->process.known = uid && gid && groups ? YES : UNKNOWN;
}

static void read_limits(struct process *p, const struct text *limits) {
  struct slice rest = slice_text(limits), line;
  static const char name[] = "Max address space";
  while (slice_line(&rest, &line)) {
    if (!slice_begins(line, name)) continue;
    line.at += sizeof name - 1;
    line.length -= sizeof name - 1;
    struct slice soft = slice_word(&line);
    p->as_limit_bytes = UINT64_MAX;
    p->as_limit_known =
        slice_is(soft, "unlimited") || slice_number(soft, 10, UINT64_MAX, &p->as_limit_bytes);
    return;
  }
}

// How the process was called, where that is the same file: the python of a virtual environment is a
// link to the one that /proc tells of, and the link's folder is what matters.
static const char *as_called(struct facts *f, int pid, const char *real) {
  struct text line = root_text(f->root, 4096, "/proc/%d/cmdline", pid);
  if (line.there != THERE || !*line.text) return real;
  const char *name = line.text, *full = name;
  if (!strchr(name, '/'))
    full = environment_path(f, name);
  else if (*name != '/')
    full = arena_print(f->arena, "%s/%s", f->process.cwd, name);
  if (!full) return real;
  struct text same = root_real(f->root, "%s", full);
  return same.there == THERE && !strcmp(same.text, real) ? full : real;
}

void process_other(struct facts *f, int pid) {
  struct process *p = &f->process;
  struct text status = root_text(f->root, 64 << 10, "/proc/%d/status", pid);
  p->path = status.path;
  read_status(f, &status);
  struct text limits = root_text(f->root, 64 << 10, "/proc/%d/limits", pid);
  read_limits(p, &limits);
  struct text link = root_link(f->root, "/proc/%d/cwd", pid);
  if (link.there == THERE) p->cwd = link.text;
  p->label = root_text(f->root, 4096, "/proc/%d/attr/current", pid);
  struct text env = root_text(f->root, ENVIRONMENT_MOST, "/proc/%d/environ", pid);
  p->env_path = env.path;
  environment_read(f, &env, 0);
  link = root_link(f->root, "/proc/%d/exe", pid);
  struct slice exe = slice_text(&link);
  if (slice_ends(exe, " (deleted)")) exe.length -= strlen(" (deleted)");
  if (!slice_begins(exe, "/")) return;
  const char *program = as_called(f, pid, slice_copy(f->arena, exe));
  if (!strncmp(strrchr(slice_copy(f->arena, exe), '/'), "/python", 7))
    p->python = program;
  else
    p->program = program;
}
