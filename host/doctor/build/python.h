// Python environments as files: where an interpreter's packages are, and what a distribution says
// of itself. No Python runs.
#ifndef WHY_PYTHON_H
#define WHY_PYTHON_H
#include "facts.h"

struct python {
  const char *interpreter; // absolute, as asked for or found; "" none
  const char *prefix;      // "/opt/venv", "/usr"; "" none
  const char *version;     // "3.10"; "" not known
  const char *const *site; // folders of packages in the order of sys.path: PYTHONPATH, the
  int sites;               // prefix's site-packages, the user's, dist-packages
  enum known complete;     // every folder could be looked at
};
// The environment of `interpreter`, or (NULL) the one that VIRTUAL_ENV, CONDA_PREFIX or PATH lead
// to, then /usr/bin/python3.
struct python python_find(const struct facts *, const char *interpreter);
// Every other environment that can be seen: /opt/*, /home/*/…, conda and venv folders beside it.
int python_others(const struct facts *, const struct python *, const struct python **);

struct distribution {
  enum there there;
  const char *name, *version; // of its folder's name: "jax_cuda12_plugin", "0.6.1"
  const char *site, *path;    // .../torch-2.5.1.dist-info (or .egg-info)
};
// By its name, compared as PEP 503 has it (case, "-", "_" and "." are one).
struct distribution python_distribution(const struct facts *, const struct python *,
                                        const char *name);
// Conda's record of a package: conda-meta/NAME-VERSION-BUILD.json; its build string in `build`.
struct distribution python_conda(const struct facts *, const struct python *, const char *name,
                                 const char **build);
// Lines "Requires-Dist: ..." of METADATA that begin with a name; NULL: there is none.
const char *python_requires(const struct facts *, const struct distribution *, const char *name);
#endif
