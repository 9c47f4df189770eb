// Is this the inside of a container: its engine leaves a mark.
#include "probe_scope.h"
#include <string.h>

struct mark {
  const char *path, *kind;
};
static const struct mark files[] = {{"/.dockerenv", "docker"},
                                    {"/run/.containerenv", "podman"},
                                    {"/.singularity.d", "apptainer"},
                                    {"/dev/lxd", "lxc"}};
// Of the process asked about; the first that is set tells. Kubernetes runs on top of another engine
// and gives the GPU out itself, so it goes before that engine's mark.
static const struct mark variables[] = {{"KUBERNETES_SERVICE_HOST", "kubernetes"},
                                        {"APPTAINER_CONTAINER", "apptainer"},
                                        {"SINGULARITY_CONTAINER", "apptainer"}};
// In the control group of process 1.
static const struct mark groups[] = {{"kubepods", "kubernetes"},
                                     {"docker", "docker"},
                                     {"libpod", "podman"},
                                     {"lxc", "lxc"},
                                     {"containerd", "containerd"}};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static bool settle(struct facts *f, const char *kind, const char *path, const char *text) {
  f->scope.container = YES;
  f->scope.container_kind = kind;
  f->scope.container_path = path;
  f->scope.container_text = text;
  return true;
}

// "docker" of container=docker, as systemd and the engines write it. WSL's is none of these.
static bool named(struct facts *f, struct slice value, const char *path) {
  value = slice_trim(value);
  if (!value.length || slice_is(value, "wsl")) return false;
  const char *kind = slice_show(f->arena, value, 32);
  return settle(f, kind, path, kind);
}

static bool by_environment(struct facts *f) {
  const char *path = f->process.env_path;
  for (size_t i = 0; i < COUNT(variables); i++) {
    const char *value = env_of(f, variables[i].path);
    if (value && *value)
      return settle(f, variables[i].kind, path,
                    arena_print(f->arena, "%s=%.64s", variables[i].path, value));
  }
  return false;
}

static bool by_first_process(struct facts *f, const struct text *groups_of_it) {
  struct text text = root_text(f->root, 64 << 10, "/proc/1/environ");
  struct slice rest = slice_text(&text), entry, key, value;
  while (rest.length) {
    if (!slice_split(rest, 0, &entry, &rest)) {
      entry = rest;
      rest.length = 0;
    }
    if (slice_split(entry, '=', &key, &value) && slice_is(key, "container") &&
        named(f, value, text.path))
      return true;
  }
  struct slice lines = slice_text(groups_of_it), line;
  while (slice_line(&lines, &line))
    for (size_t i = 0; i < COUNT(groups); i++)
      if (slice_has(line, groups[i].path))
        return settle(f, groups[i].kind, groups_of_it->path, slice_show(f->arena, line, 256));
  return false;
}

void scope_container(struct facts *f) {
  bool unread = false;
  f->scope.container_kind = "";
  if (by_environment(f)) return;
  for (size_t i = 0; i < COUNT(files); i++) {
    enum there there = root_stat(f->root, NULL, "%s", files[i].path);
    if (there == THERE) {
      settle(f, files[i].kind, files[i].path, "there");
      return;
    }
    unread |= there == UNREAD;
  }
  const char *value = env_of(f, "container");
  if (value && named(f, slice_of(value), f->process.env_path)) return;
  struct text text = root_text(f->root, 256, "/run/systemd/container");
  if (named(f, slice_text(&text), text.path)) return;
  struct text first = root_text(f->root, 64 << 10, "/proc/1/cgroup");
  if (by_first_process(f, &first)) return;
  unread |= f->process.env_known == UNKNOWN && first.there == UNREAD;
  f->scope.container = unread ? UNKNOWN : NO;
}
