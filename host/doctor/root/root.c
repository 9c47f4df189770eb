// Looks through a root: texts, names, links. See root.h; how a path is walked: walk.c.
#include "root.h"
#include "walk.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES_MOST = 1 << 16 }; // that match, of one folder

bool root_live(const struct root *root) {
  return root->live;
}
const char *root_said(const struct root *root) {
  return root->said;
}

void root_watch(struct root *root, root_watcher *watcher, void *to) {
  root->watcher = watcher;
  root->watcher_to = to;
}

static void tell(const struct root *root, char kind, const char *path, size_t most) {
  if (root->watcher) root->watcher(root->watcher_to, kind, path, most);
}

static _Noreturn void out_of_memory(const struct root *root) {
  longjmp(*root->arena->full, 1);
}

bool root_reserve(struct root *root, size_t bytes) {
  size_t size = root->buffer_size ? root->buffer_size : 32 << 10;
  while (size < bytes) size *= 2;
  if (size == root->buffer_size) return true;
  char *buffer = realloc(root->buffer, size);
  if (!buffer) return false;
  root->buffer = buffer;
  root->buffer_size = size;
  return true;
}

int root_open_kind(const struct root *root, const struct place *place, mode_t kind) {
  int file = root_open_at(root, place, kind == S_IFDIR ? O_RDONLY | O_DIRECTORY : O_RDONLY);
  struct stat stat;
  if (file < 0 || (fstat(file, &stat) == 0 && (stat.st_mode & S_IFMT) == kind)) return file;
  close(file);
  errno = ENOENT;
  return -1;
}

bool root_stands_in(const struct root *root, const struct place *place) {
  return place->stat.st_size == 0 && unread_has(root, place->path);
}

// What to say of something that was there and could not be opened or read.
static enum there there_after(int error) {
  bool gone = error == ENOENT || error == ENOTDIR || error == ELOOP || error == ESRCH;
  return gone ? ABSENT : UNREAD;
}

// ---- texts -------------------------------------------------------------------------------------

// Files in /proc and /sys do not say how long they are, so the buffer grows with what comes.
ssize_t root_read(struct root *root, int file, size_t most) {
  for (size_t length = 0;;) {
    size_t want = length < 8 << 10 ? 16 << 10 : 2 * length;
    if (want > most) want = most;
    if (!root_reserve(root, want)) {
      errno = ENOMEM;
      return -1;
    }
    ssize_t got = read(file, root->buffer + length, want - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && !length) return -1;
    if (got > 0) length += (size_t)got;
    if (got <= 0 || length == most) return (ssize_t)length;
  }
}

struct text root_text(struct root *root, size_t most, const char *format, ...) {
  va_list list;
  va_start(list, format);
  struct text text = {.path = arena_vprint(root->arena, format, list), .text = ""};
  va_end(list);
  tell(root, 't', text.path, most);
  struct place place;
  root_walk(root, text.path, true, &place, NULL, NULL);
  text.there = place.there;
  if (place.there != THERE) return text;
  text.there = S_ISREG(place.stat.st_mode) ? UNREAD : ABSENT;
  if (text.there == ABSENT || root_stands_in(root, &place)) return text;
  int file = root_open_kind(root, &place, S_IFREG);
  ssize_t got = file < 0 ? -1 : root_read(root, file, most + 1); // one more tells whether it is all
  int error = errno;
  if (file >= 0) close(file);
  if (got < 0 && error == ENOMEM) out_of_memory(root);
  if (got < 0) {
    text.there = there_after(error);
    return text;
  }
  text.cut = (size_t)got > most;
  text.length = text.cut ? most : (size_t)got;
  text.text = arena_copy(root->arena, root->buffer, text.length);
  text.there = THERE;
  return text;
}

// ---- names -------------------------------------------------------------------------------------

static int by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// The names that match, each with its NUL, into root->buffer; 0, or the errno of what stopped it.
static int gather_names(struct root *root, DIR *folder, const char *pattern, int *count,
                        size_t *used) {
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(folder);
    if (!entry) return errno;
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
    if (fnmatch(pattern, name, FNM_PERIOD) != 0) continue;
    if (*count == NAMES_MOST) return E2BIG;
    size_t length = strlen(name) + 1;
    if (!root_reserve(root, *used + length)) return ENOMEM;
    memcpy(root->buffer + *used, name, length);
    *used += length;
    ++*count;
  }
}

// Of a folder that was not read to its end, or that a snapshot has not all of, the names that are
// there are given even so; `there` says that others may be missing.
struct names root_names(struct root *root, const char *pattern, const char *format, ...) {
  va_list list;
  va_start(list, format);
  struct names names = {.path = arena_vprint(root->arena, format, list)};
  va_end(list);
  if (root->watcher) tell(root, 'n', arena_print(root->arena, "%s/%s", names.path, pattern), 0);
  struct place place;
  root_walk(root, names.path, true, &place, NULL, NULL);
  names.there = place.there;
  if (place.there != THERE) return names;
  names.there = ABSENT;
  if (!S_ISDIR(place.stat.st_mode)) return names;
  int file = root_open_kind(root, &place, S_IFDIR);
  DIR *folder = file < 0 ? NULL : fdopendir(file);
  int error = folder ? 0 : errno;
  size_t used = 0;
  if (folder) {
    error = gather_names(root, folder, pattern, &names.count, &used);
    closedir(folder);
  } else if (file >= 0) {
    close(file);
  }
  if (error == ENOMEM) out_of_memory(root);
  names.there = error ? there_after(error) : unread_has(root, place.path) ? UNREAD : THERE;
  const char **sorted = arena_give(root->arena, (size_t)names.count * sizeof *sorted);
  const char *at = arena_copy(root->arena, root->buffer ? root->buffer : "", used);
  for (int i = 0; i < names.count; i++, at += strlen(at) + 1) sorted[i] = at;
  qsort(sorted, (size_t)names.count, sizeof *sorted, by_name);
  names.name = sorted;
  if (names.there == THERE && unread_below(root, place.path, pattern, sorted, names.count))
    names.there = UNREAD;
  return names;
}

// ---- the rest ----------------------------------------------------------------------------------

// A path that is only walked: it need not be kept.
static void walk_to(struct root *root, char kind, bool follow, const char *format, va_list list,
                    struct place *place) {
  char path[PATH_MOST];
  int length = vsnprintf(path, sizeof path, format, list);
  *place = (struct place){.there = ABSENT, .path = "/", .known = 1};
  if (length < 0 || length >= PATH_MOST) return;
  tell(root, kind, path, 0);
  root_walk(root, path, follow, place, NULL, NULL);
}

enum there root_stat(struct root *root, struct stat *out, const char *format, ...) {
  struct place place;
  va_list list;
  va_start(list, format);
  walk_to(root, 's', true, format, list, &place);
  va_end(list);
  if (out) *out = place.there == THERE ? place.stat : (struct stat){0};
  return place.there;
}

struct text root_link(struct root *root, const char *format, ...) {
  va_list list;
  va_start(list, format);
  struct text text = {.path = arena_vprint(root->arena, format, list), .text = ""};
  va_end(list);
  tell(root, 'l', text.path, 0);
  struct place place;
  root_walk(root, text.path, false, &place, NULL, NULL);
  text.there = place.there;
  if (place.there != THERE) return text;
  text.there = ABSENT;
  if (!S_ISLNK(place.stat.st_mode)) return text;
  char target[PATH_MOST];
  ssize_t length = root_read_link(root, &place, target);
  text.there = length < 0 ? there_after(errno) : THERE;
  if (length < 0) return text;
  text.text = arena_copy(root->arena, target, (size_t)length);
  text.length = (size_t)length;
  return text;
}

struct text root_real(struct root *root, const char *format, ...) {
  va_list list;
  va_start(list, format);
  struct text text = {.path = arena_vprint(root->arena, format, list)};
  va_end(list);
  tell(root, 's', text.path, 0);
  struct place place;
  root_walk(root, text.path, true, &place, NULL, NULL);
  text.there = place.there;
  text.length = strlen(place.path);
  text.text = arena_copy(root->arena, place.path, text.length);
  return text;
}

int root_file(struct root *root, const char *path) {
  tell(root, 'f', path, 0);
  struct place place;
  root_walk(root, path, true, &place, NULL, NULL);
  if (place.there != THERE || !S_ISREG(place.stat.st_mode) || root_stands_in(root, &place))
    return -1;
  return root_open_kind(root, &place, S_IFREG);
}
