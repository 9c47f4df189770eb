#define _GNU_SOURCE // memmem
#include "python_text.h"
#include "slice.h"
#include <string.h>

enum { VALUE_MOST = 256, ITEMS_MOST = 64, BETWEEN_MOST = 128 };

// ---- Python's source ---------------------------------------------------------------------------

static bool is_name_character(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice skip(struct slice s, const char *characters) {
  while (s.length && *s.at && strchr(characters, *s.at)) s.at++, s.length--;
  return s;
}

// A string on one line, its quotes taken off. False: there is none.
static bool string(struct slice *rest, struct slice *out) {
  if (!rest->length || (*rest->at != '\'' && *rest->at != '"')) return false;
  char quote = *rest->at;
  for (size_t i = 1; i < rest->length && rest->at[i] != '\n'; i++) {
    if (rest->at[i] == '\\') {
      i++;
      continue;
    }
    if (rest->at[i] != quote) continue;
    *out = (struct slice){rest->at + 1, i - 1};
    rest->at += i + 1;
    rest->length -= i + 1;
    return true;
  }
  return false;
}

static struct value list(struct arena *arena, struct slice rest) {
  struct value value = {.kind = VALUE_LIST, .text = ""};
  struct slice one;
  rest = skip(rest, " \t\r\n,");
  while (value.items < ITEMS_MOST && string(&rest, &one)) {
    const char **item = arena_more(arena, value.item, value.items, sizeof *item);
    item[value.items++] = slice_show(arena, one, VALUE_MOST);
    value.item = item;
    rest = skip(rest, " \t\r\n,");
  }
  return value;
}

static struct value value_at(struct arena *arena, struct slice rest) {
  struct slice one;
  rest = skip(rest, " \t");
  if (string(&rest, &one))
    return (struct value){.kind = VALUE_TEXT, .text = slice_show(arena, one, VALUE_MOST)};
  if (rest.length && *rest.at == '[')
    return list(arena, (struct slice){rest.at + 1, rest.length - 1});
  size_t length = 0;
  while (length < rest.length && (is_name_character(rest.at[length]) || rest.at[length] == '.'))
    length++;
  if (!length) return (struct value){.text = ""};
  one = (struct slice){rest.at, length};
  return (struct value){.kind = VALUE_WORD, .text = slice_show(arena, one, VALUE_MOST)};
}

// What follows a name that begins a line, if that is an assignment.
static bool assigned(struct slice *rest) {
  struct slice s = skip(*rest, " \t");
  if (s.length && *s.at == ':') { // an annotation
    size_t end = 1;
    while (end < s.length && end < BETWEEN_MOST && s.at[end] != '=' && s.at[end] != '\n') end++;
    s.at += end;
    s.length -= end;
  }
  if (!s.length || *s.at != '=') return false;
  *rest = (struct slice){s.at + 1, s.length - 1};
  return true;
}

// What follows a name in quotes, if they are a pair's first half.
static bool paired(struct slice whole, size_t quote, struct slice *rest) {
  size_t before = quote;
  while (before && is_blank(whole.at[before - 1])) before--;
  bool tuple = before && whole.at[before - 1] == '(';
  struct slice s = skip(*rest, " \t");
  if (!s.length || !(*s.at == ':' || (tuple && *s.at == ','))) return false;
  *rest = (struct slice){s.at + 1, s.length - 1};
  return true;
}

struct value python_value(struct arena *arena, const struct text *text, const char *name) {
  struct slice whole = slice_text(text);
  size_t length = strlen(name);
  for (size_t at = 0; at < whole.length;) {
    const char *found = memmem(whole.at + at, whole.length - at, name, length);
    if (!found) break;
    at = (size_t)(found - whole.at);
    size_t end = at + length;
    struct slice rest = {whole.at + end, whole.length - end};
    char before = at ? whole.at[at - 1] : '\n';
    bool whole_name = !rest.length || !is_name_character(*rest.at);
    bool quoted = (before == '\'' || before == '"') && rest.length && *rest.at == before;
    if (quoted) {
      rest.at++, rest.length--;
      if (paired(whole, at - 1, &rest)) return value_at(arena, rest);
    } else if (before == '\n' && whole_name && assigned(&rest)) {
      return value_at(arena, rest);
    }
    at = end;
  }
  return (struct value){.text = ""};
}

// ---- settings and metadata ---------------------------------------------------------------------

const char *config_value(struct arena *arena, const struct text *text, const char *name) {
  struct slice rest = slice_text(text), line, left, right;
  while (slice_line(&rest, &line))
    if (slice_split(line, '=', &left, &right) && slice_is(slice_trim(left), name))
      return slice_show(arena, slice_trim(right), 4096);
  return NULL;
}

static char folded(char c) {
  if (c >= 'A' && c <= 'Z') return (char)(c - 'A' + 'a');
  return c == '.' || c == '_' ? '-' : c;
}

bool same_distribution(const char *a, size_t length, const char *b) {
  if (length != strlen(b)) return false;
  for (size_t i = 0; i < length; i++)
    if (folded(a[i]) != folded(b[i])) return false;
  return true;
}

const char *metadata_requires(struct arena *arena, const struct text *text, const char *name) {
  static const char key[] = "Requires-Dist:";
  struct slice rest = slice_text(text), line;
  while (slice_line(&rest, &line) && line.length) { // an empty line ends the header
    if (!slice_begins(line, key)) continue;
    struct slice asks =
        skip((struct slice){line.at + sizeof key - 1, line.length - sizeof key + 1}, " \t");
    size_t end = 0;
    while (end < asks.length &&
           (is_name_character(asks.at[end]) || asks.at[end] == '-' || asks.at[end] == '.'))
      end++;
    if (same_distribution(asks.at, end, name))
      return slice_show(arena, (struct slice){asks.at + end, asks.length - end}, VALUE_MOST);
  }
  return NULL;
}

const char *required_version(struct arena *arena, const char *rest) {
  size_t end = strcspn(rest, ";"); // after it: when this holds at all
  for (size_t i = 0; i + 1 < end; i++) {
    if (rest[i + 1] != '=' || !strchr("=>~", rest[i])) continue;
    const char *version = rest + i + 2;
    version += strspn(version, "= ");
    size_t length = strspn(version, "0123456789.");
    if (length) return arena_copy(arena, version, length);
  }
  return "";
}
