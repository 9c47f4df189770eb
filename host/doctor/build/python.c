// Which folders an interpreter imports from: told from its place and from pyvenv.cfg, as its own
// start does it. Not followed: .pth files, PYTHONHOME, and shims that are scripts.
#include "python.h"
#include "python_site.h"
#include "python_text.h"
#include "slice.h"
#include <string.h>

enum { VERSIONS_MOST = 32, LIST_MOST = 64 };

// ---- paths -------------------------------------------------------------------------------------

static const char *folder_above(struct arena *arena, const char *path) {
  const char *end = strrchr(path, '/');
  return end && end > path ? arena_copy(arena, path, (size_t)(end - path)) : "/";
}

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static bool is_windows(const char *interpreter) {
  struct slice name = slice_of(interpreter);
  return slice_ends(name, ".exe") || slice_ends(name, ".EXE");
}

// The environment of PREFIX/bin/python; of /bin/python it is /usr.
static const char *prefix_of(struct arena *arena, const char *interpreter) {
  const char *bin = folder_above(arena, interpreter);
  if (is_windows(interpreter) && strcmp(last_part(bin), "Scripts") != 0) return bin;
  const char *prefix = folder_above(arena, bin);
  return strcmp(prefix, "/") != 0 ? prefix : "/usr";
}

// "3.10" of "python3.10" and of "3.10.12"; "".
static const char *minor_version(struct arena *arena, const char *text) {
  if (slice_begins(slice_of(text), "python")) text += strlen("python");
  size_t major = strspn(text, "0123456789");
  if (!major || text[major] != '.') return "";
  size_t minor = strspn(text + major + 1, "0123456789");
  return minor ? arena_copy(arena, text, major + 1 + minor) : "";
}

// ---- folders -----------------------------------------------------------------------------------

static void add_folder(struct sites *sites, const char *path) {
  struct stat status;
  enum there there = root_stat(sites->f->root, &status, "%s", path);
  if (there == UNREAD) sites->unsure = true;
  if (there != THERE || !S_ISDIR(status.st_mode) || sites->count == SITES_MOST) return;
  const char *to = root_real(sites->f->root, "%s", path).text;
  for (int i = 0; i < sites->count; i++)
    if (!strcmp(sites->real[i], to)) return; // lib64 is often a link to lib
  sites->real[sites->count] = to;
  sites->folder[sites->count++] = path;
}

// FOLDER/python3.X/LAST, of one version or of each that is there.
static void add_versions(struct sites *sites, const char *folder, const char *version,
                         const char *last) {
  struct arena *arena = sites->f->arena;
  if (*version) {
    add_folder(sites, arena_print(arena, "%s/python%s/%s", folder, version, last));
    return;
  }
  struct names names = root_names(sites->f->root, "python[0-9].*", "%s", folder);
  if (names.there == UNREAD) sites->unsure = true;
  for (int i = 0; i < names.count && i < VERSIONS_MOST; i++)
    add_folder(sites, arena_print(arena, "%s/%s/%s", folder, names.name[i], last));
}

static void add_user(struct sites *sites, const char *version) {
  const struct facts *f = sites->f;
  const char *off = env_of(f, "PYTHONNOUSERSITE"), *home = env_of(f, "HOME");
  if (off && *off) return;
  if (!home && f->process.known == YES && !f->process.uid) home = "/root";
  if (!home || *home != '/') {
    sites->unsure = true;
    return;
  }
  add_versions(sites, arena_print(f->arena, "%s/.local/lib", home), version, "site-packages");
}

void sites_of_prefix(struct sites *sites, const char *prefix, const char *version, bool debian) {
  struct arena *arena = sites->f->arena;
  static const char *const lib[] = {"lib", "lib64"};
  if (debian) {
    add_versions(sites, "/usr/local/lib", version, "dist-packages");
    add_folder(sites, "/usr/lib/python3/dist-packages");
    add_versions(sites, "/usr/lib", version, "dist-packages");
    if (!strcmp(prefix, "/usr"))
      for (int i = 0; i < 2; i++) // what Fedora's pip installs
        add_versions(sites, arena_print(arena, "/usr/local/%s", lib[i]), version, "site-packages");
  }
  for (int i = 0; i < 2; i++)
    add_versions(sites, arena_print(arena, "%s/%s", prefix, lib[i]), version, "site-packages");
  add_folder(sites, arena_print(arena, "%s/Lib/site-packages", prefix)); // on Windows
}

// PYTHONPATH: before everything else.
static void add_named(struct sites *sites) {
  const char *path = env_of(sites->f, "PYTHONPATH");
  struct slice rest = slice_of(path ? path : ""), folder;
  for (int i = 0; i < LIST_MOST && rest.length; i++) {
    if (!slice_split(rest, ':', &folder, &rest)) {
      folder = rest;
      rest.length = 0;
    }
    if (slice_begins(folder, "/")) add_folder(sites, slice_copy(sites->f->arena, folder));
  }
}

// ---- one environment ---------------------------------------------------------------------------

static bool is_there(const struct facts *f, const char *path) {
  return root_stat(f->root, NULL, "%s", path) == THERE ||
         root_link(f->root, "%s", path).there == THERE; // in a snapshot it may lead nowhere
}

// Its own virtual environment. A program that is a link leads to another Python's only where it
// has no pyvenv.cfg.
static bool is_venv(const struct facts *f, struct python *p, struct text *settings) {
  *settings = root_text(f->root, 16 << 10, "%s/pyvenv.cfg", p->prefix);
  return settings->there == THERE;
}

static void fill_venv(struct sites *sites, struct python *p, const struct text *settings) {
  struct arena *arena = sites->f->arena;
  const char *version = config_value(arena, settings, "version");
  if (!version) version = config_value(arena, settings, "version_info");
  if (!*p->version && version) p->version = minor_version(arena, version);
  sites_of_prefix(sites, p->prefix, p->version, false);
  const char *system = config_value(arena, settings, "include-system-site-packages");
  if (!system || (*system != 't' && *system != 'T')) return;
  const char *home = config_value(arena, settings, "home");
  const char *base = home && *home == '/' ? folder_above(arena, home) : "/usr";
  if (!strcmp(base, "/")) base = "/usr";
  add_user(sites, p->version);
  sites_of_prefix(sites, base, p->version, !strcmp(base, "/usr"));
}

static void fill_plain(struct sites *sites, struct python *p) {
  const struct facts *f = sites->f;
  struct text real = root_real(f->root, "%s", p->interpreter);
  if (!*p->version) p->version = minor_version(f->arena, last_part(real.text));
  if (real.there == THERE) p->prefix = prefix_of(f->arena, real.text);
  add_user(sites, p->version);
  // Debian's, whose packages are in two prefixes; also by a link that leads nowhere in a snapshot.
  bool debian =
      !strcmp(p->prefix, "/usr") || (!strcmp(p->prefix, "/usr/local") && real.there != THERE);
  sites_of_prefix(sites, p->prefix, p->version, debian);
  if (real.there == ABSENT && strcmp(real.text, p->interpreter) != 0)
    sites_of_prefix(sites, prefix_of(f->arena, real.text), p->version, false);
}

static struct python environment(const struct facts *f, const char *interpreter, bool known) {
  struct python p = {.interpreter = interpreter, .prefix = prefix_of(f->arena, interpreter)};
  p.version = minor_version(f->arena, last_part(interpreter));
  struct sites sites = {.f = f};
  struct text settings;
  // Shims are scripts that choose a Python by themselves.
  bool shim = strstr(interpreter, "/shims/") != NULL;
  sites.unsure = !known || f->process.env_known != YES || shim;
  add_named(&sites);
  if (is_venv(f, &p, &settings)) {
    fill_venv(&sites, &p, &settings);
  } else {
    if (settings.there == UNREAD) sites.unsure = true;
    if (is_windows(interpreter))
      sites_of_prefix(&sites, p.prefix, p.version, false);
    else
      fill_plain(&sites, &p);
  }
  p.site = sites_copy(&sites);
  p.sites = sites.count;
  p.complete = sites.unsure ? UNKNOWN : YES;
  return p;
}

const char *const *sites_copy(const struct sites *sites) {
  const char **site = arena_give(sites->f->arena, ((size_t)sites->count + 1) * sizeof *site);
  for (int i = 0; i < sites->count; i++) site[i] = sites->folder[i];
  return site;
}

// ---- which one ---------------------------------------------------------------------------------

static const char *by_path(const struct facts *f) {
  static const char *const name[] = {"python3", "python"};
  const char *path = env_of(f, "PATH");
  struct slice rest = slice_of(path ? path : ""), folder;
  for (int looked = 0; looked < LIST_MOST && rest.length; looked++) {
    if (!slice_split(rest, ':', &folder, &rest)) {
      folder = rest;
      rest.length = 0;
    }
    if (!slice_begins(folder, "/")) continue;
    for (int i = 0; i < 2; i++) {
      const char *full = arena_print(f->arena, "%.*s/%s", (int)folder.length, folder.at, name[i]);
      if (is_there(f, full)) return full;
    }
  }
  return NULL;
}

// A folder is taken for an environment's.
static const char *within(const struct facts *f, const char *named) {
  struct stat status;
  bool folder = root_stat(f->root, &status, "%s", named) == THERE && S_ISDIR(status.st_mode);
  return folder ? arena_print(f->arena, "%s/bin/python", named) : named;
}

struct python python_find(const struct facts *f, const char *interpreter) {
  static const char *const variable[] = {"VIRTUAL_ENV", "CONDA_PREFIX"};
  if (!interpreter) interpreter = f->process.python;
  if (interpreter && *interpreter == '/') return environment(f, within(f, interpreter), true);
  for (int i = 0; i < 2; i++) {
    const char *folder = env_of(f, variable[i]);
    if (folder && *folder == '/')
      return environment(f, arena_print(f->arena, "%s/bin/python", folder), true);
  }
  const char *found = by_path(f);
  if (!found && is_there(f, "/usr/bin/python3")) found = "/usr/bin/python3";
  if (found) return environment(f, found, true);
  // A snapshot can have the packages without the program.
  struct python p = environment(f, "/usr/bin/python3", false);
  if (!p.sites) p.interpreter = "";
  return p;
}
