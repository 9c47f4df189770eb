// .whycpu/unread: what a snapshot could not read. A path of it and all that lies below is not known
// where it is absent, however one gets there.
#include "walk.h"
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MOST = 1 << 20 }; // of a longer list nothing can be told: all is unread

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool listed(const struct unread *unread, const char *path) {
  return unread->count &&
         bsearch(&path, unread->path, (size_t)unread->count, sizeof *unread->path, by_text);
}

bool unread_has(const struct root *root, const char *path) {
  if (!root->unread.count || strncmp(path, "/.whycpu", 8) == 0) return false;
  char above[PATH_MOST];
  size_t length = strlen(path);
  if (length >= sizeof above) return false;
  memcpy(above, path, length + 1);
  if (listed(&root->unread, above)) return true;
  for (size_t i = length; i > 0; i--) {
    if (above[i] != '/') continue;
    above[i] = 0;
    if (listed(&root->unread, above)) return true;
  }
  return listed(&root->unread, "/");
}

// The first entry that sorts at or after `text`.
static int first_from(const struct unread *unread, const char *text) {
  int low = 0, high = unread->count;
  while (low < high) {
    int middle = low + (high - low) / 2;
    if (strcmp(unread->path[middle], text) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

bool unread_below(const struct root *root, const char *path, const char *pattern,
                  const char *const *names, int count) {
  if (!root->unread.count) return false;
  char folder[PATH_MOST + 1], child[PATH_MOST];
  int length = snprintf(folder, sizeof folder, "%s/", path[1] ? path : "");
  for (int i = first_from(&root->unread, folder); i < root->unread.count; i++) {
    const char *entry = root->unread.path[i];
    if (strncmp(entry, folder, (size_t)length) != 0) return false;
    snprintf(child, sizeof child, "%.*s", (int)strcspn(entry + length, "/"), entry + length);
    const char *key = child;
    bool there = count && bsearch(&key, names, (size_t)count, sizeof *names, by_text);
    if (!there && fnmatch(pattern, child, FNM_PERIOD) == 0) return true;
  }
  return false;
}

// A line as a path, tidied; false: it is none.
static bool path_of_line(const char *line, size_t length, char path[PATH_MOST]) {
  if (length && line[length - 1] == '\r') length--;
  if (!length || line[0] == '#' || length >= PATH_MOST) return false;
  char raw[PATH_MOST];
  memcpy(raw, line, length);
  raw[length] = 0;
  path[0] = '/';
  path[1] = 0;
  path_append(path, raw);
  return true;
}

void unread_load(struct root *root) {
  struct text text = root_text(root, LIST_MOST, "/.whycpu/unread");
  int lines = 1, count = 0;
  for (size_t i = 0; i < text.length; i++) lines += text.text[i] == '\n';
  const char **list = arena_give(root->arena, (2 * (size_t)lines + 1) * sizeof *list);
  if (text.cut || text.there == UNREAD) list[count++] = "/";
  for (const char *at = text.text, *end = text.text + text.length; at < end;) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (!stop) stop = end;
    char path[PATH_MOST];
    struct place place;
    if (path_of_line(at, (size_t)(stop - at), path)) {
      list[count++] = arena_copy(root->arena, path, strlen(path));
      root_walk(root, path, true, &place, NULL, NULL);
      if (strcmp(place.path, path) != 0)
        list[count++] = arena_copy(root->arena, place.path, strlen(place.path));
    }
    at = stop + 1;
  }
  qsort(list, (size_t)count, sizeof *list, by_text);
  root->unread = (struct unread){list, count};
}
