// Searches for more than one file: everywhere that a name lies, and all that a library needs.
#include "resolve_places.h"
#include <string.h>

const char *library_version(struct arena *arena, const char *path) {
  static const char ending[] = ".so.", digits[] = "0123456789.";
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  const char *version = strstr(name, ending);
  if (!version) return "";
  version += sizeof ending - 1;
  size_t length = strspn(version, digits);
  while (length && version[length - 1] == '.') length--;
  return memchr(version, '.', length) ? arena_copy(arena, version, length) : "";
}

// ---- everywhere --------------------------------------------------------------------------------

enum { PLACES = 64 };
struct everywhere {
  struct search *search;
  const char *name;
  struct library *found;
  int count;
};

static void keep(struct everywhere *all, const struct library *library) {
  for (int i = 0; i < all->count; i++)
    if (!strcmp(all->found[i].real, library->real)) return;
  if (all->count < PLACES) all->found[all->count++] = *library;
}

static bool keep_in(void *to, const char *folder, const char *how) {
  struct everywhere *all = to;
  struct library got;
  if (folder && library_in(all->search, all->name, folder, how, true, &got) == THERE)
    keep(all, &got);
  return all->count == PLACES;
}

int search_every(struct search *search, const char *name, const struct library **out) {
  struct everywhere all = {.search = search, .name = name};
  struct library got;
  all.found = arena_give(search->arena, PLACES * sizeof *all.found);
  if (search->library_path && *search->library_path)
    places_of_list(search, search->library_path, true, NULL, "LD_LIBRARY_PATH", keep_in, &all);
  for (int i = 0; i < search->cache.entries; i++) {
    const struct ld_entry *entry = &search->cache.entry[i];
    if (!strcmp(entry->name, name) &&
        library_at(search, name, entry->path, "ld.so.cache", true, &got) == THERE)
      keep(&all, &got);
  }
  if (search->cache.there == ABSENT && !root_live(search->root))
    places_of_conf(search, keep_in, &all);
  places_default(search, keep_in, &all);
  places_32_bit(search, keep_in, &all);
  places_of_cuda(search, keep_in, &all);
  *out = all.found;
  return all.count;
}

// ---- what a library needs ----------------------------------------------------------------------

enum { LIBRARIES = 256, DEEP = 5, SEARCHES = 1024 };

// The C and C++ run-time libraries: without them no program had come this far.
static bool is_basic(const char *name) {
  static const char *const basic[] = {
      "ld-linux",  "libc.so.",       "libm.so.",     "libdl.so.",   "libpthread.so.",
      "librt.so.", "libstdc++.so.6", "libgcc_s.so.", "libutil.so.", "linux-vdso.so."};
  for (size_t i = 0; i < sizeof basic / sizeof *basic; i++)
    if (!strncmp(name, basic[i], strlen(basic[i]))) return true;
  return false;
}

struct loading { // a library of the closure
  struct asker asker;
  const char *name, *real;
  int depth;
};

static bool is_loaded(const struct loading *loaded, int count, const char *name, const char *real) {
  for (int i = 0; i < count; i++)
    if ((name && (!strcmp(loaded[i].name, name) || !strcmp(loaded[i].asker.elf.soname, name))) ||
        (real && !strcmp(loaded[i].real, real)))
      return true;
  return false;
}

static void load(struct search *search, struct loading *into, const struct library *library,
                 const struct asker *loader, int depth) {
  into->asker = (struct asker){.path = library->path, .loader = loader};
  into->asker.elf = elf_read(search->root, search->arena, library->path);
  into->asker.unsure = !into->asker.elf.elf_class;
  into->name = library->name ? library->name : "";
  into->real = library->real;
  into->depth = depth;
}

// Breadth first, as ld.so does: a name that something before has brought is not looked for again.
bool search_broken(struct search *search, const struct library *library, const char **missing,
                   const char **needed_by) {
  if (library->there != THERE) return false;
  struct loading *loaded = arena_give(search->arena, LIBRARIES * sizeof *loaded);
  const struct asker *program = search_program(search);
  int count = 1, searches = 0;
  load(search, &loaded[0], library, program, 0);
  for (int i = 0; i < count; i++) {
    const struct elf *elf = &loaded[i].asker.elf;
    for (int k = 0; k < elf->neededs; k++) {
      const char *name = elf->needed[k];
      if (is_basic(name) || is_loaded(loaded, count, name, NULL)) continue;
      if (searches++ == SEARCHES) return false;
      struct library got = search_asked(search, name, &loaded[i].asker, false);
      if (got.there == ABSENT) {
        *missing = name;
        *needed_by = loaded[i].asker.path;
        return true;
      }
      if (got.there != THERE || is_loaded(loaded, count, NULL, got.real)) continue;
      if (loaded[i].depth + 1 < DEEP && count < LIBRARIES)
        load(search, &loaded[count++], &got, &loaded[i].asker, loaded[i].depth + 1);
    }
  }
  return false;
}
