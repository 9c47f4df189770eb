// Things known by a hash of their text: keys of 128 bits, a table over an array of entries that
// begin with theirs, and a short list of names. Leaves out what the entries hold.
#ifndef BENCH_KEYS_H
#define BENCH_KEYS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Adds a text to a key; where one text ends and the next begins counts. Not for keys that somebody
// may want to make alike.
void key_text(uint64_t key[2], const char *text);

enum { KEYS_NONE = -1 };
struct keys { // open addressing; free(slot)
  uint32_t *slot;
  uint32_t slots, count, capacity;
};
// `entries` of `size` bytes each begin with uint64_t key[2]. The index, or KEYS_NONE. device: not
// NULL where a uint16_t after the key has to be the same too.
int64_t keys_find(const struct keys *, const void *entries, size_t size, const uint64_t key[2],
                  const uint16_t *device);
// Room for one more entry, its index being the count before; the caller fills it, the key too,
// before anything else is asked. False: out of memory, and nothing is lost.
bool keys_add(struct keys *, void **entries, size_t size, const uint64_t key[2]);

struct names {
  char **name;
  int count;
};
// The place of a name, which is added where it is new. KEYS_NONE: no memory, or more than 65000.
int64_t names_find(struct names *, const char *name);
void names_free(struct names *);

#endif
