// The reader of comma separated values, on any bytes: cells lie inside them, and rows end.
#include "csv_rows.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  enum { MOST = 16 };
  int most = data[0] % MOST + 1;
  size_t length = size - 1;
  char *bytes = malloc(length + 1);
  if (!bytes) return 0;
  memcpy(bytes, data + 1, length);
  bytes[length] = 'x';
  struct csv_rows csv = csv_rows_of(bytes, length);
  char *cell[MOST], *before = bytes;
  for (int cells; (cells = csv_rows_next(&csv, cell, most)) != 0; before = csv.at) {
    if (cells > most || csv.at <= before) abort();
    for (int i = 0; i < cells; i++)
      if (cell[i] < before || cell[i] + strlen(cell[i]) > bytes + length) abort();
  }
  if (!csv.fault && csv.at != csv.end) abort();
  free(bytes);
  return 0;
}
