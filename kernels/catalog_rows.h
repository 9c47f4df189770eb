// Picks a backend's own rows out of host/catalog.def. Before it includes the catalog, a backend
// defines CATALOG_<backend> as `,` and ROW(op, name), and gets ROW for each row that is its own and
// nothing for the others:
//
//   #define CATALOG_plain ,
//   #define ROW(op, name) {#op, #name, &plain_##op##_##name},
//   #define KERNEL(op, name, backend, ...) CATALOG_ROW(CATALOG_##backend)(op, name)
//   #include "catalog.def"
#ifndef WHY_CATALOG_ROWS_H
#define WHY_CATALOG_ROWS_H
#include "whycpu.h"

struct code_row {
  const char *op, *name;
  const struct why_code *code;
};

// A defined CATALOG_<backend> adds a comma, which moves ROW into second place.
#define CATALOG_NONE(op, name)
#define CATALOG_SECOND(first, second, ...) second
#define CATALOG_PICK(...) CATALOG_SECOND(__VA_ARGS__)
#define CATALOG_ROW(mark) CATALOG_PICK(mark ROW, CATALOG_NONE, ~)

#endif
