#include "files.h"
#include "program.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

// ---- locks --------------------------------------------------------------------------------------

int file_lock(int file, const char *path) {
  struct stat opened, there;
  if (flock(file, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) return EBUSY;
  // Until it was locked, its writer could finish and rename it.
  bool same = !fstat(file, &opened) && !stat(path, &there) && opened.st_ino == there.st_ino &&
              opened.st_dev == there.st_dev;
  return same ? 0 : EBUSY;
}

bool file_busy(const char *path) {
  int file = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return false;
  bool busy = file_lock(file, path) == EBUSY;
  close(file);
  return busy;
}

// A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF", the device in hex.
void file_holder(const char *path, char out[FILE_HOLDER]) {
  struct stat is;
  char line[256];
  out[0] = 0;
  FILE *locks = stat(path, &is) ? NULL : fopen("/proc/locks", "r");
  while (locks && fgets(line, sizeof line, locks)) {
    char kind[16];
    int pid;
    unsigned major, minor;
    unsigned long long inode;
    if (sscanf(line, "%*d: %15s %*s %*s %d %x:%x:%llu", kind, &pid, &major, &minor, &inode) == 5 &&
        !strcmp(kind, "FLOCK") && pid > 0 && inode == is.st_ino &&
        makedev(major, minor) == is.st_dev)
      snprintf(out, FILE_HOLDER, " (pid %d)", pid);
  }
  if (locks) fclose(locks);
}

// ---- files that are written ---------------------------------------------------------------------

int beside_make(const char *path, struct beside *b) {
  static const char ending[] = ".part";
  errno = 0;
  *b = (struct beside){.place = realpath(path, NULL)};
  if (!b->place && errno == ENOENT) b->place = strdup(path); // it is to be new
  if (b->place) b->part = malloc(strlen(b->place) + sizeof ending);
  if (b->part) {
    strcat(strcpy(b->part, b->place), ending);
    return 0;
  }
  int error = errno;
  beside_free(b);
  return error ? error : ENOMEM;
}

int beside_move(const struct beside *b) {
  return rename(b->part, b->place) ? errno : 0;
}

void beside_free(struct beside *b) {
  free(b->place);
  free(b->part);
  *b = (struct beside){0};
}

// The file to write, opened. NULL: errno says why.
static FILE *open_for(const char *path, struct beside *beside) {
  struct stat is;
  bool there = stat(path, &is) == 0;
  if (there && S_ISDIR(is.st_mode)) return errno = EISDIR, NULL;
  if (there ? !S_ISREG(is.st_mode) : lstat(path, &is) == 0) return fopen(path, "w");
  if (there && access(path, W_OK) != 0) return NULL; // a rename would get round its protection
  if ((errno = beside_make(path, beside)) != 0) return NULL;
  int file = open(beside->part, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) return NULL;
  int error = file_lock(file, beside->part); // before anything is cut off
  if (!error && ftruncate(file, 0)) error = errno;
  FILE *opened = error ? NULL : fdopen(file, "w");
  if (opened) return opened;
  error = error ? error : errno;
  close(file);
  return errno = error, NULL;
}

int output_open_said(const char *said, const char *path, struct output *out) {
  *out = (struct output){.path = path};
  out->file = path ? open_for(path, &out->beside) : stdout;
  if (out->file) return STATUS_OK;
  int error = errno;
  char holder[FILE_HOLDER] = "";
  if (error == EBUSY && out->beside.part) file_holder(out->beside.part, holder);
  beside_free(&out->beside);
  if (error == EBUSY)
    return request_wrong("%s: it is being written by another process%s", said, holder);
  if (error == ENOSPC || error == EIO || error == ENOMEM || error == EROFS)
    return machine_failed("%s: %s", said, strerror(error));
  return request_wrong("%s: %s; name a file in a folder that is there and can be written to", said,
                       strerror(error));
}

int output_open(const char *path, struct output *out) {
  char said[PATH_MAX + 8];
  snprintf(said, sizeof said, "-o %s", path ? path : "");
  return output_open_said(said, path, out);
}

int output_close(struct output *out) {
  errno = 0;
  bool well = fflush(out->file) == 0 && !ferror(out->file);
  int cause = errno;
  if (!well && !cause) { // it failed earlier, and stdio forgot why: ask again
    clearerr(out->file);
    if (putc('\n', out->file) == EOF || fflush(out->file) != 0) cause = errno;
  }
  if (out->path) {
    int hold = dup(fileno(out->file)); // keeps the lock until it is in its place
    if (fclose(out->file) != 0 && well) well = false, cause = errno;
    if (well && out->beside.part && (cause = beside_move(&out->beside)) != 0) well = false;
    if (!well && out->beside.part) unlink(out->beside.part);
    if (hold >= 0) close(hold);
  }
  beside_free(&out->beside);
  *out = (struct output){0};
  if (well) return STATUS_OK;
  return machine_failed("the result could not be written: %s",
                        cause ? strerror(cause) : "a write failed");
}

void output_abandon(struct output *out) {
  if (out->beside.part) unlink(out->beside.part);
  if (out->path && out->file) fclose(out->file);
  beside_free(&out->beside);
  *out = (struct output){0};
}

// ---- shipped data -----------------------------------------------------------------------------

bool data_path(const char *kind, char *out, size_t size) {
  char self[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length <= 0) return false;
  self[length] = 0;
  for (int up = 0; up < 2; up++) { // bin/whycpu: the folder above bin
    char *slash = strrchr(self, '/');
    if (!slash) return false;
    *slash = 0;
  }
  int used = snprintf(out, size, "%s/share/whycpu/%s", self, kind);
  return used > 0 && (size_t)used < size;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

int data_names(const char *kind, const char *ending, char **name, int most) {
  char path[PATH_MAX];
  int names = 0;
  DIR *folder = data_path(kind, path, sizeof path) ? opendir(path) : NULL;
  for (struct dirent *entry; folder && names < most && (entry = readdir(folder));) {
    size_t length = strlen(entry->d_name), tail = strlen(ending);
    if (length <= tail || strcmp(entry->d_name + length - tail, ending) != 0) continue;
    if (!(name[names] = strndup(entry->d_name, length - tail))) break;
    names++;
  }
  if (folder) closedir(folder);
  if (names) qsort(name, (size_t)names, sizeof *name, by_name);
  return names;
}

void data_free(char **name, int names) {
  for (int i = 0; i < names; i++) free(name[i]);
}
