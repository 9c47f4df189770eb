#include "opened.h"
#include <stdio.h>
#include <stdlib.h>

void opened_begin(struct opened *opened) {
  *opened = (struct opened){.arena.full = &opened->full};
  tree_begin(opened->dir);
  tree_folder(opened->dir, "/usr"); // what has nothing of a machine is no snapshot
}

void opened_root(struct opened *opened, const char *path) {
  struct why_error error;
  if (root_open(path ? path : opened->dir, &opened->arena, &opened->root, &error) == WHY_OK) return;
  fprintf(stderr, "root_open: %s\n", error.text);
  exit(1);
}

void opened_end(struct opened *opened) {
  root_close(opened->root);
  arena_free(&opened->arena);
  tree_end(opened->dir);
}
