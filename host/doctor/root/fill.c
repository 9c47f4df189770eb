#include "fill.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

void fill_begin(struct fill *fill, int folder) {
  fill->folder = folder;
  fill->parent = -1;
  fill->parent_name[0] = 0;
  fill->made = 0;
}

void fill_end(struct fill *fill) {
  if (fill->parent >= 0) close(fill->parent);
  fill->parent = -1;
}

static int enter(int folder, const char *name) {
  return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// The folder that a name's last part is in, made if need be; open until the next call. The last
// part is set. -1 and errno.
static int parent_of(struct fill *fill, const char *name, bool make, const char **last) {
  const char *slash = strrchr(name, '/');
  size_t above = slash ? (size_t)(slash - name) : 0;
  *last = slash ? slash + 1 : name;
  if (above >= sizeof fill->parent_name || strlen(*last) > NAME_MAX) {
    errno = ENAMETOOLONG;
    return -1;
  }
  if (!above) return fill->folder;
  if (fill->parent >= 0 && strncmp(fill->parent_name, name, above) == 0 &&
      !fill->parent_name[above])
    return fill->parent;
  fill_end(fill);
  memcpy(fill->parent_name, name, above);
  fill->parent_name[above] = 0;
  int folder = fill->folder;
  char *part = fill->parent_name;
  for (int deep = 0;; deep++) {
    char *end = part + strcspn(part, "/"), was = *end;
    *end = 0;
    int next = deep < FILL_DEEP ? enter(folder, part) : (errno = ENAMETOOLONG, -1);
    if (next < 0 && errno == ENOENT && make && mkdirat(folder, part, 0700) == 0) {
      fill->made++;
      next = enter(folder, part);
    }
    int error = errno;
    *end = was;
    if (folder != fill->folder) close(folder);
    if (next < 0) {
      errno = error == ELOOP ? ENOTDIR : error;
      return -1;
    }
    folder = next;
    if (!was) break;
    part = end + 1;
  }
  fill->parent = folder;
  return folder;
}

// Takes away what has the name.
static int make_room(struct fill *fill, int parent, const char *name) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return 0;
  if (errno != EISDIR && errno != EPERM) return -1;
  if (unlinkat(parent, name, AT_REMOVEDIR) != 0) return -1;
  if (parent != fill->parent) fill_end(fill); // it may have been the one that went
  return 0;
}

int fill_folder(struct fill *fill, const char *name) {
  const char *last;
  int parent = parent_of(fill, name, true, &last);
  if (parent < 0) return -1;
  fill->made++;
  if (mkdirat(parent, last, 0700) == 0) return 0;
  struct stat stat;
  if (errno != EEXIST || fstatat(parent, last, &stat, AT_SYMLINK_NOFOLLOW) != 0) return -1;
  if (S_ISDIR(stat.st_mode)) return 0;
  return unlinkat(parent, last, 0) ? -1 : mkdirat(parent, last, 0700);
}

static int make_file(int parent, const char *name) {
  return openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int fill_file(struct fill *fill, const char *name) {
  const char *last;
  int parent = parent_of(fill, name, true, &last);
  if (parent < 0) return -1;
  fill->made++;
  int file = make_file(parent, last);
  if (file >= 0 || errno != EEXIST || make_room(fill, parent, last) != 0) return file;
  return make_file(parent, last);
}

int fill_link(struct fill *fill, const char *name, const char *target) {
  const char *last;
  int parent = parent_of(fill, name, true, &last);
  if (parent < 0 || make_room(fill, parent, last) != 0) return -1;
  fill->made++;
  return symlinkat(target, parent, last);
}

int fill_same(struct fill *fill, const char *name, const char *other) {
  struct fill from;
  const char *other_last, *last;
  fill_begin(&from, fill->folder);
  int there = parent_of(&from, other, false, &other_last), done = -1;
  struct stat stat;
  if (there >= 0 && fstatat(there, other_last, &stat, AT_SYMLINK_NOFOLLOW) == 0) {
    int parent = parent_of(fill, name, true, &last);
    fill->made++;
    if (parent >= 0 && strcmp(name, other) == 0)
      done = 0;
    else if (parent >= 0 && make_room(fill, parent, last) == 0)
      done = linkat(there, other_last, parent, last, 0);
  }
  int error = errno;
  fill_end(&from);
  errno = error;
  return done;
}

// ---- what is in a folder -----------------------------------------------------------------------

static DIR *list_of(int folder) {
  int copy = enter(folder, "."); // with a place of its own in the list
  DIR *list = copy < 0 ? NULL : fdopendir(copy);
  if (!list && copy >= 0) close(copy);
  return list;
}

// The next name; NULL: there are no more.
static const char *next_name(DIR *list) {
  for (const struct dirent *entry; (entry = readdir(list));)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) return entry->d_name;
  return NULL;
}

bool fill_is_empty(int folder) {
  DIR *list = list_of(folder);
  bool is = list && !next_name(list);
  if (list) closedir(list);
  return is;
}

// No deeper than anything that fill_file makes, so that a folder of somebody else's making cannot
// use up the stack.
static void take_away(int folder, int deep) {
  DIR *list = list_of(folder);
  if (!list) return;
  for (const char *name; (name = next_name(list));) {
    if (unlinkat(folder, name, 0) == 0) continue;
    int below = deep < FILL_DEEP ? enter(folder, name) : -1;
    if (below < 0) continue;
    take_away(below, deep + 1);
    close(below);
    unlinkat(folder, name, AT_REMOVEDIR);
  }
  closedir(list);
}

void fill_empty(int folder) {
  take_away(folder, 0);
}
