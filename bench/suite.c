// Suite files: reads lines, expands ranges, lists and ties, and leaves each problem's own checks to
// why_problem_parse. Leaves out what is done with the problems.
#include "suite.h"
#include "options.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { AXES = WHY_PARAMS + 2, VALUES = 1024, CASES = 1000000, TEXT = 1024 };

struct value {
  const char *text; // of a range: NULL, and `number` holds it
  int length, column;
  int64_t number;
};
struct axis { // "m=n=k=64..8192*2": keys that share a value, and their values
  const char *keys;
  int keys_length, column, values;
  bool range; // the list is one range and nothing else
  struct value value[VALUES];
};
struct reader {
  const char *line;
  int number, op_length, op_column, axes;
  char label[SUITE_LABEL];
  struct axis axis[AXES];
  struct why_error *error;
};

static enum why_reason wrong(struct reader *r, long column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum why_reason wrong(struct reader *r, long column, const char *format, ...) {
  r->error->line = r->number;
  r->error->column = (int)column;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(r->error->text, sizeof r->error->text, format, arguments);
  va_end(arguments);
  return WHY_BAD_INPUT;
}

// ---- values -------------------------------------------------------------------------------------

static bool whole_number(const char *text, const char *end, const char **stop, int64_t *out) {
  if (text == end || !isdigit((unsigned char)*text)) return false;
  char *after;
  errno = 0;
  *out = strtoll(text, &after, 10);
  *stop = after;
  return errno == 0 && after <= end;
}

static enum why_reason add_value(struct reader *r, struct axis *axis, struct value value) {
  if (axis->values == VALUES)
    return wrong(r, value.column, "more than %d values for one key", VALUES);
  axis->value[axis->values++] = value;
  return WHY_OK;
}

// "64..8192*2" or "64..512+64", at `text`; dots is where ".." stands.
static enum why_reason read_range(struct reader *r, struct axis *axis, const char *text,
                                  const char *dots, const char *end) {
  static const char right[] = "a range is first..last*factor or first..last+step";
  int64_t first, last, by;
  const char *stop;
  if (!whole_number(text, dots, &stop, &first) || stop != dots)
    return wrong(r, text - r->line + 1, "expected a whole number before '..'; %s", right);
  const char *after = dots + 2;
  if (!whole_number(after, end, &stop, &last))
    return wrong(r, after - r->line + 1, "expected a whole number after '..'; %s", right);
  if (stop == end || (*stop != '*' && *stop != '+'))
    return wrong(r, stop - r->line + 1, "expected '*' or '+' after the last number; %s", right);
  bool times = *stop == '*';
  const char *step = stop + 1;
  if (!whole_number(step, end, &stop, &by) || stop != end || by < 1 + times)
    return wrong(r, step - r->line + 1, "expected a whole number, %d or more, after '%c'",
                 1 + times, times ? '*' : '+');
  if (first > last)
    return wrong(r, text - r->line + 1, "the range runs backwards: put the smaller number first");
  if (times && first == 0)
    return wrong(r, text - r->line + 1, "a range by a factor cannot begin at 0");
  for (int64_t at = first;;) {
    struct value value = {NULL, 0, (int)(text - r->line + 1), at};
    enum why_reason reason = add_value(r, axis, value);
    if (reason) return reason;
    bool over = times ? at > last / by : at > last - by;
    if (over) return WHY_OK;
    at = times ? at * by : at + by;
  }
}

static enum why_reason read_values(struct reader *r, struct axis *axis, const char *text,
                                   const char *end) {
  for (const char *item = text;; item++) {
    const char *stop = item;
    while (stop < end && *stop != ',') stop++;
    if (stop == item)
      return wrong(r, item - r->line + 1, "expected a value, a list a,b or a range a..b*f");
    const char *dots = item;
    while (dots + 1 < stop && (dots[0] != '.' || dots[1] != '.')) dots++;
    struct value value = {item, (int)(stop - item), (int)(item - r->line + 1), 0};
    bool range = dots + 1 < stop;
    axis->range = range && item == text && stop == end;
    enum why_reason reason =
        range ? read_range(r, axis, item, dots, stop) : add_value(r, axis, value);
    if (reason || stop == end) return reason;
    item = stop;
  }
}

// "m=n=k=64": everything before the last '=' is keys.
static enum why_reason read_axis(struct reader *r, const char *text, const char *end) {
  if (r->axes == AXES) return wrong(r, text - r->line + 1, "more than %d keys", AXES);
  const char *equals = end;
  while (equals > text && *equals != '=') equals--;
  if (equals == text)
    return wrong(r, text - r->line + 1, "expected key=value, such as m=64 or m=n=k=16..1024*2");
  struct axis *axis = &r->axis[r->axes++];
  axis->keys = text;
  axis->keys_length = (int)(equals - text);
  axis->column = (int)(text - r->line + 1);
  axis->values = 0;
  axis->range = false;
  const char *before = "="; // so that an empty first key shows
  for (const char *at = text; at <= equals; before = at++)
    if (*at == '=' && *before == '=')
      return wrong(r, at - r->line + 1, "expected the name of a key before '='");
  return read_values(r, axis, equals + 1, end);
}

// ---- expansion ----------------------------------------------------------------------------------

struct text { // a problem as why_problem_parse reads it, and where each piece stood in the line
  char at[TEXT];
  int length, pieces, piece_at[WHY_PARAMS * 2], column[WHY_PARAMS * 2];
  bool full;
};

static void append(struct text *t, int column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void append(struct text *t, int column, const char *format, ...) {
  int most = (int)(sizeof t->piece_at / sizeof t->piece_at[0]);
  if (column && t->pieces < most) {
    t->piece_at[t->pieces] = t->length;
    t->column[t->pieces++] = column;
  }
  size_t room = sizeof t->at - (size_t)t->length;
  va_list arguments;
  va_start(arguments, format);
  int wrote = vsnprintf(t->at + t->length, room, format, arguments);
  va_end(arguments);
  if (wrote < 0 || (size_t)wrote >= room)
    t->full = true;
  else
    t->length += wrote;
}

// The problem that takes value[place[i]] on axis i.
static void problem_text(const struct reader *r, const int *place, struct text *t) {
  append(t, r->op_column, "%.*s", r->op_length, r->line + r->op_column - 1);
  for (int i = 0; i < r->axes; i++) {
    const struct axis *axis = &r->axis[i];
    const struct value *value = &axis->value[place[i]];
    const char *key = axis->keys, *end = axis->keys + axis->keys_length;
    while (key < end) {
      const char *stop = key;
      while (stop < end && *stop != '=') stop++;
      append(t, (int)(key - r->line + 1), " %.*s", (int)(stop - key), key);
      if (value->text)
        append(t, value->column, "=%.*s", value->length, value->text);
      else
        append(t, value->column, "=%lld", (long long)value->number);
      key = stop + 1;
    }
  }
}

static bool in_tie(const struct axis *axis, const char *key, size_t length) {
  const char *end = axis->keys + axis->keys_length;
  for (const char *at = axis->keys; at < end;) {
    const char *stop = at;
    while (stop < end && *stop != '=') stop++;
    if ((size_t)(stop - at) == length && !strncmp(at, key, length)) return true;
    at = stop + 1;
  }
  return false;
}

// The problem with a star for the keys of the range: the same however the line wrote it.
static void family_text(const struct why_problem *problem, const struct axis *range, char *out) {
  char text[TEXT];
  size_t length = 0;
  why_problem_text(problem, text, sizeof text);
  for (const char *at = text; *at && length < SUITE_FAMILY - 1;) {
    const char *space = at + strcspn(at, " "), *equals = at + strcspn(at, "= ");
    bool star = *equals == '=' && in_tie(range, at, (size_t)(equals - at));
    int wrote = snprintf(out + length, SUITE_FAMILY - length, "%s%.*s%s", at == text ? "" : " ",
                         (int)((star ? equals + 1 : space) - at), at, star ? "*" : "");
    length += (size_t)wrote;
    at = *space ? space + 1 : space;
  }
}

static enum why_reason add_case(struct reader *r, const int *place, int range, struct suite *out) {
  struct text text = {0};
  problem_text(r, place, &text);
  if (text.full) return wrong(r, 1, "the line is too long");
  if (out->count == out->capacity) {
    int64_t capacity = out->capacity ? 2 * out->capacity : 64;
    struct suite_case *grown = realloc(out->item, (size_t)capacity * sizeof *grown);
    if (!grown) {
      wrong(r, 0, "out of memory");
      return WHY_ALLOC_FAILED;
    }
    out->item = grown;
    out->capacity = capacity;
  }
  struct suite_case *item = &out->item[out->count];
  memset(item, 0, sizeof *item);
  struct why_error error = {0};
  enum why_reason reason = why_problem_parse(text.at, &item->problem, &error);
  if (reason) {
    int column = r->op_column; // where the piece that error.column falls into stood
    for (int i = 0; i < text.pieces && text.piece_at[i] < error.column; i++)
      column = text.column[i];
    wrong(r, column, "%s", error.text);
    return reason;
  }
  snprintf(item->label, sizeof item->label, "%s", r->label);
  if (range >= 0) {
    family_text(&item->problem, &r->axis[range], item->family);
    item->size = r->axis[range].value[place[range]].number;
  }
  out->count++;
  return WHY_OK;
}

static enum why_reason expand(struct reader *r, struct suite *out) {
  int64_t cases = 1;
  int range = -1, ranges = 0, place[AXES] = {0};
  for (int i = 0; i < r->axes; i++) {
    cases *= r->axis[i].values;
    if (cases > CASES) return wrong(r, 1, "the line stands for more than %d problems", CASES);
    if (r->axis[i].range) range = i, ranges++;
  }
  if (ranges != 1) range = -1;
  for (int64_t n = 0; n < cases; n++) {
    enum why_reason reason = add_case(r, place, range, out);
    if (reason) return reason;
    for (int i = r->axes - 1; i >= 0 && ++place[i] == r->axis[i].values; i--) place[i] = 0;
  }
  return WHY_OK;
}

// ---- lines --------------------------------------------------------------------------------------

static enum why_reason read_line(struct reader *r, struct suite *out) {
  const char *end = strchr(r->line, '#');
  r->label[0] = 0;
  if (end) {
    const char *label = end + 1 + strspn(end + 1, " \t");
    size_t length = strlen(label);
    while (length && isspace((unsigned char)label[length - 1])) length--;
    if (length >= sizeof r->label) length = sizeof r->label - 1;
    memcpy(r->label, label, length);
    r->label[length] = 0;
  } else {
    end = r->line + strlen(r->line);
  }
  r->axes = 0;
  r->op_length = 0;
  for (const char *at = r->line; at < end;) {
    if (isspace((unsigned char)*at)) {
      at++;
      continue;
    }
    const char *stop = at;
    while (stop < end && !isspace((unsigned char)*stop)) stop++;
    if (!r->op_length) {
      r->op_length = (int)(stop - at);
      r->op_column = (int)(at - r->line + 1);
    } else {
      enum why_reason reason = read_axis(r, at, stop);
      if (reason) return reason;
    }
    at = stop;
  }
  return r->op_length ? expand(r, out) : WHY_OK;
}

enum why_reason suite_read(FILE *file, const char *name, struct suite *out,
                           struct why_error *error) {
  enum why_reason reason = WHY_ALLOC_FAILED;
  char *line = NULL;
  size_t size = 0;
  ssize_t length;
  memset(out, 0, sizeof *out);
  memset(error, 0, sizeof *error);
  snprintf(out->name, sizeof out->name, "%s", name);
  struct reader *r = calloc(1, sizeof *r);
  if (!r) {
    snprintf(error->text, sizeof error->text, "out of memory");
    goto done;
  }
  r->error = error;
  reason = WHY_OK;
  while (!reason && (length = getline(&line, &size, file)) >= 0) {
    r->line = line;
    r->number++;
    if (strlen(line) != (size_t)length)
      reason = wrong(r, (long)strlen(line) + 1, "a zero byte: this is no text file");
    else
      reason = read_line(r, out);
  }
  if (!reason && ferror(file)) reason = wrong(r, 0, "cannot be read: %s", strerror(errno));
  if (!reason && !out->count) {
    r->number = 0;
    reason = wrong(r, 0, "the suite has no problem; a line is such as: gemm m=n=k=16..1024*2");
  }
done:
  if (reason) suite_free(out);
  free(line);
  free(r);
  return reason;
}

// "bench/suites/quick.suite" is called quick.
static void base_name(const char *path, char *out, int size) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  const char *ending = strstr(name, ".suite");
  int length = ending && !ending[6] ? (int)(ending - name) : (int)strlen(name);
  snprintf(out, (size_t)size, "%.*s", length < size ? length : size - 1, name);
}

enum why_reason suite_open(const char *name, struct suite *out, struct why_error *error) {
  enum { LEN = sizeof ".suite" - 1 };
  size_t length = strlen(name);
  bool path = strchr(name, '/') || (length > LEN && !strcmp(name + length - LEN, ".suite"));
  char full[4096], base[64];
  memset(error, 0, sizeof *error);
  memset(out, 0, sizeof *out);
  if (path) {
    snprintf(full, sizeof full, "%s", name);
  } else {
    char folder[3072];
    if (!data_path("suites", folder, sizeof folder)) {
      snprintf(error->text, sizeof error->text, "the folder of shipped suites cannot be found");
      return WHY_BAD_INPUT;
    }
    snprintf(full, sizeof full, "%s/%s.suite", folder, name);
  }
  FILE *file = fopen(full, "re");
  if (!file) {
    enum { MOST = 64 };
    char *known[MOST], hint[160] = "";
    int names = path ? 0 : data_names("suites", ".suite", known, MOST);
    if (names) nearest(name, (const char *const *)known, names, hint, sizeof hint);
    if (names) data_free(known, names);
    snprintf(error->text, sizeof error->text, "%s%s%s", strerror(errno), *hint ? "; " : "", hint);
    return WHY_BAD_INPUT;
  }
  base_name(full, base, sizeof base);
  enum why_reason reason = suite_read(file, base, out, error);
  fclose(file);
  return reason;
}

void suite_free(struct suite *suite) {
  free(suite->item);
  memset(suite, 0, sizeof *suite);
}
