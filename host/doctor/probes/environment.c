// The environment of the process asked about.
#define _GNU_SOURCE // environ
#include "probe_process.h"
#include <string.h>
#include <unistd.h>

static bool is_name(struct slice name) {
  for (size_t i = 0; i < name.length; i++)
    if (name.at[i] <= ' ' || name.at[i] == '#') return false;
  return name.length > 0;
}

// False: there are too many of them.
static bool add(struct facts *f, struct slice entry) {
  struct process *p = &f->process;
  struct slice name, value;
  if (!slice_split(entry, '=', &name, &value) || !is_name(name)) return true;
  if (p->envs == VARIABLES_MOST) return false;
  struct variable *list = arena_more(f->arena, p->env, p->envs, sizeof *list);
  list[p->envs++] = (struct variable){slice_copy(f->arena, name), slice_copy(f->arena, value)};
  p->env = list;
  return true;
}

void environment_read(struct facts *f, const struct text *text, char end) {
  struct slice rest = slice_text(text), entry;
  bool all = text->there == THERE && !text->cut;
  while (rest.length) {
    if (end == '\n') {
      slice_line(&rest, &entry);
    } else if (!slice_split(rest, end, &entry, &rest)) {
      entry = rest;
      rest.length = 0;
    }
    if (!add(f, entry)) {
      all = false;
      break;
    }
  }
  f->process.env_known = all ? YES : UNKNOWN; // a variable that is not seen may be further on
}

void environment_own(struct facts *f) {
  size_t bytes = 0;
  f->process.env_known = YES;
  for (char **at = environ; at && *at; at++) {
    bytes += strlen(*at) + 1;
    if (bytes > ENVIRONMENT_MOST || !add(f, slice_of(*at))) {
      f->process.env_known = UNKNOWN;
      return;
    }
  }
}

const char *env_of(const struct facts *f, const char *name) {
  for (int i = 0; i < f->process.envs; i++)
    if (!strcmp(f->process.env[i].name, name)) return f->process.env[i].value;
  return NULL;
}

const char *environment_first(const struct facts *f, const char *const *name, int names) {
  const char *path = env_of(f, "PATH");
  struct slice rest = slice_of(path ? path : "/usr/local/bin:/usr/bin:/bin"), folder;
  for (int looked = 0; looked < 256 && rest.length; looked++) {
    if (!slice_split(rest, ':', &folder, &rest)) {
      folder = rest;
      rest.length = 0;
    }
    if (!slice_begins(folder, "/")) continue; // relative to a folder that is another's business
    for (int i = 0; i < names; i++) {
      const char *full = arena_print(f->arena, "%.*s/%s", (int)folder.length, folder.at, name[i]);
      struct stat what;
      if (root_stat(f->root, &what, "%s", full) == THERE && S_ISREG(what.st_mode)) return full;
    }
  }
  return NULL;
}

const char *environment_path(const struct facts *f, const char *name) {
  return environment_first(f, &name, 1);
}
