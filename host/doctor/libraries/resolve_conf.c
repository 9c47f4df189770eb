// /etc/ld.so.conf and what it includes: the folders that ldconfig would have put into the cache.
#include "resolve_places.h"
#include <string.h>

enum { CONF_FOLDERS = 256, CONF_FILES = 256, CONF_DEPTH = 3, CONF = 64 << 10 };

struct conf {
  struct search *search;
  const char **folder;
  int folders, files;
};

static void read_file(struct conf *, int depth, const char *path);

// "include /etc/ld.so.conf.d/*.conf": a pattern in the last part, below /etc where it is relative.
static void include(struct conf *conf, int depth, const char *pattern) {
  struct search *search = conf->search;
  if (*pattern != '/') pattern = arena_print(search->arena, "/etc/%s", pattern);
  const char *folder = folder_of(search->arena, pattern);
  struct names names = root_names(search->root, strrchr(pattern, '/') + 1, "%s", folder);
  if (names.there == UNREAD) search->conf_unread = true;
  for (int i = 0; i < names.count; i++)
    read_file(conf, depth + 1, arena_print(search->arena, "%s/%s", folder, names.name[i]));
}

static void read_line(struct conf *conf, int depth, const char *line, size_t length) {
  static const char space[] = " \t\r", word[] = "include";
  const size_t word_length = sizeof word - 1;
  const char *comment = memchr(line, '#', length);
  if (comment) length = (size_t)(comment - line);
  while (length && strchr(space, *line)) line++, length--;
  while (length && strchr(space, line[length - 1])) length--;
  if (!length) return;
  const char *text = arena_copy(conf->search->arena, line, length);
  if (!strncmp(text, word, word_length) && strchr(space, text[word_length])) {
    text += word_length;
    include(conf, depth, text + strspn(text, space));
  } else if (*text == '/' && conf->folders < CONF_FOLDERS) {
    size_t end = strcspn(text, "= \t"); // "/folder=libc6" names a kind that is no longer told apart
    conf->folder[conf->folders++] = arena_copy(conf->search->arena, text, end);
  }
}

static void read_file(struct conf *conf, int depth, const char *path) {
  if (depth >= CONF_DEPTH || conf->files++ >= CONF_FILES) return;
  struct text text = root_text(conf->search->root, CONF, "%s", path);
  if (text.there == UNREAD || text.cut) conf->search->conf_unread = true;
  const char *end = text.text + text.length;
  for (const char *line = text.text; text.there == THERE && line < end;) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    if (!stop) stop = end;
    read_line(conf, depth, line, (size_t)(stop - line));
    line = stop + 1;
  }
}

bool places_of_conf(struct search *search, place_seen *seen, void *to) {
  if (!search->conf_read) {
    struct conf conf = {.search = search};
    conf.folder = arena_give(search->arena, CONF_FOLDERS * sizeof *conf.folder);
    search->conf_read = true;
    if (root_stat(search->root, NULL, "/etc/ld.so.conf") == ABSENT)
      include(&conf, 0, "/etc/ld.so.conf.d/*.conf");
    else
      read_file(&conf, 0, "/etc/ld.so.conf");
    search->conf = conf.folder;
    search->confs = conf.folders;
  }
  if (search->conf_unread && seen(to, NULL, "ld.so.conf")) return true;
  for (int i = 0; i < search->confs; i++)
    if (seen(to, search->conf[i], "ld.so.conf")) return true;
  return false;
}
