// The dynamic linker's search for one library, in its order: ld.so(8).
#include "resolve_places.h"
#include <elf.h>
#include <string.h>

// As glibc's cache marks a library for the current C library and an architecture.
enum { FLAGS_X86_64 = 0x0303, FLAGS_AARCH64 = 0x0a03 };

void search_begin(struct search *search, const struct facts *facts) {
  const struct process *process = &facts->process;
  *search = (struct search){.root = facts->root, .arena = facts->arena, .arch = facts->scope.arch};
  search->library_path_known = process->env_known == YES;
  search->library_path = env_of(facts, "LD_LIBRARY_PATH");
  search->cwd = process->cwd;
  search->program = process->program ? process->program : process->python;
  search->own =
      root_live(facts->root) && process->path && !strcmp(process->path, "/proc/self/status");
  search->cache = ld_cache_read(facts->root, facts->arena);
  search->multiarch = root_stat(facts->root, NULL, "/usr/lib/%s-linux-gnu",
                                search->arch == ARCH_AARCH64 ? "aarch64" : "x86_64") == THERE;
}

// ---- one file ----------------------------------------------------------------------------------

enum arch arch_of_machine(int elf_machine) {
  return elf_machine == EM_X86_64    ? ARCH_X86_64
         : elf_machine == EM_AARCH64 ? ARCH_AARCH64
                                     : ARCH_UNKNOWN;
}

static bool fits(struct search *search, const struct elf *elf) {
  if (elf->elf_class != 64) return false;
  enum arch arch = arch_of_machine(elf->machine);
  if (!arch) return false;
  if (!search->arch) search->arch = arch;
  return arch == search->arch;
}

enum there library_at(struct search *search, const char *name, const char *path, const char *how,
                      bool any_class, struct library *out) {
  struct root *root = search->root;
  struct elf elf = {0};
  struct stat status;
  enum there there = root_stat(root, &status, "%s", path);
  if (there == THERE) {
    if (!S_ISREG(status.st_mode)) return ABSENT;
    elf = elf_read(root, search->arena, path);
    // What is no ELF file ends the search too: with an error, or in a snapshot it stands for one.
    if (elf.elf_class && !any_class && !fits(search, &elf)) return ABSENT;
  } else if (root_live(root) || root_link(root, "%s", path).there != THERE) {
    return search->own ? ABSENT : there; // but a link in a snapshot may lead nowhere
  }
  const char *to = root_real(root, "%s", path).text;
  *out = (struct library){.there = THERE,
                          .name = name,
                          .path = path,
                          .real = to,
                          .how = how,
                          .version = library_version(search->arena, to),
                          .elf_class = elf.elf_class,
                          .elf_machine = elf.machine};
  return THERE;
}

enum there library_in(struct search *search, const char *name, const char *folder, const char *how,
                      bool any_class, struct library *out) {
  static const char *const levels[] = {"x86-64-v4", "x86-64-v3", "x86-64-v2"};
  if (search->looked++ >= SEARCH_MOST) return UNREAD;
  enum there there = root_stat(search->root, NULL, "%s", folder);
  if (there != THERE) return search->own ? ABSENT : there;
  const size_t count = sizeof levels / sizeof *levels;
  bool levelled = search->arch != ARCH_AARCH64 &&
                  root_stat(search->root, NULL, "%s/glibc-hwcaps", folder) == THERE;
  for (size_t i = levelled ? 0 : count; i < count; i++) {
    const char *path = arena_print(search->arena, "%s/glibc-hwcaps/%s/%s", folder, levels[i], name);
    if ((there = library_at(search, name, path, how, any_class, out)) != ABSENT) return there;
  }
  const char *slash = strcmp(folder, "/") != 0 ? "/" : "";
  return library_at(search, name, arena_print(search->arena, "%s%s%s", folder, slash, name), how,
                    any_class, out);
}

// ---- one place after the other -----------------------------------------------------------------

struct taking {
  struct search *search;
  const char *name;
  bool any_class;
  bool unsure;                // something that is not known could have had it
  const char *program_folder; // $ORIGIN of the program; NULL: not known
  enum there there;
  struct library got;
};

static bool take_in(void *to, const char *folder, const char *how) {
  struct taking *taking = to;
  if (!folder) {
    taking->unsure = true;
    return false;
  }
  taking->there =
      library_in(taking->search, taking->name, folder, how, taking->any_class, &taking->got);
  return taking->there != ABSENT;
}

// What $ORIGIN is in a library is where it was found; in the program, where it is.
static const char *origin_of(const struct taking *taking, const struct asker *asker) {
  return asker->path ? folder_of(taking->search->arena, asker->path) : taking->program_folder;
}

// RPATH of the file that asks, of what loaded it, and so on up to the program: but for a file that
// has a RUNPATH, whose RPATH counts for nothing and which does not ask for those above it.
static bool take_by_rpath(struct taking *taking, const struct asker *asker) {
  struct search *search = taking->search;
  if (*asker->elf.runpath) return false;
  for (const struct asker *at = asker; at; at = at->loader) {
    if (!*at->elf.rpath || *at->elf.runpath) continue;
    if (places_of_list(search, at->elf.rpath, false, origin_of(taking, at), "RPATH", take_in,
                       taking))
      return true;
  }
  return false;
}

static bool take_from_cache(struct taking *taking) {
  struct search *search = taking->search;
  const struct ld_cache *cache = &search->cache;
  if (cache->there == UNREAD && !(search->own && !*cache->why)) {
    taking->there = UNREAD;
    return true;
  }
  for (int i = 0; i < cache->entries; i++) {
    const struct ld_entry *entry = &cache->entry[i];
    bool fits_x86 = entry->flags == FLAGS_X86_64 && search->arch != ARCH_AARCH64;
    bool fits_arm = entry->flags == FLAGS_AARCH64 && search->arch != ARCH_X86_64;
    if (!taking->any_class && !fits_x86 && !fits_arm) continue;
    if (strcmp(entry->name, taking->name) != 0) continue;
    taking->there = library_at(search, taking->name, entry->path, "ld.so.cache", taking->any_class,
                               &taking->got);
    if (taking->there != ABSENT) return true;
    if (!taking->any_class) return false; // ld.so tries one
  }
  // A snapshot that somebody made by hand has the settings and no cache that was made of them.
  bool by_hand = cache->there == ABSENT && !root_live(search->root);
  return by_hand && places_of_conf(search, take_in, taking);
}

static void take(struct taking *taking, const struct asker *asker) {
  struct search *search = taking->search;
  if (search->program) {
    const char *program = root_real(search->root, "%s", search->program).text;
    taking->program_folder = folder_of(search->arena, program);
  }
  const char *origin = origin_of(taking, asker);
  if (take_by_rpath(taking, asker)) return;
  if (asker->unsure || !search->library_path_known) taking->unsure = true;
  if (search->library_path && *search->library_path &&
      places_of_list(search, search->library_path, true, taking->program_folder, "LD_LIBRARY_PATH",
                     take_in, taking))
    return;
  if (*asker->elf.runpath &&
      places_of_list(search, asker->elf.runpath, false, origin, "RUNPATH", take_in, taking))
    return;
  if (take_from_cache(taking) || places_default(search, take_in, taking)) return;
  if (taking->any_class) places_32_bit(search, take_in, taking);
}

struct library search_asked(struct search *search, const char *name, const struct asker *asker,
                            bool any_class) {
  struct taking taking = {.search = search, .name = name, .any_class = any_class, .there = ABSENT};
  if (strchr(name, '/')) {
    bool relative = *name != '/';
    const char *path =
        relative && search->cwd ? arena_print(search->arena, "%s/%s", search->cwd, name) : name;
    if (relative && !search->cwd)
      taking.there = UNREAD;
    else
      taking.there = library_at(search, name, path, "path", any_class, &taking.got);
  } else
    take(&taking, asker);
  if (taking.there == THERE) return taking.got;
  return (struct library){.there = taking.unsure ? UNREAD : taking.there,
                          .name = name,
                          .path = "",
                          .real = "",
                          .version = "",
                          .how = ""};
}

const struct asker *search_program(struct search *search) {
  struct asker *program = arena_give(search->arena, sizeof *program);
  *program = (struct asker){.elf = {.why = "", .soname = "", .rpath = "", .runpath = ""}};
  if (search->program) program->elf = elf_read(search->root, search->arena, search->program);
  return program;
}

struct library search_library(struct search *search, const char *name, const char *from,
                              const struct elf *elf, bool any_class) {
  const struct asker *program = search_program(search);
  struct asker asker = {.path = from, .loader = program};
  if (from) asker.elf = elf ? *elf : elf_read(search->root, search->arena, from);
  asker.unsure = from && !elf && !asker.elf.elf_class;
  if (!search->arch) fits(search, from ? &asker.elf : &program->elf);
  if (!asker.elf.rpath) asker.elf.rpath = "";
  if (!asker.elf.runpath) asker.elf.runpath = "";
  return search_asked(search, name, from ? &asker : program, any_class);
}
