// Values in Python's source and in the files beside it, found as text: nothing is run, and what is
// not understood is not there.
#ifndef WHY_PYTHON_TEXT_H
#define WHY_PYTHON_TEXT_H
#include "root.h"

enum value_kind { VALUE_ABSENT, VALUE_TEXT, VALUE_WORD, VALUE_LIST };
struct value {
  enum value_kind kind;
  const char *text;        // of a string without its quotes, of a word as it is (None, True); ""
  const char *const *item; // the strings of a list
  int items;
};
// What a name is given: by an assignment at the start of a line, with or without an annotation, or
// as a pair: ('name', value) or 'name': value.
struct value python_value(struct arena *, const struct text *, const char *name);

// Of lines `name = value`, as in pyvenv.cfg; NULL: there is none.
const char *config_value(struct arena *, const struct text *, const char *name);

// Of the lines "Requires-Dist: ..." of METADATA, the rest of the first one that names this
// distribution: " (==9.1.0.70) ; ...". NULL: there is none.
const char *metadata_requires(struct arena *, const struct text *, const char *name);
// The first version in such a rest that something is asked to have or to exceed: "9.1.0.70" of
// "(>=9.1.0.70,<10)". "": there is none.
const char *required_version(struct arena *, const char *rest);

// Names of distributions are the same whatever their case and with "-", "_" and "." for each other
// (PEP 503). `length` of a.
bool same_distribution(const char *a, size_t length, const char *b);
#endif
