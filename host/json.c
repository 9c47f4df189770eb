// The JSON reader: recursive descent over text in memory, nodes in an arena, the first fault ends
// it with its line and column. The writer is in json_write.c.
#include "json.h"
#include <locale.h>
#include <math.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct why_json_block {
  struct why_json_block *next;
  size_t used, size;
  alignas(max_align_t) char data[];
};

struct parser {
  const char *at, *end, *line_start;
  int line, depth;
  struct why_json_document *document;
  struct why_error *error;
  bool out_of_memory;
};

static void *take(struct parser *p, size_t bytes) {
  bytes = (bytes + 15) & ~(size_t)15;
  struct why_json_block *block = p->document->blocks;
  if (!block || block->size - block->used < bytes) {
    size_t size = bytes > 65536 ? bytes : 65536;
    block = malloc(sizeof *block + size);
    if (!block) {
      p->out_of_memory = true;
      return NULL;
    }
    *block = (struct why_json_block){.next = p->document->blocks, .size = size};
    p->document->blocks = block;
  }
  void *out = block->data + block->used;
  block->used += bytes;
  return out;
}

static int column(const struct parser *p, const char *at) {
  return (int)(at - p->line_start) + 1;
}

// Only the first fault counts: the one the text really has.
static void fail(struct parser *p, const char *at, const char *text) {
  if (p->error->text[0]) return;
  p->error->line = p->line;
  p->error->column = column(p, at);
  snprintf(p->error->text, sizeof p->error->text, "%s%s",
           at >= p->end ? "the text ends here: " : "", text);
}

static void skip_space(struct parser *p) {
  for (; p->at < p->end; p->at++) {
    if (*p->at == '\n') {
      p->line++;
      p->line_start = p->at + 1;
    } else if (*p->at != ' ' && *p->at != '\t' && *p->at != '\r') {
      return;
    }
  }
}

static bool is_digit(const struct parser *p) {
  return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

// Four hex digits at p->at; -1 if they are not.
static int hex4(struct parser *p) {
  int value = 0;
  for (int i = 0; i < 4; i++, p->at++) {
    if (p->at >= p->end) return -1;
    char c = *p->at;
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

static char *put_utf8(char *out, unsigned code) {
  if (code < 0x80) {
    *out++ = (char)code;
  } else if (code < 0x800) {
    *out++ = (char)(0xc0 | code >> 6);
    *out++ = (char)(0x80 | (code & 63));
  } else if (code < 0x10000) {
    *out++ = (char)(0xe0 | code >> 12);
    *out++ = (char)(0x80 | (code >> 6 & 63));
    *out++ = (char)(0x80 | (code & 63));
  } else {
    *out++ = (char)(0xf0 | code >> 18);
    *out++ = (char)(0x80 | (code >> 12 & 63));
    *out++ = (char)(0x80 | (code >> 6 & 63));
    *out++ = (char)(0x80 | (code & 63));
  }
  return out;
}

static char *escape(struct parser *p, char *out) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char *start = p->at++;
  if (p->at >= p->end) {
    fail(p, p->end, "a string must end with \"");
    return NULL;
  }
  const char *found = *p->at ? strchr(from, *p->at) : NULL;
  if (found) {
    p->at++;
    *out = to[found - from];
    return out + 1;
  }
  if (*p->at != 'u') {
    fail(p, start, "after \\ comes one of \" \\ / b f n r t u");
    return NULL;
  }
  p->at++;
  int code = hex4(p);
  if (code >= 0xd800 && code < 0xdc00 && p->end - p->at >= 2 && p->at[0] == '\\' &&
      p->at[1] == 'u') {
    p->at += 2;
    int low = hex4(p);
    code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : -1;
  }
  if (code <= 0 || (code >= 0xd800 && code < 0xe000)) {
    fail(p, start, "\\u needs four hex digits, not 0000, and surrogates in pairs");
    return NULL;
  }
  return put_utf8(out, (unsigned)code);
}

int why_utf8_length(const char *text, size_t left) {
  const unsigned char *s = (const unsigned char *)text;
  if (left == 0) return 0;
  if (s[0] < 0x80) return 1;
  int length = s[0] >= 0xc2 && s[0] < 0xe0   ? 2
               : (s[0] & 0xf0) == 0xe0       ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                             : 0;
  if (!length || (size_t)length > left) return 0;
  for (int i = 1; i < length; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
  bool surrogate = s[0] == 0xed && s[1] >= 0xa0, beyond = s[0] == 0xf4 && s[1] >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

static const char *string(struct parser *p) {
  const char *quote = p->at++, *close = p->at;
  while (close < p->end && *close != '"' && *close != '\n') close += *close == '\\' ? 2 : 1;
  if (close > p->end) close = p->end;
  char *text = take(p, (size_t)(close - quote) + 1), *out = text; // an escape never grows
  if (!text) return NULL;
  while (p->at < p->end && *p->at != '"') {
    unsigned char c = (unsigned char)*p->at;
    if (c == '\n') {
      fail(p, quote, "this string must end with \" on its own line");
      return NULL;
    }
    if (c < 0x20) {
      fail(p, p->at, "a control character in a string is written \\u00XX");
      return NULL;
    }
    if (c == '\\') {
      out = escape(p, out);
      if (!out) return NULL;
      continue;
    }
    int length = why_utf8_length(p->at, (size_t)(p->end - p->at));
    if (!length) {
      fail(p, p->at, "this is not UTF-8");
      return NULL;
    }
    memcpy(out, p->at, (size_t)length);
    out += length;
    p->at += length;
  }
  if (p->at >= p->end) {
    fail(p, p->end, "a string must end with \"");
    return NULL;
  }
  p->at++;
  *out = 0;
  return text;
}

static bool number(struct parser *p, struct why_json *value) {
  const char *start = p->at;
  value->whole = true;
  value->negative = *p->at == '-';
  p->at += value->negative;
  if (!is_digit(p)) {
    fail(p, p->at, "a digit must follow the minus sign");
    return false;
  }
  bool zero = *p->at == '0';
  for (int digits = 0; is_digit(p) && (!zero || digits == 0); p->at++, digits++) {
    if (__builtin_mul_overflow(value->magnitude, 10, &value->magnitude) ||
        __builtin_add_overflow(value->magnitude, (uint64_t)(*p->at - '0'), &value->magnitude))
      value->whole = false;
  }
  if (zero && is_digit(p)) {
    fail(p, start, "a number must not begin with 0");
    return false;
  }
  if (p->at < p->end && *p->at == '.') {
    p->at++;
    value->whole = false;
    if (!is_digit(p)) {
      fail(p, p->at, "a digit must follow the decimal point");
      return false;
    }
    while (is_digit(p)) p->at++;
  }
  if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
    p->at++;
    value->whole = false;
    p->at += p->at < p->end && (*p->at == '+' || *p->at == '-');
    if (!is_digit(p)) {
      fail(p, p->at, "a digit must follow the exponent's e");
      return false;
    }
    while (is_digit(p)) p->at++;
  }
  size_t length = (size_t)(p->at - start);
  char *copy = take(p, length + 1);
  if (!copy) return false;
  memcpy(copy, start, length);
  copy[length] = 0;
  value->number = strtod(copy, NULL);
  if (!isfinite(value->number)) {
    fail(p, start, "this number is too large");
    return false;
  }
  return true;
}

static bool word(struct parser *p, const char *expected) {
  size_t length = strlen(expected);
  if ((size_t)(p->end - p->at) < length || memcmp(p->at, expected, length) != 0) return false;
  p->at += length;
  return true;
}

static struct why_json *parse_value(struct parser *p);

// The members of an array or object, from behind its opening bracket to behind the closing one.
static bool parse_children(struct parser *p, struct why_json *parent) {
  bool object = parent->kind == WHY_JSON_OBJECT;
  char close = object ? '}' : ']';
  struct why_json **link = &parent->first;
  p->at++;
  skip_space(p);
  if (p->at < p->end && *p->at == close) {
    p->at++;
    return true;
  }
  for (;;) {
    const char *key = NULL;
    skip_space(p);
    if (object) {
      if (p->at >= p->end || *p->at != '"') {
        fail(p, p->at, "expected a key in double quotes");
        return false;
      }
      const char *start = p->at;
      key = string(p);
      if (!key) return false;
      if (why_json_get(parent, key)) {
        fail(p, start, "this key stands twice in its object");
        return false;
      }
      skip_space(p);
      if (p->at >= p->end || *p->at != ':') {
        fail(p, p->at, "expected : after the key");
        return false;
      }
      p->at++;
    }
    struct why_json *child = parse_value(p);
    if (!child) return false;
    child->key = key;
    *link = child;
    link = &child->next;
    parent->count++;
    if (object && parent->count > WHY_JSON_MEMBERS) {
      fail(p, p->at, "an object has at most 1024 keys");
      return false;
    }
    skip_space(p);
    if (p->at < p->end && *p->at == close) {
      p->at++;
      return true;
    }
    if (p->at >= p->end || *p->at != ',') {
      fail(p, p->at,
           object ? "expected , or } after a member" : "expected , or ] after an element");
      return false;
    }
    p->at++;
  }
}

static struct why_json *parse_value(struct parser *p) {
  skip_space(p);
  struct why_json *value = take(p, sizeof *value);
  if (!value) return NULL;
  *value = (struct why_json){.line = p->line, .column = column(p, p->at)};
  char c = p->at < p->end ? *p->at : 0;
  if (c == '{' || c == '[') {
    value->kind = c == '{' ? WHY_JSON_OBJECT : WHY_JSON_ARRAY;
    if (p->depth == WHY_JSON_DEPTH) {
      fail(p, p->at, "nested deeper than 64 levels");
      return NULL;
    }
    p->depth++;
    bool good = parse_children(p, value);
    p->depth--;
    return good ? value : NULL;
  }
  if (c == '"') {
    value->kind = WHY_JSON_STRING;
    value->text = string(p);
    return value->text ? value : NULL;
  }
  if (c == '-' || (c >= '0' && c <= '9')) {
    value->kind = WHY_JSON_NUMBER;
    return number(p, value) ? value : NULL;
  }
  if (word(p, "null")) return value;
  value->truth = word(p, "true");
  if (value->truth || word(p, "false")) {
    value->kind = WHY_JSON_BOOL;
    return value;
  }
  fail(p, p->at, "expected a value: an object, an array, a string, a number, true, false or null");
  return NULL;
}

enum why_reason why_json_parse(const char *text, size_t length, struct why_json_document *document,
                               struct why_error *error) {
  *document = (struct why_json_document){0};
  *error = (struct why_error){0};
  struct parser p = {.at = text,
                     .end = text + length,
                     .line_start = text,
                     .line = 1,
                     .document = document,
                     .error = error};
  // A decimal point is a point, whatever the program's locale says.
  locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  p.out_of_memory = !plain;
  locale_t before = plain ? uselocale(plain) : (locale_t)0;
  struct why_json *root = plain ? parse_value(&p) : NULL;
  if (plain) {
    uselocale(before);
    freelocale(plain);
  }
  if (root) {
    skip_space(&p);
    if (p.at < p.end) fail(&p, p.at, "nothing may follow the value");
  }
  if (p.out_of_memory) {
    snprintf(error->text, sizeof error->text, "out of memory");
    return WHY_ALLOC_FAILED;
  }
  if (error->text[0]) return WHY_BAD_INPUT;
  document->root = root;
  return WHY_OK;
}

void why_json_free(struct why_json_document *document) {
  while (document->blocks) {
    struct why_json_block *next = document->blocks->next;
    free(document->blocks);
    document->blocks = next;
  }
  document->root = NULL;
}

const struct why_json *why_json_get(const struct why_json *object, const char *key) {
  for (const struct why_json *child = object->first; child; child = child->next)
    if (child->key && strcmp(child->key, key) == 0) return child;
  return NULL;
}
