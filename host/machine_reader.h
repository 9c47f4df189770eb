// What the files that read machine files share: typed values out of JSON, the first fault kept with
// its place.
#ifndef WHY_MACHINE_READER_H
#define WHY_MACHINE_READER_H
#include "json.h"
#include "machine_file.h"

struct why_reader {
  struct why_machine *machine;
  struct why_error *error;
  enum why_reason reason; // of the first fault
};
extern const char *const why_json_kind_words[]; // by enum why_json_kind: "a number"

// Each is false after a fault; a value that is absent and not required leaves *out alone.
bool __attribute__((format(printf, 3, 4)))
why_reader_wrong(struct why_reader *, const struct why_json *at, const char *format, ...);
bool why_reader_no_memory(struct why_reader *);
// The member of this key and kind. NULL where it is absent, which is wrong only if it is required.
const struct why_json *why_reader_member(struct why_reader *, const struct why_json *object,
                                         const char *key, enum why_json_kind, bool required);
bool why_reader_text(struct why_reader *, const struct why_json *object, const char *key,
                     bool required, char *out, size_t size);
bool why_reader_whole(struct why_reader *, const struct why_json *object, const char *key,
                      bool required, int64_t least, int64_t most, int64_t *out);
bool why_reader_bytes(struct why_reader *, const struct why_json *object, const char *key,
                      bool required, uint64_t *out);
bool why_reader_figure(struct why_reader *, const struct why_json *object, const char *key,
                       double *out);
// A kernel's place in the catalog, -1 for one of a later version, and a device's in the machine.
bool why_reader_place(struct why_reader *, const struct why_json *object, int *kernel, int *device);

// machine_read_measured.c: an entry of "fits" and of "ceilings".
bool why_reader_fit(struct why_reader *, const struct why_json *);
bool why_reader_ceiling(struct why_reader *, const struct why_json *);
#endif
