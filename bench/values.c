#include "values.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool wrong_text(struct why_error *wrong, const char *text) {
  snprintf(wrong->text, sizeof wrong->text, "%s", text);
  return false;
}

bool read_flag(const char *text, void *to, struct why_error *wrong) {
  (void)text, (void)wrong;
  *(bool *)to = true;
  return true;
}

bool read_text(const char *text, void *to, struct why_error *wrong) {
  if (!*text) return wrong_text(wrong, "it is empty");
  *(const char **)to = text;
  return true;
}

// Decimal digits only: strtoull would take signs and spaces.
static bool whole(const char *text, uint64_t most, uint64_t *out) {
  uint64_t value = 0;
  if (!*text) return false;
  for (const char *c = text; *c; c++) {
    if (!isdigit((unsigned char)*c)) return false;
    uint64_t digit = (uint64_t)(*c - '0');
    if (value > (most - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *out = value;
  return true;
}

bool read_count(const char *text, void *to, struct why_error *wrong) {
  uint64_t value;
  if (!whole(text, INT64_MAX, &value) || value == 0)
    return wrong_text(wrong, "a whole number from 1 is wanted");
  *(int64_t *)to = (int64_t)value;
  return true;
}

bool read_natural(const char *text, void *to, struct why_error *wrong) {
  return whole(text, UINT64_MAX, to) || wrong_text(wrong, "a whole number from 0 is wanted");
}

// The decimal number that `text` begins with; *rest is what follows it. No sign, exponent or hex.
static bool decimal(const char *text, double *value, const char **rest) {
  size_t digits = strspn(text, "0123456789");
  size_t end = digits;
  if (text[end] == '.') end += 1 + strspn(text + end + 1, "0123456789");
  char number[64];
  if (digits == 0 || text[end - 1] == '.' || end >= sizeof number) return false;
  memcpy(number, text, end);
  number[end] = 0;
  *value = strtod(number, NULL);
  *rest = text + end;
  return true;
}

bool read_seconds(const char *text, void *to, struct why_error *wrong) {
  static const struct {
    const char *name;
    double seconds;
  } unit[] = {{"", 1}, {"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"min", 60}, {"h", 3600}};
  double value;
  const char *rest;
  if (decimal(text, &value, &rest) && value > 0)
    for (size_t i = 0; i < sizeof unit / sizeof unit[0]; i++)
      if (!strcmp(rest, unit[i].name)) {
        *(double *)to = value * unit[i].seconds;
        return true;
      }
  return wrong_text(wrong, "a time above 0 is wanted, in seconds or with us, ms, s, min, h");
}

bool read_percent(const char *text, void *to, struct why_error *wrong) {
  char *end;
  double value = strtod(text, &end);
  bool well = end != text && value > 0 && value <= 100 && (!*end || !strcmp(end, "%"));
  if (well) *(double *)to = value / 100;
  return well || wrong_text(wrong, "expected a percentage above 0, such as 5");
}

bool read_bytes(const char *text, void *to, struct why_error *wrong) {
  static const struct {
    const char *name;
    int shift;
  } unit[] = {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}, {"PiB", 50}};
  const char *right = "a size is wanted: a number of bytes, or one with KiB, MiB, GiB or TiB";
  double value;
  const char *rest;
  if (!decimal(text, &value, &rest)) return wrong_text(wrong, right);
  for (size_t i = 0; i < sizeof unit / sizeof unit[0]; i++) {
    if (strcmp(rest, unit[i].name) != 0) continue;
    uint64_t number;
    char digits[64];
    snprintf(digits, sizeof digits, "%.*s", (int)(rest - text), text);
    if (whole(digits, UINT64_MAX >> unit[i].shift, &number)) {
      *(uint64_t *)to = number << unit[i].shift; // exact beyond 2^53 too
      return true;
    }
    double bytes = ldexp(value, unit[i].shift);
    if (!strchr(digits, '.') || bytes >= 0x1p63)
      return wrong_text(wrong, "a size must stay under 2^64 bytes");
    if (unit[i].shift == 0) return wrong_text(wrong, "a number of bytes has no fraction");
    *(uint64_t *)to = (uint64_t)bytes;
    return true;
  }
  // Somebody who writes GB may mean either.
  const char *prefix = "kKmMgGtT", *at = *rest ? strchr(prefix, *rest) : NULL;
  if (at && (!strcmp(rest + 1, "B") || !rest[1])) {
    snprintf(wrong->text, sizeof wrong->text, "write %.*s%ciB", (int)(rest - text), text,
             toupper((unsigned char)*rest));
    return false;
  }
  return wrong_text(wrong, right);
}

bool read_amount(const char *text, void *to, struct why_error *wrong) {
  struct amount amount = {.bytes = WHY_UNLIMITED};
  double percent;
  const char *rest;
  if (!strcmp(text, "none")) {
    *(struct amount *)to = amount;
    return true;
  }
  if (decimal(text, &percent, &rest) && !strcmp(rest, "%")) {
    if (percent <= 0 || percent > 100)
      return wrong_text(wrong, "a share is above 0% and at most 100%");
    *(struct amount *)to = (struct amount){.share = percent / 100};
    return true;
  }
  if (!read_bytes(text, &amount.bytes, wrong)) {
    size_t used = strlen(wrong->text);
    snprintf(wrong->text + used, sizeof wrong->text - used, ", a share such as 50%%, or none");
    return false;
  }
  *(struct amount *)to = amount;
  return true;
}

uint64_t amount_bytes(const struct amount *amount, uint64_t whole_bytes) {
  return amount->share > 0 ? (uint64_t)(amount->share * (double)whole_bytes) : amount->bytes;
}

// ---- names ------------------------------------------------------------------------------------

enum { NAME = 48 };

// Levenshtein's distance, letters of either case alike; names beyond NAME are cut.
static int distance(const char *a, const char *b) {
  int row[NAME + 1];
  int m = (int)strnlen(a, NAME), n = (int)strnlen(b, NAME);
  for (int j = 0; j <= n; j++) row[j] = j;
  for (int i = 1; i <= m; i++) {
    int corner = row[0];
    row[0] = i;
    for (int j = 1; j <= n; j++) {
      int same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
      int best = corner + !same;
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      corner = row[j];
      row[j] = best;
    }
  }
  return row[n];
}

void nearest(const char *word, const char *const *choice, int choices, char *out, size_t size) {
  int best = -1, least = 0;
  for (int i = 0; i < choices; i++) {
    int far = distance(word, choice[i]);
    if (*word && !strncasecmp(word, choice[i], strlen(word))) far = 0; // a beginning
    if (best < 0 || far < least) best = i, least = far;
  }
  if (best < 0) {
    snprintf(out, size, "there is none");
    return;
  }
  int length = (int)strlen(word);
  if (least <= (length < 3 ? 1 : length / 2) && least < (int)strlen(choice[best])) {
    snprintf(out, size, "did you mean %s?", choice[best]);
    return;
  }
  size_t used = (size_t)snprintf(out, size, "one of ");
  for (int i = 0; i < choices && used < size; i++)
    used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", choice[i]);
}
