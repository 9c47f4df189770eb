// The reader of comma separated values.
#include "csv_rows.h"
#include <stdbool.h>

struct csv_rows csv_rows_of(char *bytes, size_t length) {
  return (struct csv_rows){.at = bytes, .end = bytes + length};
}

static char *fault(struct csv_rows *csv, const char *words) {
  csv->fault = words;
  return NULL;
}

static bool ends_cell(const struct csv_rows *csv, const char *p) {
  return p == csv->end || *p == ',' || *p == '\n' ||
         (*p == '\r' && (p + 1 == csv->end || p[1] == '\n'));
}

// Both move csv->at to what ends the cell, and return where its text ends.
static char *plain(struct csv_rows *csv) {
  char *p = csv->at;
  for (; !ends_cell(csv, p); p++) {
    if (!*p) return fault(csv, "a NUL in a cell");
    if (*p == '"') return fault(csv, "a quote inside a cell that does not begin with one");
  }
  csv->at = p;
  return p;
}

static char *quoted(struct csv_rows *csv) {
  char *to = csv->at + 1;
  for (char *p = to; p < csv->end; p++) {
    if (!*p) return fault(csv, "a NUL in a cell");
    if (*p != '"') {
      *to++ = *p;
    } else if (p + 1 < csv->end && p[1] == '"') {
      *to++ = *p++;
    } else {
      csv->at = p + 1;
      return ends_cell(csv, p + 1) ? to : fault(csv, "text after a cell's closing quote");
    }
  }
  return fault(csv, "a quote that is not closed");
}

int csv_rows_next(struct csv_rows *csv, char **cell, int most) {
  if (csv->fault || csv->at == csv->end) return 0;
  csv->row++;
  for (int cells = 0; cells < most;) {
    bool quote = csv->at < csv->end && *csv->at == '"';
    cell[cells++] = csv->at + quote;
    char *end = quote ? quoted(csv) : plain(csv);
    if (!end) return 0;
    char mark = csv->at < csv->end ? *csv->at : '\n'; // before `end`, which may be there
    *end = 0;
    if (mark == '\r') csv->at++;
    if (csv->at < csv->end) csv->at++;
    if (mark != ',') return cells;
  }
  fault(csv, "more cells than there are columns");
  return 0;
}
