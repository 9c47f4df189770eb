#include "files.h"
#include "program.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int output_open(const char *path, struct output *out) {
  *out = (struct output){.path = path};
  struct stat is;
  int status = STATUS_OK;
  if (!path) {
    out->file = stdout;
  } else if (stat(path, &is) == 0 && !S_ISREG(is.st_mode)) { // a pipe or a device, in its place
    out->file = S_ISDIR(is.st_mode) ? (errno = EISDIR, NULL) : fopen(path, "w");
  } else if (access(path, F_OK) == 0 && access(path, W_OK) != 0) {
    out->file = NULL; // renaming over it would get round its protection
  } else if ((out->part = malloc(strlen(path) + sizeof ".part"))) {
    strcat(strcpy(out->part, path), ".part");
    out->file = fopen(out->part, "w");
  }
  if (!out->file) {
    const char *words = strerror(errno);
    bool ours = errno == ENOSPC || errno == EIO || errno == ENOMEM || errno == EROFS;
    status = ours ? machine_failed("-o %s: %s", path, words)
                  : request_wrong("-o %s: %s; name a file in a folder that is there and can be "
                                  "written to",
                                  path, words);
    free(out->part);
    out->part = NULL;
  }
  return status;
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
    if (well && out->part && rename(out->part, out->path) != 0) well = false, cause = errno;
    if (!well && out->part) unlink(out->part);
  }
  free(out->part);
  *out = (struct output){0};
  if (well) return STATUS_OK;
  return machine_failed("the result could not be written: %s",
                        cause ? strerror(cause) : "a write failed");
}

void output_abandon(struct output *out) {
  if (out->path && out->file) fclose(out->file);
  if (out->part) unlink(out->part);
  free(out->part);
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
