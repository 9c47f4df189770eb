#define _GNU_SOURCE // memmem
#include "slice.h"
#include <string.h>

struct slice slice_of(const char *text) {
  return (struct slice){text, strlen(text)};
}

struct slice slice_text(const struct text *text) {
  return text->there == THERE ? (struct slice){text->text, text->length} : (struct slice){"", 0};
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || !c;
}

struct slice slice_trim(struct slice s) {
  while (s.length && is_blank(*s.at)) s.at++, s.length--;
  while (s.length && is_blank(s.at[s.length - 1])) s.length--;
  return s;
}

bool slice_line(struct slice *rest, struct slice *line) {
  if (!rest->length) return false;
  const char *end = memchr(rest->at, '\n', rest->length);
  size_t length = end ? (size_t)(end - rest->at) : rest->length, taken = length + (end != NULL);
  *line = (struct slice){rest->at, length};
  if (length && line->at[length - 1] == '\r') line->length--;
  rest->at += taken;
  rest->length -= taken;
  return true;
}

struct slice slice_word(struct slice *rest) {
  while (rest->length && is_blank(*rest->at)) rest->at++, rest->length--;
  struct slice word = {rest->at, 0};
  while (word.length < rest->length && !is_blank(word.at[word.length])) word.length++;
  rest->at += word.length;
  rest->length -= word.length;
  return word;
}

bool slice_split(struct slice s, char c, struct slice *left, struct slice *right) {
  const char *at = s.length ? memchr(s.at, c, s.length) : NULL;
  if (!at) return false;
  size_t before = (size_t)(at - s.at);
  *left = (struct slice){s.at, before};
  *right = (struct slice){at + 1, s.length - before - 1};
  return true;
}

bool slice_begins(struct slice s, const char *with) {
  size_t length = strlen(with);
  return s.length >= length && !memcmp(s.at, with, length);
}

bool slice_is(struct slice s, const char *text) {
  return s.length == strlen(text) && slice_begins(s, text);
}

bool slice_ends(struct slice s, const char *with) {
  size_t length = strlen(with);
  return s.length >= length && !memcmp(s.at + s.length - length, with, length);
}

bool slice_has(struct slice s, const char *what) {
  return s.length && memmem(s.at, s.length, what, strlen(what)) != NULL;
}

static unsigned digit(char c) {
  if (c >= '0' && c <= '9') return (unsigned)(c - '0');
  if (c >= 'a' && c <= 'f') return (unsigned)(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return (unsigned)(c - 'A' + 10);
  return 99;
}

bool slice_number(struct slice s, int base, uint64_t most, uint64_t *number) {
  if (base == 16 && (slice_begins(s, "0x") || slice_begins(s, "0X"))) s.at += 2, s.length -= 2;
  uint64_t value = 0;
  for (size_t i = 0; i < s.length; i++) {
    unsigned next = digit(s.at[i]);
    if (next >= (unsigned)base || next > most || value > (most - next) / (unsigned)base)
      return false;
    value = value * (unsigned)base + next;
  }
  if (!s.length) return false;
  *number = value;
  return true;
}

const char *slice_copy(struct arena *arena, struct slice s) {
  return arena_copy(arena, s.at, s.length);
}

const char *slice_show(struct arena *arena, struct slice s, size_t most) {
  size_t length = s.length < most ? s.length : most;
  char *copy = arena_give(arena, length + 1);
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)s.at[i];
    copy[i] = c < ' ' || c == 0x7f ? ' ' : (char)c;
  }
  return copy;
}

struct text text_trimmed(struct arena *arena, struct text text) {
  if (text.there != THERE) return text;
  struct slice trimmed = slice_trim(slice_text(&text));
  text.text = slice_show(arena, trimmed, trimmed.length);
  text.length = trimmed.length;
  return text;
}

void *arena_more(struct arena *arena, const void *array, int count, size_t size) {
  if (count & (count - 1)) return (void *)array; // filled up only at the powers of two
  size_t held = (size_t)count * size;
  void *more = arena_give(arena, count ? 2 * held : size);
  if (held) memcpy(more, array, held);
  return more;
}

enum known any_there(struct root *root, const char *const *paths, int count, const char **path) {
  enum known known = NO;
  for (int i = 0; i < count; i++) {
    enum there there = root_stat(root, NULL, "%s", paths[i]);
    if (there == UNREAD) known = UNKNOWN;
    if (there == THERE) {
      *path = paths[i];
      return YES;
    }
  }
  return known;
}
