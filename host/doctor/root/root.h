// A machine as files: `/` itself, or a snapshot, which is a folder or a .tar.gz of one. Every probe
// reads through here, so a diagnosis has one code path, and nothing outside the root is opened:
// links are resolved inside it, one by one, and only regular files and folders are opened.
#ifndef WHY_ROOT_H
#define WHY_ROOT_H
#include "arena.h"
#include "whycpu.h"
#include <stdbool.h>
#include <sys/stat.h>

enum there {
  UNREAD, // not known: it could not be read, or a snapshot's list of what was not read has it
  ABSENT, // known not to exist
  THERE
};

// What was asked for, and what came back. `path` is absolute, as inside the root.
struct text {
  enum there there;
  const char *path;
  const char *text; // "" unless THERE; ends with a NUL, and may hold some
  size_t length;
  bool cut; // the file is longer than what was asked for
};
struct names {
  enum there there;
  const char *path;
  const char *const *name; // sorted by strcmp
  int count;
};

struct root;

// `path`: "/" for this machine; a folder; a .tar.gz (by its first bytes), which is unpacked into a
// private folder until root_close. WHY_OK; WHY_BAD_INPUT with one line in error->text (not there,
// no snapshot, a snapshot of another version, an archive that climbs out or is larger than a
// snapshot can be); WHY_ALLOC_FAILED. Texts and names live in the arena.
enum why_reason root_open(const char *path, struct arena *, struct root **, struct why_error *);
void root_close(struct root *); // NULL is fine
// Opens a root, works in it and closes it. What the work returns, or what root_open does;
// WHY_ALLOC_FAILED where memory ends in between. The arena, whose `full` is set here, stays.
typedef enum why_reason root_work(struct root *, void *to);
enum why_reason root_within(const char *path, struct arena *, struct why_error *, root_work *,
                            void *to);
bool root_live(const struct root *);        // it is `/`
const char *root_said(const struct root *); // as the user named it

enum { ROOT_TEXT = 1 << 20 }; // bytes of a file that are read at most, unless a probe says less

// The first `most` bytes of a regular file; anything else that has the name is ABSENT.
struct text root_text(struct root *, size_t most, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Names in a folder that match a pattern (fnmatch(3); "*" for all but those with a leading dot).
// UNREAD may have names as well: they are there, and others may be.
struct names root_names(struct root *, const char *pattern, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// What a path leads to, its links followed. `out` may be NULL.
enum there root_stat(struct root *, struct stat *out, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Where a link points, as it is written; THERE only where the path itself is a link.
struct text root_link(struct root *, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The path with all its links resolved. Where the last part does not exist: the path that it would
// have, ABSENT.
struct text root_real(struct root *, const char *format, ...) __attribute__((format(printf, 2, 3)));
// A regular file, for reading parts of it; -1 if it is not there or cannot be read. The caller
// closes it.
int root_file(struct root *, const char *path);

// What was touched, for --capture: called with the path as it was asked for. `kind`: 't'ext (with
// how much of it), 'n'ames (the pattern is the last part of the path), 's'tat, 'l'ink, 'f'ile.
typedef void root_watcher(void *to, char kind, const char *path, size_t most);
void root_watch(struct root *, root_watcher *, void *to);
#endif
