// Where a capture goes: a folder, or a .tar.gz by the ending of its name.
#ifndef WHY_SINK_H
#define WHY_SINK_H
#include "elf.h"
#include "fill.h"

// What a file is to hold: its first bytes, then parts of another file; the rest are holes.
struct content {
  const char *start;
  size_t start_length;
  int file; // where the parts are read from, at the same offsets; -1: there are none
  const struct elf_part *part; // sorted, apart from each other and from the start
  int parts;
  uint64_t size; // in all
};

struct sink {
  const char *to;
  const struct sink_way *way;
  struct fill fill; // of a folder
  bool ours;        // the folder was not there before
  void *tar;        // libarchive's
  int file;         // of an archive, under a name beside its own until it is whole
  char *beside;
  uint64_t bytes; // of content, so far
  int files;
  struct why_error *error;
};
struct sink_way {
  bool (*folder)(struct sink *, const char *path);
  bool (*link)(struct sink *, const char *path, const char *target);
  bool (*file)(struct sink *, const char *path, const struct content *);
  bool (*close)(struct sink *, bool whole);
};

// WHY_OK; WHY_BAD_INPUT and a line, WHY_ALLOC_FAILED: nothing needs to be closed.
enum why_reason sink_open(struct sink *, const char *to, struct why_error *);
// Paths are absolute and go through no link; a folder comes before what is in it. False: it could
// not be written, and a line says why.
bool sink_folder(struct sink *, const char *path);
bool sink_link(struct sink *, const char *path, const char *target);
bool sink_file(struct sink *, const char *path, const struct content *);
bool sink_text(struct sink *, const char *path, const char *text, size_t length);
// `whole`: keep it. Else, and where the end cannot be written, nothing is left of it.
enum why_reason sink_close(struct sink *, bool whole);

bool sink_failed(struct sink *, const char *path, const char *why); // says it; false
enum why_reason sink_open_archive(struct sink *);                   // sink_archive.c
#endif
