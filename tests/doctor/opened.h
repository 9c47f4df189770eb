// A small machine as files (tree.h), opened as a root, with the memory that goes with it.
#ifndef OPENED_H
#define OPENED_H
#include "root.h"
#include "tree.h"

struct opened {
  char dir[TREE_PATH];
  struct arena arena;
  jmp_buf full; // never set: a test that fills the arena crashes
  struct root *root;
};
void opened_begin(struct opened *);                  // an empty tree
void opened_root(struct opened *, const char *path); // NULL: the tree
void opened_end(struct opened *);
#endif
