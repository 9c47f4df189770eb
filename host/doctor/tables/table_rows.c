// What the tables' cells say.
#include "table_rows.h"
#include "facts.h"
#include "tables.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct csv_rows table_rows_open(unsigned char *bytes, size_t length, const char *heading) {
  size_t skip = strlen(heading);
  if (length <= skip || memcmp(bytes, heading, skip) != 0 || bytes[skip] != '\n')
    return (struct csv_rows){.fault = "another heading"};
  struct csv_rows csv = csv_rows_of((char *)bytes + skip + 1, length - skip - 1);
  csv.row = 1;
  return csv;
}

int capability_number(const char *text) {
  if (!strcmp(text, "1.x")) return 10;
  int major = version_major(text);
  const char *dot = strchr(text, '.');
  int minor = dot ? version_major(dot + 1) : -1;
  return major > 0 && major < 100 && minor >= 0 && minor < 10 ? major * 10 + minor : 0;
}

int cudnn_number(const char *text) {
  int part[3] = {0};
  for (int i = 0; i < 3 && text; i++) {
    part[i] = version_major(text);
    if (part[i] < 0 || part[i] >= 100) return 0;
    text = strchr(text, '.');
    if (text) text++;
  }
  return part[0] * 10000 + part[1] * 100 + part[2];
}

static int compare_ints(const void *a, const void *b) {
  int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

// "sm_80", "compute_90", "9.0" or "12.0+PTX"; 0.
static int architecture(const char *word, bool *also_ptx) {
  *also_ptx = false;
  if (!strncmp(word, "sm_", 3)) return version_major(word + 3);
  if (!strncmp(word, "compute_", 8)) {
    int number = version_major(word + 8);
    return number > 0 ? ARCH_PTX + number : 0;
  }
  *also_ptx = strstr(word, "+PTX");
  return capability_number(word);
}

int architectures_of(const char *words, int *out, int most) {
  int count = 0;
  while (*words) {
    char word[32];
    int length;
    if (sscanf(words, "%31s%n", word, &length) != 1) break;
    words += length;
    bool also_ptx;
    int value = architecture(word, &also_ptx);
    if (value <= 0 || count + 1 + also_ptx > most) return 0;
    out[count++] = value;
    if (also_ptx) out[count++] = ARCH_PTX + value;
  }
  qsort(out, (size_t)count, sizeof *out, compare_ints);
  int kept = 0;
  for (int i = 0; i < count; i++)
    if (!kept || out[kept - 1] != out[i]) out[kept++] = out[i];
  return kept;
}

int minor_number(const char *version) {
  return cuda_number(version);
}

bool is_release(const char *version) {
  const char *rest = version + strspn(version, "0123456789.");
  return rest != version && (!*rest || !strncmp(rest, "+cu", 3));
}
