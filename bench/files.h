// Files: where a command's result goes, and where the shipped data lies.
#ifndef BENCH_FILES_H
#define BENCH_FILES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

// ---- files that are written ---------------------------------------------------------------------

// Two writers of one file are kept apart by flock(2) on it, for as long as it is open. Where the
// file system has no locks (Lustre can be mounted so), nothing keeps them apart.
// 0, or EBUSY: another process has it, or `path` is no longer the file that was opened.
int file_lock(int file, const char *path);
bool file_busy(const char *path); // does another process have it?
enum { FILE_HOLDER = 32 };
void file_holder(const char *path, char out[FILE_HOLDER]); // " (pid 4711)"; "" where not known

// A file that is written beside its place until it is whole, so that a failure leaves an older one
// as it was. Links are followed: what they lead to is replaced, and they stay.
struct beside {
  char *place, *part; // part: the place with ".part" after it; NULL: not in use
};
int beside_make(const char *path, struct beside *); // 0 or an errno; makes no file
int beside_move(const struct beside *);             // the part to its place; 0 or an errno
void beside_free(struct beside *);                  // leaves the files as they are

// Standard output, or the file of -o. A pipe, a device or a link to nothing is written in place.
struct output {
  FILE *file;
  const char *path; // NULL: standard output
  struct beside beside;
};
// `said`: what a refusal begins with, the option and its value.
int output_open_said(const char *said, const char *path, struct output *);
int output_open(const char *path, struct output *); // of -o. STATUS_OK, or its line is printed
int output_close(struct output *);                  // STATUS_OK, or its line is printed
void output_abandon(struct output *);               // leaves no part behind

// The folder of shipped data, `kind` being "machines" or "suites": ../share/whycpu/KIND beside the
// program's folder. False: the path does not fit or /proc is not there.
bool data_path(const char *kind, char *out, size_t size);
// The names in it without their ending, sorted; at most `most`. Free each, or pass to data_free.
int data_names(const char *kind, const char *ending, char **name, int most);
void data_free(char **name, int names);
#endif
