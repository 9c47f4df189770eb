// A small machine as files, below a folder of its own, for one test. What goes wrong ends the test
// program: there is nothing to test without it.
#ifndef TREE_H
#define TREE_H
#include <stddef.h>

enum { TREE_PATH = 512 };

void tree_begin(char dir[TREE_PATH]); // in TMPDIR, or else the current folder
// `path` is below dir, with or without a leading slash; folders above it are made. A file that is
// there already is written anew.
void tree_file(const char *dir, const char *path, const char *text);
void tree_bytes(const char *dir, const char *path, const void *bytes, size_t length);
void tree_folder(const char *dir, const char *path);
void tree_link(const char *dir, const char *path, const char *target); // as it is written
void tree_remove(const char *dir, const char *path);                   // a file or a whole folder
void tree_end(const char *dir);
#endif
