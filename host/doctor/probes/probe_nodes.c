// Device nodes. A snapshot has them in a list, for a plain file cannot hold one; the form of its
// lines: PATH TYPE MODE UID GID MAJOR MINOR [open=ERRNO].
#include "probe_nodes.h"
#include <errno.h>
#include <string.h>

enum { NODES_MOST = 4096 };

static const struct {
  const char *name;
  int number;
} errors[] = {
    {"EPERM", EPERM},   {"EACCES", EACCES}, {"ENOENT", ENOENT},       {"ENODEV", ENODEV},
    {"ENXIO", ENXIO},   {"EIO", EIO},       {"EBUSY", EBUSY},         {"EINVAL", EINVAL},
    {"ENOMEM", ENOMEM}, {"EROFS", EROFS},   {"ETIMEDOUT", ETIMEDOUT}, {"EAGAIN", EAGAIN},
    {"EINTR", EINTR},   {"ENOSYS", ENOSYS}, {"EMFILE", EMFILE},       {"ENFILE", ENFILE},
    {"ENOTTY", ENOTTY}, {"ELOOP", ELOOP},   {"ENOTDIR", ENOTDIR},
};

// 0: a name that is not known here.
static int error_number(struct slice name) {
  uint64_t number;
  if (slice_number(name, 10, 4095, &number)) return (int)number;
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (slice_is(name, errors[i].name)) return errors[i].number;
  return 0;
}

void nodes_add(struct facts *f, struct node node) {
  if (f->nodes.count == NODES_MOST) {
    f->nodes.known = UNKNOWN; // one that is not among them may be there all the same
    return;
  }
  struct node *list = arena_more(f->arena, f->nodes.node, f->nodes.count, sizeof *list);
  list[f->nodes.count++] = node;
  f->nodes.node = list;
}

static void read_line(struct facts *f, struct slice line) {
  struct slice before, comment;
  if (slice_split(line, '#', &before, &comment)) line = before;
  struct slice path = slice_word(&line), type = slice_word(&line);
  uint64_t mode, number[4];
  if (!slice_begins(path, "/") || (!slice_is(type, "c") && !slice_is(type, "b"))) return;
  if (!slice_number(slice_word(&line), 8, 0777777, &mode)) return;
  for (int i = 0; i < 4; i++)
    if (!slice_number(slice_word(&line), 10, i < 2 ? UINT32_MAX : INT32_MAX, &number[i])) return;
  struct node node = {.path = slice_copy(f->arena, path),
                      .type = *type.at,
                      .mode = (unsigned)mode & 07777,
                      .uid = (int64_t)number[0],
                      .gid = (int64_t)number[1],
                      .major = (int)number[2],
                      .minor = (int)number[3],
                      .opens = YES};
  static const char key[] = "open=";
  struct slice open = slice_word(&line);
  if (slice_begins(open, key)) {
    open.at += sizeof key - 1;
    open.length -= sizeof key - 1;
    node.open_error = error_number(open);
    node.opens = slice_is(open, "0") ? YES : NO;
  }
  nodes_add(f, node);
}

void nodes_read(struct facts *f) {
  if (f->nodes.path) return;
  if (root_live(f->root)) {
    f->nodes.path = "/dev";
    nodes_list(f);
    return;
  }
  f->nodes.path = "/.whycpu/nodes";
  struct text text = root_text(f->root, ROOT_TEXT, "/.whycpu/nodes");
  struct slice rest = slice_text(&text), line;
  f->nodes.known = text.there == THERE && !text.cut ? YES : UNKNOWN;
  while (slice_line(&rest, &line)) read_line(f, line);
}

void probe_nodes(struct facts *f) {
  nodes_read(f);
}

const struct node *node_of(const struct facts *f, const char *path) {
  for (int i = 0; i < f->nodes.count; i++)
    if (!strcmp(f->nodes.node[i].path, path)) return &f->nodes.node[i];
  return NULL;
}

const struct node *nodes_beginning(const struct facts *f, const char *path) {
  for (int i = 0; i < f->nodes.count; i++)
    if (!strncmp(f->nodes.node[i].path, path, strlen(path))) return &f->nodes.node[i];
  return NULL;
}
