#include "files.h"
#include "program.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
  int error = errno ? errno : ENOMEM;
  beside_free(b);
  return error;
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
  errno = beside_make(path, beside);
  return errno ? NULL : fopen(beside->part, "w");
}

int output_open_said(const char *said, const char *path, struct output *out) {
  *out = (struct output){.path = path};
  out->file = path ? open_for(path, &out->beside) : stdout;
  if (out->file) return STATUS_OK;
  int error = errno;
  beside_free(&out->beside);
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
    if (fclose(out->file) != 0 && well) well = false, cause = errno;
    if (well && out->beside.part && (cause = beside_move(&out->beside)) != 0) well = false;
    if (!well && out->beside.part) unlink(out->beside.part);
  }
  beside_free(&out->beside);
  *out = (struct output){0};
  if (well) return STATUS_OK;
  return machine_failed("the result could not be written: %s",
                        cause ? strerror(cause) : "a write failed");
}

void output_abandon(struct output *out) {
  if (out->path && out->file) fclose(out->file);
  if (out->beside.part) unlink(out->beside.part);
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
