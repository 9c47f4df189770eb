// Device files, and who may open them.
#ifndef WHY_ACCESS_H
#define WHY_ACCESS_H
#include "facts.h"

bool gpu_nodes(const struct facts *); // one of a GPU: /dev/nvidia0, under WSL2 /dev/dxg
bool is_in_the_way(const struct facts *, const struct node *); // where it cannot be opened
// By mode, owner and group alone; UNKNOWN where the process is not known.
enum known mode_permits(const struct facts *, const struct node *);
// The first node that CUDA has to open, whose mode lets the process in, and that gives this error.
const struct node *closed_node(const struct facts *, int error);
#endif
