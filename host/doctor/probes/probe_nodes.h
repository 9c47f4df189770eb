// The device nodes, for the probes that come before probe_nodes() and need them.
#ifndef WHY_PROBE_NODES_H
#define WHY_PROBE_NODES_H
#include "slice.h"

void nodes_read(struct facts *); // once; again it does nothing
// A node whose path begins so; NULL.
const struct node *nodes_beginning(const struct facts *, const char *path);

// nodes_live.c: those of this machine.
void nodes_list(struct facts *);
void nodes_add(struct facts *, struct node);
#endif
