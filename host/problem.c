// Problems as text and back: "gemm m=64 n=64 k=64 type=bf16 tb=1", and what makes one malformed.
#include "machine.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static enum why_reason fail(struct why_error *error, int column, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  *error = (struct why_error){.column = column};
  vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  return WHY_BAD_INPUT;
}

int64_t why_tensor_elements(const struct why_tensor *t) {
  int64_t n = 1;
  for (int i = 0; i < t->rank; i++) n *= t->dim[i];
  return n;
}

// Bytes from the first element to the end of the last, gaps included; -1 where they overflow.
static int64_t span_bytes(const struct why_tensor *t) {
  int64_t last = 0, step, bytes;
  for (int i = 0; i < t->rank; i++)
    if (__builtin_mul_overflow(t->dim[i] - 1, t->stride[i], &step) ||
        __builtin_add_overflow(last, step, &last))
      return -1;
  int64_t size = (int64_t)why_type_bytes(t->type);
  if (__builtin_add_overflow(last, 1, &last) || __builtin_mul_overflow(last, size, &bytes))
    return -1;
  return bytes;
}

uint64_t why_tensor_bytes(const struct why_tensor *t) {
  return (uint64_t)span_bytes(t);
}

void why_problem_default(const struct why_op *op, struct why_problem *out) {
  memset(out, 0, sizeof *out); // its bytes are compared
  out->op = op;
  out->type = WHY_F32;
  out->math = why_math_of(WHY_F32);
  for (int i = 0; i < op->params; i++) {
    const struct why_param *p = &op->param[i];
    if (p->kind == WHY_REAL)
      out->real[i] = (double)p->otherwise;
    else
      out->value[i] = p->otherwise == WHY_REQUIRED ? 1 : p->otherwise;
  }
}

enum why_reason why_problem_check(const struct why_problem *p, struct why_error *error) {
  const struct why_op *op = p->op;
  if ((unsigned)p->type >= WHY_TYPE_COUNT || !(op->types >> p->type & 1))
    return fail(error, 0, "%s is not defined for type %s", op->name,
                (unsigned)p->type < WHY_TYPE_COUNT ? why_type_name(p->type) : "?");
  for (int i = 0; i < op->params; i++) {
    const struct why_param *k = &op->param[i];
    if (k->kind == WHY_REAL && !isfinite(p->real[i]))
      return fail(error, 0, "%s is %g: a finite number would be right", k->name, p->real[i]);
    if (k->kind != WHY_REAL && p->value[i] < k->least)
      return fail(error, 0, "%s is %lld: at least %lld would be right", k->name,
                  (long long)p->value[i], (long long)k->least);
    if (k->kind != WHY_REAL && p->value[i] > k->most)
      return fail(error, 0, "%s is %lld: at most %lld would be right", k->name,
                  (long long)p->value[i], (long long)k->most);
  }
  const char *wrong = op->refuse ? op->refuse(p) : NULL;
  if (wrong) return fail(error, 0, "%s", wrong);
  int64_t all = 0;
  for (int i = 0; i < op->operands; i++) {
    struct why_tensor t;
    op->shape(p, i, &t);
    int64_t bytes = span_bytes(&t);
    if (bytes < 0 || __builtin_add_overflow(all, bytes, &all))
      return fail(error, 0,
                  "the bytes of %s's operand %s overflow 64 bits: smaller dims would be right",
                  op->name, op->operand[i]);
  }
  return WHY_OK;
}

bool why_problem_same(const struct why_problem *a, const struct why_problem *b) {
  if (a->op != b->op || a->type != b->type || a->math != b->math) return false;
  for (int i = 0; i < a->op->params; i++)
    if (a->value[i] != b->value[i] || a->real[i] != b->real[i]) return false;
  return true;
}

// The names of what could stand there, for an error line.
static void list_keys(const struct why_op *op, char *out, size_t size) {
  size_t at = 0;
  for (int i = 0; i < op->params; i++)
    at += (size_t)snprintf(out + at, at < size ? size - at : 0, "%s ", op->param[i].name);
  snprintf(out + (at < size ? at : size - 1), at < size ? size - at : 1, "type math");
}

static int find_name(const char *value, const char *(*name)(int), int count) {
  for (int i = 0; i < count; i++)
    if (!strcmp(value, name(i))) return i;
  return -1;
}
static const char *type_name(int i) {
  return why_type_name((enum why_type)i);
}
static const char *math_name(int i) {
  return why_math_name((enum why_math)i);
}

static int find_param(const struct why_op *op, const char *name) {
  for (int i = 0; i < op->params; i++)
    if (!strcmp(op->param[i].name, name)) return i;
  return -1;
}

// The word of a choice by its place, or its place by the word; -1: there is no such word.
static int choice_word(const struct why_param *p, int64_t place, const char **word) {
  const char *at = p->choices;
  for (; place > 0 && *at; place--) at += strcspn(at, " "), at += *at == ' ';
  *word = at;
  return (int)strcspn(at, " ");
}
static int choice_place(const struct why_param *p, const char *value) {
  const char *word;
  for (int i = 0, length; (length = choice_word(p, i, &word)); i++)
    if (strlen(value) == (size_t)length && !strncmp(value, word, (size_t)length)) return i;
  return -1;
}

struct given { // what the text named
  bool param[WHY_PARAMS], type, math;
};

static enum why_reason read_value(struct why_problem *out, int i, const char *text, int column,
                                  struct why_error *error) {
  const struct why_param *p = &out->op->param[i];
  char *end;
  errno = 0;
  if (p->kind == WHY_CHOICE) {
    int place = choice_place(p, text);
    if (place < 0)
      return fail(error, column, "%s=%s: one of %s would be right", p->name, text, p->choices);
    out->value[i] = place;
    return WHY_OK;
  }
  if (p->kind == WHY_REAL) {
    out->real[i] = strtod(text, &end);
    if (end == text || *end || !isfinite(out->real[i]))
      return fail(error, column, "%s=%s: a number such as 0.5 would be right", p->name, text);
    return WHY_OK;
  }
  long long value = strtoll(text, &end, 10);
  if (end == text || *end || errno == ERANGE || value < p->least || value > p->most) {
    if (p->most == INT64_MAX)
      return fail(error, column, "%s=%s: a whole number from %lld up would be right", p->name, text,
                  (long long)p->least);
    return fail(error, column, "%s=%s: a whole number from %lld to %lld would be right", p->name,
                text, (long long)p->least, (long long)p->most);
  }
  out->value[i] = value;
  return WHY_OK;
}

static enum why_reason read_pair(struct why_problem *out, char *pair, int column,
                                 struct given *given, struct why_error *error) {
  char *value = strchr(pair, '=');
  if (!value || value == pair || !value[1])
    return fail(error, column, "\"%s\": KEY=VALUE such as %s=64 would be right", pair,
                out->op->param[0].name);
  *value++ = 0;
  bool *seen;
  int i = find_param(out->op, pair);
  if (i >= 0)
    seen = &given->param[i];
  else if (!strcmp(pair, "type"))
    seen = &given->type;
  else if (!strcmp(pair, "math"))
    seen = &given->math;
  else {
    char keys[160];
    list_keys(out->op, keys, sizeof keys);
    return fail(error, column, "%s has no key \"%s\": one of %s would be right", out->op->name,
                pair, keys);
  }
  if (*seen) return fail(error, column, "%s is given twice: once would be right", pair);
  *seen = true;
  if (i >= 0) return read_value(out, i, value, column, error);
  if (seen == &given->type) {
    int type = find_name(value, type_name, WHY_TYPE_COUNT);
    if (type < 0 || !(out->op->types >> type & 1)) {
      char names[64] = "";
      for (int t = 0; t < WHY_TYPE_COUNT; t++)
        if (out->op->types >> t & 1) strcat(strcat(names, *names ? " " : ""), type_name(t));
      return fail(error, column, "%s does not take type=%s: one of %s would be right",
                  out->op->name, value, names);
    }
    out->type = (enum why_type)type;
    return WHY_OK;
  }
  int math = find_name(value, math_name, WHY_MATH_COUNT);
  if (math < 0)
    return fail(error, column, "math=%s: one of f64 f32 f16 bf16 would be right", value);
  out->math = (enum why_math)math;
  return WHY_OK;
}

// What an op that is not there could have been.
static void list_ops(char *out, size_t size) {
  size_t at = 0;
  *out = 0;
  for (int i = 0; i < why_op_count() && at < size; i++)
    at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "", why_op_at(i)->name);
}

enum why_reason why_problem_parse(const char *text, struct why_problem *out,
                                  struct why_error *error) {
  char copy[1024], ops[160], *rest = copy, *word;
  struct given given = {0};
  *error = (struct why_error){0};
  memset(out, 0, sizeof *out);
  if (strlen(text) >= sizeof copy)
    return fail(error, (int)sizeof copy, "a problem of at most %d characters would be right",
                (int)sizeof copy - 1);
  strcpy(copy, text);
  while ((word = strsep(&rest, " \t"))) {
    int column = (int)(word - copy) + 1;
    if (!*word) continue;
    if (out->op) {
      enum why_reason r = read_pair(out, word, column, &given, error);
      if (r) return r;
      continue;
    }
    const struct why_op *op = why_op_find(word);
    if (!op) {
      list_ops(ops, sizeof ops);
      return fail(error, column, "there is no op \"%s\": one of %s would be right", word, ops);
    }
    why_problem_default(op, out);
  }
  if (!out->op) {
    list_ops(ops, sizeof ops);
    return fail(error, 1, "no op is named: one of %s would be right", ops);
  }
  for (int i = 0; i < out->op->params; i++)
    if (out->op->param[i].otherwise == WHY_REQUIRED && !given.param[i])
      return fail(error, 0, "%s needs %s=NUMBER (%s)", out->op->name, out->op->param[i].name,
                  out->op->param[i].help);
  if (!given.math) out->math = why_math_of(out->type);
  return why_problem_check(out, error);
}

// ---- and back ----------------------------------------------------------------------------------

// The shortest text that reads back as the same number.
static int write_real(char *out, size_t size, const char *name, double x) {
  char digits[40];
  for (int precision = 1; precision <= 17; precision++) {
    snprintf(digits, sizeof digits, "%.*g", precision, x);
    if (strtod(digits, NULL) == x) break;
  }
  return snprintf(out, size, "%s=%s", name, digits);
}

int why_problem_dims(const struct why_problem *p, char *out, size_t size) {
  size_t at = 0;
  if (size) *out = 0;
  for (int i = 0; i < p->op->params; i++) {
    const struct why_param *k = &p->op->param[i];
    bool same =
        k->kind == WHY_REAL ? p->real[i] == (double)k->otherwise : p->value[i] == k->otherwise;
    if (same) continue;
    if (at) at += (size_t)snprintf(at < size ? out + at : NULL, at < size ? size - at : 0, " ");
    char *to = at < size ? out + at : NULL;
    size_t left = at < size ? size - at : 0;
    if (k->kind == WHY_REAL) {
      at += (size_t)write_real(to, left, k->name, p->real[i]);
    } else if (k->kind == WHY_CHOICE) {
      const char *word;
      int length = choice_word(k, p->value[i], &word);
      at += (size_t)snprintf(to, left, "%s=%.*s", k->name, length, word);
    } else {
      at += (size_t)snprintf(to, left, "%s=%lld", k->name, (long long)p->value[i]);
    }
  }
  return (int)at;
}

int why_problem_text(const struct why_problem *p, char *out, size_t size) {
  char dims[512], math[24] = "";
  why_problem_dims(p, dims, sizeof dims);
  if (p->math != why_math_of(p->type))
    snprintf(math, sizeof math, " math=%s", why_math_name(p->math));
  return snprintf(out, size, "%s %s type=%s%s", p->op->name, dims, why_type_name(p->type), math);
}
