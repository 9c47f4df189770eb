// A tree and the facts that probes find in it.
#ifndef PROBING_H
#define PROBING_H
#include "facts.h"
#include "tree.h"

struct probing {
  char dir[TREE_PATH];
  jmp_buf full;
  struct arena arena;
  struct facts facts;
};
// As setup and teardown of a cmocka test; *state is the struct probing.
int probing_begin(void **state);
int probing_end(void **state);
// Opens the tree as a root, anew each time, with facts that know nothing yet.
struct facts *probing_facts(struct probing *);
struct facts *probing_live(struct probing *);
#endif
