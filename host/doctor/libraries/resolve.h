// Which file the dynamic linker would take for a library, in a given process: RPATH of the file
// that asks, LD_LIBRARY_PATH, RUNPATH, /etc/ld.so.cache, the default folders; ld.so(8) has the
// order. Leaves out LD_PRELOAD, LD_AUDIT and hardware capability subfolders other than
// glibc-hwcaps.
#ifndef WHY_RESOLVE_H
#define WHY_RESOLVE_H
#include "elf.h"
#include "facts.h"

// ld.so.cache, both forms: the new one alone, and the old one with the new one inside.
struct ld_entry {
  const char *name, *path;
  int flags; // FLAG_ELF_LIBC6 and the architecture's bits, as in glibc's cache
};
struct ld_cache {
  enum there there; // ABSENT also where the file is there and is no cache
  const char *why;  // "" or what is wrong with it
  const struct ld_entry *entry;
  int entries;
};
struct ld_cache ld_cache_read(struct root *, struct arena *);
// Of bytes, for fuzzing. `bytes` must outlive the result.
struct ld_cache ld_cache_parse(struct arena *, const char *bytes, size_t length);

enum arch arch_of_machine(int elf_machine); // ARCH_UNKNOWN: neither of the two

struct search { // how one process looks for libraries
  struct root *root;
  struct arena *arena;
  enum arch arch;           // ARCH_UNKNOWN: that of the first library found
  const char *library_path; // LD_LIBRARY_PATH; NULL: not set
  bool library_path_known;  // false: the environment is not known, and what only it could tell is
                            // UNREAD
  struct ld_cache cache;
  const char *cwd;     // what relative folders in LD_LIBRARY_PATH begin at; NULL: not known
  const char *program; // the executable, whose RPATH counts for all; NULL: not known, and taken
                       // to have none. A caller that knows it may set it.
  bool own;            // this very process asks: what it may not read, ld.so may not either
  bool multiarch;      // Debian's default folders, without /lib64
  bool conf_read, conf_unread; // what ld.so.conf names was looked up, where there is no cache
  const char *const *conf;
  int confs;
  int looked; // into folders: after SEARCH_MOST nothing more is known
};
enum { SEARCH_MOST = 50000 };
void search_begin(struct search *, const struct facts *);

// A library by its name, as asked for by the file `from` (absolute; NULL: by the program itself,
// dlopen in the main program). RPATH and RUNPATH of `from` are read here; `elf` may hand them over
// (NULL: read; a file that is no ELF file then has an RPATH that is not known, while one handed
// over has what it says). A file of another class or architecture is passed over, as ld.so does,
// but for `any_class`, which takes the first. got.there: ABSENT when every place was looked at;
// UNREAD when one could not be. Of a search whose outcome does not depend on what is not known the
// answer stands.
struct library search_library(struct search *, const char *name, const char *from,
                              const struct elf *, bool any_class);
// Every place where a name lies that ld.so could look in: cache, default folders, LD_LIBRARY_PATH,
// and /usr/local/cuda*/{lib64,compat,targets/*/lib,targets/*/lib/stubs}; each real file once.
int search_every(struct search *, const char *name, const struct library **);
// The first thing that is missing for it to load: follows DT_NEEDED, five deep. False: nothing is.
bool search_broken(struct search *, const struct library *, const char **missing,
                   const char **needed_by);
// "550.54.14" of "/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14", "12.3.4.1" of
// "libcublas.so.12.3.4.1", "" of "libcudnn.so.9" (a lone major is no version) and of "libcuda.so".
const char *library_version(struct arena *, const char *path);
#endif
