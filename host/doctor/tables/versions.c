// Versions as numbers with dots between them.
#include "tables.h"
#include <stdio.h>

enum { PART_MOST = 100000000 };

// The number that a text begins with, and how many characters it has; one too large to be a part
// of a version stays at the most.
static int number(const char *text, int *length) {
  int value = 0, i = 0;
  for (; text[i] >= '0' && text[i] <= '9'; i++)
    value = value < PART_MOST ? value * 10 + (text[i] - '0') : PART_MOST;
  *length = i;
  return value;
}

// The next part, 0 after the last: past it and its dot.
static int next_part(const char **text) {
  int length;
  int value = number(*text, &length);
  *text += length;
  if (length && **text == '.') ++*text;
  return value;
}

int version_compare(const char *a, const char *b) {
  for (;;) {
    const char *was_a = a, *was_b = b;
    int x = next_part(&a), y = next_part(&b);
    if (x != y) return x < y ? -1 : 1;
    if (a == was_a && b == was_b) return 0;
  }
}

int version_major(const char *text) {
  int length;
  int value = number(text, &length);
  return length ? value : -1;
}

int cuda_number(const char *text) {
  int length, minor = 0;
  int major = number(text, &length);
  if (!length) return 0;
  text += length;
  if (*text == '.') {
    minor = number(text + 1, &length);
    if (!length) return 0;
    text += 1 + length;
  }
  bool ends = *text == 0 || *text == '.' || *text == '-' || *text == '+' || *text == ' ';
  return ends && major > 0 && major < 100 && minor < 100 ? major * 1000 + minor * 10 : 0;
}

void cuda_text(int cuda, char out[16]) {
  if (cuda <= 0) cuda = 0;
  snprintf(out, 16, "%d.%d", cuda / 1000, cuda % 1000 / 10);
}
