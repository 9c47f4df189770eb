// A diagnosis as text, for a person in trouble.
#include "doctor_command.h"
#include <string.h>

enum { WIDTH = 80, LABEL = 18 };

// ---- words -------------------------------------------------------------------------------------

enum look { PLAIN, BOLD, RED, GREEN, YELLOW, FAINT };
static const char *begin(bool colour, enum look look) {
  static const char *const code[] = {"",         "\033[1m",  "\033[1;31m",
                                     "\033[32m", "\033[33m", "\033[2m"};
  return colour ? code[look] : "";
}
static const char *end(bool colour, enum look look) {
  return colour && look ? "\033[0m" : "";
}

// Columns that a word takes: bytes that begin a character. What could move a terminal's cursor is
// written as a question mark.
static int put_word(FILE *f, const char *word, size_t length) {
  int columns = 0;
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)word[i];
    columns += (c & 0xc0) != 0x80;
    putc(c < ' ' || c == 0x7f ? '?' : c, f);
  }
  return columns;
}

static int word_columns(const char *word, size_t length) {
  int columns = 0;
  for (size_t i = 0; i < length; i++) columns += ((unsigned char)word[i] & 0xc0) != 0x80;
  return columns;
}

// Text from this column on, wrapped between words, lines after the first indented to `indent`. A
// blank comes first where the line has gone further than that. The line ends.
static void wrap(FILE *f, int column, int indent, const char *text) {
  while (*(text += strspn(text, " \t\n"))) {
    size_t length = strcspn(text, " \t\n");
    int columns = word_columns(text, length);
    if (column > indent && column + 1 + columns > WIDTH) {
      fprintf(f, "\n%*s", indent, "");
      column = indent;
    } else if (column > indent) {
      putc(' ', f);
      column++;
    }
    column += put_word(f, text, length);
    text += length;
  }
  putc('\n', f);
}

static void item(FILE *f, const char *label, const char *text) {
  if (!*text) return;
  fprintf(f, "  %-9s", label);
  wrap(f, 11, 11, text);
}

// ---- parts -------------------------------------------------------------------------------------

static void headline(FILE *f, const struct why_diagnosis *d, bool colour) {
  static const struct {
    enum look look;
    const char *before, *after;
  } row[] = {[WHY_GPU_USED] = {GREEN, "Nothing keeps ", " from using the GPU."},
             [WHY_GPU_UNUSED] = {RED, "", " does not use the GPU."},
             [WHY_GPU_UNKNOWN] = {YELLOW, "It cannot be told whether ", " uses the GPU."}};
  char text[256];
  snprintf(text, sizeof text, "%s%.150s%s", row[d->verdict].before, d->subject,
           row[d->verdict].after);
  fputs(begin(colour, row[d->verdict].look), f);
  wrap(f, 0, 0, text);
  fputs(end(colour, row[d->verdict].look), f);
}

// A cause's own words name no framework: the one that was asked about is put in, or none where that
// is this program itself.
static void check_item(FILE *f, const char *check, const char *asked) {
  static const char option[] = " --framework NAME";
  const char *at = strstr(check, option);
  bool self = !strcmp(asked, why_framework_name(0));
  char text[512];
  if (at)
    snprintf(text, sizeof text, "%.*s%s%s%s", (int)(at - check), check, self ? "" : " --framework ",
             self ? "" : asked, at + sizeof option - 1);
  item(f, "check it", at ? text : check);
}

static void cause_whole(FILE *f, const struct why_finding *found, const char *asked, bool colour) {
  fprintf(f, "\n%s%s%s:", begin(colour, BOLD), found->cause->id, end(colour, BOLD));
  wrap(f, (int)strlen(found->cause->id) + 1, 2, found->cause->sentence);
  if (!found->evidences) item(f, "found", found->why);
  item(f, "needed", found->need);
  item(f, "there is", found->have);
  for (int i = 0; i < found->evidences; i++) {
    fprintf(f, "  %-9s", i ? "" : "evidence");
    int column = 11 + put_word(f, found->evidence[i].path, strlen(found->evidence[i].path));
    putc(':', f);
    wrap(f, column + 1, 13, found->evidence[i].text);
  }
  item(f, "fix", found->fix);
  check_item(f, found->cause->check, asked);
}

// The finding that stands for a level: the worst one, the earliest of those.
static const struct why_finding *of_level(const struct why_diagnosis *d, enum why_level level) {
  static const int badness[] = {
      [WHY_RESULT_NA] = 0, [WHY_RESULT_OK] = 1, [WHY_RESULT_UNKNOWN] = 3, [WHY_RESULT_FAIL] = 4};
  const struct why_finding *worst = NULL;
  int most = -1;
  for (int i = 0; i < d->checks; i++) {
    const struct why_finding *c = &d->check[i];
    if (c->cause->level != level) continue;
    int bad = c->cause->warns ? c->result == WHY_RESULT_FAIL ? 2 : 0 : badness[c->result];
    if (bad > most) {
      worst = c;
      most = bad;
    }
  }
  return worst;
}

static void chain(FILE *f, const struct why_diagnosis *d, bool colour) {
  static const struct {
    const char *mark;
    enum look look;
  } row[] = {[WHY_RESULT_OK] = {"ok", GREEN},
             [WHY_RESULT_FAIL] = {"NO", RED},
             [WHY_RESULT_UNKNOWN] = {"??", YELLOW},
             [WHY_RESULT_NA] = {"--", FAINT}};
  fputs("\nThe chain\n", f);
  for (int i = 0; i < WHY_LEVEL_COUNT; i++) {
    const struct why_finding *c = of_level(d, (enum why_level)i);
    bool warns = c->cause->warns && c->result == WHY_RESULT_FAIL;
    enum look look = warns ? YELLOW : row[c->result].look;
    fprintf(f, "  %s%s%s  %-*s", begin(colour, look), warns ? "!!" : row[c->result].mark,
            end(colour, look), LABEL, why_level_name((enum why_level)i));
    wrap(f, 6 + LABEL, 6 + LABEL, c->why);
  }
}

static void further(FILE *f, const struct why_diagnosis *d) {
  const char *heading = "\nFollows from it, or is a further problem\n";
  if (d->verdict != WHY_GPU_UNUSED)
    heading = "\nFound, though it may follow from what is not known\n";
  for (int i = 0; i < d->founds; i++) {
    const struct why_finding *found = &d->check[d->found[i]];
    if (found->root || found->cause->warns) continue;
    fprintf(f, "%s  %s:", heading, found->cause->id);
    wrap(f, (int)strlen(found->cause->id) + 3, 4, found->why);
    heading = "";
  }
  heading = "\nTo keep in mind\n";
  for (int i = 0; i < d->founds; i++) {
    const struct why_finding *found = &d->check[d->found[i]];
    if (!found->cause->warns) continue;
    fprintf(f, "%s  %s:", heading, found->cause->id);
    wrap(f, (int)strlen(found->cause->id) + 3, 4, found->why);
    item(f, "", found->fix);
    heading = "";
  }
}

// What is missing to tell, each thing once.
static void untold(FILE *f, const struct why_diagnosis *d) {
  const char *heading = "\nMissing to tell\n";
  for (int i = 0; i < d->checks; i++) {
    bool said = d->check[i].result != WHY_RESULT_UNKNOWN || d->check[i].cause->warns;
    for (int j = 0; j < i && !said; j++)
      said = d->check[j].result == WHY_RESULT_UNKNOWN && !strcmp(d->check[j].why, d->check[i].why);
    if (said) continue;
    fprintf(f, "%s  ", heading);
    wrap(f, 2, 2, d->check[i].why);
    heading = "";
  }
}

void doctor_text(FILE *f, const struct why_diagnosis *d, bool colour) {
  headline(f, d, colour);
  for (int i = 0; i < d->founds; i++)
    if (d->check[d->found[i]].root) cause_whole(f, &d->check[d->found[i]], d->asked, colour);
  if (d->verdict == WHY_GPU_UNKNOWN) untold(f, d);
  chain(f, d, colour);
  further(f, d);
}

void doctor_explain(FILE *f, const struct why_cause *cause, bool colour) {
  fprintf(f, "%s%s%s:", begin(colour, BOLD), cause->id, end(colour, BOLD));
  wrap(f, (int)strlen(cause->id) + 1, 2, cause->sentence);
  item(f, "level", why_level_name(cause->level));
  item(f, "prints", cause->log);
  item(f, "proof", cause->proof);
  item(f, "fix", cause->fix);
  item(f, "check it", cause->check);
  if (cause->warns) item(f, "note", "a warning: the GPU is used all the same");
}
