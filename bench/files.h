// Files: where a command's result goes, and where the shipped data lies.
#ifndef BENCH_FILES_H
#define BENCH_FILES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

// Standard output, or the file of -o written beside its place and moved there by output_close, so
// that a failure leaves an older file as it was.
struct output {
  FILE *file;
  const char *path; // NULL: standard output
  char *part;       // the file that is written; NULL: in place
};
int output_open(const char *path, struct output *); // STATUS_OK, or its line is printed
int output_close(struct output *);                  // STATUS_OK, or its line is printed
void output_abandon(struct output *);               // leaves no part behind

// The folder of shipped data, `kind` being "machines" or "suites": ../share/whycpu/KIND beside the
// program's folder. False: the path does not fit or /proc is not there.
bool data_path(const char *kind, char *out, size_t size);
// The names in it without their ending, sorted; at most `most`. Free each, or pass to data_free.
int data_names(const char *kind, const char *ending, char **name, int most);
void data_free(char **name, int names);
#endif
