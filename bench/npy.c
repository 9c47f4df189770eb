#include "npy.h"
#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_MOST = 65536 };

struct header {
  char descr[16];
  bool fortran;
  int rank;
  int64_t dim[WHY_RANK];
};

static enum why_reason bad(struct why_error *error, const char *text) {
  snprintf(error->text, sizeof error->text, "%s", text);
  return WHY_BAD_INPUT;
}

// ---- the header, a Python dict ----------------------------------------------------------------

static void skip_spaces(const char **at) {
  while (isspace((unsigned char)**at)) ++*at;
}

static bool take(const char **at, char c) {
  skip_spaces(at);
  if (**at != c) return false;
  ++*at;
  return true;
}

static bool take_string(const char **at, char *out, size_t size) {
  skip_spaces(at);
  char quote = **at;
  if (quote != '\'' && quote != '"') return false;
  const char *begin = ++*at, *end = strchr(begin, quote);
  if (!end || (size_t)(end - begin) >= size) return false;
  memcpy(out, begin, (size_t)(end - begin));
  out[end - begin] = 0;
  *at = end + 1;
  return true;
}

static bool take_word(const char **at, const char *word) {
  skip_spaces(at);
  if (strncmp(*at, word, strlen(word)) != 0) return false;
  *at += strlen(word);
  return true;
}

static bool take_shape(const char **at, struct header *h) {
  if (!take(at, '(')) return false;
  for (h->rank = 0; !take(at, ')'); h->rank++) {
    int64_t dim = 0;
    skip_spaces(at);
    if (h->rank == WHY_RANK || !isdigit((unsigned char)**at)) return false;
    for (; isdigit((unsigned char)**at); ++*at) {
      if (dim > (INT64_MAX - 9) / 10) return false;
      dim = dim * 10 + (**at - '0');
    }
    h->dim[h->rank] = dim;
    if (take(at, ',')) continue;
    h->rank++;
    return take(at, ')');
  }
  return true;
}

static bool parse_header(const char *text, struct header *h) {
  bool descr = false, order = false, shape = false;
  char key[32];
  if (!take(&text, '{')) return false;
  while (!take(&text, '}')) {
    if (!take_string(&text, key, sizeof key) || !take(&text, ':')) return false;
    bool well = false;
    if (!strcmp(key, "descr"))
      well = descr = take_string(&text, h->descr, sizeof h->descr);
    else if (!strcmp(key, "shape"))
      well = shape = take_shape(&text, h);
    else if (!strcmp(key, "fortran_order"))
      well = order = (h->fortran = take_word(&text, "True")) || take_word(&text, "False");
    if (!well) return false;
    if (!take(&text, ',')) {
      if (!take(&text, '}')) return false;
      break;
    }
  }
  return descr && order && shape;
}

static enum why_reason read_header(FILE *file, struct header *h, struct why_error *error) {
  unsigned char start[12];
  if (fread(start, 1, 10, file) != 10 || memcmp(start, "\x93NUMPY", 6) != 0)
    return bad(error, "this is no .npy file: it does not begin with \\x93NUMPY");
  if (start[6] < 1 || start[6] > 3) return bad(error, "a .npy file of version 1, 2 or 3 is wanted");
  size_t length = start[8] | (size_t)start[9] << 8;
  if (start[6] > 1) {
    if (fread(start + 10, 1, 2, file) != 2) return bad(error, "the file ends inside its header");
    length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
  }
  if (length > HEADER_MOST) return bad(error, "its header is longer than 64 KiB");
  char *text = malloc(length + 1);
  if (!text) return WHY_ALLOC_FAILED;
  enum why_reason reason = WHY_OK;
  if (fread(text, 1, length, file) != length) {
    reason = bad(error, "the file ends inside its header");
  } else {
    text[length] = 0;
    if (!parse_header(text, h))
      reason = bad(error, "its header is not a dict of descr (a plain type), fortran_order and "
                          "shape (of at most 6 dims)");
  }
  free(text);
  return reason;
}

// ---- elements ---------------------------------------------------------------------------------

static const char *const names[WHY_TYPE_COUNT][4] = {[WHY_F64] = {"<f8"},
                                                     [WHY_F32] = {"<f4"},
                                                     [WHY_F16] = {"<f2"},
                                                     [WHY_BF16] = {"<u2", "<V2", "|V2"}};

static int shape_text(char *out, size_t size, int rank, const int64_t *dim) {
  size_t used = (size_t)snprintf(out, size, "(");
  for (int i = 0; i < rank && used < size; i++)
    used += (size_t)snprintf(out + used, size - used, "%s%lld", i ? ", " : "", (long long)dim[i]);
  if (used < size) used += (size_t)snprintf(out + used, size - used, rank == 1 ? ",)" : ")");
  return (int)used;
}

static enum why_reason refuse(const struct header *h, const struct why_tensor *t,
                              struct why_error *error) {
  bool type = false, shape = h->rank == t->rank;
  for (int i = 0; i < 4 && names[t->type][i]; i++)
    type = type || !strcmp(h->descr, names[t->type][i]);
  for (int i = 0; shape && i < t->rank; i++) shape = h->dim[i] == t->dim[i];
  if (type && shape) return WHY_OK;
  char found[112], wanted[112];
  shape_text(found, sizeof found, h->rank, h->dim);
  shape_text(wanted, sizeof wanted, t->rank, t->dim);
  snprintf(error->text, sizeof error->text, "it holds %.80s of %s, and %.80s of %s is wanted%s",
           found, h->descr, wanted, names[t->type][0],
           !type && t->type == WHY_BF16 ? " (bf16: its bits as u2)" : "");
  return WHY_BAD_INPUT;
}

// Steps through a tensor's elements in C or Fortran order, one copy each way.
static void move(const struct why_tensor *t, char *packed, bool fortran, bool into_tensor) {
  size_t size = why_type_bytes(t->type);
  int64_t index[WHY_RANK] = {0}, elements = why_tensor_elements(t);
  for (int64_t i = 0; i < elements; i++, packed += size) {
    int64_t offset = 0;
    for (int d = 0; d < t->rank; d++) offset += index[d] * t->stride[d];
    char *element = (char *)t->data + (size_t)offset * size;
    if (into_tensor)
      memcpy(element, packed, size);
    else
      memcpy(packed, element, size);
    for (int n = 0; n < t->rank; n++) { // the next index, the fastest first
      int d = fortran ? n : t->rank - 1 - n;
      if (++index[d] < t->dim[d]) break;
      index[d] = 0;
    }
  }
}

enum why_reason npy_read(FILE *file, const struct why_tensor *t, struct why_error *error) {
  struct header h = {0};
  *error = (struct why_error){0};
  enum why_reason reason = read_header(file, &h, error);
  if (reason == WHY_OK) reason = refuse(&h, t, error);
  if (reason != WHY_OK) return reason;
  size_t bytes = (size_t)why_tensor_elements(t) * why_type_bytes(t->type);
  char *packed = malloc(bytes ? bytes : 1);
  if (!packed) return WHY_ALLOC_FAILED;
  size_t found = fread(packed, 1, bytes, file);
  if (found == bytes) {
    move(t, packed, h.fortran, true);
  } else {
    snprintf(error->text, sizeof error->text, "the file ends after %zu of %zu bytes of data", found,
             bytes);
    reason = WHY_BAD_INPUT;
  }
  free(packed);
  return reason;
}

enum why_reason npy_write(FILE *file, const struct why_tensor *t) {
  char shape[160], header[256];
  shape_text(shape, sizeof shape, t->rank, t->dim);
  int length =
      snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
               names[t->type][0], shape);
  int padded = (10 + length + 1 + 63) / 64 * 64 - 10; // data begins at a multiple of 64
  size_t bytes = (size_t)why_tensor_elements(t) * why_type_bytes(t->type);
  char *packed = malloc(bytes ? bytes : 1);
  if (!packed) return WHY_ALLOC_FAILED;
  move(t, packed, false, false);
  fwrite("\x93NUMPY\x01\x00", 1, 8, file);
  putc(padded & 0xff, file);
  putc(padded >> 8, file);
  fprintf(file, "%-*s\n", padded - 1, header);
  fwrite(packed, 1, bytes, file);
  free(packed);
  return WHY_OK;
}
