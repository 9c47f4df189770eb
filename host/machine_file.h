// What the reader and the writer of machine files share: the keys, as a table.
#ifndef WHY_MACHINE_FILE_H
#define WHY_MACHINE_FILE_H
#include "machine.h"

enum { WHY_SCHEMA = 1 };

enum why_field_kind {
  WHY_FIELD_TEXT,
  WHY_FIELD_FLAG,
  WHY_FIELD_WHOLE,
  WHY_FIELD_BYTES,
  WHY_FIELD_FIGURE
};
struct why_field { // a key and the member of struct why_facts that it is
  const char *key;
  enum why_field_kind kind;
  size_t offset, size; // size: of a text's array
  int least, most;     // of a WHY_FIELD_WHOLE
  bool required;
};
extern const struct why_field why_device_fields[], why_figure_fields[]; // ended by a NULL key

struct why_feature {
  const char *name;
  uint32_t bit;
};
extern const struct why_feature why_features[]; // ended by a NULL name

// The reason of this name; WHY_REASON_COUNT if there is none.
enum why_reason why_reason_find(const char *name);

#endif
