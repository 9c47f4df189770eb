// Pieces of a machine's texts, without copies: lines, words and numbers. For the probes.
#ifndef WHY_SLICE_H
#define WHY_SLICE_H
#include "facts.h"

struct slice {
  const char *at; // not ended by a NUL, and may hold some
  size_t length;
};
struct slice slice_of(const char *);
struct slice slice_text(const struct text *);
// Takes the next line off `rest`, without its end (LF, CRLF). False: there is none.
bool slice_line(struct slice *rest, struct slice *line);
// The next word between blanks; of length 0 where there is none.
struct slice slice_word(struct slice *rest);
struct slice slice_trim(struct slice); // without blanks and NULs at its ends
// What is left and right of the first such character. False: it is not in there.
bool slice_split(struct slice, char, struct slice *left, struct slice *right);
bool slice_is(struct slice, const char *);
bool slice_begins(struct slice, const char *);
bool slice_ends(struct slice, const char *);
bool slice_has(struct slice, const char *);
// A whole number and nothing else, of at most `most`; base 16 with or without 0x.
bool slice_number(struct slice, int base, uint64_t most, uint64_t *);
const char *slice_copy(struct arena *, struct slice);
// For showing: control characters become blanks, and what is longer than `most` is cut.
const char *slice_show(struct arena *, struct slice, size_t most);

// The same text, trimmed and of one line.
struct text text_trimmed(struct arena *, struct text);
// Room for one more at the end of an array of `count`, which starts as NULL.
void *arena_more(struct arena *, const void *array, int count, size_t size);
// YES: one of them is there, the first in *path. NO: none exists. UNKNOWN: one could not be seen.
enum known any_there(struct root *, const char *const *paths, int count, const char **path);
#endif
