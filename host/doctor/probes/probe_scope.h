// The parts of probe_scope.c that are files of their own.
#ifndef WHY_PROBE_SCOPE_H
#define WHY_PROBE_SCOPE_H
#include "slice.h"

void scope_container(struct facts *);
void scope_virtual(struct facts *);
#endif
