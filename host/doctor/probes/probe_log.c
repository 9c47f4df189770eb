// The kernel's log, and what the framework printed: of a snapshot as they were recorded, of this
// machine asked of the kernel, else from the files that a syslog daemon keeps.
#include "probe_log.h"
#include <sys/klog.h>
#include <unistd.h>

enum {
  TAIL = 1 << 20, // bytes of a log that are read: its end
  RECORDED_MOST = 4 << 20,
  OWN_LINE_MOST = 4096,
  READ_ALL = 3 // klogctl: what the ring holds, without taking it out
};
static const char *const files[] = {"/var/log/kern.log", "/var/log/messages", "/var/log/syslog",
                                    "/var/log/dmesg"};

// The end of a file: a whole log may be many times as large.
static bool read_tail(struct facts *f, const char *path) {
  const char *release = f->scope.release.there == THERE ? f->scope.release.text : "";
  struct stat what;
  if (root_stat(f->root, &what, "%s", path) != THERE || what.st_size <= 0) return false;
  char *bytes = arena_give(f->arena, TAIL);
  int file = root_file(f->root, path);
  if (file < 0) return false;
  off_t from = what.st_size > TAIL ? what.st_size - TAIL : 0;
  size_t length = 0;
  for (ssize_t got; length < TAIL; length += (size_t)got) {
    got = pread(file, bytes + length, TAIL - length, from + (off_t)length);
    if (got <= 0) break;
  }
  close(file);
  struct slice read = {bytes, length}, cut;
  if (from) slice_line(&read, &cut);
  if (!log_read(f, read, true, release)) return false;
  f->log.path = path;
  return true;
}

static bool read_ring(struct facts *f) {
  char *bytes = arena_give(f->arena, TAIL);
  int length = klogctl(READ_ALL, bytes, TAIL);
  f->log.path = "/dev/kmsg";
  return length > 0 && log_read(f, (struct slice){bytes, (size_t)length}, false, "");
}

static bool read_recorded(struct facts *f) {
  struct text text = root_text(f->root, RECORDED_MOST, "/.whycpu/kmsg");
  f->log.path = "/.whycpu/kmsg";
  return text.there == THERE && log_read(f, slice_text(&text), false, "");
}

static void read_own(struct facts *f) {
  struct log *log = &f->log;
  struct text text = {.path = "/.whycpu/log"};
  if (!root_live(f->root)) text = root_text(f->root, ROOT_TEXT, "/.whycpu/log");
  log->own_path = text.path;
  log->own_known = text.there == THERE ? YES : UNKNOWN;
  struct slice rest = slice_text(&text), line;
  while (log->owns < LOG_LINES_MOST && slice_line(&rest, &line)) {
    if (!slice_trim(line).length) continue;
    const char **list = arena_more(f->arena, log->own, log->owns, sizeof *list);
    list[log->owns++] = slice_show(f->arena, line, OWN_LINE_MOST);
    log->own = list;
  }
}

void probe_log(struct facts *f) {
  read_own(f);
  if (root_live(f->root) ? read_ring(f) : read_recorded(f)) return;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    if (read_tail(f, files[i])) return;
}
