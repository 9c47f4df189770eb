// From looks to files: each way is gone once more, and what was met on it, links, folders and what
// they lead to, becomes part of the snapshot. What is merely there, since a folder listed it, comes
// as an empty stand-in, and is said not to have been read.
#include "capture.h"
#include <stdlib.h>
#include <string.h>

struct planning {
  struct root *root;
  struct arena *arena;
  struct item *item;
  int count, room;
  const char **way; // where each look led, sorted
  int ways;
  char self[16]; // what the link /proc/self is to say; "": what it says
};

static struct item *add(struct planning *p, enum item_kind kind, const char *path) {
  if (p->count == p->room) {
    int room = p->room ? 2 * p->room : 4096;
    struct item *more = arena_give(p->arena, (size_t)room * sizeof *more);
    if (p->count) memcpy(more, p->item, (size_t)p->count * sizeof *more);
    p->item = more;
    p->room = room;
  }
  struct item *item = &p->item[p->count++];
  *item = (struct item){.path = arena_copy(p->arena, path, strlen(path)), .kind = kind};
  return item;
}

static void add_link(void *to, const char *path, const char *target) {
  struct planning *p = to;
  struct item *item = add(p, ITEM_LINK, path);
  if (*p->self && strcmp(path, "/proc/self") == 0) target = p->self;
  item->target = arena_copy(p->arena, target, strlen(target));
  item->seen = true;
}

// What lies at a place, not looked into. A device is not kept: nodes have a list of their own.
static struct item *add_place(struct planning *p, const struct place *place) {
  mode_t mode = place->stat.st_mode;
  if (S_ISDIR(mode)) return add(p, ITEM_FOLDER, place->path);
  if (S_ISREG(mode)) return add(p, ITEM_FILE, place->path);
  if (S_ISLNK(mode)) {
    char target[PATH_MOST];
    if (root_read_link(p->root, place, target) > 0) add_link(p, place->path, target);
  } else if (S_ISFIFO(mode) || S_ISSOCK(mode)) {
    add(p, ITEM_FILE, place->path)->seen = true;
  }
  return NULL;
}

// What is there of a way that does not lead to its end.
static void add_known(struct planning *p, const struct place *place) {
  char path[PATH_MOST];
  struct place known;
  if (place->known <= 1) return;
  memcpy(path, place->path, place->known);
  path[place->known] = 0;
  root_walk(p->root, path, false, &known, NULL, NULL);
  if (known.there == THERE && !S_ISLNK(known.stat.st_mode)) add_place(p, &known);
}

static void add_unread(struct planning *p, const struct place *place) {
  char path[PATH_MOST];
  strcpy(path, place->path);
  if (place->barred) path[place->known] = 0; // the folder that let nobody in says it for all in it
  add(p, ITEM_UNREAD, path);
}

// A look at names: "FOLDER/PATTERN".
static void add_names(struct planning *p, const char *path) {
  const char *pattern = strrchr(path, '/') + 1;
  struct names names = root_names(p->root, pattern, "%.*s", (int)(pattern - path - 1), path);
  struct place folder, place;
  root_walk(p->root, *names.path ? names.path : "/", true, &folder, NULL, NULL);
  if (names.there == UNREAD && folder.there == THERE) add(p, ITEM_UNREAD, folder.path);
  if (folder.there != THERE || !S_ISDIR(folder.stat.st_mode)) return;
  add(p, ITEM_FOLDER, folder.path)->seen = true;
  for (int i = 0; i < names.count; i++) {
    if (strlen(folder.path) + strlen(names.name[i]) + 2 > PATH_MOST) continue;
    path_append(folder.path, names.name[i]);
    root_walk(p->root, folder.path, false, &place, NULL, NULL);
    if (place.there == THERE) add_place(p, &place);
    *strrchr(folder.path + 1, '/') = 0;
  }
}

static void add_look(struct planning *p, const struct look *look) {
  char path[PATH_MOST];
  struct place place;
  size_t length = strlen(look->path);
  if (length >= sizeof path) return;
  memcpy(path, look->path, length + 1);
  if (look->kind == 'n') *strrchr(path, '/') = 0;
  root_walk(p->root, *path ? path : "/", look->kind != 'l', &place, add_link, p);
  p->way[p->ways++] = arena_copy(p->arena, place.path, strlen(place.path));
  if (place.there == UNREAD) add_unread(p, &place);
  if (place.there != THERE) {
    add_known(p, &place);
    return;
  }
  if (look->kind == 'n') {
    add_names(p, look->path);
    return;
  }
  struct item *item = add_place(p, &place);
  if (!item || item->kind != ITEM_FILE || !S_ISREG(place.stat.st_mode)) return;
  item->text = look->kind == 't';
  item->parts = look->kind == 'f';
  item->seen = item->text || item->parts;
  item->most = item->text ? look->most : 0;
}

// ---- each once ---------------------------------------------------------------------------------

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_path(const void *a, const void *b) {
  const struct item *x = a, *y = b;
  bool unread_x = x->kind == ITEM_UNREAD, unread_y = y->kind == ITEM_UNREAD;
  int order = strcmp(x->path, y->path);
  return order ? order : unread_x - unread_y;
}

static void merge(struct planning *p) {
  int kept = 0;
  if (p->count) qsort(p->item, (size_t)p->count, sizeof *p->item, by_path);
  for (int i = 0; i < p->count; i++) {
    struct item *last = kept ? &p->item[kept - 1] : NULL, *item = &p->item[i];
    bool same = last && strcmp(last->path, item->path) == 0 &&
                (last->kind == ITEM_UNREAD) == (item->kind == ITEM_UNREAD);
    if (!same) {
      p->item[kept++] = *item;
      continue;
    }
    last->text |= item->text;
    last->parts |= item->parts;
    last->seen |= item->seen;
    if (item->most > last->most) last->most = item->most;
  }
  p->count = kept;
}

// Did a look go below this folder?
static bool went_below(const struct planning *p, const char *folder) {
  size_t length = strlen(folder);
  int low = 0, high = p->ways; // the first way that is not less than "FOLDER/"
  while (low < high) {
    int middle = (low + high) / 2, order = strncmp(p->way[middle], folder, length);
    if (order < 0 || (order == 0 && (unsigned char)p->way[middle][length] < '/'))
      low = middle + 1;
    else
      high = middle;
  }
  return low < p->ways && strncmp(p->way[low], folder, length) == 0 && p->way[low][length] == '/';
}

struct plan plan_of(struct root *root, struct arena *arena, struct looks *looks, int pid) {
  struct planning p = {.root = root, .arena = arena};
  p.way = arena_give(arena, (size_t)looks->count * sizeof *p.way);
  if (pid) {
    snprintf(p.self, sizeof p.self, "%d", pid);
    add_link(&p, "/proc/self", p.self);
  }
  for (int i = 0; i < looks->count; i++) add_look(&p, &looks->look[i]);
  for (int i = 0; i < root->unread.count; i++) add(&p, ITEM_UNREAD, root->unread.path[i]);
  if (p.ways) qsort(p.way, (size_t)p.ways, sizeof *p.way, by_text);
  merge(&p);
  for (int i = 0; i < p.count; i++)
    if (p.item[i].kind == ITEM_FOLDER) p.item[i].seen |= went_below(&p, p.item[i].path);
  return (struct plan){p.item, p.count};
}
