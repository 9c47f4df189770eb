// A capture as a .tar.gz. Holes stay holes, so a library of gigabytes takes a few kilobytes.
#include "sink.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef WHY_HAVE_LIBARCHIVE
#include <archive.h>
#include <archive_entry.h>

static bool failed(struct sink *sink, const char *path) {
  const char *why = archive_error_string(sink->tar);
  return sink_failed(sink, path, why ? why : "it cannot be written");
}

static struct archive_entry *entry_of(const char *path, unsigned type, mode_t mode) {
  struct archive_entry *entry = archive_entry_new();
  if (!entry) return NULL;
  archive_entry_copy_pathname(entry, path + 1);
  archive_entry_set_filetype(entry, type);
  archive_entry_set_perm(entry, mode);
  archive_entry_set_mtime(entry, time(NULL), 0);
  return entry;
}

// Frees the entry.
static bool put(struct sink *sink, const char *path, struct archive_entry *entry) {
  bool good = entry && archive_write_header(sink->tar, entry) >= ARCHIVE_WARN;
  archive_entry_free(entry);
  return good || failed(sink, path);
}

static bool add_folder(struct sink *sink, const char *path) {
  return put(sink, path, entry_of(path, AE_IFDIR, 0755));
}

static bool add_link(struct sink *sink, const char *path, const char *target) {
  struct archive_entry *entry = entry_of(path, AE_IFLNK, 0777);
  if (entry) {
    archive_entry_set_size(entry, 0);
    archive_entry_copy_symlink(entry, target);
  }
  return put(sink, path, entry);
}

// The writer is given holes as zeros, and leaves them out.
static bool put_zeros(struct sink *sink, uint64_t length) {
  static const char zeros[64 << 10];
  while (length) {
    size_t most = length < sizeof zeros ? length : sizeof zeros;
    if (archive_write_data(sink->tar, zeros, most) < 0) return false;
    length -= most;
  }
  return true;
}

static bool put_part(struct sink *sink, int from, struct elf_part part) {
  char bytes[16 << 10];
  while (part.length) {
    size_t most = part.length < sizeof bytes ? part.length : sizeof bytes;
    ssize_t got = pread(from, bytes, most, (off_t)part.offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return put_zeros(sink, part.length);
    if (archive_write_data(sink->tar, bytes, (size_t)got) < 0) return false;
    part.offset += (uint64_t)got;
    part.length -= (uint64_t)got;
  }
  return true;
}

static bool add_file(struct sink *sink, const char *path, const struct content *content) {
  struct archive_entry *entry = entry_of(path, AE_IFREG, 0644);
  if (!entry) return failed(sink, path);
  archive_entry_set_size(entry, (la_int64_t)content->size);
  bool holes = content->parts || content->start_length < content->size;
  if (holes && content->start_length)
    archive_entry_sparse_add_entry(entry, 0, (la_int64_t)content->start_length);
  for (int i = 0; i < content->parts; i++)
    archive_entry_sparse_add_entry(entry, (la_int64_t)content->part[i].offset,
                                   (la_int64_t)content->part[i].length);
  if (holes && !content->start_length && !content->parts) // nothing but a hole
    archive_entry_sparse_add_entry(entry, (la_int64_t)content->size, 0);
  if (!put(sink, path, entry)) return false;
  bool good = !content->start_length ||
              archive_write_data(sink->tar, content->start, content->start_length) >= 0;
  uint64_t at = content->start_length;
  for (int i = 0; good && i < content->parts; i++) {
    struct elf_part part = content->part[i];
    good = put_zeros(sink, part.offset - at) && put_part(sink, content->file, part);
    at = part.offset + part.length;
  }
  good = good && put_zeros(sink, content->size - at);
  return good || failed(sink, path);
}

static bool close_archive(struct sink *sink, bool whole) {
  bool good = archive_write_close(sink->tar) == ARCHIVE_OK || failed(sink, "");
  archive_write_free(sink->tar);
  if (close(sink->file) != 0 && good) good = sink_failed(sink, "", strerror(errno));
  if (whole && good && rename(sink->beside, sink->to) != 0)
    good = sink_failed(sink, "", strerror(errno));
  if (!whole || !good) unlink(sink->beside);
  free(sink->beside);
  return good;
}

static bool open_archive(struct sink *sink) {
  struct archive *tar = archive_write_new();
  sink->tar = tar;
  if (!tar) return sink_failed(sink, "", "out of memory");
  // Names are bytes, and need not be text: a header of its own says so where they are none.
  if (archive_write_add_filter_gzip(tar) == ARCHIVE_OK &&
      archive_write_set_format_pax_restricted(tar) == ARCHIVE_OK &&
      archive_write_open_fd(tar, sink->file) == ARCHIVE_OK)
    return true;
  failed(sink, "");
  archive_write_free(tar);
  return false;
}

// Beside its own name until it is whole, under one that ends in six letters of chance.
enum why_reason sink_open_archive(struct sink *sink) {
  static const struct sink_way way = {add_folder, add_link, add_file, close_archive};
  size_t size = strlen(sink->to) + sizeof ".XXXXXX";
  sink->way = &way;
  sink->beside = malloc(size);
  if (!sink->beside) return WHY_ALLOC_FAILED;
  snprintf(sink->beside, size, "%s.XXXXXX", sink->to);
  sink->file = mkstemp(sink->beside);
  if (sink->file < 0) {
    sink_failed(sink, "", strerror(errno));
  } else if (open_archive(sink)) {
    return WHY_OK;
  } else {
    close(sink->file);
    unlink(sink->beside);
  }
  free(sink->beside);
  return WHY_BAD_INPUT;
}
#else
enum why_reason sink_open_archive(struct sink *sink) {
  sink_failed(sink, "", "this whycpu was built without libarchive; name a folder");
  return WHY_BAD_INPUT;
}
#endif
