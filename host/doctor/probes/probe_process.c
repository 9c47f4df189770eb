// Who asks for the GPU: the ids, limits and environment of the process asked about.
#include "probe_process.h"
#include <string.h>
#include <unistd.h>

static void read_group_list(struct facts *f, struct slice list) {
  struct process *p = &f->process;
  int64_t *group = arena_give(f->arena, GROUPS_MOST * sizeof *group);
  p->groups = 0;
  while (list.length && p->groups < GROUPS_MOST) {
    struct slice one;
    if (!slice_split(list, ',', &one, &list)) {
      one = list;
      list.length = 0;
    }
    uint64_t value;
    if (slice_number(slice_trim(one), 10, UINT32_MAX, &value)) group[p->groups++] = (int64_t)value;
  }
  p->group = group;
}

static const char *absolute(struct facts *f, struct slice value) {
  return slice_begins(value, "/") ? slice_copy(f->arena, value) : NULL;
}

static void read_recorded(struct facts *f) {
  struct process *p = &f->process;
  struct text text = root_text(f->root, 64 << 10, "/.whycpu/process");
  struct slice rest = slice_text(&text), line, key, value;
  uint64_t number;
  bool uid = false, gid = false;
  p->path = "/.whycpu/process";
  while (slice_line(&rest, &line)) {
    if (!slice_split(line, '=', &key, &value)) continue;
    key = slice_trim(key);
    value = slice_trim(value);
    bool whole = slice_number(value, 10, UINT64_MAX, &number);
    if (slice_is(key, "uid") && whole && number <= UINT32_MAX) {
      p->uid = (int64_t)number;
      uid = true;
    } else if (slice_is(key, "gid") && whole && number <= UINT32_MAX) {
      p->gid = (int64_t)number;
      gid = true;
    } else if (slice_is(key, "groups")) {
      read_group_list(f, value);
    } else if (slice_is(key, "python")) {
      p->python = absolute(f, value);
    } else if (slice_is(key, "program")) {
      p->program = absolute(f, value);
    } else if (slice_is(key, "cwd")) {
      p->cwd = absolute(f, value);
    } else if (slice_is(key, "as_limit") && (whole || slice_is(value, "unlimited"))) {
      p->as_limit_known = true;
      p->as_limit_bytes = whole ? number : UINT64_MAX;
    }
  }
  p->known = uid && gid ? YES : UNKNOWN;
  p->label = root_text(f->root, 4096, "/proc/self/attr/current");
  struct text env = root_text(f->root, ENVIRONMENT_MOST, "/.whycpu/env");
  p->env_path = "/.whycpu/env";
  environment_read(f, &env, '\n');
}

// In a user namespace of its own, "root" is somebody whom the machine's files know by another
// number. The first one maps every number to itself.
static enum known in_namespace(struct facts *f, int pid) {
  if (f->process.known != YES) return UNKNOWN;
  if (f->process.uid) return NO;
  struct text map = pid ? root_text(f->root, 4096, "/proc/%d/uid_map", pid)
                        : root_text(f->root, 4096, "/proc/self/uid_map");
  if (map.there == UNREAD) return UNKNOWN;
  if (map.there == ABSENT) return NO; // a kernel without such namespaces
  struct slice rest = slice_text(&map);
  struct slice inside = slice_word(&rest), outside = slice_word(&rest), count = slice_word(&rest);
  if (!count.length) return map.length ? UNKNOWN : YES; // a new one that maps nobody yet
  return slice_is(inside, "0") && slice_is(outside, "0") && slice_is(count, "4294967295") ? NO
                                                                                          : YES;
}

// A program as it was named, inside the root: a bare name is looked up as a shell does.
static const char *named(struct facts *f, const char *name, const char *folder, bool here_first) {
  if (*name == '/') return name;
  const char *here = arena_print(f->arena, "%s/%s", strcmp(folder, "/") ? folder : "", name);
  if (strchr(name, '/') || (here_first && root_stat(f->root, NULL, "%s", here) == THERE))
    return here;
  const char *found = environment_path(f, name);
  return found ? found : here;
}

void probe_process(struct facts *f, const struct ask *ask) {
  bool live = root_live(f->root);
  int pid = live ? ask->pid : 0;
  if (!live)
    read_recorded(f);
  else if (pid)
    process_other(f, pid);
  else
    process_own(f);
  f->process.label = text_trimmed(f->arena, f->process.label);
  f->process.root_in_user_namespace = in_namespace(f, pid);

  // What a user names is relative to where the user is.
  char here[4096];
  const char *folder = f->process.cwd;
  if (live) folder = getcwd(here, sizeof here);
  if (!folder) folder = "/";
  if (ask->python) f->process.python = named(f, ask->python, folder, false);
  if (ask->program) f->process.program = named(f, ask->program, folder, true);
}
