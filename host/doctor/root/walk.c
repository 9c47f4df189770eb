// The way from a root to a file, a part of the path at a time, as the kernel goes it with the root
// as its `/`: what a link says is read and not followed, so that no link leads out. A folder that
// changes while it is read is not guarded against: the last part is opened without following it,
// those above are trusted to be what they were.
#define _GNU_SOURCE // O_PATH, AT_EMPTY_PATH
#include "walk.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

// ---- paths -------------------------------------------------------------------------------------

static void drop_last(char path[PATH_MOST]) {
  char *slash = strrchr(path, '/');
  if (slash) slash[slash == path] = 0; // "/" stays
}

// False: it would be too long.
static bool add_part(char path[PATH_MOST], const char *part, size_t length) {
  size_t used = strlen(path);
  bool slash = used > 1;
  if (used + slash + length >= PATH_MOST) return false;
  if (slash) path[used++] = '/';
  memcpy(path + used, part, length);
  path[used + length] = 0;
  return true;
}

static bool is_here(const char *part, size_t length) {
  return length == 1 && part[0] == '.';
}
static bool is_above(const char *part, size_t length) {
  return length == 2 && part[0] == '.' && part[1] == '.';
}

void path_append(char path[PATH_MOST], const char *rest) {
  for (rest += strspn(rest, "/"); *rest; rest += strspn(rest, "/")) {
    size_t length = strcspn(rest, "/");
    if (is_above(rest, length))
      drop_last(path);
    else if (!is_here(rest, length) && !add_part(path, rest, length))
      return;
    rest += length;
  }
}

// ---- folders that are known to be no links -----------------------------------------------------

static const char **plain_slot(const struct root *root, const char *path) {
  uint32_t hash = 2166136261u; // FNV-1a
  for (const char *c = path; *c; c++) hash = (hash ^ (unsigned char)*c) * 16777619u;
  while (root->plain[hash % PLAIN_SLOTS] && strcmp(root->plain[hash % PLAIN_SLOTS], path) != 0)
    hash++;
  return &root->plain[hash % PLAIN_SLOTS];
}

static void remember_plain(struct root *root, const char *path) {
  if (root->plains > PLAIN_SLOTS / 2) return;
  const char **slot = plain_slot(root, path);
  if (*slot) return;
  *slot = arena_copy(root->arena, path, strlen(path));
  root->plains++;
}

// ---- the walk ----------------------------------------------------------------------------------

static const char *below_root(const char *path) {
  return path[1] ? path + 1 : ".";
}

int root_open_at(const struct root *root, const struct place *place, int flags) {
  return openat(root->folder, below_root(place->path),
                flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

ssize_t root_read_link(const struct root *root, const struct place *place, char target[PATH_MOST]) {
  ssize_t length = readlinkat(root->folder, below_root(place->path), target, PATH_MOST - 1);
  if (length >= 0) target[length] = 0;
  return length;
}

// A loop of links is ABSENT as well: whoever opens it gets ELOOP, so nothing there can be used.
static enum there there_of(int error) {
  bool absent = error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG;
  return absent ? ABSENT : UNREAD;
}

// The walk ends at place->path, of which `known` bytes exist, with `rest` to go.
static void end_early(const struct root *root, struct place *place, size_t known, int error,
                      const char *rest) {
  path_append(place->path, rest);
  place->known = known;
  place->there = there_of(error);
  place->barred = place->there == UNREAD && (error == EACCES || error == EPERM);
  if (place->there == ABSENT &&
      (unread_has(root, place->path) || unread_below(root, place->path, "*", NULL, 0)))
    place->there = UNREAD;
}

static int look_at(const struct root *root, struct place *place) {
  // What is called .whycpu belongs to snapshots; on a machine it would be somebody's leftover.
  if (root->live && strcmp(place->path, "/.whycpu") == 0) return ENOENT;
  return fstatat(root->folder, below_root(place->path), &place->stat, AT_SYMLINK_NOFOLLOW) ? errno
                                                                                           : 0;
}

// Puts a link's text before what is left of the path; 0 or errno.
static int enter_link(const struct root *root, struct place *place, size_t above,
                      char rest[PATH_MOST], const char *left, link_seen *seen, void *to) {
  char target[PATH_MOST];
  ssize_t length = root_read_link(root, place, target);
  if (length < 0) return errno;
  if (!length) return ENOENT;
  if (seen) seen(to, place->path, target);
  size_t left_length = strlen(left);
  if ((size_t)length + 1 + left_length >= PATH_MOST) return ENAMETOOLONG;
  memmove(rest + length + 1, left, left_length + 1);
  memcpy(rest, target, (size_t)length);
  rest[length] = '/';
  place->path[target[0] == '/' ? 1 : above] = 0;
  return 0;
}

void root_walk(struct root *root, const char *path, bool follow, struct place *place,
               link_seen *seen, void *to) {
  char rest[PATH_MOST];
  size_t length = strlen(path);
  *place = (struct place){.there = ABSENT, .path = "/", .known = 1};
  if (length >= sizeof rest) {
    path_append(place->path, path);
    return;
  }
  memcpy(rest, path, length + 1);
  bool fresh = false; // place->stat is of place->path
  int links = 0, parts = 0;
  for (const char *next = rest + strspn(rest, "/"); *next; next += strspn(next, "/")) {
    size_t part = strcspn(next, "/");
    const char *left = next + part;
    bool last = !left[strspn(left, "/")];
    if (is_here(next, part) || is_above(next, part)) {
      if (is_above(next, part)) {
        drop_last(place->path);
        fresh = false;
      }
      next = left;
      continue;
    }
    size_t above = strlen(place->path);
    int error = add_part(place->path, next, part) ? 0 : ENAMETOOLONG;
    next = left;
    fresh = false;
    if (!error && ++parts > PARTS_MOST) error = ELOOP;
    if (!error && !last && *plain_slot(root, place->path)) continue;
    if (!error) error = look_at(root, place);
    if (!error && S_ISLNK(place->stat.st_mode) && (!last || follow)) {
      error = links++ == LINKS_MOST ? ELOOP : enter_link(root, place, above, rest, left, seen, to);
      next = rest;
      if (!error) continue;
      next = left;
    } else if (!error && !S_ISDIR(place->stat.st_mode) && !last) {
      above = strlen(place->path); // exists, and nothing is below it
      error = ENOTDIR;
    }
    if (error) {
      end_early(root, place, above, error, left);
      return;
    }
    if (S_ISDIR(place->stat.st_mode)) remember_plain(root, place->path);
    fresh = true;
  }
  int error = fresh ? 0 : look_at(root, place);
  if (error) {
    end_early(root, place, 1, error, "");
    return;
  }
  place->there = THERE;
  place->known = strlen(place->path);
}
