// Folders of packages while they are collected: shared by python.c and python_others.c.
#ifndef WHY_PYTHON_SITE_H
#define WHY_PYTHON_SITE_H
#include "python.h"

enum { SITES_MOST = 64 };
struct sites {
  const struct facts *f;
  const char *folder[SITES_MOST], *real[SITES_MOST]; // as found, and without links
  int count;
  bool unsure; // some folder could not be looked at
};
// What lies below a prefix; `version` "": each. `debian`: the system's own Python there, whose
// packages are in dist-packages, of /usr and of /usr/local.
void sites_of_prefix(struct sites *, const char *prefix, const char *version, bool debian);
const char *const *sites_copy(const struct sites *);
#endif
