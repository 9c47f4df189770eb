// Keys of 128 bits, tables of them, and lists of names. See keys.h.
#include "keys.h"
#include <stdlib.h>
#include <string.h>

// ---- hashes -------------------------------------------------------------------------------------

static void mix(uint64_t h[2], uint64_t word) {
  h[0] = (h[0] ^ word) * 0x9e3779b97f4a7c15u;
  h[0] ^= h[0] >> 29;
  h[1] = (h[1] + word) * 0xd6e8feb86659fd93u;
  h[1] = (h[1] ^ h[1] >> 32) + h[0];
}

void key_text(uint64_t h[2], const char *text) {
  size_t length = strlen(text);
  uint64_t word;
  for (; length >= sizeof word; text += sizeof word, length -= sizeof word) {
    memcpy(&word, text, sizeof word);
    mix(h, word);
  }
  word = 0;
  memcpy(&word, text, length);
  mix(h, word | (uint64_t)(length + 1) << 56); // under 8 bytes: where a text ends
}

// ---- tables -------------------------------------------------------------------------------------

enum { FIRST_SLOTS = 1024 };

static uint32_t home(const struct keys *t, const uint64_t key[2]) {
  return (uint32_t)(key[1] >> 32 ^ key[0]) & (t->slots - 1);
}

int64_t keys_find(const struct keys *t, const void *entries, size_t size, const uint64_t key[2],
                  const uint16_t *device) {
  if (!t->slots) return KEYS_NONE;
  for (uint32_t at = home(t, key); t->slot[at]; at = (at + 1) & (t->slots - 1)) {
    const void *entry = (const char *)entries + (t->slot[at] - 1) * size;
    if (memcmp(entry, key, 2 * sizeof *key) != 0) continue;
    uint16_t has;
    memcpy(&has, (const char *)entry + 2 * sizeof *key, sizeof has);
    if (!device || has == *device) return t->slot[at] - 1;
  }
  return KEYS_NONE;
}

static void put(struct keys *t, const uint64_t key[2], uint32_t index) {
  uint32_t at = home(t, key);
  while (t->slot[at]) at = (at + 1) & (t->slots - 1);
  t->slot[at] = index + 1;
}

bool keys_add(struct keys *t, void **entries, size_t size, const uint64_t key[2]) {
  if (t->count == t->capacity) {
    uint32_t capacity = t->capacity ? t->capacity + t->capacity / 2 : FIRST_SLOTS;
    void *grown = realloc(*entries, capacity * size);
    if (!grown) return false;
    *entries = grown;
    t->capacity = capacity;
  }
  if (4 * (uint64_t)t->count >= 3 * (uint64_t)t->slots) {
    uint32_t slots = t->slots ? 2 * t->slots : FIRST_SLOTS;
    uint32_t *grown = calloc(slots, sizeof *grown);
    if (!grown) return false;
    free(t->slot);
    t->slot = grown;
    t->slots = slots;
    for (uint32_t i = 0; i < t->count; i++)
      put(t, (const uint64_t *)(const void *)((const char *)*entries + i * size), i);
  }
  put(t, key, t->count++);
  return true;
}

int64_t names_find(struct names *names, const char *name) {
  for (int i = names->count; i-- > 0;)
    if (!strcmp(names->name[i], name)) return i;
  char **grown = realloc(names->name, (size_t)(names->count + 1) * sizeof *grown);
  if (!grown) return KEYS_NONE;
  names->name = grown;
  if (names->count >= 65000 || !(grown[names->count] = strdup(name))) return KEYS_NONE;
  return names->count++;
}

void names_free(struct names *names) {
  for (int i = 0; i < names->count; i++) free(names->name[i]);
  free(names->name);
}
