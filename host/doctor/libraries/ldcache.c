// /etc/ld.so.cache, which ldconfig writes and the dynamic linker looks into. Since glibc 2.32 it is
// one table; before, an old table came first, with the new one behind it. All numbers have the
// machine's byte order, which is little-endian wherever CUDA is.
#include "resolve.h"
#include <string.h>

static const char old_magic[] = "ld.so-1.7.0", new_magic[] = "glibc-ld.so.cache1.1";
enum {
  CACHE = 8 << 20, // bytes
  ENTRIES = 65536,
  STRING = 4096,   // of a name or a path, with its NUL
  OLD_HEADER = 16, // magic, padding, count
  OLD_ENTRY = 12,  // flags, name, path
  NEW_HEADER = 48, // magic, count, length of the strings, flags and extensions
  NEW_ENTRY = 24,  // flags, name, path, 12 bytes of hardware capabilities
};

static uint32_t number(const char *bytes) {
  const unsigned char *b = (const unsigned char *)bytes;
  return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static struct ld_cache none(const char *why) {
  return (struct ld_cache){.there = ABSENT, .why = why};
}

struct table {
  const char *entry;
  size_t count, entry_size;
  const char *strings; // what names and paths are counted from
};

static bool ends_inside(const char *strings, size_t at, size_t room) {
  if (at >= room) return false;
  return memchr(strings + at, 0, room - at < STRING ? room - at : STRING) != NULL;
}

static struct ld_cache read_table(struct arena *arena, const struct table *table, const char *end) {
  if (table->count > ENTRIES) return none("it has more entries than a cache has");
  if (table->count * table->entry_size > (size_t)(end - table->entry))
    return none("it is cut short");
  struct ld_entry *out = arena_give(arena, table->count * sizeof *out);
  size_t room = (size_t)(end - table->strings);
  for (size_t i = 0; i < table->count; i++) {
    const char *entry = table->entry + i * table->entry_size;
    uint32_t name = number(entry + 4), path = number(entry + 8);
    if (!ends_inside(table->strings, name, room) || !ends_inside(table->strings, path, room))
      return none("a name in it lies outside");
    out[i] = (struct ld_entry){
        .name = table->strings + name, .path = table->strings + path, .flags = (int)number(entry)};
  }
  return (struct ld_cache){.there = THERE, .why = "", .entry = out, .entries = (int)table->count};
}

static bool begins(const char *bytes, size_t length, const char *magic) {
  return length >= strlen(magic) && !memcmp(bytes, magic, strlen(magic));
}

static struct ld_cache read_new(struct arena *arena, const char *bytes, size_t length) {
  if (length < NEW_HEADER) return none("it is cut short");
  struct table table = {bytes + NEW_HEADER, number(bytes + 20), NEW_ENTRY, bytes};
  return read_table(arena, &table, bytes + length);
}

struct ld_cache ld_cache_parse(struct arena *arena, const char *bytes, size_t length) {
  if (begins(bytes, length, new_magic)) return read_new(arena, bytes, length);
  if (!begins(bytes, length, old_magic))
    return none(length ? "it is no cache of glibc's" : "it is empty");
  if (length < OLD_HEADER) return none("it is cut short");
  size_t count = number(bytes + 12), entries = OLD_HEADER + count * OLD_ENTRY;
  if (count > ENTRIES) return none("it has more entries than a cache has");
  if (entries > length) return none("it is cut short");
  // The new table inside begins where its widest field may lie: at 8 bytes, on 32-bit x86 at 4.
  for (size_t align = 8; align >= 4; align -= 4) {
    size_t inside = (entries + align - 1) / align * align;
    if (inside < length && begins(bytes + inside, length - inside, new_magic))
      return read_new(arena, bytes + inside, length - inside);
  }
  struct table table = {bytes + OLD_HEADER, count, OLD_ENTRY, bytes + entries};
  return read_table(arena, &table, bytes + length);
}

struct ld_cache ld_cache_read(struct root *root, struct arena *arena) {
  struct text text = root_text(root, CACHE, "/etc/ld.so.cache");
  if (text.there != THERE) return (struct ld_cache){.there = text.there, .why = ""};
  if (text.cut) return (struct ld_cache){.there = UNREAD, .why = "it is larger than a cache is"};
  return ld_cache_parse(arena, text.text, text.length);
}
