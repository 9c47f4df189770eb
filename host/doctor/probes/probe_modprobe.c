// Is the nvidia module kept from loading: by modprobe's settings, or on the kernel's command line.
#include "probe_kernel.h"
#include <string.h>

enum { FILES_MOST = 256 };
// As modprobe has them: of files of one name the first folder's counts.
static const char *const folders[] = {"/etc/modprobe.d", "/run/modprobe.d",
                                      "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d",
                                      "/lib/modprobe.d"};
enum { FOLDERS = sizeof folders / sizeof *folders };

// A command that loads nothing.
static bool does_nothing(struct slice command) {
  struct slice folder, name = command;
  while (slice_split(name, '/', &folder, &name)) continue;
  return slice_is(name, "false") || slice_is(name, "true") || slice_is(name, ":");
}

static bool keeps_out(struct slice line) {
  struct slice what = slice_word(&line), module = slice_word(&line), word = slice_word(&line);
  if (!slice_is(module, "nvidia")) return false;
  return slice_is(what, "blacklist") || (slice_is(what, "install") && does_nothing(word)) ||
         (slice_is(what, "alias") && slice_is(word, "off"));
}

static void settle(struct facts *f, const char *path, struct slice line) {
  f->kernel.blacklisted = YES;
  f->kernel.blacklist_path = path;
  f->kernel.blacklist_line = slice_show(f->arena, slice_trim(line), 256);
}

static bool by_file(struct facts *f, const struct text *text) {
  struct slice rest = slice_text(text), line;
  while (slice_line(&rest, &line))
    if (keeps_out(line)) {
      settle(f, text->path, line);
      return true;
    }
  return false;
}

static bool hidden(const struct names *folder, int before, const char *name) {
  for (int i = 0; i < before; i++)
    for (int j = 0; j < folder[i].count && j < FILES_MOST; j++)
      if (!strcmp(folder[i].name[j], name)) return true;
  return false;
}

// "module_blacklist=nvidia,nouveau"
static bool by_command_line(struct facts *f) {
  struct slice rest = slice_text(&f->kernel.cmdline), key, list, one = {"", 0};
  for (struct slice word; (word = slice_word(&rest)).length;) {
    if (!slice_split(word, '=', &key, &list)) continue;
    if (!slice_is(key, "module_blacklist") && !slice_is(key, "modprobe.blacklist")) continue;
    while (slice_split(list, ',', &one, &list) && !slice_is(one, "nvidia")) continue;
    if (!slice_is(one, "nvidia") && !slice_is(list, "nvidia")) continue;
    settle(f, f->kernel.cmdline.path, word);
    return true;
  }
  return false;
}

void kernel_blacklist(struct facts *f) {
  struct names folder[FOLDERS];
  bool unread = f->kernel.cmdline.there == UNREAD;
  for (int i = 0; i < FOLDERS; i++) {
    folder[i] = root_names(f->root, "*.conf", "%s", folders[i]);
    unread |= folder[i].there == UNREAD || folder[i].count > FILES_MOST;
    for (int j = 0; j < folder[i].count && j < FILES_MOST; j++) {
      if (hidden(folder, i, folder[i].name[j])) continue;
      struct text text = root_text(f->root, 64 << 10, "%s/%s", folders[i], folder[i].name[j]);
      unread |= text.there == UNREAD || text.cut;
      if (by_file(f, &text)) return;
    }
  }
  if (by_command_line(f)) return;
  f->kernel.blacklisted = unread ? UNKNOWN : NO;
}
