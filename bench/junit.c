// JUnit XML. See junit.h.
#include "junit.h"
#include "table.h"
#include <stdbool.h>

void xml_string(FILE *file, const char *text) {
  static const char *const escape[128] = {
      ['&'] = "&amp;",   ['<'] = "&lt;",   ['>'] = "&gt;",   ['"'] = "&quot;",
      ['\''] = "&apos;", ['\n'] = "&#10;", ['\r'] = "&#13;", ['\t'] = "&#9;"};
  static const char unknown[] = "\xef\xbf\xbd"; // U+FFFD
  putc('"', file);
  for (const char *c = text; *c;) {
    unsigned char first = (unsigned char)*c;
    int length = utf8_length(c);
    // U+FFFE and U+FFFF are UTF-8 and no XML.
    bool held = length && (first >= 0x20 || escape[first]) && first != 0x7f &&
                !(first == 0xef && (unsigned char)c[1] == 0xbf && (unsigned char)c[2] >= 0xbe);
    if (!held)
      fputs(unknown, file);
    else if (first < 0x80 && escape[first])
      fputs(escape[first], file);
    else
      fwrite(c, 1, (size_t)length, file);
    c += length ? length : 1;
  }
  putc('"', file);
}

static void attribute(FILE *file, const char *name, const char *value) {
  fprintf(file, " %s=", name);
  xml_string(file, value);
}

void junit_begin(FILE *file, const char *suite, int64_t tests, int64_t failures, int64_t skipped) {
  fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite", file);
  attribute(file, "name", suite);
  fprintf(file, " tests=\"%lld\" failures=\"%lld\" errors=\"0\" skipped=\"%lld\">\n",
          (long long)tests, (long long)failures, (long long)skipped);
}

void junit_case(FILE *file, const char *group, const char *name, enum junit_result result,
                const char *type, const char *message) {
  fputs("  <testcase", file);
  attribute(file, "classname", group);
  attribute(file, "name", name);
  if (result == JUNIT_PASSED) {
    fputs("/>\n", file);
    return;
  }
  fputs(result == JUNIT_FAILED ? "><failure" : "><skipped", file);
  if (result == JUNIT_FAILED) attribute(file, "type", type);
  attribute(file, "message", message);
  fputs("/></testcase>\n", file);
}

void junit_end(FILE *file) {
  fputs("</testsuite>\n", file);
}
