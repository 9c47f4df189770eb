// The folders that the dynamic linker looks into, one after the other.
#ifndef WHY_RESOLVE_PLACES_H
#define WHY_RESOLVE_PLACES_H
#include "resolve.h"

// What is made of a folder, or of one that is not known (NULL). True: that was enough.
typedef bool place_seen(void *to, const char *folder, const char *how);

// A list as in RPATH (':') or LD_LIBRARY_PATH (':' and ';'). `origin`: what $ORIGIN stands for;
// NULL: not known.
bool places_of_list(struct search *, const char *list, bool semicolons, const char *origin,
                    const char *how, place_seen *, void *to);
// What /etc/ld.so.conf and what it includes name, for a snapshot without a cache.
bool places_of_conf(struct search *, place_seen *, void *to);
bool places_default(struct search *, place_seen *, void *to);
bool places_32_bit(struct search *, place_seen *, void *to);
// Where toolkits and drivers put libraries that ld.so is only led to by a setting.
bool places_of_cuda(struct search *, place_seen *, void *to);

// The folder that a path lies in: "/" of "/a".
const char *folder_of(struct arena *, const char *path);
// The file path as a library; ABSENT if it is no library for this process, UNREAD where that cannot
// be told.
enum there library_at(struct search *, const char *name, const char *path, const char *how,
                      bool any_class, struct library *);
// The same of a folder, and of its glibc-hwcaps first.
enum there library_in(struct search *, const char *name, const char *folder, const char *how,
                      bool any_class, struct library *);

// A file that asks for a library, and what asked for that file.
struct asker {
  const char *path; // NULL: the program
  struct elf elf;
  bool unsure; // whether it has an RPATH is not known
  const struct asker *loader;
};
// The program itself as one.
const struct asker *search_program(struct search *);
struct library search_asked(struct search *, const char *name, const struct asker *,
                            bool any_class);
#endif
