// A backend's own rows of host/catalog.def, and its find(). Before including this, a backend says
// which rows are its own, by defining CATALOG_<backend> as a comma, and what their code is called:
//
//   #define CATALOG_openblas ,
//   #define CODE(op, name) openblas_##op##_##name
//   #include "catalog_rows.h"
//
// A row without code does not link.
#ifndef WHY_CATALOG_ROWS_H
#define WHY_CATALOG_ROWS_H
#include "whycpu.h"
#include <string.h>

#ifdef __cplusplus
#define CATALOG_EXTERN extern "C"
#else
#define CATALOG_EXTERN extern
#endif

// A defined CATALOG_<backend> adds a comma, which moves OURS into second place.
#define CATALOG_SECOND(first, second, ...) second
#define CATALOG_PICK(...) CATALOG_SECOND(__VA_ARGS__)
#define CATALOG_OTHER(op, name)
#define CATALOG_ROW(mark) CATALOG_PICK(mark CATALOG_OURS, CATALOG_OTHER, ~)

#define KERNEL(op, name, backend, ...) CATALOG_ROW(CATALOG_##backend)(op, name)
#define CATALOG_OURS(op, name) CATALOG_EXTERN const struct why_code CODE(op, name);
#include "catalog.def"
#undef CATALOG_OURS

static const struct catalog_row {
  const char *op, *name;
  const struct why_code *code;
} catalog_rows[] = {
#define KERNEL(op, name, backend, ...) CATALOG_ROW(CATALOG_##backend)(op, name)
#define CATALOG_OURS(op, name) {#op, #name, &CODE(op, name)},
#include "catalog.def"
#undef CATALOG_OURS
};

// why_backend.find
static const struct why_code *catalog_find(const char *op, const char *kernel) {
  for (size_t i = 0; i < sizeof catalog_rows / sizeof *catalog_rows; i++)
    if (!strcmp(catalog_rows[i].op, op) && !strcmp(catalog_rows[i].name, kernel))
      return catalog_rows[i].code;
  return NULL;
}

#endif
