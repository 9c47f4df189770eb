// Other Python environments on a machine, in the places where people put them: looked for only
// where the one that was asked about does not have what it should.
#include "python_site.h"
#include "slice.h"
#include <string.h>

enum { CANDIDATES = 1024, OTHERS_MOST = 64 };

struct others {
  const struct facts *f;
  const struct python *than;
  struct python *python;
  int count, looked;
};

static void consider(struct others *o, const char *prefix) {
  if (o->looked++ >= CANDIDATES || o->count == OTHERS_MOST) return;
  const struct facts *f = o->f;
  bool system = !strcmp(prefix, "/usr");
  struct sites sites = {.f = f};
  sites_of_prefix(&sites, prefix, "", system);
  for (int i = 0; i < sites.count; i++) // one that it has itself is not another
    for (int k = 0; k < o->than->sites; k++)
      if (!strcmp(root_real(f->root, "%s", o->than->site[k]).text, sites.real[i])) return;
  for (int i = 0; i < o->count; i++)
    if (!strcmp(o->python[i].prefix, prefix)) return;
  if (!sites.count) return;
  o->python[o->count++] = (struct python){
      .interpreter = arena_print(f->arena, "%s/bin/%s", prefix, system ? "python3" : "python"),
      .prefix = prefix,
      .version = "",
      .site = sites_copy(&sites),
      .sites = sites.count,
      .complete = sites.unsure ? UNKNOWN : YES};
}

static void consider_in(struct others *o, const char *folder, const char *pattern) {
  struct names names = root_names(o->f->root, pattern, "%s", folder);
  for (int i = 0; i < names.count && o->looked < CANDIDATES; i++)
    consider(o,
             arena_print(o->f->arena, "%s/%s", strcmp(folder, "/") ? folder : "", names.name[i]));
}

// What may lie in a project or an installation of conda: FOLDER itself, its venv, its envs.
static void consider_below(struct others *o, const char *folder) {
  static const char *const name[] = {".venv", "venv", "env"};
  consider(o, folder);
  for (int i = 0; i < 3; i++) consider(o, arena_print(o->f->arena, "%s/%s", folder, name[i]));
  consider_in(o, arena_print(o->f->arena, "%s/envs", folder), "*");
}

static void consider_each(struct others *o, const char *folder, const char *pattern) {
  struct names names = root_names(o->f->root, pattern, "%s", folder);
  for (int i = 0; i < names.count && o->looked < CANDIDATES; i++)
    consider_below(o, arena_print(o->f->arena, "%s/%s", folder, names.name[i]));
}

static void consider_home(struct others *o, const char *home) {
  static const char *const kept[] = {".virtualenvs", ".pyenv/versions", ".conda/envs",
                                     ".local/share/virtualenvs"};
  consider_below(o, home);
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
    consider_in(o, arena_print(o->f->arena, "%s/%s", home, kept[i]), "*");
  consider_each(o, home, "*");
}

int python_others(const struct facts *f, const struct python *python, const struct python **out) {
  static const char *const shared[] = {"/opt", "/srv", "/workspace", "/app", "/mnt", "/data"};
  struct others o = {.f = f, .than = python};
  o.python = arena_give(f->arena, OTHERS_MOST * sizeof *o.python);
  const char *cwd = f->process.cwd, *home = env_of(f, "HOME");
  if (*python->prefix) { // beside it: conda's and virtualenvwrapper's
    const char *end = strrchr(python->prefix, '/');
    size_t length = end ? (size_t)(end - python->prefix) : 0;
    if (length > 1 && strncmp(python->prefix, "/usr", 4) != 0) {
      const char *beside = arena_copy(f->arena, python->prefix, length);
      consider_in(&o, beside, "*");
      if (slice_ends(slice_of(beside), "/envs"))
        consider(&o, arena_copy(f->arena, beside, length - strlen("/envs")));
    }
    consider_below(&o, python->prefix);
  }
  if (cwd && cwd[0] == '/' && cwd[1]) consider_below(&o, cwd);
  consider(&o, "/usr");
  consider(&o, "/usr/local");
  for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
    consider_below(&o, shared[i]);
    consider_each(&o, shared[i], "*");
  }
  if (home && home[0] == '/' && home[1]) consider_home(&o, home);
  consider_home(&o, "/root");
  struct names homes = root_names(f->root, "*", "/home");
  for (int i = 0; i < homes.count && o.looked < CANDIDATES; i++)
    consider_home(&o, arena_print(f->arena, "/home/%s", homes.name[i]));
  *out = o.python;
  return o.count;
}
