// Unpacks an archive of a snapshot with libarchive: gzip and tar, or tar alone. Two of its readers,
// one behind the other: the first undoes gzip, the second takes the tar apart, and what passes
// between them is counted, since an archive of a few kilobytes can hold a header that takes
// gigabytes. Device nodes, fifos, owners, modes and times are left out.
#define _GNU_SOURCE // newlocale
#include "unpack.h"
#include "fill.h"
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

bool unpack_is_archive(int file) {
  unsigned char start[512] = {0};
  ssize_t got = pread(file, start, sizeof start, 0);
  bool gzip = got >= 2 && start[0] == 0x1f && start[1] == 0x8b;
  return gzip || (got == sizeof start && memcmp(start + 257, "ustar", 5) == 0);
}

#ifdef WHY_HAVE_LIBARCHIVE
#include <archive.h>
#include <archive_entry.h>

struct unpacking {
  struct archive *bytes, *tar;
  struct fill fill;
  uint64_t passed, header_start; // bytes of the tar; where the header that is being read began
  bool in_header;
  uint64_t content;
  int members;
  const char *said;
  struct why_error *error;
};

static enum why_reason refuse(const struct unpacking *u, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static enum why_reason refuse(const struct unpacking *u, const char *format, ...) {
  char *text = u->error->text;
  size_t size = sizeof u->error->text;
  int used = snprintf(text, size, "%.100s: ", u->said);
  va_list list;
  va_start(list, format);
  vsnprintf(text + used, size - (size_t)used, format, list);
  va_end(list);
  for (char *c = text; *c; c++) // names in an archive may hold anything
    if (iscntrl((unsigned char)*c)) *c = '?';
  return WHY_BAD_INPUT;
}

// ---- the stream between the two ----------------------------------------------------------------

static la_ssize_t pass(struct archive *tar, void *to, const void **bytes) {
  struct unpacking *u = to;
  size_t length = 0;
  la_int64_t offset;
  int status = archive_read_data_block(u->bytes, bytes, &length, &offset);
  if (status == ARCHIVE_EOF) return 0;
  if (status < ARCHIVE_WARN) {
    const char *why = archive_error_string(u->bytes);
    archive_set_error(tar, EINVAL, "%s", why ? why : "it cannot be read");
    return -1;
  }
  u->passed += length;
  // The reader takes whole blocks, so a header is seen as up to a block longer than it is.
  bool long_header = u->in_header && u->passed - u->header_start > HEADER_MOST;
  if (long_header || u->passed > STREAM_MOST) {
    archive_set_error(tar, EINVAL,
                      long_header ? "a header in it is longer than 1 MiB"
                                  : "it is larger than a snapshot can be");
    return -1;
  }
  return (la_ssize_t)length;
}

static bool open_readers(struct unpacking *u, int file) {
  u->bytes = archive_read_new();
  u->tar = archive_read_new();
  struct archive_entry *entry;
  return u->bytes && u->tar && lseek(file, 0, SEEK_SET) == 0 &&
         archive_read_support_filter_gzip(u->bytes) == ARCHIVE_OK && // else it would run gzip(1)
         archive_read_support_format_raw(u->bytes) == ARCHIVE_OK &&
         archive_read_open_fd(u->bytes, file, 64 << 10) == ARCHIVE_OK &&
         archive_read_next_header(u->bytes, &entry) == ARCHIVE_OK &&
         archive_read_support_format_tar(u->tar) == ARCHIVE_OK &&
         archive_read_open(u->tar, u, NULL, pass, NULL) == ARCHIVE_OK;
}

// ---- members -----------------------------------------------------------------------------------

// A member's name as a path inside the folder, "" for the folder itself. NULL: what is right with
// it.
static const char *tidy(const char *name, char out[PATH_MOST]) {
  if (!name) return "a name in it is not text";
  if (strlen(name) >= PATH_MOST) return "is longer than a path can be";
  size_t used = 0;
  int deep = 0;
  for (name += strspn(name, "/"); *name; name += strspn(name, "/")) {
    size_t length = strcspn(name, "/");
    if (length == 2 && name[0] == '.' && name[1] == '.') return "climbs out with ..";
    if (length != 1 || name[0] != '.') {
      if (++deep > FILL_DEEP) return "lies deeper than a snapshot goes";
      if (used) out[used++] = '/';
      memcpy(out + used, name, length);
      used += length;
    }
    name += length;
  }
  out[used] = 0;
  return NULL;
}

static const char *name_of(struct archive_entry *entry) {
  const char *name = archive_entry_pathname(entry);
  return name ? name : archive_entry_pathname_utf8(entry);
}

static enum why_reason not_written(const struct unpacking *u, const char *name) {
  int error = errno;
  const char *below = "below a link or a file of the same archive, where nothing can be";
  return refuse(u, "%.80s: %s", name, error == ENOTDIR ? below : strerror(error));
}

// Blocks that the archive leaves out stay holes.
static enum why_reason write_content(struct unpacking *u, int file, const char *name,
                                     la_int64_t size) {
  for (;;) {
    const void *bytes;
    size_t length;
    la_int64_t offset;
    int status = archive_read_data_block(u->tar, &bytes, &length, &offset);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) {
      const char *why = archive_error_string(u->tar);
      return refuse(u, "damaged: %s", why ? why : "it cannot be read");
    }
    u->content += length;
    if (u->content > CONTENT_MOST)
      return refuse(u, "larger than a snapshot can be: it unpacks to more than 256 MiB");
    for (size_t done = 0; done < length;) {
      ssize_t wrote =
          pwrite(file, (const char *)bytes + done, length - done, offset + (la_int64_t)done);
      if (wrote < 0 && errno != EINTR) return not_written(u, name);
      done += wrote < 0 ? 0 : (size_t)wrote;
    }
  }
  struct stat stat;
  if (fstat(file, &stat) == 0 && stat.st_size < size && ftruncate(file, size) != 0)
    return not_written(u, name);
  return WHY_OK;
}

static enum why_reason add_file(struct unpacking *u, struct archive_entry *entry,
                                const char *name) {
  int file = fill_file(&u->fill, name);
  if (file < 0) return not_written(u, name);
  enum why_reason reason = write_content(u, file, name, archive_entry_size(entry));
  if (close(file) != 0 && reason == WHY_OK) return not_written(u, name);
  return reason;
}

static enum why_reason add_hard_link(struct unpacking *u, const char *name, const char *target) {
  char other[PATH_MOST];
  const char *wrong = tidy(target, other);
  if (wrong) return refuse(u, "%.80s, a link to %.80s, which %s", name, target, wrong);
  if (fill_same(&u->fill, name, other) == 0) return WHY_OK;
  if (errno != ENOENT) return not_written(u, name);
  return refuse(u, "%.70s is a link to %.70s, which the archive does not have", name, other);
}

static enum why_reason add_member(struct unpacking *u, struct archive_entry *entry) {
  char name[PATH_MOST];
  const char *said = name_of(entry), *wrong = tidy(said, name);
  if (wrong) return refuse(u, "%.100s %s", said ? said : "", wrong);
  u->members++;
  if (u->members > MEMBERS_MOST || u->fill.made > MEMBERS_MOST)
    return refuse(u, "larger than a snapshot can be: it has more than %d files", MEMBERS_MOST);
  if (!name[0]) return WHY_OK;
  const char *hard = archive_entry_hardlink(entry), *soft = archive_entry_symlink(entry);
  if (hard) return add_hard_link(u, name, hard);
  switch (archive_entry_filetype(entry)) {
  case AE_IFREG:
    return add_file(u, entry, name);
  case AE_IFDIR:
    return fill_folder(&u->fill, name) ? not_written(u, name) : WHY_OK;
  case AE_IFLNK:
    if (!soft) soft = archive_entry_symlink_utf8(entry);
    if (!soft || !soft[0] || strlen(soft) >= PATH_MOST)
      return refuse(u, "%.100s is a link to nothing that has a name", name);
    return fill_link(&u->fill, name, soft) ? not_written(u, name) : WHY_OK;
  default:
    return WHY_OK;
  }
}

static enum why_reason add_members(struct unpacking *u) {
  for (;;) {
    struct archive_entry *entry;
    u->header_start = u->passed;
    u->in_header = true;
    int status = archive_read_next_header(u->tar, &entry);
    u->in_header = false;
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) {
      const char *why = archive_error_string(u->tar);
      return refuse(u, "damaged, or no archive of a snapshot: %s", why ? why : "not a tar");
    }
    enum why_reason reason = add_member(u, entry);
    if (reason != WHY_OK) return reason;
    // What is left of its content is passed over here, where it does not count as a header.
    if (archive_read_data_skip(u->tar) < ARCHIVE_WARN) {
      const char *why = archive_error_string(u->tar);
      return refuse(u, "damaged: %s", why ? why : "it cannot be read");
    }
  }
  // A file that is cut short may be so behind the tar's end.
  const void *bytes;
  for (la_ssize_t got; (got = pass(u->tar, u, &bytes));)
    if (got < 0) return refuse(u, "damaged: %s", archive_error_string(u->tar));
  return WHY_OK;
}

enum why_reason unpack(int archive, int folder, const char *said, struct why_error *error) {
  struct unpacking u = {.said = said, .error = error};
  fill_begin(&u.fill, folder);
  // Names that are UTF-8 by what the archive says are taken as they are, whatever the locale.
  locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
  enum why_reason reason = WHY_BAD_INPUT;
  if (open_readers(&u, archive)) {
    reason = add_members(&u);
  } else {
    const char *why = u.bytes ? archive_error_string(u.bytes) : NULL;
    if (!why && u.tar) why = archive_error_string(u.tar);
    refuse(&u, "damaged, or no archive of a snapshot: %s", why ? why : "it cannot be read");
  }
  archive_read_free(u.tar);
  archive_read_free(u.bytes);
  fill_end(&u.fill);
  if (utf8) {
    uselocale(before);
    freelocale(utf8);
  }
  return reason;
}
#else
enum why_reason unpack(int archive, int folder, const char *said, struct why_error *error) {
  (void)archive, (void)folder;
  snprintf(error->text, sizeof error->text,
           "%.100s: this whycpu was built without libarchive, so it reads no archives; unpack it "
           "and name the folder",
           said);
  return WHY_BAD_INPUT;
}
#endif
