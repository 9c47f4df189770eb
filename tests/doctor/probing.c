#include "probing.h"
#include <stdio.h>
#include <stdlib.h>

int probing_begin(void **state) {
  struct probing *p = calloc(1, sizeof *p);
  if (!p) return -1;
  tree_begin(p->dir);
  tree_folder(p->dir, ".whycpu");
  *state = p;
  return 0;
}

static void close_root(struct probing *p) {
  root_close(p->facts.root);
  arena_free(&p->arena);
  p->facts = (struct facts){0};
}

static struct facts *open_root(struct probing *p, const char *path) {
  struct why_error error = {0};
  close_root(p);
  p->arena.full = &p->full;
  if (setjmp(p->full)) {
    fputs("out of memory\n", stderr);
    exit(1);
  }
  if (root_open(path, &p->arena, &p->facts.root, &error) != WHY_OK) {
    fprintf(stderr, "%s: %s\n", path, error.text);
    exit(1);
  }
  p->facts.arena = &p->arena;
  return &p->facts;
}

struct facts *probing_facts(struct probing *p) {
  return open_root(p, p->dir);
}
struct facts *probing_live(struct probing *p) {
  return open_root(p, "/");
}

int probing_end(void **state) {
  struct probing *p = *state;
  close_root(p);
  tree_end(p->dir);
  free(p);
  return 0;
}
