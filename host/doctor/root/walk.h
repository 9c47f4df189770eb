// The inside of a root, for the files that make one up and for the capture of one.
#ifndef WHY_WALK_H
#define WHY_WALK_H
#include "root.h"

// What the kernel takes of a path, with its NUL; and how many links it follows on one. The parts of
// a path and of its links together have no such end there: this one is so that no look takes long.
enum { PATH_MOST = 4096, LINKS_MOST = 40, PARTS_MOST = 512 };

// A snapshot's list of what it could not read: unread.c. Sorted; each as it is written, and with
// the links on its way resolved.
struct unread {
  const char **path;
  int count;
};

// Folders that are no links and lie below no link: a look need not ask for them again.
enum { PLAIN_SLOTS = 8192 };

struct root {
  struct arena *arena;
  const char *said;
  int folder; // -1: not open yet
  bool live;
  char *unpacked; // the folder of an unpacked archive, which goes when the root is closed; NULL
  struct unread unread;
  const char **plain; // by hash, PLAIN_SLOTS of them
  int plains;
  char *buffer; // for reading: here, so that nothing is lost when the arena is full
  size_t buffer_size;
  root_watcher *watcher;
  void *watcher_to;
};

// Where a path leads.
struct place {
  enum there there;
  char path[PATH_MOST]; // absolute, without links as far as it exists, and without "." and ".."
  size_t known;         // how much of `path` exists; all of it if THERE
  bool barred;          // UNREAD since the folder path[0..known) may not be searched
  struct stat stat;     // if THERE
};

// Called with each link on the way: its path, which has no links above it, and its text.
typedef void link_seen(void *to, const char *path, const char *target);

// `follow`: also the last part, if it is a link.
void root_walk(struct root *, const char *path, bool follow, struct place *, link_seen *, void *to);
// openat of a place, which must not have become a link since. -1 and errno.
int root_open_at(const struct root *, const struct place *, int flags);
// The same with the kind that it has to be, S_IFREG or S_IFDIR, for reading.
int root_open_kind(const struct root *, const struct place *, mode_t kind);
// readlinkat of a place that is a link, with a NUL after it; -1 and errno.
ssize_t root_read_link(const struct root *, const struct place *, char target[PATH_MOST]);
// Makes root->buffer hold so many bytes at least; false: there is no memory.
bool root_reserve(struct root *, size_t bytes);
// The first bytes of an open file, into root->buffer; -1 and errno if there is not one.
ssize_t root_read(struct root *, int file, size_t most);
// Something that a snapshot has, but whose content it says was not read: an empty stand-in.
bool root_stands_in(const struct root *, const struct place *);

// Adds what is left of a path to `path`, "." and ".." taken by their names alone.
void path_append(char path[PATH_MOST], const char *rest);

// The list of a snapshot that was just opened; without one nothing is unread.
void unread_load(struct root *);
// Is the path, or a folder above it, in the list?
bool unread_has(const struct root *, const char *path);
// Is something below a folder in the list, whose name in the folder matches and is none of these,
// which are sorted?
bool unread_below(const struct root *, const char *path, const char *pattern,
                  const char *const *names, int count);
#endif
