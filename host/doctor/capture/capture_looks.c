// Every look of a diagnosis, as it is asked for.
#include "capture.h"
#include <string.h>

void looks_add(void *to, char kind, const char *path, size_t most) {
  struct looks *looks = to;
  if (looks->count == looks->room) {
    int room = looks->room ? 2 * looks->room : 1024;
    struct look *more = arena_give(looks->arena, (size_t)room * sizeof *more);
    if (looks->count) memcpy(more, looks->look, (size_t)looks->count * sizeof *more);
    looks->look = more;
    looks->room = room;
  }
  looks->look[looks->count++] =
      (struct look){arena_copy(looks->arena, path, strlen(path)), most, kind};
}
