// A folder that is being filled with files whose names come from elsewhere, an archive or a
// machine: nothing is ever written through a link, nor outside the folder.
#ifndef WHY_FILL_H
#define WHY_FILL_H
#include "walk.h"

enum { FILL_DEEP = 128 }; // parts of a name

struct fill {
  int folder;
  int parent; // where the last file went, still open; -1
  int made;   // files, folders and links, so far
  char parent_name[PATH_MOST];
};
void fill_begin(struct fill *, int folder);
void fill_end(struct fill *); // the folder itself stays open

// Names have no leading slash and no "", "." or "..". What has the name already is replaced, but
// folders stay, and one that holds something never gives way. Folders above come by themselves. A
// name below a link or a file is ENOTDIR. Each returns 0, or -1 and errno.
int fill_folder(struct fill *, const char *name);
int fill_file(struct fill *, const char *name); // the new file, for writing; the caller closes it
int fill_link(struct fill *, const char *name, const char *target);
int fill_same(struct fill *, const char *name, const char *other); // a hard link
bool fill_is_empty(int folder); // false also where it cannot be told
// Takes away all that is in a folder, and not the folder itself.
void fill_empty(int folder);
#endif
