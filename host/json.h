// JSON (RFC 8259), read into a tree and written: enough for machine files and for --format json.
// Stricter than many readers: no comments, no duplicate keys, no NUL inside a string, valid UTF-8
// only. A library is left out on purpose: a machine with nothing installed must read these files.
#ifndef WHY_JSON_H
#define WHY_JSON_H
#include "whycpu.h"
#include <stdbool.h>

enum why_json_kind {
  WHY_JSON_NULL,
  WHY_JSON_BOOL,
  WHY_JSON_NUMBER,
  WHY_JSON_STRING,
  WHY_JSON_ARRAY,
  WHY_JSON_OBJECT
};
enum { WHY_JSON_DEPTH = 64, WHY_JSON_MEMBERS = 1024 }; // nesting; keys of one object

struct why_json { // a value and the place it begins at, for error messages
  enum why_json_kind kind;
  int line, column;   // from 1; columns in bytes
  const char *key;    // in an object; else NULL
  const char *text;   // of a string, UTF-8
  bool truth;         // of a bool
  double number;      // of a number, nearest double
  bool whole;         // a number without fraction or exponent whose magnitude fits 64 bits:
  bool negative;      // then it is exactly (negative ? -1 : 1) x magnitude
  uint64_t magnitude; //
  struct why_json *first, *next; // children of an array or object, in order
  int count;
};

// A whole document; its nodes and strings live until why_json_free.
struct why_json_document {
  struct why_json *root;
  struct why_json_block *blocks;
};
// WHY_OK; WHY_BAD_INPUT with line, column and what was expected; WHY_ALLOC_FAILED. The document
// can be freed in every case.
enum why_reason why_json_parse(const char *text, size_t length, struct why_json_document *,
                               struct why_error *);
void why_json_free(struct why_json_document *);
const struct why_json *why_json_get(const struct why_json *object, const char *key); // or NULL
// Bytes of the valid UTF-8 character that begins here, 0 if none does.
int why_utf8_length(const char *text, size_t left);

// Writes indented JSON. Keys are NULL inside an array. Numbers are the shortest text that reads
// back as the same double; what JSON cannot hold (NAN, INFINITY) becomes null. Bytes that are not
// UTF-8 become U+FFFD. Failures show in ferror(file).
struct why_json_writer {
  FILE *file;
  int depth, line_depth; // line_depth: from this depth on everything stays on one line; 0: none
  bool filled;           // the open container has an element
};
void why_json_begin(struct why_json_writer *, const char *key, char bracket);      // '{' or '['
void why_json_begin_line(struct why_json_writer *, const char *key, char bracket); // on one line
void why_json_end(struct why_json_writer *, char bracket);                         // '}' or ']'
void why_json_text(struct why_json_writer *, const char *key, const char *text);
void why_json_number(struct why_json_writer *, const char *key, double);
void why_json_whole(struct why_json_writer *, const char *key, int64_t);
void why_json_bytes(struct why_json_writer *, const char *key, uint64_t);
void why_json_bool(struct why_json_writer *, const char *key, bool);

#endif
