// Where the driver's module lies, for which kernels, and whether it could be made for this one.
// Looked for in the folders that distributions and dkms use, then in the list that depmod made of
// all modules; where there is no such list, in every folder.
#include "probe_kernel.h"
#include "tables.h"
#include <string.h>

enum {
  RELEASES_MOST = 64,
  LISTS_MOST = 4, // of other kernels: each is half a megabyte
  FILES_MOST = 64,
  DEPTH_MOST = 6,
  ENTRIES_MOST = 20000, // of all folders that are walked
  LIST_MOST = 2 << 20
};
static const char *const places[] = {"/lib/modules", "/usr/lib/modules",
                                     "/run/booted-system/kernel-modules/lib/modules"};
// Below a release; "*" in the last part only.
static const struct {
  const char *folder, *pattern;
} known_folders[] = {{"updates/dkms", NULL},
                     {"updates", NULL},
                     {"updates", "nvidia*"},
                     {"extra", NULL},
                     {"extra", "nvidia*"},
                     {"weak-updates", NULL},
                     {"weak-updates", "nvidia*"},
                     {"weak-updates/updates", NULL},
                     {"kernel/drivers/video", NULL},
                     {"kernel/drivers/video", "nvidia*"},
                     {"kernel/drivers/char/drm", NULL},
                     {"kernel/drivers/gpu/drm", "nvidia*"},
                     {"kernel", "nvidia*"},
                     {"extramodules", NULL},
                     {"video", NULL},
                     {"misc", NULL}};

struct look {
  struct facts *f;
  const char *place, *release;
  int entries;     // looked at
  bool incomplete; // there may be more than was seen
};

// nvidia.ko, and as Debian and Ubuntu call it where several versions lie side by side; not its
// helpers, nor the kernel's own drivers whose names begin so.
static bool is_module(struct slice name) {
  static const char *const endings[] = {".ko", ".ko.xz", ".ko.zst", ".ko.gz"};
  static const char *const others[] = {"drm", "modeset", "uvm", "peermem", "fs", "wmi"};
  size_t ending = 0;
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    if (slice_ends(name, endings[i])) ending = strlen(endings[i]);
  if (!ending || !slice_begins(name, "nvidia")) return false;
  struct slice rest = {name.at + 6, name.length - ending - 6};
  if (!rest.length) return true;
  if (*rest.at != '-' && *rest.at != '_') return false;
  rest.at++;
  rest.length--;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (slice_ends(rest, others[i])) return false;
  return slice_begins(rest, "current") || slice_begins(rest, "legacy") ||
         slice_begins(rest, "tesla") || slice_begins(rest, "open") ||
         (rest.length && *rest.at >= '0' && *rest.at <= '9');
}

static void add(struct look *s, const char *path) {
  struct kernel *k = &s->f->kernel;
  for (int i = 0; i < k->files; i++)
    if (!strcmp(k->file[i].path, path)) return;
  if (k->files == FILES_MOST) return;
  struct module_file *list = arena_more(s->f->arena, k->file, k->files, sizeof *list);
  list[k->files++] = (struct module_file){s->release, path};
  k->file = list;
}

static struct names names_in(struct look *s, const char *folder, const char *pattern) {
  struct names names = root_names(s->f->root, pattern, "%s/%s/%s", s->place, s->release, folder);
  s->incomplete |= names.there == UNREAD;
  return names;
}

static void look_in(struct look *s, const char *folder) {
  struct names names = names_in(s, folder, "nvidia*.ko*");
  for (int i = 0; i < names.count; i++)
    if (is_module(slice_of(names.name[i])))
      add(s, arena_print(s->f->arena, "%s/%s", names.path, names.name[i]));
}

static void look_in_known(struct look *s) {
  for (size_t i = 0; i < sizeof known_folders / sizeof *known_folders; i++) {
    if (!known_folders[i].pattern) {
      look_in(s, known_folders[i].folder);
      continue;
    }
    struct names names = names_in(s, known_folders[i].folder, known_folders[i].pattern);
    for (int j = 0; j < names.count && j < FILES_MOST; j++)
      if (!strstr(names.name[j], ".ko"))
        look_in(s, arena_print(s->f->arena, "%s/%s", known_folders[i].folder, names.name[j]));
  }
}

// depmod's list: "updates/dkms/nvidia.ko.zst: kernel/drivers/...", the module first.
static void look_in_list(struct look *s, const struct text *list) {
  struct slice rest = slice_text(list), line, path, needs;
  while (slice_line(&rest, &line)) {
    if (!slice_split(line, ':', &path, &needs)) continue;
    struct slice folder, name = path;
    while (slice_split(name, '/', &folder, &name)) continue;
    if (!is_module(name)) continue;
    const char *full = *path.at == '/' ? slice_copy(s->f->arena, path)
                                       : arena_print(s->f->arena, "%s/%s/%.*s", s->place,
                                                     s->release, (int)path.length, path.at);
    enum there there = root_stat(s->f->root, NULL, "%s", full);
    if (there == THERE) add(s, full);
    s->incomplete |= there == UNREAD;
  }
  s->incomplete |= list->cut;
}

static void walk(struct look *s, const char *folder, int depth) {
  struct names names = root_names(s->f->root, "*", "%s", folder);
  s->incomplete |= names.there == UNREAD;
  for (int i = 0; i < names.count; i++) {
    if (s->entries++ >= ENTRIES_MOST) {
      s->incomplete = true;
      return;
    }
    struct slice name = slice_of(names.name[i]);
    if (is_module(name)) add(s, arena_print(s->f->arena, "%s/%s", folder, names.name[i]));
    if (slice_has(name, ".") && slice_has(name, ".ko")) continue;
    // Not through the links that lead to a kernel's sources.
    if (depth == 0 && (slice_is(name, "build") || slice_is(name, "source"))) continue;
    struct stat what;
    enum there there = root_stat(s->f->root, &what, "%s/%s", folder, names.name[i]);
    s->incomplete |= there == UNREAD;
    if (there != THERE || !S_ISDIR(what.st_mode)) continue;
    if (depth == DEPTH_MOST)
      s->incomplete = true;
    else
      walk(s, arena_print(s->f->arena, "%s/%s", folder, names.name[i]), depth + 1);
  }
}

// Every module of one release. `lists`: how many more of depmod's may be read.
static void look_for(struct look *s, int *lists) {
  int before = s->f->kernel.files;
  s->incomplete = false;
  look_in_known(s);
  if (s->f->kernel.files > before) return;
  if (!*lists) {
    s->incomplete = true;
    return;
  }
  struct text list = root_text(s->f->root, LIST_MOST, "%s/%s/modules.dep", s->place, s->release);
  *lists -= list.there == THERE;
  if (list.there == THERE) {
    look_in_list(s, &list);
  } else if (list.there == ABSENT) {
    walk(s, arena_print(s->f->arena, "%s/%s", s->place, s->release), 0);
  } else {
    s->incomplete = true;
  }
}

// False: none is there. What was not seen to its end is in `incomplete`.
static bool found_for(struct look *s, const char *release, int *lists) {
  int before = s->f->kernel.files;
  s->release = release;
  look_for(s, lists);
  return s->f->kernel.files > before;
}

void kernel_module_files(struct facts *f) {
  struct kernel *k = &f->kernel;
  struct look look = {.f = f, .place = places[0]};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    struct names names = root_names(f->root, "*", "%s", places[i]);
    if (i && !names.count) continue;
    k->modules = names;
    if (!names.count) continue;
    look.place = places[i];
    break;
  }
  const char *running = f->scope.release.there == THERE ? f->scope.release.text : "";
  int lists = LISTS_MOST + 1;
  k->file_here = UNKNOWN;
  // First, lest the others use up what may be read; and whether its folder is among the names or
  // not, for it may be there unread.
  if (*running && found_for(&look, running, &lists))
    k->file_here = YES;
  else if (*running && !look.incomplete && k->modules.there != UNREAD)
    k->file_here = NO;
  for (int i = 0; i < k->modules.count && i < RELEASES_MOST; i++)
    if (strcmp(k->modules.name[i], running)) found_for(&look, k->modules.name[i], &lists);
}

static const char *newest(const struct names *names, const char *beginning) {
  const char *best = NULL;
  for (int i = 0; i < names->count; i++) {
    const char *version = names->name[i] + strlen(beginning);
    if (*version < '0' || *version > '9') continue;
    if (!best || version_compare(version, best + strlen(beginning)) > 0) best = names->name[i];
  }
  return best;
}

void kernel_sources(struct facts *f) {
  struct kernel *k = &f->kernel;
  struct names dkms = root_names(f->root, "*", "/var/lib/dkms/nvidia");
  struct names sources = root_names(f->root, "nvidia-*", "/usr/src");
  const char *version = newest(&dkms, ""), *source = newest(&sources, "nvidia-");
  k->sources = dkms.there == UNREAD || sources.there == UNREAD ? UNKNOWN : NO;
  if (!source && sources.count) source = sources.name[0];
  if (source)
    k->source_path = arena_print(f->arena, "/usr/src/%s", source);
  else if (version)
    k->source_path = arena_print(f->arena, "/var/lib/dkms/nvidia/%s", version);
  else if (dkms.there == THERE)
    k->source_path = "/var/lib/dkms/nvidia";
  if (k->source_path) k->sources = YES;

  const char *release = f->scope.release.there == THERE ? f->scope.release.text : "";
  if (!*release) return;
  const char *headers[] = {arena_print(f->arena, "/lib/modules/%s/build", release),
                           arena_print(f->arena, "/usr/src/linux-headers-%s", release),
                           arena_print(f->arena, "/usr/src/kernels/%s", release)};
  k->headers_path = headers[0];
  k->headers = any_there(f->root, headers, sizeof headers / sizeof *headers, &k->headers_path);
}
