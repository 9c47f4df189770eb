#include "sink.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool sink_failed(struct sink *sink, const char *path, const char *why) {
  snprintf(sink->error->text, sizeof sink->error->text, "%.90s: %.60s%s%.80s", sink->to, path,
           *path ? ": " : "", why);
  return false;
}

// ---- a folder ----------------------------------------------------------------------------------

static bool write_at(int file, const char *bytes, size_t length, uint64_t offset) {
  while (length) {
    ssize_t wrote = pwrite(file, bytes, length, (off_t)offset);
    if (wrote < 0 && errno != EINTR) return false;
    if (wrote < 0) continue;
    bytes += wrote;
    offset += (uint64_t)wrote;
    length -= (size_t)wrote;
  }
  return true;
}

// What the other file no longer has stays a hole.
static bool copy_part(int to, int from, struct elf_part part) {
  char bytes[16 << 10];
  while (part.length) {
    size_t most = part.length < sizeof bytes ? part.length : sizeof bytes;
    ssize_t got = pread(from, bytes, most, (off_t)part.offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    if (!write_at(to, bytes, (size_t)got, part.offset)) return false;
    part.offset += (uint64_t)got;
    part.length -= (uint64_t)got;
  }
  return true;
}

static bool add_file(struct sink *sink, const char *path, const struct content *content) {
  int file = fill_file(&sink->fill, path + 1);
  bool good = file >= 0 && write_at(file, content->start, content->start_length, 0);
  for (int i = 0; good && i < content->parts; i++)
    good = copy_part(file, content->file, content->part[i]);
  good = good && ftruncate(file, (off_t)content->size) == 0;
  int error = errno;
  if (file >= 0 && close(file) != 0 && good) {
    good = false;
    error = errno;
  }
  return good || sink_failed(sink, path, strerror(error));
}

static bool add_folder(struct sink *sink, const char *path) {
  return fill_folder(&sink->fill, path + 1) == 0 || sink_failed(sink, path, strerror(errno));
}

static bool add_link(struct sink *sink, const char *path, const char *target) {
  return fill_link(&sink->fill, path + 1, target) == 0 || sink_failed(sink, path, strerror(errno));
}

static bool close_folder(struct sink *sink, bool whole) {
  fill_end(&sink->fill);
  if (!whole) fill_empty(sink->fill.folder);
  close(sink->fill.folder);
  if (!whole && sink->ours) rmdir(sink->to);
  return true;
}

static enum why_reason open_folder(struct sink *sink) {
  sink->ours = mkdir(sink->to, 0777) == 0;
  int error = sink->ours || errno == EEXIST ? 0 : errno, folder = -1;
  if (!error) {
    folder = open(sink->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    error = folder < 0 ? errno : 0;
  }
  if (!error && fill_is_empty(folder)) {
    static const struct sink_way way = {add_folder, add_link, add_file, close_folder};
    sink->way = &way;
    fill_begin(&sink->fill, folder);
    return WHY_OK;
  }
  if (folder >= 0) close(folder);
  snprintf(sink->error->text, sizeof sink->error->text,
           "%.90s: %.60s; a new folder or a name that ends in .tar.gz is right", sink->to,
           error ? strerror(error) : "it is there, and not empty");
  return WHY_BAD_INPUT;
}

// ---- either ------------------------------------------------------------------------------------

static bool names_archive(const char *text) {
  static const char *const ends[] = {".tar.gz", ".tgz"};
  size_t length = strlen(text);
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    size_t end = strlen(ends[i]);
    if (length > end && strcmp(text + length - end, ends[i]) == 0) return true;
  }
  return false;
}

enum why_reason sink_open(struct sink *sink, const char *to, struct why_error *error) {
  *sink = (struct sink){.to = to, .file = -1, .error = error};
  return names_archive(to) ? sink_open_archive(sink) : open_folder(sink);
}

bool sink_folder(struct sink *sink, const char *path) {
  return sink->way->folder(sink, path);
}

bool sink_link(struct sink *sink, const char *path, const char *target) {
  return sink->way->link(sink, path, target);
}

bool sink_file(struct sink *sink, const char *path, const struct content *content) {
  sink->files++;
  sink->bytes += content->start_length;
  for (int i = 0; i < content->parts; i++) sink->bytes += content->part[i].length;
  return sink->way->file(sink, path, content);
}

bool sink_text(struct sink *sink, const char *path, const char *text, size_t length) {
  return sink_file(
      sink, path,
      &(struct content){.start = text, .start_length = length, .file = -1, .size = length});
}

enum why_reason sink_close(struct sink *sink, bool whole) {
  return sink->way->close(sink, whole) ? WHY_OK : WHY_CALL_FAILED;
}
