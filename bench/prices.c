#include "prices.h"
#include "csv.h"
#include "program.h"
#include "values.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 16 << 20 };

// The file as text that ends in a newline: people leave the last one out, and editors put a
// byte-order mark first. NULL: errno says why.
static char *read_whole(const char *path, size_t *size) {
  FILE *file = fopen(path, "re");
  size_t room = 4096, length = 0, got;
  char *text = file ? malloc(room) : NULL;
  while (text && (got = fread(text + length, 1, room - length - 2, file)) > 0) {
    length += got;
    if (room - length > 2) continue;
    char *more = room < MOST_BYTES ? realloc(text, room *= 2) : NULL;
    if (!more) free(text), errno = room < MOST_BYTES ? ENOMEM : EFBIG;
    text = more;
  }
  if (text && ferror(file)) {
    int error = errno;
    free(text);
    text = NULL;
    errno = error ? error : EIO;
  }
  if (file) {
    int error = errno;
    fclose(file);
    errno = error;
  }
  if (!text) return NULL;
  if (length && text[length - 1] != '\n') text[length++] = '\n';
  if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) memmove(text, text + 3, length -= 3);
  *size = length;
  return text;
}

// ---- the header ---------------------------------------------------------------------------------

enum { MACHINE, PRICE, MEMORY, CURRENCY, NOTE, COLUMNS };
static const char *const column[COLUMNS] = {"machine", "price_per_hour", "memory", "currency",
                                            "note"};

static int find_columns(const char *path, const struct csv_reader *csv, int at[COLUMNS]) {
  for (int i = 0; i < COLUMNS; i++) at[i] = csv_find(csv, column[i]);
  if (at[PRICE] < 0) at[PRICE] = csv_find(csv, "price");
  for (int i = 0; i < csv->names; i++) {
    bool ours = false;
    for (int c = 0; c < COLUMNS; c++) ours |= at[c] == i;
    if (!ours)
      return request_wrong("%s:1: column '%.60s' is not one of machine, price_per_hour, memory, "
                           "currency, note, separated by commas",
                           path, csv->name[i]);
  }
  for (int i = MACHINE; i <= PRICE; i++)
    if (at[i] < 0)
      return request_wrong("%s:1: there is no column '%s'; such a file begins with the line "
                           "machine,price_per_hour",
                           path, column[i]);
  return STATUS_OK;
}

// ---- rows ---------------------------------------------------------------------------------------

static bool read_price(const char *text, double *out) {
  char *end;
  *out = strtod(text, &end);
  return strspn(text, "0123456789.") > 0 && !*end && isfinite(*out) && *out > 0;
}

static int take_row(struct prices *p, const struct csv_reader *csv, const int at[COLUMNS]) {
  struct price *row = &p->row[p->count];
  struct why_error why = {0};
  const char *machine = csv_field(csv, at[MACHINE]), *price = csv_field(csv, at[PRICE]);
  const char *memory = at[MEMORY] < 0 ? "" : csv_field(csv, at[MEMORY]);
  const char *currency = at[CURRENCY] < 0 ? "" : csv_field(csv, at[CURRENCY]);
  *row = (struct price){.memory_bytes = WHY_UNLIMITED, .line = csv->line};
  if (!*machine || strlen(machine) >= sizeof row->machine)
    return request_wrong("%s:%d: the name of a machine is wanted (whycpu list machines)", p->path,
                         csv->line);
  strcpy(row->machine, machine);
  if (!read_price(price, &row->per_hour))
    return request_wrong("%s:%d: price '%.40s': a number above 0 is wanted, such as 0.80", p->path,
                         csv->line, price);
  if (*memory && !read_bytes(memory, &row->memory_bytes, &why))
    return request_wrong("%s:%d: memory '%.40s': %s", p->path, csv->line, memory, why.text);
  if (strlen(currency) >= sizeof p->currency || (p->count && strcmp(currency, p->currency) != 0))
    return request_wrong("%s:%d: currency '%.40s': one currency of at most 15 letters in all rows "
                         "is wanted, so that prices can be compared",
                         p->path, csv->line, currency);
  strcpy(p->currency, currency);
  for (int i = 0; i < p->count; i++)
    if (!strcmp(p->row[i].machine, machine) && p->row[i].memory_bytes == row->memory_bytes)
      return request_wrong("%s:%d: %.60s has a price in line %d already", p->path, csv->line,
                           machine, p->row[i].line);
  p->count++;
  return STATUS_OK;
}

static int read_rows(struct prices *p, FILE *file) {
  struct csv_reader csv;
  struct why_error error;
  int at[COLUMNS], status = STATUS_OK;
  bool more = true;
  enum why_reason reason = csv_open(&csv, file, &error);
  if (!reason) status = find_columns(p->path, &csv, at);
  while (!reason && !status && !(reason = csv_next(&csv, &more, &error)) && more) {
    struct price *grown = realloc(p->row, ((size_t)p->count + 1) * sizeof *grown);
    if (!grown)
      reason = WHY_ALLOC_FAILED;
    else
      p->row = grown, status = take_row(p, &csv, at);
  }
  csv_reader_free(&csv);
  if (reason == WHY_ALLOC_FAILED) return machine_failed("out of memory");
  if (reason) return request_wrong("%s:%d: %s", p->path, error.line, error.text);
  if (!status && !p->count) return request_wrong("%s: no machine has a price in it", p->path);
  return status;
}

int prices_read(const char *path, struct prices *p) {
  *p = (struct prices){.path = path};
  size_t size = 0;
  char *text = read_whole(path, &size);
  if (!text) return request_wrong("--price %s: %s", path, strerror(errno));
  FILE *file = size ? fmemopen(text, size, "r") : NULL;
  int status = file ? read_rows(p, file)
                    : request_wrong("%s: empty: expected the line machine,price_per_hour", path);
  if (file) fclose(file);
  free(text);
  return status;
}

void prices_free(struct prices *p) {
  free(p->row);
  *p = (struct prices){0};
}
