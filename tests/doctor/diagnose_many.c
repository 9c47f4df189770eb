// Diagnoses many snapshots in one process, for tests of hundreds: a line each of standard input,
// DIR, FRAMEWORK, PYTHON and PROGRAM with tabs between; a line of JSON each of standard output.
#include "diagnose.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void text(const char *s) {
  putchar('"');
  for (; *s; s++) {
    if (*s == '"' || *s == '\\') putchar('\\');
    if ((unsigned char)*s >= 0x20) putchar(*s);
  }
  putchar('"');
}

static void print(const struct why_diagnosis *d) {
  printf("{\"verdict\": \"%s\", \"roots\": [", why_verdict_name(d->verdict));
  const char *comma = "";
  for (int i = 0; i < d->founds; i++) {
    const struct why_finding *f = &d->check[d->found[i]];
    if (!f->root) continue;
    printf("%s\"%s\"", comma, f->cause->id);
    comma = ", ";
  }
  printf("], \"found\": [");
  for (int i = 0; i < d->founds; i++) {
    const struct why_finding *f = &d->check[d->found[i]];
    printf("%s{\"id\": \"%s\", \"why\": ", i ? ", " : "", f->cause->id);
    text(f->why);
    printf("}");
  }
  printf("], \"unknown\": [");
  comma = "";
  for (int i = 0; i < d->checks; i++) {
    if (d->check[i].result != WHY_RESULT_UNKNOWN) continue;
    printf("%s{\"id\": \"%s\", \"why\": ", comma, d->check[i].cause->id);
    text(d->check[i].why);
    printf("}");
    comma = ", ";
  }
  printf("]}\n");
}

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "--without")) {
    diagnose_without = argv[2];
  } else if (argc != 1) {
    fprintf(stderr, "usage: diagnose_many [--without CAUSE] <LINES\n");
    return 2;
  }
  static char line[8192];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    char *part[4] = {line, "", "", ""};
    char *at = line;
    for (int i = 1; i < 4 && (at = strchr(at, '\t')); i++) {
      *at++ = 0;
      part[i] = at;
    }
    struct why_doctor asked = {.root = part[0],
                               .framework = *part[1] ? part[1] : NULL,
                               .python = *part[2] ? part[2] : NULL,
                               .program = *part[3] ? part[3] : NULL};
    struct why_diagnosis *d = NULL;
    struct why_error error = {0};
    if (why_diagnose(&asked, &d, &error) == WHY_OK) {
      print(d);
    } else {
      printf("{\"error\": ");
      text(error.text);
      printf("}\n");
    }
    why_diagnosis_free(d);
  }
  return 0;
}
