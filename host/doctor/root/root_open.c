// Opens a root: this machine, a folder, or an archive, which becomes a folder of our own.
#define _GNU_SOURCE // O_PATH
#include "fill.h"
#include "unpack.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FORMAT = 1 }; // of snapshots

static enum why_reason refuse(const struct root *root, struct why_error *error, const char *why,
                              const char *right) {
  snprintf(error->text, sizeof error->text, "%.100s: %.80s%s", root->said, why, right);
  return WHY_BAD_INPUT;
}

static int open_folder(int at, const char *name, int flags) {
  return openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC | flags);
}

// ---- what is in it -----------------------------------------------------------------------------

// Of a machine there is at least one of these.
static bool has_machine(int folder) {
  static const char *const some[] = {".whycpu", "proc", "sys", "dev", "etc", "usr"};
  struct stat stat;
  for (size_t i = 0; i < sizeof some / sizeof *some; i++)
    if (fstatat(folder, some[i], &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(stat.st_mode))
      return true;
  return false;
}

static enum why_reason check_format(struct root *root, struct why_error *error) {
  struct text text = root_text(root, 64, "/.whycpu/version");
  char word[24] = "";
  if (text.there != THERE) return WHY_OK; // SNAPSHOT.md's first format has no such file
  sscanf(text.text, "%23s", word);
  char *end;
  unsigned long format = strtoul(word, &end, 10);
  if (format == FORMAT && !*end) return WHY_OK;
  for (char *c = word; *c; c++)
    if (*c < ' ' || *c > '~') *c = '?';
  snprintf(error->text, sizeof error->text, "%.100s: a snapshot of format %s; this whycpu reads %d",
           root->said, word[0] ? word : "(none)", FORMAT);
  return WHY_BAD_INPUT;
}

// ---- archives ----------------------------------------------------------------------------------

// An archive of `snap/...` has its machine one folder down.
static void enter_lone_folder(struct root *root) {
  if (has_machine(root->folder)) return;
  struct names names = root_names(root, "*", "/");
  struct place place;
  if (names.count != 1) return;
  root_walk(root, names.name[0], false, &place, NULL, NULL);
  if (place.there != THERE || !S_ISDIR(place.stat.st_mode)) return;
  int folder = open_folder(root->folder, names.name[0], O_NOFOLLOW);
  if (folder >= 0 && has_machine(folder)) {
    close(root->folder);
    root->folder = folder;
    memset(root->plain, 0, PLAIN_SLOTS * sizeof *root->plain);
    root->plains = 0;
  } else if (folder >= 0) {
    close(folder);
  }
}

static enum why_reason open_archive(struct root *root, int file, struct why_error *error) {
  const char *place = getenv("TMPDIR");
  if (!place || place[0] != '/') place = "/tmp";
  size_t size = strlen(place) + sizeof "/whycpu-XXXXXX";
  char *name = malloc(size);
  if (!name) return WHY_ALLOC_FAILED;
  snprintf(name, size, "%s/whycpu-XXXXXX", place);
  if (!mkdtemp(name)) {
    snprintf(error->text, sizeof error->text, "%.100s: cannot be unpacked into %.60s: %s",
             root->said, place, strerror(errno));
    free(name);
    return WHY_BAD_INPUT;
  }
  root->unpacked = name; // from here on root_close takes it away
  root->folder = open_folder(AT_FDCWD, name, O_NOFOLLOW);
  if (root->folder < 0) return refuse(root, error, strerror(errno), "");
  enum why_reason reason = unpack(file, root->folder, root->said, error);
  if (reason == WHY_OK) enter_lone_folder(root);
  return reason;
}

// ---- opening and closing -----------------------------------------------------------------------

static enum why_reason open_said(struct root *root, struct why_error *error) {
  static const char right[] = "; a folder or a .tar.gz that whycpu doctor --capture wrote is right";
  root->folder = open_folder(AT_FDCWD, root->said, 0);
  if (root->folder >= 0) return WHY_OK;
  int file = errno == ENOTDIR ? open(root->said, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) : -1;
  struct stat stat;
  if (file < 0) return refuse(root, error, strerror(errno), right);
  enum why_reason reason = WHY_BAD_INPUT;
  if (fstat(file, &stat) == 0 && S_ISREG(stat.st_mode) && unpack_is_archive(file)) {
    reason = open_archive(root, file, error);
  } else {
    refuse(root, error, "neither a folder nor an archive", right);
  }
  close(file);
  return reason;
}

static enum why_reason open_all(struct root *root, struct why_error *error) {
  root->plain = calloc(PLAIN_SLOTS, sizeof *root->plain);
  if (!root->plain) return WHY_ALLOC_FAILED;
  root->live = root->said[0] && root->said[strspn(root->said, "/")] == 0;
  enum why_reason reason = open_said(root, error);
  if (reason != WHY_OK || root->live) return reason;
  if (!has_machine(root->folder))
    return refuse(root, error, "nothing of a machine is in it",
                  ": none of the folders .whycpu, proc, sys, dev, etc, usr");
  reason = check_format(root, error);
  if (reason == WHY_OK) unread_load(root);
  return reason;
}

enum why_reason root_open(const char *path, struct arena *arena, struct root **out,
                          struct why_error *error) {
  *error = (struct why_error){0};
  *out = NULL;
  struct root *root = calloc(1, sizeof *root);
  volatile enum why_reason reason = WHY_ALLOC_FAILED;
  // A full arena ends here, for whoever calls has no root to close yet.
  jmp_buf full, *outer = arena->full;
  arena->full = &full;
  if (root && !setjmp(full)) {
    root->arena = arena;
    root->folder = -1;
    root->said = arena_copy(arena, path, strlen(path));
    reason = open_all(root, error);
  }
  arena->full = outer;
  if (reason == WHY_OK) {
    *out = root;
    return reason;
  }
  if (reason == WHY_ALLOC_FAILED) snprintf(error->text, sizeof error->text, "out of memory");
  root_close(root);
  return reason;
}

void root_close(struct root *root) {
  if (!root) return;
  if (root->folder >= 0) close(root->folder);
  if (root->unpacked) {
    int folder = open(root->unpacked, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0) {
      fill_empty(folder);
      close(folder);
    }
    rmdir(root->unpacked);
  }
  free(root->unpacked);
  free(root->plain);
  free(root->buffer);
  free(root);
}

enum why_reason root_within(const char *path, struct arena *arena, struct why_error *error,
                            root_work *work, void *to) {
  jmp_buf full;
  struct root *volatile root = NULL;
  volatile enum why_reason reason;
  arena->full = &full;
  if (setjmp(full)) {
    reason = WHY_ALLOC_FAILED;
  } else {
    struct root *opened = NULL;
    reason = root_open(path, arena, &opened, error);
    root = opened;
    if (reason == WHY_OK) reason = work(opened, to);
  }
  root_close(root);
  arena->full = NULL;
  return reason;
}
