#define _XOPEN_SOURCE 700 // nftw
#include "tree.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void stop(const char *what, const char *path) {
  fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
  exit(1);
}

void tree_begin(char dir[TREE_PATH]) {
  const char *above = getenv("TMPDIR");
  snprintf(dir, TREE_PATH, "%s/tree-XXXXXX", above && *above ? above : ".");
  if (!mkdtemp(dir)) stop("mkdtemp", dir);
}

// The whole path, with the folders above it made.
static void make_way(char out[2 * TREE_PATH], const char *dir, const char *path) {
  int length = snprintf(out, 2 * TREE_PATH, "%s/%s", dir, path + (*path == '/'));
  if (length >= 2 * TREE_PATH) errno = ENAMETOOLONG, stop("path", path);
  for (char *at = out + strlen(dir) + 1; (at = strchr(at, '/')); at++) {
    *at = 0;
    if (mkdir(out, 0755) && errno != EEXIST) stop("mkdir", out);
    *at = '/';
  }
}

void tree_bytes(const char *dir, const char *path, const void *bytes, size_t length) {
  char full[2 * TREE_PATH];
  make_way(full, dir, path);
  FILE *file = fopen(full, "we");
  if (!file) stop("fopen", full);
  if (fwrite(bytes, 1, length, file) != length || fclose(file)) stop("write", full);
}

void tree_file(const char *dir, const char *path, const char *text) {
  tree_bytes(dir, path, text, strlen(text));
}

void tree_folder(const char *dir, const char *path) {
  char full[2 * TREE_PATH];
  make_way(full, dir, path);
  if (mkdir(full, 0755) && errno != EEXIST) stop("mkdir", full);
}

void tree_link(const char *dir, const char *path, const char *target) {
  char full[2 * TREE_PATH];
  make_way(full, dir, path);
  if (symlink(target, full)) stop("symlink", full);
}

static int remove_one(const char *path, const struct stat *what, int kind, struct FTW *place) {
  (void)what, (void)kind, (void)place;
  return remove(path);
}

void tree_remove(const char *dir, const char *path) {
  char full[2 * TREE_PATH];
  make_way(full, dir, path);
  if (nftw(full, remove_one, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT) stop("remove", full);
}

void tree_end(const char *dir) {
  if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS)) stop("remove", dir);
}
